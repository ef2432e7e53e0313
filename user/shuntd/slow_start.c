/* SPDX-License-Identifier: GPL-2.0 */
#include "slow_start.h"

#include <string.h>

#define STEPS (RING_TURNS - 1) /* behind the first tenth */

/* No check has found anything against it, and no operator has taken it out. */
static bool is_untried(const struct model_dest *dest)
{
	return dest->state == BACKEND_CHECKING || (dest->state == BACKEND_UNRESOLVED && dest->health != HEALTH_DOWN);
}

/* When its slow start began; 0: it is in none. was: NULL if it was not there. */
static uint64_t begin(const struct model_dest *dest, const struct model_dest *was, const struct config_service *config,
		      const struct model_inputs *inputs)
{
	uint64_t began = was && was->takes ? was->began : inputs->now;

	if (!config->slow_start || dest->state == BACKEND_PANIC || (was && was->fresh))
		return 0;
	if (inputs->settled && !(was && was->takes))
		return 0;
	return began && inputs->now - began < config->slow_start ? began : 0;
}

static void fill_dest(struct model_dest *dest, const struct config_backend *backend,
		      const struct config_service *config, const struct model_service *before, size_t *at,
		      const struct model_inputs *inputs)
{
	const struct model_dest *was = before ? model_service_dest(before, &dest->addr, at) : NULL;

	dest->takes = backend_is_used(dest->state) && backend->weight;
	dest->fresh = !dest->takes && is_untried(dest) && (!before || (was && was->fresh));
	dest->began = dest->takes && before ? begin(dest, was, config, inputs) : 0;
}

/* Is there somebody in the pool to compare a beginner with? */
static bool has_full(const struct model_service *service, const struct config_service *config, const char *pool)
{
	for (size_t i = 0; i < service->dest_count; i++)
		if (service->dests[i].takes && !service->dests[i].began && !strcmp(config->backends[i].pool, pool))
			return true;
	return false;
}

static void end_alone(struct model_service *service, const struct config_service *config, const char *pool)
{
	for (size_t i = 0; i < service->dest_count; i++)
		if (!strcmp(config->backends[i].pool, pool))
			service->dests[i].began = 0;
}

/* Of RING_TURNS: a tenth at once, all of them when the time is over. */
static uint8_t level_of(uint64_t age, uint32_t slow_start)
{
	return (uint8_t)(1 + age * STEPS / slow_start);
}

static void set_level(struct model_service *service, struct model_dest *dest, uint32_t slow_start, uint64_t now)
{
	uint64_t next;

	dest->level = dest->began ? level_of(now - dest->began, slow_start) : RING_TURNS;
	if (!dest->began)
		return;
	next = dest->began + ((uint64_t)dest->level * slow_start + STEPS - 1) / STEPS;
	if (!service->next_step || next < service->next_step)
		service->next_step = next;
}

void slow_start(struct model_service *service, const struct config_service *config, const struct model_service *before,
		const struct model_inputs *inputs)
{
	size_t at = 0;

	for (size_t i = 0; i < service->dest_count; i++)
		fill_dest(&service->dests[i], &config->backends[i], config, before, &at, inputs);
	for (size_t i = 0; i < service->dest_count; i++)
		if (service->dests[i].began && !has_full(service, config, config->backends[i].pool))
			end_alone(service, config, config->backends[i].pool);
	for (size_t i = 0; i < service->dest_count; i++)
		set_level(service, &service->dests[i], config->slow_start, inputs->now);
}
