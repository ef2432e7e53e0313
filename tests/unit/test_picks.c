/* SPDX-License-Identifier: GPL-2.0 */
/* The order in which a service that picks goes round its backends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../../user/shuntd/picks.h"
#include "shunt/hash.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX 32

/* weights and the whole list, by digits. */
static const struct {
	uint32_t weights[6];
	const char *list;
} rows[] = {
	{{100, 100, 100}, "012"}, {{0, 100, 0}, "1"},	{{0, 0, 0}, ""},
	{{200, 100}, "010"},	  {{100, 300}, "1011"}, {{65535, 65535, 0, 65535}, "013"},
};

static void small(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t length;
		uint32_t *list = picks_build(rows[i].weights, COUNT(rows[i].weights), MAX, &length);

		assert_int_equal(length, strlen(rows[i].list));
		for (size_t n = 0; n < length; n++)
			assert_int_equal(list[n], rows[i].list[n] - '0');
		if (!length)
			assert_null(list);
		free(list);
	}
}

/* Wherever one stops, nobody has had two turns more or less than were due. */
static void spread(void **state)
{
	uint32_t weights[40];

	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		uint64_t sum = 0;
		uint32_t *list;
		size_t length;

		for (size_t i = 0; i < COUNT(weights); i++)
			sum += weights[i] = shunt_mix64(seed << 8 | i) % 20;
		list = picks_build(weights, COUNT(weights), MAX, &length);
		assert_true(sum % length == 0);
		for (uint32_t who = 0; who < COUNT(weights); who++) {
			uint32_t turns = 0;

			for (size_t n = 0; n < length; n++) {
				double due = (double)weights[who] / sum * (n + 1);

				turns += list[n] == who;
				assert_true(turns < due + 2 && turns + 2 > due);
			}
		}
		free(list);
	}
}

/* Weights that would need a longer list than there may be: to the nearest, and nobody is left out. */
static void long_lists(void **state)
{
	static const uint32_t weights[] = {65535, 1, 65521, 32749};
	uint32_t counts[COUNT(weights)] = {0};
	size_t length;
	uint32_t *list = picks_build(weights, COUNT(weights), MAX, &length);

	(void)state;
	assert_in_range(length, COUNT(weights) * MAX - COUNT(weights), COUNT(weights) * MAX);
	for (size_t n = 0; n < length; n++)
		counts[list[n]]++;
	assert_int_equal(counts[1], 1);
	for (size_t i = 0; i < COUNT(weights); i++) {
		double due = (double)weights[i] / (65535 + 1 + 65521 + 32749) * length;

		if (i != 1)
			assert_true(counts[i] > due - 1.5 && counts[i] < due + 1.5);
	}
	free(list);
}

/* The most that there may be: one heavy weight, whose share leaves no whole turn to the others. */
static void longest_list(void **state)
{
	uint32_t weights[200];
	size_t length;

	(void)state;
	for (size_t i = 0; i < COUNT(weights); i++)
		weights[i] = i ? 1 : 65535;
	free(picks_build(weights, COUNT(weights), MAX, &length));
	assert_in_range(length, COUNT(weights) * MAX + 1, COUNT(weights) * (MAX + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small),
		cmocka_unit_test(spread),
		cmocka_unit_test(long_lists),
		cmocka_unit_test(longest_list),
	};

	return cmocka_run_group_tests_name("picks", tests, NULL, NULL);
}
