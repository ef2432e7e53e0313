/* SPDX-License-Identifier: GPL-2.0 */
/* What is shown of connections, of what holds a destination, and of the table. */
#include "datapath_flows.h"

enum { MOVED = 5 }; /* slots of backend 0, of 13 and 3 */

static void drain_the_first(struct bench *b)
{
	b->m->services[0].dests[0].state = BACKEND_DRAIN;
	ring_of_those_up(b);
	applies(b->dp, b->m);
}

static struct datapath_conns conns_of(const struct bench *b)
{
	struct datapath_conns conns;

	assert_true(datapath_service_conns(b->dp, "x0", &conns));
	return conns;
}

static struct datapath_hold hold_of(const struct bench *b, uint32_t backend)
{
	struct shunt_addr addr = backend_addr(backend);
	struct datapath_hold hold;

	assert_true(datapath_dest_hold(b->dp, "x0", &addr, &hold));
	assert_true(addr_equal(&hold.addr, &addr));
	return hold;
}

static void slots_are(const struct bench *b, uint32_t prepared, uint32_t moved, uint32_t dirty)
{
	struct datapath_conns c = conns_of(b);

	assert_int_equal(c.slots, SLOTS);
	assert_int_equal(c.waiting, 0);
	assert_int_equal(c.prepared, prepared);
	assert_int_equal(c.moved, moved);
	assert_int_equal(c.dirty, dirty);
	assert_int_equal(c.window_ends > 0, moved > 0);
}

static void slots_are_counted(void **state)
{
	const uint32_t window_s = WINDOW_MS / 1000 + SWEEP_MS / 1000;
	struct datapath_conns none;
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	slots_are(&b, 0, 0, 0);
	drain_the_first(&b);
	slots_are(&b, MOVED, 0, MOVED);
	passes(b.dp, PREP_MS + 250);
	slots_are(&b, 0, MOVED, MOVED);
	assert_true(conns_of(&b).window_ends <= window_s);
	passes(b.dp, 20000);
	assert_true(conns_of(&b).window_ends <= window_s - 20);
	bench_restart(&b); /* it begins anew, and says so */
	slots_are(&b, 0, MOVED, MOVED);
	assert_true(conns_of(&b).window_ends > window_s - 20);
	rests(b.dp);
	slots_are(&b, 0, 0, 0);
	assert_false(datapath_service_conns(b.dp, "x1", &none));
	assert_int_equal(none.slots, 0);
	bench_close(&b);
}

/* By state as the last sweep met them; by packets as the program counts them. */
static void entries_are_counted(void **state)
{
	struct datapath_table table;
	struct datapath_conns c;
	struct bench b;
	uint64_t sweeps_before;

	(void)state;
	bench_open(&b, 3);
	drain_the_first(&b);
	passes(b.dp, PREP_MS + 250);
	assert_int_equal(sends(&b, port_in(&b, 0, 0), ACK), 0); /* anchored */
	assert_int_equal(sends(&b, port_in(&b, 3, 0), ACK), 0);
	assert_int_equal(sends(&b, port_in(&b, 6, 0), ACK), 0);
	assert_int_equal(sends(&b, port_in(&b, 0, 1), SYN), 1); /* new */
	assert_int_equal(sends(&b, port_in(&b, 0, 2), SYN), 1); /* established */
	assert_int_equal(sends(&b, port_in(&b, 0, 2), ACK), 1);
	assert_int_equal(sends(&b, port_in(&b, 1, 0), SYN), 1); /* of no concern */
	put_entry(&b, port_in(&b, 9, 0), id_of(&b, 0), SHUNT_CONN_CLOSING, 0);
	put_entry(&b, port_in(&b, 9, 1), id_of(&b, 0), SHUNT_CONN_CLOSING, 0);
	sweeps(&b);
	c = conns_of(&b);
	assert_int_equal(c.entries[SHUNT_CONN_NEW], 1);
	assert_int_equal(c.entries[SHUNT_CONN_EST], 1);
	assert_int_equal(c.entries[SHUNT_CONN_ANCH], 3);
	assert_int_equal(c.entries[SHUNT_CONN_CLOSING], 2);
	assert_int_equal(c.counts[SHUNT_CONN_dirty], 6);
	assert_int_equal(c.counts[SHUNT_CONN_inserted], 5);
	assert_int_equal(c.counts[SHUNT_CONN_refused], 0);
	assert_int_equal(c.counts[SHUNT_CONN_displaced], 0);
	assert_true(c.counts[SHUNT_CONN_looked] >= 1 && c.counts[SHUNT_CONN_looked] <= 6);

	datapath_table(b.dp, &table);
	assert_int_equal(table.entries, 7);
	assert_int_equal(table.entries_max, fixture_limits.connections);
	sweeps_before = table.sweeps;
	sweeps(&b);
	datapath_table(b.dp, &table);
	assert_int_equal(table.sweeps, sweeps_before + 1);
	rests(b.dp);
	datapath_table(b.dp, &table);
	assert_int_equal(table.entries, 0);
	assert_int_equal(conns_of(&b).entries[SHUNT_CONN_ANCH], 0);
	bench_close(&b);
}

/* A service that is deleted takes what was counted with it: the next of its name begins at 0. */
static void counters_are_of_one_life(void **state)
{
	struct model *none = fixture_model(0);
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	drain_the_first(&b);
	sends(&b, port_in(&b, 0, 0), ACK);
	assert_int_equal(conns_of(&b).counts[SHUNT_CONN_dirty], 1);
	applies(b.dp, none);
	applies(b.dp, b.m);
	assert_int_equal(conns_of(&b).counts[SHUNT_CONN_dirty], 0);
	slots_are(&b, 0, 0, 0); /* nothing is there to be kept */
	model_free(none);
	bench_close(&b);
}

static void holds_are_told(void **state)
{
	struct shunt_addr stranger = backend_addr(9);
	struct datapath_hold hold, all[4];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	b.m->services[0].drain_timeout = 600;
	drain_the_first(&b);
	passes(b.dp, 10000);
	hold = hold_of(&b, 0);
	assert_int_equal(hold.state, SHUNT_DEST_DRAIN);
	assert_false(hold.removed);
	assert_int_equal(hold.slots, 0);
	assert_int_equal(hold.anchors, MOVED);
	assert_int_equal(hold.entries, 0);
	assert_true(hold.for_s >= 9);
	assert_int_equal(hold.for_s + hold.ends_in, 600);
	put_entry(&b, port_in(&b, 0, 0), id_of(&b, 0), SHUNT_CONN_EST, 0);
	put_entry(&b, port_in(&b, 3, 0), id_of(&b, 0), SHUNT_CONN_NEW, 0);
	sweeps(&b);
	assert_int_equal(hold_of(&b, 0).entries, 2);
	hold = hold_of(&b, 1);
	assert_int_equal(hold.state, SHUNT_DEST_UP);
	assert_int_equal(hold.ends_in, 0);
	assert_int_equal(hold.anchors, 4);
	assert_int_equal(hold.slots, 4 + MOVED);
	assert_false(datapath_dest_hold(b.dp, "x0", &stranger, &hold));
	assert_false(datapath_dest_hold(b.dp, "x1", &b.m->services[0].dests[0].addr, &hold));

	assert_int_equal(datapath_holds(b.dp, "x0", all, 4), 1);
	assert_true(addr_equal(&all[0].addr, &b.m->services[0].dests[0].addr));
	b.m->services[0].dests[1].state = BACKEND_DOWN;
	b.m->services[0].dest_count = 2;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	memset(all, 0, sizeof(all));
	assert_int_equal(datapath_holds(b.dp, "x0", all, 2), 3);
	assert_int_equal(all[2].addr.family, 0);
	assert_int_equal(datapath_holds(b.dp, "x0", all, 4), 3);
	assert_false(all[0].removed || all[1].removed);
	assert_true(all[2].removed);
	assert_int_equal(all[1].state, SHUNT_DEST_DOWN);
	assert_true(all[1].ends_in > 0 && all[1].ends_in <= GRACE_MS / 1000);
	assert_int_equal(datapath_holds(b.dp, "x1", all, 4), 0);
	passes(b.dp, GRACE_MS + 2000);
	assert_int_equal(hold_of(&b, 1).state, SHUNT_DEST_DEAD);
	assert_int_equal(hold_of(&b, 1).ends_in, 0);
	bench_close(&b);
}

static bool is_listed(const struct bench *b, uint32_t backend)
{
	struct shunt_addr *list, addr = backend_addr(backend);
	size_t count = datapath_addresses(b->dp, false, &list);
	uint32_t times = 0;

	for (size_t i = 0; i < count; i++)
		times += addr_equal(&list[i], &addr);
	free(list);
	assert_true(times <= 1);
	return times;
}

/* All that next hops are to be known of: what is configured, and what was and lingers. */
static void leftovers_are_listed(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	assert_true(is_listed(&b, 0) && is_listed(&b, 1) && is_listed(&b, 2) && !is_listed(&b, 3));
	b.m->services[0].dest_count = 2;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	assert_true(is_listed(&b, 0) && is_listed(&b, 2));
	datapath_close(b.dp);
	opens(&b.dp, &b.f);
	assert_true(is_listed(&b, 2)); /* before anything is applied */
	applies(b.dp, b.m);
	rests(b.dp);
	assert_true(is_listed(&b, 0) && is_listed(&b, 1) && !is_listed(&b, 2));
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_are_counted),	    cmocka_unit_test(entries_are_counted),
		cmocka_unit_test(counters_are_of_one_life), cmocka_unit_test(holds_are_told),
		cmocka_unit_test(leftovers_are_listed),
	};

	return cmocka_run_group_tests_name("datapath show", tests, NULL, NULL);
}
