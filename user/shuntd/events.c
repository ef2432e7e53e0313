// SPDX-License-Identifier: GPL-2.0
#include "events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "../lib/xalloc.h"

struct events {
	struct ring_buffer *ring;
	uv_poll_t poll;
	void (*told)(void *arg, const struct shunt_event *event);
	void *arg;
};

/* Another build's program may tell more of an event than this daemon knows, never less. */
static int read_event(void *ctx, void *data, size_t size)
{
	const struct events *events = ctx;

	if (size >= sizeof(struct shunt_event))
		events->told(events->arg, data);
	return 0;
}

static void readable(uv_poll_t *poll, int status, int what)
{
	struct events *events = poll->data;

	(void)what;
	if (!status)
		ring_buffer__consume(events->ring);
}

int events_open(struct events **out, uv_loop_t *loop, int ring_fd,
		void (*told)(void *arg, const struct shunt_event *event), void *arg, struct shunt_err *err)
{
	struct events *events = xcalloc(1, sizeof(*events));
	int rc = 0;

	*out = NULL;
	events->told = told;
	events->arg = arg;
	events->ring = ring_buffer__new(ring_fd, read_event, events, NULL);
	if (!events->ring)
		rc = shunt_fail(err, errno, "event_ring", "cannot be mapped: %s", strerror(errno));
	if (!rc && uv_poll_init(loop, &events->poll, ring_buffer__epoll_fd(events->ring)))
		rc = shunt_fail(err, EIO, "event_ring", "cannot be watched");
	if (rc) {
		ring_buffer__free(events->ring);
		free(events);
		return rc;
	}
	events->poll.data = events;
	uv_poll_start(&events->poll, UV_READABLE, readable);
	*out = events;
	return 0;
}

static void closed(uv_handle_t *handle)
{
	struct events *events = handle->data;

	ring_buffer__free(events->ring);
	free(events);
}

void events_close(struct events *events)
{
	uv_close((uv_handle_t *)&events->poll, closed);
}
