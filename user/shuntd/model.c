/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: one pass over the configuration, asking for each backend's health and next hop. It keeps copies of what it was
 * told, so it can be compared, applied and shown after the world and the configuration have moved on.
 */
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "../lib/xalloc.h"

/* A service's base ring with everything that it is a function of; the service's name, which is the salt, included. */
struct cached_ring {
	char name[SHUNT_NAME_MAX];
	uint64_t seed;
	uint32_t size;
	struct ring_backend *backends;
	size_t count;
	uint32_t *base;
	bool used; /* by the build that is under way */
};

struct model_cache {
	struct cached_ring **rings;
	size_t count;
};

const char *backend_state_name(enum backend_state state)
{
	static const char *const names[] = {
		[BACKEND_UP] = "up",	 [BACKEND_DRAIN] = "drain",	      [BACKEND_CHECKING] = "checking",
		[BACKEND_DOWN] = "down", [BACKEND_UNRESOLVED] = "unresolved",
	};

	return names[state];
}

/*
 * One word for a backend of which several may be true: the one that says what to do about it.
 * drain before all: an operator said so, and whatever else holds, it stays out until one says otherwise. Maintenance makes it
 *   fail its checks as well; to read "down" then would hide that it will not come back by itself.
 * unresolved before checking and down: without a next hop checks cannot succeed. The mend is in the routes, not on the backend.
 * checking before down is no choice: health is one or the other.
 */
static enum backend_state judge(const struct config_backend *backend, bool resolved, enum health_state health)
{
	if (backend->admin == CONFIG_ADMIN_DRAIN)
		return BACKEND_DRAIN;
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

static void cached_ring_free(struct cached_ring *ring)
{
	free(ring->backends);
	free(ring->base);
	free(ring);
}

struct model_cache *model_cache_new(void)
{
	return xcalloc(1, sizeof(struct model_cache));
}

void model_cache_free(struct model_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < cache->count; i++)
		cached_ring_free(cache->rings[i]);
	free(cache->rings);
	free(cache);
}

/* The service's place in the cache, made if need be. hint: where it was if nothing was added or deleted before it. */
static struct cached_ring **cache_place(struct model_cache *cache, const char *name, size_t hint)
{
	for (size_t k = 0; k < cache->count; k++) {
		struct cached_ring **place = &cache->rings[(hint + k) % cache->count];

		if (strcmp((*place)->name, name) == 0)
			return place;
	}
	cache->rings = xreallocarray(cache->rings, cache->count + 1, sizeof(struct cached_ring *));
	cache->rings[cache->count] = NULL;
	return &cache->rings[cache->count++];
}

static bool is_ring_of(const struct cached_ring *ring, const struct config_service *service, uint64_t seed)
{
	if (ring->seed != seed || ring->size != service->ring_size || ring->count != service->backend_count)
		return false;
	for (size_t i = 0; i < ring->count; i++)
		if (ring->backends[i].weight != service->backends[i].weight ||
		    !addr_equal(&ring->backends[i].addr, &service->backends[i].addr))
			return false;
	return true;
}

static struct cached_ring *build_ring(const struct config_service *service, uint64_t seed)
{
	struct cached_ring *ring = xcalloc(1, sizeof(*ring));

	memcpy(ring->name, service->name, sizeof(ring->name));
	ring->seed = seed;
	ring->size = service->ring_size;
	ring->count = service->backend_count;
	ring->backends = xcalloc(ring->count + 1, sizeof(*ring->backends));
	for (size_t i = 0; i < ring->count; i++)
		ring->backends[i] = (struct ring_backend){service->backends[i].addr, service->backends[i].weight};
	ring->base = xcalloc(ring->size, sizeof(*ring->base));
	ring_build(ring->base, ring->size, ring->backends, ring->count, seed, ring_salt(ring->name));
	return ring;
}

/* The service's base ring, from the cache if it is still the one; it lives there. */
static const uint32_t *base_ring(struct model_cache *cache, const struct config_service *service, uint64_t seed,
				 size_t hint)
{
	struct cached_ring **place = cache_place(cache, service->name, hint);

	if (*place && !is_ring_of(*place, service, seed)) {
		cached_ring_free(*place);
		*place = NULL;
	}
	if (!*place)
		*place = build_ring(service, seed);
	(*place)->used = true;
	return (*place)->base;
}

/* Drop the rings of services that the build just done did not have. */
static void cache_prune(struct model_cache *cache)
{
	size_t kept = 0;

	for (size_t i = 0; i < cache->count; i++) {
		struct cached_ring *ring = cache->rings[i];

		if (ring->used) {
			ring->used = false;
			cache->rings[kept++] = ring;
		} else {
			cached_ring_free(ring);
		}
	}
	cache->count = kept;
}

static void fill_dest(struct model_dest *dest, const struct config_service *service,
		      const struct config_backend *backend, const struct model_inputs *inputs)
{
	const struct nexthop *nexthop = inputs->nexthop ? inputs->nexthop(inputs->arg, &backend->addr) : NULL;
	bool checked = inputs->health && service->check.type != CONFIG_CHECK_NONE;
	enum health_state health = checked ? inputs->health(inputs->arg, service->name, &backend->addr) : HEALTH_UP;

	dest->addr = backend->addr;
	if (nexthop)
		dest->nexthop = *nexthop;
	dest->state = judge(backend, dest->nexthop.resolved, health);
}

static void fill_service(struct model_service *service, const struct config_service *config,
			 const struct model_inputs *inputs, const uint32_t *base)
{
	bool *available = xcalloc(config->backend_count + 1, sizeof(*available));

	memcpy(service->name, config->name, sizeof(service->name));
	service->salt = ring_salt(config->name);
	service->ring_size = config->ring_size;
	service->vip_count = config->vip_count;
	service->vips = xcalloc(config->vip_count + 1, sizeof(*service->vips));
	for (size_t i = 0; i < config->vip_count; i++)
		service->vips[i] = config->vips[i];
	service->dest_count = config->backend_count;
	service->dests = xcalloc(config->backend_count + 1, sizeof(*service->dests));
	for (size_t i = 0; i < config->backend_count; i++) {
		fill_dest(&service->dests[i], config, &config->backends[i], inputs);
		available[i] = service->dests[i].state == BACKEND_UP;
	}
	service->ring = xcalloc(config->ring_size, sizeof(*service->ring));
	ring_resolve(service->ring, base, config->ring_size, available, config->backend_count, inputs->seed,
		     service->salt);
	free(available);
}

struct model *model_build(const struct config *config, const struct model_inputs *inputs, struct model_cache *cache)
{
	struct model *model = xcalloc(1, sizeof(*model));

	model->source4 = config->source4;
	model->source6 = config->source6;
	model->service_count = config->service_count;
	model->services = xcalloc(config->service_count + 1, sizeof(*model->services));
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		fill_service(&model->services[i], service, inputs, base_ring(cache, service, inputs->seed, i));
	}
	cache_prune(cache);
	return model;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->service_count; i++) {
		free(model->services[i].vips);
		free(model->services[i].dests);
		free(model->services[i].ring);
	}
	free(model->services);
	free(model);
}
