/* SPDX-License-Identifier: GPL-2.0 */
/* A table of connections that has not room for a whole change: some slots wait, what drains goes first, failures never wait, and all
 * is as wanted in the end. */
#include "datapath_flows.h"

/* With 512 ways, two and a half of which are to be for each entry that is expected, and two of those for a slot: 102 may move. */
enum { MANY = 211, WAYS = 512, AT_ONCE = 102 };

static uint32_t all_move(const struct bench *b, uint32_t slot)
{
	return (slot + 1) % b->m->services[0].dest_count;
}

/* Backend 0 is left, and the others change places. */
static uint32_t all_leave_the_first(const struct bench *b, uint32_t slot)
{
	(void)b;
	return slot % 3 ? 3 - slot % 3 : 1;
}

/* The slots of backend 0 leave it; all others stay. */
static uint32_t only_the_first_leaves(const struct bench *b, uint32_t slot)
{
	(void)b;
	return slot % 3 ? slot % 3 : 1 + slot % 2;
}

static struct datapath_conns conns_of(const struct bench *b)
{
	struct datapath_conns conns;

	assert_true(datapath_service_conns(b->dp, "x0", &conns));
	return conns;
}

/* Two for each slot that is moved or prepared, of the backend that it leaves, and alive. */
static void fill_moved_slots(struct bench *b)
{
	for (uint32_t slot = 0; slot < MANY; slot++) {
		uint64_t word = word_of(b, slot);

		if (!(word & (SHUNT_SLOT_REANCHOR | SHUNT_SLOT_PREP)))
			continue;
		for (uint32_t n = 0; n < 2; n++)
			put_entry(b, port_in(b, slot, n), shunt_slot_anchor(word), SHUNT_CONN_EST, 0);
	}
}

static void some_wait_and_all_move(void **state)
{
	uint32_t waited = MANY;
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, MANY, WAYS);
	ring_to(&b, all_move);
	applies(b.dp, b.m);
	assert_int_equal(conns_of(&b).prepared, AT_ONCE);
	assert_int_equal(conns_of(&b).waiting, MANY - AT_ONCE);
	for (int i = 0; i < 1000 && waited; i++) {
		uint32_t now;

		fill_moved_slots(&b);
		passes(b.dp, 1000);
		now = conns_of(&b).waiting;
		assert_true(now <= waited);
		assert_true(conns_of(&b).moved + conns_of(&b).prepared <= AT_ONCE);
		assert_true(count_entries(&b) <= WAYS);
		waited = now;
	}
	assert_int_equal(waited, 0);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* What is measured decides: slots without connections need little. */
static void quiet_slots_need_little(void **state)
{
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, MANY, WAYS);
	ring_to(&b, all_move);
	applies(b.dp, b.m);
	assert_int_equal(conns_of(&b).waiting, MANY - AT_ONCE);
	passes(b.dp, PREP_MS + SWEEP_MS + 500);
	assert_int_equal(conns_of(&b).waiting, 0);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

static void drains_go_first(void **state)
{
	struct bench b;
	uint32_t prepared = 0;

	(void)state;
	bench_open_sized(&b, 3, MANY, WAYS);
	b.m->services[0].dests[0].state = BACKEND_DRAIN;
	ring_to(&b, all_leave_the_first);
	applies(b.dp, b.m);
	for (uint32_t slot = 0; slot < MANY; slot++) {
		bool is_prepared = word_of(&b, slot) & SHUNT_SLOT_PREP;

		prepared += is_prepared;
		if (slot % 3 == 0)
			assert_true(is_prepared);
	}
	assert_int_equal(prepared, AT_ONCE);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

static void failures_never_wait(void **state)
{
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, MANY, WAYS);
	ring_to(&b, all_move);
	applies(b.dp, b.m);
	passes(b.dp, PREP_MS + 250);
	fill_moved_slots(&b);
	assert_int_equal(conns_of(&b).waiting, MANY - AT_ONCE);
	b.m->services[0].dests[0].state = BACKEND_DOWN;
	ring_to(&b, only_the_first_leaves);
	applies(b.dp, b.m);
	for (uint32_t slot = 0; slot < MANY; slot++)
		assert_int_not_equal(shunt_slot_current(word_of(&b, slot)), id_of(&b, 0));
	assert_int_equal(conns_of(&b).waiting, 0);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* A table that is full of what does not go makes a change slow; it does not stop it. */
static void a_full_table_does_not_stop_a_change(void **state)
{
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, MANY, WAYS);
	set_word(&b, 210, word_of(&b, 210) | SHUNT_SLOT_DIRTY);
	datapath_touch_ring(b.dp, 0);
	passes(b.dp, 250);
	for (uint32_t i = 0; i < b.f.size.conn_buckets; i++)
		for (uint32_t way = 0; way < SHUNT_CONN_WAYS; way++)
			b.f.conns[i].entry[way] = shunt_conn_entry(SHUNT_CONN_TAG_MASK, id_of(&b, 1), SHUNT_CONN_EST,
								   datapath_ticks(b.dp));
	sweeps(&b);
	assert_int_equal(count_entries(&b), WAYS);
	ring_to(&b, all_move);
	applies(b.dp, b.m);
	assert_true(conns_of(&b).prepared > 0);
	assert_true(conns_of(&b).waiting > 0);
	assert_true(conns_of(&b).prepared < AT_ONCE);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(some_wait_and_all_move),
		cmocka_unit_test(quiet_slots_need_little),
		cmocka_unit_test(drains_go_first),
		cmocka_unit_test(failures_never_wait),
		cmocka_unit_test(a_full_table_does_not_stop_a_change),
	};

	return cmocka_run_group_tests_name("datapath room", tests, NULL, NULL);
}
