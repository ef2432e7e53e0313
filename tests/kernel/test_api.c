/* SPDX-License-Identifier: GPL-2.0 */
/* The API over its real socket: every endpoint, and every refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shuntd/api.h"
#include "api_client.h"

static void answers(void **state)
{
	(void)state;
	expect_get("/v1/version", "{'version': '" SHUNT_VERSION "', 'format': 2}");
	expect_get("/v1/status",
		   "{'started': 1700000000, 'generation': 1, 'state_file': '/nowhere/state.json', 'interfaces':"
		   " [{'name': 'eth0', 'ifindex': 2, 'attached': true, 'mode': 'native', 'dispatcher': false, "
		   "'program': 77}],"
		   " 'usage': {'vips': {'used': 3, 'limit': 1024}, 'services': {'used': 2, 'limit': 512},"
		   " 'destinations': {'used': 3, 'limit': 4096}, 'ring_slots': {'used': 131074, 'limit': 4194368},"
		   " 'prefixes': {'used': 1, 'limit': 256}, 'port_ranges': {'used': 5, 'limit': 4096},"
		   " 'connections': {'used': 126, 'limit': 524288}},"
		   " 'services': [{'name': 'web', 'vips': 1, 'backends': {'up': 1, 'total': 2}},"
		   " {'name': 'dns', 'vips': 2, 'backends': {'up': 0, 'total': 1}}]}");
	expect_get("/v1/config", "{'services': [{'name': 'web', 'backends': [{'address': '10.1.0.11', 'weight': 100},"
				 " {'address': '10.1.0.12', 'state': 'drain'}]}, {'name': 'dns'}]}");
	expect_get("/v1/services", "{'services': [{'name': 'web'}, {'name': 'dns', 'backends': [{'state': 'down',"
				   " 'admin': 'up', 'health': null, 'nexthop': {'resolved': false,"
				   " 'why': 'no route to 2001:db8:1::11'}}]}]}");
	expect_get(
		"/v1/services/web",
		"{'name': 'web', 'vips': ['192.0.2.10:80/tcp'], 'encap': 'auto', 'ring_size': 65537,"
		" 'check': {'type': 'http', 'path': '/healthz'}, 'backends': [{'address': '10.1.0.11', 'weight': 100,"
		" 'state': 'up', 'admin': 'up', 'health': {'state': 'up', 'since': 1700000000, 'reason': 'HTTP 200'},"
		" 'nexthop': {'resolved': true, 'interface': 'lo',"
		" 'vlan': [{'protocol': '802.1ad', 'id': 300}, {'protocol': '802.1Q', 'id': 7}],"
		" 'mac': '02:00:00:00:00:01', 'gateway': null},"
		" 'packets': 1000, 'bytes': 9007199254740993},"
		" {'address': '10.1.0.12', 'state': 'drain', 'admin': 'drain'}]}");
}

static void statistics(void **state)
{
	struct answer a = get("/v1/stats");
	const json_t *reasons = json_object_get(a.json, "reasons");

	(void)state;
	/* web: two backends, and what is retired */
	expect(&a, 200,
	       "{'services': [{'name': 'web', 'packets': 2005, 'bytes': 18014398509482486, 'backends':"
	       " [{'address': '10.1.0.11', 'state': 'up', 'packets': 1000, 'bytes': 9007199254740993},"
	       " {'address': '10.1.0.12', 'state': 'drain'}]}, {'name': 'dns', 'packets': 1005}]}");
	assert_int_equal(json_array_size(reasons), SHUNT_REASON_COUNT);
	for (size_t i = 0; i < json_array_size(reasons); i++)
		assert_int_equal(json_integer_value(json_object_get(json_array_get(reasons, i), "packets")), i);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(reasons, SHUNT_REASON_NO_BACKEND), "reason")),
		"no_backend");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(reasons, SHUNT_REASON_NO_BACKEND), "action")), "drop");
	forget(&a);
}

#define ADD_BACKEND \
	"{\"changes\": [{\"op\": \"backend.add\", \"service\": \"web\", \"backend\": {\"address\": \"10.1.0.13\"}}]}"
#define ADD_SERVICE(name)                                                          \
	"{\"changes\": [{\"op\": \"service.add\", \"service\": {\"name\": \"" name \
	"\", \"vips\": [\"192.0.2.99:1/tcp\"]}}]}"

static void changes(void **state)
{
	struct answer a = post("/v1/changes", ADD_BACKEND);

	(void)state;
	expect(&a, 200, "{'changed': true, 'generation': 2}");
	forget(&a);
	expect_get("/v1/services/web", "{'backends': [{}, {}, {'address': '10.1.0.13'}]}");
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"backend.set\", \"service\": \"web\", \"address\": "
				"\"10.1.0.13\", \"set\": {\"weight\": 100}}]}");
	expect(&a, 200, "{'changed': false, 'generation': 2}");
	forget(&a);
}

/* Who changes what is hashed is told what it does, whichever way it is changed. */
static void warned_of_moves(void **state)
{
	static const char warned[] = "{'changed': true, 'warnings': ['services[web].hash: changed; most connections "
				     "that exist go to other backends than before, which will reset them']}";
	struct answer a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", "
					      "\"set\": {\"hash\": \"source\"}}]}");

	(void)state;
	expect(&a, 200, warned);
	forget(&a);
	expect_get("/v1/services/web", "{'hash': {'inputs': 'source', 'ipv4': 32, 'ipv6': 128}}");
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", "
				"\"set\": {\"hash\": {\"inputs\": \"source\", \"ipv4\": 32}}}]}");
	expect(&a, 200, "{'changed': false}");
	assert_null(json_object_get(a.json, "warnings"));
	forget(&a);
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", "
				"\"set\": {\"hash\": \"5-tuple\"}}]}");
	expect(&a, 200, warned);
	forget(&a);
}

static void pools(void **state)
{
	struct answer a =
		post("/v1/changes",
		     "{\"changes\": [{\"op\": \"backend.add\", \"service\": \"web\", \"backend\": {\"address\": "
		     "\"10.1.0.19\", \"pool\": \"green\"}}, {\"op\": \"service.set\", \"service\": \"web\", \"set\": "
		     "{\"sources\": {\"pools\": {\"green\": [\"10.8.0.0/16\", \"2001:db8::/32\"]}, \"deny\": "
		     "[\"10.9.9.9\"]}}}]}");

	(void)state;
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	expect_get("/v1/services/web",
		   "{'sources': {'allow': 0, 'deny': 1, 'pools': {'green': 2}},"
		   " 'backends': [{'pool': 'default'}, {'address': '10.1.0.19', 'pool': 'green'}]}");
	expect_get("/v1/stats", "{'services': [{'backends': [{'pool': 'default'}, {'pool': 'green'}]}]}");
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"backend.delete\", \"service\": \"web\", \"address\": "
				"\"10.1.0.19\"}]}");
	expect(&a, 400, "{'where': 'changes[0]: services[web].sources.pools.green'}");
	forget(&a);
}

/* What of each pool a service's answer says. Slots of the fake are weights. */
static void shares(void **state)
{
	struct answer a;

	(void)state;
	expect_get("/v1/services/web", "{'pools': {'default': {'share': 100, 'sources': 0}}}");
	a = post("/v1/changes",
		 "{\"changes\": [{\"op\": \"backend.add\", \"service\": \"web\", \"backend\": {\"address\": "
		 "\"10.1.0.20\", "
		 "\"pool\": \"blue\", \"weight\": 7}}, {\"op\": \"service.set\", \"service\": \"web\", \"set\": "
		 "{\"pools\": {\"green\": 1, \"default\": {\"share\": 3}}}}]}");
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	expect_get("/v1/services/web", "{'pools': {'default': {'share': 3, 'backends': {'total': 1}},"
				       " 'green': {'share': 1, 'slots': 100, 'backends': {'total': 1}, 'sources': 2},"
				       " 'blue': {'share': 0, 'slots': 7, 'sources': 0}}}");
	expect_get("/v1/config", "{'services': [{'pools': {'default': {'share': 3}, 'green': {'share': 1}}}]}");
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", \"set\": "
				"{\"pools\": {\"grene\": 1}}}]}");
	expect(&a, 400, "{'where': 'changes[0]: services[web].pools.grene'}");
	forget(&a);
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.set\", \"service\": \"web\", \"set\": "
				"{\"pools\": null}}]}");
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	expect_get("/v1/services/web", "{'pools': {'default': {'share': 100}, 'green': {'share': 0}}}");
}

static void refusals(void **state)
{
	static const struct {
		const char *method, *path, *type, *body;
		long status;
		const char *expected;
	} rows[] = {
		{"GET", "/", NULL, NULL, 404, "{'type': 'about:blank', 'title': 'Not Found', 'status': 404}"},
		{"GET", "/v1/services/", NULL, NULL, 404, "{}"},
		{"GET", "/v1/services/no", NULL, NULL, 404, "{'detail': 'no service \\\"no\\\"'}"},
		{"GET", "/v1/connections/no", NULL, NULL, 404, "{'detail': 'no service \\\"no\\\"'}"},
		{"POST", "/v1/connections", NULL, NULL, 405, "{}"},
		{"GET", "/v1/services/web%2fx", NULL, NULL, 404, "{'detail': 'no service \\\"web/x\\\"'}"},
		{"GET", "/v1/services/web%00x", NULL, NULL, 400, "{'where': 'URI'}"},
		{"GET", "/v1/services/%ff", NULL, NULL, 404, "{}"},
		{"DELETE", "/v1/config", NULL, NULL, 405, "{'where': '/v1/config'}"},
		{"GET", "/v1/changes", NULL, NULL, 405, "{}"},
		{"HEAD", "/v1/reload", NULL, NULL, 405, NULL},
		{"POST", "/v1/changes", "text/plain", "{}", 415, "{'where': 'Content-Type'}"},
		{"POST", "/v1/changes", NULL, "{}", 415, "{}"},
		{"POST", "/v1/changes", "application/jsonx", "{}", 415, "{}"},
		{"PUT", "/v1/config", "text/plain", "{}", 415, "{'where': 'Content-Type'}"},
		{"POST", "/v1/changes", "application/json", "{", 400, "{'where': 'body:1:1'}"},
		{"POST", "/v1/changes", "application/json", "[]", 400, "{'where': 'body'}"},
		{"POST", "/v1/changes", "application/json", "{\"changes\": 1}", 400, "{'where': 'changes'}"},
		{"POST", "/v1/changes", "application/json", "{\"changes\": [], \"more\": 1}", 400, "{'where': 'body'}"},
		{"POST", "/v1/changes", "application/json", "{\"changes\": [], \"changes\": []}", 400, "{}"},
		{"POST", "/v1/changes", "application/json", "{\"changes\": [{\"op\": \"a\\u0000b\"}]}", 400, "{}"},
		{"POST", "/v1/changes", "application/json", "{\"changes\": [{\"op\": \"fly\"}]}", 400,
		 "{'where': 'changes[0].op'}"},
		{"POST", "/v1/changes", "application/json",
		 "{\"changes\": [{\"op\": \"service.delete\", \"service\": \"no\"}]}", 404,
		 "{'where': 'changes[0].service'}"},
		{"POST", "/v1/changes", "application/json", ADD_SERVICE("web"), 409, "{'where': 'changes[0].service'}"},
		{"POST", "/v1/changes", "application/json", ADD_SERVICE(FAKE_FULL), 409,
		 "{'title': 'Conflict', 'status': 409, 'detail': 'full', 'where': 'limits.destinations'}"},
		{"POST", "/v1/changes", "application/json", ADD_SERVICE(FAKE_BROKEN), 500,
		 "{'where': '/nowhere/state.json'}"},
		{"PUT", "/v1/config?name=edge.yaml", "application/yaml", "interfaces: [eth0]\nservice: []\n", 400,
		 "{}"},
		{"PUT", "/v1/config", "application/json", "{\"interfaces\": []}", 400, "{'where': 'interfaces'}"},
		{"POST", "/v1/reload", NULL, NULL, 400, "{}"}, /* there is no such file yet */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a;

		print_message("  %s %s %s\n", rows[i].method, rows[i].path, rows[i].body ? rows[i].body : "");
		a = call((struct call){
			.method = rows[i].method, .path = rows[i].path, .type = rows[i].type, .body = rows[i].body});
		if (rows[i].expected)
			expect(&a, rows[i].status, rows[i].expected);
		assert_int_equal(a.status, rows[i].status);
		assert_int_equal(a.allow[0] != '\0', a.status == 405);
		forget(&a);
	}
	expect_get("/v1/status", "{'generation': 2}");
}

static void allowed_methods(void **state)
{
	static const char *const rows[][2] = {
		{"/v1/config", "GET, HEAD, PUT"}, {"/v1/changes", "POST"}, {"/v1/services/web", "GET, HEAD"}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct answer a = call((struct call){.method = "PATCH", .path = rows[i][0]});

		assert_int_equal(a.status, 405);
		assert_string_equal(a.allow, rows[i][1]);
		forget(&a);
	}
}

#define FILE_TEXT                                                                                 \
	"interfaces: [eth0]\nsource: {ipv4: 172.31.0.0/16}\nservices:\n  - name: web\n    vips: " \
	"[\"192.0.2.10:80/tcp\"]\n    backends: [10.1.0.12]\n"

static void whole_configurations(void **state)
{
	struct call put = {.method = "PUT", .path = "/v1/config?check=1", .type = "application/yaml; charset=utf-8"};
	struct answer a;

	(void)state;
	put.body = FILE_TEXT;
	a = call(put);
	expect(&a, 200, "{'changed': true, 'generation': 2}");
	forget(&a);
	expect_get("/v1/status", "{'generation': 2, 'services': [{}, {}]}");
	put.path = "/v1/config";
	a = call(put);
	expect(&a, 200,
	       "{'changed': true, 'generation': 3, 'warnings':"
	       " ['services[web].backends[10.1.0.12]: was drained, and no longer is']}");
	forget(&a);
	a = call(put);
	expect(&a, 200, "{'changed': false, 'generation': 3}");
	assert_null(json_object_get(a.json, "warnings"));
	forget(&a);
	put.path = "/v1/config?name=edge.yaml";
	put.body = "interfaces: [eth0]\nservices:\n  - name: web\n    vips: [nonsense]\n";
	a = call(put);
	assert_int_equal(a.status, 400);
	assert_memory_equal(json_string_value(json_object_get(a.json, "where")), "edge.yaml:4: ", 13);
	forget(&a);
	/* What is exported can be put back. */
	a = get("/v1/config");
	put = (struct call){
		.method = "PUT", .path = "/v1/config", .type = "application/json", .body = a.text, .len = a.len};
	struct answer b = call(put);
	expect(&b, 200, "{'changed': false}");
	forget(&a);
	forget(&b);
}

static void reload(void **state)
{
	FILE *file = fopen(fake.config_path, "w");
	struct answer a;

	(void)state;
	fputs("interfaces: [eth1]\n", file);
	fclose(file);
	a = call((struct call){.method = "POST", .path = "/v1/reload"});
	expect(&a, 200, "{'changed': true, 'generation': 9}");
	forget(&a);
	expect_get("/v1/config", "{'interfaces': [{'name': 'eth1'}], 'services': []}");
}

/* A service that has traffic, and files that are not applied. */
static void guarded(void **state)
{
	static const char none[] = "{\"interfaces\": [\"eth1\"]}";
	struct call put = {.method = "PUT", .path = "/v1/config?check=1", .type = "application/json", .body = none};
	struct answer a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.add\", \"service\": {\"name\": "
					      "\"busy\", \"vips\": [\"192.0.2.99:80/tcp\"]}}]}");

	(void)state;
	forget(&a);
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.delete\", \"service\": \"busy\"}]}");
	expect(&a, 409, "{'where': 'services[busy]', 'detail': 'had 42 packets within the last minute; add --force'}");
	forget(&a);
	a = call(put);
	expect(&a, 200,
	       "{'changed': true, 'warnings': ['services[busy]: had 42 packets within the last minute; add --force']}");
	forget(&a);
	put.path = "/v1/config";
	a = call(put);
	expect(&a, 409, "{'where': 'services[busy]'}");
	forget(&a);
	a = call((struct call){.method = "POST", .path = "/v1/reload"});
	expect(&a, 409, "{'where': 'services[busy]'}");
	forget(&a);
	expect_get("/v1/config", "{'services': [{'name': 'busy'}]}");
	put.path = "/v1/config?force=1";
	a = call(put);
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	a = call((struct call){.method = "POST", .path = "/v1/reload?all=1&force=0"});
	expect(&a, 200, "{'refused': [{'file': 'b.yaml', 'where': 'b.yaml:7', 'detail': 'broken'}]}");
	forget(&a);
	expect_get("/v1/status", "{'refused': [{'file': 'b.yaml', 'where': 'b.yaml:7', 'detail': 'broken'}]}");
}

/* Groups, and whose a service is. */
static void owners(void **state)
{
	struct call put = {.method = "PUT", .path = "/v1/config", .type = "application/yaml"};
	struct answer a;

	(void)state;
	put.body = "interfaces: [eth0]\ngroups: {g: {vips: [192.0.2.0/24], defaults: {idle_timeout: 66}}}\nservices:\n"
		   "  - {name: a, vips: [192.0.2.1:80/tcp], group: g, file: a.yaml}\n";
	a = call(put);
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	expect_get("/v1/services/a", "{'group': 'g', 'file': 'a.yaml', 'idle_timeout': 66}");
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.add\", \"service\": {\"name\": \"b\", \"group\": "
				"\"g\", \"vips\": [\"192.0.2.1:81/tcp\"]}}]}");
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	expect_get("/v1/services/b", "{'group': 'g', 'idle_timeout': 66}");
	a = post("/v1/changes",
		 "{\"changes\": [{\"op\": \"service.set\", \"service\": \"b\", \"set\": {\"file\": \"b.yaml\"}}]}");
	expect(&a, 400, "{'where': 'changes[0].set.file'}");
	forget(&a);
	a = post("/v1/changes", "{\"changes\": [{\"op\": \"service.set\", \"service\": \"b\", \"set\": {\"vips\": "
				"[\"198.51.100.1:80/tcp\"]}}]}");
	expect(&a, 400, "{'where': 'changes[0]: services[b].vips[198.51.100.1:80/tcp]'}");
	forget(&a);
	put.body = "interfaces: [eth0]\n";
	a = call(put);
	forget(&a);
}

static void detach(void **state)
{
	struct answer a = post("/v1/detach", "{}");

	(void)state;
	expect(&a, 200, "{'changed': true}");
	forget(&a);
	assert_int_equal(fake_daemon_wait(&fake), 0);
}

int main(void)
{
	/* In this order: each goes on from the configuration that the last one left. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),	   cmocka_unit_test(statistics),
		cmocka_unit_test(changes),	   cmocka_unit_test(refusals),
		cmocka_unit_test(allowed_methods), cmocka_unit_test(whole_configurations),
		cmocka_unit_test(warned_of_moves), cmocka_unit_test(pools),
		cmocka_unit_test(shares),	   cmocka_unit_test(reload),
		cmocka_unit_test(guarded),	   cmocka_unit_test(owners),
		cmocka_unit_test(detach),
	};

	return cmocka_run_group_tests_name("api", tests, start_fake, stop_fake);
}
