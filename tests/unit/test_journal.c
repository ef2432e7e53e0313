/* SPDX-License-Identifier: GPL-2.0 */
/* The journal of events: numbers, what is lost, filters, and where to begin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shuntd/journal.h"

#define CAPACITY 5

static int new_journal(void **state)
{
	*state = journal_new(CAPACITY);
	return 0;
}

static int free_journal(void **state)
{
	journal_free(*state);
	return 0;
}

static uint64_t add(struct journal *j, enum journal_kind kind, const char *service, const char *backend, uint64_t ms)
{
	struct journal_event event = {.kind = kind, .time_ms = ms, .reason = "because"};

	strcpy(event.service, service);
	if (backend)
		assert_int_equal(addr_parse(backend, &event.backend), 0);
	return journal_add(j, &event)->seq;
}

/* Numbers of what a cursor meets, and whether that is all. */
static void meets(const struct journal *j, struct journal_cursor *cursor, const struct journal_filter *filter,
		  const uint64_t *expected, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct journal_event *event = journal_next(j, cursor, filter);

		assert_non_null(event);
		assert_int_equal(event->seq, expected[i]);
	}
	assert_null(journal_next(j, cursor, filter));
	assert_int_equal(cursor->seq, journal_last(j));
}

#define MEETS(j, cursor, filter, ...) \
	meets(j, cursor, filter, (uint64_t[]){__VA_ARGS__}, sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void numbers(void **state)
{
	struct journal *j = *state, *other = journal_new(CAPACITY);
	struct journal_cursor cursor = {0};
	const struct journal_filter all = {0};

	assert_int_equal(journal_last(j), 0);
	meets(j, &cursor, &all, NULL, 0);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(add(j, JOURNAL_BACKEND, "web", NULL, i), i);
	MEETS(j, &cursor, &all, 1, 2, 3);
	assert_int_equal(add(j, JOURNAL_BACKEND, "web", NULL, 4), 4);
	MEETS(j, &cursor, &all, 4);
	assert_int_equal(cursor.lost, 0);
	assert_int_equal(strlen(journal_id(j)), 16);
	assert_string_not_equal(journal_id(j), journal_id(other));
	journal_free(other);
}

/* Who is late misses what is overwritten, and is told how much; who is not misses nothing. */
static void wrap(void **state)
{
	struct journal *j = *state;
	struct journal_cursor late = {0}, soon = {0}, future = {.seq = 1000};
	const struct journal_filter all = {0}, none = {.service = "dns"};

	for (uint64_t i = 1; i <= 12; i++) {
		add(j, JOURNAL_BACKEND, "web", NULL, i);
		MEETS(j, &soon, &all, i);
	}
	assert_int_equal(soon.lost, 0);
	MEETS(j, &late, &all, 8, 9, 10, 11, 12);
	assert_int_equal(late.lost, 7);
	for (uint64_t i = 13; i <= 20; i++)
		add(j, JOURNAL_BACKEND, "web", NULL, i);
	meets(j, &late, &none, NULL, 0);
	assert_int_equal(late.lost, 7 + 3);
	assert_null(journal_next(j, &future, &all));
	assert_int_equal(future.lost, 0);
}

static void filters(void **state)
{
	struct journal *j = *state;
	struct journal_filter filter = {.kinds = 1u << JOURNAL_CONFIG | 1u << JOURNAL_DRAIN};

	add(j, JOURNAL_CONFIG, "", NULL, 1);
	add(j, JOURNAL_BACKEND, "web", "10.0.0.1", 2);
	add(j, JOURNAL_DRAIN, "web", "10.0.0.2", 3);
	add(j, JOURNAL_BACKEND, "web2", "10.0.0.1", 4);
	add(j, JOURNAL_BACKEND, "web", "fd00::1", 5);
	MEETS(j, &(struct journal_cursor){0}, &filter, 1, 3);
	filter = (struct journal_filter){.service = "web"};
	MEETS(j, &(struct journal_cursor){0}, &filter, 2, 3, 5);
	assert_int_equal(addr_parse("10.0.0.1", &filter.backend), 0);
	MEETS(j, &(struct journal_cursor){0}, &filter, 2);
	filter.service[0] = '\0';
	MEETS(j, &(struct journal_cursor){0}, &filter, 2, 4);
	filter.kinds = 1u << JOURNAL_DRAIN;
	meets(j, &(struct journal_cursor){0}, &filter, NULL, 0);
}

static void beginnings(void **state)
{
	struct journal *j = *state;
	const struct journal_filter all = {0}, web = {.service = "web"};

	assert_int_equal(journal_since(j, 0), 0);
	assert_int_equal(journal_tail(j, &all, 3), 0);
	for (uint64_t i = 1; i <= 7; i++)
		add(j, JOURNAL_BACKEND, i % 2 ? "web" : "dns", NULL, 100 * i);
	assert_int_equal(journal_since(j, 500), 4);
	assert_int_equal(journal_since(j, 501), 5);
	assert_int_equal(journal_since(j, 701), 7);
	assert_int_equal(journal_since(j, 0), 2); /* what is gone is no loss */
	assert_int_equal(journal_tail(j, &all, 0), 7);
	assert_int_equal(journal_tail(j, &all, 2), 5);
	assert_int_equal(journal_tail(j, &all, 100), 2);
	assert_int_equal(journal_tail(j, &web, 2), 4);
	/* the clock was set back */
	add(j, JOURNAL_BACKEND, "web", NULL, 50);
	assert_int_equal(journal_since(j, 700), 8);
	assert_int_equal(journal_since(j, 50), 3);
}

static void texts(void **state)
{
	static char reason[] = "connect: Connection refused", long_reason[] = "it \x01 is";
	struct journal_event event = {.reason = reason};
	char buf[JOURNAL_TEXT];

	(void)state;
	assert_string_equal(journal_text(&event, buf), "connect: Connection refused");
	event.from = "up";
	event.to = "down";
	strcpy(event.service, "web");
	assert_string_equal(journal_text(&event, buf), "service web: up -> down: connect: Connection refused");
	assert_int_equal(addr_parse("fd00::1", &event.backend), 0);
	assert_string_equal(journal_text(&event, buf),
			    "service web: backend fd00::1: up -> down: connect: Connection refused");
	event.from = NULL;
	assert_string_equal(journal_text(&event, buf),
			    "service web: backend fd00::1: down: connect: Connection refused");
	event = (struct journal_event){.interface = "eth0", .reason = long_reason};
	assert_string_equal(journal_text(&event, buf), "eth0: it \x01 is");
	for (int i = 0; i < JOURNAL_KINDS; i++)
		assert_non_null(journal_kind_name(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(numbers, new_journal, free_journal),
		cmocka_unit_test_setup_teardown(wrap, new_journal, free_journal),
		cmocka_unit_test_setup_teardown(filters, new_journal, free_journal),
		cmocka_unit_test_setup_teardown(beginnings, new_journal, free_journal),
		cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
