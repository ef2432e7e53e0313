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
#include "picks.h"

/*
 * A service's own ring, or that of a pool that sources are sent to, with everything that it is a function of; the service's name, which is
 * the salt, included. Backends are all of the service, so that all its rings name them alike; those of other pools weigh nothing.
 */
struct cached_ring {
	struct cached_ring *next;			  /* in its chain */
	char name[SHUNT_NAME_MAX], pool[CONFIG_POOL_MAX]; /* pool: OWN_RING or a pool's name */
	uint32_t salt;
	uint64_t seed;
	struct ring_backend *backends;
	size_t count;
	struct config_pool *pools; /* of an own ring: those with shares; none: it is the default pool's */
	size_t pool_count;
	const struct model_ring *base;
	const struct model_ring *resolved; /* NULL before the first; base itself when all backends are available */
	bool *available;		   /* what resolved was made for, by backend */
};

#define OWN_RING "" /* no pool's name */

/* A hash table with about one service a chain, all its rings in it. */
struct model_cache {
	struct cached_ring **chains;
	uint32_t mask;
	size_t count;
};

const char *backend_state_name(enum backend_state state)
{
	static const char *const names[] = {
		[BACKEND_UP] = "up",	 [BACKEND_DRAIN] = "drain",	      [BACKEND_CHECKING] = "checking",
		[BACKEND_DOWN] = "down", [BACKEND_UNRESOLVED] = "unresolved", [BACKEND_PANIC] = "panic",
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
	free(cached->available);
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
	cache->count = 0;
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
	cache->count++;
}

/* The entry of the service's ring, no longer in the cache; NULL: there is none. */
static struct cached_ring *cache_take(struct model_cache *cache, const char *name, const char *pool)
{
	struct cached_ring **place = &cache->chains[ring_salt(name) & cache->mask], *cached;

	while (*place && (strcmp((*place)->name, name) != 0 || strcmp((*place)->pool, pool) != 0))
		place = &(*place)->next;
	cached = *place;
	if (cached) {
		*place = cached->next;
		cache->count--;
	}
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
			to->available = from->available ? copy_of(from->available, from->count, sizeof(bool)) : NULL;
			cache_add(copy, to);
		}
	}
	return copy;
}

static bool is_own(const char *pool)
{
	return !strcmp(pool, OWN_RING);
}

/* The pools that a ring has shares of. */
static size_t shared_pools(const struct config_service *service, const char *pool)
{
	return is_own(pool) ? service->pool_count : 0;
}

/* A backend as a ring has it. Of a pool that is not among those with shares it is, by its pool, of none. */
static struct ring_backend member_of(const struct config_service *service, const struct config_backend *backend,
				     const char *pool)
{
	struct ring_backend member = {backend->addr, backend->weight, 0};
	size_t shared = shared_pools(service, pool);

	if (!shared && strcmp(backend->pool, is_own(pool) ? CONFIG_POOL_DEFAULT : pool) != 0)
		member.weight = 0;
	while (member.pool < shared && strcmp(backend->pool, service->pools[member.pool].name) != 0)
		member.pool++;
	return member;
}

static bool same_pools(const struct cached_ring *cached, const struct config_service *service)
{
	if (cached->pool_count != shared_pools(service, cached->pool))
		return false;
	for (size_t i = 0; i < cached->pool_count; i++)
		if (cached->pools[i].share != service->pools[i].share ||
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
	cached->pool_count = shared_pools(service, pool);
	cached->pools = xcalloc(cached->pool_count + 1, sizeof(*cached->pools));
	for (size_t i = 0; i < cached->pool_count; i++)
		cached->pools[i] = service->pools[i];
	build_base(cached, base);
	cached->base = base;
	return cached;
}

/* Where a build's rings are kept, and what they are functions of besides. */
struct passing {
	struct model_cache *cache;
	uint64_t seed;
};

/* The entry of the service's ring: made anew if what is there is not the one. */
static struct cached_ring *cache_get(const struct passing *pass, const struct config_service *service, const char *pool)
{
	struct cached_ring *cached = cache_take(pass->cache, service->name, pool);

	if (cached && !is_ring_of(cached, service, pass->seed)) {
		cached_ring_free(cached);
		cached = NULL;
	}
	if (!cached)
		cached = build_ring(service, pool, pass->seed);
	cache_add(pass->cache, cached);
	return cached;
}

/* Room for so many services before there are more of them. */
static void cache_grow(struct model_cache *cache, size_t services)
{
	struct model_cache before = *cache;

	if (services <= (size_t)cache->mask + 1)
		return;
	cache_init(cache, services);
	for (size_t i = 0; i <= before.mask; i++) {
		for (struct cached_ring *cached = before.chains[i], *next; cached; cached = next) {
			next = cached->next;
			cache_add(cache, cached);
		}
	}
	free(before.chains);
}

static void cache_pass_on(struct model_cache *from, struct model_cache *to, const char *name, const char *pool)
{
	struct cached_ring *cached = cache_take(from, name, pool);

	if (cached)
		cache_add(to, cached);
}

/* Free the rings of services that are gone, if there are any. */
static void cache_prune(struct model_cache *cache, const struct model *model)
{
	struct model_cache before = *cache;
	size_t rings = model->service_count;

	for (size_t i = 0; i < model->service_count; i++)
		rings += model->services[i].pool_count;
	if (cache->count <= rings)
		return;
	cache_init(cache, model->service_count);
	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *service = &model->services[i];

		cache_pass_on(&before, cache, service->name, OWN_RING);
		for (size_t j = 0; j < service->pool_count; j++)
			cache_pass_on(&before, cache, service->name, service->pools[j].name);
	}
	cache_release(&before);
}

static const struct model_ring *resolve(const struct cached_ring *cached, const bool *available)
{
	struct model_ring *ring;

	if (!memchr(available, false, cached->count))
		return model_ring_hold(
			cached->base); /* everybody keeps their base slots: as ring_resolve() would say */
	ring = model_ring_new(cached->base->size);
	if (cached->pool_count)
		ring_resolve_pools(ring->slots, cached->base->slots, ring->size, available, cached->backends,
				   cached->count, cached->seed, cached->salt);
	else
		ring_resolve(ring->slots, cached->base->slots, ring->size, available, cached->count, cached->seed,
			     cached->salt);
	return ring;
}

/* Takes over available. The ring is the caller's to hold. */
static const struct model_ring *cached_resolve(struct cached_ring *cached, bool *available)
{
	if (cached->resolved && !memcmp(cached->available, available, cached->count * sizeof(*available))) {
		free(available);
		return cached->resolved;
	}
	model_ring_release(cached->resolved);
	free(cached->available);
	cached->resolved = resolve(cached, available);
	cached->available = available;
	return cached->resolved;
}

const char *model_nexthop_refusal(const struct config_encap *encap, const struct nexthop *nexthop)
{
	if (encap->type != CONFIG_ENCAP_L2DSR || !nexthop->resolved || !nexthop->gateway.family)
		return NULL;
	return "it is behind a gateway, where encap l2dsr cannot reach it: its address must be on a link of this node";
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
	dest->state = judge(backend, dest->nexthop.resolved, health);
	dest->failing = !dest->nexthop.resolved || health == HEALTH_DOWN;
	dest->pool = MODEL_POOL_DEFAULT;
	if (config_has_quic(service)) {
		dest->server_ids = xcalloc(CONFIG_SERVER_IDS_ALL, sizeof(*dest->server_ids));
		dest->server_id_count = config_server_ids(service, backend, dest->server_ids);
	}
}

/* Has the ring slots for backends of this pool? */
static bool serves(const struct config_service *service, const char *ring, const char *pool)
{
	return is_own(ring) ? config_share_of(service, pool) > 0 : !strcmp(ring, pool);
}

/* Nobody asks for those of other pools, which have no slots: they count as available, so that a ring that is whole is seen to be. */
static const struct model_ring *ring_of(const struct passing *pass, const struct config_service *config,
					const struct model_dest *dests, const char *ring)
{
	bool *available = xcalloc(config->backend_count, sizeof(*available));

	for (size_t i = 0; i < config->backend_count; i++)
		available[i] = backend_is_used(dests[i].state) || !serves(config, ring, config->backends[i].pool);
	return model_ring_hold(cached_resolve(cache_get(pass, config, ring), available));
}

/*
 * With shares, a backend has a destination in the service's own ring whatever its pool's share is: a switch to another pool and back leaves it its
 * connections, as a weight of 0 does.
 */
static void fill_pools(struct model_service *service, const struct config_service *config, const struct passing *pass)
{
	service->ring = ring_of(pass, config, service->dests, OWN_RING);
	service->pool_count = config_sources_pools(config->sources);
	service->pools = xcalloc(service->pool_count + 1, sizeof(*service->pools));
	for (size_t i = 0; i < service->pool_count; i++) {
		const char *name = config->sources->pools[i].name;

		strcpy(service->pools[i].name, name);
		service->pools[i].ring = ring_of(pass, config, service->dests, name);
		for (size_t j = 0; j < config->backend_count; j++)
			if (!strcmp(config->backends[j].pool, name)) {
				service->dests[j].pool = i;
				service->dests[j].in_both = config->pool_count;
			}
	}
}

/* In turn, those of the default pool that take new connections. */
static void fill_picks(struct model_service *service, const struct config_service *config)
{
	uint32_t *weights;

	if (config->algorithm != CONFIG_ALGORITHM_ROUND_ROBIN && config->algorithm != CONFIG_ALGORITHM_LEAST)
		return;
	weights = xcalloc(config->backend_count + 1, sizeof(*weights));
	for (size_t i = 0; i < config->backend_count; i++)
		if (backend_is_used(service->dests[i].state))
			weights[i] = member_of(config, &config->backends[i], OWN_RING).weight;
	service->picks = picks_build(weights, config->backend_count, SHUNT_PICKS_PER_DEST - 1, &service->pick_count);
	free(weights);
}

/*
 * When nearly all checks fail, the checks may be what is broken, or the few that are left may not bear what all had. Below the threshold, whoever can
 * be reached is used; not who was drained. At a start nothing is known of anybody, which is no reason to believe the worst.
 */
static void judge_panic(struct model_service *service, const struct config_service *config)
{
	for (size_t i = 0; i < service->dest_count; i++) {
		enum backend_state state = service->dests[i].state;

		if (state == BACKEND_DRAIN || !config->backends[i].weight)
			continue;
		service->asked++;
		service->healthy += state == BACKEND_UP || state == BACKEND_CHECKING;
	}
	service->panics = (uint64_t)service->healthy * 100 < (uint64_t)config->panic * service->asked;
	for (size_t i = 0; i < service->dest_count && service->panics; i++) {
		enum backend_state *state = &service->dests[i].state;

		if (*state == BACKEND_CHECKING || *state == BACKEND_DOWN)
			*state = BACKEND_PANIC;
	}
}

static void fill_service(struct model_service *service, const struct config_service *config,
			 const struct model_inputs *inputs, const struct passing *pass)
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
	service->dest_count = config->backend_count;
	service->dests = xcalloc(config->backend_count + 1, sizeof(*service->dests));
	for (size_t i = 0; i < config->backend_count; i++)
		fill_dest(&service->dests[i], config, &config->backends[i], inputs);
	judge_panic(service, config);
	fill_pools(service, config, pass);
	fill_picks(service, config);
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

struct model *model_build(const struct config *config, const struct model_inputs *inputs, struct model_cache *cache)
{
	struct model *model = xcalloc(1, sizeof(*model));
	const struct passing pass = {cache, inputs->seed};
	struct model_succession succession;

	cache_grow(cache, config->service_count);
	model->source4 = config->source4;
	model->source6 = config->source6;
	model->icmp_rate = config->icmp_rate;
	model->service_count = config->service_count;
	model->services = xcalloc(config->service_count + 1, sizeof(*model->services));
	model_succeed(&succession, model, inputs->before);
	for (size_t i = 0; i < config->service_count; i++) {
		if (model_inherit(&succession, i, &config->services[i]))
			continue;
		fill_service(&model->services[i], &config->services[i], inputs, &pass);
		model_note_changed(&succession, i, &config->services[i]);
	}
	fill_leftovers(model, inputs);
	cache_prune(cache, model);
	return model;
}
