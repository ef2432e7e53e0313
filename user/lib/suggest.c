/* SPDX-License-Identifier: GPL-2.0 */
#include "suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define WORD_MAX 64

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Edits (a letter more, less or other, or two swapped) from a to b: optimal string alignment. SIZE_MAX for long words. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2], *recycled;

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		recycled = before;
		before = last;
		last = row;
		row = recycled;
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min(min(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min(row[j], before[j - 2] + 1);
		}
	}
	return row[b_len];
}

void suggest_offer(struct suggest *s, const char *candidate)
{
	size_t len = strlen(s->word);
	size_t near = len < 4 ? 1 : len < 8 ? 2 : 3;
	size_t distance = edit_distance(s->word, candidate);

	if (distance <= near && distance < len && (!s->best || distance < s->distance)) {
		s->best = candidate;
		s->distance = distance;
	}
}

const char *suggest_text(const struct suggest *s, char *buf)
{
	buf[0] = '\0';
	if (s->best)
		snprintf(buf, SUGGEST_TEXT, "; did you mean \"%s\"?", s->best);
	return buf;
}
