/* SPDX-License-Identifier: GPL-2.0 */
/* Backends that fail, come back or stay away, and backends that drain. */
#include "datapath_flows.h"

static void set_state(struct bench *b, uint32_t backend, enum backend_state state)
{
	b->m->services[0].dests[backend].state = state;
	ring_of_those_up(b);
	applies(b->dp, b->m);
}

static enum shunt_dest_state state_of(const struct bench *b, uint32_t backend)
{
	return b->f.dests[id_of(b, backend)].state;
}

static bool is_dead(const struct bench *b)
{
	return state_of(b, 0) == SHUNT_DEST_DEAD;
}

/* Slot 0, 3, ... of three backends, whose first is down: it was that one's, and is the second's. */
static bool is_of_first(uint32_t slot)
{
	return slot % 3 == 0;
}

/* At once, without preparation; who was there stays there, and who begins does not go there. */
static void down_moves_at_once(void **state)
{
	struct flow before[FLOWS], during[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	set_state(&b, 0, BACKEND_DOWN);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DOWN);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_true(b.f.rings[slot] == (is_of_first(slot) ? moved_word(&b, 1, 0) : clean_word(&b, slot % 3)));
	begin_flows(&b, during, 2000);
	for (int i = 0; i < FLOWS; i++)
		assert_int_not_equal(during[i].backend, 0);
	flows_go_on(&b, before);
	passes(b.dp, GRACE_MS - 5000);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DOWN);
	flows_go_on(&b, before);
	flows_go_on(&b, during);
	bench_close(&b);
}

/* Back within the grace: nothing has been lost, neither of those that were there nor of those that began elsewhere. */
static void back_within_the_grace(void **state)
{
	struct flow before[FLOWS], during[FLOWS];
	struct bench b;
	uint64_t entries;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	set_state(&b, 0, BACKEND_DOWN);
	begin_flows(&b, during, 2000);
	flows_go_on(&b, before);
	passes(b.dp, 10000);
	entries = count_entries(&b);
	assert_true(entries > 0);
	set_state(&b, 0, BACKEND_UP);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_UP);
	assert_int_equal(count_entries(&b), entries);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_true(word_of(&b, slot) ==
			    (clean_word(&b, slot % 3) | (is_of_first(slot) ? SHUNT_SLOT_DIRTY : 0)));
	for (int i = 0; i < 10; i++) {
		flows_go_on(&b, before);
		flows_go_on(&b, during);
		passes(b.dp, 8000);
		assert_int_equal(state_of(&b, 0), SHUNT_DEST_UP);
	}
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	assert_int_equal(count_entries(&b), 0);
	bench_close(&b);
}

/* For good: what it had is cut off, and soon nothing tells of it. */
static void down_for_good_is_dead(void **state)
{
	struct flow before[FLOWS], during[FLOWS];
	struct bench b;
	uint64_t took;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	set_state(&b, 0, BACKEND_DOWN);
	begin_flows(&b, during, 2000);
	flows_go_on(&b, before);
	took = until(&b, is_dead, GRACE_MS + 2000);
	assert_true(took >= GRACE_MS - 2000); /* whole seconds are counted, and looked at */
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_true(word_of(&b, slot) ==
			    (is_of_first(slot) ? clean_word(&b, 1) | SHUNT_SLOT_DIRTY : clean_word(&b, slot % 3)));
	flows_go_on_without(&b, before, 0);
	flows_go_on(&b, during);
	passes(b.dp, 2 * SWEEP_MS + 500);
	for (int i = 0; i < FLOWS; i++)
		assert_null(entry_of(&b, before[i].port));
	flows_go_on(&b, during);
	passes(b.dp, SWEEP_MS + 500);
	fixture_judge(&b.f, b.m); /* all that is there says the same as the ring */

	/* and it comes back as any other: planned */
	set_state(&b, 0, BACKEND_UP);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_UP);
	assert_true(word_of(&b, 0) == (clean_word(&b, 1) | SHUNT_SLOT_DIRTY | SHUNT_SLOT_PREP));
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* A change that was planned from or to it does not wait for its 3 s. */
static void down_while_prepared(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	set_state(&b, 0, BACKEND_DRAIN);
	assert_true(word_of(&b, 0) == (clean_word(&b, 0) | SHUNT_SLOT_PREP | SHUNT_SLOT_DIRTY));
	passes(b.dp, 1000);
	set_state(&b, 0, BACKEND_DOWN);
	assert_true(word_of(&b, 0) == moved_word(&b, 1, 0));
	set_state(&b, 1, BACKEND_DOWN);
	assert_true(word_of(&b, 0) == moved_word(&b, 2, 0));
	assert_true(word_of(&b, 1) == moved_word(&b, 2, 1));
	bench_close(&b);
}

/* What a drained backend leaves by and by, it leaves at once when it fails, though the ring is to be the same. */
static void drained_fails_while_prepared(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	set_state(&b, 0, BACKEND_DRAIN);
	assert_true(word_of(&b, 0) == (clean_word(&b, 0) | SHUNT_SLOT_PREP | SHUNT_SLOT_DIRTY));
	b.m->services[0].dests[0].failing = true;
	applies(b.dp, b.m);
	assert_true(word_of(&b, 0) == moved_word(&b, 1, 0));
	bench_close(&b);
}

static void all_are_down(void **state)
{
	struct flow before[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 2);
	begin_flows(&b, before, 1000);
	b.m->services[0].dests[0].state = BACKEND_DOWN;
	set_state(&b, 1, BACKEND_DOWN);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_int_equal(shunt_slot_current(word_of(&b, slot)), 0);
	flows_go_on(&b, before);
	assert_int_equal(sends(&b, 5000, SYN), NOBODY);
	passes(b.dp, 10000);
	flows_go_on(&b, before);
	until(&b, is_dead, GRACE_MS);
	assert_int_equal(sends(&b, before[0].port, ACK), NOBODY);
	assert_int_equal(sends(&b, before[0].port, SYN), NOBODY);
	rests(b.dp);
	fixture_judge(&b.f, b.m);

	/* the first that is there is there at once */
	set_state(&b, 1, BACKEND_UP);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_true(b.f.rings[slot] == clean_word(&b, 1));
	assert_int_equal(sends(&b, 5000, SYN), 1);
	bench_close(&b);
}

/* Nobody is left for beginnings; all that there are go on until they end. */
static void all_are_drained(void **state)
{
	struct flow before[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 2);
	begin_flows(&b, before, 1000);
	b.m->services[0].dests[0].state = BACKEND_DRAIN;
	set_state(&b, 1, BACKEND_DRAIN);
	passes(b.dp, PREP_MS + 250);
	assert_int_equal(sends(&b, 5000, SYN), NOBODY);
	for (int i = 0; i < 12; i++) {
		flows_go_on(&b, before);
		passes(b.dp, 8000);
	}
	assert_int_equal(shunt_slot_anchor(word_of(&b, 0)), 0);
	flows_go_on(&b, before);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DRAIN);
	bench_close(&b);
}

/* Drained, and then it fails: what it has is over after the grace, as with any other; if it only seemed so, it drains on. */
static void drained_and_failing(void **state)
{
	struct flow before[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	set_state(&b, 0, BACKEND_DRAIN);
	passes(b.dp, 10000);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DRAIN);
	assert_true(word_of(&b, 0) == moved_word(&b, 1, 0));
	b.m->services[0].dests[0].failing = true;
	applies(b.dp, b.m);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DOWN);
	passes(b.dp, 10000);
	flows_go_on(&b, before);
	b.m->services[0].dests[0].failing = false;
	applies(b.dp, b.m);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DRAIN);
	passes(b.dp, GRACE_MS + 2000);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DRAIN);
	flows_go_on(&b, before);
	b.m->services[0].dests[0].failing = true;
	applies(b.dp, b.m);
	until(&b, is_dead, GRACE_MS + 2000);
	assert_int_equal(shunt_slot_anchor(word_of(&b, 0)), id_of(&b, 1));
	flows_go_on_without(&b, before, 0);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

static bool is_gone(const struct bench *b)
{
	return state_of(b, 0) != SHUNT_DEST_DRAIN;
}

/* The drain's own limit, counted from its beginning, whoever applies what meanwhile. */
static void drains_end(void **state)
{
	struct flow before[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	b.m->services[0].drain_timeout = 300;
	begin_flows(&b, before, 1000);
	set_state(&b, 0, BACKEND_DRAIN);
	for (int i = 0; i < 29; i++) {
		passes(b.dp, 10000);
		b.m->services[0].dests[0].failing = i % 8 == 5; /* for less than the grace */
		applies(b.dp, b.m);
		flows_go_on(&b, before);
	}
	until(&b, is_gone, 12000);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DEAD);
	flows_go_on_without(&b, before, 0);
	applies(b.dp, b.m);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_DEAD); /* it is over, and stays so */
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	set_state(&b, 0, BACKEND_UP);
	rests(b.dp);
	assert_int_equal(state_of(&b, 0), SHUNT_DEST_UP);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(down_moves_at_once),
		cmocka_unit_test(back_within_the_grace),
		cmocka_unit_test(down_for_good_is_dead),
		cmocka_unit_test(down_while_prepared),
		cmocka_unit_test(drained_fails_while_prepared),
		cmocka_unit_test(all_are_down),
		cmocka_unit_test(all_are_drained),
		cmocka_unit_test(drained_and_failing),
		cmocka_unit_test(drains_end),
	};

	return cmocka_run_group_tests_name("datapath health", tests, NULL, NULL);
}
