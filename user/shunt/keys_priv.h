/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by keys*.c only: what KEY=VALUE words are made of. */
#ifndef SHUNT_KEYS_PRIV_H
#define SHUNT_KEYS_PRIV_H

#include <stddef.h>

#include <jansson.h>

#include "../lib/err.h"

/* A KEY=VALUE: what the value must look like, and the member it becomes. A setter fills *err->what only. */
struct key {
	const char *name;
	int (*set)(json_t *object, const struct key *key, const char *value, struct shunt_err *err);
	const char *member;
};

/* The setter of the key of this name; names what there are. */
int keys_by_name(json_t *object, const struct key *keys, size_t count, const char *name, const char *value,
		 struct shunt_err *err);

/* Both take value over. A member that is there is refused; a list gets one more. */
int keys_put(json_t *object, const char *member, json_t *value, struct shunt_err *err);
void keys_append(json_t *object, const char *member, json_t *value);

/* Setters. */
int keys_text(json_t *object, const struct key *key, const char *value, struct shunt_err *err);
int keys_more_text(json_t *object, const struct key *key, const char *value,
		   struct shunt_err *err); /* given again: another one */
int keys_duration(json_t *object, const struct key *key, const char *value, struct shunt_err *err);
int keys_none(json_t *object, const struct key *key, const char *value,
	      struct shunt_err *err); /* "none": there shall be no such member */

/* name: what is behind "on_demand.". */
int keys_set_demand(json_t *object, const char *name, const char *value, struct shunt_err *err);

#endif
