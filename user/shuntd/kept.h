/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a daemon keeps for the next one in a file of its own beside the state file: a JSON object with a "format". Replaced whole, but not
 * synced, since the next one can do without: what cannot be read or written is a warning, which names the file and says what it means.
 */
#ifndef SHUNT_KEPT_H
#define SHUNT_KEPT_H

#include <jansson.h>

/* NULL: there is no file, or none that can be used. */
json_t *kept_load(const char *path, int format, const char *meaning);

/* Takes root over. */
void kept_save(const char *path, json_t *root, const char *meaning);

#endif
