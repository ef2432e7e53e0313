/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: one pass over the configuration, asking for each backend's health and next hop. It keeps copies of what it was
 * told, so it can be compared, applied and shown after the world and the configuration have moved on.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "../lib/xalloc.h"
#include "model_priv.h"
#include "model_rings.h"
#include "picks.h"
#include "serving.h"
#include "slow_start.h"

const char *backend_state_name(enum backend_state state)
{
	static const char *const names[] = {
		[BACKEND_UP] = "up",	     [BACKEND_DRAIN] = "drain",		  [BACKEND_CHECKING] = "checking",
		[BACKEND_DOWN] = "down",     [BACKEND_UNRESOLVED] = "unresolved", [BACKEND_PANIC] = "panic",
		[BACKEND_ASLEEP] = "asleep",
	};

	return names[state];
}

/*
 * One word for a backend of which several may be true: the one that says what to do about it.
 * drain before all: an operator said so, and whatever else holds, it stays out until one says otherwise. Maintenance makes it
 *   fail its checks as well; to read "down" then would hide that it will not come back by itself.
 * asleep before what checks and next hops say: nobody asks them, and it is no trouble.
 * unresolved before checking and down: without a next hop checks cannot succeed. The mend is in the routes, not on the backend.
 * checking before down is no choice: health is one or the other.
 */
static enum backend_state judge(const struct config_backend *backend, bool resolved, enum health_state health,
				enum demand_view view)
{
	if (backend->admin == CONFIG_ADMIN_DRAIN)
		return BACKEND_DRAIN;
	if (view == DEMAND_VIEW_OUT || (view == DEMAND_VIEW_WAKING && health != HEALTH_UP))
		return BACKEND_ASLEEP;
	if (!resolved)
		return BACKEND_UNRESOLVED;
	switch (health) {
	case HEALTH_UP:
		return BACKEND_UP;
	case HEALTH_CHECKING:
		return BACKEND_CHECKING;
	case HEALTH_DOWN:
		break;
	}
	return BACKEND_DOWN;
}

const char *model_nexthop_refusal(const struct config_encap *encap, const struct nexthop *nexthop)
{
	if (encap->type != CONFIG_ENCAP_L2DSR || !nexthop->resolved || !nexthop->gateway.family)
		return NULL;
	return "it is behind a gateway, where encap l2dsr cannot reach it: its address must be on a link of this node";
}

static enum demand_view view_of(const struct model_inputs *inputs, const struct config_service *service,
				const struct config_demand *demand)
{
	return demand && inputs->demand ? inputs->demand(inputs->arg, service->name, demand) : DEMAND_VIEW_AWAKE;
}

/* Are there backends that would be in the ring if they were awake? */
static bool has_sleepers(const struct model_inputs *inputs, const struct config_service *service, const char *ring)
{
	for (size_t i = 0; i < service->demand_count; i++) {
		const struct config_demand *demand = &service->demands[i];

		if (view_of(inputs, service, demand) != DEMAND_VIEW_AWAKE &&
		    (!demand->pool[0] || model_ring_serves(service, ring, demand->pool)))
			return true;
	}
	return false;
}

static void fill_dest(struct model_dest *dest, const struct config_service *service,
		      const struct config_backend *backend, const struct model_inputs *inputs)
{
	const struct nexthop *nexthop = inputs->nexthop ? inputs->nexthop(inputs->arg, &backend->addr) : NULL;
	bool checked = inputs->health && service->check.type != CONFIG_CHECK_NONE;
	enum health_state health = checked ? inputs->health(inputs->arg, service->name, &backend->addr) : HEALTH_UP;
	const char *refusal;

	dest->addr = backend->addr;
	dest->encap = *config_encap_of(service, backend);
	if (nexthop)
		dest->nexthop = *nexthop;
	refusal = model_nexthop_refusal(&dest->encap, &dest->nexthop);
	if (refusal) {
		dest->nexthop.resolved = false;
		snprintf(dest->nexthop.why, sizeof(dest->nexthop.why), "%s", refusal);
	}
	dest->health = health;
	dest->state = judge(backend, dest->nexthop.resolved, health,
			    view_of(inputs, service, config_demand_of(service, backend->pool)));
	dest->failing = !dest->nexthop.resolved || health == HEALTH_DOWN;
	dest->pool = MODEL_POOL_DEFAULT;
	if (config_has_quic(service)) {
		dest->server_ids = xcalloc(CONFIG_SERVER_IDS_ALL, sizeof(*dest->server_ids));
		dest->server_id_count = config_server_ids(service, backend, dest->server_ids);
	}
}

/* How much of its part of this ring each backend has. */
static uint8_t *levels_of(const struct model_service *service, const struct config_service *config, const char *ring)
{
	bool own = !strcmp(ring, MODEL_RING_OWN);
	uint8_t *levels = xcalloc(config->backend_count + 1, sizeof(*levels));

	for (size_t i = 0; i < config->backend_count; i++) {
		const char *pool = config->backends[i].pool;

		if (!model_ring_serves(config, ring, pool))
			levels[i] = RING_TURNS;
		else if (!own || !serving_has_failed(service, pool))
			levels[i] = backend_is_used(service->dests[i].state) ? service->dests[i].level : 0;
	}
	return levels;
}

static const struct model_ring *ring_of(struct ring_pass *pass, const struct model_service *service,
					const struct config_service *config, const char *name)
{
	uint8_t *levels = levels_of(service, config, name);
	const struct model_ring *ring = ring_pass_resolve(pass, config, name, levels);

	free(levels);
	return ring;
}

/* The one that is not in force is kept: it may be, at once, and rings take time to make. */
static void fill_own_ring(struct model_service *service, const struct config_service *config, struct ring_pass *pass)
{
	bool backup = service->rule == MODEL_BACKUP;

	service->ring = ring_of(pass, service, config, backup ? MODEL_RING_BACKUP : MODEL_RING_OWN);
	if (backup)
		ring_pass_keep(pass, config, MODEL_RING_OWN);
	else if (config_has_backup(config))
		ring_pass_keep(pass, config, MODEL_RING_BACKUP);
}

/*
 * With shares, a backend has a destination in the service's own ring whatever its pool's share is: a switch to another pool and back leaves it its
 * connections, as a weight of 0 does.
 */
static void fill_pools(struct model_service *service, const struct config_service *config,
		       const struct model_inputs *inputs, struct ring_pass *pass)
{
	fill_own_ring(service, config, pass);
	service->wakes =
		has_sleepers(inputs, config, service->rule == MODEL_BACKUP ? MODEL_RING_BACKUP : MODEL_RING_OWN);
	service->pool_count = config_sources_pools(config->sources);
	service->pools = xcalloc(service->pool_count + 1, sizeof(*service->pools));
	for (size_t i = 0; i < service->pool_count; i++) {
		const char *name = config->sources->pools[i].name;

		strcpy(service->pools[i].name, name);
		service->pools[i].ring = ring_of(pass, service, config, name);
		service->pools[i].wakes = has_sleepers(inputs, config, name);
		for (size_t j = 0; j < config->backend_count; j++)
			if (!strcmp(config->backends[j].pool, name)) {
				service->dests[j].pool = i;
				service->dests[j].in_both = config->pool_count;
			}
	}
}

/* In turn, those of the service's own ring that take new connections. */
static void fill_picks(struct model_service *service, const struct config_service *config)
{
	const char *ring = service->rule == MODEL_BACKUP ? MODEL_RING_BACKUP : MODEL_RING_OWN;
	uint32_t *weights;

	if (config->algorithm != CONFIG_ALGORITHM_ROUND_ROBIN && config->algorithm != CONFIG_ALGORITHM_LEAST)
		return;
	weights = xcalloc(config->backend_count + 1, sizeof(*weights));
	for (size_t i = 0; i < config->backend_count; i++)
		if (backend_is_used(service->dests[i].state) &&
		    model_ring_serves(config, ring, config->backends[i].pool))
			weights[i] = config->backends[i].weight * service->dests[i].level;
	service->picks = picks_build(weights, config->backend_count, SHUNT_PICKS_PER_DEST - 1, &service->pick_count);
	free(weights);
}

/* What is taken over as it is. */
static void fill_settings(struct model_service *service, const struct config_service *config)
{
	memcpy(service->name, config->name, sizeof(service->name));
	service->salt = ring_salt(config->name);
	service->ring_size = config->ring_size;
	service->echo = config->echo;
	service->algorithm = config->algorithm;
	service->sticky = config->sticky;
	service->hash = config->hash;
	service->sources = config_sources_hold(config->sources);
	for (int id = 0; id < SHUNT_QUIC_CONFIGS; id++)
		service->quic |= (uint32_t)config->quic[id] << (4 * id);
	service->udp = config->udp;
	service->idle_timeout = config->idle_timeout;
	service->drain_timeout = config->drain_timeout;
	service->vip_count = config->vip_count;
	service->vips = xcalloc(config->vip_count + 1, sizeof(*service->vips));
	for (size_t i = 0; i < config->vip_count; i++)
		service->vips[i] = config->vips[i];
}

/* at: as for model_find_service(), in what was before. */
static void fill_service(struct model_service *service, const struct config_service *config,
			 const struct model_inputs *inputs, struct ring_pass *pass, size_t *at)
{
	const struct model_service *before =
		inputs->before ? model_find_service(inputs->before, config->name, at) : NULL;

	fill_settings(service, config);
	service->dest_count = config->backend_count;
	service->dests = xcalloc(config->backend_count + 1, sizeof(*service->dests));
	for (size_t i = 0; i < config->backend_count; i++)
		fill_dest(&service->dests[i], config, &config->backends[i], inputs);
	serving_judge(service, config);
	slow_start(service, config, before, inputs);
	fill_pools(service, config, inputs, pass);
	fill_picks(service, config);
}

const struct model_service *model_find_service(const struct model *model, const char *name, size_t *at)
{
	for (size_t i = 0; i < model->service_count; i++) {
		size_t place = (*at + i) % model->service_count;

		if (strcmp(model->services[place].name, name) == 0) {
			*at = place + 1;
			return &model->services[place];
		}
	}
	return NULL;
}

const struct model_dest *model_service_dest(const struct model_service *service, const struct shunt_addr *addr,
					    size_t *at)
{
	for (size_t i = 0; i < service->dest_count; i++) {
		size_t place = (*at + i) % service->dest_count;

		if (addr_equal(&service->dests[place].addr, addr)) {
			*at = place + 1;
			return &service->dests[place];
		}
	}
	return NULL;
}

const struct model_dest *model_find_dest(struct model *model, const char *service, const struct shunt_addr *addr)
{
	const struct model_service *svc = model_find(model, service);
	size_t at = 0;

	return svc ? model_service_dest(svc, addr, &at) : NULL;
}

static void fill_leftovers(struct model *model, const struct model_inputs *inputs)
{
	model->leftover_count = inputs->leftover_count;
	model->leftovers = xcalloc(inputs->leftover_count + 1, sizeof(*model->leftovers));
	for (size_t i = 0; i < inputs->leftover_count; i++) {
		const struct nexthop *nexthop = inputs->nexthop(inputs->arg, &inputs->leftovers[i]);

		model->leftovers[i].addr = inputs->leftovers[i];
		if (nexthop)
			model->leftovers[i].nexthop = *nexthop;
	}
}

static uint64_t next_step(const struct model *model)
{
	uint64_t next = 0;

	for (size_t i = 0; i < model->service_count; i++) {
		uint64_t step = model->services[i].next_step;

		if (step && (!next || step < next))
			next = step;
	}
	return next;
}

struct model *model_build(const struct config *config, const struct model_inputs *inputs, struct model_cache *cache)
{
	struct model *model = xcalloc(1, sizeof(*model));
	struct model_succession succession;
	struct ring_pass pass;
	size_t at = 0;

	ring_pass_begin(&pass, cache, inputs->seed, config->service_count);
	model->source4 = config->source4;
	model->source6 = config->source6;
	model->icmp_rate = config->icmp_rate;
	model->service_count = config->service_count;
	model->services = xcalloc(config->service_count + 1, sizeof(*model->services));
	model_succeed(&succession, model, inputs);
	for (size_t i = 0; i < config->service_count; i++) {
		if (model_inherit(&succession, i, &config->services[i])) {
			ring_pass_inherit(&pass, &model->services[i]);
			continue;
		}
		fill_service(&model->services[i], &config->services[i], inputs, &pass, &at);
		model_note_changed(&succession, i, &config->services[i]);
	}
	model->next_step = next_step(model);
	fill_leftovers(model, inputs);
	ring_pass_end(&pass); /* with the rings of services that are gone */
	return model;
}
