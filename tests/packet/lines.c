/* SPDX-License-Identifier: GPL-2.0 */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

#include "../../user/lib/xalloc.h"

bool lines_take(struct lines *lines, const char *word, const char *line)
{
	char *kept;

	if (strncmp(line, word, strlen(word)))
		return false;
	kept = xstrdup(line + strlen(word));
	kept[strcspn(kept, "\n")] = '\0';
	lines->line = xreallocarray(lines->line, lines->count + 1, sizeof(*lines->line));
	lines->line[lines->count++] = kept;
	return true;
}

void lines_drop(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->line[i]);
	free(lines->line);
	*lines = (struct lines){};
}
