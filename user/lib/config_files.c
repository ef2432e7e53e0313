/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Lists of prefixes in files of their own: one prefix or address a line, "#" begins a comment.
 *
 * A list's file belongs to the configuration file, not to the configuration: who reads the one reads the other, and from then on
 * there are only prefixes, in memory, in the state file and in the API. So nothing that outlives the reading depends on a file that
 * may be gone, and the API's users cannot have the daemon read files for them. What the prefixes are worth is for
 * config_from_json() to say, which names file and line all the same.
 */
#include "config_files.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_tree.h"
#include "xalloc.h"
#include "yaml.h"

struct reader {
	struct tree tree;
	struct config_source *source;
	struct config_reading how;
	int files;
};

/* Relative to the file that names it. */
static char *path_from(const char *from, const char *path)
{
	const char *slash = strrchr(from, '/');

	if (slash && path[0] != '/')
		return xasprintf("%.*s%s", (int)(slash + 1 - from), from, path);
	return strcmp(path, "-") ? xstrdup(path) : xstrdup("./-"); /* never stdin */
}

static int refuse_file(const struct tree_place *at, const char *path, int code, const char *why)
{
	tree_fail(at, "%s cannot be read: %s", path, why);
	if (at->tree->err)
		at->tree->err->code = code; /* who has a state can do without a file that is not there */
	return -code;
}

static int read_text(const struct tree_place *at, const char *path, char **text, size_t *len)
{
	struct shunt_err err = {0};
	struct stat st;

	if (stat(path, &st))
		return refuse_file(at, path, errno, strerror(errno));
	if (!S_ISREG(st.st_mode)) /* a FIFO would block for ever */
		return refuse_file(at, path, EINVAL, "it is not a regular file");
	*text = yaml_read(path, len, &err);
	return *text ? 0 : refuse_file(at, path, err.code, strerror(err.code));
}

/* An error quotes the line that is wrong: whoever may write a file of services shall not have other files read out to them. */
static bool is_confined(const char *path)
{
	return path[0] != '/' && strncmp(path, "../", 3) != 0 && !strstr(path, "/../");
}

/* What of a line is neither comment nor blank; may be empty. */
static const char *trim(const char *line, size_t *len)
{
	const char *comment = memchr(line, '#', *len);

	if (comment)
		*len = comment - line;
	for (; *len && isspace((unsigned char)*line); line++)
		--*len;
	while (*len && isspace((unsigned char)line[*len - 1]))
		--*len;
	return line;
}

static int add_lines(struct reader *r, json_t *list, const char *path, const char *text, size_t len)
{
	const char *file = config_source_keep_name(r->source, path), *end = text + len;
	int line = 1;

	for (const char *next; text < end; text = next, line++) {
		const char *newline = memchr(text, '\n', end - text), *word;
		size_t word_len = (newline ? newline : end) - text;
		json_t *item;

		next = newline ? newline + 1 : end;
		word = trim(text, &word_len);
		if (!word_len)
			continue;
		item = memchr(word, '\0', word_len) ? NULL : json_stringn(word, word_len);
		if (!item) {
			char *where = xasprintf("%s:%d", path, line);

			shunt_fail(r->tree.err, EINVAL, where, "not UTF-8 text; expected a prefix such as 10.8.0.0/16");
			free(where);
			return -EINVAL;
		}
		json_array_append_new(list, item);
		config_source_add(r->source, item, file, line);
	}
	return 0;
}

static int read_list(struct reader *r, const struct tree_place *at, json_t *list)
{
	static const char *const keys[] = {"file", NULL};
	struct tree_place place = tree_member(at, "file");
	const char *name = json_string_value(place.value);
	char *path, *text = NULL;
	size_t len;
	int rc;

	if (tree_object(at, keys))
		return -EINVAL;
	if (!name || !*name)
		return tree_refuse(&place, "a file", "its path, relative to this file's directory or from /");
	if (r->how.confined && !is_confined(name))
		return tree_fail(&place,
				 "\"%s\" is not for a file of the directory of services; expected a path that begins "
				 "there, without \"..\"",
				 name);
	path = path_from(config_source_name(r->source), name);
	rc = read_text(&place, path, &text, &len);
	if (!rc)
		rc = add_lines(r, list, path, text, len);
	if (!rc && r->how.seen)
		r->how.seen(r->how.arg, text, len);
	r->files++;
	free(text);
	free(path);
	return rc;
}

static int expand(struct reader *r, const struct tree_place *at)
{
	json_t *before = (json_t *)at->value, *after;
	bool has_files = false;
	json_t *item;
	size_t i;
	int rc = 0;

	json_array_foreach (before, i, item)
		has_files = has_files || json_is_object(item);
	if (!has_files)
		return 0;
	after = json_array();
	json_array_foreach (before, i, item) {
		struct tree_place element = tree_element(at, i);

		if (!json_is_object(item)) {
			json_array_append(after, item);
			continue;
		}
		rc = read_list(r, &element, after);
		if (rc)
			break;
		config_source_keep(r->source, item);
	}
	if (!rc) {
		json_array_clear(before);
		json_array_extend(before, after);
	}
	json_decref(after);
	return rc;
}

static int expand_service(struct reader *r, const struct tree_place *service)
{
	static const char *const keys[] = {"allow", "deny"};
	struct tree_place sources = tree_member(service, "sources"), pools = tree_member(&sources, "pools"), list;
	const char *pool;
	json_t *value;
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(keys) / sizeof(keys[0]); i++) {
		list = tree_member(&sources, keys[i]);
		rc = expand(r, &list);
	}
	json_object_foreach ((json_t *)pools.value, pool, value) {
		list = tree_member(&pools, pool);
		rc = rc ? rc : expand(r, &list);
	}
	return rc;
}

/* What services of a group have where they do not say. */
static int expand_groups(struct reader *r, const struct tree_place *root)
{
	struct tree_place groups = tree_member(root, "groups");
	const char *name;
	json_t *value;
	int rc = 0;

	json_object_foreach ((json_t *)groups.value, name, value) {
		struct tree_place group = tree_member(&groups, name), defaults = tree_member(&group, "defaults");

		rc = rc ? rc : expand_service(r, &defaults);
	}
	return rc;
}

int config_read_lists(json_t *json, struct config_source *source, const struct config_reading *how,
		      struct shunt_err *err)
{
	struct reader r = {.tree = {.source = source, .err = err}, .source = source};
	const struct tree_place root = {.tree = &r.tree, .value = json};
	struct tree_place services = tree_member(&root, "services");
	int rc;

	if (how)
		r.how = *how;
	rc = expand_groups(&r, &root);

	for (size_t i = 0; !rc && i < json_array_size(services.value); i++) {
		struct tree_place service = tree_element(&services, i);

		rc = expand_service(&r, &service);
	}
	return rc ? rc : r.files;
}

json_t *config_read_file(const char *path, const struct config_reading *how, struct config_source **source,
			 struct shunt_err *err)
{
	size_t len;
	char *text = yaml_read(path, &len, err);
	json_t *tree = text ? yaml_load(text, len, strcmp(path, "-") ? path : "stdin", source, err) : NULL;
	int rc = 0;

	if (tree && how && how->seen)
		how->seen(how->arg, text, len);
	free(text);
	if (tree)
		rc = config_read_lists(tree, *source, how, err);
	if (!tree || rc >= 0)
		return tree;
	json_decref(tree);
	config_source_free(*source);
	*source = NULL;
	return NULL;
}
