/* SPDX-License-Identifier: GPL-2.0 */
/* The API on what becomes of connections while rings change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_client.h"

#define COUNTS                                                                                   \
	"[{'count': 'dirty', 'packets': 1000}, {'count': 'looked', 'packets': 1001}, {'count': " \
	"'inserted', 'packets': 1002}, {'count': 'displaced', 'packets': 1003}, {'count': "      \
	"'refused', 'packets': 1004}]"
#define WEB_CONNECTIONS                                                                                             \
	"'slots': 65537, 'waiting': 40, 'prepared': 7, 'moved': 3000, 'dirty': 3500, 'window_ends': 12, 'entries':" \
	" {'new': 2, 'established': 100, 'anchored': 20, 'closing': 4}, 'counts': " COUNTS
#define TABLE "{'used': 126, 'limit': 524288, 'sweeps': 33, 'swept_ms': 12}"

static void connections(void **state)
{
	static const char web[] =
		"'name': 'web', " WEB_CONNECTIONS ", 'holds':"
		" [{'address': '10.1.0.12', 'state': 'drain', 'removed': false, 'slots': 0, 'anchors': 3000,"
		" 'entries': 120, 'for': 40, 'ends_in': 3480},"
		" {'address': '" FAKE_REMOVED "', 'state': 'drain', 'removed': true, 'slots': 0, 'anchors': 0,"
		" 'entries': 9, 'for': 60, 'ends_in': 0}]";
	char expected[4096];

	(void)state;
	snprintf(expected, sizeof(expected), "{%s}", web);
	expect_get("/v1/connections/web", expected);
	snprintf(expected, sizeof(expected),
		 "{'table': " TABLE ", 'services': [{%s}, {'name': 'dns', 'moved': 0, 'window_ends': 0, 'holds':"
		 " [{'address': '2001:db8:1::11', 'state': 'down', 'removed': false, 'entries': 6, 'ends_in': 15}]}]}",
		 web);
	expect_get("/v1/connections", expected);
	/* the same, where metrics come from */
	expect_get("/v1/stats", "{'table': " TABLE ", 'services': [{'connections': {" WEB_CONNECTIONS
				"}}, {'connections': {'moved': 0}}]}");
}

/* What holds backends that take no new connections, until nothing does. */
static void drains(void **state)
{
	struct answer a =
		post("/v1/changes", "{\"changes\": [{\"op\": \"backend.add\", \"service\": \"web\", \"backend\": {"
				    "\"address\": \"" FAKE_ENDING "\", \"state\": \"drain\"}}]}");

	(void)state;
	expect(&a, 200, "{'changed': true}");
	assert_null(json_object_get(a.json, "notes"));
	forget(&a);
	a = get("/v1/services/web");
	expect(&a, 200,
	       "{'backends': [{'state': 'up'}, {'state': 'drain', 'drained': false, 'hold': {'state': 'drain',"
	       " 'slots': 0, 'anchors': 3000, 'entries': 120, 'for': 40, 'ends_in': 3480}},"
	       " {'drained': false, 'hold': {'slots': 5}}]}");
	assert_null(json_object_get(json_array_get(json_object_get(a.json, "backends"), 0), "hold"));
	forget(&a);
	for (int i = 0; i < 3; i++) {
		a = get("/v1/services/web");
		expect(&a, 200, "{'backends': [{}, {}, {'drained': false}]}");
		forget(&a);
	}
	expect_get("/v1/services/web", "{'backends': [{}, {}, {'drained': true, 'hold': {'state': 'drain'}}]}");
	expect_get("/v1/services", "{'services': [{}, {'name': 'dns', 'backends': [{'hold': {'state': 'down',"
				   " 'entries': 6, 'ends_in': 15}}]}]}");
	/* it has nothing: its end is not worth a word; that of one that has something is */
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"backend.delete\", \"service\": \"web\", \"address\": "
				"\"" FAKE_ENDING "\"}]}");
	expect(&a, 200, "{'changed': true}");
	assert_null(json_object_get(a.json, "notes"));
	forget(&a);
}

#define REMOVAL                                                                                                       \
	"{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", \"set\": {\"drain_timeout\": %s}}, {\"op\": " \
	"\"backend.delete\", \"service\": \"web\", \"address\": \"10.1.0.12\"}]}"

static void removals(void **state)
{
	static const char *const rows[][2] = {
		{"60", "'services[web].backends[10.1.0.12]: gets no new connections; those that it has live on until "
		       "they end, at most 60 s (drain_timeout)'"},
		{"0", "'services[web].backends[10.1.0.12]: gets no new connections; those that it has live on until "
		      "they end (drain_timeout is 0)'"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[512];
		struct answer a;

		snprintf(text, sizeof(text), REMOVAL, rows[i][0]);
		a = post("/v1/changes", text);
		snprintf(text, sizeof(text), "{'changed': true, 'notes': [%s]}", rows[i][1]);
		expect(&a, 200, text);
		forget(&a);
		a = post("/v1/changes",
			 "{\"changes\": [{\"op\": \"backend.add\", \"service\": \"web\", \"backend\": "
			 "{\"address\": \"10.1.0.12\", \"state\": \"drain\"}}, {\"op\": \"service.set\", "
			 "\"service\": \"web\", \"set\": {\"drain_timeout\": null}}]}");
		expect(&a, 200, "{'changed': true}");
		forget(&a);
	}
}

/* Who has not looked does not say that there is nothing. */
static void unswept(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct answer a = post("/v1/changes",
				       "{\"changes\": [{\"op\": \"backend.add\", \"service\": \"web\", \"backend\": "
				       "{\"address\": \"" FAKE_ENDING "\", \"state\": \"drain\"}}]}");

		forget(&a);
		expect_get("/v1/services/web", "{'backends': [{}, {'hold': {'entries': null}}, {'drained': false}]}");
	}
	expect_get("/v1/connections/web", "{'holds': [{'entries': null}, {'entries': null}]}");
}

static int start_unswept(void **state)
{
	fake_unswept = true;
	return start_fake(state);
}

int main(void)
{
	const struct CMUnitTest after_start[] = {
		cmocka_unit_test(unswept),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections),
		cmocka_unit_test(drains),
		cmocka_unit_test(removals),
	};

	return cmocka_run_group_tests_name("api-conns", tests, start_fake, stop_fake) +
	       cmocka_run_group_tests_name("api-conns-start", after_start, start_unswept, stop_fake);
}
