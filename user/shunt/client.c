/* SPDX-License-Identifier: GPL-2.0 */
#include "client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "../lib/sockets.h"
#include "../lib/xalloc.h"

#define CONNECT_TIMEOUT_MS 5000L
#define ANSWER_TIMEOUT_MS 60000L

struct transfer {
	CURL *curl;
	struct curl_slist *headers;
	char *url;
	char *body; /* of the answer */
	size_t len;
	char problem[CURL_ERROR_SIZE];
	char etag[64];
};

static size_t on_data(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	t->body = xreallocarray(t->body, t->len + size * count + 1, 1);
	memcpy(t->body + t->len, data, size * count);
	t->len += size * count;
	return size * count;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	static const char name[] = "ETag: ";
	size_t len = size * count, skip = sizeof(name) - 1;
	struct transfer *t = arg;

	if (len > skip && strncasecmp(data, name, skip) == 0)
		snprintf(t->etag, sizeof(t->etag), "%.*s", (int)strcspn(data + skip, "\r\n"), data + skip);
	return len;
}

/* Shells make it hard to keep the quotes that a tag has. */
static char *if_match_header(const char *etag)
{
	bool is_whole = etag[0] == '"' || etag[0] == '*' || strncmp(etag, "W/", 2) == 0;

	return xasprintf(is_whole ? "If-Match: %s" : "If-Match: \"%s\"", etag);
}

static void add_header(struct transfer *t, char *header)
{
	t->headers = curl_slist_append(t->headers, header);
	free(header);
}

/* The URL's host is not looked up, and a proxy from the environment is not for a Unix socket. */
static void set_up(struct transfer *t, const char *socket, const struct client_request *request)
{
	t->curl = curl_easy_init();
	if (!t->curl)
		abort();
	t->url = xasprintf("http://localhost%s", request->path);
	if (request->type)
		add_header(t, xasprintf("Content-Type: %s", request->type));
	if (request->if_match)
		add_header(t, if_match_header(request->if_match));
	curl_easy_setopt(t->curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(t->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(t->curl, CURLOPT_URL, t->url);
	curl_easy_setopt(t->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, request->method);
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
	if (strcmp(request->method, "GET") != 0) {
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, request->body ? request->body : "");
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->len);
	}
	curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
	curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, ANSWER_TIMEOUT_MS);
	curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, t->problem);
	curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(t->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(t->curl, CURLOPT_HEADERDATA, t);
}

static void tear_down(struct transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	free(t->url);
	free(t->body);
}

/* Did it come so far that the daemon may have carried the request out? */
static bool was_sent(CURLcode code)
{
	return code == CURLE_OPERATION_TIMEDOUT || code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR ||
	       code == CURLE_RECV_ERROR || code == CURLE_PARTIAL_FILE;
}

static int unreachable(const struct transfer *t, CURLcode code, const char *socket, struct shunt_err *err)
{
	const char *problem = t->problem[0] ? t->problem : curl_easy_strerror(code);
	long cause = 0;

	curl_easy_getinfo(t->curl, CURLINFO_OS_ERRNO, &cause);
	if (was_sent(code))
		return shunt_fail(err, EIO, socket,
				  "the daemon did not answer (%s); whether it carried the request out, `shunt status` "
				  "and `shunt export` tell",
				  problem);
	if (cause == EACCES || cause == EPERM)
		return shunt_fail(err, EACCES, socket,
				  "no permission to talk to the daemon; run as root or as a member of the socket's "
				  "group, or, to look only, of "
				  "that of the socket for reading (shuntd --read-group)");
	return shunt_fail(err, ENOENT, socket,
			  "no daemon answers here (%s); start it with \"systemctl start shuntd\" or \"shuntd --config "
			  "FILE\", or name its socket with -s",
			  cause ? strerror(cause) : problem);
}

static bool is_denied(const struct transfer *t)
{
	long cause = 0;

	curl_easy_getinfo(t->curl, CURLINFO_OS_ERRNO, &cause);
	return cause == EACCES || cause == EPERM;
}

/* By the socket for reading that is beside the daemon's other one. */
static bool perform_reading(struct transfer *t, const char *socket)
{
	char *path = socket_for_reading(socket);
	bool done;

	curl_easy_setopt(t->curl, CURLOPT_UNIX_SOCKET_PATH, path);
	done = curl_easy_perform(t->curl) == CURLE_OK;
	free(path);
	return done;
}

static int perform(struct cli *cli, struct transfer *t, const struct client_request *request, long *status,
		   struct shunt_err *err)
{
	CURLcode code = curl_easy_perform(t->curl);
	int ret = code == CURLE_OK ? 0 : unreachable(t, code, cli->socket, err);

	cli->read_only = false;
	if (ret && is_denied(t) && strcmp(request->method, "GET") == 0)
		cli->read_only = perform_reading(t, cli->socket);
	if (ret && !cli->read_only)
		return ret;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, status);
	memcpy(cli->etag, t->etag, sizeof(cli->etag));
	return 0;
}

/* A refusal has been said when it returns; that there is no answer is for the caller to say. */
static int call(struct cli *cli, const struct client_request *request, json_t **answer, struct shunt_err *err)
{
	struct transfer t = {0};
	long http_status = 0;
	int status = STATUS_OK;

	*answer = NULL;
	set_up(&t, cli->socket, request);
	if (perform(cli, &t, request, &http_status, err)) {
		tear_down(&t);
		return STATUS_UNREACHABLE;
	}
	*answer = json_loadb(t.body ? t.body : "", t.len, 0, NULL);
	if (!json_is_object(*answer)) {
		shunt_fail(err, EPROTO, cli->socket,
			   "answered HTTP %ld with what is not a JSON object: is it shuntd's socket?", http_status);
		status = STATUS_UNREACHABLE;
	} else if (http_status != 200) {
		output_problem(cli->out, *answer);
		status = STATUS_REFUSED;
	}
	if (status != STATUS_OK) {
		json_decref(*answer);
		*answer = NULL;
	}
	tear_down(&t);
	return status;
}

int client_call(struct cli *cli, const struct client_request *request, json_t **answer)
{
	struct shunt_err err = {0};
	int status = call(cli, request, answer, &err);

	if (status == STATUS_UNREACHABLE)
		output_error(cli->out, &err);
	return status;
}

int client_reach(struct cli *cli, const char *path, json_t **answer, struct shunt_err *err)
{
	struct client_request request = {.method = "GET", .path = path};

	return call(cli, &request, answer, err);
}

int client_get(struct cli *cli, const char *path, json_t **answer)
{
	struct client_request request = {.method = "GET", .path = path};

	return client_call(cli, &request, answer);
}

bool client_try_get(struct cli *cli, const char *path, json_t **answer)
{
	struct client_request request = {.method = "GET", .path = path};
	struct transfer t = {0};
	long http_status = 0;

	*answer = NULL;
	set_up(&t, cli->socket, &request);
	if (perform(cli, &t, &request, &http_status, NULL) == 0 && http_status == 200)
		*answer = json_loadb(t.body ? t.body : "", t.len, 0, NULL);
	tear_down(&t);
	return *answer != NULL;
}

struct stream {
	struct transfer t; /* its body: what has no end of line yet, or all of a refusal */
	bool (*on_line)(void *arg, const char *line);
	void *arg;
	bool ended; /* by on_line() */
};

static bool is_answered(const struct stream *s)
{
	long status = 0;

	curl_easy_getinfo(s->t.curl, CURLINFO_RESPONSE_CODE, &status);
	return status == 200;
}

static size_t on_stream(char *data, size_t size, size_t count, void *arg)
{
	struct stream *s = arg;
	char *line, *end;

	on_data(data, size, count, &s->t);
	if (!is_answered(s))
		return size * count;
	s->t.body[s->t.len] = '\0';
	for (line = s->t.body; !s->ended && (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		s->ended = *line && !s->on_line(s->arg, line);
	}
	s->t.len -= line - s->t.body;
	memmove(s->t.body, line, s->t.len);
	return s->ended ? 0 : size * count;
}

static int refused_stream(struct cli *cli, const struct stream *s, struct shunt_err *err)
{
	json_t *problem = json_loadb(s->t.body ? s->t.body : "", s->t.len, 0, NULL);

	if (json_is_object(problem))
		output_problem(cli->out, problem);
	else
		shunt_fail(err, EPROTO, cli->socket,
			   "answered with what is no stream of events: is it shuntd's socket?");
	json_decref(problem);
	return err->what[0] ? STATUS_UNREACHABLE : STATUS_REFUSED;
}

int client_stream(struct cli *cli, const char *path, bool (*on_line)(void *arg, const char *line), void *arg,
		  struct shunt_err *err)
{
	struct client_request request = {.method = "GET", .path = path};
	struct stream s = {.on_line = on_line, .arg = arg};
	int status = STATUS_OK;
	CURLcode code;

	*err = (struct shunt_err){0};
	set_up(&s.t, cli->socket, &request);
	curl_easy_setopt(s.t.curl, CURLOPT_TIMEOUT_MS, 0L);
	curl_easy_setopt(s.t.curl, CURLOPT_WRITEFUNCTION, on_stream);
	curl_easy_setopt(s.t.curl, CURLOPT_WRITEDATA, &s);
	code = curl_easy_perform(s.t.curl);
	if (!is_answered(&s)) {
		status = code == CURLE_OK ? refused_stream(cli, &s, err) : STATUS_UNREACHABLE;
		if (code != CURLE_OK)
			unreachable(&s.t, code, cli->socket, err);
	}
	tear_down(&s.t);
	return status;
}

char *client_path(const char *prefix, const char *text)
{
	char *escaped = curl_easy_escape(NULL, text, strlen(text));
	char *path = xasprintf("%s%s", prefix, escaped ? escaped : "");

	curl_free(escaped);
	return path;
}
