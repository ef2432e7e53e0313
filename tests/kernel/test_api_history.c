/* SPDX-License-Identifier: GPL-2.0 */
/* Plans, revisions and rollbacks over the API's real socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_client.h"

#define WEIGHT(weight)                                                                                         \
	"{\"changes\": [{\"op\": \"backend.set\", \"service\": \"web\", \"address\": \"10.1.0.11\", \"set\": " \
	"{\"weight\": " weight "}}]}"
#define ADD(name)                                                                  \
	"{\"changes\": [{\"op\": \"service.add\", \"service\": {\"name\": \"" name \
	"\", \"vips\": [\"192.0.2.77:1/tcp\"]}}]}"

static void answers(const char *method, const char *path, const char *body, long status, const char *expected)
{
	struct answer a = call(
		(struct call){.method = method, .path = path, .type = body ? "application/json" : NULL, .body = body});

	print_message("  %s %s %s\n", method, path, body ? body : "");
	expect(&a, status, expected);
	forget(&a);
}

static json_int_t revision(void)
{
	struct answer a = get("/v1/status");
	json_int_t number = json_integer_value(json_object_get(a.json, "revision"));

	forget(&a);
	return number;
}

/* The one that the daemon began with. */
static void the_first(void **state)
{
	char expected[512];

	(void)state;
	expect_get("/v1/status", "{'revision': 1}");
	expect_get("/v1/history",
		   "{'revision': 1, 'revisions': [{'revision': 1, 'by': 'start', 'uid': null, 'pid': null,"
		   " 'summary': 'the first'}]}");
	answers("POST", "/v1/rollback", NULL, 404, "{'detail': 'there is no revision before 1, which is in force'}");
	answers("POST", "/v1/changes", WEIGHT("50"), 200, "{'changed': true, 'revision': 2}");
	snprintf(expected, sizeof(expected),
		 "{'revision': 2, 'revisions': [{'revision': 2, 'by': 'POST /v1/changes', 'uid': %u, 'pid': %d,"
		 " 'summary': '~ services[web].backends[10.1.0.11].weight: 100 -> 50'}, {'revision': 1}]}",
		 getuid(), getpid());
	expect_get("/v1/history", expected);
	expect_get("/v1/history/1", "{'services': [{'name': 'web', 'backends': [{'weight': 100}, {}]}, {}]}");
	expect_get("/v1/history/2", "{'services': [{'name': 'web', 'backends': [{'weight': 50}, {}]}, {}]}");
	/* what changes nothing is none */
	answers("POST", "/v1/changes", WEIGHT("50"), 200, "{'changed': false, 'revision': 2}");
	assert_int_equal(revision(), 2);
}

static void diffs(void **state)
{
	static const char there[] = "{'from': 1, 'to': 2, 'changes': [{'change': 'changed', 'path': "
				    "'services[web].backends[10.1.0.11].weight',"
				    " 'service': 'web', 'backend': '10.1.0.11', 'from': 100, 'to': 50}]}";

	(void)state;
	expect_get("/v1/history/1/diff", there);
	expect_get("/v1/history/1/diff?to=2", there);
	expect_get("/v1/history/2/diff?to=1", "{'changes': [{'from': 50, 'to': 100}]}");
	expect_get("/v1/history/2/diff", "{'changes': []}");
	answers("GET", "/v1/history/7", NULL, 404,
		"{'detail': 'no revision 7; `shunt history` lists those there are, from 1 to 2'}");
	answers("GET", "/v1/history/7/diff", NULL, 404, "{}");
	answers("GET", "/v1/history/1/diff?to=7", NULL, 404, "{}");
	answers("GET", "/v1/history/0", NULL, 404, "{'detail': '\\\"0\\\" is no revision, expected a number from 1'}");
	answers("GET", "/v1/history/1x", NULL, 404, "{}");
	answers("GET", "/v1/history/-1", NULL, 404, "{}");
	answers("GET", "/v1/history/+1", NULL, 404, "{}");
	answers("GET", "/v1/history/", NULL, 404, "{}");
	answers("GET", "/v1/history/1/dif", NULL, 404, "{}");
	answers("GET", "/v1/history/1/diff/", NULL, 404, "{}");
	answers("GET", "/v1/history/99999999999999999999999", NULL, 404, "{}");
	answers("GET", "/v1/history/1/diff?to=x", NULL, 400, "{'where': 'to'}");
	answers("GET", "/v1/history/1/diff?to=", NULL, 400, "{'where': 'to'}");
	answers("POST", "/v1/history", NULL, 405, "{}");
	answers("GET", "/v1/rollback", NULL, 405, "{}");
}

/* Back, and back again: to what was undone. */
static void rollbacks(void **state)
{
	(void)state;
	answers("POST", "/v1/rollback", "{}", 200, "{'changed': true, 'to': 1, 'revision': 3}");
	expect_get("/v1/history/1/diff", "{'changes': []}");
	answers("POST", "/v1/rollback", NULL, 200, "{'changed': true, 'to': 2, 'revision': 4}");
	answers("POST", "/v1/rollback", "{\"to\": 2}", 200, "{'changed': false, 'to': 2, 'revision': 4}");
	answers("POST", "/v1/rollback", "{\"to\": 1}", 200, "{'changed': true, 'to': 1, 'revision': 5}");
	expect_get("/v1/history", "{'revisions': [{'by': 'rollback to 1', 'summary': "
				  "'~ services[web].backends[10.1.0.11].weight: 50 -> 100'}, {'by': 'rollback to 2'},"
				  " {'by': 'rollback to 1'}, {}, {}]}");
	answers("POST", "/v1/rollback", "{\"to\": 77}", 404, "{}");
	answers("POST", "/v1/rollback", "{\"to\": \"1\"}", 400, "{'where': 'to'}");
	answers("POST", "/v1/rollback", "{\"to\": 0}", 400, "{'where': 'to'}");
	answers("POST", "/v1/rollback", "{\"to\": 1, \"more\": 1}", 400, "{'where': 'body'}");
	answers("POST", "/v1/rollback", "{\"two\": 1}", 400, "{'where': 'body'}");
	answers("POST", "/v1/rollback", "[]", 400, "{'where': 'body'}");
	answers("POST", "/v1/rollback", "{", 400, "{}");
	answers("POST", "/v1/rollback?check=1", "{\"to\": 2}", 200, "{'changed': true, 'revision': 5}");
	answers("POST", "/v1/rollback?plan=1", NULL, 200, "{'changed': true, 'changes': [{'from': 100, 'to': 50}]}");
	assert_int_equal(revision(), 5);
}

/* It says what a commit would do, refuses what that would refuse, and nothing has changed. */
static void plans(void **state)
{
	(void)state;
	answers("POST", "/v1/changes?plan=1", WEIGHT("0"), 200,
		"{'changed': true, 'revision': 5, 'changes': [{'from': 100, 'to': 0}], 'table': {'used': 126, 'limit': "
		"524288}, 'services': [{'name': 'web', 'change': 'changed', 'slots': 65537, 'moved': 65537, "
		"'rehashed': false, 'backends': [{'address': '10.1.0.11', 'pool': 'default', 'from': 65537, 'to': 0}],"
		" 'tracked': {'entries': 126, 'expected': 32769}}]}");
	answers("POST", "/v1/changes?plan=1", WEIGHT("100"), 200, "{'changed': false, 'changes': [], 'services': []}");
	answers("POST", "/v1/changes?plan=1", ADD("new"), 200,
		"{'changes': [{'change': 'added', 'path': 'services[new]', 'value': {'name': 'new'}}],"
		" 'services': [{'name': 'new', 'change': 'added', 'slots': 65537, 'moved': 0}]}");
	answers("POST", "/v1/changes?plan=1", ADD(FAKE_FULL), 409,
		"{'where': 'limits.destinations', 'detail': 'full'}");
	answers("POST", "/v1/changes", ADD(FAKE_FULL), 409, "{'where': 'limits.destinations', 'detail': 'full'}");
	answers("POST", "/v1/changes?plan=1", "{\"changes\": [{\"op\": \"fly\"}]}", 400, "{}");
	answers("PUT", "/v1/config?plan=1", "{}", 400, "{}");
	answers("PUT", "/v1/config?plan=1", "{\"interfaces\": [\"eth0\"], \"services\": []}", 200,
		"{'changed': true, 'services': [{'name': 'web', 'change': 'removed'}, {'name': 'dns', 'change': "
		"'removed'}]}");
	answers("POST", "/v1/changes?plan=1",
		"{\"changes\": [{\"op\": \"service.set\", \"service\": \"dns\", \"set\": {\"hash\": \"source\"}}]}",
		200,
		"{'services': [{'name': 'dns', 'rehashed': true, 'moved': 0, 'tracked': {'entries': 0, 'expected': "
		"0}}]}");
	answers("POST", "/v1/changes?plan=1",
		"{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", \"set\": {\"algorithm\": "
		"\"round-robin\"}}]}",
		200, "{'services': [{'name': 'web', 'moved': 0, 'tracked': {'entries': 126, 'expected': null}}]}");
	assert_int_equal(revision(), 5);
	answers("POST", "/v1/changes?plan=0", WEIGHT("70"), 200, "{'changed': true, 'revision': 6}");
}

/* Of a service that nothing has moved in, nothing is said that is not known. */
static void not_known(void **state)
{
	struct answer a;

	(void)state;
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.add\", \"service\": {\"name\": \"quiet\", \"vips\": "
				"[\"192.0.2.78:1/tcp\"], \"backends\": [\"10.1.0.31\", \"10.1.0.32\"]}}]}");
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	a = post("/v1/changes?plan=1",
		 "{\"changes\": [{\"op\": \"backend.delete\", \"service\": \"quiet\", \"address\": "
		 "\"10.1.0.31\"}]}");
	expect(&a, 200, "{'services': [{'name': 'quiet', 'tracked': {'entries': 0, 'expected': null}}]}");
	assert_non_null(strstr(a.text, "not known: connections are counted only in slots that have moved"));
	forget(&a);
}

static void reloads(void **state)
{
	FILE *file = fopen(fake.config_path, "w");

	(void)state;
	assert_non_null(file);
	fputs("interfaces: [eth0]\n", file);
	fclose(file);
	answers("POST", "/v1/reload", NULL, 200, "{'changed': true, 'revision': 8}");
	expect_get("/v1/history/7/diff", "{'changes': [{'change': 'removed', 'path': 'source'}, {'change': 'removed', "
					 "'path': 'seed'}, {'path': 'services[web]'}, {}, {}]}");
	answers("POST", "/v1/rollback", NULL, 200, "{'to': 7, 'revision': 9}");
	expect_get("/v1/history/7/diff", "{'changes': [{'change': 'removed', 'path': 'seed'}]}");
	unlink(fake.config_path);
}

#define NO_WEB "{\"interfaces\": [\"eth0\"]}"

/* A service that has traffic goes by none of these, unless that is forced. */
static void guarded(void **state)
{
	const char *where = "{'where': 'services[" FAKE_BUSY "]'}";
	const char *warns = "{'changed': true, 'warnings': ['services[" FAKE_BUSY "]: had 42 packets within the last "
			    "minute; add --force']}";
	json_int_t before = revision();

	(void)state;
	answers("POST", "/v1/changes", ADD(FAKE_BUSY), 200, "{'changed': true}");
	answers("POST", "/v1/rollback", NULL, 409, where);
	answers("POST", "/v1/rollback?plan=1", NULL, 409, where);
	answers("POST", "/v1/rollback?force=0", NULL, 409, where);
	answers("PUT", "/v1/config?plan=1", NO_WEB, 409, where);
	answers("PUT", "/v1/config?plan=1&check=1", NO_WEB, 409, where);
	answers("POST", "/v1/changes?plan=1",
		"{\"changes\": [{\"op\": \"service.delete\", \"service\": \"" FAKE_BUSY "\"}]}", 409, where);
	answers("POST", "/v1/rollback?check=1", NULL, 200, warns);
	answers("POST", "/v1/rollback?plan=1&force=1", NULL, 200,
		"{'changed': true, 'changes': [{'change': 'removed'}]}");
	assert_int_equal(revision(), before + 1);
	answers("POST", "/v1/rollback?force=1", NULL, 200, "{'changed': true}");
	assert_int_equal(revision(), before + 2);
	answers("POST", "/v1/rollback", NULL, 200, "{'changed': true}"); /* comes back: nobody minds */
	answers("POST", "/v1/rollback?force=1", NULL, 200, "{'changed': true}");
}

int main(void)
{
	/* In this order: each goes on from the revision that the last one left. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first), cmocka_unit_test(diffs),	  cmocka_unit_test(rollbacks),
		cmocka_unit_test(plans),     cmocka_unit_test(not_known), cmocka_unit_test(reloads),
		cmocka_unit_test(guarded),
	};

	return cmocka_run_group_tests_name("api-history", tests, start_fake, stop_fake);
}
