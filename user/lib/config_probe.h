/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files that read a health check. */
#ifndef SHUNT_CONFIG_PROBE_H
#define SHUNT_CONFIG_PROBE_H

#include "config_tree.h"

/* Read what only checks of check->type have. */
int config_parse_check_kind(const struct tree_place *at, struct config_check *check);

#endif
