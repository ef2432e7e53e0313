/* SPDX-License-Identifier: GPL-2.0 */
/* All that is wrong with configuration files, not only what is found first: a list of {"file", "where", "detail"}. */
#ifndef SHUNT_CONFIG_FAULTS_H
#define SHUNT_CONFIG_FAULTS_H

#include "config.h"

void config_add_fault(json_t *faults, const char *file, const struct shunt_err *err);

/* What is wrong with the root by itself: of each service that is refused the first fault. These are not in root any more. false: it is wrong
 * for another reason, and no service can be read because of it. */
bool config_find_faults(json_t *root, const struct config_source *source, const char *file, json_t *faults);

/* The main file, or shunt.yaml in a directory, and the files of services beside it, as a daemon without a state would take them. NULL: it would
 * not take the main file. With faults, some files are not in what is returned. *main: the main file's path, owned by the caller. */
struct config *config_verify(const char *path, json_t *faults, char **main);

#endif
