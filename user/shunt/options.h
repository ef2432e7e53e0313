/* SPDX-License-Identifier: GPL-2.0 */
/* What the commands with --options share, around getopt_long(). */
#ifndef SHUNT_OPTIONS_H
#define SHUNT_OPTIONS_H

#include <stddef.h>

#include "../lib/err.h"

/* argv with a name before it, as getopt_long() wants it, and free to be reordered; free() it. Also makes getopt start anew and
 * keep quiet: it has parsed main()'s own options before. */
char **options_vector(const char *name, int argc, char **argv);

/* Append optarg to a list that holds at most max words. */
int options_push(const char **list, size_t *count, size_t max, const char *option, struct shunt_err *err);

#define OPTIONS_PUSH(list, count, option, err) \
	options_push(list, &(count), sizeof(list) / sizeof((list)[0]), option, err)

#endif
