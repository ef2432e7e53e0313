/* SPDX-License-Identifier: GPL-2.0 */
/* Planned changes of a ring, from the apply to when every slot is clean again: words as a watcher of the maps sees them, and flows as
 * their backends do. */
#include "datapath_flows.h"

enum { MOVED = 6 }; /* slots below MOVED move */

static uint32_t six_move_on(const struct bench *b, uint32_t slot)
{
	return slot < MOVED ? (slot + 1) % b->m->services[0].dest_count : slot % b->m->services[0].dest_count;
}

static uint32_t six_move_twice(const struct bench *b, uint32_t slot)
{
	return slot < MOVED ? (slot + 2) % b->m->services[0].dest_count : slot % b->m->services[0].dest_count;
}

/* What the first MOVED slots are at, all of them alike. */
enum phase { CLEAN_OLD, PREPARED, TAKEN_BACK, MOVING, FOLLOWED, CLEAN_NEW, PHASES };

static uint64_t word_in(const struct bench *b, uint32_t slot, enum phase phase)
{
	uint32_t old = slot % 3, new = (slot + 1) % 3;

	switch (phase) {
	case PREPARED:
		return clean_word(b, old) | SHUNT_SLOT_PREP | SHUNT_SLOT_DIRTY;
	case TAKEN_BACK:
		return clean_word(b, old) | SHUNT_SLOT_DIRTY;
	case MOVING:
		return moved_word(b, new, old);
	case FOLLOWED:
		return clean_word(b, new) | SHUNT_SLOT_DIRTY;
	case CLEAN_NEW:
		return clean_word(b, new);
	default:
		return clean_word(b, old);
	}
}

/* The slots that do not move are as they were, always. */
static bool is_in(const struct bench *b, enum phase phase)
{
	for (uint32_t slot = MOVED; slot < SLOTS; slot++)
		assert_true(b->f.rings[b->f.svcdir[0].ring_base + slot] == clean_word(b, slot % 3));
	for (uint32_t slot = 0; slot < MOVED; slot++)
		if (word_of(b, slot) != word_in(b, slot, phase))
			return false;
	return true;
}

static bool is_moving(const struct bench *b)
{
	return is_in(b, MOVING);
}

static bool has_followed(const struct bench *b)
{
	return is_in(b, FOLLOWED);
}

static bool is_clean_new(const struct bench *b)
{
	return is_in(b, CLEAN_NEW);
}

static bool is_clean_old(const struct bench *b)
{
	return is_in(b, CLEAN_OLD);
}

/* From one phase to the next and nothing else, each after the time that it has at least. */
static void slots_move_by_phases(void **state)
{
	struct bench b;
	uint64_t took;

	(void)state;
	bench_open(&b, 3);
	assert_true(is_in(&b, CLEAN_OLD));
	ring_to(&b, six_move_on);
	applies(b.dp, b.m);
	assert_true(is_in(&b, PREPARED));
	took = 0;
	for (uint64_t began = datapath_ms(b.dp); !is_in(&b, MOVING); took = datapath_ms(b.dp) - began) {
		assert_true(is_in(&b, PREPARED));
		passes(b.dp, 250);
	}
	assert_true(took >= PREP_MS - 250);
	for (uint64_t began = datapath_ms(b.dp); !is_in(&b, FOLLOWED); took = datapath_ms(b.dp) - began) {
		assert_true(is_in(&b, MOVING));
		passes(b.dp, 250);
	}
	assert_true(took >= WINDOW_MS);
	until(&b, is_clean_new, 2 * SWEEP_MS + 500);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* The time that phases may take, as the daemon's timer counts it. */
static void phases_end_in_time(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	ring_to(&b, six_move_on);
	applies(b.dp, b.m);
	until(&b, is_moving, PREP_MS + 250);
	until(&b, has_followed, WINDOW_MS + 2 * SWEEP_MS + 500);
	until(&b, is_clean_new, SWEEP_MS + 500);
	bench_close(&b);
}

static void begin_by(const struct bench *b, const struct flow *flows,
		     uint32_t (*choose)(const struct bench *, uint32_t))
{
	for (int i = 0; i < FLOWS; i++)
		assert_int_equal(flows[i].backend, choose(b, slot_of(b, flows[i].port)));
}

static uint32_t as_before(const struct bench *b, uint32_t slot)
{
	return slot % b->m->services[0].dest_count;
}

/* Flows that began before, while it was prepared, and in its window, all of which go on. */
static void no_flow_changes_its_backend(void **state)
{
	struct flow before[FLOWS], prepared[FLOWS], moved[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	begin_by(&b, before, as_before);
	assert_int_equal(count_entries(&b), 0);
	ring_to(&b, six_move_on);
	applies(b.dp, b.m);
	begin_flows(&b, prepared, 2000);
	begin_by(&b, prepared, as_before);
	assert_true(count_entries(&b) > 0);
	flows_go_on(&b, before);
	until(&b, is_moving, PREP_MS + 250);
	begin_flows(&b, moved, 3000);
	begin_by(&b, moved, six_move_on);
	for (int i = 0; i < 20; i++) { /* 160 s: every window is over */
		flows_go_on(&b, before);
		flows_go_on(&b, prepared);
		flows_go_on(&b, moved);
		passes(b.dp, 8000);
	}
	for (uint32_t slot = 0; slot < MOVED; slot++) {
		assert_int_equal(shunt_slot_anchor(word_of(&b, slot)), id_of(&b, six_move_on(&b, slot)));
		assert_true(word_of(&b, slot) & SHUNT_SLOT_DIRTY);
	}
	flows_go_on(&b, before);
	flows_go_on(&b, prepared);
	flows_go_on(&b, moved);
	rests(b.dp); /* they end */
	fixture_judge(&b.f, b.m);
	assert_int_equal(count_entries(&b), 0);
	bench_close(&b);
}

/* Another change takes the first back before it has been made: nobody has moved. */
static void taken_back_while_prepared(void **state)
{
	struct flow before[FLOWS], prepared[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	ring_to(&b, six_move_on);
	applies(b.dp, b.m);
	begin_flows(&b, prepared, 2000);
	passes(b.dp, 1000);
	ring_to(&b, as_before);
	applies(b.dp, b.m);
	assert_true(is_in(&b, TAKEN_BACK));
	flows_go_on(&b, before);
	flows_go_on(&b, prepared);
	until(&b, is_clean_old, 3 * SWEEP_MS + 500);
	flows_go_on(&b, prepared);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* Taken back in its window: at once; those that began meanwhile keep what they have, by their entries, until they end. */
static void taken_back_in_the_window(void **state)
{
	struct flow before[FLOWS], moved[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	ring_to(&b, six_move_on);
	applies(b.dp, b.m);
	until(&b, is_moving, PREP_MS + 250);
	begin_flows(&b, moved, 3000);
	flows_go_on(&b, before);
	passes(b.dp, WINDOW_MS / 2);
	ring_to(&b, as_before);
	applies(b.dp, b.m);
	assert_true(is_in(&b, TAKEN_BACK));
	for (int i = 0; i < 10; i++) {
		flows_go_on(&b, before);
		flows_go_on(&b, moved);
		passes(b.dp, 8000);
		assert_true(is_in(&b, TAKEN_BACK)); /* as long as moved ones are */
	}
	rests(b.dp);
	assert_true(is_in(&b, CLEAN_OLD));
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* A slot that has moved already moves on at once, since its beginnings are recorded; its window is that of the first move. */
static void moved_on_in_the_window(void **state)
{
	struct flow before[FLOWS], moved[FLOWS];
	struct bench b;
	uint64_t began;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	ring_to(&b, six_move_on);
	applies(b.dp, b.m);
	until(&b, is_moving, PREP_MS + 250);
	began = b.dp->ahead_ms;
	begin_flows(&b, moved, 3000);
	passes(b.dp, 10000);
	flows_go_on(&b, before);
	passes(b.dp, 10000);
	ring_to(&b, six_move_twice);
	applies(b.dp, b.m);
	for (uint32_t slot = 0; slot < MOVED; slot++)
		assert_true(word_of(&b, slot) == moved_word(&b, (slot + 2) % 3, slot % 3));
	flows_go_on(&b, before);
	flows_go_on(&b, moved);
	while (shunt_slot_anchor(word_of(&b, 0)) == id_of(&b, 0)) {
		assert_true(b.dp->ahead_ms - began <= WINDOW_MS + 2 * SWEEP_MS + 500);
		passes(b.dp, 250);
	}
	flows_go_on(&b, before);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_move_by_phases),	       cmocka_unit_test(phases_end_in_time),
		cmocka_unit_test(no_flow_changes_its_backend), cmocka_unit_test(taken_back_while_prepared),
		cmocka_unit_test(taken_back_in_the_window),    cmocka_unit_test(moved_on_in_the_window),
	};

	return cmocka_run_group_tests_name("datapath connections", tests, NULL, NULL);
}
