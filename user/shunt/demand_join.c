/* SPDX-License-Identifier: GPL-2.0 */
#include <stdbool.h>
#include <string.h>

#include "demand_join.h"

static json_t *joined_member(const json_t *present, const json_t *value)
{
	json_t *hook;

	if (!json_is_object(value) || json_object_get(value, "command") || json_object_get(value, "url") || !present)
		return json_deep_copy(value);
	hook = json_deep_copy(present);
	json_object_update(hook, (json_t *)value);
	return hook;
}

json_t *demand_join(const json_t *present, const json_t *set)
{
	json_t *demand, *value;
	const char *key;

	if (json_is_null(set))
		return json_null();
	demand = json_is_object(present) ? json_deep_copy(present) : json_object();
	json_object_foreach ((json_t *)set, key, value) {
		if (json_is_null(value))
			json_object_del(demand, key);
		else
			json_object_set_new(demand, key, joined_member(json_object_get(demand, key), value));
	}
	return demand;
}

json_t *demand_join_pool(const json_t *present, const char *pool, const json_t *set)
{
	const json_t *others = json_object_get(present, "pools");
	json_t *pools = others ? json_deep_copy(others) : json_object(), *demand;

	demand = demand_join(json_object_get(pools, pool), set);
	if (json_is_null(demand))
		json_object_del(pools, pool);
	else
		json_object_set(pools, pool, demand);
	json_decref(demand);
	if (json_object_size(pools))
		return json_pack("{s:o}", "pools", pools);
	json_decref(pools);
	return json_null();
}

bool demand_is_of_pools(const json_t *present)
{
	return json_object_get(present, "pools");
}
