/* SPDX-License-Identifier: GPL-2.0 */
#include "told.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "../lib/xalloc.h"

struct told {
	struct ring_buffer *ring;
	uv_poll_t poll;
	void (*heard)(void *arg, const struct shunt_event *event);
	void *arg;
};

/* Another build's program may tell more of an event than this daemon knows, never less. */
static int read_event(void *ctx, void *data, size_t size)
{
	const struct told *told = ctx;

	if (size >= sizeof(struct shunt_event))
		told->heard(told->arg, data);
	return 0;
}

static void readable(uv_poll_t *poll, int status, int what)
{
	struct told *told = poll->data;

	(void)what;
	if (!status)
		ring_buffer__consume(told->ring);
}

int told_open(struct told **out, uv_loop_t *loop, int ring_fd,
	      void (*heard)(void *arg, const struct shunt_event *event), void *arg, struct shunt_err *err)
{
	struct told *told = xcalloc(1, sizeof(*told));
	int rc = 0;

	*out = NULL;
	told->heard = heard;
	told->arg = arg;
	told->ring = ring_buffer__new(ring_fd, read_event, told, NULL);
	if (!told->ring)
		rc = shunt_fail(err, errno, "event_ring", "cannot be mapped: %s", strerror(errno));
	if (!rc && uv_poll_init(loop, &told->poll, ring_buffer__epoll_fd(told->ring)))
		rc = shunt_fail(err, EIO, "event_ring", "cannot be watched");
	if (rc) {
		ring_buffer__free(told->ring);
		free(told);
		return rc;
	}
	told->poll.data = told;
	uv_poll_start(&told->poll, UV_READABLE, readable);
	*out = told;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct told *told = handle->data;

	ring_buffer__free(told->ring);
	free(told);
}

void told_close(struct told *told)
{
	uv_close((uv_handle_t *)&told->poll, closed);
}
