/* SPDX-License-Identifier: GPL-2.0 */
/* Between config_merge.c, which joins files, and config_parts.c, which takes each by itself. */
#ifndef SHUNT_CONFIG_MERGE_PRIV_H
#define SHUNT_CONFIG_MERGE_PRIV_H

#include "config_merge.h"

/* A file and its services: the main one, each in the directory, and each that is gone from there. */
struct part {
	const char *name;
	const struct config_file *file; /* NULL: gone */
	bool changed;			/* and not refused: services replace in_force */
	json_t *services, *in_force;	/* lists; owned */
	char hash[17];
};

#define PART_MAIN 0

struct merge {
	struct config_merge *m;
	struct shunt_err *err;
	json_t *root;	    /* all but the services */
	struct part *parts; /* the main one, then by name */
	size_t count;
	struct config_names *were; /* the services in force; NULL: there are none */
	json_t *composed;	   /* services of all parts as they would be */
	size_t *part_of;	   /* by service */
};

struct part *parts_find(struct merge *g, const char *name);
const char *parts_path(const struct merge *g, size_t part);

/* The part's services stay as they are in force, for this reason. */
void parts_refuse(struct merge *g, size_t part, const struct shunt_err *err);

/* Find out which parts there are and which have changed, and refuse those that are wrong by themselves. Negative with *g->err: the
 * main one is. */
int parts_take(struct merge *g);
void parts_release(struct merge *g);

#endif
