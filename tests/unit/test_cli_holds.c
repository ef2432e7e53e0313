/* SPDX-License-Identifier: GPL-2.0 */
/* What holds a backend, as people read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shunt/holds.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct row {
	const char *state;
	int removed, slots, anchors, entries, since, ends_in, window;
	const char *sentence;
} rows[] = {
	{"drain", 0, 0, 3000, 120, 40, 3480, 12,
	 "10.1.0.11 drains since 40s: 120 connections recorded, 3000 slots still recording (window ends in 12s at the "
	 "earliest); cut off in 58m 0s"},
	{"drain", 0, 1, 2, 1, 40, 0, 0,
	 "10.1.0.11 drains since 40s: 1 connection recorded, 1 slot still recording, 1 slot not moved yet; without a "
	 "deadline"},
	/* all its slots are still its own: none is recording, and no window is its */
	{"drain", 0, 5, 5, 0, 0, 3600, 12, "10.1.0.11 drains since 0s: 5 slots not moved yet; cut off in 1h 0m"},
	{"drain", 0, 5, 0, 3, 1, 3600, 12,
	 "10.1.0.11 drains since 1s: 3 connections recorded, 5 slots not moved yet; cut off in 1h 0m"},
	{"drain", 0, 0, 7, 0, 1, 3600, 0, "10.1.0.11 drains since 1s: 7 slots still recording; cut off in 1h 0m"},
	{"drain", 0, 0, 0, 0, 61, 3539, 12, "10.1.0.11 drains since 1m 1s: nothing holds it any more"},
	{"drain", 1, 0, 0, 9, 60, 60, 0, "10.1.0.11 was removed 1m 0s ago: 9 connections recorded; cut off in 1m 0s"},
	{"down", 0, 0, 10, 6, 5, 15, 12,
	 "10.1.0.11 is down since 5s: 6 connections recorded, 10 slots still recording (window ends in 12s at the "
	 "earliest); cut off in 15s"},
	/* entries -1: a daemon that has just begun */
	{"drain", 0, 0, 0, -1, 1, 3600, 0, "10.1.0.11 drains since 1s: connections not counted yet; cut off in 1h 0m"},
	{"drain", 0, 0, 4, -1, 1, 3600, 0,
	 "10.1.0.11 drains since 1s: connections not counted yet, 4 slots still recording; cut off in 1h 0m"},
	{"dead", 1, 0, 0, 6, 5, 0, 0, "10.1.0.11 is cut off since 5s: connections that it had go to other backends"},
};

static void sentences(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		json_t *hold = json_pack("{s:s, s:b, s:i, s:i, s:i, s:i, s:i}", "state", r->state, "removed",
					 r->removed, "slots", r->slots, "anchors", r->anchors, "entries", r->entries,
					 "for", r->since, "ends_in", r->ends_in);
		char *sentence;

		if (r->entries < 0)
			json_object_set_new(hold, "entries", json_null());
		sentence = hold_sentence("10.1.0.11", hold, r->window);
		assert_string_equal(sentence, r->sentence);
		assert_int_equal(hold_is_empty(hold), !r->slots && !r->anchors && !r->entries);
		free(sentence);
		json_decref(hold);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sentences),
	};

	return cmocka_run_group_tests_name("cli-holds", tests, NULL, NULL);
}
