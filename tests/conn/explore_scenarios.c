/* SPDX-License-Identifier: GPL-2.0 */
/* The scenarios: first states, and what the actors do. */
#include "explore_first.h"

/* ---- the same beginning on two CPUs */

static void moved(void)
{
	slot(0, Z, Y, SHUNT_SLOT_REANCHOR);
	slot(1, Z, Y, SHUNT_SLOT_REANCHOR);
	flow(F, 0, 0, CONN_DATA, 0);
	flow(G, 0, 0, CONN_DATA, 0);
	flow(H, 0, 0, CONN_DATA, Y);
}

static void open_f(void)
{
	packet(F, CONN_OPEN);
}

static void open_g(void)
{
	packet(G, CONN_OPEN);
}

static void open_data_f(void)
{
	packet(F, CONN_OPEN);
	packet(F, CONN_DATA);
}

static void open_data_g(void)
{
	packet(G, CONN_OPEN);
	packet(G, CONN_DATA);
}

static void data_h(void)
{
	packet(H, CONN_DATA);
}

static void data_h_twice(void)
{
	packet(H, CONN_DATA);
	packet(H, CONN_DATA);
}

/* An entry of a dead backend goes from the way before: one CPU takes its place, the other the next. */
static void moved_with_dead(void)
{
	moved();
	now.states[W] = SHUNT_DEST_DEAD;
	entry(0, G, W, SHUNT_CONN_EST, 1);
}

static void sweep_once(void)
{
	sweep(0);
}

static void sweep_twice(void)
{
	sweep(0);
	sweep(0);
}

static void not_moved(void)
{
	slot(0, Y, Y, 0);
	flow(F, 0, 0, CONN_DATA, 0);
	flow(G, 0, 0, CONN_DATA, 0);
	flow(H, 0, 0, CONN_DATA, Y);
}

static void clean(void)
{
	not_moved();
	now.slots[0] = shunt_slot_clean(Y);
	now.slots[1] = shunt_slot_clean(Y);
}

/* A SYN that is sent again while the slot moves may get to two backends: no more is asked of F. */
static void clean_torn(void)
{
	clean();
	now.flows[F].limbo = 1;
}

static void move_z(void)
{
	anchor_move(&world, &now.slots[0], Z);
}

static void move_planned_announced(void)
{
	anchor_prepare(&now.slots[0]);
	announce(1);
	pass(3);
	anchor_move(&world, &now.slots[0], Z);
}

static void late_open_data_f(void)
{
	await(1);
	open_data_f();
}

static void late_open_f(void)
{
	await(1);
	open_f();
}

/* ---- the end of a window */

/* H is of the anchor, without an entry: it has been quiet for long. */
static void moved_quiet(void)
{
	moved();
	now.flows[H].seen -= EXPIRY;
}

static void moved_full(void)
{
	moved_quiet();
	full();
}

static void close_window(void)
{
	sweep(1);
}

/* Its packets in the window found no room; then there is room. */
static void moved_full_expiring(void)
{
	moved_quiet();
	entry(0, G, Z, SHUNT_CONN_EST, EXPIRY - 1);
	full();
}

static void moved_anchored(void)
{
	moved();
	entry(0, H, Y, SHUNT_CONN_ANCH, 2);
}

static void close_and_clean(void)
{
	sweep(1);
	sweep(0);
	sweep(0);
}

/* ---- entries in the place of others */

/* H, of slot 1, is recorded with Y; the beginning of F, of slot 0, may take its place. */
static void anchored_full(void)
{
	moved();
	flow(H, 1, 0, CONN_DATA, Y);
	entry(1, H, Y, SHUNT_CONN_ANCH, 2);
	full();
}

static void close_window_1(void)
{
	sweep(2);
}

static void roll_back_1_and_move(void)
{
	anchor_move(&world, &now.slots[1], Y);
	anchor_prepare(&now.slots[1]);
	pass(3);
	anchor_move(&world, &now.slots[1], Z);
	sweep(0);
}

/* ---- refreshing and dropping */

static void nearly_expired(void)
{
	moved();
	flow(H, 0, 0, CONN_DATA, Z);
	entry(0, H, Z, SHUNT_CONN_EST, EXPIRY - 1);
	now.flows[H].seen -= EXPIRY - 1 - SHUNT_CONN_REFRESH;
}

static void nearly_expired_full(void)
{
	nearly_expired();
	full();
}

static void tick_and_sweep(void)
{
	pass(1);
	sweep(0);
}

static void tick(void)
{
	pass(1);
}

static void nearly_evictable(void)
{
	moved();
	flow(H, 0, 0, CONN_DATA, Z);
	entry(0, H, Z, SHUNT_CONN_NEW, SHUNT_CONN_NEW_EVICT - 1);
	now.flows[H].seen -= SHUNT_CONN_NEW_EVICT - 1;
	now.flows[H].confirmed = 0;
}

/* H has an entry with what the slot's anchor becomes: after that it is not needed. */
static void nearly_redundant(void)
{
	moved();
	flow(H, 0, 0, CONN_DATA, Z);
	entry(0, H, Z, SHUNT_CONN_EST, SHUNT_CONN_REFRESH);
}

static void close_and_sweep(void)
{
	sweep(1);
	sweep(0);
}

/* ---- back */

static void roll_back(void)
{
	anchor_move(&world, &now.slots[0], Y);
	sweep(0);
	sweep(0);
}

static void with_z(void)
{
	moved();
	flow(G, 0, 0, CONN_DATA, Z);
	entry(0, G, Z, SHUNT_CONN_EST, 1);
}

static void data_g(void)
{
	packet(G, CONN_DATA);
}

static void move_roll_back(void)
{
	anchor_move(&world, &now.slots[0], Z);
	anchor_move(&world, &now.slots[0], Y);
	sweep(0);
}

/* ---- backends that fail */

static void anchor_down(void)
{
	moved_anchored();
	now.states[Y] = SHUNT_DEST_DOWN;
}

static void anchor_dies(void)
{
	set_state(Y, SHUNT_DEST_DEAD);
	anchor_move(&world, &now.slots[0], Z);
	sweep(0);
}

static void current_fails(void)
{
	set_state(Z, SHUNT_DEST_DOWN);
	anchor_move(&world, &now.slots[0], X);
	set_state(Z, SHUNT_DEST_DEAD);
	anchor_move(&world, &now.slots[0], X);
	sweep(0);
}

static void fails_and_recovers(void)
{
	set_state(Y, SHUNT_DEST_DOWN);
	anchor_move(&world, &now.slots[0], Z);
	set_state(Y, SHUNT_DEST_UP);
	anchor_move(&world, &now.slots[0], Y);
}

static void udp(void)
{
	not_moved();
	flow(F, 0, 0, CONN_KEEP, 0);
	flow(H, 0, 0, CONN_KEEP, Y);
	flow(G, 0, 0, CONN_KEEP, W);
	entry(0, G, W, SHUNT_CONN_EST, 1);
}

static void keep_h(void)
{
	packet(H, CONN_KEEP);
	packet(H, CONN_KEEP);
}

static void keep_g(void)
{
	packet(G, CONN_KEEP);
}

/* ---- ways that become empty */

static void all_gone(void)
{
	moved();
	flow(H, 0, 0, CONN_DATA, 0);
	gone(5);
}

static void open_g_f(void)
{
	await(1);
	packet(G, CONN_OPEN);
	packet(F, CONN_OPEN);
}

static void late_open_data_h(void)
{
	await(1);
	packet(H, CONN_OPEN);
	packet(H, CONN_DATA);
}

/* Of the first bucket. */
static void reset_bucket(void)
{
	struct sweep s;

	sweep_buckets_begin(&s, &world);
	rcu_wait();
	announce(1);
	if (anchor_pair_is_empty(&now.ways[0], &now.ways[SHUNT_CONN_WAYS]) && s.empty[0])
		anchor_bucket_reset(&now.ways[0], conn_now(&world));
}

/* The first bucket is full; F has its entry in the neighbour, if it came before that is over. */
static void moved_overflowing(void)
{
	moved();
	now.states[W] = SHUNT_DEST_DEAD;
	flow(I, 0, 0, CONN_DATA, 0);
	flow(J, 0, 0, CONN_DATA, 0);
	entry(0, I, W, SHUNT_CONN_EST, 1);
	entry(1, J, W, SHUNT_CONN_EST, 1);
}

static void drop_and_reset_bucket(void)
{
	sweep(0);
	pass(1);
	pass(1);
	reset_bucket();
}

/* ---- ids */

/* Z has been removed, no slot names it, and H, which is half-closed and quiet, is the last one that it has. There is no room. */
static void nearly_unnamed(void)
{
	slot(0, Y, Y, 0);
	slot(1, Y, X, SHUNT_SLOT_REANCHOR);
	now.states[Z] = SHUNT_DEST_DRAIN;
	now.states[W] = SHUNT_DEST_DEAD;
	flow(F, 1, 0, CONN_DATA, 0);
	flow(G, 1, 0, CONN_DATA, 0);
	flow(H, 0, 0, CONN_DATA, 0);
	entry(0, G, W, SHUNT_CONN_EST, 1);
	entry(2, H, Z, SHUNT_CONN_CLOSING, SHUNT_CONN_CLOSING_EVICT);
	flow(I, 1, 0, CONN_DATA, 0);
	flow(J, 1, 0, CONN_DATA, 0);
	entry(1, I, Y, SHUNT_CONN_EST, 1);
	entry(3, J, Y, SHUNT_CONN_EST, 1);
}

static void free_id(void)
{
	struct sweep s;

	sweep_begin(&s, &world);
	rcu_wait();
	sweep_rest(&s, &world, EXPIRY, 0);
	if (!s.named[Z])
		set_state(Z, SHUNT_DEST_FREE);
}

/* ---- settled slots */

static void settled_udp(void)
{
	slot(0, Y, Y, 0);
	slot(1, Y, Y, 0);
	flow(F, 0, 0, CONN_TRACK, Y);
	flow(G, 0, 0, CONN_KEEP, Y);
	flow(H, 0, 0, CONN_DATA, Y);
}

static void track_f(void)
{
	packet(F, CONN_TRACK);
}

static void keep_g_data_h(void)
{
	packet(G, CONN_KEEP);
	packet(H, CONN_DATA);
}

/* The last of X in a slot that has settled is half-closed and quiet, and there is no room. */
static void settled_leftover(void)
{
	nearly_unnamed();
	now.states[Z] = SHUNT_DEST_UP;
}

/* ---- two entries of one beginning */

static void open_reset_open_data_f(void)
{
	packet(F, CONN_OPEN);
	await(1);
	packet(F, CONN_RESET);
	await(2);
	packet(F, CONN_OPEN);
	packet(F, CONN_DATA);
}

static void open_f_announce(void)
{
	packet(F, CONN_OPEN);
	announce(1);
}

static void sweep_and_roll_back(void)
{
	sweep(0);
	await(1);
	anchor_move(&world, &now.slots[0], Y);
	announce(2);
}

/* ---- services that pick */

/* Nobody else's pick is the ring's. */
static void picking(void)
{
	not_moved();
	world.picks = 1;
}

static void picking_full(void)
{
	picking();
	full();
}

static void open_data_f_at_z(void)
{
	world.next_pick = Z;
	packet(F, CONN_OPEN);
	packet(F, CONN_DATA);
}

static void open_f_at_y(void)
{
	world.next_pick = Y;
	packet(F, CONN_OPEN);
}

static void open_f_at_w(void)
{
	world.next_pick = W;
	packet(F, CONN_OPEN);
}

const struct scenario scenarios[] = {
	{"the same SYN twice in a moved slot, then data", moved, .actors = {open_data_f, open_f, data_h}},
	{"the same SYN twice, and a way before it becomes free", moved_with_dead,
	 .actors = {open_data_f, open_f, NULL, sweep_once}},
	{"the same SYN twice while a slot moves", clean_torn, .actors = {open_data_f, open_f, data_h, move_z},
	 .limbo = true},
	{"the same SYN twice after a planned move was announced", clean,
	 .actors = {late_open_data_f, late_open_f, NULL, move_planned_announced}},
	{"SYN insert, data and the end of a window", moved_anchored,
	 .actors = {open_data_f, data_h_twice, NULL, close_window}},
	{"refused SYN and the end of a window", moved_full, .actors = {open_data_f, open_g, NULL, close_window}},
	{"refused data and the end of a window", moved_full, .actors = {data_h_twice, open_f, NULL, close_window}},
	{"refused data, room, and the end of a window", moved_full_expiring,
	 .actors = {data_h, open_f, tick, close_window}},
	{"a SYN takes an anchored way: its data, its window's end", anchored_full,
	 .actors = {open_data_f, data_h_twice, NULL, close_window_1}},
	{"two SYN take an anchored way: its data, its window's end", anchored_full,
	 .actors = {open_f, open_g, data_h, close_window_1}},
	{"a SYN takes an anchored way: its slot goes back and forth", anchored_full,
	 .actors = {open_data_f, data_h, NULL, roll_back_1_and_move}},
	{"refresh and a drop of what has expired", nearly_expired,
	 .actors = {data_h_twice, open_data_f, NULL, tick_and_sweep}},
	{"refresh and eviction of what has expired", nearly_expired_full, .actors = {data_h_twice, open_data_f, tick}},
	{"data and eviction of what has not been confirmed", nearly_evictable,
	 .actors = {data_h_twice, open_data_f, tick}},
	{"data and a drop of what has become redundant", nearly_redundant,
	 .actors = {data_h_twice, open_data_f, NULL, close_and_sweep}},
	{"late inserts while DIRTY is cleared", moved_anchored, .actors = {data_h, open_data_f, NULL, close_and_clean}},
	{"late inserts of data while DIRTY is cleared", moved_quiet,
	 .actors = {data_h, open_data_g, NULL, close_and_clean}},
	{"back to the anchor, and clean", with_z, .actors = {data_h, open_data_f, data_g, roll_back}},
	{"there and back", clean, .actors = {data_h, open_data_f, NULL, move_roll_back}},
	{"an anchor dies", anchor_down, .actors = {data_h, open_data_f, NULL, anchor_dies}},
	{"current fails and dies", with_z, .actors = {data_g, open_data_f, NULL, current_fails}, .limbo = true},
	{"down and up within the grace", clean, .actors = {data_h_twice, open_data_f, NULL, fails_and_recovers}},
	{"UDP that keeps, down and up", udp, .actors = {keep_h, keep_g, NULL, fails_and_recovers}},
	{"gone ways become empty while entries are made", all_gone,
	 .actors = {open_g_f, late_open_data_h, NULL, reset_bucket}, .limbo = true},
	{"gone ways become empty, and an entry went next door before", moved_overflowing,
	 .actors = {open_data_f, NULL, NULL, drop_and_reset_bucket}},
	{"an id becomes free", nearly_unnamed, .actors = {data_h, open_f, NULL, free_id}},
	{"a settled slot becomes clean, and an entry in it is evicted", settled_leftover,
	 .actors = {data_h, open_f, NULL, sweep_twice}},
	{"UDP while DIRTY is cleared", settled_udp, .actors = {track_f, keep_g_data_h, NULL, sweep_once}},
	{"the same SYN twice, and later its connection anew", moved_with_dead,
	 .actors = {open_reset_open_data_f, open_f_announce, NULL, sweep_and_roll_back}},
	{"picked: the same SYN twice, for the anchor and for another", picking,
	 .actors = {open_data_f_at_z, open_f_at_y, data_h, sweep_once}},
	{"picked: the same SYN twice, for two others", picking, .actors = {open_data_f_at_z, open_f_at_w, data_h}},
	{"picked: the same SYN twice while a slot moves", picking,
	 .actors = {open_data_f_at_z, open_f_at_w, data_h, move_z}},
	{"picked: no room", picking_full, .actors = {open_data_f_at_z, open_f_at_w, data_h}},
};

/* With LONG in the environment. */
const struct scenario long_scenarios[] = {
	{"refused SYN and data and the end of a window", moved_full,
	 .actors = {open_data_f, open_g, data_h, close_window}},
	{"anchored ways are taken, with data of all", anchored_full,
	 .actors = {open_data_f, open_g, data_h, close_window_1}},
};

const int scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);
const int long_scenario_count = sizeof(long_scenarios) / sizeof(long_scenarios[0]);
