/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of the rules of the anchored ring: memory of their own, over which include/shunt/conn_rules.h and anchor_rules.h are
 * compiled. One service with one ring; every destination is one of its.
 *
 * A test that interleaves CPUs defines CONN_STEPS before it includes this, and conn_step(): it is called instead of each access to what
 * CPUs and the daemon share, and makes it. Without that, an access is only itself.
 */
#ifndef TEST_CONN_WORLD_H
#define TEST_CONN_WORLD_H

#include <stddef.h>

#include "shunt/hash.h"
#include "shunt/maps.h"

struct conn_world {
	__u64 *slots; /* ring_size words */
	__u32 ring_size;
	__u32 buckets; /* a power of two */
	__u64 *ways;   /* buckets times SHUNT_CONN_WAYS words */
	__u8 *states;  /* of destinations: enum shunt_dest_state */
	__u32 destinations;
	__u32 now;    /* ticks, of any size: what is asked for gets it modulo 2^14 */
	__u32 expiry; /* shunt_conn_expiry() of the longest idle timeout */
	__u64 counts[SHUNT_CONN_COUNT_MAX];
	__u32 picks;	 /* its service picks, */
	__u32 next_pick; /* and this is what it would pick; 0: nobody is to be had */
	__u32 picked;	 /* for the packet at hand */
};

enum conn_access { CONN_LOAD, CONN_CAS, CONN_OR, CONN_STATE, CONN_NOW };

#ifdef CONN_STEPS
/* Make the access and return what it gives. CONN_STATE: at is the destination's in states. CONN_NOW: at is the world's clock. */
__u64 conn_step(enum conn_access access, const void *at, __u64 old, __u64 new);

static inline __u64 conn_load(const __u64 *word)
{
	return conn_step(CONN_LOAD, word, 0, 0);
}

static inline __u64 conn_cas(__u64 *word, __u64 old, __u64 new)
{
	return conn_step(CONN_CAS, word, old, new);
}

static inline __u64 conn_or(__u64 *word, __u64 bits)
{
	return conn_step(CONN_OR, word, 0, bits);
}
#define CONN_READ(access, at) conn_step(access, at, 0, 0)
#else
static inline __u64 conn_load(const __u64 *word)
{
	return *word;
}

static inline __u64 conn_cas(__u64 *word, __u64 old, __u64 new)
{
	__u64 seen = *word;

	if (seen == old)
		*word = new;
	return seen;
}

static inline __u64 conn_or(__u64 *word, __u64 bits)
{
	__u64 seen = *word;

	*word |= bits;
	return seen;
}
#define CONN_READ(access, at) (*(at))
#endif

static inline __u32 conn_opaque(__u32 n, __u64 hash)
{
	(void)hash;
	return n;
}

static inline __u64 *conn_bucket(const struct conn_world *w, __u32 index)
{
	return w->ways + (size_t)(index & (w->buckets - 1)) * SHUNT_CONN_WAYS;
}

static inline __u32 conn_dest_state(const struct conn_world *w, __u32 dest)
{
	return dest < w->destinations ? (__u32)CONN_READ(CONN_STATE, &w->states[dest]) : SHUNT_DEST_FREE;
}

/* A destination that is free has no ring, so that nothing of it is of a slot. */
static inline __u64 *conn_slot(const struct conn_world *w, __u32 dest, __u32 tag)
{
	if (conn_dest_state(w, dest) == SHUNT_DEST_FREE)
		return NULL;
	return &w->slots[shunt_tag_slot(tag, w->ring_size)];
}

static inline __u32 conn_now(const struct conn_world *w)
{
	return (__u32)CONN_READ(CONN_NOW, &w->now) & SHUNT_CONN_TIME_MASK;
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
	return w->picks;
}

static inline __u32 conn_picked(const struct conn_world *w)
{
	return w->picked;
}

static inline void conn_live(const struct conn_world *w, __u32 dest, int by)
{
	(void)w;
	(void)dest;
	(void)by;
}

#define CONN_PART static inline __attribute__((unused))
#include "shunt/anchor_rules.h"

/* A hash with this tag (its 28 bits say its slot) and this home bucket. */
static inline __u64 conn_hash(__u32 tag, __u32 home)
{
	return (__u64)tag << 36 | home;
}

/* The least tag of a slot. */
static inline __u32 conn_tag_of_slot(const struct conn_world *w, __u32 slot)
{
	return (__u32)((((__u64)slot << SHUNT_CONN_TAG_BITS) + w->ring_size - 1) / w->ring_size);
}

/* What bpf/shunt.bpf.c does: only packets of dirty slots ask for more than the slot's word. */
static inline __u32 conn_packet(struct conn_world *w, __u64 hash, enum conn_kind kind)
{
	__u64 *slot = &w->slots[shunt_tag_slot(shunt_flow_tag(hash), w->ring_size)], word = conn_load(slot);
	__u32 dest;

	if (!(word & SHUNT_SLOT_DIRTY))
		return shunt_slot_current(word);
	w->picked = CONN_PICK;
	dest = conn_choose(w, slot, hash, kind);
	if (dest != CONN_PICK)
		return dest;
	w->picked = w->next_pick;
	return conn_choose(w, slot, hash, kind);
}

#endif
