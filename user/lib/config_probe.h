/* SPDX-License-Identifier: GPL-2.0 */
/* Between the files that read a health check. */
#ifndef SHUNT_CONFIG_PROBE_H
#define SHUNT_CONFIG_PROBE_H

#include "config_tree.h"

/* Read what only checks of check->type have. */
int config_parse_check_kind(const struct tree_place *at, struct config_check *check);

/* Read the member command: *command, which ends with NULL, is the caller's to free, error or not. NULL is fine for the other two. */
int config_parse_command(const struct tree_place *at, char ***command);
char **config_command_copy(char *const *command);
void config_command_free(char **command);

#endif
