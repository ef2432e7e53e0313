/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a service chooses backends for new connections. source-hash is the ring by the client's address, and so has its part in `hash`; the others but
 * maglev need an entry of the connection table for each connection, since nothing else could tell where it went.
 */
#include <errno.h>
#include <netinet/in.h>

#include "config_internal.h"

bool config_picks(enum config_algorithm algorithm, uint32_t sticky)
{
	return sticky || algorithm == CONFIG_ALGORITHM_ROUND_ROBIN || algorithm == CONFIG_ALGORITHM_LEAST;
}

static bool picks(const struct config_service *service)
{
	return config_picks(service->algorithm, service->sticky);
}

const char *config_picking(const struct config_service *service)
{
	static const char *const names[] = {
		[CONFIG_ALGORITHM_MAGLEV] = "sticky",
		[CONFIG_ALGORITHM_SOURCE_HASH] = "sticky",
		[CONFIG_ALGORITHM_ROUND_ROBIN] = "algorithm round-robin",
		[CONFIG_ALGORITHM_LEAST] = "algorithm least-connections",
	};

	return names[service->algorithm];
}

static int check_hash(const struct tree_place *at, const struct config_service *service)
{
	struct tree_place hash = tree_member(at, "hash");
	const char *inputs = config_hash_name(service->hash.inputs);
	bool by_source = service->hash.inputs == CONFIG_HASH_SOURCE;

	if (service->algorithm == CONFIG_ALGORITHM_SOURCE_HASH && !by_source)
		return tree_fail(&hash, "%s, but algorithm source-hash is by the source; expected source, or no hash",
				 inputs);
	if (service->algorithm == CONFIG_ALGORITHM_MAGLEV && by_source)
		return tree_fail(&hash, "source is algorithm source-hash; expected that, or another hash");
	if (picks(service) && service->hash.inputs != CONFIG_HASH_5_TUPLE)
		return tree_fail(&hash, "%s, but %s chooses for each connection; expected 5-tuple, or no hash", inputs,
				 config_picking(service));
	return 0;
}

int config_parse_algorithm(const struct tree_place *at, struct config_service *out)
{
	bool by_source = out->hash.inputs == CONFIG_HASH_SOURCE;
	unsigned int word = by_source ? CONFIG_ALGORITHM_SOURCE_HASH : CONFIG_ALGORITHM_MAGLEV;

	if (tree_word(at, "algorithm", config_algorithm_words, &word))
		return -EINVAL;
	out->algorithm = word;
	if (word == CONFIG_ALGORITHM_SOURCE_HASH && !tree_member(at, "hash").value)
		out->hash.inputs = CONFIG_HASH_SOURCE;
	if (tree_u32(at, "sticky", 0, SHUNT_IDLE_MAX, &out->sticky))
		return -EINVAL;
	if (out->sticky && word == CONFIG_ALGORITHM_SOURCE_HASH) {
		struct tree_place sticky = tree_member(at, "sticky");

		return tree_fail(&sticky,
				 "%u, but with algorithm source-hash a client has one backend anyway; expected 0, "
				 "or another algorithm",
				 out->sticky);
	}
	return check_hash(at, out);
}
