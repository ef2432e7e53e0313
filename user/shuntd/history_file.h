/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One revision's file, of two lines: what is to be known of the revision, and its configuration, or how that differs from the revision before.
 * The first has the length and a hash of the second, so that a start can tell what is damaged without parsing a hundred
 * configurations.
 */
#ifndef SHUNT_HISTORY_FILE_H
#define SHUNT_HISTORY_FILE_H

#include "history.h"

struct history_file {
	char *text;
	const char *config;
	size_t config_len;
	json_t *head;
};

/* -EIO with *err: it cannot be read, or is damaged. To be released in any case. */
int history_file_read(const char *path, struct history_file *file, struct shunt_err *err);
void history_file_release(struct history_file *file);

/* What the first line of revision number says; *out's texts are the caller's. Its bytes are not said. */
int history_file_head(const struct history_file *file, uint64_t number, const char *path, struct revision *out,
		      struct shunt_err *err);

/* Both lines, the caller's. tree: the second. NULL: out of memory. */
char *history_file_text(const struct revision *revision, json_t *tree);

#endif
