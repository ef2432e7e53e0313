/* SPDX-License-Identifier: GPL-2.0 */
/* The service, its clients and its daemon. See property.h. */
#include <stdarg.h>
#include <stdio.h>

#include "property.h"

/* A connection, as its client and its server know it. */
struct flow {
	__u64 hash;
	enum conn_kind kind; /* of its packets in the middle */
	__u32 owner;	     /* 0: there is none, or nothing is promised */
	bool confirmed, closing;
	bool recorded; /* its beginning has an entry */
	bool squeezed; /* there has been no room beside it since its latest packet */
	__u32 seen;    /* tick of that */
};

static struct {
	struct conn_world world;
	__u64 slots[SLOTS], ways[BUCKETS_MAX * SHUNT_CONN_WAYS];
	__u8 states[DESTS];
	bool configured[DESTS];
	__u32 since[DESTS]; /* of the state */
	__u64 seed;
	struct flow flows[FLOWS];
	/* The daemon's memory. */
	__u32 window[SLOTS], prepared[SLOTS];
	/* What is watched: what was there when it was last looked at, and whose packet it is since (-1: nobody's). */
	__u64 slots_before[SLOTS], ways_before[BUCKETS_MAX * SHUNT_CONN_WAYS];
	int flow;
	enum conn_kind packet;
	__u64 picks;	    /* so many */
	__u32 quiet[SLOTS]; /* tick since when the window has been open and without FAIL */
	char why[200];
} t;

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

static bool is_live(__u32 dest)
{
	return dest && conn_is_live(t.states[dest]);
}

static bool is_dead(__u32 dest)
{
	return !dest || conn_is_dead(t.states[dest]);
}

static __u32 slot_of(__u32 tag)
{
	return shunt_tag_slot(tag, SLOTS);
}

static __u32 way_count(void)
{
	return t.world.buckets * SHUNT_CONN_WAYS;
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

static void watch(void);

/* Anybody who takes new connections. */
static __u32 pick(void)
{
	__u32 up[DESTS], count = 0;

	for (__u32 i = 1; i < DESTS; i++)
		if (t.configured[i] && t.states[i] == SHUNT_DEST_UP)
			up[count++] = i;
	return count ? up[shunt_mix64(t.seed ^ ++t.picks) % count] : 0;
}

static void packet(int flow, enum conn_kind kind)
{
	struct flow *f = &t.flows[flow];
	__u32 dest;

	t.flow = flow;
	t.packet = kind;
	t.world.next_pick = pick();
	/* CPUs' clocks differ by a tick. */
	t.world.now += flow & 1;
	dest = conn_packet(&t.world, f->hash, kind);
	t.world.now -= flow & 1;
	if (dest && t.states[dest] == SHUNT_DEST_FREE)
		fault("flow %d goes to %u, which is free (I5)", flow, dest);
	if (kind == CONN_OPEN)
		delivered_open(f, dest);
	else
		delivered_data(f, kind, dest);
	f->seen = t.world.now;
	f->squeezed = false;
	watch();
}

/* A client opens a connection, or tries so again; it does not while it has one. */
static void open_flow(int flow)
{
	struct flow *f = &t.flows[flow];

	if (f->kind != CONN_DATA)
		packet(flow, f->kind);
	else if (!f->owner || !f->confirmed || f->closing)
		packet(flow, CONN_OPEN);
}

static void data_flow(int flow, enum conn_kind kind)
{
	packet(flow, t.flows[flow].kind == CONN_DATA ? kind : t.flows[flow].kind);
}

/* ---- the daemon */

/* Slots prefer backends in an order of their own. */
static __u32 wanted(__u32 slot)
{
	__u32 best = 0;
	__u64 best_rank = 0;

	for (__u32 i = 1; i < DESTS; i++) {
		__u64 rank = shunt_mix64(t.seed ^ (i << 8 | slot)) | 1;

		if (t.configured[i] && t.states[i] == SHUNT_DEST_UP && rank > best_rank) {
			best = i;
			best_rank = rank;
		}
	}
	return best;
}

static void move(__u32 slot)
{
	__u64 before = anchor_move(&t.world, &t.slots[slot], wanted(slot));

	if (!anchor_is_moved(before) && anchor_is_moved(t.slots[slot]))
		t.window[slot] = t.world.now;
}

/* Bring slots to what is wanted; planned: those that would move are prepared first. */
static void apply(bool planned)
{
	for (__u32 i = 0; i < SLOTS; i++) {
		__u64 word = t.slots[i];
		bool is_prepared = word & SHUNT_SLOT_PREP;

		if (shunt_slot_current(word) == wanted(i) && !is_prepared && !is_dead(shunt_slot_anchor(word)))
			continue;
		if (!planned || shunt_slot_current(word) == wanted(i) ||
		    !anchor_wants_prep(&t.world, word, wanted(i))) {
			move(i);
		} else if (!is_prepared) {
			anchor_prepare(&t.slots[i]);
			t.prepared[i] = t.world.now;
		}
	}
}

static void set_state(__u32 dest, enum shunt_dest_state state)
{
	t.states[dest] = (__u8)state;
	t.since[dest] = t.world.now;
}

static void die(__u32 dest)
{
	set_state(dest, SHUNT_DEST_DEAD);
	apply(false);
}

/* What is due. */
static void tick(void)
{
	for (__u32 i = 1; i < DESTS; i++)
		if (t.states[i] == SHUNT_DEST_DOWN && t.world.now - t.since[i] >= GRACE)
			die(i);
	for (__u32 i = 0; i < SLOTS; i++)
		if (t.slots[i] & SHUNT_SLOT_PREP && t.world.now - t.prepared[i] >= SHUNT_CONN_NEW_EVICT)
			move(i);
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

static void sweep(void)
{
	struct sweep s;
	__u32 over = 0, restarted;

	for (__u32 i = 0; i < SLOTS; i++)
		over |= (t.world.now - t.window[i] >= EXPIRY + 10) << i;
	sweep_begin(&s, &t.world);
	restarted = sweep_rest(&s, &t.world, EXPIRY, over);
	for (__u32 i = 0; i < SLOTS; i++)
		if (restarted >> i & 1)
			t.window[i] = t.world.now;
	property_seen[SEEN_RESTARTED] += !!restarted;
	for (__u32 i = 1; i < DESTS; i++)
		if (!t.configured[i] && t.states[i] != SHUNT_DEST_FREE && !s.named[i]) {
			set_state(i, SHUNT_DEST_FREE);
			property_seen[SEEN_FREED]++;
		}
}

static void sweep_buckets(void)
{
	struct sweep s;

	sweep_buckets_begin(&s, &t.world);
	sweep_buckets_rest(&s, &t.world);
}

/* What a daemon that starts knows: nothing of since when. */
static void restart(void)
{
	for (__u32 i = 0; i < SLOTS; i++)
		t.window[i] = t.prepared[i] = t.world.now;
	apply(true);
}

static void add(__u32 dest)
{
	if (t.configured[dest])
		return;
	t.configured[dest] = true;
	if (t.states[dest] != SHUNT_DEST_DOWN)
		set_state(dest, SHUNT_DEST_UP);
	apply(true);
}

static void remove_dest(__u32 dest)
{
	if (!t.configured[dest])
		return;
	t.configured[dest] = false;
	if (t.states[dest] == SHUNT_DEST_UP)
		set_state(dest, SHUNT_DEST_DRAIN);
	apply(true);
}

static void fail(__u32 dest)
{
	if (!is_live(dest))
		return;
	set_state(dest, SHUNT_DEST_DOWN);
	apply(false);
}

static void recover(__u32 dest)
{
	if (t.states[dest] != SHUNT_DEST_DOWN && (t.states[dest] != SHUNT_DEST_DEAD || !t.configured[dest]))
		return;
	set_state(dest, t.configured[dest] ? SHUNT_DEST_UP : SHUNT_DEST_DRAIN);
	apply(true);
}

/* Time, with packets of those that live. */
static void live(__u8 who, __u8 how_long)
{
	for (int round = 0; round < (how_long & 31); round++) {
		t.world.now += 8;
		tick();
		watch();
		for (int i = 0; i < FLOWS; i++)
			if ((who >> (i & 7) & 1) && (t.flows[i].owner || t.flows[i].kind != CONN_DATA))
				data_flow(i, CONN_DATA);
		sweep();
		watch();
	}
}

/* ---- what is watched */

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

static void watch(void)
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

/* ---- the whole */

static void begin(__u64 seed)
{
	static const enum conn_kind kinds[] = {CONN_DATA, CONN_DATA, CONN_DATA, CONN_KEEP, CONN_DATA, CONN_TRACK};

	memset(&t, 0, sizeof(t));
	t.seed = seed;
	t.world = (struct conn_world){t.slots,
				      SLOTS,
				      seed & 1 ? BUCKETS_MAX : 2,
				      t.ways,
				      t.states,
				      DESTS,
				      (__u32)shunt_mix64(seed),
				      EXPIRY,
				      {},
				      seed >> 1 & 1,
				      0,
				      0};
	for (__u32 i = 1; i < DESTS; i++) {
		t.configured[i] = i < 4;
		t.states[i] = i < 4 ? SHUNT_DEST_UP : SHUNT_DEST_FREE;
	}
	for (__u32 i = 0; i < SLOTS; i++) {
		t.slots[i] = shunt_slot_clean(wanted(i));
		if (t.world.picks)
			anchor_keep_dirty(&t.slots[i]);
		t.quiet[i] = NEVER;
	}
	watch();
	for (__u32 i = 0; i < FLOWS; i++) {
		__u64 hash = shunt_mix64(seed + i + 1);

		t.flows[i] = (struct flow){.hash = conn_hash((__u32)(hash >> 40) << 4 | i, (__u32)hash),
					   .kind = kinds[i % (sizeof(kinds) / sizeof(kinds[0]))]};
		if (t.world.picks && t.flows[i].kind == CONN_KEEP)
			t.flows[i].kind = CONN_TRACK;
	}
}

static void pass(__u8 how_long)
{
	static const __u32 ticks[] = {1, 1, 3, 4, 10, 15, 29, 40, 60, 110, 190, 205};

	t.world.now += ticks[how_long % (sizeof(ticks) / sizeof(ticks[0]))];
	tick();
}

static void run_step(const struct step *step)
{
	int flow = step->a % FLOWS;
	__u32 dest = 1 + step->a % (DESTS - 1);

	switch (step->operation) {
	case OP_OPEN:
		return open_flow(flow);
	case OP_DATA:
		return data_flow(flow, CONN_DATA);
	case OP_CLOSE:
		return data_flow(flow, CONN_CLOSE);
	case OP_RESET:
		return data_flow(flow, CONN_RESET);
	case OP_END:
		t.flows[flow].owner = 0;
		return;
	case OP_ADD:
		return add(dest);
	case OP_REMOVE:
		return remove_dest(dest);
	case OP_FAIL:
		return fail(dest);
	case OP_RECOVER:
		return recover(dest);
	case OP_DEADLINE:
		if (t.states[dest] == SHUNT_DEST_DRAIN)
			die(dest);
		return;
	case OP_GIVE_UP:
		return t.configured[dest] ? remove_dest(dest) : add(dest);
	case OP_TIME:
		return pass(step->a);
	case OP_LIVE:
		return live(step->a, step->b);
	case OP_SWEEP:
		return sweep();
	case OP_BUCKETS:
		return sweep_buckets();
	default:
		restart();
	}
}

unsigned property_run(__u64 seed, const struct step *steps, unsigned count, const char **why)
{
	begin(seed);
	*why = t.why;
	for (unsigned i = 0; i < count; i++) {
		run_step(&steps[i]);
		watch();
		if (t.why[0])
			return i + 1;
	}
	property_seen[SEEN_DISPLACED] += t.world.counts[SHUNT_CONN_displaced];
	property_seen[SEEN_REFUSED] += t.world.counts[SHUNT_CONN_refused];
	return 0;
}
