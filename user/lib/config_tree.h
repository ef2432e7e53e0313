/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reading a configuration's JSON tree: typed getters that refuse with place and mend. Nothing here knows what the
 * configuration means.
 *
 * A place is a chain on the stack, from the value in hand up to the root. It costs nothing until something is wrong; only
 * then is it worded, by names: "edge.yaml:14: services[web].backends[10.1.0.11].weight".
 */
#ifndef SHUNT_CONFIG_TREE_H
#define SHUNT_CONFIG_TREE_H

#include <stdarg.h>
#include <stdbool.h>

#include "config.h"

struct tree {
	const struct config_source *source; /* NULL: no file */
	struct shunt_err *err;
	size_t *service; /* NULL, or where to leave the index of the service that is at fault */
};

struct tree_place {
	const struct tree *tree;
	const struct tree_place *up; /* NULL: the root */
	const json_t *value;	     /* NULL: a member that is not there */
	const char *key;	     /* which member of up; NULL: an element */
	size_t index;		     /* which element of up */
};

struct tree_place tree_member(const struct tree_place *at, const char *key);
struct tree_place tree_element(const struct tree_place *at, size_t index);

/* Fill the error; -EINVAL. */
__attribute__((format(printf, 2, 3))) int tree_fail(const struct tree_place *at, const char *fmt, ...);
__attribute__((format(printf, 2, 0))) int tree_vfail(const struct tree_place *at, const char *fmt, va_list args);

/* Refuse the value, or its absence, at a place: "VALUE is not KIND; expected EXPECTED", "missing; expected KIND: EXPECTED". */
int tree_refuse(const struct tree_place *at, const char *kind, const char *expected);

/* All: 0, or -EINVAL with the error filled. keys and words end with NULL. */
int tree_object(const struct tree_place *at, const char *const *keys); /* an object with no other members than keys */

/* Members that may be absent: then *out stays as it is. Durations in milliseconds. */
int tree_u32(const struct tree_place *at, const char *key, uint32_t min, uint32_t max, uint32_t *out);
int tree_bool(const struct tree_place *at, const char *key, bool *out);
int tree_duration(const struct tree_place *at, const char *key, uint32_t min, uint32_t max, uint32_t *out);
int tree_word(const struct tree_place *at, const char *key, const char *const *words, unsigned int *out);

/* A list of at least min items; item() fills one of the new zeroed *items. What was read stays in *items, error or not. */
int tree_list(const struct tree_place *at, const char *key, size_t min, const char *expected, size_t size,
	      int (*item)(const struct tree_place *at, void *out), void *items, size_t *count);

/* "2s", "500ms": the largest unit that is exact. Returns buf. */
#define TREE_DURATION_TEXT 16
const char *tree_duration_format(uint32_t ms, char *buf);

#endif
