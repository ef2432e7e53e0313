/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP on a Unix socket, on the daemon's loop.
 *
 * libmicrohttpd runs without threads: its epoll descriptor is watched by a uv_poll, and the time it wants to be called again
 * by a uv_timer. Requests are therefore handled one after the other, each to its end, on the loop's thread, so nothing
 * in the daemon needs a lock. A body is collected whole (at most BODY_MAX) before anything is done with it.
 *
 * Who may connect is the socket's mode and group: there is no other authentication, and no cross-site concern, since no
 * browser reaches a Unix socket. A socket for reading is another server, with connections of its own: however many of those
 * are held open, the operators' are free.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <microhttpd.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "api.h"
#include "api_clients.h"
#include "api_events.h"
#include "api_internal.h"
#include "api_listen.h"

#define BODY_MAX (16u << 20)
#define BODY_MAX_TEXT "16 MiB"
#define HEADER_ROOM (32u << 10) /* of a connection: request line, headers, and the answer's headers */
#define CONNECTIONS_MAX 64
#define IDLE_SECONDS 10
#define REQUEST_SECONDS 30
#define END_ROUNDS 16

struct api {
	struct daemon *d;
	struct api_options options;
	struct MHD_Daemon *mhd;
	struct followers *followers;
	uv_poll_t poll;
	uv_timer_t timer;
	struct api_clients clients;
	int open_handles;
	struct api_listener listener;
};

/* A request being received. */
struct upload {
	char *body;
	size_t len, room;
	bool bad_uri;
	bool too_large;
	size_t body_max;
};

static char bad_uri; /* its address stands for an upload, until there is one */

/* First sight of a request. "%00" would end the decoded path early and so name something else than what was sent. Nothing is kept here:
 * libmicrohttpd does not tell the end of a request that on_request() has not seen. */
static void *look_at_uri(void *arg, const char *uri, struct MHD_Connection *connection)
{
	(void)arg, (void)connection;
	return strstr(uri, "%00") ? &bad_uri : NULL;
}

static struct upload *upload_begin(const struct api *api, bool is_bad_uri)
{
	struct upload *upload = xcalloc(1, sizeof(*upload));

	upload->body_max = api->options.access == API_READ ? 0 : BODY_MAX;
	upload->bad_uri = is_bad_uri;
	return upload;
}

static void upload_end(void *arg, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode code)
{
	struct upload *upload = *context;

	(void)arg, (void)code;
	api_client_restart(connection);
	*context = NULL;
	if (!upload || (void *)upload == &bad_uri)
		return;
	free(upload->body);
	free(upload);
}

/* What is too large is still read to its end, or the client would see a broken connection instead of the answer. */
static void upload_append(struct upload *upload, const char *data, size_t len)
{
	if (upload->too_large || len > upload->body_max - upload->len) {
		upload->too_large = true;
		return;
	}
	if (upload->len + len + 1 > upload->room) {
		upload->room = 2 * (upload->len + len + 1);
		upload->body = xreallocarray(upload->body, upload->room, 1);
	}
	memcpy(upload->body + upload->len, data, len);
	upload->len += len;
	upload->body[upload->len] = '\0';
}

/* A stream ends with the connection, or the daemon. */
static enum MHD_Result send_stream(struct MHD_Connection *connection, const struct api_answer *answer)
{
	enum MHD_Result ret = MHD_queue_response(connection, answer->status, answer->stream);

	MHD_destroy_response(answer->stream);
	return ret;
}

static enum MHD_Result send_answer(struct MHD_Connection *connection, const struct api_answer *answer)
{
	const char *type = answer->status < MHD_HTTP_BAD_REQUEST ? "application/json" : "application/problem+json";
	char *text = answer->body ? json_dumps(answer->body, JSON_INDENT(2)) : xstrdup("");
	struct MHD_Response *response;
	enum MHD_Result ret;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	if (answer->body)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (answer->etag[0] && answer->status < MHD_HTTP_BAD_REQUEST)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, answer->etag);
	if (answer->allow[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	api_client_restart(connection);
	ret = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return ret;
}

static const char *argument(void *connection, const char *key)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, key);
}

/* The kernel's word for who connected, not the client's. */
static void set_peer(struct MHD_Connection *connection, struct api_request *request)
{
	int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	struct ucred peer;
	socklen_t len = sizeof(peer);
	bool known = !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len);

	request->uid = known ? (int64_t)peer.uid : -1;
	request->pid = known ? (int64_t)peer.pid : -1;
}

/* A header that may be given on several lines, which then are one list (RFC 9110, section 5.3). */
struct joined {
	const char *name;
	char *value;
};

static enum MHD_Result join(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct joined *joined = arg;
	char *before = joined->value;

	(void)kind;
	if (strcasecmp(name, joined->name) != 0 || !value)
		return MHD_YES;
	joined->value = before ? xasprintf("%s, %s", before, value) : xstrdup(value);
	free(before);
	return MHD_YES;
}

/* Owned by the caller; NULL: there is none. */
static char *list_header(struct MHD_Connection *connection, const char *name)
{
	struct joined joined = {.name = name};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, join, &joined);
	return joined.value;
}

static void route(struct api *api, struct MHD_Connection *connection, const char *path, const char *method,
		  const struct upload *upload, struct api_answer *answer)
{
	char *if_match = list_header(connection, MHD_HTTP_HEADER_IF_MATCH);
	char *if_none_match = list_header(connection, MHD_HTTP_HEADER_IF_NONE_MATCH);
	struct api_request request = {
		.method = method,
		.path = path,
		.content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE),
		.name = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "name"),
		.check = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "check"),
		.if_match = if_match,
		.if_none_match = if_none_match,
		.read_only = api->options.access == API_READ,
		.plan = argument(connection, "plan"),
		.force = argument(connection, "force"),
		.all = argument(connection, "all"),
		.to = argument(connection, "to"),
		.body = upload->body ? upload->body : "",
		.len = upload->len,
		.argument = argument,
		.connection = connection,
	};

	set_peer(connection, &request);
	if (api_wants_stream(&request))
		api_follow(api->followers, connection, &request, answer);
	else
		api_route(api->d, &request, answer);
	free(if_match);
	free(if_none_match);
}

/* What changes something, a socket for reading refuses for that, whatever its length. */
static bool refused_for_length(const struct upload *upload, const char *method)
{
	return upload->too_large && (upload->body_max || strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
				     strcmp(method, MHD_HTTP_METHOD_HEAD) == 0);
}

static void answer_upload(struct api *api, struct MHD_Connection *connection, const char *path, const char *method,
			  const struct upload *upload, struct api_answer *answer)
{
	if (upload->bad_uri)
		api_problem(answer, MHD_HTTP_BAD_REQUEST, "URI", "contains %%00, expected none");
	else if (refused_for_length(upload, method))
		api_problem(answer, MHD_HTTP_CONTENT_TOO_LARGE, "body", "longer than %s",
			    upload->body_max ? BODY_MAX_TEXT : "0 bytes; a socket for reading takes none");
	else
		route(api, connection, path, method, upload, answer);
}

/* A length that is announced to be too large is refused before the body is sent, if the client waits (Expect: 100-continue). */
static bool announced_too_large(struct MHD_Connection *connection)
{
	const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length && strtoull(length, NULL, 10) > BODY_MAX;
}

/* libmicrohttpd calls this once after the headers, then for each piece of the body, then once without data. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
				  const char *version, const char *data, size_t *len, void **context)
{
	struct upload *upload = *context;
	struct api_answer answer = {0};
	enum MHD_Result ret;

	(void)version;
	if (!upload || (void *)upload == &bad_uri) {
		*context = upload = upload_begin(arg, upload != NULL);
		upload->too_large = announced_too_large(connection);
		if (!upload->too_large)
			return MHD_YES;
	}
	if (*len) {
		upload_append(upload, data, *len);
		*len = 0;
		return MHD_YES;
	}
	answer_upload(arg, connection, url, method, upload, &answer);
	ret = answer.stream ? send_stream(connection, &answer) : send_answer(connection, &answer);
	json_decref(answer.body);
	return ret;
}

static void on_log(void *arg, const char *fmt, va_list ap)
{
	char text[256];

	(void)arg;
	vsnprintf(text, sizeof(text), fmt, ap);
	text[strcspn(text, "\n")] = '\0';
	log_debug("api: %s", text);
}

static void on_timer(uv_timer_t *timer);

static unsigned int connections(const struct api *api)
{
	return MHD_get_daemon_info(api->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections;
}

/*
 * Let libmicrohttpd do what it can now, and find out when it wants to be called again. At its connection limit it stops watching the
 * listening socket, and starts again at the beginning of MHD_run(): without another round after connections ended, and with no other
 * one left, nothing would ever call it.
 */
static void run(struct api *api)
{
	MHD_UNSIGNED_LONG_LONG wait;
	unsigned int before;

	do {
		before = connections(api);
		MHD_run(api->mhd);
	} while (connections(api) < before);
	if (MHD_get_timeout(api->mhd, &wait) == MHD_YES)
		uv_timer_start(&api->timer, on_timer, wait, 0);
	else
		uv_timer_stop(&api->timer);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void run_for(void *api)
{
	run(api);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

static int start_http(struct api *api, struct shunt_err *err)
{
	const struct api_options *o = &api->options;

	api->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_USE_ERROR_LOG | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, api,
		MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, api->listener.fd,
		MHD_OPTION_CONNECTION_LIMIT, o->connections, MHD_OPTION_CONNECTION_TIMEOUT, o->idle_seconds,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADER_ROOM, MHD_OPTION_NOTIFY_CONNECTION,
		api_clients_notify, &api->clients, MHD_OPTION_URI_LOG_CALLBACK, look_at_uri, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, upload_end, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!api->mhd)
		return shunt_fail(err, EIO, api->listener.path, "cannot start the HTTP server");
	return 0;
}

static int watch(struct api *api, struct shunt_err *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	int ret = uv_poll_init(api->d->loop, &api->poll, info->epoll_fd);

	if (ret == 0) {
		api->poll.data = api;
		api->open_handles++;
		ret = uv_poll_start(&api->poll, UV_READABLE, on_poll);
	}
	if (ret)
		return shunt_fail(err, -ret, api->listener.path, "cannot watch the socket: %s", uv_strerror(ret));
	run(api);
	return 0;
}

static struct api_options with_defaults(const struct api_options *options)
{
	struct api_options all = *options;

	if (!all.connections)
		all.connections = CONNECTIONS_MAX;
	if (!all.idle_seconds)
		all.idle_seconds = IDLE_SECONDS;
	if (!all.request_seconds)
		all.request_seconds = REQUEST_SECONDS;
	return all;
}

int api_open(struct api **api_out, struct daemon *d, const struct api_options *options, struct shunt_err *err)
{
	struct api *api = xcalloc(1, sizeof(*api));
	int ret;

	api->d = d;
	api->options = with_defaults(options);
	uv_timer_init(d->loop, &api->timer);
	api->timer.data = api;
	api_clients_open(&api->clients, d->loop, api->options.request_seconds);
	api->open_handles = 2;
	api->followers = followers_open(d->loop, run_for, api);
	ret = api_listen(&api->listener, options->path, options->group, api->options.connections, err);
	if (ret == 0)
		ret = start_http(api, err);
	if (ret == 0)
		ret = watch(api, err);
	if (ret) {
		api_close(api);
		return ret;
	}
	*api_out = api;
	return 0;
}

static void on_handle_closed(struct api *api)
{
	if (--api->open_handles == 0)
		free(api);
}

static void on_closed(uv_handle_t *handle)
{
	on_handle_closed(handle->data);
}

static void on_clients_closed(uv_handle_t *handle)
{
	struct api_clients *clients = handle->data;

	on_handle_closed((struct api *)((char *)clients - offsetof(struct api, clients)));
}

/* Who follows sees the last events, and a whole answer; one that takes no more now does not hold up the end. Suspended connections
 * must have been resumed before libmicrohttpd stops. */
static void end_streams(struct api *api)
{
	followers_end(api->followers);
	for (int i = 0; i < END_ROUNDS && followers_any(api->followers); i++)
		MHD_run(api->mhd);
}

/* The memory goes when the loop has run once more. */
void api_close(struct api *api)
{
	if (!api)
		return;
	if (api->poll.data)
		uv_poll_stop(&api->poll);
	if (api->mhd) {
		MHD_quiesce_daemon(api->mhd); /* or it would close our socket */
		end_streams(api);
		MHD_stop_daemon(api->mhd);
	}
	followers_close(api->followers);
	api_unlisten(&api->listener);
	uv_close((uv_handle_t *)&api->timer, on_closed);
	uv_close((uv_handle_t *)&api->clients.timer, on_clients_closed);
	if (api->poll.data)
		uv_close((uv_handle_t *)&api->poll, on_closed);
}
