/* SPDX-License-Identifier: GPL-2.0 */
/* Lines of the table, kept until the part of the runner that they are for runs them. */
#ifndef SHUNT_TESTS_LINES_H
#define SHUNT_TESTS_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct lines {
	char **line;
	size_t count;
};

/* Does line begin with word? Then what is behind it is kept, without the newline. */
bool lines_take(struct lines *lines, const char *word, const char *line);
void lines_drop(struct lines *lines);

#endif
