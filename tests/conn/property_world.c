/* SPDX-License-Identifier: GPL-2.0 */
/* The service, its clients and its daemon: what they do. See property.h. */
#include "property_world.h"

struct property_world t;

/* ---- clients */

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
	__u32 dest;

	t.flow = flow;
	t.packet = kind;
	t.world.next_pick = pick();
	/* CPUs' clocks differ by a tick. */
	t.world.now += flow & 1;
	dest = conn_packet(&t.world, t.flows[flow].hash, kind);
	t.world.now -= flow & 1;
	delivered(kind, dest);
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
