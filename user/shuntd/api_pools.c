/* SPDX-License-Identifier: GPL-2.0 */
/* The pools of a service, as JSON: what share each was given, what it has of the ring and of backends, and which of them serve. */
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "api_internal.h"
#include "serving.h"

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

static json_t *pool_json(const struct daemon *d, const struct config_service *service, const char *name,
			 const struct pool_sums *sums)
{
	const struct model_service *model = model_find(d->model, service->name);
	const struct model_standing *standing = model ? serving_find(model, name) : NULL;
	struct config_min_healthy min = config_min_healthy_of(service, name);
	bool backup = config_is_backup(service, name);
	json_t *pool = json_pack("{s:I, s:b, s:I, s:{s:I, s:I}, s:I, s:s}", "share",
				 (json_int_t)config_share_of(service, name), "backup", backup, "slots",
				 (json_int_t)sums->slots, "backends", "up", (json_int_t)sums->up, "total",
				 (json_int_t)sums->total, "sources", (json_int_t)count_sources(service->sources, name),
				 "state", model ? serving_state(model, standing) : "unused");

	if (min.least && !backup)
		json_object_set_new(pool, "min_healthy", config_min_healthy_to_json(&min));
	return pool;
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
		json_object_set_new(pools, name, pool_json(d, service, name, &sums));
	}
	free(slots);
	return pools;
}

json_t *api_serving_json(const struct daemon *d, const struct config_service *service)
{
	const struct model_service *model = model_find(d->model, service->name);
	char why[SERVING_TEXT];

	return model ? json_pack("{s:s, s:s}", "rule", model_rule_name(model->rule), "why", serving_why(model, why))
		     : json_null();
}
