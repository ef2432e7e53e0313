/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules of the anchored ring, for the daemon: what it does to a slot's word and to an entry of the connection table, one at a time.
 * When it does which, and to which slots, is in user/shuntd/datapath_rings.c and datapath_sweep.c. Written once, as conn_rules.h is, which see for what the
 * includer declares: the daemon compiles this over the mapped maps, the tests over memory of their own.
 *
 * There is one daemon, of one thread: nobody else writes current, anchor, DIRTY, REANCHOR and PREP, or clears FAIL and filter. Every step
 * is a function of the words in the maps and of what is wanted, so that a daemon that was killed between any two of them is followed by one that
 * goes on; what is only in its memory is since when things are so, and forgetting that makes them last longer.
 *
 * Two of the rules count on a moment in which every packet that was underway has ended (an RCU wait): a slot is *settled* if its word has
 * had current == anchor, without PREP, since before such a moment. Nobody makes an entry in a settled slot, and nobody goes by an anchor that it had
 * before.
 */
#ifndef SHUNT_ANCHOR_RULES_H
#define SHUNT_ANCHOR_RULES_H

#include "conn_rules.h"

/* Have connections of this slot to be kept apart by entries? */
CONN_INLINE int anchor_is_moved(__u64 word)
{
	return shunt_slot_current(word) != shunt_slot_anchor(word);
}

/* Settled, once an RCU wait has passed. */
CONN_INLINE int anchor_may_settle(__u64 word)
{
	return !anchor_is_moved(word) && !(word & SHUNT_SLOT_PREP);
}

/* Should beginnings get entries for a while before the slot goes from current to wanted? Not if current has failed, and not if they have
 * them anyway, since the slot has moved already. */
CONN_INLINE int anchor_wants_prep(struct conn_world *w, __u64 word, __u32 wanted)
{
	__u32 current = shunt_slot_current(word);

	return current && current != wanted && !anchor_is_moved(word) && conn_is_live(conn_state_of(w, current));
}

CONN_INLINE void anchor_prepare(__u64 *slot)
{
	conn_or(slot, SHUNT_SLOT_PREP | SHUNT_SLOT_DIRTY);
}

/* Of a service that picks: beginnings are its to choose, so no packet may go by the ring alone. */
CONN_INLINE void anchor_keep_dirty(__u64 *slot)
{
	if (!(conn_load(slot) & SHUNT_SLOT_DIRTY))
		conn_or(slot, SHUNT_SLOT_DIRTY);
}

/* The word with current = wanted. An anchor that is dead has no connections to keep. */
CONN_INLINE __u64 anchor_moved(struct conn_world *w, __u64 word, __u32 wanted)
{
	__u32 anchor = shunt_slot_anchor(word);
	__u64 flags = word & (SHUNT_SLOT_DIRTY | SHUNT_SLOT_FAIL | SHUNT_SLOT_FILTER_MASK);

	if (conn_is_dead(conn_state_of(w, anchor)))
		anchor = wanted;
	if (anchor == wanted)
		flags &= ~SHUNT_SLOT_FAIL;
	else
		flags |= SHUNT_SLOT_DIRTY | SHUNT_SLOT_REANCHOR;
	return (__u64)wanted | (__u64)anchor << SHUNT_SLOT_ANCHOR_SHIFT | flags;
}

/* Go to wanted, now. Also what to do when an anchor has died, and to end a PREP that is not wanted any more. Returns the word before; a window
 * begins if that was not moved and the new one is. */
CONN_INLINE __u64 anchor_move(struct conn_world *w, __u64 *slot, __u32 wanted)
{
	__u64 word, seen = conn_load(slot);

	do {
		word = seen;
		seen = conn_cas(slot, word, anchor_moved(w, word, wanted));
	} while (seen != word);
	return word;
}

enum anchor_window {
	ANCHOR_OPEN,	  /* it goes on */
	ANCHOR_RESTARTED, /* connections found no room: it begins anew, now */
	ANCHOR_CLOSED,	  /* the anchor has followed */
};

/* In a sweep, of a slot in REANCHOR. is_over: its window has lasted long enough. */
CONN_INLINE enum anchor_window anchor_window_step(__u64 *slot, int is_over)
{
	__u64 word = conn_load(slot), next;

	if (word & SHUNT_SLOT_FAIL) {
		do {
			next = word;
			word = conn_cas(slot, next, next & ~SHUNT_SLOT_FAIL);
		} while (word != next);
		return ANCHOR_RESTARTED;
	}
	if (!is_over)
		return ANCHOR_OPEN;
	next = word & (SHUNT_SLOT_DIRTY | SHUNT_SLOT_PREP | SHUNT_SLOT_FILTER_MASK);
	next |= shunt_slot_clean(shunt_slot_current(word));
	/* If the program has set FAIL, or a bit of the filter, since: another time. */
	return conn_cas(slot, word, next) == word ? ANCHOR_CLOSED : ANCHOR_OPEN;
}

/* After a sweep that met no entry of a slot that was settled when it began: the ring alone decides again. */
CONN_INLINE void anchor_clean(__u64 *slot)
{
	__u64 word = conn_load(slot), seen;

	while ((seen = conn_cas(slot, word, shunt_slot_clean(shunt_slot_current(word)))) != word)
		word = seen;
}

/* Is the entry to be taken out? slot: its; NULL: not known. settled: the slot is. expiry: of its service's established ones. */
CONN_INLINE int anchor_entry_goes(struct conn_world *w, __u64 entry, const __u64 *slot, int settled, __u32 now,
				  __u32 expiry)
{
	__u64 word;

	if (!slot || conn_is_dead(conn_dest_state(w, shunt_conn_dest(entry))) || conn_expired(entry, now, expiry))
		return 1;
	word = conn_load(slot);
	if (!(word & SHUNT_SLOT_DIRTY)) /* nobody asks for it */
		return 1;
	return settled && anchor_may_settle(word) && shunt_slot_current(word) == shunt_conn_dest(entry);
}

/* Take it out, if it still says so. */
CONN_INLINE void anchor_entry_drop(__u64 *way, __u64 entry, __u32 now)
{
	conn_cas(way, entry, shunt_conn_gone(now));
}

/* Nothing but ways that are empty or gone, in a bucket and its neighbour. */
CONN_INLINE int anchor_pair_is_empty(const __u64 *way, const __u64 *neighbour)
{
	for (__u32 i = 0; i < SHUNT_CONN_WAYS; i++)
		if (shunt_conn_dest(conn_load(&way[i])) || shunt_conn_dest(conn_load(&neighbour[i])))
			return 0;
	return 1;
}

/*
 * Make what is gone empty, so that searches end here again. For a bucket that was empty, with its neighbour, before an RCU wait, and is now: an entry
 * in the neighbour would be of the neighbour, since while ways of a bucket are free nobody goes next door. Last way first, and only what has
 * been gone for a while: a bucket may fill up meanwhile.
 */
CONN_INLINE void anchor_bucket_reset(__u64 *way, __u32 now)
{
	for (__u32 i = SHUNT_CONN_WAYS; i-- > 0;) {
		__u64 entry = conn_load(&way[i]);

		if (entry && !shunt_conn_dest(entry) && shunt_conn_age(entry, now) > 1)
			conn_cas(&way[i], entry, 0);
	}
}

#endif
