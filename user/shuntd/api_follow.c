/* SPDX-License-Identifier: GPL-2.0 */
/* Streams of events: api_events.h. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "../lib/xalloc.h"
#include "api_clients.h"
#include "api_events.h"

#define FOLLOWERS_MAX 16 /* of the API's connections, which are for others, too */
#define LOOK_MS 1000	 /* for followers who have gone, which a suspended connection does not notice */
#define HEARTBEAT_MS 15000
#define PIECE 16384	  /* at most so much is handed to libmicrohttpd at once */
#define STUCK_SECONDS 60u /* that a follower may take nothing, before its connection ends */

struct follower {
	struct followers *all;
	struct MHD_Connection *connection;
	int fd;
	struct journal_filter filter;
	struct journal_cursor cursor;
	char *line; /* the one that is being sent; NULL: none */
	size_t len, sent;
	uint64_t sent_ms; /* loop time: the last that was sent */
	bool suspended;
	bool gone; /* nobody reads any more */
};

struct followers {
	uv_loop_t *loop;
	uv_timer_t wake; /* for when events were told, which may be within anything */
	uv_timer_t look; /* runs while there are any */
	void (*run)(void *arg);
	void *arg;
	struct events_listener listener;
	struct follower *place[FOLLOWERS_MAX];
	int open_handles;
	bool ending;
};

/* ---- one of them */

static void set_line(struct follower *f, char *line)
{
	free(f->line);
	f->line = line;
	f->len = line ? strlen(line) : 0;
	f->sent = 0;
}

/* Takes object over. */
static char *line_of(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT), *line = text ? xasprintf("%s\n", text) : NULL;

	free(text);
	json_decref(object);
	return line;
}

/* An event that follows on a loss waits until that has been told. */
static bool next_line(struct follower *f)
{
	struct journal_cursor cursor = f->cursor;
	const struct journal_event *event = journal_next(events_journal(), &cursor, &f->filter);

	if (cursor.lost) {
		uint64_t lost = cursor.lost;

		f->cursor = (struct journal_cursor){.seq = f->cursor.seq + lost};
		set_line(f, line_of(events_lost_json(lost)));
		return true;
	}
	f->cursor = cursor;
	if (event)
		set_line(f, line_of(events_json(event)));
	return event;
}

static void resume(struct follower *f)
{
	if (!f->suspended)
		return;
	f->suspended = false;
	MHD_resume_connection(f->connection);
}

/* libmicrohttpd asks for more to send. */
static ssize_t read_lines(void *arg, uint64_t pos, char *buf, size_t max)
{
	struct follower *f = arg;
	size_t filled = 0;

	(void)pos;
	while (filled < max && (f->sent < f->len || (!f->gone && next_line(f)))) {
		size_t part = f->len - f->sent < max - filled ? f->len - f->sent : max - filled;

		memcpy(buf + filled, f->line + f->sent, part);
		f->sent += part;
		filled += part;
	}
	if (filled) {
		f->sent_ms = uv_now(f->all->loop);
		return (ssize_t)filled;
	}
	if (f->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (f->all->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	MHD_suspend_connection(f->connection);
	f->suspended = true;
	return 0;
}

static void follower_free(void *arg)
{
	struct follower *f = arg;

	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (f->all->place[i] == f)
			f->all->place[i] = NULL;
	if (!followers_any(f->all))
		uv_timer_stop(&f->all->look);
	free(f->line);
	free(f);
}

/* ---- all of them */

static void on_wake(uv_timer_t *timer)
{
	struct followers *all = timer->data;

	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (all->place[i] && all->place[i]->cursor.seq < journal_last(events_journal()))
			resume(all->place[i]);
	all->run(all->arg);
}

static void on_told(void *arg)
{
	struct followers *all = arg;

	if (followers_any(all) && !uv_is_active((uv_handle_t *)&all->wake))
		uv_timer_start(&all->wake, on_wake, 0, 0);
}

static bool has_hung_up(const struct follower *f)
{
	struct pollfd fd = {.fd = f->fd};

	return poll(&fd, 1, 0) > 0 && fd.revents & (POLLHUP | POLLERR);
}

static void look_at(struct follower *f)
{
	if (!f->suspended)
		return;
	f->gone = has_hung_up(f);
	if (!f->gone && uv_now(f->all->loop) - f->sent_ms < HEARTBEAT_MS)
		return;
	if (!f->gone)
		set_line(f, xstrdup("\n"));
	resume(f);
}

static void look_at_all(struct followers *all)
{
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (all->place[i])
			look_at(all->place[i]);
}

static void on_look(uv_timer_t *timer)
{
	struct followers *all = timer->data;

	look_at_all(all);
	all->run(all->arg);
}

struct followers *followers_open(uv_loop_t *loop, void (*run)(void *arg), void *arg)
{
	struct followers *all = xcalloc(1, sizeof(*all));

	all->loop = loop;
	all->run = run;
	all->arg = arg;
	uv_timer_init(loop, &all->wake);
	uv_timer_init(loop, &all->look);
	all->wake.data = all->look.data = all;
	all->open_handles = 2;
	all->listener = (struct events_listener){.told = on_told, .arg = all};
	events_listen(&all->listener);
	return all;
}

bool followers_any(const struct followers *all)
{
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (all->place[i])
			return true;
	return false;
}

void followers_end(struct followers *all)
{
	all->ending = true;
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (all->place[i])
			resume(all->place[i]);
}

static void on_closed(uv_handle_t *handle)
{
	struct followers *all = handle->data;

	if (--all->open_handles == 0)
		free(all);
}

void followers_close(struct followers *all)
{
	events_unlisten(&all->listener);
	uv_close((uv_handle_t *)&all->wake, on_closed);
	uv_close((uv_handle_t *)&all->look, on_closed);
}

/* ---- the request */

bool api_wants_stream(const struct api_request *request)
{
	const char *follow;

	if (strcmp(request->path, "/v1/events") != 0 ||
	    (strcmp(request->method, "GET") != 0 && strcmp(request->method, "HEAD") != 0))
		return false;
	follow = request->argument(request->connection, "follow");
	return follow && strcmp(follow, "0") != 0;
}

/* A place for one more. Those who have gone and have not been noticed yet shall not keep others out for long. */
static struct follower **free_place(struct followers *all)
{
	for (size_t i = 0; i < FOLLOWERS_MAX; i++)
		if (!all->place[i])
			return &all->place[i];
	look_at_all(all);
	return NULL;
}

static struct follower *follower_new(struct followers *all, struct MHD_Connection *connection,
				     const struct events_query *query)
{
	struct follower *f = xcalloc(1, sizeof(*f));

	f->all = all;
	f->connection = connection;
	f->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	f->filter = query->filter;
	f->cursor = query->from;
	f->sent_ms = uv_now(all->loop);
	return f;
}

void api_follow(struct followers *all, struct MHD_Connection *connection, const struct api_request *request,
		struct api_answer *answer)
{
	struct follower **place = free_place(all);
	struct events_query query;
	struct shunt_err err = {0};

	if (events_query_parse(request, true, &query, &err)) {
		api_problem(answer, MHD_HTTP_BAD_REQUEST, err.where, "%s", err.what);
		return;
	}
	if (!place || all->ending) {
		api_problem(answer, MHD_HTTP_SERVICE_UNAVAILABLE, "follow",
			    "%d clients follow already; end one of them, or ask for lists (?since=SEQ)", FOLLOWERS_MAX);
		return;
	}
	*place = follower_new(all, connection, &query);
	answer->stream = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE, read_lines, *place, follower_free);
	if (!answer->stream) {
		follower_free(*place);
		api_problem(answer, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL, "out of memory");
		return;
	}
	answer->status = MHD_HTTP_OK;
	MHD_add_response_header(answer->stream, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
	MHD_add_response_header(answer->stream, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
	MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, STUCK_SECONDS);
	api_client_unlimited(connection);
	uv_timer_start(&all->look, on_look, LOOK_MS, LOOK_MS);
}
