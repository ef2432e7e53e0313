/* SPDX-License-Identifier: GPL-2.0 */
#include "table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"

#define COLUMNS_MAX 16

struct table {
	size_t columns;
	bool right[COLUMNS_MAX];
	char **cells; /* the headings first */
	size_t count;
};

static void add(struct table *t, char *text)
{
	t->cells = xreallocarray(t->cells, t->count + 1, sizeof(*t->cells));
	t->cells[t->count++] = text;
}

struct table *table_new(const char *headings)
{
	struct table *t = xcalloc(1, sizeof(*t));
	char *copy = xstrdup(headings), *rest = copy, *heading;

	while (t->columns < COLUMNS_MAX && (heading = strsep(&rest, "|"))) {
		t->right[t->columns++] = heading[0] == '>';
		add(t, xstrdup(heading + (heading[0] == '>')));
	}
	free(copy);
	return t;
}

void table_cell(struct table *t, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	add(t, text);
}

static void print_row(const struct table *t, size_t first, const int *widths)
{
	for (size_t c = 0; c < t->columns && first + c < t->count; c++) {
		bool last = c + 1 == t->columns;

		/* No blanks at the end of a line. */
		if (last && !t->right[c])
			printf("%s", t->cells[first + c]);
		else
			printf("%*s%s", t->right[c] ? widths[c] : -widths[c], t->cells[first + c], last ? "" : "  ");
	}
	putchar('\n');
}

void table_print(struct table *t)
{
	int widths[COLUMNS_MAX] = {0};

	for (size_t i = 0; i < t->count; i++) {
		int len = strlen(t->cells[i]);

		if (len > widths[i % t->columns])
			widths[i % t->columns] = len;
	}
	for (size_t first = 0; first < t->count; first += t->columns)
		print_row(t, first, widths);
	for (size_t i = 0; i < t->count; i++)
		free(t->cells[i]);
	free(t->cells);
	free(t);
}

static const char *scaled(uint64_t n, const char *unit, char *buf)
{
	static const char prefixes[] = " kMGTPE";
	double value = n;
	size_t i = 0;

	for (; value >= 999.5 && prefixes[i + 1]; i++)
		value /= 1000;
	if (i == 0)
		snprintf(buf, HUMAN_TEXT, "%" PRIu64 "%s%s", n, unit[0] ? " " : "", unit);
	else
		snprintf(buf, HUMAN_TEXT, "%.*f %c%s", value < 99.95 ? 1 : 0, value, prefixes[i], unit);
	return buf;
}

const char *human_count(uint64_t n, char *buf)
{
	return scaled(n, "", buf);
}

const char *human_bytes(uint64_t n, char *buf)
{
	return scaled(n, "B", buf);
}

const char *human_duration(uint64_t seconds, char *buf)
{
	static const struct {
		uint64_t seconds;
		char letter;
	} units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
	size_t i = 0;

	while (i < 3 && seconds < units[i].seconds)
		i++;
	if (i == 3)
		snprintf(buf, HUMAN_TEXT, "%" PRIu64 "s", seconds);
	else
		snprintf(buf, HUMAN_TEXT, "%" PRIu64 "%c %" PRIu64 "%c", seconds / units[i].seconds, units[i].letter,
			 seconds % units[i].seconds / units[i + 1].seconds, units[i + 1].letter);
	return buf;
}
