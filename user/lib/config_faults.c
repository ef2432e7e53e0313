/* SPDX-License-Identifier: GPL-2.0 */
#include "config_faults.h"

#include <string.h>
#include <sys/stat.h>

#include "config_merge.h"
#include "xalloc.h"

#define FAULTS_MAX 20 /* of one file: more are mended by the same change, or read by nobody */

void config_add_fault(json_t *faults, const char *file, const struct shunt_err *err)
{
	json_t *fault = json_pack("{s:s, s:s}", "file", file, "detail", err->what);

	if (err->where[0])
		json_object_set_new(fault, "where", json_string(err->where));
	json_array_append_new(faults, fault);
}

bool config_find_faults(json_t *root, const struct config_source *source, const char *file, json_t *faults)
{
	json_t *rest = json_copy(json_object_get(root, "services"));
	bool readable = true;

	if (rest)
		json_object_set_new(root, "services", rest);
	for (int found = 0; readable && found < FAULTS_MAX; found++) {
		struct shunt_err err = {0};
		size_t service;
		struct config *config = config_from_json_blame(root, source, &service, &err);

		config_free(config);
		if (config)
			return true;
		config_add_fault(faults, file, &err);
		readable = service != SIZE_MAX;
		if (readable)
			json_array_remove(rest, service);
	}
	return false;
}

static char *main_path(const char *path)
{
	struct stat st;

	if (strcmp(path, "-") && !stat(path, &st) && S_ISDIR(st.st_mode))
		return xasprintf("%s%sshunt.yaml", path, path[strlen(path) - 1] == '/' ? "" : "/");
	return xstrdup(path);
}

struct config *config_verify(const char *path, json_t *faults, char **main)
{
	struct config_dir dir;
	struct config_merge m = {.dir = &dir};
	struct shunt_err err = {0};

	*main = main_path(path);
	if (config_dir_read(&dir, *main, NULL, &err)) {
		config_add_fault(faults, *main, &err);
	} else if (config_find_faults(dir.main.tree, dir.source, *main, faults)) {
		if (config_merge(&m, &err))
			config_add_fault(faults, *main, &err);
		json_array_extend(faults, m.refused);
	}
	json_decref(m.refused);
	json_decref(m.next_hashes);
	config_dir_release(&dir);
	return m.next;
}
