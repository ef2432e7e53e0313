/* SPDX-License-Identifier: GPL-2.0 */
/* The rules of the anchored ring over the mapped maps: the daemon's shim for include/shunt/anchor_rules.h, which the program and other
 * threads of execution write to at the same time. */
#ifndef SHUNT_CONN_WORLD_H
#define SHUNT_CONN_WORLD_H

#include "datapath_priv.h"
#include "shunt/hash.h"

struct conn_world {
	struct datapath *dp;
};

static inline __u64 conn_load(const __u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline __u64 conn_cas(__u64 *word, __u64 old, __u64 new)
{
	return __sync_val_compare_and_swap(word, old, new);
}

static inline __u64 conn_or(__u64 *word, __u64 bits)
{
	return __sync_fetch_and_or(word, bits);
}

static inline __u32 conn_opaque(__u32 n, __u64 hash)
{
	(void)hash;
	return n;
}

static inline __u64 *conn_bucket(const struct conn_world *w, __u32 index)
{
	return w->dp->conns[index & (w->dp->control->conn_buckets - 1)].entry;
}

static inline __u32 conn_dest_state(const struct conn_world *w, __u32 id)
{
	return id < w->dp->control->destinations ? w->dp->dests[id].state : SHUNT_DEST_FREE;
}

static inline __u64 *conn_slot(const struct conn_world *w, __u32 id, __u32 tag)
{
	const struct shunt_dest *dest = &w->dp->dests[id];

	if (id >= w->dp->control->destinations || !dest->ring_size)
		return NULL;
	return &w->dp->rings[dest->ring_base + shunt_tag_slot(tag, dest->ring_size)];
}

static inline __u32 conn_now(const struct conn_world *w)
{
	return datapath_ticks(w->dp);
}

static inline __u32 conn_expiry(const struct conn_world *w)
{
	return w->dp->control->conn_expiry;
}

/* Of packets; the daemon is none. */
static inline void conn_count(const struct conn_world *w, enum shunt_conn_count what)
{
	(void)w;
	(void)what;
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
