/* SPDX-License-Identifier: GPL-2.0 */
/* Two editors, and readers: what If-Match and If-None-Match do, and what the socket for reading shows and takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api_client.h"

#define ADD "{\"changes\": [{\"op\": \"backend.add\", \"service\": \"web\", \"backend\": \"%s\"}]}"

static struct answer with(const char *method, const char *path, const char *body, const char *header)
{
	return call((struct call){
		.method = method, .path = path, .type = "application/json", .body = body, .headers = {header}});
}

static struct answer get_config(void)
{
	struct answer a = get("/v1/config");

	assert_int_equal(a.status, 200);
	assert_true(a.etag[0] == '"');
	return a;
}

/* Adds a backend if the header lets it. */
static void expect_add(const char *address, const char *header, long status, const char *expected)
{
	char body[200];
	struct answer a;

	snprintf(body, sizeof(body), ADD, address);
	a = with("POST", "/v1/changes", body, header);
	expect(&a, status, expected);
	forget(&a);
}

/* The second of two who began with the same configuration is refused, learns which one there is, and has changed nothing. */
static void lost_update(void **state)
{
	struct answer before = get_config(), between, after, a;
	char header[100];

	(void)state;
	snprintf(header, sizeof(header), "If-Match: %s", before.etag);
	expect_add("10.1.0.31", header, 200, "{'changed': true}");
	between = get_config();
	assert_string_not_equal(before.etag, between.etag);
	a = with("PUT", "/v1/config", before.text, header);
	assert_int_equal(a.status, 412);
	assert_string_equal(a.type, "application/problem+json");
	assert_string_equal(json_string_value(json_object_get(a.json, "etag")), between.etag);
	assert_non_null(strstr(json_string_value(json_object_get(a.json, "detail")), between.etag));
	forget(&a);
	expect_add("10.1.0.32", header, 412, "{'where': 'If-Match'}");
	a = with("POST", "/v1/reload", "", header);
	expect(&a, 412, "{'where': 'If-Match'}");
	forget(&a);
	a = with("POST", "/v1/detach", "", header);
	expect(&a, 412, "{'where': 'If-Match'}");
	forget(&a);
	after = get_config();
	assert_string_equal(after.etag, between.etag);
	forget(&before);
	forget(&between);
	forget(&after);
}

/* What was told of one change is good for the next. */
static void chained(void **state)
{
	struct answer config = get_config(), a, after;
	char header[100], body[200];

	(void)state;
	snprintf(header, sizeof(header), "If-Match: %s", config.etag);
	snprintf(body, sizeof(body), ADD, "10.1.0.41");
	a = with("POST", "/v1/changes", body, header);
	assert_int_equal(a.status, 200);
	after = get_config();
	assert_string_equal(json_string_value(json_object_get(a.json, "etag")), after.etag);
	forget(&a);
	expect_add("10.1.0.42", NULL, 200, "{'changed': true}"); /* without a header, nobody is asked */
	forget(&config);
	forget(&after);
}

static void forms(void **state)
{
	struct answer config;
	char weak[100], list[200];

	(void)state;
	expect_add("10.1.0.51", "If-Match: *", 200, "{'changed': true}");
	expect_add("10.1.0.51", "If-Match: \"0\"", 412, "{}");
	expect_add("10.1.0.52", "If-Match: 0123", 400, "{'where': 'If-Match'}");
	expect_add("10.1.0.52", "If-Match: \"", 400, "{'where': 'If-Match'}");
	expect_add("10.1.0.52", "If-None-Match: *", 412, "{'where': 'If-None-Match'}");
	config = get_config();
	snprintf(weak, sizeof(weak), "If-Match: W/%.60s", config.etag);
	expect_add("10.1.0.52", weak, 412, "{}");
	snprintf(list, sizeof(list), "If-Match: \"0\", W/\"1\" ,%.60s", config.etag);
	expect_add("10.1.0.52", list, 200, "{}");
	forget(&config);
}

/* A header on several lines is one list. */
static void several_lines(void **state)
{
	struct answer config = get_config(), a;
	char line[100];

	(void)state;
	snprintf(line, sizeof(line), "if-match: %.60s", config.etag);
	a = call((struct call){.method = "POST",
			       .path = "/v1/changes",
			       .type = "application/json",
			       .body = "{\"changes\": []}",
			       .headers = {"If-Match: \"0\"", line}});
	expect(&a, 200, "{'changed': false}");
	forget(&a);
	forget(&config);
}

static void expect_cached(const char *method, const char *header, long status)
{
	struct answer config = get_config(), a = with(method, "/v1/config", NULL, header);

	assert_int_equal(a.status, status);
	if (status == 304) {
		assert_string_equal(a.etag, config.etag);
		assert_string_equal(a.type, "");
		assert_int_equal(a.len, 0);
	}
	forget(&config);
	forget(&a);
}

static void not_modified(void **state)
{
	struct answer config = get_config();
	char header[100];

	(void)state;
	snprintf(header, sizeof(header), "If-None-Match: %.60s", config.etag);
	expect_cached("GET", header, 304);
	expect_cached("HEAD", header, 304);
	snprintf(header, sizeof(header), "If-None-Match: \"x\", W/%.60s", config.etag);
	expect_cached("GET", header, 304);
	expect_cached("GET", "If-None-Match: *", 304);
	expect_cached("GET", "If-None-Match: \"x\"", 200);
	expect_cached("GET", "If-None-Match: x", 400);
	expect_cached("GET", "If-Match: \"x\"", 412);
	forget(&config);
}

static struct answer read_only(const char *method, const char *path)
{
	return call((struct call){.method = method, .path = path, .socket = fake.read_socket});
}

static void reading(void **state)
{
	static const char *const paths[] = {"/v1/version",	"/v1/status", "/v1/config",	"/v1/services",
					    "/v1/services/web", "/v1/stats",  "/v1/connections"};
	static const struct {
		const char *method, *path;
		long status;
	} refused[] = {
		{"PUT", "/v1/config", 403},  {"POST", "/v1/changes", 403}, {"POST", "/v1/reload", 403},
		{"POST", "/v1/detach", 403}, {"POST", "/v1/config", 405},  {"DELETE", "/v1/services/web", 405},
		{"GET", "/v1/changes", 405}, {"POST", "/nowhere", 404},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct answer a = read_only("GET", paths[i]), head = read_only("HEAD", paths[i]);

		expect(&a, 200, "{}");
		assert_int_equal(head.status, 200);
		assert_null(strstr(a.text, FAKE_SEED));
		forget(&a);
		forget(&head);
	}
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct answer a = read_only(refused[i].method, refused[i].path);

		expect(&a, refused[i].status, "{}");
		forget(&a);
	}
}

/* All but the seed is there, and the tag is not that of an answer with it: from that the seed could be computed. */
static void seed(void **state)
{
	struct answer all = get_config(), some = read_only("GET", "/v1/config"), again;
	char header[100];

	(void)state;
	assert_string_equal(json_string_value(json_object_get(all.json, "seed")), "0x" FAKE_SEED);
	assert_string_not_equal(all.etag, some.etag);
	json_object_del(all.json, "seed");
	assert_true(json_equal(all.json, some.json));
	snprintf(header, sizeof(header), "If-None-Match: %.60s", some.etag);
	again = call(
		(struct call){.method = "GET", .path = "/v1/config", .socket = fake.read_socket, .headers = {header}});
	assert_int_equal(again.status, 304);
	forget(&all);
	forget(&some);
	forget(&again);
}

/* It takes no bodies, so that nobody can fill the daemon's memory by it. */
static void no_bodies(void **state)
{
	struct answer a = call((struct call){
		.method = "GET", .path = "/v1/version", .socket = fake.read_socket, .type = "text/plain", .body = "x"});

	(void)state;
	expect(&a, 413, "{'where': 'body'}");
	forget(&a);
	a = call((struct call){.method = "GET",
			       .path = "/v1/version",
			       .socket = fake.read_socket,
			       .type = "text/plain",
			       .body = "x",
			       .chunked = true});
	expect(&a, 413, "{'where': 'body'}");
	forget(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lost_update),	 cmocka_unit_test(chained),	 cmocka_unit_test(forms),
		cmocka_unit_test(several_lines), cmocka_unit_test(not_modified), cmocka_unit_test(reading),
		cmocka_unit_test(seed),		 cmocka_unit_test(no_bodies),
	};

	return cmocka_run_group_tests_name("api_etag", tests, start_fake, stop_fake);
}
