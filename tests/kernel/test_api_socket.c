/* SPDX-License-Identifier: GPL-2.0 */
/* The API's socket: bodies of any size, clients that misbehave, and the file itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/shuntd/api.h"
#include "api_client.h"

#define MIB (1u << 20)

/* A body of len bytes that says nothing but is JSON. */
static char *padded(size_t len)
{
	static const char json[] = "{\"changes\": []}";
	char *body = malloc(len + 1);

	memset(body, ' ', len);
	memcpy(body, json, sizeof(json) - 1);
	body[len] = '\0';
	return body;
}

static void sizes(void **state)
{
	static const struct {
		size_t len;
		bool chunked;
		long status;
	} rows[] = {
		{100, true, 200},	    {MIB, true, 200},	       {16 * MIB, false, 200}, {16 * MIB, true, 200},
		{16 * MIB + 1, false, 413}, {16 * MIB + 1, true, 413}, {40 * MIB, false, 413}, {40 * MIB, true, 413},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct call c = {.method = "POST", .path = "/v1/changes", .type = "application/json"};
		struct answer a;

		print_message("  %zu bytes%s\n", rows[i].len, rows[i].chunked ? ", chunked" : "");
		c.body = padded(rows[i].len);
		c.len = rows[i].len;
		c.chunked = rows[i].chunked;
		a = call(c);
		expect(&a, rows[i].status, rows[i].status == 200 ? "{'changed': false}" : "{'where': 'body'}");
		free((void *)c.body);
		forget(&a);
	}
}

static int connect_raw(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 30};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fake.socket);
	assert_return_code(connect(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	return fd;
}

static void send_raw(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What comes back until the other side closes. Closes fd. */
static void expect_raw(int fd, const char *beginning)
{
	char text[4096] = "";
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) - 1 && (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	text[len] = '\0';
	close(fd);
	if (strncmp(text, beginning, strlen(beginning)) != 0)
		fail_msg("\"%s\", expected \"%s\"", text, beginning);
}

static void broken_clients(void **state)
{
	int fd = connect_raw();

	(void)state;
	send_raw(fd, "\xff\xfe\x01 nonsense\r\n\r\n");
	shutdown(fd, SHUT_WR);
	expect_raw(fd, "");
	fd = connect_raw();
	send_raw(fd, "POST /v1/changes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "
		     "100\r\n\r\n{");
	close(fd);
	fd = connect_raw();
	send_raw(fd, "POST /v1/changes HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n");
	expect_raw(fd, "HTTP/1.1 400 ");
	fd = connect_raw();
	send_raw(fd, "POST /v1/changes HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n");
	expect_raw(fd, "HTTP/1.1 413 ");
	fd = connect_raw(); /* refused before any of it is sent */
	send_raw(fd, "POST /v1/changes HTTP/1.1\r\nHost: x\r\nContent-Length: 16777217\r\n\r\n");
	expect_raw(fd, "HTTP/1.1 413 ");
	fd = connect_raw(); /* the end of such a request nobody is told */
	send_raw(fd, "GET /v1/version HTTP/9.9\r\nHost: x\r\n\r\n");
	expect_raw(fd, "HTTP/1.1 505 ");
	fd = connect_raw();
	send_raw(fd, "GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	expect_raw(fd, "HTTP/1.1 200 ");
	expect_get("/v1/version", "{}");
}

/* One that has sent half a request does not keep another waiting. */
static void two_at_once(void **state)
{
	int slow = connect_raw();

	(void)state;
	send_raw(slow, "POST /v1/changes HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n"
		       "Content-Length: 15\r\n\r\n{\"changes");
	expect_get("/v1/version", "{}");
	send_raw(slow, "\": []}");
	expect_raw(slow, "HTTP/1.1 200 ");
}

/* When all connections are taken, the next waits until one is free; also when all end at the same moment, as the daemon sees it. */
static void many_idle(void **state)
{
	int idle[64], next;

	(void)state;
	for (size_t i = 0; i < COUNT(idle); i++)
		idle[i] = connect_raw();
	next = connect_raw();
	send_raw(next, "GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
	assert_int_equal(poll(&(struct pollfd){.fd = next, .events = POLLIN}, 1, 100), 0);
	kill(fake.pid, SIGSTOP);
	for (size_t i = 0; i < COUNT(idle); i++)
		close(idle[i]);
	kill(fake.pid, SIGCONT);
	expect_raw(next, "HTTP/1.1 200 ");
}

static void expect_open(const char *path, int expected, const char *what)
{
	struct daemon d = {.loop = uv_default_loop()};
	struct shunt_err err = {0};
	struct api *api = NULL;

	assert_int_equal(api_open(&api, &d, &(struct api_options){.path = path}, &err), expected);
	if (what && !strstr(err.what, what))
		fail_msg("%s", shunt_err_text(&err));
	api_close(api);
	uv_run(d.loop, UV_RUN_DEFAULT);
}

static void sockets(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char path[200], too_long[200];
	struct stat st;
	int fd;

	(void)state;
	assert_return_code(stat(fake.socket, &st), errno);
	assert_int_equal(st.st_mode, S_IFSOCK | 0660);
	expect_open(fake.socket, -EADDRINUSE, "answers here already");
	expect_get("/v1/version", "{}");

	/* stale: bound once, and nobody listens */
	snprintf(path, sizeof(path), "%s/stale.sock", fake.dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_return_code(bind(fd, (struct sockaddr *)&address, sizeof(address)), errno);
	close(fd);
	expect_open(path, 0, NULL);
	assert_int_equal(stat(path, &st), -1); /* removed at the end */

	fd = open(fake.config_path, O_CREAT | O_WRONLY, 0600);
	assert_return_code(fd, errno);
	close(fd);
	expect_open(fake.config_path, -EEXIST, "not a socket");
	assert_return_code(stat(fake.config_path, &st), errno);
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	expect_open(too_long, -ENAMETOOLONG, "at most 107");
	snprintf(path, sizeof(path), "%s/no/such/api.sock", fake.dir);
	expect_open(path, -ENOENT, "directory");
	/* one level is made */
	snprintf(path, sizeof(path), "%s/run/api.sock", fake.dir);
	expect_open(path, 0, NULL);
	snprintf(path, sizeof(path), "%s/run", fake.dir);
	assert_return_code(rmdir(path), errno);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),     cmocka_unit_test(broken_clients), cmocka_unit_test(two_at_once),
		cmocka_unit_test(many_idle), cmocka_unit_test(sockets),
	};

	return cmocka_run_group_tests_name("api_socket", tests, start_fake, stop_fake);
}
