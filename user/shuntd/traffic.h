/* SPDX-License-Identifier: GPL-2.0 */
/* Which services had packets within the last minute, so that none is deleted by mistake while clients use it. */
#ifndef SHUNT_TRAFFIC_H
#define SHUNT_TRAFFIC_H

#include <uv.h>

#include "../lib/config.h"

struct daemon;
struct traffic;

/* Looks at the counters from now on. */
int traffic_open(struct traffic **traffic, struct daemon *d, struct shunt_err *err);
void traffic_close(struct traffic *traffic); /* NULL is fine */

/* Read the counters, for what follows. */
int traffic_read(const struct daemon *d, struct shunt_err *err);
/* 0: nothing is known to use the service, or -EBUSY with *err, which says how many packets it had and how to delete it all the same. */
int traffic_may_go(const struct daemon *d, const char *service, struct shunt_err *err);

/* The same for all services in force that next has not. With warnings (a list): -EBUSY is not an error, but a text there. */
int traffic_may_commit(const struct daemon *d, const struct config *next, json_t *warnings, struct shunt_err *err);

#endif
