/* SPDX-License-Identifier: GPL-2.0 */
/* Which word of a list is meant. Pure. */
#ifndef SHUNT_WORDS_H
#define SHUNT_WORDS_H

#include <stddef.h>

#include "../lib/err.h"

/* Its index, or -EINVAL with *err: unknown (the nearest one is suggested) or ambiguous (those that it may be are listed). An
 * unambiguous beginning will do. Words may repeat: the first of equal ones is meant. what: "command". */
int words_find(const char *word, const char *const *words, size_t count, const char *what, struct shunt_err *err);

/* Only the whole word will do. */
int words_find_exact(const char *word, const char *const *words, size_t count, const char *what, struct shunt_err *err);

#endif
