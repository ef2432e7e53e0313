/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings of services, made when what they are a function of changes, and kept from build to build. Configuration makes the base ring, and who is
 * available, and how far, makes of that the one in force.
 */
#include "model_rings.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"

/*
 * A service's own ring, or that of a pool that sources are sent to, with everything that it is a function of; the service's name, which is
 * the salt, included. Backends are all of the service, so that all its rings name them alike; those of other pools weigh nothing.
 */
struct cached_ring {
	struct cached_ring *next;			  /* in its chain */
	char name[SHUNT_NAME_MAX], pool[CONFIG_POOL_MAX]; /* pool: which ring (model_rings.h) */
	uint32_t salt;
	uint64_t seed;
	struct ring_backend *backends;
	size_t count;
	struct config_pool
		*pools; /* of the service's: with the shares that they have of this ring; none: it is one pool's */
	size_t pool_count;
	const struct model_ring *base;
	const struct model_ring
		*resolved; /* NULL before the first; base itself when all backends have their whole part */
	uint8_t *levels;   /* what resolved was made for, by backend */
};

struct model_ring *model_ring_new(uint32_t size)
{
	struct model_ring *ring = xcalloc(1, sizeof(*ring) + size * sizeof(ring->slots[0]));

	ring->holders = 1;
	ring->size = size;
	return ring;
}

/* What is const of a ring is what it says; who holds it is not of that. */
const struct model_ring *model_ring_hold(const struct model_ring *ring)
{
	((struct model_ring *)ring)->holders++;
	return ring;
}

void model_ring_release(const struct model_ring *ring)
{
	if (ring && --((struct model_ring *)ring)->holders == 0)
		free((struct model_ring *)ring);
}

static void cached_ring_free(struct cached_ring *cached)
{
	model_ring_release(cached->base);
	model_ring_release(cached->resolved);
	free(cached->levels);
	free(cached->backends);
	free(cached->pools);
	free(cached);
}

/* Make the cache empty, with room for so many services. */
static void cache_init(struct model_cache *cache, size_t services)
{
	uint32_t chains = 1;

	while (chains < services && chains < 1u << 31)
		chains <<= 1;
	cache->chains = xcalloc(chains, sizeof(*cache->chains));
	cache->mask = chains - 1;
}

static void cache_release(struct model_cache *cache)
{
	for (size_t i = 0; i <= cache->mask; i++) {
		for (struct cached_ring *cached = cache->chains[i], *next; cached; cached = next) {
			next = cached->next;
			cached_ring_free(cached);
		}
	}
	free(cache->chains);
}

struct model_cache *model_cache_new(void)
{
	struct model_cache *cache = xcalloc(1, sizeof(*cache));

	cache_init(cache, 0);
	return cache;
}

void model_cache_free(struct model_cache *cache)
{
	if (!cache)
		return;
	cache_release(cache);
	free(cache);
}

static void cache_add(struct model_cache *cache, struct cached_ring *cached)
{
	struct cached_ring **chain = &cache->chains[cached->salt & cache->mask];

	cached->next = *chain;
	*chain = cached;
}

/* The entry of the service's ring, no longer in the cache; NULL: there is none. */
static struct cached_ring *cache_take(struct model_cache *cache, const char *name, const char *pool)
{
	struct cached_ring **place = &cache->chains[ring_salt(name) & cache->mask], *cached;

	while (*place && (strcmp((*place)->name, name) != 0 || strcmp((*place)->pool, pool) != 0))
		place = &(*place)->next;
	cached = *place;
	if (cached)
		*place = cached->next;
	return cached;
}

static void *copy_of(const void *array, size_t count, size_t size)
{
	void *copy = xcalloc(count + 1, size);

	if (count)
		memcpy(copy, array, count * size);
	return copy;
}

struct model_cache *model_cache_copy(const struct model_cache *cache)
{
	struct model_cache *copy = xcalloc(1, sizeof(*copy));

	cache_init(copy, (size_t)cache->mask + 1);
	for (size_t i = 0; i <= cache->mask; i++) {
		for (const struct cached_ring *from = cache->chains[i]; from; from = from->next) {
			struct cached_ring *to = copy_of(from, 1, sizeof(*from));

			to->backends = copy_of(from->backends, from->count, sizeof(*from->backends));
			to->pools = from->pools ? copy_of(from->pools, from->pool_count, sizeof(*from->pools)) : NULL;
			to->base = model_ring_hold(from->base);
			to->resolved = from->resolved ? model_ring_hold(from->resolved) : NULL;
			to->levels = from->levels ? copy_of(from->levels, from->count, sizeof(*from->levels)) : NULL;
			cache_add(copy, to);
		}
	}
	return copy;
}

/* Is the ring shared by pools? Else it is one pool's. */
static bool is_shared(const struct config_service *service, const char *ring)
{
	return service->pool_count && (!strcmp(ring, MODEL_RING_OWN) || !strcmp(ring, MODEL_RING_BACKUP));
}

/* What a pool has of a ring that is shared. */
static uint32_t share_of(const struct config_pool *pool, const char *ring)
{
	return pool->backup == !strcmp(ring, MODEL_RING_BACKUP) ? pool->share : 0;
}

bool model_ring_serves(const struct config_service *service, const char *ring, const char *pool)
{
	const struct config_pool *found = config_find_pool(service, pool);

	if (is_shared(service, ring))
		return found && share_of(found, ring);
	return !strcmp(strcmp(ring, MODEL_RING_OWN) ? ring : CONFIG_POOL_DEFAULT, pool);
}

/* A backend as a ring has it. Of a pool that is not among those with shares it is, by its pool, of none. */
static struct ring_backend member_of(const struct config_service *service, const struct config_backend *backend,
				     const char *ring)
{
	struct ring_backend member = {backend->addr, backend->weight, 0};

	if (!is_shared(service, ring)) {
		member.weight = model_ring_serves(service, ring, backend->pool) ? backend->weight : 0;
		return member;
	}
	while (member.pool < service->pool_count && strcmp(backend->pool, service->pools[member.pool].name) != 0)
		member.pool++;
	return member;
}

static bool same_pools(const struct cached_ring *cached, const struct config_service *service)
{
	if (cached->pool_count != (is_shared(service, cached->pool) ? service->pool_count : 0))
		return false;
	for (size_t i = 0; i < cached->pool_count; i++)
		if (cached->pools[i].share != share_of(&service->pools[i], cached->pool) ||
		    strcmp(cached->pools[i].name, service->pools[i].name) != 0)
			return false;
	return true;
}

static bool is_ring_of(const struct cached_ring *cached, const struct config_service *service, uint64_t seed)
{
	if (cached->seed != seed || cached->base->size != service->ring_size ||
	    cached->count != service->backend_count || !same_pools(cached, service))
		return false;
	for (size_t i = 0; i < cached->count; i++) {
		struct ring_backend member = member_of(service, &service->backends[i], cached->pool);

		if (cached->backends[i].weight != member.weight || cached->backends[i].pool != member.pool ||
		    !addr_equal(&cached->backends[i].addr, &member.addr))
			return false;
	}
	return true;
}

static void build_base(const struct cached_ring *cached, struct model_ring *base)
{
	struct ring_pool *pools = xcalloc(cached->pool_count + 1, sizeof(*pools));

	for (size_t i = 0; i < cached->pool_count; i++)
		pools[i] = (struct ring_pool){cached->pools[i].name, cached->pools[i].share};
	if (cached->pool_count)
		ring_build_pools(base->slots, base->size, cached->backends, cached->count, pools, cached->pool_count,
				 cached->seed, cached->salt);
	else
		ring_build(base->slots, base->size, cached->backends, cached->count, cached->seed, cached->salt);
	free(pools);
}

static struct cached_ring *build_ring(const struct config_service *service, const char *pool, uint64_t seed)
{
	struct cached_ring *cached = xcalloc(1, sizeof(*cached));
	struct model_ring *base = model_ring_new(service->ring_size);

	memcpy(cached->name, service->name, sizeof(cached->name));
	strcpy(cached->pool, pool);
	cached->salt = ring_salt(service->name);
	cached->seed = seed;
	cached->count = service->backend_count;
	cached->backends = xcalloc(cached->count, sizeof(*cached->backends));
	for (size_t i = 0; i < cached->count; i++)
		cached->backends[i] = member_of(service, &service->backends[i], pool);
	cached->pool_count = is_shared(service, pool) ? service->pool_count : 0;
	cached->pools = xcalloc(cached->pool_count + 1, sizeof(*cached->pools));
	for (size_t i = 0; i < cached->pool_count; i++) {
		cached->pools[i] = service->pools[i];
		cached->pools[i].share = share_of(&service->pools[i], pool);
	}
	build_base(cached, base);
	cached->base = base;
	return cached;
}

/* The entry of the service's ring, moved from one cache to the other if it is still the one. */
static struct cached_ring *cache_pass_on(struct ring_pass *pass, const struct config_service *service, const char *pool)
{
	struct cached_ring *cached = cache_take(&pass->before, service->name, pool);

	if (cached && !is_ring_of(cached, service, pass->seed)) {
		cached_ring_free(cached);
		cached = NULL;
	}
	if (!cached)
		cached = build_ring(service, pool, pass->seed);
	cache_add(pass->cache, cached);
	return cached;
}

void ring_pass_inherit(struct ring_pass *pass, const struct model_service *service)
{
	struct cached_ring **place = &pass->before.chains[service->salt & pass->before.mask], *cached;

	while ((cached = *place)) {
		if (strcmp(cached->name, service->name)) {
			place = &cached->next;
			continue;
		}
		*place = cached->next;
		cache_add(pass->cache, cached);
	}
}

/* Of the base ring, with those that have more than so many turns. */
static void resolve_turn(const struct cached_ring *cached, uint8_t turn, uint32_t *slots)
{
	const struct model_ring *base = cached->base;
	bool *available = xcalloc(cached->count + 1, sizeof(*available));

	for (size_t i = 0; i < cached->count; i++)
		available[i] = cached->levels[i] > turn;
	if (cached->pool_count)
		ring_resolve_pools(slots, base->slots, base->size, available, cached->backends, cached->count,
				   cached->seed, cached->salt);
	else
		ring_resolve(slots, base->slots, base->size, available, cached->count, cached->seed, cached->salt);
	free(available);
}

/* From this turn on others are available than before. */
static void resolve_from(const struct cached_ring *cached, uint8_t turn, struct model_ring *ring)
{
	uint32_t *slots = xcalloc(ring->size, sizeof(*slots));

	resolve_turn(cached, turn, slots);
	for (uint32_t slot = 0; slot < ring->size; slot++)
		if (ring_turn(slot, cached->seed, cached->salt) >= turn)
			ring->slots[slot] = slots[slot];
	free(slots);
}

static bool all_are_full(const uint8_t *levels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (levels[i] < RING_TURNS)
			return false;
	return true;
}

/*
 * A level is the number of turns, of all that slots may be in, in which the backend is available. So each slot's owner is what
 * ring_resolve() makes of those available in its turn: a backend whose level rises takes slots, once each, from others, and moves none between them.
 */
static const struct model_ring *resolve(const struct cached_ring *cached)
{
	struct model_ring *ring;

	if (all_are_full(cached->levels, cached->count))
		return model_ring_hold(
			cached->base); /* everybody keeps their base slots: as ring_resolve() would say */
	ring = model_ring_new(cached->base->size);
	resolve_turn(cached, 0, ring->slots);
	for (uint8_t turn = 1; turn < RING_TURNS; turn++)
		if (memchr(cached->levels, turn, cached->count))
			resolve_from(cached, turn, ring);
	return ring;
}

const struct model_ring *ring_pass_resolve(struct ring_pass *pass, const struct config_service *service,
					   const char *ring, const uint8_t *levels)
{
	struct cached_ring *cached = cache_pass_on(pass, service, ring);

	if (cached->resolved && !memcmp(cached->levels, levels, cached->count * sizeof(*levels)))
		return model_ring_hold(cached->resolved);
	model_ring_release(cached->resolved);
	free(cached->levels);
	cached->levels = copy_of(levels, cached->count, sizeof(*levels));
	cached->resolved = resolve(cached);
	return model_ring_hold(cached->resolved);
}

void ring_pass_keep(struct ring_pass *pass, const struct config_service *service, const char *ring)
{
	cache_pass_on(pass, service, ring);
}

void ring_pass_begin(struct ring_pass *pass, struct model_cache *cache, uint64_t seed, size_t services)
{
	*pass = (struct ring_pass){.before = *cache, .cache = cache, .seed = seed};
	cache_init(cache, services);
}

void ring_pass_end(struct ring_pass *pass)
{
	cache_release(&pass->before);
}
