/* SPDX-License-Identifier: GPL-2.0 */
/* What a client may not do to others: take all connections, take for ever, send without end or too deep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "api_client.h"

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

/* All of it, or as much as the other side takes before it closes. */
static bool send_all(int fd, const char *text, size_t len)
{
	for (ssize_t n; len > 0; text += n, len -= n) {
		n = send(fd, text, len, MSG_NOSIGNAL);
		if (n < 0)
			return false;
	}
	return true;
}

/* The beginning of what comes back until the other side closes. Closes fd. */
static void expect_end(int fd, const char *beginning)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = '\0';
	close(fd);
	if (strncmp(text, beginning, strlen(beginning)) != 0)
		fail_msg("\"%s\", expected \"%s\"", text, beginning);
}

/* However many readers there are, an operator gets through; and readers, when there is room again. */
static void readers(void **state)
{
	static const char request[] = "GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	int idle[FAKE_READERS], next;

	(void)state;
	for (size_t i = 0; i < COUNT(idle); i++)
		idle[i] = connect_to(fake.read_socket);
	next = connect_to(fake.read_socket);
	assert_true(send_all(next, request, strlen(request)));
	expect_get("/v1/version", "{}");
	assert_int_equal(poll(&(struct pollfd){.fd = next, .events = POLLIN}, 1, 0), 0);
	for (size_t i = 0; i < COUNT(idle); i++)
		close(idle[i]);
	expect_end(next, "HTTP/1.1 200 ");
}

/* Bytes that come one by one keep libmicrohttpd's clock from running out, and not ours. text is sent until the end comes. */
static void expect_cut(const char *socket, const char *start, char byte)
{
	struct pollfd p = {.events = POLLIN};

	p.fd = connect_to(socket);
	assert_true(send_all(p.fd, start, strlen(start)));
	while (poll(&p, 1, 50) == 0)
		if (!send_all(p.fd, &byte, 1))
			break;
	expect_end(p.fd, "");
}

static void slow_requests(void **state)
{
	(void)state;
	expect_cut(fake.socket, "", 'x');
	expect_cut(fake.socket, "GET /v1/version HTTP/1.1\r\nHost: x\r\nX-Slow: ", 'a');
	expect_cut(fake.socket,
		   "PUT /v1/config HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		   "Content-Length: 1000000\r\n\r\n",
		   ' ');
	expect_cut(fake.read_socket, "GET /v1/version HTTP/1.1\r\nX: ", 'a');
	expect_get("/v1/version", "{}");
}

/* One who asks and does not read what comes. Not everything fits the socket, so the rest is cut off. */
static void slow_reader(void **state)
{
	static const char request[] = "GET /v1/stats HTTP/1.1\r\nHost: x\r\n\r\n";
	struct pollfd p = {.events = 0};
	int room = 2048;

	(void)state;
	p.fd = connect_to(fake.socket);
	setsockopt(p.fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	for (int i = 0; i < 200; i++) /* more answers than any buffer has room for */
		if (send(p.fd, request, strlen(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	assert_int_equal(poll(&p, 1, 30000), 1);
	assert_true(p.revents & POLLHUP);
	close(p.fd);
	expect_get("/v1/version", "{}");
}

/* A connection may live as long as it likes, if its requests come whole. */
static void long_lived(void **state)
{
	static const char request[] = "GET /v1/version HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = connect_to(fake.socket);
	char text[4096];

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_true(send_all(fd, request, strlen(request)));
		assert_true(read(fd, text, sizeof(text)) > 0);
		assert_memory_equal(text, "HTTP/1.1 200", 12);
		usleep(250000); /* eight of them are twice the time that one request has */
	}
	close(fd);
}

static void expect_long(const char *before, size_t len, const char *status)
{
	static const char rest[] = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	int fd = connect_to(fake.socket);
	char *long_text = malloc(len);

	memset(long_text, 'a', len);
	if (send_all(fd, before, strlen(before)) && send_all(fd, long_text, len))
		send_all(fd, rest, strlen(rest));
	expect_end(fd, status);
	free(long_text);
}

static void headers(void **state)
{
	(void)state;
	expect_long("GET /v1/services/", 100, "HTTP/1.1 404 ");
	expect_long("GET /v1/services/", 100000, "HTTP/1.1 414 ");
	expect_long("GET /v1/version HTTP/1.1\r\nX: ", 100000, "HTTP/1.1 431 ");
}

/* levels of opening, and their closing. */
static void expect_deep(const char *type, int levels, long status, const char *what)
{
	char *body = malloc(2 * levels + 1);
	struct answer a;

	memset(body, '[', levels);
	memset(body + levels, ']', levels);
	body[2 * levels] = '\0';
	a = call((struct call){.method = "PUT", .path = "/v1/config", .type = type, .body = body});
	expect(&a, status, "{}");
	if (!strstr(a.text, what))
		fail_msg("%s: expected \"%s\"", a.text, what);
	forget(&a);
	free(body);
}

static void depth(void **state)
{
	(void)state;
	expect_deep("application/json", 32, 400, "a list is not a mapping");
	expect_deep("application/json", 33, 400, "at most 32 levels");
	expect_deep("application/json", 1000000, 400, "at most 32 levels");
	expect_deep("application/yaml", 1000000, 400, "32");
}

/* Brackets within texts are no levels, also behind quotes that are a part of them. */
static void depth_of_texts(void **state)
{
	struct answer a = post("/v1/changes",
			       "{\"changes\": [{\"op\": \"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[\"}]}");

	(void)state;
	expect(&a, 400, "{'where': 'changes[0].op'}");
	forget(&a);
}

/* Names that are no text are still answered by a whole problem. */
static void strange_bytes(void **state)
{
	struct answer a = get("/v1/services/%ff%fe");

	(void)state;
	expect(&a, 404, "{'detail': 'no service \\\"??\\\"'}");
	forget(&a);
	a = get("/v1/%c3%28");
	expect(&a, 404, "{'title': 'Not Found'}");
	assert_non_null(json_object_get(a.json, "detail"));
	forget(&a);
}

static int start_hasty(void **state)
{
	fake_request_seconds = 1;
	return start_fake(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers),	  cmocka_unit_test(slow_requests), cmocka_unit_test(slow_reader),
		cmocka_unit_test(long_lived),	  cmocka_unit_test(headers),	   cmocka_unit_test(depth),
		cmocka_unit_test(depth_of_texts), cmocka_unit_test(strange_bytes),
	};

	return cmocka_run_group_tests_name("api_limits", tests, start_hasty, stop_fake);
}
