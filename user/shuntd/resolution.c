/* SPDX-License-Identifier: GPL-2.0 */
#include "resolution.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "dns_answer.h"

#define TIMEOUT_MS 2000 /* of the first try at each resolver */
#define TRIES 2
#define WEIGHT 100  /* of addresses without SRV records */
#define TICK_MS 250 /* c-ares' own timeouts are looked at so often */

struct socket_watch {
	struct socket_watch *next;
	struct resolution *resolution;
	uv_poll_t poll;
	int fd;
};

/* A question that is out: of a name, for addresses of one family, or for SRV records. */
struct question {
	struct resolution *resolution;
	char name[DNS_NAME_MAX];
	uint32_t weight; /* of what it finds */
	int type;
};

struct resolution {
	uv_loop_t *loop;
	ares_channel channel;
	bool has_channel, cancelled;
	uv_timer_t timer;
	struct socket_watch *watches;
	size_t handles; /* not closed yet */
	size_t asked;	/* questions out */
	uint8_t family;
	char pool[CONFIG_POOL_MAX];
	struct config_backend *backends;
	size_t count;
	uint32_t ttl;
	char *error; /* the first */
	int empty;   /* why a question had no records, the last time; ARES_SUCCESS: all had */
	char *name;
	resolution_done *done;
	void *arg;
};

/* ---- sockets */

static void maybe_free(struct resolution *r)
{
	if (r->handles)
		return;
	free(r->backends);
	free(r->error);
	free(r->name);
	free(r);
}

static void on_watch_closed(uv_handle_t *handle)
{
	struct socket_watch *watch = handle->data;
	struct resolution *r = watch->resolution;

	free(watch);
	r->handles--;
	maybe_free(r);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct socket_watch *watch = poll->data;
	ares_socket_t in = status < 0 || events & UV_READABLE ? watch->fd : ARES_SOCKET_BAD;
	ares_socket_t out = status < 0 || events & UV_WRITABLE ? watch->fd : ARES_SOCKET_BAD;

	ares_process_fd(watch->resolution->channel, in, out);
}

static struct socket_watch **find_watch(struct resolution *r, int fd)
{
	struct socket_watch **at = &r->watches;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	return at;
}

static struct socket_watch *add_watch(struct resolution *r, int fd)
{
	struct socket_watch *watch = xcalloc(1, sizeof(*watch));

	watch->resolution = r;
	watch->fd = fd;
	watch->poll.data = watch;
	if (uv_poll_init(r->loop, &watch->poll, fd)) { /* its question times out, and says so */
		free(watch);
		return NULL;
	}
	r->handles++;
	watch->next = r->watches;
	r->watches = watch;
	return watch;
}

static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolution *r = arg;
	struct socket_watch **at = find_watch(r, fd), *watch = *at;

	if (readable || writable) {
		if (!watch)
			watch = add_watch(r, fd);
		if (watch)
			uv_poll_start(&watch->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
				      on_ready);
	} else if (watch) { /* it is closed as soon as this returns */
		*at = watch->next;
		uv_poll_stop(&watch->poll);
		uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
	}
}

/* ---- the end */

static void on_timer_closed(uv_handle_t *handle)
{
	struct resolution *r = handle->data;

	r->handles--;
	maybe_free(r);
}

/* Never from within c-ares, which does not like its channel to go meanwhile. */
static void close_all(struct resolution *r)
{
	r->cancelled = true;
	if (r->has_channel)
		ares_destroy(r->channel);
	uv_close((uv_handle_t *)&r->timer, on_timer_closed);
}

static void finish(uv_timer_t *timer)
{
	struct resolution *r = timer->data;

	if (!r->error && !r->count)
		r->error = xasprintf("%s has no address: %s", r->name,
				     r->empty ? ares_strerror(r->empty) : "its records name no server");
	r->done(r->arg, r->error, r->backends, r->count, r->ttl);
	close_all(r);
}

void resolution_cancel(struct resolution *r)
{
	close_all(r);
}

/* ---- questions */

static void ask(struct resolution *r, const char *name, int type, uint32_t weight);

/* Without the type, of which one or the other is first: what is the same each time is told once. */
static void set_error(struct resolution *r, const struct question *question, const char *why)
{
	if (!r->error)
		r->error = xasprintf("%s: %s", question->name, why);
}

static void ask_addresses(struct resolution *r, const char *name, uint32_t weight)
{
	if (r->family != SHUNT_FAMILY_IPV6)
		ask(r, name, ns_t_a, weight);
	if (r->family != SHUNT_FAMILY_IPV4)
		ask(r, name, ns_t_aaaa, weight);
}

static void take_targets(struct resolution *r, const struct question *question, struct dns_record *records,
			 size_t count)
{
	uint32_t weights[DNS_SRV_MAX];

	if (count > DNS_SRV_MAX) {
		set_error(r, question, "too many records; expected at most 256");
		return;
	}
	count = dns_srv_choose(records, count, weights);
	for (size_t i = 0; i < count; i++)
		ask_addresses(r, records[i].srv.target, weights[i]);
}

static void take_addresses(struct resolution *r, const struct question *question, const struct dns_record *records,
			   size_t count)
{
	r->backends = xreallocarray(r->backends, r->count + count + 1, sizeof(*r->backends));
	for (size_t i = 0; i < count; i++) {
		struct config_backend *backend = &r->backends[r->count++];

		*backend = (struct config_backend){.addr = records[i].addr, .weight = question->weight};
		strcpy(backend->pool, r->pool);
	}
}

static void take_answer(struct resolution *r, const struct question *question, const uint8_t *message, size_t len)
{
	struct dns_record *records;
	uint32_t ttl;
	ssize_t count = dns_answer_read(message, len, question->type, &records, &ttl);

	if (count < 0) {
		set_error(r, question, "the answer is damaged");
		return;
	}
	if (ttl < r->ttl)
		r->ttl = ttl;
	if (question->type == ns_t_srv)
		take_targets(r, question, records, (size_t)count);
	else
		take_addresses(r, question, records, (size_t)count);
	free(records);
}

/* Of a name with addresses of one family the other is empty. That is no fault, as long as there is any. */
static bool is_empty(int status)
{
	return status == ARES_ENODATA || status == ARES_ENOTFOUND;
}

static void answered(struct resolution *r)
{
	if (--r->asked == 0 && !r->cancelled)
		uv_timer_start(&r->timer, finish, 0, 0);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *message, int len)
{
	struct question *question = arg;
	struct resolution *r = question->resolution;

	(void)timeouts;
	if (is_empty(status))
		r->empty = status;
	else if (!r->cancelled && status == ARES_SUCCESS)
		take_answer(r, question, message, (size_t)len);
	else if (!r->cancelled)
		set_error(r, question, ares_strerror(status));
	free(question);
	answered(r);
}

static void ask(struct resolution *r, const char *name, int type, uint32_t weight)
{
	struct question *question = xcalloc(1, sizeof(*question));

	question->resolution = r;
	question->type = type;
	question->weight = weight;
	snprintf(question->name, sizeof(question->name), "%s", name);
	r->asked++;
	ares_query(r->channel, question->name, ns_c_in, type, on_answer, question);
}

/* ---- the beginning */

static void tick(uv_timer_t *timer)
{
	struct resolution *r = timer->data;

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

static int open_channel(struct resolution *r, const struct config *config)
{
	struct ares_options options = {
		.timeout = TIMEOUT_MS, .tries = TRIES, .sock_state_cb = on_socket, .sock_state_cb_data = r};
	char list[CONFIG_RESOLVERS * (CONFIG_RESOLVER_TEXT + 1) + 1] = "", text[CONFIG_RESOLVER_TEXT];
	int status =
		ares_init_options(&r->channel, &options, ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);

	if (status != ARES_SUCCESS)
		return status;
	r->has_channel = true;
	for (size_t i = 0; i < config->resolver_count; i++) {
		strcat(list, i ? "," : "");
		strcat(list, config_resolver_format(&config->resolvers[i], text));
	}
	return list[0] ? ares_set_servers_ports_csv(r->channel, list) : ARES_SUCCESS;
}

struct resolution *resolution_start(uv_loop_t *loop, const struct config *config, const struct config_discover *source,
				    resolution_done *done, void *arg)
{
	struct resolution *r = xcalloc(1, sizeof(*r));
	int status;

	r->loop = loop;
	r->done = done;
	r->arg = arg;
	r->family = source->family;
	r->ttl = UINT32_MAX;
	r->name = xstrdup(source->text);
	strcpy(r->pool, source->pool);
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	r->handles = 1;
	status = open_channel(r, config);
	if (status != ARES_SUCCESS) {
		r->error = xasprintf("resolvers: %s", ares_strerror(status));
		uv_timer_start(&r->timer, finish, 0, 0);
		return r;
	}
	uv_timer_start(&r->timer, tick, TICK_MS, TICK_MS);
	r->asked = 1; /* this one, until all are out: c-ares may answer at once */
	if (source->kind == CONFIG_DISCOVER_SRV)
		ask(r, source->text, ns_t_srv, 0);
	else
		ask_addresses(r, source->text, WEIGHT);
	answered(r);
	return r;
}
