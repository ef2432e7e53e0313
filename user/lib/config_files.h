/* SPDX-License-Identifier: GPL-2.0 */
/* Configuration files and the files that they name. */
#ifndef SHUNT_CONFIG_FILES_H
#define SHUNT_CONFIG_FILES_H

#include "config.h"

/* Told the text of each file that is read. */
typedef void config_file_seen(void *arg, const char *text, size_t len);

/* How a file is read: who is told, and which lists it may name. */
struct config_reading {
	config_file_seen *seen; /* NULL: nobody */
	void *arg;
	bool confined; /* lists only below its own directory: it may be of somebody who has less rights than the reader */
};

/*
 * Put what files hold in the place of the {file: PATH} in a tree's lists of prefixes: what comes out needs no file any more.
 * source is the tree's, whose name is the path that relative ones start from; it learns where the prefixes stand. how may be NULL.
 * How many files were read, or a negative code with *err; -ENOENT: one is not there.
 */
int config_read_lists(json_t *tree, struct config_source *source, const struct config_reading *how,
		      struct shunt_err *err);

/* The whole tree of a configuration file ("-": stdin), owned by the caller, as is *source; NULL with *err. Told of are its own text,
 * then that of each list. */
json_t *config_read_file(const char *path, const struct config_reading *how, struct config_source **source,
			 struct shunt_err *err);

#endif
