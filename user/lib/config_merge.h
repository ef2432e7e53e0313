/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The main file, the files of services beside it, and what is in force already, made into one configuration. Pure: what was read is in
 * config_dir.h.
 *
 * A file that has not changed since it was last applied is not looked at: its services stay as they are in force, with what was changed by
 * command. One that has changed replaces its own services and no others. One that cannot be applied is refused by itself: its services
 * stay, and the others go their way. So what a team writes has no effect on another's services, and its mistakes have none at all. The main
 * file is the exception: what all depends on is in it, and it is applied or nothing is.
 */
#ifndef SHUNT_CONFIG_MERGE_H
#define SHUNT_CONFIG_MERGE_H

#include "config_dir.h"

/* May this service go, which is in force and no longer in its file? 0, or a negative code with *err. */
typedef int config_may_go_fn(void *arg, const char *service, struct shunt_err *err);

struct config_merge {
	/* Asked. */
	const struct config_dir *dir;
	const struct config *present; /* in force; NULL: nothing is */
	uint64_t main_hash;	      /* of the main file as it was last applied */
	const json_t *hashes;	      /* of the others, by name, 16 digits each; NULL: none ever was */
	bool all;		      /* all count as changed */
	config_may_go_fn *may_go;     /* NULL: each may */
	void *arg;

	/* Answered. */
	struct config *next;
	bool main_changed;
	json_t *next_hashes; /* of what is in next; owned by the caller, as are the others */
	json_t *refused;     /* a list of {"file", "where", "detail"}: of files, not of the main one */
};

/* Negative with *err: the main file is refused, so nothing is applied, and nothing answered but refused, which is all that is known
 * to be wrong by then. */
int config_merge(struct config_merge *m, struct shunt_err *err);

#endif
