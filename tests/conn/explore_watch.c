/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is looked at after every step of the exploration: that connections stay where they are, and the invariants of
 * docs/connections.md (I1 to I5).
 */
#include "explore.h"

static bool is_live(__u32 dest)
{
	return dest && conn_is_live(now.states[dest]);
}

static bool is_dead(__u32 dest)
{
	return !dest || conn_is_dead(now.states[dest]);
}

static __u32 slot_of(__u32 tag)
{
	return shunt_tag_slot(tag, SLOTS);
}

/* ---- connections */

static bool is_full(const struct flow *f)
{
	for (__u32 i = 0; i < CONN_PAIR; i++)
		if (!shunt_conn_dest(*conn_way(&world, f->hash, i)))
			return false;
	return true;
}

/* Has it been quiet for longer than is promised? A beginning is kept for less long where there is no room. */
static bool is_forgotten(const struct flow *f)
{
	__u32 quiet = now.clock - f->seen, kept = is_full(f) ? SHUNT_CONN_NEW_EVICT : SHUNT_CONN_NEW_EXPIRY;

	return quiet >= (f->confirmed ? EXPIRY - SHUNT_CONN_REFRESH : kept);
}

static void delivered_open(const struct scenario *scenario, int flow, __u32 dest)
{
	struct flow *f = &now.flows[flow];

	if (f->owner && f->owner != dest && is_live(f->owner) && !is_forgotten(f)) {
		if (!scenario->limbo)
			fault("flow %d began at %u, and again at %u", flow, f->owner, dest);
		f->limbo = 1;
	} else if (is_live(dest)) {
		f->owner = (__u8)dest;
	}
}

static void delivered_data(int flow, enum conn_kind kind, __u32 dest)
{
	struct flow *f = &now.flows[flow];

	if (f->owner == dest || f->limbo)
		return;
	if (kind == CONN_KEEP || kind == CONN_TRACK) {
		if (f->owner && !is_forgotten(f))
			fault("flow %d is at %u, but its packet goes to %u", flow, f->owner, dest);
		f->owner = (__u8)dest;
		return;
	}
	if (f->owner && !is_dead(f->owner) && !is_forgotten(f))
		fault("flow %d is at %u, but its packet goes to %u", flow, f->owner, dest);
	f->owner = 0; /* whom it went to resets it */
}

void watch_delivered(const struct scenario *scenario, int flow, enum conn_kind kind, __u32 dest)
{
	struct flow *f = &now.flows[flow];

	if (dest && now.states[dest] == SHUNT_DEST_FREE)
		fault("flow %d goes to %u, which is free (I5)", flow, dest);
	if (kind == CONN_OPEN)
		delivered_open(scenario, flow, dest);
	else
		delivered_data(flow, kind, dest);
	if (kind == CONN_RESET)
		f->owner = 0;
	f->confirmed |= kind != CONN_OPEN;
	f->seen = now.clock;
}

/* What a packet that came at this moment would do, without changing anything. */
static void watch_flow(int flow)
{
	struct flow *f = &now.flows[flow];
	__u32 slot = slot_of(shunt_flow_tag(f->hash)), dest;

	if (f->kind != CONN_DATA && !is_live(f->owner))
		f->owner =
			0; /* UDP flees from what is down, and it may be up again before a packet that does has ended */
	if (!f->owner || f->limbo || is_dead(f->owner) || is_forgotten(f))
		return;
	dest = conn_look(&world, &now.slots[slot], f->hash, f->kind);
	if (dest != f->owner)
		fault("flow %d is at %u, but its next packet would go to %u (I1)", flow, f->owner, dest);
}

/* ---- slots */

static bool is_window_open(__u64 word)
{
	return anchor_is_moved(word) && word & SHUNT_SLOT_REANCHOR && !(word & SHUNT_SLOT_FAIL);
}

static bool has_entries(__u32 slot)
{
	for (int i = 0; i < WAYS; i++)
		if (shunt_conn_dest(now.ways[i]) && slot_of(shunt_conn_tag(now.ways[i])) == slot)
			return true;
	return false;
}

static void watch_slot(__u32 slot, __u64 before)
{
	__u64 word = now.slots[slot];
	__u32 anchor = shunt_slot_anchor(before);

	if (word == before)
		return;
	if (anchor != shunt_slot_anchor(word) && !is_dead(anchor) &&
	    (now.quiet[slot] == NEVER || now.clock - now.quiet[slot] < EXPIRY))
		fault("slot %u's anchor leaves %u, and there was no whole window (I2)", slot, anchor);
	if (before & SHUNT_SLOT_DIRTY && !(word & SHUNT_SLOT_DIRTY) && has_entries(slot))
		fault("slot %u has entries, and is called clean (I4)", slot);
	if (!(word & SHUNT_SLOT_DIRTY) && shunt_slot_current(word) != shunt_slot_anchor(word))
		fault("slot %u is moved, and is called clean (I4)", slot);
	if (!is_window_open(word))
		now.quiet[slot] = NEVER;
	else if (now.quiet[slot] == NEVER)
		now.quiet[slot] = now.clock;
}

/* ---- entries */

/* May a packet of the entry's own flow write it anew, as of a connection that begins? */
static bool may_rewrite(__u64 entry, struct watched by)
{
	if (by.flow < 0 || shunt_flow_tag(now.flows[by.flow].hash) != shunt_conn_tag(entry))
		return false;
	switch (by.kind) {
	case CONN_OPEN:
		return !is_live(shunt_conn_dest(entry)) || shunt_conn_state(entry) == SHUNT_CONN_CLOSING;
	case CONN_KEEP:
	case CONN_TRACK:
		return !is_live(shunt_conn_dest(entry));
	default:
		return false;
	}
}

/* Nobody relies on it yet: two CPUs made entries of one flow at the same time. */
static bool is_unused(__u64 entry, struct watched by)
{
	const struct flow *f = by.flow < 0 ? NULL : &now.flows[by.flow];

	return f && shunt_flow_tag(f->hash) == shunt_conn_tag(entry) && f->owner != shunt_conn_dest(entry);
}

static bool is_elsewhere(__u64 entry, int way)
{
	for (int i = 0; i < WAYS; i++)
		if (i != way && conn_is_of(now.ways[i], shunt_conn_tag(entry)) &&
		    shunt_conn_dest(now.ways[i]) == shunt_conn_dest(entry))
			return true;
	return false;
}

static void watch_dropped(int way, __u64 entry, struct watched by)
{
	__u64 word = now.slots[slot_of(shunt_conn_tag(entry))];
	__u32 dest = shunt_conn_dest(entry);

	if (is_dead(dest) || conn_evictable(entry, now.clock & SHUNT_CONN_TIME_MASK, EXPIRY) ||
	    is_elsewhere(entry, way))
		return;
	if (dest == shunt_slot_anchor(word) || may_rewrite(entry, by) || is_unused(entry, by))
		return;
	fault("way %d: an entry to %u goes, which is not its slot's anchor and has not expired (I3)", way, dest);
}

static void watch_way(int way, __u64 before, struct watched by)
{
	__u64 entry = now.ways[way];
	__u32 tag = shunt_conn_tag(entry);

	if (entry == before)
		return;
	if (shunt_conn_dest(before) &&
	    (shunt_conn_tag(before) != tag || shunt_conn_dest(before) != shunt_conn_dest(entry)))
		watch_dropped(way, before, by);
	if (!shunt_conn_dest(entry))
		return;
	if (!(now.slots[slot_of(tag)] & SHUNT_SLOT_DIRTY))
		fault("way %d: an entry in slot %u, which is clean (I4)", way, slot_of(tag));
	if (now.states[shunt_conn_dest(entry)] == SHUNT_DEST_FREE)
		fault("way %d: an entry to %u, which is free (I5)", way, shunt_conn_dest(entry));
}

static void watch_free(__u32 dest)
{
	for (int i = 0; i < SLOTS; i++)
		if (shunt_slot_current(now.slots[i]) == dest || shunt_slot_anchor(now.slots[i]) == dest)
			fault("%u is free, but slot %d names it (I5)", dest, i);
	for (int i = 0; i < WAYS; i++)
		if (shunt_conn_dest(now.ways[i]) == dest)
			fault("%u is free, but way %d names it (I5)", dest, i);
}

/* ---- the whole */

void watch_begin(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (!is_window_open(now.slots[i]))
			now.quiet[i] = NEVER;
}

void watch_step(const struct state *before, struct watched by)
{
	for (__u32 i = 0; i < SLOTS; i++)
		watch_slot(i, before->slots[i]);
	for (int i = 0; i < WAYS; i++)
		watch_way(i, before->ways[i], by);
	for (int i = 0; i < FLOWS; i++)
		watch_flow(i);
	for (__u32 i = 1; i < DESTS; i++)
		if (now.states[i] == SHUNT_DEST_FREE && before->states[i] != SHUNT_DEST_FREE)
			watch_free(i);
}
