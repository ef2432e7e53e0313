// SPDX-License-Identifier: GPL-2.0
/* What the daemon forwards by: the configuration files, the state file, and which of them counts, at a start and at a reload. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/config_dir.h"
#include "../lib/config_merge.h"
#include "../lib/diff.h"
#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "daemon.h"
#include "events.h"
#include "store.h"

static int read_files(struct daemon *d, struct config_dir *dir, struct shunt_err *err)
{
	struct stat st;
	int rc;

	*dir = (struct config_dir){0};
	if (stat(d->config_path, &st) == 0 && !S_ISREG(st.st_mode)) /* a FIFO would block the daemon for ever */
		return shunt_fail(err, EINVAL, d->config_path, "is not a regular file");
	rc = config_dir_read(dir, d->config_path, store_hash, err);
	free(d->services_dir);
	d->services_dir = dir->path ? xstrdup(dir->path) : NULL;
	return rc;
}

/* What is not applied: of a merge, which takes refused over, or with *err anything, because of the main file. */
static void set_refused(struct daemon *d, json_t *refused, const struct shunt_err *err)
{
	const json_t *fault;
	size_t i;

	if (err)
		json_array_append_new(refused, json_pack("{s:s, s:s, s:s*}", "file", d->config_path, "detail",
							 err->what, "where", err->where[0] ? err->where : NULL));
	json_decref(d->refused);
	d->refused = refused;
	json_array_foreach (refused, i, fault) {
		const char *where = json_string_value(json_object_get(fault, "where"));

		events_say(JOURNAL_CONFIG, LOG_LEVEL_ERROR, "not applied: %s%s%s", where ? where : "",
			   where ? ": " : "", json_string_value(json_object_get(fault, "detail")));
	}
}

static void take_interfaces(struct daemon *d, const struct config *config)
{
	d->before_count = config->interface_count;
	d->before = xcalloc(d->before_count, sizeof(*d->before));
	memcpy(d->before, config->interfaces, d->before_count * sizeof(*d->before));
}

/* The state, whatever the files say. */
static struct config *go_on(struct daemon *d, struct store_state *state)
{
	d->file_hash = state->file_hash;
	d->files = state->files ? state->files : json_object();
	return state->config;
}

/* At a start nobody is there to force anything, nor is it known what has traffic: services that are in no file any more go. */
static struct config *merge_at_start(struct daemon *d, const struct config_dir *dir, struct store_state *state,
				     struct shunt_err *err)
{
	struct config_merge m = {
		.dir = dir, .present = state->config, .main_hash = state->file_hash, .hashes = state->files};
	int rc = config_merge(&m, err);
	bool had_files = json_object_size(state->files) > 0;

	if (!rc && state->config && m.main_changed)
		log_info("%s has changed since it was last applied: applying it", d->config_path);
	else if (!rc && state->config &&
		 (had_files ? json_equal(m.next_hashes, state->files) : !json_object_size(m.next_hashes)))
		log_info("%s has not changed: going on from the state in %s", d->config_path, d->state_path);
	else if (!rc && state->config)
		log_info("files of services have changed since they were last applied: applying them");
	config_free(state->config);
	json_decref(state->files);
	d->file_hash = dir->main.hash;
	d->files = m.next_hashes;
	set_refused(d, m.refused, NULL);
	return m.next;
}

/* What the state file leaves to the history. */
static int find_state(struct daemon *d, struct store_state *state, struct shunt_err *err)
{
	struct shunt_err why = {0};

	state->config = history_config(d->history, state->revision, &why);
	if (state->config)
		return 0;
	json_decref(state->files);
	return shunt_fail(
		err, EINVAL, d->state_path,
		"the configuration in force is that of revision %llu of its history: %s; put that back, or move "
		"it away to start from the configuration file; forwarding goes on meanwhile",
		(unsigned long long)state->revision, shunt_err_text(&why));
}

struct config *daemon_load(struct daemon *d, struct shunt_err *err)
{
	struct store_state state = {0};
	struct config *config = NULL;
	struct config_dir dir;
	int rc = store_load(d->state_path, &state, err);

	if (rc < 0)
		return NULL;
	d->history = history_open(d->state_path, state.revision);
	if (rc && !state.config && find_state(d, &state, err))
		return NULL;
	if (rc)
		take_interfaces(d, state.config);
	if (rc && access(d->config_path, F_OK)) {
		log_warning("%s is not there: going on from the state in %s", d->config_path, d->state_path);
		return go_on(d, &state);
	}
	if (!read_files(d, &dir, err)) {
		config = merge_at_start(d, &dir, &state, err);
	} else if (rc && err->code == ENOENT) { /* a list: the state has what it said */
		log_warning("%s: going on from the state in %s", shunt_err_text(err), d->state_path);
		config = go_on(d, &state);
	} else {
		config_free(state.config);
		json_decref(state.files);
	}
	config_dir_release(&dir);
	return config;
}

void daemon_unload(struct daemon *d)
{
	free(d->before);
	free(d->services_dir);
	json_decref(d->files);
	json_decref(d->refused);
	history_close(d->history);
}

static bool has_files(const struct daemon *d, const struct config_dir *dir)
{
	return dir->count || json_object_size(d->files);
}

static int may_go(void *arg, const char *service, struct shunt_err *err)
{
	return traffic_may_go(arg, service, err);
}

static int commit_merged(struct daemon *d, const struct config_merge *m, const struct history_origin *origin,
			 bool *changed, struct shunt_err *err)
{
	uint64_t hash = m->main_changed ? m->dir->main.hash : d->file_hash;
	int rc;

	config_adopt(m->next, d->config);
	*changed = !config_same(m->next, d->config);
	if (!*changed && hash == d->file_hash && json_equal(m->next_hashes, d->files)) {
		config_free(m->next);
		return 0;
	}
	rc = daemon_commit_files(d, m->next, hash, m->next_hashes, origin, err);
	if (rc) {
		config_free(m->next);
		*changed = false;
	} else {
		log_info("%s read: %s", d->config_path, *changed ? "applied" : "nothing changed");
	}
	return rc;
}

/* Where there is no other file, nobody else's services can suffer from a reload: the main file counts as changed. */
static int reload(struct daemon *d, const struct config_dir *dir, const struct reload_ask *ask,
		  const struct history_origin *origin, bool *changed, struct shunt_err *err)
{
	struct config_merge m = {.dir = dir,
				 .present = d->config,
				 .main_hash = d->file_hash,
				 .hashes = d->files,
				 .all = ask->all || !has_files(d, dir),
				 .may_go = ask->force ? NULL : may_go,
				 .arg = d};
	int rc = ask->force ? 0 : traffic_read(d, err);

	if (!rc)
		rc = config_merge(&m, err);
	if (!rc)
		rc = commit_merged(d, &m, origin, changed, err);
	set_refused(d, m.refused ? m.refused : json_array(), rc ? err : NULL);
	json_decref(m.next_hashes);
	return rc;
}

int daemon_reload(struct daemon *d, const struct reload_ask *ask, const struct history_origin *origin, bool *changed,
		  struct shunt_err *err)
{
	struct config_dir dir;
	int rc = read_files(d, &dir, err);

	*changed = false;
	if (rc)
		set_refused(d, json_array(), err);
	else
		rc = reload(d, &dir, ask, origin, changed, err);
	config_dir_release(&dir);
	return rc;
}
