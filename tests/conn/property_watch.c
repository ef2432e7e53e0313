/* SPDX-License-Identifier: GPL-2.0 */
/* What is promised to connections, and the invariants: looked at after whatever happens. See property.h. */
#include <stdarg.h>
#include <stdio.h>

#include "property_world.h"

unsigned long property_seen[SEEN_EVENTS];

static void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void fault(const char *format, ...)
{
	va_list args;

	if (t.why[0])
		return;
	va_start(args, format);
	vsnprintf(t.why, sizeof(t.why), format, args);
	va_end(args);
}

/* ---- connections */

/* Ticks without a packet for which it is promised to stay: as docs/connections.md says, not as the rules reckon. */
static __u32 kept_for(const struct flow *f)
{
	if (f->closing)
		return SHUNT_CONN_TICKS(f->squeezed ? 30 : 120);
	if (!f->confirmed)
		return SHUNT_CONN_TICKS(f->squeezed ? 3 : 60);
	return SHUNT_CONN_TICKS(IDLE);
}

static bool has_entry(const struct flow *f)
{
	struct conn_found found = conn_find(&t.world, f->hash);

	return found.at != CONN_NOWHERE && shunt_conn_dest(found.entry) == f->owner;
}

/* Is nothing promised of it any more? */
static bool is_lost(const struct flow *f)
{
	if (!f->owner || is_dead(f->owner) || t.world.now - f->seen >= kept_for(f))
		return true;
	if (f->kind != CONN_DATA && !is_live(f->owner))
		return true;
	return f->kind == CONN_TRACK && !has_entry(f);
}

static bool is_squeezed(const struct flow *f)
{
	for (__u32 i = 0; i < CONN_PAIR; i++)
		if (!shunt_conn_dest(*conn_way(&t.world, f->hash, i)))
			return false;
	return true;
}

static void delivered_open(struct flow *f, __u32 dest)
{
	bool is_torn = f->owner && f->owner != dest && is_live(f->owner);

	if (is_torn && f->recorded && !f->closing)
		fault("flow %d began at %u, which was recorded, and again at %u", t.flow, f->owner, dest);
	/* Else it began before a change, and again after it: which it is, the client decides. */
	f->owner = is_live(dest) && !is_torn ? dest : 0;
	f->recorded = has_entry(f);
	property_seen[SEEN_PREPARED] += f->recorded && t.slots[slot_of(shunt_flow_tag(f->hash))] & SHUNT_SLOT_PREP;
	f->confirmed = f->closing = false;
}

/* Flows that flee from what is down, and find no room for an entry, go by the ring. */
static bool is_kept(const struct flow *f, __u32 dest)
{
	__u32 tag = shunt_flow_tag(f->hash);
	struct conn_found found = conn_find(&t.world, f->hash);

	return found.at != CONN_NOWHERE ? shunt_conn_dest(found.entry) == dest
					: shunt_slot_anchor(t.slots[slot_of(tag)]) == dest;
}

static void delivered_data(struct flow *f, enum conn_kind kind, __u32 dest)
{
	if (f->owner && f->owner != dest)
		fault("flow %d is at %u, but its packet goes to %u", t.flow, f->owner, dest);
	if (kind == CONN_KEEP || kind == CONN_TRACK)
		f->owner = is_live(dest) && is_kept(f, dest) ? dest : 0;
	if (kind == CONN_RESET)
		f->owner = 0;
	f->confirmed = true;
	f->closing |= kind == CONN_CLOSE;
}

void delivered(enum conn_kind kind, __u32 dest)
{
	struct flow *f = &t.flows[t.flow];

	if (dest && t.states[dest] == SHUNT_DEST_FREE)
		fault("flow %d goes to %u, which is free (I5)", t.flow, dest);
	if (kind == CONN_OPEN)
		delivered_open(f, dest);
	else
		delivered_data(f, kind, dest);
	f->seen = t.world.now;
	f->squeezed = false;
}

/* ---- the service */

static bool is_window_open(__u64 word)
{
	return anchor_is_moved(word) && word & SHUNT_SLOT_REANCHOR && !(word & SHUNT_SLOT_FAIL);
}

static bool has_entries(__u32 slot)
{
	for (__u32 i = 0; i < way_count(); i++)
		if (shunt_conn_dest(t.ways[i]) && slot_of(shunt_conn_tag(t.ways[i])) == slot)
			return true;
	return false;
}

static void watch_slot(__u32 slot, __u64 before)
{
	__u64 word = t.slots[slot];
	__u32 anchor = shunt_slot_anchor(before);

	if (anchor != shunt_slot_anchor(word) && !is_dead(anchor)) {
		property_seen[SEEN_CLOSED]++;
		if (t.quiet[slot] == NEVER || t.world.now - t.quiet[slot] < EXPIRY)
			fault("slot %u's anchor leaves %u, and there was no whole window (I2)", slot, anchor);
	}
	if (!(word & SHUNT_SLOT_DIRTY) && (has_entries(slot) || anchor_is_moved(word)))
		fault("slot %u has entries or is moved, and is called clean (I4)", slot);
	property_seen[SEEN_CLEANED] += before & SHUNT_SLOT_DIRTY && !(word & SHUNT_SLOT_DIRTY);
	if (!is_window_open(word))
		t.quiet[slot] = NEVER;
	else if (t.quiet[slot] == NEVER)
		t.quiet[slot] = t.world.now;
}

/* May the packet make the entry anew, as of a connection that begins? */
static bool is_rewritten(__u64 entry, const struct flow *f, enum conn_kind kind)
{
	if (!f || shunt_flow_tag(f->hash) != shunt_conn_tag(entry))
		return false;
	if (kind == CONN_OPEN && shunt_conn_state(entry) == SHUNT_CONN_CLOSING)
		return true;
	return (kind == CONN_OPEN || kind == CONN_KEEP || kind == CONN_TRACK) && !is_live(shunt_conn_dest(entry));
}

static void watch_way(__u32 way, __u64 before)
{
	__u64 entry = t.ways[way];
	__u32 dest = shunt_conn_dest(before), now = (t.world.now + 1) & SHUNT_CONN_TIME_MASK;
	const struct flow *f = t.flow < 0 ? NULL : &t.flows[t.flow];

	property_seen[SEEN_RESET] += before && !entry;
	if (!dest || (shunt_conn_tag(before) == shunt_conn_tag(entry) && dest == shunt_conn_dest(entry)))
		return;
	if (is_dead(dest) || conn_evictable(before, now, EXPIRY) || is_rewritten(before, f, t.packet))
		return;
	if (t.world.picks && shunt_conn_state(before) != SHUNT_CONN_ANCH)
		fault("way %u: an entry to %u goes, which was picked and has not expired", way, dest);
	else if (dest != shunt_slot_anchor(t.slots[slot_of(shunt_conn_tag(before))]))
		fault("way %u: an entry to %u goes, which is not its slot's anchor and has not expired (I3)", way,
		      dest);
}

static void watch_flow(int flow)
{
	struct flow *f = &t.flows[flow];
	__u32 dest;

	f->squeezed |= is_squeezed(f);
	f->recorded &= has_entry(f);
	if (is_lost(f))
		f->owner = 0;
	if (!f->owner)
		return;
	dest = conn_look(&t.world, &t.slots[slot_of(shunt_flow_tag(f->hash))], f->hash, f->kind);
	if (dest != f->owner)
		fault("flow %d is at %u, but its next packet would go to %u (I1)", flow, f->owner, dest);
}

static bool is_named(__u32 dest)
{
	for (__u32 i = 0; i < SLOTS; i++)
		if (shunt_slot_current(t.slots[i]) == dest || shunt_slot_anchor(t.slots[i]) == dest)
			return true;
	for (__u32 i = 0; i < way_count(); i++)
		if (shunt_conn_dest(t.ways[i]) == dest)
			return true;
	return false;
}

void watch(void)
{
	for (__u32 i = 0; i < SLOTS; i++)
		watch_slot(i, t.slots_before[i]);
	for (__u32 i = 0; i < way_count(); i++)
		watch_way(i, t.ways_before[i]);
	for (int i = 0; i < FLOWS; i++)
		watch_flow(i);
	for (__u32 i = 1; i < DESTS; i++)
		if (t.states[i] == SHUNT_DEST_FREE && is_named(i))
			fault("%u is free, but something names it (I5)", i);
	memcpy(t.slots_before, t.slots, sizeof(t.slots));
	memcpy(t.ways_before, t.ways, sizeof(t.ways));
	t.flow = -1;
}
