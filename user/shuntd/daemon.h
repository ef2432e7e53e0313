/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's one road: every change, from wherever, ends in daemon_commit() (a new configuration) or daemon_refresh() (the same
 * configuration in a changed world: health, next hops). main.c builds it up and tears it down; api.c is the only other caller.
 */
#ifndef SHUNT_DAEMON_H
#define SHUNT_DAEMON_H

#include <uv.h>

#include "attach.h"
#include "datapath.h"
#include "events.h"
#include "health.h"
#include "model.h"
#include "nexthop.h"
#include "traffic.h"

struct daemon {
	uv_loop_t *loop;
	const char *config_path; /* the YAML file */
	const char *state_path;
	struct config *config; /* in force */
	uint64_t file_hash;    /* of the YAML file, as last applied */
	json_t *files;	       /* and of those of services: an object, by name; see config_merge.h */
	json_t *refused; /* {"file", "where", "detail"}: what is not applied, since the last reload or the start; NULL: nothing */
	char *services_dir;		 /* where those files were looked for; NULL: nowhere */
	uint64_t started;		 /* Unix time */
	bool detached;			 /* and ending: nothing may change any more */
	struct config_interface *before; /* the interfaces of the state file, as loaded */
	size_t before_count;
	struct attach *attach;
	struct datapath *dp;
	struct nexthops *nexthops;
	struct health *health;
	struct events *events;
	struct traffic *traffic;
	struct model_cache *cache;
	struct model *model;	  /* what the maps say now: of config, in the same order */
	uv_timer_t refresh_timer; /* collects changes of the world of one moment into one refresh */
	uv_timer_t repair_timer;
	uv_timer_t step_timer; /* takes rings and connections on */
	uv_timer_t alive_timer;
	struct api *api;
};

/* Before the first commit: handles, timers, health and next hops. daemon_close() undoes what of it was done. */
int daemon_open(struct daemon *d, struct shunt_err *err);
void daemon_close(struct daemon *d);

/* Make next the configuration in force: state file prepared, interfaces attached, maps written, state committed. Takes next over on
 * success (0); on failure nothing has changed, *err says why, and next is still the caller's. */
int daemon_commit(struct daemon *d, struct config *next, struct shunt_err *err);
/* The same for what files say, of which these are the hashes. */
int daemon_commit_files(struct daemon *d, struct config *next, uint64_t file_hash, json_t *files,
			struct shunt_err *err);

/* ---- load.c */

struct reload_ask {
	bool all;   /* files that have not changed as well: what was changed by command is undone */
	bool force; /* services may go that have traffic */
};

/* Read config_path and the files of services again, and commit what has changed. *changed: whether anything differs from what was in
 * force. Negative with *err: nothing was applied. Otherwise some files may have been refused all the same: d->refused. */
int daemon_reload(struct daemon *d, const struct reload_ask *ask, bool *changed, struct shunt_err *err);

/* At start: the state file's configuration, or the file's where that has changed since it was last applied (or there is no state).
 * Sets d->file_hash, d->files, d->refused. NULL with *err. */
struct config *daemon_load(struct daemon *d, struct shunt_err *err);

/* ---- daemon.c */

/* Take the program off all interfaces, unpin everything, and end the loop. */
int daemon_detach(struct daemon *d, struct shunt_err *err);

/* The state of a backend of the configuration in force. */
enum backend_state daemon_backend_state(const struct daemon *d, const char *service,
					const struct config_backend *backend);

#endif
