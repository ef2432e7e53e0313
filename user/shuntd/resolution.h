/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One resolution of a name to backends, by c-ares on the loop: its addresses, or those of its SRV records' targets.
 * It succeeds as a whole or fails as a whole, since backends that are missing because one of several answers was lost
 * would be taken out. Without any address it has failed: whoever takes all servers away mostly did not mean to, and
 * an authority that answers NXDOMAIN for a moment is a common fault. Each has a channel of its own, so a resolv.conf
 * that has changed is known by the next one.
 */
#ifndef SHUNT_RESOLUTION_H
#define SHUNT_RESOLUTION_H

#include <uv.h>

#include "../lib/config.h"

struct resolution;

/* error: why it failed, and then nothing else counts. backends, which may name an address twice, are good for ttl
 * seconds. */
typedef void resolution_done(void *arg, const char *error, const struct config_backend *backends, size_t count,
			     uint32_t ttl);

/* done() is called once, from the loop, unless it is cancelled before; the resolution is gone after that. config
 * names the resolvers. */
struct resolution *resolution_start(uv_loop_t *loop, const struct config *config, const struct config_discover *source,
				    resolution_done *done, void *arg);
void resolution_cancel(struct resolution *resolution);

#endif
