/* SPDX-License-Identifier: GPL-2.0 */
/* Rings and health: a change moves the slots it must, to where it should, and no other; and back again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "ring_fixture.h"

/*
 * Health. before and after differ in backend i alone, which is available before: exactly its slots move, all of
 * them, and only when nobody is left to nobody.
 */
static void assert_only_its_slots_moved(const uint32_t *before, const uint32_t *after, uint32_t i, bool others)
{
	for (uint32_t s = 0; s < fx.size; s++) {
		if (before[s] != i && after[s] != before[s])
			fail_msg("slot %u of backend %u moved to %u when %u went", s, before[s], after[s], i);
		if (before[s] == i && (after[s] == i || (after[s] == RING_NONE) == others))
			fail_msg("slot %u went from backend %u to %u", s, i, after[s]);
	}
}

/* Take i away and bring it back. The ring before is in fx.ring, and is there again after. */
static void check_flap(uint32_t i, bool others)
{
	fx.available[i] = false;
	resolve(fx.other);
	assert_only_its_slots_moved(fx.ring, fx.other, i, others);
	fx.available[i] = true;
	resolve(fx.other);
	assert_same(fx.ring, fx.other);
}

static void a_change_moves_only_its_own_slots(void **state)
{
	(void)state;
	set_backends(100, SIZE);
	set_weights(weights_1_2_3_0);
	build();
	resolve(fx.ring);
	assert_same(fx.ring, fx.base); /* all up: the base ring itself */
	for (uint32_t i = 0; i < fx.count; i++)
		check_flap(i, true);
}

/* From any set of available backends, however it was reached, to any other, one backend at a time in any order. */
static void random_sets(void **state)
{
	uint64_t seed = (uint64_t)time(NULL), random = seed;

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	set_backends(60, 4093);
	set_weights(weights_1_2_3_0);
	build();
	resolve(fx.ring);
	for (int round = 0; round < 400; round++) {
		uint32_t i = (uint32_t)(next_random(&random) % fx.count), others = 0;

		for (uint32_t k = 0; k < fx.count; k++)
			others += k != i && fx.available[k] && fx.backends[k].weight;
		if (fx.available[i])
			check_flap(i, others > 0);
		/* Long runs of failures, then of recoveries, so that sets get small as well as large. */
		fx.available[i] = (round / 100) % 2;
		resolve(fx.ring);
	}
	for (size_t k = 0; k < fx.count; k++)
		fx.available[k] = true;
	resolve(fx.ring);
	assert_same(fx.ring, fx.base);
}

/* One of 1000, then two, then three: three slots of four are beyond the draws and go by rendezvous. */
static void the_last_resort_keeps_the_promise(void **state)
{
	static const uint32_t left[] = {500, 3, 998, 640};

	(void)state;
	set_backends(1000, SIZE);
	build();
	memset(fx.available, 0, sizeof(fx.available));
	for (size_t n = 0; n < sizeof(left) / sizeof(left[0]); n++) {
		fx.available[left[n]] = true;
		resolve(fx.ring);
		for (size_t k = 0; k <= n; k++)
			check_flap(left[k], n > 0);
		tally(fx.ring);
		for (size_t k = 0; k <= n; k++)
			assert_in_range(fx.slots[left[k]], SIZE / (n + 1) * 97 / 100, SIZE / (n + 1) * 103 / 100 + 1);
	}
}

/* The slots that one backend leaves go to the others by weight. */
static void refugees_spread_by_weight(void **state)
{
	const uint32_t gone = 7;
	uint32_t refugees;
	uint64_t weights;
	double chi = 0;

	(void)state;
	set_backends(20, SIZE);
	weights = set_weights(weights_50_to_150) - fx.backends[gone].weight;
	fx.backends[gone].weight = 1000;
	build();
	tally(fx.base);
	refugees = fx.slots[gone];

	fx.available[gone] = false;
	resolve(fx.ring);
	for (uint32_t s = 0; s < SIZE; s++)
		fx.other[s] = fx.base[s] == gone ? fx.ring[s] : RING_NONE;
	tally(fx.other);
	for (size_t i = 0; i < fx.count; i++) {
		double expected = (double)refugees * fx.backends[i].weight / (double)weights;

		if (i != gone)
			chi += (fx.slots[i] - expected) * (fx.slots[i] - expected) / expected;
	}
	if (chi > 18 + 6 * 6) /* 18 degrees of freedom, standard deviation 6 */
		fail_msg("chi-square %.1f over 19 backends, expected at most 54", chi);
}

static void weight_zero_takes_nothing_ever(void **state)
{
	(void)state;
	set_backends(3, SIZE);
	fx.backends[1].weight = 0;
	build();
	fx.available[0] = false;
	resolve(fx.ring);
	tally(fx.ring);
	assert_int_equal(fx.slots[2], SIZE);
	fx.available[2] = false;
	resolve(fx.ring);
	tally(fx.ring);
	assert_int_equal(fx.slots[MAX_BACKENDS], SIZE);

	for (size_t i = 0; i < fx.count; i++)
		fx.backends[i].weight = 0;
	build();
	tally(fx.base);
	assert_int_equal(fx.slots[MAX_BACKENDS], SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_change_moves_only_its_own_slots), cmocka_unit_test(random_sets),
		cmocka_unit_test(the_last_resort_keeps_the_promise), cmocka_unit_test(refugees_spread_by_weight),
		cmocka_unit_test(weight_zero_takes_nothing_ever),
	};

	return cmocka_run_group_tests_name("ring and health", tests, NULL, NULL);
}
