/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP and HTTPS probes: one libcurl multi handle, whose sockets and single timer live on the loop. Each probe is a
 * connection of its own to a literal address, so no resolver, proxy or pooled connection can answer in a backend's stead.
 *
 * libcurl calls back into socket_cb() and timer_cb() whenever it likes, but never into done(): results are collected after
 * libcurl has returned (collect()), where starting and cancelling probes is allowed again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "../lib/xalloc.h"
#include "health_probe.h"

/* A longer body is not read to its end: the status has been seen, and a download is no health check. */
#define BODY_MAX 65536
#define CA_CACHE_SECONDS 60L
#define USER_AGENT "shunt/" SHUNT_VERSION " health-check"

struct probe_http_pool {
	uv_loop_t *loop;
	uv_timer_t timer;
	CURLM *multi;
	bool cancelling; /* what libcurl closes now has not come to its end */
};

struct probe_http {
	struct probe probe;
	struct probe_http_pool *pool;
	struct probe_road road;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	uint16_t expect_min, expect_max;
	bool cut;	 /* the body was longer than BODY_MAX */
	size_t body;	 /* bytes of it so far */
	int socket_code; /* errno of a socket() that failed */
	char error[CURL_ERROR_SIZE];
};

struct http_socket {
	uv_poll_t poll;
	struct probe_http_pool *pool;
	curl_socket_t fd;
};

/* ---- libcurl on the loop ---- */

static void result_of(struct probe_http *probe, CURLcode code, struct probe_result *result)
{
	long status = 0, code_os = 0;

	curl_easy_getinfo(probe->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &code_os);
	if (probe->socket_code)
		probe_result_set(result, probe_errno_verdict(probe->socket_code), "socket: %s",
				 strerror(probe->socket_code));
	else if (code == CURLE_COULDNT_CONNECT && code_os)
		probe_result_set(result, probe_errno_verdict(code_os), "connect: %s", strerror(code_os));
	else if (code == CURLE_SSL_CACERT_BADFILE)
		probe_result_set(result, PROBE_UNKNOWN, "the file of trusted certificates (ca) cannot be read");
	else if (code == CURLE_OUT_OF_MEMORY)
		probe_result_set(result, PROBE_UNKNOWN, "%s", curl_easy_strerror(code));
	else if (code != CURLE_OK && !(code == CURLE_WRITE_ERROR && probe->cut))
		probe_result_set(result, PROBE_FAIL, "%s", probe->error[0] ? probe->error : curl_easy_strerror(code));
	else if (status < probe->expect_min || status > probe->expect_max)
		probe_result_set(result, PROBE_FAIL, "HTTP %ld, expected %u to %u", status, probe->expect_min,
				 probe->expect_max);
	else
		probe_result_set(result, PROBE_PASS, "HTTP %ld", status);
}

static void collect(struct probe_http_pool *pool)
{
	struct probe_result result;
	struct probe_http *probe;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(pool->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&probe);
		result_of(probe, msg->data.result, &result);
		probe_finish(&probe->probe, &result);
	}
}

static void ready_cb(uv_poll_t *poll, int status, int events)
{
	struct http_socket *sock = poll->data;
	struct probe_http_pool *pool = sock->pool;
	int what = 0, running;

	/* After an error of the poll what stays 0, and libcurl looks at the socket itself: there may be something left to read. */
	(void)status;
	if (events & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	curl_multi_socket_action(pool->multi, sock->fd, what, &running);
	collect(pool);
}

static void socket_closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

static int socket_cb(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct probe_http_pool *pool = arg;
	struct http_socket *sock = socket_arg;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (sock)
			uv_close((uv_handle_t *)&sock->poll, socket_closed_cb);
		curl_multi_assign(pool->multi, fd, NULL);
		return 0;
	}
	if (!sock) {
		sock = xcalloc(1, sizeof(*sock));
		sock->pool = pool;
		sock->fd = fd;
		if (uv_poll_init(pool->loop, &sock->poll, fd)) {
			free(sock);
			return -1;
		}
		sock->poll.data = sock;
		curl_multi_assign(pool->multi, fd, sock);
	}
	uv_poll_start(&sock->poll, (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0),
		      ready_cb);
	return 0;
}

static void timeout_cb(uv_timer_t *timer)
{
	struct probe_http_pool *pool = timer->data;
	int running;

	curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(pool);
}

static int timer_cb(CURLM *multi, long timeout_ms, void *arg)
{
	struct probe_http_pool *pool = arg;

	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&pool->timer);
	else /* not 0: a timer that libuv runs in the same turn of the loop again could starve the sockets */
		uv_timer_start(&pool->timer, timeout_cb, timeout_ms ? timeout_ms : 1, 0);
	return 0;
}

/* ---- one probe ---- */

static size_t body_cb(char *data, size_t size, size_t count, void *arg)
{
	struct probe_http *probe = arg;

	(void)data;
	probe->body += size * count;
	probe->cut = probe->body > BODY_MAX;
	return probe->cut ? 0 : size * count;
}

static curl_socket_t open_socket_cb(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct probe_http *probe = arg;
	int fd = probe_socket(&probe->road, address->socktype, address->protocol);

	(void)purpose;
	if (fd >= 0)
		return fd;
	probe->socket_code = -fd;
	return CURL_SOCKET_BAD;
}

/* Whoever is given up on is told once: an end that waits for its acknowledgement would be repeated for minutes, by another road where
 * that of the check has gone meanwhile. */
static int close_socket_cb(void *arg, curl_socket_t fd)
{
	const struct probe_http_pool *pool = arg;
	const struct linger reset = {.l_onoff = 1};

	if (pool->cancelling)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return close(fd);
}

/*
 * With a host, the URL names it (so Host and SNI carry it as it was written) and the connection is directed to the target;
 * without one the URL is the target's literal address.
 */
static bool set_url(struct probe_http *probe, const struct probe_target *target)
{
	const struct config_check *check = target->check;
	const char *scheme = check->type == CONFIG_CHECK_HTTPS ? "https" : "http";
	bool is_v6 = target->road.to.family == SHUNT_FAMILY_IPV6;
	char text[SHUNT_ADDR_TEXT], *authority, *url, *direct;
	bool bad;

	authority = xasprintf(is_v6 ? "[%s]:%u" : "%s:%u", addr_format(&target->road.to, text), target->port);
	url = xasprintf("%s://%s%s", scheme, check->host ? check->host : authority, check->path ? check->path : "/");
	direct = xasprintf("::%s", authority);
	probe->connect_to = curl_slist_append(NULL, direct);
	bad = !probe->connect_to || curl_easy_setopt(probe->easy, CURLOPT_URL, url) ||
	      curl_easy_setopt(probe->easy, CURLOPT_CONNECT_TO, probe->connect_to);
	free(direct);
	free(url);
	free(authority);
	return !bad;
}

/* Those of `ca` alone, or the system's. They are read anew at most once a minute: to do it for each check would cost more than the rest. */
static bool set_trust(CURL *easy, const struct config_check *check)
{
	const long verify = check->verify;
	bool bad = curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, verify) != CURLE_OK;

	bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, verify ? 2L : 0L) != CURLE_OK;
	if (!check->ca)
		return !bad;
	bad |= curl_easy_setopt(easy, CURLOPT_CAINFO, check->ca) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_SECONDS) != CURLE_OK;
	return !bad;
}

/* A hook's URL is used as it is, whatever address its host has. Who is asked to start something need not be told more than the URL says. */
static bool set_hook(CURL *easy, const struct probe_target *target)
{
	bool bad = curl_easy_setopt(easy, CURLOPT_URL, target->url) != CURLE_OK;

	if (strcmp(target->method, "GET") != 0 && strcmp(target->method, "DELETE") != 0)
		bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "") != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, target->method) != CURLE_OK;
	/* A resolver that hangs must not hold who cancels the request. */
	bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
	return !bad;
}

static bool set_check(struct probe_http *probe, const struct probe_target *target)
{
	CURL *easy = probe->easy;

	return set_url(probe, target) && !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket_cb) &&
	       !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, probe) &&
	       !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket_cb) &&
	       !curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, probe->pool);
}

static bool set_options(struct probe_http *probe, const struct probe_target *target)
{
	static const struct {
		CURLoption option;
		long value;
	} fixed[] = {
		{CURLOPT_NOSIGNAL, 1},	    {CURLOPT_FOLLOWLOCATION, 0}, {CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_FRESH_CONNECT, 1}, {CURLOPT_FORBID_REUSE, 1},	 {CURLOPT_PATH_AS_IS, 1},
	};
	CURL *easy = probe->easy;
	bool bad = !set_trust(easy, target->check);

	/* Said aloud, so that a server closes first and holds the TIME_WAIT. */
	probe->headers = curl_slist_append(NULL, "Connection: close");
	if (!probe->headers || !(target->url ? set_hook(easy, target) : set_check(probe, target)))
		return false;
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		bad |= curl_easy_setopt(easy, fixed[i].option, fixed[i].value) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_HTTPHEADER, probe->headers) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_cb) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, probe) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, probe->error) != CURLE_OK;
	bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, probe) != CURLE_OK;
	return !bad;
}

static void probe_free(struct probe_http *probe)
{
	curl_easy_cleanup(probe->easy);
	curl_slist_free_all(probe->headers);
	curl_slist_free_all(probe->connect_to);
	free(probe);
}

static void http_cancel(struct probe *probe)
{
	struct probe_http *http = (struct probe_http *)probe;

	http->pool->cancelling = true;
	curl_multi_remove_handle(http->pool->multi, http->easy);
	http->pool->cancelling = false;
	probe_free(http);
}

struct probe *probe_http_start(struct probers *probers, const struct probe_target *target,
			       const struct probe_caller *caller, struct probe_result *result)
{
	struct probe_http *http = xcalloc(1, sizeof(*http));

	http->probe = (struct probe){.cancel = http_cancel, .caller = *caller};
	http->pool = probers->http;
	http->road = target->road;
	http->expect_min = target->check->expect_min;
	http->expect_max = target->check->expect_max;
	http->easy = curl_easy_init();
	if (http->easy && set_options(http, target) && !curl_multi_add_handle(http->pool->multi, http->easy))
		return &http->probe;
	probe_result_set(result, PROBE_UNKNOWN, "libcurl cannot set up a request (out of memory?)");
	probe_free(http);
	return NULL;
}

/* ---- the pool ---- */

int probe_http_open(struct probe_http_pool **out, uv_loop_t *loop, struct shunt_err *err)
{
	struct probe_http_pool *pool;
	CURLM *multi;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return shunt_fail(err, EIO, "libcurl", "cannot be initialised");
	multi = curl_multi_init();
	if (!multi) {
		curl_global_cleanup();
		return shunt_fail(err, ENOMEM, "libcurl", "no multi handle");
	}
	pool = xcalloc(1, sizeof(*pool));
	pool->loop = loop;
	pool->multi = multi;
	uv_timer_init(loop, &pool->timer);
	pool->timer.data = pool;
	curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, socket_cb);
	curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, pool);
	curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, timer_cb);
	curl_multi_setopt(multi, CURLMOPT_TIMERDATA, pool);
	*out = pool;
	return 0;
}

/* The multi handle outlives the call: it may have been made inside done(), that is, inside collect(). */
static void pool_closed_cb(uv_handle_t *handle)
{
	struct probe_http_pool *pool = handle->data;

	curl_multi_cleanup(pool->multi);
	curl_global_cleanup();
	free(pool);
}

void probe_http_close(struct probe_http_pool *pool)
{
	uv_close((uv_handle_t *)&pool->timer, pool_closed_cb);
}
