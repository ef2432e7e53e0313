/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP on a Unix socket, on the daemon's loop.
 *
 * libmicrohttpd runs without threads: its epoll descriptor is watched by a uv_poll, and the time it wants to be called again
 * by a uv_timer. Requests are therefore handled one after the other, each to its end, on the loop's thread, so nothing
 * in the daemon needs a lock. A body is collected whole (at most BODY_MAX) before anything is done with it.
 *
 * Who may connect is the socket's mode and group: there is no other authentication, and no cross-site concern, since no
 * browser reaches a Unix socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <microhttpd.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "api.h"
#include "api_internal.h"

#define BODY_MAX (16u << 20)
#define BODY_MAX_TEXT "16 MiB"
#define CONNECTIONS_MAX 64
#define IDLE_SECONDS 10

struct api {
	struct daemon *d;
	struct MHD_Daemon *mhd;
	uv_poll_t poll;
	uv_timer_t timer;
	int open_handles;
	int listen_fd;
	struct stat socket_stat; /* which file is ours */
	char socket_path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

/* A request being received. */
struct upload {
	char *body;
	size_t len, room;
	bool started; /* headers seen */
	bool bad_uri;
	bool too_large;
};

/* First sight of a request. "%00" would end the decoded path early and so name something else than what was sent. */
static void *upload_begin(void *arg, const char *uri, struct MHD_Connection *connection)
{
	struct upload *upload = xcalloc(1, sizeof(*upload));

	(void)arg, (void)connection;
	upload->bad_uri = strstr(uri, "%00") != NULL;
	return upload;
}

static void upload_end(void *arg, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode code)
{
	struct upload *upload = *context;

	(void)arg, (void)connection, (void)code;
	if (!upload)
		return;
	free(upload->body);
	free(upload);
	*context = NULL;
}

/* What is too large is still read to its end, or the client would see a broken connection instead of the answer. */
static void upload_append(struct upload *upload, const char *data, size_t len)
{
	if (upload->too_large || len > BODY_MAX - upload->len) {
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

static enum MHD_Result send_answer(struct MHD_Connection *connection, const struct api_answer *answer)
{
	const char *type = answer->status == MHD_HTTP_OK ? "application/json" : "application/problem+json";
	char *text = json_dumps(answer->body, JSON_INDENT(2));
	struct MHD_Response *response;
	enum MHD_Result ret;

	if (!text)
		return MHD_NO;
	response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	if (answer->allow[0])
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow);
	ret = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return ret;
}

static void answer_upload(struct api *api, struct MHD_Connection *connection, const char *path, const char *method,
			  const struct upload *upload, struct api_answer *answer)
{
	struct api_request request = {
		.method = method,
		.path = path,
		.content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE),
		.name = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "name"),
		.check = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "check"),
		.force = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "force"),
		.all = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "all"),
		.body = upload->body ? upload->body : "",
		.len = upload->len,
	};

	if (upload->bad_uri)
		api_problem(answer, MHD_HTTP_BAD_REQUEST, "URI", "contains %%00, expected none");
	else if (upload->too_large)
		api_problem(answer, MHD_HTTP_CONTENT_TOO_LARGE, "body", "longer than %s", BODY_MAX_TEXT);
	else
		api_route(api->d, &request, answer);
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
	if (!upload->started) {
		upload->started = true;
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
	ret = send_answer(connection, &answer);
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

static void on_poll(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	run(poll->data);
}

/* Is a daemon listening at address? A full queue (EAGAIN) is one as well. */
static bool socket_answers(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool answers;

	if (fd < 0)
		return false;
	answers = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
	close(fd);
	return answers;
}

/* Only a socket that nobody answers is ours to remove. */
static int remove_stale(const struct sockaddr_un *address, struct shunt_err *err)
{
	const char *path = address->sun_path;
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : shunt_fail(err, errno, path, "cannot stat it: %s", strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return shunt_fail(err, EEXIST, path, "exists and is not a socket; remove it or name another path");
	if (socket_answers(address))
		return shunt_fail(err, EADDRINUSE, path, "a daemon answers here already; stop it or name another path");
	if (unlink(path) && errno != ENOENT)
		return shunt_fail(err, errno, path, "cannot remove the stale socket: %s", strerror(errno));
	return 0;
}

/* /run is empty after a boot: make the directory. Only the last component, a missing parent is likelier a typo. */
static int make_directory(const char *socket_path, struct shunt_err *err)
{
	char *directory = xstrdup(socket_path);
	char *slash = strrchr(directory, '/');
	int ret = 0;

	if (slash && slash != directory) {
		*slash = '\0';
		if (mkdir(directory, 0755) && errno != EEXIST)
			ret = shunt_fail(err, errno, directory, "cannot make the socket's directory: %s",
					 strerror(errno));
	}
	free(directory);
	return ret;
}

/* bind() takes the mode from the umask, so that the socket is never there with another one. */
static int bind_socket(int fd, const struct sockaddr_un *address)
{
	mode_t umask_before = umask(0117);
	int ret = bind(fd, (const struct sockaddr *)address, sizeof(*address)) ? -errno : 0;

	umask(umask_before);
	return ret;
}

static int listen_at(struct api *api, const char *path, struct shunt_err *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int ret;

	if (strlen(path) >= sizeof(address.sun_path))
		return shunt_fail(err, ENAMETOOLONG, path,
				  "too long for a Unix socket, expected at most %zu characters",
				  sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	ret = make_directory(path, err);
	if (ret == 0)
		ret = remove_stale(&address, err);
	if (ret)
		return ret;
	api->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (api->listen_fd < 0)
		return shunt_fail(err, errno, path, "cannot make a socket: %s", strerror(errno));
	ret = bind_socket(api->listen_fd, &address);
	if (ret)
		return shunt_fail(err, -ret, path, "cannot bind the socket: %s", strerror(-ret));
	strcpy(api->socket_path, path);
	if (listen(api->listen_fd, CONNECTIONS_MAX) || lstat(path, &api->socket_stat))
		return shunt_fail(err, errno, path, "cannot listen: %s", strerror(errno));
	return 0;
}

static int start_http(struct api *api, struct shunt_err *err)
{
	api->mhd = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, api,
				    MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL, MHD_OPTION_LISTEN_SOCKET, api->listen_fd,
				    MHD_OPTION_CONNECTION_LIMIT, (unsigned int)CONNECTIONS_MAX,
				    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
				    MHD_OPTION_URI_LOG_CALLBACK, upload_begin, NULL, MHD_OPTION_NOTIFY_COMPLETED,
				    upload_end, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!api->mhd)
		return shunt_fail(err, EIO, api->socket_path, "cannot start the HTTP server");
	return 0;
}

static int watch(struct api *api, struct shunt_err *err)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	int ret = uv_timer_init(api->d->loop, &api->timer);

	if (ret == 0) {
		api->open_handles++;
		ret = uv_poll_init(api->d->loop, &api->poll, info->epoll_fd);
	}
	if (ret == 0) {
		api->open_handles++;
		ret = uv_poll_start(&api->poll, UV_READABLE, on_poll);
	}
	api->timer.data = api;
	api->poll.data = api;
	if (ret)
		return shunt_fail(err, -ret, api->socket_path, "cannot watch the socket: %s", uv_strerror(ret));
	run(api);
	return 0;
}

int api_open(struct api **api_out, struct daemon *d, const char *socket_path, struct shunt_err *err)
{
	struct api *api = xcalloc(1, sizeof(*api));
	int ret;

	api->d = d;
	api->listen_fd = -1;
	ret = listen_at(api, socket_path, err);
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

static void on_handle_closed(uv_handle_t *handle)
{
	struct api *api = handle->data;

	if (--api->open_handles == 0)
		free(api);
}

/* The memory goes when the loop has run once more, if it has handles on it. */
void api_close(struct api *api)
{
	struct stat st;

	if (!api)
		return;
	if (api->open_handles > 1)
		uv_poll_stop(&api->poll);
	if (api->mhd) {
		MHD_quiesce_daemon(api->mhd); /* or it would close our socket */
		MHD_stop_daemon(api->mhd);
	}
	if (api->listen_fd >= 0)
		close(api->listen_fd);
	/* Not that of a daemon that took our place. */
	if (api->socket_path[0] && lstat(api->socket_path, &st) == 0 && st.st_dev == api->socket_stat.st_dev &&
	    st.st_ino == api->socket_stat.st_ino)
		unlink(api->socket_path);
	if (api->open_handles == 0) {
		free(api);
		return;
	}
	uv_close((uv_handle_t *)&api->timer, on_handle_closed);
	if (api->open_handles > 1)
		uv_close((uv_handle_t *)&api->poll, on_handle_closed);
}
