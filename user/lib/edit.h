/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Edits of a configuration: what `shunt service add` and the API's POST /v1/changes ask for.
 *
 * A change is a JSON object {"op": OP, ...}:
 *   service.add    {"service": {a whole service as in the configuration}}
 *   service.set    {"service": NAME, "set": {members of the service to replace; "check" is merged, not replaced}}
 *   service.delete {"service": NAME}
 *   pool.set       {"service": NAME, "pool": NAME, "set": {members to replace}}
 *   pool.delete    {"service": NAME, "pool": NAME}
 *   backend.add    {"service": NAME, "backend": {a whole backend}}
 *   backend.set    {"service": NAME, "address": ADDRESS, "set": {members to replace}}
 *   backend.delete {"service": NAME, "address": ADDRESS}
 * "pools" of service.set replace shares, but a backup stays one, and a min_healthy what it is, until somebody speaks of them.
 * An "encap" that is a mapping without a type is merged into the one that is there.
 * A list of them is one transaction: all or none. `backend drain` is backend.set with {"state": "drain"}.
 */
#ifndef SHUNT_EDIT_H
#define SHUNT_EDIT_H

#include "config.h"

/* The configuration that config would be after changes (a JSON array); config is untouched. NULL with *err:
 * where is "changes[N]" and what is at fault in it. -ENOENT-like causes read "no service \"web\"", with the nearest name. */
struct config *config_edit(const struct config *config, const json_t *changes, struct shunt_err *err);

/* What an operator set by command outlives a reload of a file that does not speak of it: for each backend of next whose
 * state is unset, take the state that the same backend of the same service has in present. */
void config_carry_admin(struct config *next, const struct config *present);

#endif
