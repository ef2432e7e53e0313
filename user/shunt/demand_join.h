/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A command names what is to be different in on_demand, a change has it whole. Pure.
 *
 * set: the members to replace, as keys_demand.c makes them; a null takes one away. A hook that is given a command or a URL is another hook; one
 * that is not, and its method, join what is there. present: what is in force, NULL or null if there is nothing.
 */
#ifndef SHUNT_DEMAND_JOIN_H
#define SHUNT_DEMAND_JOIN_H

#include <stdbool.h>

#include <jansson.h>

/* Of a service as a whole, or of one of its pools: the member on_demand of the service, null if nothing is left. Owned by the caller. */
json_t *demand_join(const json_t *present, const json_t *set);
json_t *demand_join_pool(const json_t *present, const char *pool, const json_t *set);

/* Do its pools sleep each on their own? */
bool demand_is_of_pools(const json_t *present);

#endif
