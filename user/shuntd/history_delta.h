/* SPDX-License-Identifier: GPL-2.0 */
/* How a configuration differs from the one before, as a tree that makes the one's tree of the other's. */
#ifndef SHUNT_HISTORY_DELTA_H
#define SHUNT_HISTORY_DELTA_H

#include "../lib/config.h"

/* NULL: too much differs, or their order does. */
json_t *delta_make(const struct config *before, const struct config *next);
/* tree: before's; afterwards next's. -EINVAL: they do not go together. */
int delta_apply(json_t **tree, const json_t *delta);

#endif
