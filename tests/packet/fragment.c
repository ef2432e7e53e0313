/* SPDX-License-Identifier: GPL-2.0 */
/* Runs fragment_rows.py's sequences, and looks at the table of fragments itself: where entries go, and in whose place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "../../user/lib/xalloc.h"
#include "packet.h"

enum { ENTRIES = FRAGMENT_BUCKETS * SHUNT_CONN_WAYS, OLDEST_WAY = 5 };

static struct lines lines;

bool fragment_note(const char *line)
{
	return lines_take(&lines, "fragments ", line);
}

static void fill_ring(struct fixture *f, uint32_t ring, uint32_t dest)
{
	for (int i = 0; i < RING; i++)
		f->rings[ring * RING + i] = shunt_slot_clean(dest);
}

static void age(struct fixture *f, uint64_t ticks)
{
	for (int i = 0; i < ENTRIES; i++)
		if (f->frags[i])
			f->frags[i] -= ticks << SHUNT_FRAG_TIME_SHIFT;
}

static void forget(struct fixture *f)
{
	memset(f->frags, 0, ENTRIES * sizeof(*f->frags));
}

/* A row or what happens between two; false: the row fails. */
static bool step(struct fixture *f, char *line)
{
	unsigned int a, b;
	struct row row;

	if (!strncmp(line, "row ", 4)) {
		parse_row(line + 4, &row);
		return run_row(f, &row);
	}
	if (sscanf(line, "age %u", &a) == 1)
		age(f, a);
	else if (sscanf(line, "ring %u %u", &a, &b) == 2 && a < DESTS)
		fill_ring(f, a, b);
	else
		die(line);
	return true;
}

/* From lines.line[at], which says "sequence NAME", to the next such line, whose place is the answer. */
static size_t run_sequence(struct fixture *f, size_t at)
{
	const char *name = lines.line[at] + strlen("sequence ");
	bool ok = true;
	uint32_t rows = 0;

	forget(f);
	for (at++; at < lines.count && strncmp(lines.line[at], "sequence ", 9) && strncmp(lines.line[at], "follow ", 7);
	     at++) {
		rows += !strncmp(lines.line[at], "row ", 4);
		ok = step(f, lines.line[at]) && ok;
	}
	for (uint32_t id = 25; id < 30; id++)
		fill_ring(f, id, id);
	report(ok && rows, name);
	return at;
}

/* "NAME|in|in...": which destination all of them went to; 0: not to one. */
static int follows(struct fixture *f, char *line)
{
	char *name = strsep(&line, "|"), *in = strsep(&line, "|");
	int dest = destination_of(f, in), n = 1;

	for (; (in = strsep(&line, "|")); n++)
		if (destination_of(f, in) != dest)
			dest = 0;
	report(dest && n > 2, name);
	return dest;
}

/* What a first fragment leaves in an empty table. */
static uint64_t remembered(struct fixture *f, const struct row *row)
{
	forget(f);
	run_row(f, row);
	for (int i = 0; i < ENTRIES; i++)
		if (f->frags[i])
			return f->frags[i];
	return 0;
}

/* A full table, in which the oldest entries are neither first nor last, and none is too old. */
static void check_victim(struct fixture *f, char *line)
{
	uint64_t before[ENTRIES], now;
	int changed = 0, oldest = 0;
	struct row row;

	parse_row(line, &row);
	now = remembered(f, &row) >> SHUNT_FRAG_TIME_SHIFT;
	for (int i = 0; i < ENTRIES; i++) {
		int way = i % SHUNT_CONN_WAYS;
		uint64_t age = way == OLDEST_WAY ? 40 : 30 - way;

		f->frags[i] = SHUNT_FRAG_USED | (now - age) << SHUNT_FRAG_TIME_SHIFT;
	}
	memcpy(before, f->frags, sizeof(before));
	run_row(f, &row);
	for (int i = 0; i < ENTRIES; i++) {
		changed += f->frags[i] != before[i];
		oldest += f->frags[i] != before[i] && i % SHUNT_CONN_WAYS == OLDEST_WAY;
	}
	report(now && changed == 1 && oldest == 1, "in a full bucket a first fragment takes the oldest entry's place");
}

static int buckets_used(const struct fixture *f)
{
	bool used[FRAGMENT_BUCKETS] = {0};
	int count = 0;

	for (int i = 0; i < ENTRIES; i++)
		used[i / SHUNT_CONN_WAYS] |= f->frags[i] != 0;
	for (int i = 0; i < FRAGMENT_BUCKETS; i++)
		count += used[i];
	return count;
}

size_t fragment_run(struct fixture *f)
{
	bool seen[DESTS] = {0};
	char *victim = NULL;
	size_t at = 0, rows = 0;

	for (size_t i = 0; i < lines.count; i++) {
		bool is_row = !strncmp(lines.line[i], "row ", strlen("row "));

		rows += is_row;
		if (is_row && !victim)
			victim = xstrdup(lines.line[i] + strlen("row "));
	}
	if (!victim)
		die("no fragments on stdin; expected the output of tests/packet/fragment_rows.py");
	while (at < lines.count && !strncmp(lines.line[at], "sequence ", 9))
		at = run_sequence(f, at);
	report(f->source_count[28] == 2, "the fragments of each of two datagrams came from one outer source");
	forget(f);
	for (; at < lines.count; at++)
		seen[follows(f, lines.line[at] + strlen("follow "))] = true;
	report(seen[1] && seen[2] && seen[3] && seen[4], "their datagrams went to four backends");
	report(buckets_used(f) > FRAGMENT_BUCKETS / 2, "and are remembered all over the table");
	check_victim(f, victim);
	free(victim);
	lines_drop(&lines);
	return rows;
}
