/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Command-line words into changes (user/lib/edit.h). Pure: no I/O, no daemon.
 *
 *   service add NAME KEY=VALUE...         service set NAME KEY=VALUE...         service delete NAME...
 *   backend add SERVICE ADDRESS KEY=VALUE...   backend set SERVICE ADDRESS KEY=VALUE...
 *   backend delete|drain|undrain SERVICE ADDRESS...
 *
 * Several, separated by a lone "+", are one list. What a value looks like is checked here, where the argument can be named;
 * ranges and what fits together are the daemon's to judge.
 */
#ifndef SHUNT_ARGS_H
#define SHUNT_ARGS_H

#include <jansson.h>

#include "../lib/err.h"

/* noun and verb of the first change, argv what follows them. A JSON array, or NULL with *err: where is the argument. */
json_t *args_changes(const char *noun, const char *verb, int argc, char **argv, struct shunt_err *err);

/* What a change does, in words: "service web added". Owned by the caller. */
char *args_describe(const json_t *change);

#endif
