/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's one road: every change, from wherever, ends in daemon_commit() (a new configuration) or daemon_refresh() (the same
 * configuration in a changed world: health, next hops, what was discovered). main.c builds it up and tears it down; api.c is the only other caller.
 */
#ifndef SHUNT_DAEMON_H
#define SHUNT_DAEMON_H

#include <uv.h>

#include "attach.h"
#include "datapath.h"
#include "demands.h"
#include "discoverers.h"
#include "health.h"
#include "history.h"
#include "model.h"
#include "nexthop.h"
#include "told.h"
#include "traffic.h"

struct daemon {
	uv_loop_t *loop;
	const char *config_path; /* the YAML file */
	const char *state_path;
	struct config *config;	  /* in force, as operators wrote it */
	struct config *effective; /* config and what was discovered: what maps, checks and next hops are made of */
	struct discovery *discovery;
	struct discoverers *discoverers;
	struct history *history;
	uint64_t file_hash; /* of the YAML file, as last applied */
	json_t *files;	    /* and of those of services: an object, by name; see config_merge.h */
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
	struct demands *demands; /* what sleeps while nobody needs it */
	struct via *via;	 /* checks through tunnels */
	struct told *told;
	struct traffic *traffic;
	struct model_cache *cache;
	struct model *model;	  /* what the maps say now: of effective, in the same order */
	uv_timer_t refresh_timer; /* collects changes of the world of one moment into one refresh */
	uv_timer_t slow_timer;	  /* takes slow starts on */
	uv_timer_t repair_timer;
	uv_timer_t step_timer; /* takes rings and connections on */
	uv_timer_t alive_timer;
	struct api *api, *read_api; /* read_api: the socket for reading, if there is one */
	char cause[96];		    /* of the change that is being made: "SIGHUP", "POST /v1/changes by uid 0" */
};

/* Who asks for the changes that follow. */
__attribute__((format(printf, 2, 3))) void daemon_set_cause(struct daemon *d, const char *fmt, ...);

/* Before the first commit: handles, timers, health and next hops. daemon_close() undoes what of it was done. */
int daemon_open(struct daemon *d, struct shunt_err *err);
void daemon_close(struct daemon *d);

/* Make next the configuration in force: revision and state file prepared, interfaces attached, maps written, state committed. Takes next
 * over on success (0); on failure nothing has changed, *err says why, and next is still the caller's. What says the same as the last
 * revision makes no other. */
int daemon_commit(struct daemon *d, struct config *next, const struct history_origin *origin, struct shunt_err *err);
/* The same for what files say, of which these are the hashes. */
int daemon_commit_files(struct daemon *d, struct config *next, uint64_t file_hash, json_t *files,
			const struct history_origin *origin, struct shunt_err *err);

/* What the maps would say if next were committed now; nothing changes. Backends that nobody checks yet count as up, and those that no
 * next hop is known of as reachable. NULL with *err: it would be refused, and says so in the same words. Not seen before the attempt
 * are a disk that is full, and an interface that does not take the program. */
struct model *daemon_preview(struct daemon *d, const struct config *next, struct shunt_err *err);

/* The way of checks through tunnels (daemon_via.c). config: in force; where none of its services wants it, it is taken down. */
int daemon_open_via(struct daemon *d, struct shunt_err *err);
void daemon_settle_via(struct daemon *d, const struct config *config);

/* Parts of a commit. Is it one that the daemon, and the maps that are there, can make at all? */
int daemon_check_possible(const struct daemon *d, const struct config *next, struct shunt_err *err);
/* How next differs from what is in force, or else from the last revision; NULL: there is none to compare with. Owned by the caller. */
json_t *daemon_differences(const struct daemon *d, const struct config *next, const struct history_origin *origin);
/* Prepare the revision that next is (history.h), if it differs from the last, as origin->diff says; *number is the one it has in any
 * case. */
int daemon_record(struct daemon *d, const struct config *next, const struct history_origin *origin, uint64_t *number,
		  struct shunt_err *err);

/* The configuration of an earlier revision as it can be committed now: limits and seed are those in force, which cannot change. NULL
 * with *err. */
struct config *daemon_revision(const struct daemon *d, uint64_t number, struct shunt_err *err);

/* What was discovered has changed: make effective, which is config with it, what the maps say. Takes it over on success; on failure
 * nothing has changed. */
int daemon_take_discovered(struct daemon *d, struct config *effective, struct shunt_err *err);

/* ---- load.c */

struct reload_ask {
	bool all;   /* files that have not changed as well: what was changed by command is undone */
	bool force; /* services may go that have traffic */
};

/* Read config_path and the files of services again, and commit what has changed. *changed: whether anything differs from what was in
 * force. Negative with *err: nothing was applied. Otherwise some files may have been refused all the same: d->refused. Both are told as
 * events. */
int daemon_reload(struct daemon *d, const struct reload_ask *ask, const struct history_origin *origin, bool *changed,
		  struct shunt_err *err);

/* At start: the state file's configuration, or the file's where that has changed since it was last applied (or there is no state).
 * Sets d->history, d->file_hash, d->files, d->refused. NULL with *err. In either case daemon_unload() ends it. */
struct config *daemon_load(struct daemon *d, struct shunt_err *err);
void daemon_unload(struct daemon *d);

/* ---- daemon.c */

/* Take the program off all interfaces, unpin everything, and end the loop. */
int daemon_detach(struct daemon *d, struct shunt_err *err);

/* Do what the XDP program's event asks for (daemon_told.c). arg: the daemon. */
void daemon_told(void *arg, const struct shunt_event *event);

/* The world has changed: the maps will say so in a moment. */
void daemon_refresh_soon(struct daemon *d);
/* Of the backends of config: who is checked, and how, and what of it is on demand. */
void daemon_sync(struct daemon *d, const struct config *config);

/* The maps say what model says, which is taken over; tell what is different (daemon_events.c). */
void daemon_take_model(struct daemon *d, struct model *model);
/* Another configuration is about to be in force: tell what is different. */
void daemon_tell_commit(const struct daemon *d, const json_t *diff);

/* The state of a backend, configured or discovered. */
enum backend_state daemon_backend_state(const struct daemon *d, const char *service,
					const struct config_backend *backend);

#endif
