/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who discovers, for the daemon: target files, names, registrations, and what of it outlives the daemon. What they
 * find takes the road that health and next hops take: another effective configuration in a changed world, which is no
 * commit, has no revision, and changes no ETag.
 *
 * Beside the state file is STATE.discovered, written a second after a change and not synced: at a start it says which
 * backends there were until sources answer for themselves, so that a restart while one of them is silent changes
 * nothing. Without it, a start waits for the sources.
 */
#ifndef SHUNT_DISCOVERERS_H
#define SHUNT_DISCOVERERS_H

#include "../lib/config.h"

struct daemon;
struct discoverers;

/* Makes d->discovery, too, as it was kept. */
struct discoverers *discoverers_open(struct daemon *d);
void discoverers_close(struct daemon *d);

/* d->config is another one: ask its sources. */
void discoverers_sync(struct daemon *d);

/* A heartbeat. Refused: -errno with *err, and nothing has changed. *changed: it did more than that it came. */
int discoverers_register(struct daemon *d, const char *service, const struct config_backend *backend, uint32_t ttl,
			 bool *changed, struct shunt_err *err);
/* *changed: it was registered. */
int discoverers_deregister(struct daemon *d, const char *service, const struct shunt_addr *addr, bool *changed,
			   struct shunt_err *err);

#endif
