/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A TCP probe: connect, then reset. The reset (a linger of zero) leaves no TIME_WAIT behind, so the number of checks is not
 * limited by ports that wait for nothing; a server sees a connection that ended before it was used.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/xalloc.h"
#include "health_probe.h"

struct probe_tcp {
	uv_poll_t poll;
	int fd;
	probe_done_fn *done;
	void *arg;
};

static void closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

void probe_tcp_cancel(struct probe_tcp *probe)
{
	uv_close((uv_handle_t *)&probe->poll, closed_cb);
	close(probe->fd);
}

static void result_of(struct probe_result *result, const char *call, int code)
{
	if (code)
		probe_result_set(result, probe_errno_verdict(code), "%s: %s", call, strerror(code));
	else
		probe_result_set(result, PROBE_PASS, "connected");
}

static void ready_cb(uv_poll_t *poll, int status, int events)
{
	struct probe_tcp *probe = poll->data;
	struct probe_result result;
	socklen_t len = sizeof(int);
	int code = 0;

	/* libuv reports a refused connection as an error of the poll: the socket knows the cause either way. */
	(void)events;
	if (getsockopt(probe->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		code = errno;
	if (!code && status < 0)
		code = -status;
	result_of(&result, "connect", code);
	probe_tcp_cancel(probe);
	probe->done(probe->arg, &result);
}

/* A socket on its way to the target, or -1 with *result. */
static int connect_start(const struct probe_target *target, struct probe_result *result)
{
	const struct linger reset = {.l_onoff = 1};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(target->addr, target->port, &ss);
	int fd = socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0) {
		result_of(result, "socket", errno);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (!connect(fd, (struct sockaddr *)&ss, len) || errno == EINPROGRESS)
		return fd;
	result_of(result, "connect", errno);
	close(fd);
	return -1;
}

struct probe_tcp *probe_tcp_start(uv_loop_t *loop, const struct probe_target *target, probe_done_fn *done, void *arg,
				  struct probe_result *result)
{
	struct probe_tcp *probe;
	int fd = connect_start(target, result);
	int ret;

	if (fd < 0)
		return NULL;
	probe = xcalloc(1, sizeof(*probe));
	probe->fd = fd;
	probe->done = done;
	probe->arg = arg;
	ret = uv_poll_init(loop, &probe->poll, fd);
	if (ret) {
		probe_result_set(result, PROBE_UNKNOWN, "poll: %s", uv_strerror(ret));
		close(fd);
		free(probe);
		return NULL;
	}
	probe->poll.data = probe;
	uv_poll_start(&probe->poll, UV_WRITABLE, ready_cb);
	return probe;
}
