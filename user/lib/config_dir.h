/* SPDX-License-Identifier: GPL-2.0 */
/* The main configuration file, and the files of services beside it, as they are read: trees and lines, nothing is judged yet. */
#ifndef SHUNT_CONFIG_DIR_H
#define SHUNT_CONFIG_DIR_H

#include "config.h"

struct config_file {
	char *name;    /* in the directory */
	char *path;    /* what errors call it */
	uint64_t hash; /* of its text, and that of its lists */
	json_t *tree;  /* NULL: it could not be read, and err says why */
	struct shunt_err err;
};

struct config_dir {
	struct config_file main;
	char *path;		   /* of the directory; NULL: there shall be none */
	bool named;		   /* the main file says which */
	int problem;		   /* 0, or the errno for which it could not be read: ENOENT, it is not there */
	struct config_file *files; /* by name */
	size_t count;
	struct config_source *source; /* of all */
};

typedef uint64_t config_hash_fn(const char *text, size_t len);

/* Read all of them, with the main file at path ("-": stdin, and no directory). hash: NULL, nobody wants to know. Negative with *err when the
 * main file cannot be read; -ENOENT: it, or one of its lists, is not there. To be released whatever is returned. */
int config_dir_read(struct config_dir *dir, const char *path, config_hash_fn *hash, struct shunt_err *err);
void config_dir_release(struct config_dir *dir);

/* The service of that name in a file's tree; NULL: it has none. */
json_t *config_file_service(const struct config_file *file, const char *name);

#endif
