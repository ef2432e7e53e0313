/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All services and pools that are on demand: one struct demand (demand.h) each, with the world around it: hooks, checks, packets, schedules, events, and what
 * of it is kept over a restart. What they come to is a change of the world: refresh(), as for health.
 */
#ifndef SHUNT_DEMANDS_H
#define SHUNT_DEMANDS_H

#include <jansson.h>

#include "../lib/config.h"
#include "model.h"
#include "shunt/maps.h"

struct daemon;
struct demands;

int demands_open(struct demands **demands, struct daemon *d, struct shunt_err *err);
void demands_close(struct demands *demands); /* NULL is fine; closes its handles */

/* Make them those of config, which is, or is about to be, the effective one. health's targets, which are config's, are looked at accordingly. */
void demands_sync(struct demands *demands, const struct config *config);

/* For model_inputs. */
enum demand_view demands_view(const struct demands *demands, const char *service, const struct config_demand *demand);

/* The program says that a ring has nobody for a packet that begins something. */
void demands_told(struct demands *demands, const struct shunt_event *event);

/* By hand. pool NULL: all that is on demand of the service. -ENOENT: there is nothing of that name; -EPERM: it is not on demand; -EBUSY: it had packets within its idle
 * time, and that is not forced. *changed: it was not so already. */
int demands_wake(struct daemon *d, const char *service, const char *pool, bool *changed, struct shunt_err *err);
int demands_sleep(struct daemon *d, const char *service, const char *pool, bool force, bool *changed,
		  struct shunt_err *err);

/* [{"pool", "state", "since", "reason", "quiet"}] of a service that has some; NULL: it has none. */
json_t *demands_json(const struct daemon *d, const char *service);

#endif
