/* SPDX-License-Identifier: GPL-2.0 */
#include "edit_merge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

/* null takes a member away, so that its default holds. Values are copied: later changes edit them. */
static void merge(json_t *object, const json_t *members)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)members, key, value) {
		if (json_is_null(value))
			json_object_del(object, key);
		else
			json_object_set_new(object, key, json_deep_copy(value));
	}
}

/* Members of a tunnel that keeps its type join those it has; null, a word or another type replaces it. */
static json_t *merged_encap(const json_t *object, const json_t *value)
{
	json_t *present = json_object_get(object, "encap"), *merged;

	if (!json_is_object(value) || json_object_get(value, "type") || !present)
		return json_deep_copy(value);
	merged = json_is_object(present) ? json_deep_copy(present) : json_pack("{s:O}", "type", present);
	merge(merged, value);
	return merged;
}

void edit_merge(json_t *object, const json_t *members)
{
	const json_t *encap = json_object_get(members, "encap");
	json_t *all = json_copy((json_t *)members);

	if (encap)
		json_object_set_new(all, "encap", merged_encap(object, encap));
	merge(object, all);
	json_decref(all);
}

/* What the new type of check has no use for, or takes for something else, goes away with the old type. */
void edit_merge_check(json_t *service, const json_t *members)
{
	json_t *check = json_object_get(service, "check"), *value;
	const char *type = json_string_value(json_object_get(members, "type")), *key;
	const char *present = json_string_value(json_object_get(check, "type"));
	char *before = xstrdup(present ? present : config_check_name(CONFIG_CHECK_TCP));
	void *next;

	if (!check) {
		check = json_object();
		json_object_set_new(service, "check", check);
	}
	json_object_foreach_safe(check, next, key, value)
	{
		if (type && !config_check_keeps(before, type, key))
			json_object_del(check, key);
	}
	free(before);
	merge(check, members);
}

/* A pool as a mapping; what is none is for the parser to refuse. */
static json_t *pool_of(const json_t *value)
{
	return json_is_integer(value) ? json_pack("{s:O}", "share", value) : json_deep_copy(value);
}

/* What a share does not speak of. */
static void keep_rest(json_t *pool, const json_t *present)
{
	static const char *const rest[] = {"backup", "min_healthy"};

	for (size_t i = 0; i < sizeof(rest) / sizeof(rest[0]); i++)
		if (json_object_get(present, rest[i]) && !json_object_get(pool, rest[i]))
			json_object_set(pool, rest[i], json_object_get(present, rest[i]));
}

static json_t *joined_pool(const json_t *present, const json_t *value)
{
	json_t *pool = pool_of(value), *merged;

	if (!json_is_object(pool))
		return pool;
	keep_rest(pool, present);
	merged = json_object();
	merge(merged, pool);
	json_decref(pool);
	return merged;
}

json_t *edit_join_pools(const json_t *present, const json_t *set)
{
	json_t *pools = json_object(), *value;
	const char *name;

	json_object_foreach ((json_t *)set, name, value)
		json_object_set_new(pools, name, joined_pool(json_object_get(present, name), value));
	json_object_foreach ((json_t *)present, name, value) {
		json_t *pool;

		if (json_object_get(set, name))
			continue;
		if (json_is_true(json_object_get(value, "backup"))) {
			json_object_set(pools, name, value);
		} else if (json_object_get(value, "min_healthy")) {
			pool = json_pack("{s:i}", "share", 0);
			keep_rest(pool, value);
			json_object_set_new(pools, name, pool);
		}
	}
	return pools;
}

void edit_merge_pool(json_t *service, const char *name, const json_t *set)
{
	json_t *pools = json_object_get(service, "pools"), *pool;

	if (!json_is_object(pools)) {
		pools = json_pack("{s:{s:i}}", CONFIG_POOL_DEFAULT, "share", 100);
		json_object_set_new(service, "pools", pools);
	}
	pool = pool_of(json_object_get(pools, name));
	if (!json_is_object(pool)) {
		json_decref(pool);
		pool = json_object();
	}
	merge(pool, set);
	json_object_set_new(pools, name, pool);
}

int edit_delete_pool(json_t *service, const char *name)
{
	json_t *pools = json_object_get(service, "pools");

	if (json_object_del(pools, name))
		return -ENOENT;
	if (!json_object_size(pools))
		json_object_del(service, "pools");
	return 0;
}
