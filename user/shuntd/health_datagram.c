/* SPDX-License-Identifier: GPL-2.0 */
#include "health_datagram.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/xalloc.h"

/* What is behind it is not judged. */
#define ANSWER_MAX 2048

struct probe_datagram {
	struct probe probe;
	uv_poll_t poll;
	int fd;
	bool (*judge)(const uint8_t *kept, size_t kept_len, const uint8_t *answer, size_t len,
		      struct probe_result *result);
	size_t kept_len;
	uint8_t kept[];
};

static void closed_cb(uv_handle_t *handle)
{
	free(handle->data);
}

static void datagram_cancel(struct probe *probe)
{
	struct probe_datagram *datagram = (struct probe_datagram *)probe;

	uv_close((uv_handle_t *)&datagram->poll, closed_cb);
	close(datagram->fd);
}

static void readable_cb(uv_poll_t *poll, int status, int events)
{
	struct probe_datagram *datagram = poll->data;
	uint8_t answer[ANSWER_MAX];
	struct probe_result result;
	ssize_t len;

	/* An error of the poll is the socket's, and recv() tells it. */
	(void)status, (void)events;
	for (;;) {
		len = recv(datagram->fd, answer, sizeof(answer), 0);
		if (len < 0)
			break;
		if (!datagram->judge(datagram->kept, datagram->kept_len, answer, len, &result))
			continue;
		probe_finish(&datagram->probe, &result);
		return;
	}
	if (errno == EAGAIN || errno == EINTR)
		return;
	if (errno == ECONNREFUSED)
		probe_result_set(&result, PROBE_FAIL, "port unreachable");
	else
		probe_result_errno(&result, "receive", errno);
	probe_finish(&datagram->probe, &result);
}

/* A socket from which the question has gone, or -1 with *result. */
static int ask(const struct probe_target *target, const struct datagram_talk *talk, struct probe_result *result)
{
	struct sockaddr_storage ss;
	socklen_t len = addr_to_sockaddr(&target->road.to, target->port, &ss);
	int fd = probe_socket(&target->road, SOCK_DGRAM, 0);

	if (fd < 0) {
		probe_result_errno(result, "socket", -fd);
		return -1;
	}
	if (connect(fd, (struct sockaddr *)&ss, len) < 0)
		probe_result_errno(result, "connect", errno);
	else if (send(fd, talk->send, talk->send_len, 0) < 0)
		probe_result_errno(result, "send", errno);
	else
		return fd;
	close(fd);
	return -1;
}

struct probe *datagram_start(struct probers *probers, const struct probe_target *target,
			     const struct probe_caller *caller, const struct datagram_talk *talk,
			     struct probe_result *result)
{
	int fd = ask(target, talk, result);
	struct probe_datagram *datagram;
	int ret;

	if (fd < 0)
		return NULL;
	datagram = xcalloc(1, sizeof(*datagram) + talk->keep_len);
	datagram->probe = (struct probe){.cancel = datagram_cancel, .caller = *caller};
	datagram->fd = fd;
	datagram->judge = talk->judge;
	datagram->kept_len = talk->keep_len;
	memcpy(datagram->kept, talk->keep, talk->keep_len);
	ret = uv_poll_init(probers->loop, &datagram->poll, fd);
	if (ret) {
		probe_result_set(result, PROBE_UNKNOWN, "poll: %s", uv_strerror(ret));
		close(fd);
		free(datagram);
		return NULL;
	}
	datagram->poll.data = datagram;
	uv_poll_start(&datagram->poll, UV_READABLE, readable_cb);
	return &datagram->probe;
}
