/* SPDX-License-Identifier: GPL-2.0 */
#include "serving.h"

#include <stdio.h>
#include <string.h>

#include "../lib/xalloc.h"

const char *model_rule_name(enum model_rule rule)
{
	static const char *const names[MODEL_RULES] = {
		[MODEL_SHARES] = "shares", [MODEL_BACKUP] = "backup", [MODEL_HEALTHY] = "healthy",
		[MODEL_PANIC] = "panic",   [MODEL_NOBODY] = "nobody",
	};

	return names[rule];
}

/* At a start nothing is known of anybody, which is no reason to believe the worst. */
static bool is_healthy(enum backend_state state)
{
	return state == BACKEND_UP || state == BACKEND_CHECKING;
}

/* Is it one that an operator wants to be used? */
static bool is_asked(const struct model_dest *dest, const struct config_backend *backend)
{
	return dest->state != BACKEND_DRAIN && dest->state != BACKEND_ASLEEP && backend->weight;
}

static bool is_below(uint32_t healthy, uint32_t asked, const struct config_min_healthy *min)
{
	return min->percent ? (uint64_t)healthy * 100 < (uint64_t)min->least * asked : healthy < min->least;
}

static void count_standing(struct model_standing *standing, const struct model_service *service,
			   const struct config_service *config)
{
	bool asleep = false;

	for (size_t i = 0; i < service->dest_count; i++) {
		enum backend_state state = service->dests[i].state;

		if (strcmp(config->backends[i].pool, standing->pool) != 0)
			continue;
		asleep |= state == BACKEND_ASLEEP;
		if (!is_asked(&service->dests[i], &config->backends[i]))
			continue;
		standing->asked++;
		standing->healthy += is_healthy(state);
		standing->used += backend_is_used(state);
	}
	if (asleep && !standing->asked) /* who sleeps has not failed: it wakes when it is needed */
		return;
	standing->failed = !standing->used || is_below(standing->healthy, standing->asked, &standing->min_healthy);
}

static void add_standing(struct model_service *service, const struct config_service *config, const char *pool)
{
	struct model_standing *standing = &service->standings[service->standing_count++];

	strcpy(standing->pool, pool);
	standing->backup = config_is_backup(config, pool);
	if (!standing->backup)
		standing->min_healthy = config_min_healthy_of(config, pool);
	count_standing(standing, service, config);
}

static void fill_standings(struct model_service *service, const struct config_service *config)
{
	service->standings = xcalloc(config->pool_count + 1, sizeof(*service->standings));
	for (size_t i = 0; i < config->pool_count; i++)
		if (config->pools[i].share)
			add_standing(service, config, config->pools[i].name);
	if (!config->pool_count)
		add_standing(service, config, CONFIG_POOL_DEFAULT);
}

/* Of all pools but backups, those with sources alone included. */
static void count_all(struct model_service *service, const struct config_service *config)
{
	for (size_t i = 0; i < service->dest_count; i++) {
		const struct config_backend *backend = &config->backends[i];

		if (!is_asked(&service->dests[i], backend) || config_is_backup(config, backend->pool))
			continue;
		service->asked++;
		service->healthy += is_healthy(service->dests[i].state);
	}
}

/* Is there a pool of this kind that has not failed? */
static bool any_serves(const struct model_service *service, bool backup)
{
	for (size_t i = 0; i < service->standing_count; i++)
		if (service->standings[i].backup == backup && !service->standings[i].failed)
			return true;
	return false;
}

static bool any_is_used(const struct model_service *service)
{
	for (size_t i = 0; i < service->standing_count; i++)
		if (service->standings[i].used)
			return true;
	return false;
}

static bool any_is_healthy(const struct model_service *service)
{
	for (size_t i = 0; i < service->standing_count; i++)
		if (service->standings[i].healthy)
			return true;
	return false;
}

/* Nobody, while somebody's first check goes on, is no finding. */
static enum model_rule find_rule(const struct model_service *service, bool too_few)
{
	if (any_serves(service, false))
		return MODEL_SHARES;
	if (any_serves(service, true))
		return MODEL_BACKUP;
	if (too_few)
		return MODEL_PANIC;
	if (any_is_used(service))
		return MODEL_HEALTHY;
	return any_is_healthy(service) ? MODEL_SHARES : MODEL_NOBODY;
}

/*
 * When nearly all checks fail, the checks may be what is broken, or the few that are left may not bear what all had. Then whoever can
 * be reached is used; not who was drained, nor backups, which had their chance.
 */
static void use_all(struct model_service *service, const struct config_service *config)
{
	for (size_t i = 0; i < service->dest_count; i++) {
		enum backend_state *state = &service->dests[i].state;

		if ((*state == BACKEND_CHECKING || *state == BACKEND_DOWN) &&
		    !config_is_backup(config, config->backends[i].pool))
			*state = BACKEND_PANIC;
	}
}

void serving_judge(struct model_service *service, const struct config_service *config)
{
	bool too_few;

	count_all(service, config);
	fill_standings(service, config);
	too_few = (uint64_t)service->healthy * 100 < (uint64_t)config->panic * service->asked;
	for (size_t i = 0; too_few && i < service->standing_count; i++)
		service->standings[i].failed |= !service->standings[i].backup;
	service->rule = find_rule(service, too_few);
	if (service->rule == MODEL_PANIC)
		use_all(service, config);
}

const struct model_standing *serving_find(const struct model_service *service, const char *pool)
{
	for (size_t i = 0; i < service->standing_count; i++)
		if (!strcmp(service->standings[i].pool, pool))
			return &service->standings[i];
	return NULL;
}

bool serving_has_failed(const struct model_service *service, const char *pool)
{
	const struct model_standing *standing = serving_find(service, pool);

	return service->rule == MODEL_SHARES && standing && standing->failed;
}

static bool is_serving(const struct model_service *service, const struct model_standing *standing)
{
	switch (service->rule) {
	case MODEL_SHARES:
		return !standing->backup && !standing->failed && standing->used;
	case MODEL_BACKUP:
		return standing->backup && !standing->failed && standing->used;
	case MODEL_HEALTHY:
		return standing->used > 0;
	case MODEL_PANIC:
		return !standing->backup;
	default:
		return false;
	}
}

const char *serving_state(const struct model_service *service, const struct model_standing *standing)
{
	if (!standing)
		return "unused";
	if (is_serving(service, standing))
		return "serving";
	return standing->failed ? "failed" : "standby";
}

static const char *backends_text(uint32_t healthy, uint32_t asked, char buf[64])
{
	snprintf(buf, 64, "%u of %u backend%s %s healthy", healthy, asked, asked == 1 ? "" : "s",
		 healthy == 1 ? "is" : "are");
	return buf;
}

const char *serving_why_failed(const struct model_service *service, const struct model_standing *standing,
			       char buf[SERVING_TEXT])
{
	char healthy[64], min[CONFIG_MIN_HEALTHY_TEXT];

	backends_text(standing->healthy, standing->asked, healthy);
	if (!standing->used)
		snprintf(buf, SERVING_TEXT, "none of its %u backend%s can be used", standing->asked,
			 standing->asked == 1 ? "" : "s");
	else if (is_below(standing->healthy, standing->asked, &standing->min_healthy))
		snprintf(buf, SERVING_TEXT, "%s, min_healthy is %s", healthy,
			 config_min_healthy_format(&standing->min_healthy, min));
	else
		snprintf(buf, SERVING_TEXT, "of the service %s, fewer than `panic` asks for",
			 backends_text(service->healthy, service->asked, healthy));
	return buf;
}

/* The first of the pools with shares: all have failed where it is asked for. */
static const char *why_first_failed(const struct model_service *service, char buf[SERVING_TEXT])
{
	char why[SERVING_TEXT];

	for (size_t i = 0; i < service->standing_count; i++) {
		const struct model_standing *standing = &service->standings[i];

		if (standing->backup || !standing->failed)
			continue;
		snprintf(buf, SERVING_TEXT, "pool %.31s has failed: %.120s", standing->pool,
			 serving_why_failed(service, standing, why));
		return buf;
	}
	return strcpy(buf, "no pool has failed");
}

const char *serving_why(const struct model_service *service, char buf[SERVING_TEXT])
{
	char failed[SERVING_TEXT];

	why_first_failed(service, failed);
	switch (service->rule) {
	case MODEL_BACKUP:
		snprintf(buf, SERVING_TEXT, "backups serve: %.200s", failed);
		break;
	case MODEL_HEALTHY:
		snprintf(buf, SERVING_TEXT, "no other pool can serve, so whoever is healthy does: %.160s", failed);
		break;
	case MODEL_PANIC:
		snprintf(buf, SERVING_TEXT,
			 "only %u of %u backends are healthy, fewer than `panic` asks for: all that can be reached are "
			 "used",
			 service->healthy, service->asked);
		break;
	case MODEL_NOBODY:
		strcpy(buf, "no backend can be used: new connections are dropped");
		break;
	default:
		snprintf(buf, SERVING_TEXT, "%.200s", failed);
		break;
	}
	return buf;
}
