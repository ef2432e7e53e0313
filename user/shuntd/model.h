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
	BACKEND_ASLEEP,	    /* it, or its pool, is on demand and not awake: out */
	BACKEND_PANIC, /* its checks do not say that it is up, but so few of its service are that all are used: in the ring */
};
const char *
backend_state_name(enum backend_state state); /* "up", "drain", "checking", "down", "unresolved", "asleep", "panic" */

/* Does it get new connections, as far as its state goes? */
static inline bool backend_is_used(enum backend_state state)
{
	return state == BACKEND_UP || state == BACKEND_PANIC;
}

/* How far what is on demand may be used. */
enum demand_view {
	DEMAND_VIEW_AWAKE,
	DEMAND_VIEW_WAKING, /* those whose checks pass */
	DEMAND_VIEW_OUT,
};

/* By what a service's new connections go, but for those of sources that are sent to a pool. */
enum model_rule {
	MODEL_SHARES,  /* the pools' shares; a pool that has failed has none */
	MODEL_BACKUP,  /* all pools with shares have failed: backup pools serve */
	MODEL_HEALTHY, /* so have those: whoever is healthy is used, in pools of which too few are */
	MODEL_PANIC,   /* so have those: so few are healthy that all are used */
	MODEL_NOBODY,  /* none can be used */
	MODEL_RULES
};
const char *model_rule_name(enum model_rule rule); /* "shares", "backup", "healthy", "panic", "nobody" */

/* A pool that has a share, or is a backup. */
struct model_standing {
	char pool[CONFIG_POOL_MAX];
	bool backup;
	uint32_t healthy, asked, used; /* backends, as in struct model_service; used: can be */
	struct config_min_healthy min_healthy;
	bool failed; /* it has nobody, or too few, or (a pool with a share) its service has */
};

/* The service's own ring. Also of backends in pools that have no share and that nobody is sent to: they have no slots. */
#define MODEL_POOL_DEFAULT SIZE_MAX

struct model_dest {
	struct shunt_addr addr;
	enum backend_state state;
	enum health_state health; /* up where nobody checks */
	bool failing;		  /* its checks or its next hop say that it cannot be reached, drained or not */
	size_t pool;		  /* whose ring it is in: index in the service's pools, or MODEL_POOL_DEFAULT */
	bool takes;		  /* new connections, as far as its state and weight go */
	bool fresh;		  /* it came with its service, and has not served yet: nothing of it is new */
	uint64_t began;		  /* its slow start, by the clock of the inputs; 0: it is in none */
	uint8_t level;		  /* of RING_TURNS, how much of its weight it has */
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
	bool wakes;		       /* it has backends that are not awake, and wake when the ring has nobody */
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
		asked; /* backends; of how many that are to be used; those of which nothing is known yet count as healthy; not those of backup pools */
	enum model_rule rule;
	struct model_standing
		*standings; /* in the order of the configuration's pools; without those: the default pool's */
	size_t standing_count;
	uint64_t next_step; /* when somebody's slow start goes on; 0: never */
	struct config_vip *vips;
	size_t vip_count;
	struct model_dest *dests; /* one per backend, in the order of the configuration */
	size_t dest_count;
	const struct model_ring *ring; /* held; of ring_size slots; of the pools that the rule says */
	bool wakes;		       /* as a pool's */
	uint32_t *
		picks; /* where the algorithm picks: indexes of dests in the ring's pools that are up, in turn (picks.h) */
	size_t pick_count;
	struct model_pool *pools; /* those of sources, in their order */
	size_t pool_count;
};

/* The next hop of a backend that the maps have, whether or not the configuration still has it. */
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
	uint64_t next_step; /* the earliest of the services' */
	size_t found;	    /* model_find(): the place of the last one found */
	uint64_t serial;    /* no other model has it */
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
	/* Of what is on demand; NULL: all is awake. */
	enum demand_view (*demand)(void *arg, const char *service, const struct config_demand *demand);
	void *arg;
	const struct shunt_addr *leftovers; /* what the maps have: next hops are asked for, too */
	size_t leftover_count;
	const struct model
		*before; /* that this one follows on; NULL: nothing is known of before, and nobody starts slowly */
	bool same_world; /* as before's, but for its stale services: what is the same is taken from there */
	uint64_t now;	 /* ms, of any clock, above 0 */
	bool settled;	 /* as when what begins now has ended: who comes now has its whole weight */
};

/* NULL: there is none. Who asks for one after another in their order is answered at once. */
struct model_service *model_find(struct model *model, const char *service);

/* The world has changed for these: a service, all services that have one of the addresses (sorted), all services. A service whose slow
 * start goes on is known to change by itself. */
void model_touch(struct model *model, const char *service);
void model_touch_addrs(struct model *model, const struct shunt_addr *addrs, size_t count);
void model_touch_all(struct model *model);

/* By name. Where the last search ended, *at, is where the next one begins: two models mostly have the same things in the same order. */
const struct model_service *model_find_service(const struct model *model, const char *name, size_t *at);
/* The same of a service's backends, by address. */
const struct model_dest *model_service_dest(const struct model_service *service, const struct shunt_addr *addr,
					    size_t *at);
/* By model_find(). */
const struct model_dest *model_find_dest(struct model *model, const char *service, const struct shunt_addr *addr);

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
