/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Backends that added themselves: each is there as long as its heartbeats come. Without one for its time to live it
 * is drained, without one for twice that it is removed; one that comes in between brings it back. Pure: the time, in
 * milliseconds of any clock that goes forward, is given. What there is of a service is a group of what was
 * discovered.
 */
#ifndef SHUNT_REGISTRATIONS_H
#define SHUNT_REGISTRATIONS_H

#include "discovery.h"

struct registrations;

struct registrations *registrations_new(struct discovery *discovery);
void registrations_free(struct registrations *registrations);

/* A heartbeat, the first one included; ttl in seconds. Does it change anything but the time? */
bool registrations_put(struct registrations *registrations, const char *service, const struct config_backend *backend,
		       uint32_t ttl, uint64_t now);
/* False: it was not there. */
bool registrations_delete(struct registrations *registrations, const char *service, const struct shunt_addr *addr);
/* Drain and remove those whose time is over. When to ask again; 0: nobody is there. *changed is set if there were
 * any. */
uint64_t registrations_expire(struct registrations *registrations, uint64_t now, bool *changed);
/* Forget those of services that take none any more. */
void registrations_prune(struct registrations *registrations, const struct config *config);

/* As they are kept over a restart; and again: each has its whole time to live from now on, since nobody listened
 * meanwhile. */
json_t *registrations_save(const struct registrations *registrations);
void registrations_load(struct registrations *registrations, const json_t *list, uint64_t now);

#endif
