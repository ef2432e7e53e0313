/* SPDX-License-Identifier: GPL-2.0 */
/* The pools of a service, as JSON: what share each was given, and what it has of the ring and of backends. */
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "api_internal.h"

struct pool_sums {
	uint32_t slots;
	size_t up, total;
};

/* Of all backends of the pool. answers: theirs. */
static struct pool_sums sum_pool(const struct config_service *service, const char *pool, const json_t *answers,
				 const uint32_t *slots)
{
	const char *up = backend_state_name(BACKEND_UP);
	struct pool_sums sums = {0};

	for (size_t i = 0; i < service->backend_count; i++) {
		const char *state = json_string_value(json_object_get(json_array_get(answers, i), "state"));

		if (strcmp(service->backends[i].pool, pool) != 0)
			continue;
		sums.slots += slots[i];
		sums.up += state && !strcmp(state, up);
		sums.total++;
	}
	return sums;
}

static size_t count_sources(const struct config_sources *sources, const char *pool)
{
	for (size_t i = 0; i < config_sources_pools(sources); i++)
		if (!strcmp(sources->pools[i].name, pool))
			return sources->pools[i].count;
	return 0;
}

json_t *api_pools_json(const struct daemon *d, const struct config_service *service, const json_t *answers)
{
	uint32_t *slots = xcalloc(service->backend_count + 1, sizeof(*slots));
	json_t *pools = json_object();

	datapath_own_slots(d->dp, service, slots);
	for (size_t i = 0; i < service->backend_count; i++) {
		const char *name = service->backends[i].pool;
		struct pool_sums sums;

		if (json_object_get(pools, name))
			continue;
		sums = sum_pool(service, name, answers, slots);
		json_object_set_new(pools, name,
				    json_pack("{s:I, s:I, s:{s:I, s:I}, s:I}", "share",
					      (json_int_t)config_share_of(service, name), "slots",
					      (json_int_t)sums.slots, "backends", "up", (json_int_t)sums.up, "total",
					      (json_int_t)sums.total, "sources",
					      (json_int_t)count_sources(service->sources, name)));
	}
	free(slots);
	return pools;
}
