/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of the rules of the anchored ring: the daemon's sweep, in the order in which the rules' comments ask for it. What is a
 * function of the words alone is in anchor_rules.h; here is what a sweep remembers while it lasts, and nothing else.
 */
#ifndef TEST_CONN_SWEEP_H
#define TEST_CONN_SWEEP_H

#include <stdbool.h>
#include <string.h>

#include "world.h"

#define SWEEP_SLOTS 8
#define SWEEP_BUCKETS 8
#define SWEEP_DESTS 8

struct sweep {
	bool settled[SWEEP_SLOTS]; /* the slot may have been settled when the sweep began */
	bool met[SWEEP_SLOTS];	   /* it has an entry, or had */
	bool empty[SWEEP_BUCKETS]; /* the bucket and its neighbour were */
	bool named[SWEEP_DESTS];   /* by a slot when the sweep began, or by an entry */
};

/* Before the RCU wait. */
static inline void sweep_begin(struct sweep *s, struct conn_world *w)
{
	memset(s, 0, sizeof(*s));
	for (__u32 i = 0; i < w->ring_size; i++) {
		__u64 word = conn_load(&w->slots[i]);

		s->settled[i] = !w->picks && anchor_may_settle(word);
		s->named[shunt_slot_current(word)] = s->named[shunt_slot_anchor(word)] = true;
	}
}

static inline void sweep_entry(struct sweep *s, struct conn_world *w, __u64 *way, __u32 expiry)
{
	__u64 entry = conn_load(way), *slot;

	if (!shunt_conn_dest(entry))
		return;
	s->named[shunt_conn_dest(entry)] = true;
	slot = conn_slot(w, shunt_conn_dest(entry), shunt_conn_tag(entry));
	if (slot)
		s->met[slot - w->slots] = true;
	if (anchor_entry_goes(w, entry, slot, slot && s->settled[slot - w->slots], conn_now(w), expiry))
		anchor_entry_drop(way, entry, conn_now(w));
}

/* After it: the entries, then the slots. over: by slot, its window has lasted. Returns the slots whose windows begin anew, as bits. */
static inline __u32 sweep_rest(struct sweep *s, struct conn_world *w, __u32 expiry, __u32 over)
{
	__u32 restarted = 0;

	for (__u32 i = 0; i < w->buckets * SHUNT_CONN_WAYS; i++)
		sweep_entry(s, w, &w->ways[i], expiry);
	for (__u32 i = 0; i < w->ring_size; i++) {
		__u64 word = conn_load(&w->slots[i]);

		if (word & SHUNT_SLOT_REANCHOR) {
			if (anchor_window_step(&w->slots[i], over >> i & 1) == ANCHOR_RESTARTED)
				restarted |= 1u << i;
		} else if (word & SHUNT_SLOT_DIRTY && s->settled[i] && !s->met[i]) {
			anchor_clean(&w->slots[i]);
		}
	}
	return restarted;
}

/* Buckets: before an RCU wait, and after it. */
static inline void sweep_buckets_begin(struct sweep *s, struct conn_world *w)
{
	for (__u32 i = 0; i < w->buckets; i++)
		s->empty[i] = anchor_pair_is_empty(conn_bucket(w, i), conn_bucket(w, i ^ 1));
}

static inline void sweep_buckets_rest(struct sweep *s, struct conn_world *w)
{
	for (__u32 i = 0; i < w->buckets; i++)
		if (s->empty[i] && anchor_pair_is_empty(conn_bucket(w, i), conn_bucket(w, i ^ 1)))
			anchor_bucket_reset(conn_bucket(w, i), conn_now(w));
}

#endif
