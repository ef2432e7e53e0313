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
	struct probe probe;
	uv_poll_t poll;
	int fd;
};

static void closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

static void tcp_cancel(struct probe *probe)
{
	struct probe_tcp *tcp = (struct probe_tcp *)probe;

	uv_close((uv_handle_t *)&tcp->poll, closed_cb);
	close(tcp->fd);
}

static void ready_cb(uv_poll_t *poll, int status, int events)
{
	struct probe_tcp *tcp = poll->data;
	struct probe_result result;
	socklen_t len = sizeof(int);
	int code = 0;

	/* libuv reports a refused connection as an error of the poll: the socket knows the cause either way. */
	(void)events;
	if (getsockopt(tcp->fd, SOL_SOCKET, SO_ERROR, &code, &len) < 0)
		code = errno;
	if (!code && status < 0)
		code = -status;
	if (code)
		probe_result_errno(&result, "connect", code);
	else
		probe_result_set(&result, PROBE_PASS, "connected");
	probe_finish(&tcp->probe, &result);
}

/* A socket on its way to the target, or -1 with *result. */
static int connect_start(const struct probe_target *target, struct probe_result *result)
{
	const struct linger reset = {.l_onoff = 1};
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&target->road.to, target->port, &ss);
	int fd = probe_socket(&target->road, SOCK_STREAM, 0);

	if (fd < 0) {
		probe_result_errno(result, "socket", -fd);
		return -1;
	}
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (!connect(fd, (struct sockaddr *)&ss, len) || errno == EINPROGRESS)
		return fd;
	probe_result_errno(result, "connect", errno);
	close(fd);
	return -1;
}

struct probe *probe_tcp_start(struct probers *probers, const struct probe_target *target,
			      const struct probe_caller *caller, struct probe_result *result)
{
	int fd = connect_start(target, result);
	struct probe_tcp *tcp;
	int ret;

	if (fd < 0)
		return NULL;
	tcp = xcalloc(1, sizeof(*tcp));
	tcp->probe = (struct probe){.cancel = tcp_cancel, .caller = *caller};
	tcp->fd = fd;
	ret = uv_poll_init(probers->loop, &tcp->poll, fd);
	if (ret) {
		probe_result_set(result, PROBE_UNKNOWN, "poll: %s", uv_strerror(ret));
		close(fd);
		free(tcp);
		return NULL;
	}
	tcp->poll.data = tcp;
	uv_poll_start(&tcp->poll, UV_WRITABLE, ready_cb);
	return &tcp->probe;
}
