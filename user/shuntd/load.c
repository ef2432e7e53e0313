// SPDX-License-Identifier: GPL-2.0
/* What the daemon forwards by: the configuration file, the state file, and which of them counts, at a start and at a reload. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/config_files.h"
#include "../lib/edit.h"
#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "../lib/yaml.h"
#include "daemon.h"
#include "store.h"
#include "shunt/hash.h"

/* What the file's lists say is a part of it: a list that has changed is a file that has. */
static void add_to_hash(void *hash, const char *text, size_t len)
{
	*(uint64_t *)hash = shunt_mix64(*(uint64_t *)hash + store_hash(text, len));
}

/* The file as it is now, lists included, with its hash. */
static struct config *load_file(const char *path, uint64_t *hash, struct shunt_err *err)
{
	struct config_source *source = NULL;
	struct config *config = NULL;
	struct stat st;
	char *text;
	size_t len;
	json_t *tree;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a FIFO would block the daemon for ever */
		shunt_fail(err, EINVAL, path, "is not a regular file");
		return NULL;
	}
	text = yaml_read(path, &len, err);
	if (!text)
		return NULL;
	*hash = store_hash(text, len);
	tree = yaml_load(text, len, path, &source, err);
	if (tree && config_read_lists(tree, source, add_to_hash, hash, err) >= 0)
		config = config_from_json(tree, source, err);
	json_decref(tree);
	config_source_free(source);
	free(text);
	return config;
}

struct config *daemon_load(struct daemon *d, struct shunt_err *err)
{
	struct store_state state = {0};
	struct config *config;
	uint64_t hash;
	int rc = store_load(d->state_path, &state, err);

	if (rc < 0)
		return NULL;
	if (rc) {
		d->before_count = state.config->interface_count;
		d->before = xcalloc(d->before_count, sizeof(*d->before));
		memcpy(d->before, state.config->interfaces, d->before_count * sizeof(*d->before));
	}
	if (rc && access(d->config_path, F_OK)) {
		log_warning("%s is not there: going on from the state in %s", d->config_path, d->state_path);
		d->file_hash = state.file_hash;
		return state.config;
	}
	config = load_file(d->config_path, &hash, err);
	if (!config && rc && err->code == ENOENT) { /* a list: the state has what it said */
		log_warning("%s: going on from the state in %s", shunt_err_text(err), d->state_path);
		d->file_hash = state.file_hash;
		return state.config;
	}
	d->file_hash = hash;
	if (!config || !rc) {
		config_free(state.config);
		return config;
	}
	if (hash == state.file_hash) {
		log_info("%s has not changed: going on from the state in %s", d->config_path, d->state_path);
		config_free(config);
		return state.config;
	}
	log_info("%s has changed since it was last applied: applying it", d->config_path);
	config_carry_admin(config, state.config);
	config_free(state.config);
	return config;
}

static bool same_config(const struct config *a, const struct config *b)
{
	json_t *left = config_to_json(a), *right = config_to_json(b);
	bool same = json_equal(left, right);

	json_decref(left);
	json_decref(right);
	return same;
}

int daemon_reload(struct daemon *d, bool *changed, struct shunt_err *err)
{
	struct config *next;
	uint64_t hash;
	int rc;

	*changed = false;
	next = load_file(d->config_path, &hash, err);
	if (!next)
		return -EINVAL;
	config_carry_admin(next, d->config);
	*changed = !same_config(next, d->config);
	if (!*changed && hash == d->file_hash) {
		config_free(next);
		return 0;
	}
	rc = daemon_commit_file(d, next, hash, err);
	if (rc) {
		config_free(next);
		*changed = false;
	} else {
		log_info("%s read: %s", d->config_path, *changed ? "applied" : "nothing changed");
	}
	return rc;
}
