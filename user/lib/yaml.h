/* SPDX-License-Identifier: GPL-2.0 */
/* YAML (1.1 core, one document) into a JSON tree, with lines; and a JSON tree as YAML. */
#ifndef SHUNT_YAML_H
#define SHUNT_YAML_H

#include "config.h"

/* Parse text; name is what errors call the file. On success returns the tree (owned by the caller) and, in *source, where its
 * values stand (config_source_free()). NULL with *err ("FILE:LINE") for bad syntax, duplicate keys, anchors, tags, more than one
 * document, nesting deeper than 32. Plain scalars become integers, booleans (true, false), null or strings; quoted ones strings. */
json_t *yaml_load(const char *text, size_t len, const char *name, struct config_source **source, struct shunt_err *err);

/* A file's text ("-": stdin), owned by the caller (free()). */
char *yaml_read(const char *path, size_t *len, struct shunt_err *err);

/* Both: the tree of a file. */
json_t *yaml_load_file(const char *path, struct config_source **source, struct shunt_err *err);

const char *config_source_name(const struct config_source *source);
/* Line (from 1) of a value, or for key != NULL of that key in the object value; 0: not known. */
int config_source_line(const struct config_source *source, const json_t *value, const char *key);
/* The file that a value, or that key in it, stands in. */
const char *config_source_file(const struct config_source *source, const json_t *value, const char *key);
void config_source_free(struct config_source *source);

/* For what takes the place of one of the tree's values: value stands in line of file. What it replaced must be kept, since values
 * are told apart by their addresses. file is to live as long as source: config_source_keep_name() makes it. */
const char *config_source_keep_name(struct config_source *source, const char *file);
void config_source_add(struct config_source *source, const json_t *value, const char *file, int line);
void config_source_keep(struct config_source *source, json_t *replaced);

/* All that other knows, which is freed, source knows as well. */
void config_source_merge(struct config_source *source, struct config_source *other);

/* The tree as YAML text that yaml_load() reads back to an equal tree. Owned by the caller (free()). */
char *yaml_dump(const json_t *tree);

#endif
