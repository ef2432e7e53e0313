/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KEY=VALUE words of the command line into members of a JSON object, as the configuration spells them. Pure.
 *
 * Of a service: vip=, backend=ADDRESS[,KEY=VALUE...] (both more than once), encap=, encap.KEY=, ring_size=, echo=,
 * hash=INPUTS[,KEY=VALUE...], udp=, idle_timeout=, drain_timeout=, check=TYPE[:PORT][:/PATH] and check.KEY=. Of a backend:
 * weight=, state=, mac=, encap=, encap.KEY=. Of a pool: share=, backup=, min_healthy=. Of a service and a pool: on_demand=none and
 * on_demand.KEY=; of those a null is what shall not be there (demand_join.h).
 * Errors say what was expected; which argument it was is for the caller to add.
 */
#ifndef SHUNT_KEYS_H
#define SHUNT_KEYS_H

#include <jansson.h>

#include "../lib/err.h"

int keys_set_service(json_t *object, const char *pair, struct shunt_err *err);
int keys_set_backend(json_t *object, const char *pair, struct shunt_err *err);
int keys_set_pool(json_t *object, const char *pair, struct shunt_err *err);
int keys_check_address(const char *value, struct shunt_err *err);

#endif
