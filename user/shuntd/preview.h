/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of rings between two models, as JSON. Pure. */
#ifndef SHUNT_PREVIEW_H
#define SHUNT_PREVIEW_H

#include "model.h"

/*
 * The services whose rings, or ways to them, become different, in the order of after, then those that are gone: a new list of
 *
 *   {"name": NAME, "change": "added" | "removed" | "changed", "slots": N, "moved": N, "rehashed": BOOL,
 *    "backends": [{"address": ADDRESS, "pool": POOL, "from": SLOTS, "to": SLOTS}]}
 *
 * slots are those of the rings that both have (of an added or removed service, all), moved those of them that had a backend and have
 * another one then, or none. rehashed: packets of nearly every flow find another slot. backends are those whose number of slots changes.
 */
json_t *preview_services(const struct model *before, const struct model *after);

#endif
