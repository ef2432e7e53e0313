/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pools of a service: which share of its new connections each has. Sources that are sent to a pool (config_sources.c) are not of
 * these; a pool may have both. Without shares the default pool has everything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "suggest.h"
#include "xalloc.h"

#define SHARE_MAX 65535
#define SHARE_DEFAULT 100 /* of the default pool, where none are given */

static int parse_members(const struct tree_place *at, struct config_pool *pool)
{
	static const char *const keys[] = {"share", "backup", "min_healthy", NULL};
	struct tree_place share = tree_member(at, "share"), min = tree_member(at, "min_healthy");

	if (tree_object(at, keys) || tree_bool(at, "backup", &pool->backup))
		return -EINVAL;
	if (pool->backup)
		pool->share = SHARE_DEFAULT;
	else if (!share.value)
		return tree_refuse(&share, "a share", "0 to 65535, or backup: true");
	if (tree_u32(at, "share", 0, SHARE_MAX, &pool->share) || config_parse_min_healthy(at, &pool->min_healthy))
		return -EINVAL;
	if (pool->backup && pool->min_healthy.least)
		return tree_fail(&min, "of a backup pool, behind which nobody serves; expected it of other pools");
	return 0;
}

static int parse_share(const struct tree_place *pools, struct config_pool *pool)
{
	struct tree_place at = tree_member(pools, pool->name);

	if (json_is_object(at.value))
		return parse_members(&at, pool);
	return tree_u32(pools, pool->name, 0, SHARE_MAX, &pool->share);
}

static int parse_pool(const struct tree_place *pools, const char *name, struct config_pool *pool)
{
	struct tree_place at = tree_member(pools, name);

	if (!config_is_name(name, sizeof(pool->name)))
		return tree_fail(&at, "not a pool's name; expected " CONFIG_POOL_WORDS);
	strcpy(pool->name, name);
	return parse_share(pools, pool);
}

static int compare_pools(const void *a, const void *b)
{
	return strcmp(((const struct config_pool *)a)->name, ((const struct config_pool *)b)->name);
}

/* Where only backups are named, the others are in the default pool. */
static void add_default(struct config_service *out)
{
	bool others = false;

	for (size_t i = 0; i < out->pool_count; i++)
		others |= !out->pools[i].backup || !strcmp(out->pools[i].name, CONFIG_POOL_DEFAULT);
	if (others || !out->pool_count)
		return;
	strcpy(out->pools[out->pool_count].name, CONFIG_POOL_DEFAULT);
	out->pools[out->pool_count++].share = SHARE_DEFAULT;
}

static uint64_t sum_shares(const struct config_service *service)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service->pool_count; i++)
		sum += service->pools[i].backup ? 0 : service->pools[i].share;
	return sum;
}

/* In the order of their names, whatever the file's is. */
int config_parse_pools(const struct tree_place *service, struct config_service *out)
{
	struct tree_place pools = tree_member(service, "pools");
	const char *name;
	json_t *value;

	if (!pools.value)
		return 0;
	if (!json_is_object(pools.value))
		return tree_refuse(&pools, "a mapping",
				   "names of pools, each with its share, such as {blue: 80, green: 20}");
	out->pools = xcalloc(json_object_size(pools.value) + 1, sizeof(*out->pools));
	json_object_foreach ((json_t *)pools.value, name, value)
		if (parse_pool(&pools, name, &out->pools[out->pool_count++]))
			return -EINVAL;
	add_default(out);
	if (!sum_shares(out))
		return tree_fail(&pools, "no pool has a share, so that nobody would be served; expected one above 0%s",
				 config_has_backup(out) ? " that is no backup" : "");
	qsort(out->pools, out->pool_count, sizeof(*out->pools), compare_pools);
	return 0;
}

static json_t *pool_to_json(const struct config_pool *pool)
{
	json_t *object = json_pack("{s:I}", "share", (json_int_t)pool->share);

	if (pool->backup)
		json_object_set_new(object, "backup", json_true());
	if (pool->min_healthy.given)
		json_object_set_new(object, "min_healthy", config_min_healthy_to_json(&pool->min_healthy));
	return object;
}

json_t *config_pools_to_json(const struct config_service *service)
{
	json_t *pools = json_object();

	for (size_t i = 0; i < service->pool_count; i++)
		json_object_set_new(pools, service->pools[i].name, pool_to_json(&service->pools[i]));
	return pools;
}

const struct config_pool *config_find_pool(const struct config_service *service, const char *pool)
{
	for (size_t i = 0; i < service->pool_count; i++)
		if (!strcmp(service->pools[i].name, pool))
			return &service->pools[i];
	return NULL;
}

bool config_has_backup(const struct config_service *service)
{
	for (size_t i = 0; i < service->pool_count; i++)
		if (service->pools[i].backup)
			return true;
	return false;
}

bool config_is_backup(const struct config_service *service, const char *pool)
{
	const struct config_pool *found = config_find_pool(service, pool);

	return found && found->backup;
}

struct config_min_healthy config_min_healthy_of(const struct config_service *service, const char *pool)
{
	const struct config_pool *found = config_find_pool(service, pool);

	return found && found->min_healthy.given ? found->min_healthy : service->min_healthy;
}

uint32_t config_share_of(const struct config_service *service, const char *pool)
{
	const struct config_pool *found = config_find_pool(service, pool);

	if (found)
		return found->share;
	return service->pool_count || strcmp(pool, CONFIG_POOL_DEFAULT) != 0 ? 0 : SHARE_DEFAULT;
}

bool config_is_pinned(const struct config_service *service, const struct config_backend *backend)
{
	for (size_t i = 0; i < config_sources_pools(service->sources); i++)
		if (!strcmp(service->sources->pools[i].name, backend->pool))
			return true;
	return false;
}

size_t config_destinations(const struct config_service *service)
{
	size_t count = service->backend_count;

	for (size_t i = 0; service->pool_count && i < service->backend_count; i++)
		count += config_is_pinned(service, &service->backends[i]);
	return count;
}

static bool has_pool(const struct config_service *service, const char *pool)
{
	for (size_t i = 0; i < service->backend_count; i++)
		if (!strcmp(service->backends[i].pool, pool))
			return true;
	return false;
}

/* A name that is mistyped would shut its sources out, or give its share to others. */
static int check_pool(const struct config_service *service, const struct tree_place *pools, const char *pool)
{
	struct tree_place place = tree_member(pools, pool);
	struct suggest near = {.word = pool};
	char text[SUGGEST_TEXT];

	if (has_pool(service, pool) || config_discovers(service)) /* whose backends come and go */
		return 0;
	for (size_t i = 0; i < service->backend_count; i++)
		suggest_offer(&near, service->backends[i].pool);
	return tree_fail(&place, "no backend of service \"%s\" is in pool \"%s\"%s; expected one with `pool: %s`",
			 service->name, pool, suggest_text(&near, text), pool);
}

/* A list to pick from has the backends of one pool, or the shares of the ring would not hold; another may be the backup. */
static bool may_pick(const struct config_service *service)
{
	size_t shares[2] = {0};

	for (size_t i = 0; i < service->pool_count; i++)
		shares[service->pools[i].backup] += service->pools[i].share > 0;
	return shares[false] <= 1 && shares[true] <= 1;
}

static int check_algorithm(const struct config_service *service, const struct tree_place *pools)
{
	if ((service->algorithm != CONFIG_ALGORITHM_ROUND_ROBIN && service->algorithm != CONFIG_ALGORITHM_LEAST) ||
	    may_pick(service))
		return 0;
	return tree_fail(pools,
			 "shares are of the ring, and algorithm %s does not go by it; expected another algorithm, or "
			 "one pool with a share, and at most one backup",
			 config_algorithm_name(service->algorithm));
}

int config_check_pools(const struct config_service *service, const struct tree_place *at)
{
	struct tree_place sources = tree_member(at, "sources"), pinned = tree_member(&sources, "pools");
	struct tree_place shared = tree_member(at, "pools");
	struct tree_place on_demand = tree_member(at, "on_demand"), sleeping = tree_member(&on_demand, "pools");

	for (size_t i = 0; i < config_sources_pools(service->sources); i++)
		if (check_pool(service, &pinned, service->sources->pools[i].name))
			return -EINVAL;
	for (size_t i = 0; i < service->pool_count; i++)
		if (check_pool(service, &shared, service->pools[i].name))
			return -EINVAL;
	for (size_t i = 0; i < service->demand_count; i++)
		if (service->demands[i].pool[0] && check_pool(service, &sleeping, service->demands[i].pool))
			return -EINVAL;
	return check_algorithm(service, &shared);
}
