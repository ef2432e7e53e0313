/* SPDX-License-Identifier: GPL-2.0 */
/* How members that an edit sets join those that are there. Values are copied: later changes edit them. */
#ifndef SHUNT_EDIT_MERGE_H
#define SHUNT_EDIT_MERGE_H

#include <jansson.h>

/* Of a service or a backend. */
void edit_merge(json_t *object, const json_t *members);
void edit_merge_check(json_t *service, const json_t *members);

/* All of a service's pools: shares are replaced, so that who is not named has none any more; whether a pool is a backup, and its min_healthy, stay until
 * somebody speaks of them. present may be NULL. The caller's. */
json_t *edit_join_pools(const json_t *present, const json_t *set);
/* One pool, which need not be there; the others stay. A service without pools has the default one. */
void edit_merge_pool(json_t *service, const char *name, const json_t *set);
/* -ENOENT: the service does not name it. One without any is as one without pools. */
int edit_delete_pool(json_t *service, const char *name);

#endif
