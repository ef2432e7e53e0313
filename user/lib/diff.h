/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How two configurations differ, as a list of objects, in the order of the configuration:
 *
 *   {"change": "added", "path": PATH, "value": VALUE}          {"change": "removed", "path": PATH, "value": VALUE}
 *   {"change": "changed", "path": PATH, "from": VALUE, "to": VALUE}
 *   {"change": "reordered", "path": PATH}                       the same elements in another order
 *
 * Paths are those of errors: "services[web].backends[10.1.0.11].weight". "service" and "backend" name what an item is within.
 * An element of a list of texts is all in its path, so it has no value. Of the elements of such a list that came, or went, the first
 * DIFF_LIST_MAX are listed, and one item more says how many others did: {..., "path": the list's, "count": N}.
 */
#ifndef SHUNT_DIFF_H
#define SHUNT_DIFF_H

#include "config.h"

#define DIFF_LIST_MAX 100

/* A new list, empty if the two are the same. */
json_t *config_diff(const struct config *from, const struct config *to);
bool config_same(const struct config *a, const struct config *b);

/* An item as a line: "+ services[web].vips[192.0.2.10:81/tcp]", "~ services[web].udp: keep -> track". Values longer than this many
 * characters are cut. Owned by the caller. */
char *diff_line(const json_t *item, size_t value_max);

/* The whole list in one line: its first item, and how many there are besides. Owned by the caller. */
char *diff_summary(const json_t *diff);

#endif
