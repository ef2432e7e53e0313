/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state file: the configuration in force, changes by command included, as JSON, replaced atomically. It also holds a hash of
 * the configuration file as last applied: at start the file wins only if it has changed since, else the state does.
 */
#ifndef SHUNT_STORE_H
#define SHUNT_STORE_H

#include "../lib/config.h"

struct store_state {
	struct config *config; /* NULL: that of revision, which the history has */
	uint64_t file_hash;    /* 0: no file was ever applied */
	uint64_t generation;
	uint64_t revision; /* the configuration's (history.h); 0: not known */
	json_t *files;	   /* hashes of files of services, by name; NULL: none was ever applied */
};

/* Make the state file this process's, for its life: nobody else's daemon may write it. Makes its directory (0700) if only that is
 * missing. Returns a file descriptor to keep open; -EBUSY: another daemon has it. */
int store_lock(const char *path, struct shunt_err *err);

/* 1: read; 0: there is none; negative with *err: damaged, and left alone. */
int store_load(const char *path, struct store_state *out, struct shunt_err *err);

/* In two steps, so that what can fail is done before the maps change: write and fsync PATH.new; then rename and fsync the directory.
 * A failure of either leaves the old state as it was, and no PATH.new. */
int store_prepare(const char *path, const struct store_state *state, struct shunt_err *err);
int store_commit(const char *path, struct shunt_err *err);
void store_abort(const char *path);

/* Make text the file at path, synced, or leave none; and make durable what was done to the directory that path is in. */
int store_write(const char *path, const char *text, struct shunt_err *err);
int store_sync_directory(const char *path);

uint64_t store_hash(const char *text, size_t len); /* never 0 */

#endif
