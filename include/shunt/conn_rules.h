/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The rules of the anchored ring, for one packet: which destination it goes to, and what becomes of its entry in the connection
 * table. docs/connections.md says why each rule is there; conn_table.h has the table, anchor_rules.h the daemon's part.
 *
 * Written once: the XDP program compiles this text over its maps (bpf/conn.h), the tests compile it over memory of their own and make
 * every shared access a step. A packet comes here only if its slot is DIRTY. What holds at every step (and is what the tests look at):
 * a connection that is alive and has no entry belongs to its slot's anchor.
 *
 * Who includes this has declared before, with pointers to 64-bit words that other CPUs and the daemon share:
 *   struct conn_world                  whatever the rest needs; the rules only hand it on
 *   conn_load(p)                       a plain load
 *   conn_cas(p, old, new)              compare and swap, a full barrier; returns what was there
 *   conn_or(p, bits)                   atomic or, a full barrier; returns what was there
 *   conn_bucket(w, index)              the ways of a bucket; the index may be too large, and is then cut
 *   conn_opaque(n, hash)               n, below 2^14; a verifier shall forget which, or it would try all
 *   conn_slot(w, dest, tag)            the slot that an entry is of, NULL if that cannot be said
 *   conn_dest_state(w, dest)           enum shunt_dest_state
 *   conn_now(w), conn_expiry(w)        in ticks: the time, and shunt_conn_expiry() of the longest idle timeout there is
 *   conn_count(w, what)                counts an enum shunt_conn_count
 *   conn_picks(w)                      does the service choose for beginnings by something else than the ring?
 *   conn_picked(w)                     if so, the destination that was picked for this packet; 0: none is to be had; CONN_PICK: nobody was asked
 *   conn_live(w, dest, by)             then, too: it has a connection more (1) or less (-1); roughly, sweeps know better
 */
#ifndef SHUNT_CONN_RULES_H
#define SHUNT_CONN_RULES_H

#include "conn_table.h"

/* What a packet says of its connection. */
enum conn_kind {
	CONN_OPEN, /* it begins one: a SYN without ACK, RST or FIN; of QUIC, what goes before the server's first connection id */
	CONN_DATA,  /* it goes on */
	CONN_CLOSE, /* it goes on, and ends on this side: FIN */
	CONN_RESET, /* it ends: RST */
	CONN_KEEP,  /* nothing: beginnings cannot be seen, and flows stay where they are */
	CONN_TRACK, /* nothing; flows without an entry go by the ring */
};

/* Attempts at an entry that others change at the same time. */
#define CONN_ATTEMPTS 3
/* Of conn_choose(): pick a destination for this packet, then ask again. No destination. */
#define CONN_PICK (~0u - 1)

CONN_INLINE int conn_is_live(__u32 state)
{
	return state == SHUNT_DEST_UP || state == SHUNT_DEST_DRAIN;
}

CONN_INLINE int conn_is_dead(__u32 state)
{
	return state == SHUNT_DEST_DEAD || state == SHUNT_DEST_FREE;
}

CONN_INLINE __u32 conn_state_of(struct conn_world *w, __u32 dest)
{
	return dest ? conn_dest_state(w, dest) : SHUNT_DEST_DEAD;
}

/* ---- a flow without an entry */

CONN_INLINE __u32 conn_anchor(struct conn_world *w, __u64 word)
{
	__u32 anchor = shunt_slot_anchor(word);

	/* The daemon has not come by yet: nobody is there to keep. */
	return conn_is_dead(conn_state_of(w, anchor)) ? shunt_slot_current(word) : anchor;
}

/* There was no room for an entry that says otherwise: the anchor, which then must stay for another window. */
CONN_INLINE __u32 conn_refused(struct conn_world *w, __u64 *slot)
{
	return conn_anchor(w, conn_or(slot, SHUNT_SLOT_FAIL));
}

/* Where a flow without an entry goes, and the entry that it should have. */
struct conn_wish {
	__u32 dest;
	__u8 state;  /* enum shunt_conn_state */
	__u8 insert; /* make the entry */
	__u8 must;   /* without it, not to dest: conn_refused() */
};

/* Of the anchor, as all that live without an entry; recorded while a window lasts. */
CONN_INLINE struct conn_wish conn_wish_record(__u64 word, enum shunt_conn_state state)
{
	__u8 record = !!(word & SHUNT_SLOT_REANCHOR);

	return (struct conn_wish){shunt_slot_anchor(word), state, record, record};
}

/* By the ring; recorded where that may soon say another thing, or the anchor does. */
CONN_INLINE struct conn_wish conn_wish_current(__u64 word, enum shunt_conn_state state, __u8 must)
{
	__u32 current = shunt_slot_current(word);
	__u8 is_moved = current != shunt_slot_anchor(word);

	return (struct conn_wish){current, state, current && (is_moved || word & SHUNT_SLOT_PREP), is_moved && must};
}

/* As was picked; recorded also if that is the anchor, since the next packet that looks like a beginning would be picked another. What
 * finds no room is the anchor's, like all without an entry; and the anchor must then stay, if it was about to go. */
CONN_INLINE struct conn_wish conn_wish_picked(__u64 word, __u32 picked)
{
	__u8 must = picked != shunt_slot_anchor(word) || !!(word & SHUNT_SLOT_REANCHOR);

	return (struct conn_wish){picked, SHUNT_CONN_NEW, picked != CONN_PICK, must};
}

/* What was picked; by the ring, if nothing is to be had or nobody picks. */
CONN_INLINE __u32 conn_first_choice(struct conn_world *w, __u64 word)
{
	__u32 picked = conn_picks(w) ? conn_picked(w) : 0;

	return picked ? picked : shunt_slot_current(word);
}

CONN_INLINE struct conn_wish conn_wish_of(struct conn_world *w, __u64 word, enum conn_kind kind)
{
	__u32 anchor_state;

	if ((kind == CONN_OPEN || kind == CONN_TRACK) && conn_picks(w) && conn_picked(w))
		return conn_wish_picked(word, conn_picked(w));
	if (kind == CONN_OPEN || kind == CONN_TRACK)
		return conn_wish_current(word, SHUNT_CONN_NEW, kind == CONN_OPEN);
	anchor_state = conn_state_of(w, shunt_slot_anchor(word));
	if (conn_is_dead(anchor_state))
		return (struct conn_wish){.dest = shunt_slot_current(word)};
	if (kind == CONN_RESET)
		return (struct conn_wish){.dest = shunt_slot_anchor(word)};
	if (kind == CONN_KEEP && !conn_is_live(anchor_state) && shunt_slot_current(word))
		return conn_wish_current(word, SHUNT_CONN_EST, 0);
	return conn_wish_record(word, kind == CONN_CLOSE ? SHUNT_CONN_CLOSING : SHUNT_CONN_ANCH);
}

CONN_INLINE __u32 conn_without_entry(struct conn_world *w, __u64 *slot, __u64 word, __u64 hash, enum conn_kind kind)
{
	struct conn_wish wish = conn_wish_of(w, word, kind);
	__u32 dest;

	if (!wish.insert)
		return wish.dest;
	dest = conn_insert(w, slot, word, hash,
			   shunt_conn_entry(shunt_flow_tag(hash), wish.dest, wish.state, conn_now(w)));
	if (dest)
		return dest;
	return wish.must ? conn_refused(w, slot) : wish.dest;
}

/* ---- a flow with an entry */

CONN_INLINE __u64 conn_touched(__u64 entry, enum conn_kind kind, __u32 now)
{
	enum shunt_conn_state state = shunt_conn_state(entry);
	__u32 age = shunt_conn_age(entry, now);

	if (kind == CONN_CLOSE || kind == CONN_RESET)
		state = SHUNT_CONN_CLOSING;
	else if (kind != CONN_OPEN && state == SHUNT_CONN_NEW)
		state = SHUNT_CONN_EST;
	if (state == shunt_conn_state(entry) && age < (state == SHUNT_CONN_NEW ? 1 : SHUNT_CONN_REFRESH))
		return entry;
	return shunt_conn_entry(shunt_conn_tag(entry), shunt_conn_dest(entry), state, now);
}

/* The entry does not hold for this packet: begin anew. */
CONN_INLINE __u32 conn_replace(struct conn_world *w, __u64 word, __u64 hash, const struct conn_found *found,
			       enum conn_kind kind, __u32 now)
{
	__u32 dest = conn_first_choice(w, word);
	__u64 next = shunt_conn_gone(now);

	if (dest == CONN_PICK)
		return dest;
	if (dest && (dest != shunt_slot_anchor(word) || word & SHUNT_SLOT_PREP || conn_picks(w)))
		next = shunt_conn_entry(shunt_conn_tag(found->entry), dest,
					kind == CONN_OPEN ? SHUNT_CONN_NEW : SHUNT_CONN_EST, now);
	if (!conn_swap(w, hash, found, next))
		return CONN_AGAIN;
	if (conn_picks(w))
		conn_live(w, dest, 1);
	return dest;
}

/* Flows without beginnings leave a destination that is down, if there is another. */
CONN_INLINE int conn_entry_holds(__u64 word, __u64 entry, __u32 dest_state, enum conn_kind kind, __u32 now,
				 __u32 expiry)
{
	if (kind == CONN_DATA || kind == CONN_CLOSE || kind == CONN_RESET ||
	    (kind != CONN_OPEN && !shunt_slot_current(word)))
		return !conn_is_dead(dest_state);
	if (!conn_is_live(dest_state))
		return 0;
	return kind != CONN_OPEN ||
	       (shunt_conn_state(entry) != SHUNT_CONN_CLOSING && !conn_expired(entry, now, expiry));
}

/* CONN_AGAIN: it changed meanwhile. If nobody may have taken its place, *proven is its destination: what changed it was a packet of the same flow, or it
 * had become needless. */
CONN_INLINE __u32 conn_with_entry(struct conn_world *w, __u64 word, __u64 hash, const struct conn_found *found,
				  enum conn_kind kind, __u32 *proven)
{
	__u32 dest = shunt_conn_dest(found->entry), now = conn_now(w), expiry = conn_expiry(w);
	__u64 next;

	if (!conn_entry_holds(word, found->entry, conn_dest_state(w, dest), kind, now, expiry)) {
		if (kind == CONN_DATA || kind == CONN_CLOSE || kind == CONN_RESET)
			return shunt_slot_current(word); /* which resets it */
		return conn_replace(w, word, hash, found, kind, now);
	}
	next = conn_touched(found->entry, kind, now);
	if (next == found->entry)
		return dest;
	if (conn_swap(w, hash, found, next)) {
		if (conn_picks(w) && shunt_conn_state(next) == SHUNT_CONN_CLOSING &&
		    shunt_conn_state(found->entry) != SHUNT_CONN_CLOSING)
			conn_live(w, dest, -1);
		return dest;
	}
	*proven = conn_evictable(found->entry, now, expiry) ? 0 : dest;
	return CONN_AGAIN;
}

/* ---- clients that stick */

/* Where the latest connection of a client went, less than so many ticks ago, if new ones may go there; else 0. hash: of the client. Its entry is one like
 * others, of the slot that this hash has; *found is it, good or not. */
CONN_INLINE __u32 conn_stuck(struct conn_world *w, __u64 hash, __u32 ticks, struct conn_found *found)
{
	__u32 dest, now = conn_now(w);

	*found = conn_find(w, hash);
	if (found->at == CONN_NOWHERE || shunt_conn_age(found->entry, now) >= ticks)
		return 0;
	dest = shunt_conn_dest(found->entry);
	if (conn_dest_state(w, dest) != SHUNT_DEST_UP)
		return 0;
	if (shunt_conn_age(found->entry, now))
		conn_swap(w, hash, found, shunt_conn_entry(shunt_flow_tag(hash), dest, SHUNT_CONN_ANCH, now));
	return dest;
}

/* From now on it goes there; if there is room. found: by conn_stuck(). */
CONN_INLINE void conn_stick(struct conn_world *w, __u64 *slot, __u64 hash, const struct conn_found *found, __u32 dest)
{
	__u64 entry = shunt_conn_entry(shunt_flow_tag(hash), dest, SHUNT_CONN_ANCH, conn_now(w));

	if (found->at == CONN_NOWHERE)
		conn_insert(w, slot, conn_load(slot), hash, entry);
	else
		conn_swap(w, hash, found, entry);
}

/* ---- the whole */

/* The destination of a packet whose slot was seen to be DIRTY; 0: none. CONN_PICK only while conn_picked() says that. */
CONN_PART __u32 conn_choose(struct conn_world *w, __u64 *slot, __u64 hash, enum conn_kind kind)
{
	__u32 dest, proven = 0;
	__u64 word = 0;

	if (!w || !slot)
		return 0;
	conn_count(w, SHUNT_CONN_dirty);
	CONN_LOOP
	for (int attempt = 0; attempt < CONN_ATTEMPTS; attempt++) {
		struct conn_found found = {.at = CONN_NOWHERE};

		word = conn_load(slot);
		if (!(word & SHUNT_SLOT_DIRTY))
			return shunt_slot_current(word);
		if (word & shunt_slot_filter(shunt_flow_tag(hash))) {
			conn_count(w, SHUNT_CONN_looked);
			found = conn_find(w, hash);
		}
		if (found.at != CONN_NOWHERE)
			dest = conn_with_entry(w, word, hash, &found, kind, &proven);
		else
			dest = conn_without_entry(w, slot, word, hash, kind);
		if (dest != CONN_AGAIN)
			return dest;
	}
	return proven ? proven : conn_refused(w, slot);
}

/* The same for what is about a flow (an ICMP error): changes nothing. kind: of the flow's packets, not CONN_OPEN. */
CONN_INLINE __u32 conn_look(struct conn_world *w, const __u64 *slot, __u64 hash, enum conn_kind kind)
{
	__u64 word = conn_load(slot);
	__u32 current = shunt_slot_current(word), state;
	struct conn_found found = {.at = CONN_NOWHERE};

	if (!(word & SHUNT_SLOT_DIRTY))
		return current;
	if (word & shunt_slot_filter(shunt_flow_tag(hash)))
		found = conn_find(w, hash);
	if (found.at != CONN_NOWHERE) {
		state = conn_dest_state(w, shunt_conn_dest(found.entry));
		return conn_entry_holds(word, found.entry, state, kind, 0, 0) ? shunt_conn_dest(found.entry) : current;
	}
	if (kind == CONN_TRACK && !conn_picks(w))
		return current;
	state = conn_state_of(w, shunt_slot_anchor(word));
	if (conn_is_dead(state) || (kind == CONN_KEEP && !conn_is_live(state) && current))
		return current;
	return shunt_slot_anchor(word);
}

#endif
