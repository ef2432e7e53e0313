/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the health checks share: a loop, servers on it that play a script, a configuration of one service, and the
 * health checks under test with a record of what they told.
 */
#ifndef SHUNT_HEALTH_BENCH_H
#define SHUNT_HEALTH_BENCH_H

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/lib/log.h"
#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/health.h"
#include "loop_bench.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BAD_ANSWER "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
#define HANG NULL /* an answer that never comes */

static struct health *health;

static struct {
	int count;
	enum health_state states[64]; /* all that were told, in order */
	void (*then)(void);
} told;

/* ---- a server ---- */

struct server {
	uv_tcp_t listener; /* first, as in struct client: freed by free_cb() */
	uint16_t port;
	const char *const *script; /* one answer per request, the last for ever; NULL: hangs up at once */
	int script_len;
	bool raw;     /* take whatever comes for a request: TLS */
	int accepted; /* connections */
	int requests; /* whole ones */
	int resets;   /* connections that were not ended, but reset */
	char last[4096];
	size_t last_len;
};

struct client {
	uv_tcp_t tcp;
	uv_write_t write;
	struct server *server;
	bool answered;
	char buf[4096];
	size_t len;
};

static inline void free_cb(uv_handle_t *handle)
{
	free(handle);
}

static inline void client_close(struct client *client)
{
	if (!uv_is_closing((uv_handle_t *)&client->tcp))
		uv_close((uv_handle_t *)&client->tcp, free_cb);
}

static inline void written_cb(uv_write_t *write, int status)
{
	(void)status;
	client_close(write->data);
}

static inline void answer(struct client *client)
{
	struct server *server = client->server;
	int step = server->requests < server->script_len ? server->requests : server->script_len - 1;
	const char *text = server->script[step];
	uv_buf_t buf;

	memcpy(server->last, client->buf, client->len);
	server->last_len = client->len;
	server->requests++;
	client->answered = true;
	if (text == HANG)
		return;
	buf = uv_buf_init((char *)text, strlen(text));
	client->write.data = client;
	uv_write(&client->write, (uv_stream_t *)&client->tcp, &buf, 1, written_cb);
}

static inline void alloc_cb(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct client *client = handle->data;

	(void)suggested;
	*buf = uv_buf_init(client->buf + client->len, sizeof(client->buf) - 1 - client->len);
}

static inline void read_cb(uv_stream_t *stream, ssize_t got, const uv_buf_t *buf)
{
	struct client *client = stream->data;

	(void)buf;
	if (got < 0) {
		client->server->resets += got == UV_ECONNRESET;
		client_close(client);
		return;
	}
	client->len += got;
	client->buf[client->len] = '\0';
	if (client->answered)
		return;
	if (client->server->raw ? client->len : !!strstr(client->buf, "\r\n\r\n"))
		answer(client);
}

static inline void accept_cb(uv_stream_t *listener, int status)
{
	struct server *server = listener->data;
	struct client *client = xcalloc(1, sizeof(*client));

	client->server = server;
	client->tcp.data = client;
	uv_tcp_init(&loop, &client->tcp);
	if (status || uv_accept(listener, (uv_stream_t *)&client->tcp)) {
		client_close(client);
		return;
	}
	server->accepted++;
	if (server->script)
		uv_read_start((uv_stream_t *)&client->tcp, alloc_cb, read_cb);
	else
		client_close(client);
}

static inline struct server *server_play(const char *text, const char *const *script, int len)
{
	struct server *server = xcalloc(1, sizeof(*server));
	struct sockaddr_storage ss;
	int ss_len = sizeof(ss);
	struct shunt_addr addr;

	server->script = script;
	server->script_len = len;
	assert_int_equal(addr_parse(text, &addr), 0);
	addr_to_sockaddr(&addr, 0, &ss);
	uv_tcp_init(&loop, &server->listener);
	server->listener.data = server;
	assert_int_equal(uv_tcp_bind(&server->listener, (struct sockaddr *)&ss, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&server->listener, 1024, accept_cb), 0);
	uv_tcp_getsockname(&server->listener, (struct sockaddr *)&ss, &ss_len);
	server->port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	return server;
}

static inline struct server *server_listen(const char *text)
{
	return server_play(text, NULL, 0);
}

#define PLAY_AT(text, ...)                                                        \
	({                                                                        \
		static const char *const script_[] = {__VA_ARGS__};               \
		server_play(text, script_, sizeof(script_) / sizeof(script_[0])); \
	})
#define PLAY(...) PLAY_AT("127.0.0.1", __VA_ARGS__)

/* A port at which nobody listens any more. */
static inline uint16_t server_gone(void)
{
	struct server *server = server_listen("127.0.0.1");
	uint16_t port = server->port;

	uv_close((uv_handle_t *)&server->listener, free_cb);
	uv_run(&loop, UV_RUN_NOWAIT);
	return port;
}

/* ---- a configuration ---- */

static inline struct config *config_one(enum config_check_type type, uint16_t port, size_t backends)
{
	struct config *config = xcalloc(1, sizeof(*config));
	struct config_service *service = xcalloc(1, sizeof(*service));

	config->services = service;
	config->service_count = 1;
	strcpy(service->name, "web");
	service->check = (struct config_check){
		.type = type,
		.port = port,
		.expect_min = 200,
		.expect_max = 399,
		.interval = 100,
		.jitter = 10,
		.timeout = 5000,
		.rise = 2,
		.fall = 3,
	};
	service->backends = xcalloc(backends, sizeof(*service->backends));
	service->backend_count = backends;
	for (size_t i = 0; i < backends; i++) {
		char text[SHUNT_ADDR_TEXT];

		snprintf(text, sizeof(text), "127.0.%zu.%zu", i / 250, i % 250 + 1);
		assert_int_equal(addr_parse(text, &service->backends[i].addr), 0);
	}
	return config;
}

static inline void config_drop(struct config *config)
{
	free(config->services->backends);
	free(config->services->vips);
	free(config->services);
	free(config);
}

static const struct health_status *status_of(const char *text)
{
	struct shunt_addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return health_get(health, "web", &addr);
}

static const struct health_status *status(void)
{
	return status_of("127.0.0.1");
}

static inline bool checked(void)
{
	return status()->checked;
}

static inline bool is(enum health_state state)
{
	return status()->state == state;
}

/* ---- the frame of each test ---- */

static inline void changed_cb(void *arg, const char *service, const struct shunt_addr *backend,
			      const struct health_status *now)
{
	assert_ptr_equal(arg, &loop);
	assert_string_equal(service, "web");
	assert_ptr_equal(now, health_get(health, service, backend));
	if (told.count < 64)
		told.states[told.count] = now->state;
	told.count++;
	if (told.then)
		told.then();
}

static inline int open_loop(void **state)
{
	struct shunt_err err;

	(void)state;
	memset(&told, 0, sizeof(told));
	loop_open();
	return health_open(&health, &loop, changed_cb, &loop, &err);
}

static inline void close_other(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, handle->type == UV_TCP ? free_cb : NULL);
}

static inline int close_loop(void **state)
{
	(void)state;
	health_close(health);
	uv_walk(&loop, close_other, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	return uv_loop_close(&loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_loop, close_loop)

#endif
