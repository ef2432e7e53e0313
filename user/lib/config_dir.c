/* SPDX-License-Identifier: GPL-2.0 */
#include "config_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "config_files.h"
#include "xalloc.h"
#include "yaml.h"
#include "shunt/hash.h"

/* Of a file and its lists: the first alone, so that one without lists has the hash of its text. */
struct hashing {
	config_hash_fn *hash;
	uint64_t value;
	bool begun;
};

static void add_text(void *arg, const char *text, size_t len)
{
	struct hashing *h = arg;

	if (!h->hash)
		return;
	h->value = h->begun ? shunt_mix64(h->value + h->hash(text, len)) : h->hash(text, len);
	h->begun = true;
}

static int read_file(struct config_file *file, bool confined, config_hash_fn *hash, struct config_source **source)
{
	struct hashing hashing = {.hash = hash};
	const struct config_reading how = {.seen = add_text, .arg = &hashing, .confined = confined};

	file->tree = config_read_file(file->path, &how, source, &file->err);
	file->hash = hashing.value;
	return file->tree ? 0 : -(file->err.code ? file->err.code : EINVAL);
}

/* Beside the main file, unless that says where. */
static void find_directory(struct config_dir *dir)
{
	const json_t *said = json_object_get(dir->main.tree, "services_dir");
	const char *path = json_is_string(said) ? json_string_value(said) : CONFIG_SERVICES_DIR;
	const char *slash = strrchr(dir->main.path, '/');

	dir->named = json_is_string(said);
	if (json_is_false(said) || !strcmp(dir->main.path, "-"))
		return;
	dir->path = slash && path[0] != '/'
			    ? xasprintf("%.*s%s", (int)(slash + 1 - dir->main.path), dir->main.path, path)
			    : xstrdup(path);
}

/* Not those that editors leave, which are hidden or end otherwise. */
static int is_service_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > 5 && !strcmp(entry->d_name + len - 5, ".yaml");
}

static int compare_entries(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* The name goes into JSON, and so do errors about it: what is not UTF-8 is '?' from here on. false: some was not. */
static bool tidy_name(char *name)
{
	json_t *text = json_string(name);
	bool is_text = text != NULL;

	json_decref(text);
	for (; !is_text && *name; name++)
		*name = *name & 0x80 ? '?' : *name;
	return is_text;
}

static void read_service_file(struct config_dir *dir, struct config_file *file, config_hash_fn *hash)
{
	struct config_source *source = NULL;
	struct stat st;

	if (!tidy_name(file->name)) {
		tidy_name(file->path);
		shunt_fail(&file->err, EINVAL, file->path, "a name that is not UTF-8; expected one such as web.yaml");
	} else if (strlen(file->name) >= CONFIG_FILE_MAX) {
		shunt_fail(&file->err, ENAMETOOLONG, file->path,
			   "a name that is too long; expected at most %d characters", CONFIG_FILE_MAX - 1);
	} else if (stat(file->path, &st)) {
		shunt_fail(&file->err, errno, file->path, "cannot be read: %s", strerror(errno));
	} else if (!S_ISREG(st.st_mode)) { /* a FIFO would block for ever */
		shunt_fail(&file->err, EINVAL, file->path, "is not a regular file");
	} else if (!read_file(file, true, hash, &source)) {
		config_source_merge(dir->source, source);
	}
}

static void read_directory(struct config_dir *dir, config_hash_fn *hash)
{
	struct dirent **entries;
	int count = scandir(dir->path, &entries, is_service_file, compare_entries);

	if (count < 0) {
		dir->problem = errno;
		return;
	}
	dir->files = xcalloc(count + 1, sizeof(*dir->files));
	for (int i = 0; i < count; i++) {
		struct config_file *file = &dir->files[dir->count++];

		file->name = xstrdup(entries[i]->d_name);
		file->path = xasprintf("%s/%s", dir->path, file->name);
		read_service_file(dir, file, hash);
		free(entries[i]);
	}
	free(entries);
}

int config_dir_read(struct config_dir *dir, const char *path, config_hash_fn *hash, struct shunt_err *err)
{
	int rc;

	*dir = (struct config_dir){.main.path = xstrdup(path)};
	rc = read_file(&dir->main, false, hash, &dir->source);
	if (rc) {
		if (err)
			*err = dir->main.err;
		return rc;
	}
	find_directory(dir);
	if (dir->path)
		read_directory(dir, hash);
	return 0;
}

static void release_file(struct config_file *file)
{
	json_decref(file->tree);
	free(file->name);
	free(file->path);
}

void config_dir_release(struct config_dir *dir)
{
	for (size_t i = 0; i < dir->count; i++)
		release_file(&dir->files[i]);
	release_file(&dir->main);
	config_source_free(dir->source);
	free(dir->files);
	free(dir->path);
}

json_t *config_file_service(const struct config_file *file, const char *name)
{
	json_t *service;
	size_t i;

	json_array_foreach (json_object_get(file->tree, "services"), i, service) {
		const char *other = json_string_value(json_object_get(service, "name"));

		if (other && !strcmp(other, name))
			return service;
	}
	return NULL;
}
