/* SPDX-License-Identifier: GPL-2.0 */
/* Daemons that follow each other in the middle of changes: what one knew besides the maps is forgotten, and that costs time, nothing
 * else. */
#include "datapath_flows.h"

enum { ROUNDS = 60, STEPS = 4 };

static void reopens(struct datapath **dp, const struct fixture *f)
{
	uint64_t ahead_ms = (*dp)->ahead_ms;

	datapath_close(*dp);
	opens(dp, f);
	(*dp)->ahead_ms = ahead_ms;
}

/* Whatever was begun, by whomever, and left anywhere: what the last one wants is what there is in the end. */
static void any_moment(void **state)
{
	struct model *m = fixture_random_model();
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	for (int round = 0; round < ROUNDS; round++) {
		for (int step = random() % STEPS; step >= 0; step--) {
			if (random() % 2) {
				model_free(m);
				m = fixture_random_model();
			}
			if (random() % 2)
				reopens(&dp, &f);
			applies(dp, m);
			fixture_judge_moving(&f, m);
			for (int i = 0; i < 4; i++) {
				passes(dp, random() % 9000);
				fixture_judge_moving(&f, m);
			}
		}
		rests(dp);
		fixture_judge(&f, m);
	}
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

static uint32_t one_moves(const struct bench *b, uint32_t slot)
{
	return slot ? slot % b->m->services[0].dest_count : 1;
}

static bool is_first_moved(const struct bench *b)
{
	return word_of(b, 0) == moved_word(b, 1, 0);
}

static bool has_first_followed(const struct bench *b)
{
	return shunt_slot_anchor(word_of(b, 0)) == id_of(b, 1);
}

/* Nobody knows how long they have been what they are: a preparation and a window are whole under one daemon. */
static void preparations_and_windows_begin_anew(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	ring_to(&b, one_moves);
	applies(b.dp, b.m);
	for (int i = 0; i < 3; i++) {
		passes(b.dp, PREP_MS - 1000);
		bench_restart(&b);
		assert_true(word_of(&b, 0) == (clean_word(&b, 0) | SHUNT_SLOT_PREP | SHUNT_SLOT_DIRTY));
	}
	assert_true(until(&b, is_first_moved, PREP_MS + 250) >= PREP_MS - 250);
	for (int i = 0; i < 3; i++) {
		passes(b.dp, WINDOW_MS - 6000);
		bench_restart(&b);
		assert_true(is_first_moved(&b));
	}
	assert_true(until(&b, has_first_followed, WINDOW_MS + 2 * SWEEP_MS + 500) >= WINDOW_MS);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* Flows see nothing of it, whenever it is. */
static void flows_survive_daemons(void **state)
{
	struct flow before[FLOWS], during[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	b.m->services[0].dest_count = 2; /* backend 2 is removed, too */
	ring_to(&b, one_moves);
	applies(b.dp, b.m);
	bench_restart(&b);
	passes(b.dp, PREP_MS + 250);
	begin_flows(&b, during, 2000);
	for (int i = 0; i < 20; i++) {
		flows_go_on(&b, before);
		flows_go_on(&b, during);
		passes(b.dp, 1000 + random() % 8000);
		if (random() % 2)
			bench_restart(&b);
	}
	flows_go_on(&b, before);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

static bool is_dead(const struct bench *b)
{
	return b->f.dests[id_of(b, 0)].state == SHUNT_DEST_DEAD;
}

/* Graces and drains are counted in the maps: a daemon that starts often does not prolong them. */
static void graces_and_drains_go_on(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	b.m->services[0].dests[0].state = BACKEND_DOWN;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	for (int i = 0; i < 3; i++) {
		passes(b.dp, GRACE_MS / 4);
		bench_restart(&b);
		assert_int_equal(b.f.dests[id_of(&b, 0)].state, SHUNT_DEST_DOWN);
	}
	until(&b, is_dead, GRACE_MS / 4 + 2000);
	bench_restart(&b);
	assert_true(is_dead(&b));

	b.m->services[0].dests[0].state = BACKEND_UP;
	applies(b.dp, b.m);
	b.m->services[0].dests[0].state = BACKEND_DRAIN;
	b.m->services[0].drain_timeout = 60;
	applies(b.dp, b.m);
	for (int i = 0; i < 3; i++) {
		passes(b.dp, 15000);
		bench_restart(&b);
		assert_int_equal(b.f.dests[id_of(&b, 0)].state, SHUNT_DEST_DRAIN);
	}
	until(&b, is_dead, 17000);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_moment),
		cmocka_unit_test(preparations_and_windows_begin_anew),
		cmocka_unit_test(flows_survive_daemons),
		cmocka_unit_test(graces_and_drains_go_on),
	};

	srandom(4);
	return cmocka_run_group_tests_name("datapath restart", tests, NULL, NULL);
}
