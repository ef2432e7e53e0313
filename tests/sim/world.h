/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The simulator's memory: slots, connection table and destination states, over which include/shunt/conn_rules.h and anchor_rules.h are
 * compiled. Everything happens one after the other here, in virtual time; what happens between two accesses is tested elsewhere.
 *
 * Beside each entry the world remembers which flow made it, so that a flow which took another's entry for its own can be told from one
 * that a rule failed.
 */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/hash.h"
#include "shunt/maps.h"

enum { SIM_SERVICES = 2, SIM_DESTINATIONS = 4096 };

struct conn_world {
	__u64 *slots; /* all services' rings, one behind the other */
	struct shunt_bucket *buckets;
	uint32_t bucket_count;
	uint8_t state[SIM_DESTINATIONS]; /* enum shunt_dest_state */
	uint8_t service[SIM_DESTINATIONS];
	uint32_t ring_base[SIM_SERVICES];
	uint32_t ring_size[SIM_SERVICES];
	uint32_t now; /* ticks, not cut */
	uint32_t expiry;
	bool has_read; /* a bucket was touched since this was cleared */
	uint64_t *counts;
};

/* What the accesses that know no world need of it. One world at a time. */
struct sim_memory {
	__u64 *ways;
	uint64_t *makers; /* by way: the hash of the flow that made the entry */
	size_t way_count;
	uint64_t hash;	  /* of the flow whose packet is being looked at */
	uint64_t or_mask; /* bits that an atomic or can set: fewer, to break a rule on purpose */
};
extern struct sim_memory sim_memory;

static inline __u64 conn_load(const __u64 *word)
{
	return *word;
}

static inline __u64 conn_cas(__u64 *word, __u64 old, __u64 next)
{
	__u64 seen = *word;
	size_t way = (size_t)((uintptr_t)word - (uintptr_t)sim_memory.ways) / sizeof(*word);

	if (seen != old)
		return seen;
	*word = next;
	if (way < sim_memory.way_count && shunt_conn_tag(next) == shunt_flow_tag(sim_memory.hash) &&
	    (!shunt_conn_dest(old) || shunt_conn_tag(old) != shunt_conn_tag(next)))
		sim_memory.makers[way] = sim_memory.hash;
	return seen;
}

static inline __u64 conn_or(__u64 *word, __u64 bits)
{
	__u64 seen = *word;

	*word |= bits & sim_memory.or_mask;
	return seen;
}

static inline __u32 conn_opaque(__u32 n, __u64 hash)
{
	(void)hash;
	return n;
}

static inline __u64 *conn_bucket(struct conn_world *w, __u32 index)
{
	w->has_read = true;
	return w->buckets[index & (w->bucket_count - 1)].entry;
}

static inline __u32 conn_dest_state(const struct conn_world *w, __u32 dest)
{
	return dest < SIM_DESTINATIONS ? w->state[dest] : SHUNT_DEST_FREE;
}

static inline __u64 *conn_slot(const struct conn_world *w, __u32 dest, __u32 tag)
{
	uint32_t service;

	if (conn_dest_state(w, dest) == SHUNT_DEST_FREE)
		return NULL;
	service = w->service[dest];
	return &w->slots[w->ring_base[service] + shunt_tag_slot(tag, w->ring_size[service])];
}

static inline __u32 conn_now(const struct conn_world *w)
{
	return w->now & SHUNT_CONN_TIME_MASK;
}

static inline __u32 conn_expiry(const struct conn_world *w)
{
	return w->expiry;
}

static inline void conn_count(struct conn_world *w, enum shunt_conn_count what)
{
	w->counts[what]++;
}

static inline int conn_picks(const struct conn_world *w)
{
	(void)w;
	return 0;
}

static inline __u32 conn_picked(const struct conn_world *w)
{
	(void)w;
	return 0;
}

static inline void conn_live(const struct conn_world *w, __u32 dest, int by)
{
	(void)w;
	(void)dest;
	(void)by;
}

#define CONN_PART static inline __attribute__((unused))
#include "shunt/anchor_rules.h"

#endif
