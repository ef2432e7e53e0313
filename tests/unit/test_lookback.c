/* SPDX-License-Identifier: GPL-2.0 */
/* lookback.c: what counts as the last minute, and what is not known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../user/shuntd/lookback.h"

static void expect(const struct lookback *l, uint64_t total, uint64_t growth, bool is_minute)
{
	bool minute;

	assert_int_equal(lookback_growth(l, total, &minute), growth);
	assert_int_equal(minute, is_minute);
}

/* Until it has been known for a minute, all that it ever counted may have come within it. */
static void unknown_is_all(void **state)
{
	struct lookback l = {0};

	(void)state;
	expect(NULL, 0, 0, false);
	expect(NULL, 500, 500, false);
	for (int i = 0; i < 6; i++) {
		lookback_add(&l, 500);
		expect(&l, 500, 500, false);
	}
	lookback_add(&l, 500);
	expect(&l, 500, 0, true);
	expect(&l, 501, 1, true);
}

static void a_minute_passes(void **state)
{
	struct lookback l = {0};

	(void)state;
	for (int i = 0; i < 20; i++)
		lookback_add(&l, 500);
	lookback_add(&l, 507);
	for (int i = 0; i < 5; i++) {
		lookback_add(&l, 507);
		expect(&l, 507, 7, true);
	}
	lookback_add(&l, 507);
	expect(&l, 507, 0, true);
}

/* It was deleted and made again: what the one before had is not its own. */
static void another_of_the_same_name(void **state)
{
	struct lookback l = {0};

	(void)state;
	for (int i = 0; i < 7; i++)
		lookback_add(&l, 500);
	expect(&l, 3, 3, false);
	lookback_add(&l, 3);
	expect(&l, 4, 4, false);
	for (int i = 0; i < 6; i++)
		lookback_add(&l, 4);
	expect(&l, 4, 1, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_is_all),
		cmocka_unit_test(a_minute_passes),
		cmocka_unit_test(another_of_the_same_name),
	};

	return cmocka_run_group_tests_name("lookback", tests, NULL, NULL);
}
