/* SPDX-License-Identifier: GPL-2.0 */
/* What a command says of on_demand, joined with what is in force. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shunt/demand_join.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FULL                                                                                                    \
	"{'start': {'command': ['/on', 'x']}, 'stop': {'url': 'http://a/off', 'method': 'PUT'}, 'idle': '5m', " \
	"'timeout': '30s', 'awake': ['mon 00:00-24:00']}"

/* Single quotes are easier to read in a C string. */
static json_t *json_of(const char *text)
{
	char *copy = strdup(text);
	json_t *json;

	for (char *c = copy; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	json = json_loads(copy, JSON_DECODE_ANY, NULL);
	free(copy);
	assert_non_null(json);
	return json;
}

static const struct {
	const char *pool; /* NULL: the service as a whole */
	const char *present, *set, *joined;
} rows[] = {
	{NULL, "null", "{'start': {'command': ['/on']}}", "{'start': {'command': ['/on']}}"},
	{NULL, "null", "{'start': {'url': 'http://a/'}, 'stop': null, 'awake': null}",
	 "{'start': {'url': 'http://a/'}}"},
	{NULL, FULL, "null", "null"},
	{NULL, FULL, "{'idle': '1h'}",
	 "{'start': {'command': ['/on', 'x']}, 'stop': {'url': 'http://a/off', 'method': 'PUT'}, 'idle': '1h', "
	 "'timeout': '30s', 'awake': ['mon 00:00-24:00']}"},
	{NULL, FULL, "{'stop': null, 'awake': null}",
	 "{'start': {'command': ['/on', 'x']}, 'idle': '5m', 'timeout': '30s'}"},
	/* another hook, of which the one before says nothing any more; and the same one, by another method */
	{NULL, FULL, "{'start': {'url': 'http://b/'}, 'stop': {'command': ['/off']}, 'awake': ['tue']}",
	 "{'start': {'url': 'http://b/'}, 'stop': {'command': ['/off']}, 'idle': '5m', 'timeout': '30s', 'awake': "
	 "['tue']}"},
	{NULL, FULL, "{'stop': {'method': 'GET'}}",
	 "{'start': {'command': ['/on', 'x']}, 'stop': {'url': 'http://a/off', 'method': 'GET'}, 'idle': '5m', "
	 "'timeout': '30s', 'awake': ['mon 00:00-24:00']}"},
	{"green", "null", "{'idle': '1h'}", "{'pools': {'green': {'idle': '1h'}}}"},
	{"green", "{'pools': {'blue': {'idle': '2h'}, 'green': {'idle': '1h', 'timeout': '1s'}}}", "{'idle': '3h'}",
	 "{'pools': {'blue': {'idle': '2h'}, 'green': {'idle': '3h', 'timeout': '1s'}}}"},
	{"green", "{'pools': {'blue': {'idle': '2h'}, 'green': {'idle': '1h'}}}", "null",
	 "{'pools': {'blue': {'idle': '2h'}}}"},
	{"green", "{'pools': {'green': {'idle': '1h'}}}", "null", "null"},
	{"green", "null", "null", "null"},
};

static void joins(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		json_t *present = json_of(rows[i].present), *before = json_deep_copy(present),
		       *set = json_of(rows[i].set);
		json_t *expected = json_of(rows[i].joined);
		json_t *joined =
			rows[i].pool ? demand_join_pool(present, rows[i].pool, set) : demand_join(present, set);
		char *got = json_dumps(joined, JSON_ENCODE_ANY);

		if (!json_equal(joined, expected))
			fail_msg("row %zu: got %s", i, got);
		assert_true(json_equal(present, before));
		free(got);
		json_decref(present);
		json_decref(before);
		json_decref(set);
		json_decref(expected);
		json_decref(joined);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(joins)};

	return cmocka_run_group_tests_name("cli demand", tests, NULL, NULL);
}
