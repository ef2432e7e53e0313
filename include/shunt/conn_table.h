/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The connection table, for one packet: finding a flow's entry, and making one, among others that do so at the same time. Part of
 * conn_rules.h, which says what the includer declares, and when a flow has an entry.
 *
 * A flow's entry is in one of two buckets: its home, and the neighbour. Ways are changed by compare-and-swap alone. Behind a way that is
 * empty, and not merely gone, there is nothing: a search ends there.
 */
#ifndef SHUNT_CONN_TABLE_H
#define SHUNT_CONN_TABLE_H

#include "hash.h"
#include "maps.h"

/* Of loops that are better small than fast. */
#ifdef __clang__
#define CONN_LOOP _Pragma("clang loop unroll(disable)")
#else
#define CONN_LOOP
#endif
#define CONN_INLINE static inline __attribute__((always_inline))

/* Of what changes an entry: it was not as thought; look again. No destination. */
#define CONN_AGAIN (~0u)

/* Both of a flow's buckets: first its home's ways, then the neighbour's. */
#define CONN_PAIR (2 * SHUNT_CONN_WAYS)
#define CONN_NOWHERE CONN_PAIR

struct conn_found {
	__u32 at; /* in the pair, or CONN_NOWHERE */
	__u64 entry;
};

/* Is it over, whatever else there is room for? */
CONN_INLINE int conn_expired(__u64 entry, __u32 now, __u32 expiry)
{
	__u32 age = shunt_conn_age(entry, now);

	switch (shunt_conn_state(entry)) {
	case SHUNT_CONN_NEW:
		return age >= SHUNT_CONN_NEW_EXPIRY;
	case SHUNT_CONN_CLOSING:
		return age >= SHUNT_CONN_CLOSING_EXPIRY;
	default:
		return age >= expiry;
	}
}

/* May another take its place? */
CONN_INLINE int conn_evictable(__u64 entry, __u32 now, __u32 expiry)
{
	__u32 age = shunt_conn_age(entry, now);

	switch (shunt_conn_state(entry)) {
	case SHUNT_CONN_NEW:
		return age >= SHUNT_CONN_NEW_EVICT;
	case SHUNT_CONN_CLOSING:
		return age >= SHUNT_CONN_CLOSING_EVICT;
	default:
		return age >= expiry;
	}
}

/* Bits of the hash that the tag does not have: flows of one tag are in different buckets. */
CONN_INLINE __u32 conn_home(__u64 hash)
{
	return (__u32)hash;
}

CONN_INLINE int conn_is_of(__u64 entry, __u32 tag)
{
	return shunt_conn_tag(entry) == tag && shunt_conn_dest(entry);
}

CONN_INLINE __u64 *conn_way(struct conn_world *w, __u64 hash, __u32 at)
{
	__u64 *way = conn_bucket(w, conn_home(hash) ^ (at / SHUNT_CONN_WAYS & 1));

	return way ? way + at % SHUNT_CONN_WAYS : 0;
}

/* Does the way at hold what was found there? Then put in next. */
CONN_INLINE int conn_swap(struct conn_world *w, __u64 hash, const struct conn_found *found, __u64 next)
{
	__u64 *way = conn_way(w, hash, found->at);

	return way && conn_cas(way, found->entry, next) == found->entry;
}

CONN_INLINE struct conn_found conn_find(struct conn_world *w, __u64 hash)
{
	__u32 tag = shunt_flow_tag(hash);

	CONN_LOOP
	for (__u32 neighbour = 0; neighbour < 2; neighbour++) {
		__u64 *way = conn_bucket(w, conn_home(hash) ^ neighbour);

		for (__u32 i = 0; way && i < SHUNT_CONN_WAYS; i++) {
			__u64 entry = conn_load(&way[i]);

			if (!entry)
				return (struct conn_found){.at = CONN_NOWHERE};
			if (conn_is_of(entry, tag))
				return (struct conn_found){conn_opaque(neighbour * SHUNT_CONN_WAYS + i, hash), entry};
		}
	}
	return (struct conn_found){.at = CONN_NOWHERE};
}

/* ---- making an entry */

/*
 * Is there another's entry of the same tag, elsewhere than at except? Then *found is it. Else *found is the way to take, if there is any: the first
 * that is free, or the first that is evictable when none is. An evictable entry may still be of use to somebody.
 */
CONN_INLINE int conn_scan(struct conn_world *w, __u64 hash, __u32 except, __u32 now, struct conn_found *found)
{
	__u32 tag = shunt_flow_tag(hash), expiry = conn_expiry(w);

	*found = (struct conn_found){.at = CONN_NOWHERE};
	CONN_LOOP
	for (__u32 neighbour = 0; neighbour < 2; neighbour++) {
		__u64 *ways = conn_bucket(w, conn_home(hash) ^ neighbour), entry;

		if (!ways)
			return 0;
		CONN_LOOP
		for (__u32 i = 0; i < SHUNT_CONN_WAYS; i++) {
			__u32 at = neighbour * SHUNT_CONN_WAYS + i;
			int is_other, is_free, has_none = found->at == CONN_NOWHERE;

			entry = conn_load(&ways[i]);
			is_free = !shunt_conn_dest(entry);
			is_other = at != except && conn_is_of(entry, tag);
			if (is_other || (is_free && (has_none || shunt_conn_dest(found->entry))) ||
			    (has_none && conn_evictable(entry, now, expiry)))
				*found = (struct conn_found){conn_opaque(at, hash), entry};
			if (is_other || !entry)
				return is_other;
		}
	}
	return 0;
}

/* Is it only there so that the slot's anchor may change? Without it, its connection would go the same way. */
CONN_INLINE int conn_is_spare(struct conn_world *w, __u64 entry)
{
	__u64 *slot;

	if (shunt_conn_state(entry) != SHUNT_CONN_ANCH || !shunt_conn_dest(entry))
		return 0;
	slot = conn_slot(w, shunt_conn_dest(entry), shunt_conn_tag(entry));
	return slot && shunt_slot_anchor(conn_load(slot)) == shunt_conn_dest(entry);
}

/* A way for a beginning when all are taken: that of the oldest anchored entry whose slot still has that anchor. Its slot is told to keep
 * it first. Full tables then hold changes up; they do not break what is established, nor what begins. */
CONN_INLINE void conn_displace(struct conn_world *w, __u64 hash, __u32 now, struct conn_found *oldest)
{
	__u32 oldest_age = 0;
	__u64 *slot;

	CONN_LOOP
	for (__u32 i = 0; i < CONN_PAIR; i++) {
		__u64 *way = conn_way(w, hash, i), entry;
		__u32 age;

		if (!way)
			return;
		entry = conn_load(way);
		age = shunt_conn_age(entry, now);
		if ((oldest->at != CONN_NOWHERE && age <= oldest_age) || !conn_is_spare(w, entry))
			continue;
		*oldest = (struct conn_found){conn_opaque(i, hash), entry};
		oldest_age = conn_opaque(age, hash);
	}
	if (oldest->at == CONN_NOWHERE)
		return;
	slot = conn_slot(w, shunt_conn_dest(oldest->entry), shunt_conn_tag(oldest->entry));
	if (!slot || shunt_slot_anchor(conn_or(slot, SHUNT_SLOT_FAIL)) != shunt_conn_dest(oldest->entry))
		oldest->at = CONN_NOWHERE;
	else
		conn_count(w, SHUNT_CONN_displaced);
}

/* Do two entries say the same, but for the time? */
CONN_INLINE int conn_is_same(__u64 a, __u64 b)
{
	return !((a ^ b) & ((1ull << SHUNT_CONN_TIME_SHIFT) - 1));
}

/*
 * Two CPUs may put in the same flow at once: after its own store each looks whether there is another entry, and gives way. If both did, one could follow
 * an entry that is about to go; so of two that say the same the first one stays. Has one's own stayed?
 */
CONN_INLINE int conn_stays(struct conn_world *w, __u64 hash, const struct conn_found *own, __u32 now)
{
	struct conn_found other;

	if (!conn_scan(w, hash, own->at, now, &other))
		return 1;
	if (own->at < other.at && conn_is_same(own->entry, other.entry)) {
		conn_swap(w, hash, &other, shunt_conn_gone(now));
		return 1;
	}
	conn_swap(w, hash, own, shunt_conn_gone(now));
	return 0;
}

/* An entry for a flow that was seen to have none: its destination; 0 if there is no room; CONN_AGAIN if others were at it, too. */
CONN_PART __u32 conn_insert(struct conn_world *w, __u64 *slot, __u64 word, __u64 hash, __u64 entry)
{
	__u32 tag = shunt_conn_tag(entry), now;
	struct conn_found place, own;

	if (!w || !slot)
		return 0;
	now = conn_now(w);
	if (!(word & shunt_slot_filter(tag))) /* before the entry: who does not see it yet need not see the entry */
		conn_or(slot, shunt_slot_filter(tag));
	if (conn_scan(w, hash, CONN_NOWHERE, now, &place))
		return CONN_AGAIN;
	if (place.at == CONN_NOWHERE && shunt_conn_state(entry) == SHUNT_CONN_NEW)
		conn_displace(w, hash, now, &place);
	if (place.at == CONN_NOWHERE) {
		conn_count(w, SHUNT_CONN_refused);
		return 0;
	}
	if (!conn_swap(w, hash, &place, entry))
		return CONN_AGAIN;
	own = (struct conn_found){place.at, entry};
	if (!conn_stays(w, hash, &own, now))
		return CONN_AGAIN;
	conn_count(w, SHUNT_CONN_inserted);
	if (conn_picks(w) && shunt_conn_state(entry) != SHUNT_CONN_ANCH)
		conn_live(w, shunt_conn_dest(entry), 1);
	return shunt_conn_dest(entry);
}

#endif
