/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The model: what the maps should say, derived from configuration, health and next hops. Pure data; datapath.c makes it true.
 */
#ifndef SHUNT_MODEL_H
#define SHUNT_MODEL_H

#include "../lib/config.h"
#include "health.h"
#include "nexthop.h"
#include "ring.h"

/* Why a backend is, or is not, in the ring: one word, the same in API, CLI and metrics. */
enum backend_state {
	BACKEND_UP,	    /* in the ring */
	BACKEND_DRAIN,	    /* an operator asked for it: out of the ring */
	BACKEND_CHECKING,   /* no check has answered yet: out */
	BACKEND_DOWN,	    /* checks fail: out */
	BACKEND_UNRESOLVED, /* its next hop has never been known, or its route is gone: out */
	BACKEND_PANIC, /* its checks do not say that it is up, but so few of its service are that all are used: in the ring */
};
const char *backend_state_name(enum backend_state state); /* "up", "drain", "checking", "down", "unresolved", "panic" */

/* Does it get new connections, as far as its state goes? */
static inline bool backend_is_used(enum backend_state state)
{
	return state == BACKEND_UP || state == BACKEND_PANIC;
}

/* The service's own ring. Also of backends in pools that have no share and that nobody is sent to: they have no slots. */
#define MODEL_POOL_DEFAULT SIZE_MAX

struct model_dest {
	struct shunt_addr addr;
	enum backend_state state;
	enum health_state health; /* up where nobody checks */
	bool failing;		  /* its checks or its next hop say that it cannot be reached, drained or not */
	size_t pool;		  /* whose ring it is in: index in the service's pools, or MODEL_POOL_DEFAULT */
	bool in_both;		  /* in a pool's ring: it is in the service's own as well, as another destination */
	struct config_encap encap;
	struct nexthop nexthop;		     /* may be unresolved */
	struct config_server_id *server_ids; /* QUIC: all that it answers to */
	size_t server_id_count;
};

/*
 * A service's ring, never changed once it is made: models share it with each other and with the cache for as long as it is the
 * service's, so the same object means the same ring (and, while somebody holds it, another object's address cannot be its).
 */
struct model_ring {
	unsigned int holders; /* plain: all are in one thread */
	uint32_t size;
	uint32_t slots[]; /* indexes into the service's dests, or RING_NONE */
};
struct model_ring *
model_ring_new(uint32_t size); /* held once, by the caller; to be filled before it is shown to others */
const struct model_ring *model_ring_hold(const struct model_ring *ring);
void model_ring_release(const struct model_ring *ring); /* NULL is fine */

/* A pool that sources are sent to. */
struct model_pool {
	char name[CONFIG_POOL_MAX];
	const struct model_ring *ring; /* held; of the service's dests, only such as are in the pool */
};

/* What the models hold that have the same service: built from the same service of a configuration, in the same world. */
struct model_shared;

struct model_service {
	struct model_shared *shared; /* held, with all that members point at */
	const struct config_shared
		*of; /* what it was built from; NULL: nobody can say whether that is still the same */
	bool stale; /* the world has changed for it since: the next model has another. Of this model's service alone, not of what is shared */
	char name[SHUNT_NAME_MAX];
	uint32_t salt;
	uint32_t ring_size;
	bool echo;
	enum config_algorithm algorithm;
	uint32_t sticky; /* seconds */
	struct config_hash hash;
	const struct config_sources *sources; /* held; NULL: every source */
	uint32_t quic;			      /* lengths of server ids, as in struct shunt_vip.quic; 0: not QUIC */
	enum config_udp udp;
	uint32_t idle_timeout, drain_timeout; /* seconds */
	uint32_t healthy,
		asked; /* backends; of how many that are to be used; those of which nothing is known yet count as healthy */
	bool panics; /* so few are healthy that all are used */
	struct config_vip *vips;
	size_t vip_count;
	struct model_dest *dests; /* one per backend, in the order of the configuration */
	size_t dest_count;
	const struct model_ring *ring; /* held; of ring_size slots; of the pools that have a share */
	uint32_t *
		picks; /* where the algorithm picks: indexes of dests in the default pool that are up, in turn (picks.h) */
	size_t pick_count;
	struct model_pool *pools; /* those of sources, in their order */
	size_t pool_count;
};

/* The next hop of a backend that the configuration has not any more, but the maps have. */
struct model_leftover {
	struct shunt_addr addr;
	struct nexthop nexthop;
};

struct model {
	struct shunt_prefix source4, source6;
	uint32_t icmp_rate;
	struct model_leftover *leftovers;
	size_t leftover_count;
	struct model_service *services;
	size_t service_count;
	size_t found;	 /* model_find(): behind the last one found */
	uint64_t serial; /* no other model has it */
	uint64_t
		follows; /* the serial of the one before, if only states, next hops, rings and times of `changed` differ; else 0 */
	size_t *changed; /* indexes of services that are not those of the one before */
	size_t changed_count;
};

/* What model_build() asks about the world; any may be NULL: no health (all up), no next hops (all unresolved).
 * Services with check none are not asked about: their backends are up. */
struct model_inputs {
	uint64_t seed;
	enum health_state (*health)(void *arg, const char *service, const struct shunt_addr *backend);
	const struct nexthop *(*nexthop)(void *arg, const struct shunt_addr *backend);
	void *arg;
	const struct shunt_addr *leftovers; /* next hops are asked for, too */
	size_t leftover_count;
	const struct model *
		before; /* of the same world but for its stale services: what is the same is taken from there; may be NULL */
};

/* NULL: there is none. Who asks for one after another in their order is answered at once. */
struct model_service *model_find(struct model *model, const char *service);

/* The world has changed for these: the service's backend, all services that have one of the addresses (sorted), all services. */
void model_touch(struct model *model, const char *service);
void model_touch_addrs(struct model *model, const struct shunt_addr *addrs, size_t count);
void model_touch_all(struct model *model);

/* Is a backend's destination in its service's own ring, whatever others it has? */
static inline bool model_dest_is_own(const struct model_dest *dest)
{
	return dest->pool == MODEL_POOL_DEFAULT || dest->in_both;
}

/*
 * Rings cost more than all the rest. Kept across builds, by service name and pool: the base ring, which changes with the configuration
 * only, and the last ring made of it, which changes when a backend of the service enters or leaves it.
 */
struct model_cache;
struct model_cache *model_cache_new(void);
void model_cache_free(struct model_cache *cache);
/* Another that knows the same rings, for a model that shall leave no trace in this one. */
struct model_cache *model_cache_copy(const struct model_cache *cache);

/* What stands in the way of this tunnel over this next hop, in words; NULL: nothing. l2dsr: the next hop must be the backend itself. */
const char *model_nexthop_refusal(const struct config_encap *encap, const struct nexthop *nexthop);

struct model *model_build(const struct config *config, const struct model_inputs *inputs, struct model_cache *cache);
void model_free(struct model *model);

/* The template of a destination (include/shunt/maps.h). prefix: the outer source's, of dest->addr's family. */
void model_template(struct shunt_dest *out, const struct model_dest *dest, const struct shunt_prefix *prefix);

#endif
