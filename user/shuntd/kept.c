/* SPDX-License-Identifier: GPL-2.0 */
#include "kept.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"

json_t *kept_load(const char *path, int format, const char *meaning)
{
	json_error_t bad;
	json_t *root = json_load_file(path, 0, &bad);

	if (root && json_integer_value(json_object_get(root, "format")) == format)
		return root;
	if (access(path, F_OK) == 0)
		log_warning("%s: cannot be used: %s; %s", path, root ? "it is of another format" : bad.text, meaning);
	json_decref(root);
	return NULL;
}

void kept_save(const char *path, json_t *root, const char *meaning)
{
	char *next = xasprintf("%s.new", path), *text = json_dumps(root, JSON_INDENT(1));
	FILE *file = fopen(next, "we");
	bool written = file && text && fputs(text, file) >= 0;

	if (file && fclose(file))
		written = false;
	if (!written || rename(next, path))
		log_warning("%s: cannot be written: %s; %s", path, strerror(errno), meaning);
	free(text);
	free(next);
	json_decref(root);
}
