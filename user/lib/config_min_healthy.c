/* SPDX-License-Identifier: GPL-2.0 */
/* How many of a pool's backends must be healthy: a number of them, or percent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"

#define COUNT_MAX 65535

/* "1%" to "100%". */
static int parse_percent(const char *text, struct config_min_healthy *min)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long percent = digits && digits <= 3 ? strtoul(text, NULL, 10) : 0;

	if (!percent || percent > 100 || strcmp(text + digits, "%") != 0)
		return -EINVAL;
	min->least = (uint16_t)percent;
	min->percent = true;
	return 0;
}

int config_parse_min_healthy(const struct tree_place *at, struct config_min_healthy *min)
{
	struct tree_place place = tree_member(at, "min_healthy");
	json_int_t count = json_integer_value(place.value);
	const char *text = json_string_value(place.value);

	if (!place.value)
		return 0;
	min->given = true;
	if (json_is_integer(place.value) && count >= 0 && count <= COUNT_MAX) {
		min->least = (uint16_t)count;
		return 0;
	}
	if (text && !parse_percent(text, min))
		return 0;
	return tree_refuse(&place, "a number of backends", "0 to 65535, or 1% to 100% of them");
}

static size_t count_backends(const struct config_service *service, const char *pool)
{
	size_t count = 0;

	for (size_t i = 0; i < service->backend_count; i++)
		count += !strcmp(service->backends[i].pool, pool);
	return count;
}

/* at: of what says it, the service or the pool. All of the pool's backends count: a drain, or a weight of 0, is taken back. */
static int check_number(const struct config_service *service, const struct tree_place *at,
			const struct config_min_healthy *min, const char *pool, const char *or_else)
{
	struct tree_place place = tree_member(at, "min_healthy");
	size_t count = min->percent || !min->least ? 0 : count_backends(service, pool);

	if (!count || min->least <= count)
		return 0;
	return tree_fail(&place,
			 "%u is more than the %zu backend%s of pool \"%s\" of service \"%s\", which would always count "
			 "as failed; expected 0 to %zu%s, or percent such as 100%%",
			 min->least, count, count == 1 ? "" : "s", pool, service->name, count, or_else);
}

/* A pool that serves nobody need not be what its service asks of those that do. */
static int check_pool(const struct config_service *service, const struct tree_place *at, const struct config_pool *pool)
{
	struct tree_place pools = tree_member(at, "pools"), place = tree_member(&pools, pool->name);

	if (pool->min_healthy.given)
		return check_number(service, &place, &pool->min_healthy, pool->name, "");
	if (pool->backup || !pool->share)
		return 0;
	return check_number(service, at, &service->min_healthy, pool->name, ", a min_healthy of the pool's own");
}

int config_check_min_healthy(const struct config_service *service, const struct tree_place *at)
{
	if (config_discovers(service)) /* whose backends come and go */
		return 0;
	if (!service->pool_count)
		return check_number(service, at, &service->min_healthy, CONFIG_POOL_DEFAULT, "");
	for (size_t i = 0; i < service->pool_count; i++)
		if (check_pool(service, at, &service->pools[i]))
			return -EINVAL;
	return 0;
}

json_t *config_min_healthy_to_json(const struct config_min_healthy *min)
{
	char text[CONFIG_MIN_HEALTHY_TEXT];

	return min->percent ? json_string(config_min_healthy_format(min, text)) : json_integer(min->least);
}

const char *config_min_healthy_format(const struct config_min_healthy *min, char buf[CONFIG_MIN_HEALTHY_TEXT])
{
	snprintf(buf, CONFIG_MIN_HEALTHY_TEXT, "%u%s", min->least, min->percent ? "%" : "");
	return buf;
}
