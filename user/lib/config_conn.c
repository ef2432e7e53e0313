/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of a service's connections when its backends change. */
#include <errno.h>
#include <netinet/in.h>

#include "config_internal.h"

#define IDLE_MAX 14400 /* an entry's age is 14 bits of seconds, and an entry outlives this by some */
#define IDLE 900
#define IDLE_UDP 120
#define DRAIN_MAX 604800
#define DRAIN 3600

/* Of the service's VIPs, how many are UDP? */
static size_t count_udp(const struct config_service *service)
{
	size_t count = 0;

	for (size_t i = 0; i < service->vip_count; i++)
		count += service->vips[i].proto == IPPROTO_UDP;
	return count;
}

/* Flows of which no packet says whether it begins one. */
static bool has_plain_udp(const struct config_service *service)
{
	return count_udp(service) && !config_has_quic(service);
}

/* keep is what every service has, so it may always be written out; what differs from it must have something to act on. */
static int check_udp(const struct tree_place *at, const struct config_service *service)
{
	struct tree_place udp = tree_member(at, "udp");
	const char *word = config_udp_name(service->udp);

	if (config_picks(service->algorithm, service->sticky) && has_plain_udp(service) &&
	    service->udp != CONFIG_UDP_TRACK)
		return tree_fail(&udp, "%s, but %s needs a record of each flow; expected track", word,
				 config_picking(service));
	if (service->udp == CONFIG_UDP_KEEP)
		return 0;
	if (!count_udp(service))
		return tree_fail(&udp,
				 "%s, but no VIP of the service is UDP; expected keep, or a VIP such as "
				 "192.0.2.10:443/udp",
				 word);
	if (config_has_quic(service))
		return tree_fail(&udp,
				 "%s, but the service has quic, whose connections have a beginning and are kept; "
				 "expected keep, or a service without quic",
				 word);
	return 0;
}

int config_parse_conn(const struct tree_place *at, struct config_service *out)
{
	unsigned int word =
		config_picks(out->algorithm, out->sticky) && has_plain_udp(out) ? CONFIG_UDP_TRACK : CONFIG_UDP_KEEP;

	out->idle_timeout = count_udp(out) == out->vip_count ? IDLE_UDP : IDLE;
	out->drain_timeout = DRAIN;
	if (tree_word(at, "udp", config_udp_words, &word) ||
	    tree_u32(at, "idle_timeout", 1, IDLE_MAX, &out->idle_timeout) ||
	    tree_u32(at, "drain_timeout", 0, DRAIN_MAX, &out->drain_timeout))
		return -EINVAL;
	out->udp = word;
	return check_udp(at, out);
}
