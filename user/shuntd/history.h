/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configurations that were in force, numbered: STATE.history/, a file for each revision, of two lines of JSON: what it is,
 * and the configuration, or where that is long and little of it changed, how it differs from the revision before. The last HISTORY_KEEP are kept, fewer if they are longer than HISTORY_BYTES together.
 */
#ifndef SHUNT_HISTORY_H
#define SHUNT_HISTORY_H

#include "../lib/config.h"

#define HISTORY_KEEP 100
#define HISTORY_BYTES (256ull << 20)
#define HISTORY_LONG 1000 /* services and backends together: from so many on a configuration is long */
#define HISTORY_CHAIN 64  /* revisions one after the other that say only what differs */

/* Who makes a revision, and how. */
struct history_origin {
	const char *by;	    /* "PUT /v1/config edge.yaml", "reload", "start" */
	int64_t uid, pid;   /* of the process that asked for it; -1: none did, or it is not known */
	const json_t *diff; /* from what is in force (user/lib/diff.h), if it has been worked out already; else NULL */
};

struct revision {
	uint64_t number; /* from 1 */
	uint64_t time;	 /* Unix time */
	char *by, *summary;
	int64_t uid, pid;
	uint64_t bytes; /* of its file */
	uint64_t
		base; /* the revision whose file has a whole configuration, which this one's says how to change: its own number, or an
			 * earlier one, with all those between */
};

struct history;

/* Reads what there is. in_force: the number that the state file names, 0: it names none. Files that are damaged, or cannot be read,
 * are named in a warning and left where they are: this never fails. */
struct history *history_open(const char *state_path, uint64_t in_force);
void history_close(struct history *history); /* NULL is fine */

/* The number of the configuration in force; 0: none has ever been. */
uint64_t history_number(const struct history *history);
/* Oldest first. Numbers may be missing. */
const struct revision *history_list(const struct history *history, size_t *count);
/* What was in force. NULL with *err: -ENOENT, there is no such revision; -EIO: its file is damaged. */
struct config *history_config(const struct history *history, uint64_t number, struct shunt_err *err);

/* In the two steps of the state file (store.h), around them: write and sync the revision after history_number(), whose number it
 * returns in any case; then either it is in force, or it is not and the file is gone. before: what history_number() is the revision of,
 * if that is at hand; else NULL. */
int history_prepare(struct history *history, const struct config *before, const struct config *config,
		    const struct history_origin *origin, const char *summary, uint64_t *number, struct shunt_err *err);
/* Is the revision on the disk, and only by what differs from others? Then who would write all of it elsewhere can leave it to the history. */
bool history_differs(const struct history *history, uint64_t number);
void history_commit(struct history *history);
void history_abort(struct history *history);

#endif
