/* SPDX-License-Identifier: GPL-2.0 */
/* What the XDP program tells the daemon: the reading end of event_ring (shunt/maps.h). */
#ifndef SHUNT_TOLD_H
#define SHUNT_TOLD_H

#include <uv.h>

#include "../lib/err.h"
#include "shunt/maps.h"

struct told;

/* heard() is called from the loop, once for each event. ring_fd stays the caller's, and must outlive the reader. */
int told_open(struct told **told, uv_loop_t *loop, int ring_fd,
	      void (*heard)(void *arg, const struct shunt_event *event), void *arg, struct shunt_err *err);
void told_close(struct told *told); /* closes its handle; run the loop once more before freeing it */

#endif
