/* SPDX-License-Identifier: GPL-2.0 */
/* GET /v1/events: lists, filters, where they begin; streams, and what ends them. */
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_client.h"

#define FOLLOWERS 16 /* as many as there may be */
#define PATIENCE_MS 10000

/* One change, one event of it; with eventful also one for each of its backends. */
static void commit(const char *change)
{
	char text[1024];
	struct answer a;

	snprintf(text, sizeof(text), "{\"changes\": [%s]}", change);
	a = post("/v1/changes", text);
	expect(&a, 200, "{'changed': true}");
	forget(&a);
}

#define WEIGHT(n) \
	"{\"op\": \"backend.set\", \"service\": \"web\", \"address\": \"10.1.0.11\", \"set\": {\"weight\": " #n "}}"
#define EVENTFUL                                                                                                     \
	"{\"op\": \"service.add\", \"service\": {\"name\": \"" FAKE_EVENTFUL "\", \"vips\": [\"192.0.2.77:7/tcp\"]," \
	" \"backends\": [\"10.1.0.71\", \"10.1.0.72\"]}}"

/* The body of a stream as it comes. */
struct stream {
	int fd;
	char text[65536];
	size_t len;
};

static void open_stream(struct stream *s, const char *query)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char request[256];
	int len;

	*s = (struct stream){.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake.socket);
	assert_int_equal(connect(s->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	len = snprintf(request, sizeof(request), "GET /v1/events?follow=1%s HTTP/1.1\r\nHost: x\r\n\r\n", query);
	assert_int_equal(write(s->fd, request, len), len);
}

/* Until text has come; what came before it is forgotten. */
static void await(struct stream *s, const char *text)
{
	char *found;

	while (!(found = strstr(s->text, text))) {
		struct pollfd fd = {.fd = s->fd, .events = POLLIN};
		ssize_t n;

		if (poll(&fd, 1, PATIENCE_MS) <= 0)
			fail_msg("\"%s\" has not come; but this has: %s", text, s->text);
		n = read(s->fd, s->text + s->len, sizeof(s->text) - 1 - s->len);
		if (n <= 0)
			fail_msg("ended before \"%s\": %s", text, s->text);
		s->len += n;
		s->text[s->len] = '\0';
	}
	found += strlen(text);
	s->len -= found - s->text;
	memmove(s->text, found, s->len + 1);
}

static void lists(void **state)
{
	struct answer a;

	(void)state;
	expect_get("/v1/events", "{'next': 0, 'lost': 0, 'more': false, 'events': []}");
	commit(WEIGHT(1));
	commit(EVENTFUL);
	expect_get("/v1/events",
		   "{'next': 4, 'lost': 0, 'more': false, 'events': [{'seq': 1, 'kind': 'config', 'level': "
		   "'info'}, {'seq': 2, 'kind': 'backend', 'level': 'warning', 'service': 'eventful', "
		   "'backend': '10.1.0.71', 'from': 'up', 'to': 'down', 'reason': 'what the check said: ? "
		   "\\\"'}, {'seq': 3, 'backend': '10.1.0.72'}, {'seq': 4, 'kind': 'config'}]}");
	a = get("/v1/events");
	assert_non_null(strstr(a.text, "committed by POST /v1/changes of uid "));
	assert_null(json_object_get(json_array_get(json_object_get(a.json, "events"), 0), "service"));
	forget(&a);
}

static void where_they_begin(void **state)
{
	char path[128];
	struct answer a = get("/v1/events");
	const char *daemon = json_string_value(json_object_get(a.json, "daemon"));

	(void)state;
	expect_get("/v1/events?since=2", "{'next': 4, 'lost': 0, 'more': false, 'events': [{'seq': 3}, {'seq': 4}]}");
	expect_get("/v1/events?since=4", "{'next': 4, 'events': []}");
	expect_get("/v1/events?since=0&limit=1", "{'next': 1, 'more': true, 'events': [{'seq': 1}]}");
	expect_get("/v1/events?limit=1", "{'next': 4, 'more': false, 'events': [{'seq': 4}]}");
	expect_get("/v1/events?since=1h", "{'events': [{'seq': 1}, {}, {}, {}]}");
	expect_get("/v1/events?since=0s", "{'events': []}");
	/* another daemon's: this one's from the first on */
	expect_get("/v1/events?since=5&limit=1", "{'events': [{'seq': 1}]}");
	expect_get("/v1/events?since=3&daemon=0123456789abcdef&limit=1", "{'events': [{'seq': 1}]}");
	snprintf(path, sizeof(path), "/v1/events?since=3&daemon=%s", daemon);
	expect_get(path, "{'events': [{'seq': 4}]}");
	forget(&a);
}

static void filters(void **state)
{
	(void)state;
	expect_get("/v1/events?kind=backend", "{'next': 4, 'events': [{'seq': 2}, {'seq': 3}]}");
	expect_get("/v1/events?kind=config,drain", "{'events': [{'seq': 1}, {'seq': 4}]}");
	expect_get("/v1/events?kind=backend&limit=1", "{'events': [{'seq': 3}]}");
	expect_get("/v1/events?service=eventful", "{'events': [{'seq': 2}, {'seq': 3}]}");
	expect_get("/v1/events?service=event", "{'events': []}");
	expect_get("/v1/events?service=eventful&backend=10.1.0.72", "{'events': [{'seq': 3}]}");
}

static void refusals(void **state)
{
	static const char *const rows[][3] = {
		{"since=x", "since",
		 "\\\"x\\\" is neither the number of an event nor an age (30s, 5m, 2h; at most 365d)"},
		{"since=", "since", NULL},
		{"since=-1", "since", NULL},
		{"since=366d", "since", NULL},
		{"since=99999999999999999999", "since", NULL},
		{"limit=0", "limit", "\\\"0\\\" is not a number; expected 1 to 10000"},
		{"limit=10001", "limit", NULL},
		{"kind=backend,pony", "kind",
		 "unknown kind \\\"pony\\\", expected some of daemon, config, interface, service, backend, health, "
		 "nexthop, "
		 "ring, drain, connections, discovery"},
		{"kind=", "kind", NULL},
		{"kind=backend,", "kind", NULL},
		{"service=", "service", "expected a name of 1 to 63 characters"},
		{"service=0123456789012345678901234567890123456789012345678901234567890123", "service", NULL},
		{"backend=10.1.0", "backend", "\\\"10.1.0\\\" is not an IPv4 or IPv6 address"},
	};

	(void)state;
	for (int follow = 0; follow <= 1; follow++)
		for (size_t i = 0; i < COUNT(rows); i++) {
			char path[256], expected[512];
			struct answer a;

			snprintf(path, sizeof(path), "/v1/events?%s%s", follow ? "follow=1&" : "", rows[i][0]);
			snprintf(expected, sizeof(expected),
				 rows[i][2] ? "{'status': 400, 'where': '%s', 'detail': '%s'}" : "{'where': '%s'}",
				 rows[i][1], rows[i][2]);
			a = get(path);
			expect(&a, 400, expected);
			forget(&a);
		}
}

static void follows(void **state)
{
	static struct stream now, all, one;
	struct answer a;

	(void)state;
	open_stream(&now, "");
	await(&now, "HTTP/1.1 200 OK\r\n");
	await(&now, "Content-Type: application/x-ndjson\r\n");
	open_stream(&all, "&since=0");
	await(&all, "\"seq\":1,");
	await(&all, "\"seq\":4,");
	open_stream(&one, "&limit=1&service=eventful");
	await(&one, "\"seq\":3,");
	/* eventful is still there: two events of its backends, then the commit's */
	commit(WEIGHT(2));
	await(&now, "\"seq\":5,");
	await(&now, "\"seq\":7,");
	await(&all, "\"seq\":7,");
	commit(WEIGHT(3));
	await(&now, "}\n");
	await(&now, "\"seq\":8,");
	await(&one, "\"seq\":9,");
	assert_null(strstr(one.text, "\"kind\":\"config\""));
	a = call((struct call){.method = "HEAD", .path = "/v1/events?follow=1"});
	assert_int_equal(a.status, 200);
	forget(&a);
	close(now.fd);
	close(all.fd);
	close(one.fd);
}

/* A place for one more, within some seconds: those who have gone may not have been missed yet. */
static void take_place(struct stream *s)
{
	for (int i = 0; i < PATIENCE_MS / 20; i++) {
		open_stream(s, "&limit=1");
		await(s, "HTTP/1.1 ");
		await(s, " ");
		if (strncmp(s->text, "OK", 2) == 0)
			return;
		close(s->fd);
		usleep(20000);
	}
	fail_msg("no place has become free");
}

/* They are few, so that others find the API open; and who has gone makes room. */
static void places(void **state)
{
	static struct stream s[FOLLOWERS];
	struct answer a;

	(void)state;
	for (int i = 0; i < FOLLOWERS; i++)
		take_place(&s[i]);
	a = get("/v1/events?follow=1");
	expect(&a, 503, "{'status': 503, 'where': 'follow'}");
	forget(&a);
	expect_get("/v1/events?limit=1", "{'more': false}");
	close(s[0].fd);
	take_place(&s[0]);
	for (int i = 0; i < FOLLOWERS; i++)
		close(s[i].fd);
}

/* Who reads gets the end of the answer, who does not is in nobody's way; the daemon leaks nothing. */
static void ends(void **state)
{
	static struct stream reader, sleeper;

	(void)state;
	take_place(&reader);
	await(&reader, "\"seq\"");
	take_place(&sleeper);
	kill(fake.pid, SIGTERM);
	await(&reader, "\r\n0\r\n\r\n");
	close(reader.fd);
	close(sleeper.fd);
}

/* The last test has told it to end; a second signal could come when it does not catch them any more. */
static int wait_fake(void **state)
{
	(void)state;
	return fake_daemon_wait(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists),    cmocka_unit_test(where_they_begin), cmocka_unit_test(filters),
		cmocka_unit_test(refusals), cmocka_unit_test(follows),		cmocka_unit_test(places),
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests_name("api-events", tests, start_fake, wait_fake);
}
