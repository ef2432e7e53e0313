/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by edit*.c only. */
#ifndef SHUNT_EDIT_PRIV_H
#define SHUNT_EDIT_PRIV_H

#include "config.h"

/* The tree of config after the first count changes; NULL with *err. */
json_t *edit_tree(const struct config *config, const json_t *changes, size_t count, struct shunt_err *err);

/* What config_edit() returns, made of the services that the changes name and copies of all others. NULL: it has to be made of the whole,
 * which also says what is wrong, if anything is. */
struct config *edit_part(const struct config *config, const json_t *changes);

#endif
