/* SPDX-License-Identifier: GPL-2.0 */
/* What the XDP program tells the daemon: the reading end of event_ring (shunt/maps.h). */
#ifndef SHUNT_EVENTS_H
#define SHUNT_EVENTS_H

#include <uv.h>

#include "../lib/err.h"
#include "shunt/maps.h"

struct events;

/* told() is called from the loop, once for each event. ring_fd stays the caller's, and must outlive the events. */
int events_open(struct events **events, uv_loop_t *loop, int ring_fd,
		void (*told)(void *arg, const struct shunt_event *event), void *arg, struct shunt_err *err);
void events_close(struct events *events); /* closes its handle; run the loop once more before freeing it */

#endif
