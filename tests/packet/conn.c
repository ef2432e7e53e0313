/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs conn_rows.py's sequences: packets of one flow, whose slot and entries are set before each sequence, and afterwards held to what the
 * rows say: the slot's word, every way of the table, and the counters.
 *
 * The flow is told by a plain frame of it, from which its hash is computed as the daemon does. Beside it there are other flows, numbers
 * 0 to 15, of the same bucket and of one other slot of the same ring.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "packet.h"

enum { WAYS = CONN_BUCKETS * SHUNT_CONN_WAYS, PAIR = 2 * SHUNT_CONN_WAYS, OTHER_TAG = 1 << 27, SERVICES = 64 };
enum { FIRST_DEST = 40, LAST_DEST = 44 }; /* those of these rows; the first one fills rings */

static const char *const state_names[] = {"NEW", "EST", "ANCH", "CLOSING"};
static const char flag_letters[] = "DRFP"; /* in the order of the bits */

static struct lines lines;

static struct {
	uint32_t tag, other_tag, home, ring; /* ring: its number */
	int service;			     /* which counts; -1: not looked at */
	uint64_t *slot, *other_slot;
} flow;

/* As it was before the last row. */
static struct {
	uint64_t way[WAYS], ring[RING], count[SERVICES][SHUNT_CONN_COUNT_MAX];
} before;

bool conn_note(const char *line)
{
	return lines_take(&lines, "conn ", line);
}

void conn_size_maps(struct fixture *f)
{
	bpf_map__set_max_entries(f->skel->maps.shunt_conns, CONN_BUCKETS);
	bpf_map__set_max_entries(f->skel->maps.shunt_cstat, SERVICES);
	f->skel->rodata->knob_conn_buckets = CONN_BUCKETS;
}

void conn_open(struct fixture *f)
{
	f->conns = map_memory(f->skel->maps.shunt_conns);
	f->control->conn_expiry = shunt_conn_expiry(900);
}

/* "PORT SERVICE": the VIPs of this port are of the service of this number, by which connections are counted. */
void conn_add_service(struct fixture *f, const char *line)
{
	unsigned int port, service;

	if (sscanf(line, "%u %u", &port, &service) != 2 || service >= SERVICES)
		die(line);
	for (uint32_t i = 0; i < f->vip_count; i++)
		if (f->vip[i].port == htons(port))
			f->vip[i].service = service;
}

static uint32_t ticks(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (t.tv_sec * 1000000000ull + t.tv_nsec) >> SHUNT_CONN_TICK_SHIFT;
}

/* ---- setting things */

static void reset(struct fixture *f)
{
	memset(f->conns, 0, WAYS * sizeof(*f->conns));
	memset(&flow, 0, sizeof(flow));
	for (uint32_t id = FIRST_DEST; id <= LAST_DEST; id++) {
		f->dests[id].state = SHUNT_DEST_UP;
		f->dests[id].ring_base = FIRST_DEST * RING;
		f->dests[id].ring_size = RING;
		for (int i = 0; i < RING; i++)
			f->rings[id * RING + i] = shunt_slot_clean(id);
	}
}

/* "FRAME RING SERVICE" */
static void set_flow(struct fixture *f, char *text)
{
	char *frame = strsep(&text, " "), *ring = strsep(&text, " ");
	uint64_t hash = slot_hash(f, frame);

	flow.tag = shunt_flow_tag(hash);
	flow.other_tag = flow.tag ^ OTHER_TAG;
	flow.home = (uint32_t)hash & (CONN_BUCKETS - 1);
	flow.ring = strtoul(ring, NULL, 10);
	flow.service = strcmp(text, "-") ? (int)strtoul(text, NULL, 10) : -1;
	flow.slot = &f->rings[flow.ring * RING + shunt_tag_slot(flow.tag, RING)];
	flow.other_slot = &f->rings[flow.ring * RING + shunt_tag_slot(flow.other_tag, RING)];
}

static uint64_t flags_of(const char *letters)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < strlen(flag_letters); i++)
		if (strchr(letters, flag_letters[i]))
			flags |= SHUNT_SLOT_DIRTY << i;
	return flags;
}

static uint64_t filter_of(const char *word)
{
	return !strcmp(word, "all") ? SHUNT_SLOT_FILTER_MASK : !strcmp(word, "own") ? shunt_slot_filter(flow.tag) : 0;
}

/* "CURRENT ANCHOR FLAGS FILTER" */
static void set_slot(uint64_t *slot, const char *text)
{
	char flags[8], filter[8];
	unsigned int current, anchor;

	if (!slot || sscanf(text, "%u %u %7s %7s", &current, &anchor, flags, filter) != 4)
		die(text);
	*slot = current | (uint64_t)anchor << SHUNT_SLOT_ANCHOR_SHIFT | flags_of(flags) | filter_of(filter);
}

/* "ID STATE" */
static void set_dest(struct fixture *f, const char *text)
{
	static const char *const names[] = {"free", "up", "drain", "down", "dead"};
	unsigned int id;
	char name[8];

	if (sscanf(text, "%u %7s", &id, name) != 2 || id < FIRST_DEST || id > LAST_DEST)
		die(text);
	for (uint8_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			f->dests[id].state = i;
}

/* In the pair of the flow's buckets: its home's ways first. */
static uint32_t way_at(uint32_t at)
{
	return (flow.home ^ at / SHUNT_CONN_WAYS) * SHUNT_CONN_WAYS + at % SHUNT_CONN_WAYS;
}

static int state_of(const char *name)
{
	for (int i = 0; i < SHUNT_CONN_STATES; i++)
		if (!strcmp(name, state_names[i]))
			return i;
	die(name);
	return 0;
}

/* "AT own|other STATE DEST AGE" or "AT gone" */
static void set_way(struct fixture *f, const char *text)
{
	unsigned int at, dest, now = ticks();
	char whose[8], state[8];
	int age, words = sscanf(text, "%u %7s %7s %u %d", &at, whose, state, &dest, &age);

	if ((words != 5 && strcmp(whose, "gone")) || at >= PAIR)
		die(text);
	if (words != 5)
		f->conns[way_at(at)] = shunt_conn_gone(now);
	else
		f->conns[way_at(at)] = shunt_conn_entry(strcmp(whose, "own") ? flow.other_tag ^ at : flow.tag, dest,
							state_of(state), now - age);
}

/* ---- looking */

static void read_conn_counts(const struct fixture *f, uint64_t count[SERVICES][SHUNT_CONN_COUNT_MAX])
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_conn_counter values[cpus];

	for (uint32_t service = 0; service < SERVICES; service++) {
		if (bpf_map_lookup_elem(bpf_map__fd(f->skel->maps.shunt_cstat), &service, values))
			die("shunt_cstat");
		memset(count[service], 0, sizeof(count[service]));
		for (int cpu = 0; cpu < cpus; cpu++)
			for (int i = 0; i < SHUNT_CONN_COUNT_MAX; i++)
				count[service][i] += values[cpu].packets[i];
	}
}

static bool run_conn_row(struct fixture *f, char *line, struct row *row)
{
	parse_row(line, row);
	memcpy(before.way, f->conns, sizeof(before.way));
	memcpy(before.ring, f->rings + flow.ring * RING, sizeof(before.ring));
	read_conn_counts(f, before.count);
	return run_row(f, row);
}

static bool check_slots(const struct fixture *f, const struct row *row, const char *flags, const char *filter,
			const char *other_flags)
{
	for (uint32_t i = 0; i < RING; i++) {
		uint64_t now = f->rings[flow.ring * RING + i], want = before.ring[i];

		if (&f->rings[flow.ring * RING + i] == flow.slot)
			want = (want & ((1ull << 40) - 1)) | flags_of(flags) | filter_of(filter);
		else if (&f->rings[flow.ring * RING + i] == flow.other_slot)
			want = (want & ~flags_of(flag_letters)) | flags_of(other_flags);
		if (now != want)
			return complain(row, "slot %u, the flow's being %zu, is %#llx, expected %#llx", i,
					flow.slot - (f->rings + flow.ring * RING), (unsigned long long)now,
					(unsigned long long)want);
	}
	return true;
}

static bool is_as_told(uint64_t entry, const char *told)
{
	unsigned int dest, now = ticks();
	char state[8];

	if (!strcmp(told, "gone"))
		return entry && !shunt_conn_dest(entry) && !shunt_conn_tag(entry);
	if (sscanf(told, "%7[A-Z]:%u", state, &dest) != 2)
		die(told);
	return shunt_conn_tag(entry) == flow.tag && shunt_conn_dest(entry) == dest &&
	       (int)shunt_conn_state(entry) == state_of(state) && shunt_conn_age(entry, now) <= 2;
}

/* changes: what ways have become, as "AT:STATE:DEST" or "AT:gone" with commas between; "-": none. The others are as they were. */
static bool check_ways(const struct fixture *f, const struct row *row, char *changes)
{
	const char *told[WAYS] = {NULL};
	char *spec;

	while (strcmp(changes, "-") && (spec = strsep(&changes, ","))) {
		uint32_t at = strtoul(spec, &spec, 10);

		told[way_at(at)] = spec + 1;
		if (!changes)
			break;
	}
	for (uint32_t i = 0; i < WAYS; i++) {
		uint64_t entry = f->conns[i];

		if (told[i] ? is_as_told(entry, told[i]) : entry == before.way[i])
			continue;
		return complain(row, "way %u of bucket %u is %s:%u of tag %#x, age %u; expected %s",
				i % SHUNT_CONN_WAYS, i / SHUNT_CONN_WAYS, state_names[shunt_conn_state(entry)],
				shunt_conn_dest(entry), shunt_conn_tag(entry), shunt_conn_age(entry, ticks()),
				told[i] ?: "no change");
	}
	return true;
}

/* counts: of enum shunt_conn_count, in its order, with commas between. */
static bool check_conn_counts(const struct fixture *f, const struct row *row, char *counts)
{
	uint64_t after[SERVICES][SHUNT_CONN_COUNT_MAX];

	read_conn_counts(f, after);
	for (int i = 0; i < SHUNT_CONN_COUNT_MAX; i++) {
		uint64_t want = strtoul(strsep(&counts, ",") ?: "0", NULL, 10), own, all = 0;

		for (int service = 0; service < SERVICES; service++)
			all += after[service][i] - before.count[service][i];
		own = flow.service < 0 ? all : after[flow.service][i] - before.count[flow.service][i];
		if (all != want || own != want)
			return complain(row, "counter %d moved by %llu, of its service by %llu, expected %llu", i,
					(unsigned long long)all, (unsigned long long)own, (unsigned long long)want);
	}
	return true;
}

/* "FLAGS FILTER CHANGES COUNTS OTHERS_FLAGS" */
static bool check_then(const struct fixture *f, const struct row *row, char *text)
{
	char flags[8], filter[8], changes[128], counts[32], others[8];

	if (sscanf(text, "%7s %7s %127s %31s %7s", flags, filter, changes, counts, others) != 5)
		die(text);
	return check_slots(f, row, flags, filter, others) && check_ways(f, row, changes) &&
	       check_conn_counts(f, row, counts);
}

/* ---- all */

static bool step(struct fixture *f, char *line, struct row *row)
{
	char *word = strsep(&line, " ");

	if (!strcmp(word, "row"))
		return run_conn_row(f, line, row);
	if (!strcmp(word, "then"))
		return check_then(f, row, line);
	if (!strcmp(word, "flow"))
		set_flow(f, line);
	else if (!strcmp(word, "slot"))
		set_slot(flow.slot, line);
	else if (!strcmp(word, "others"))
		set_slot(flow.other_slot, line);
	else if (!strcmp(word, "dest"))
		set_dest(f, line);
	else if (!strcmp(word, "way"))
		set_way(f, line);
	else
		die(word);
	return true;
}

/* From lines.line[at], which says "sequence NAME", to the next such line, whose place is the answer. */
static size_t run_sequence(struct fixture *f, size_t at, size_t *rows)
{
	const char *name = lines.line[at] + strlen("sequence ");
	static struct row row;
	bool ok = true;

	reset(f);
	for (at++; at < lines.count && strncmp(lines.line[at], "sequence ", 9); at++) {
		*rows += !strncmp(lines.line[at], "row ", 4);
		ok = ok && step(f, lines.line[at], &row);
	}
	report(ok, name);
	return at;
}

size_t conn_run(struct fixture *f)
{
	size_t rows = 0;

	if (!lines.count)
		die("no connections on stdin; expected the output of tests/packet/conn_rows.py");
	for (size_t at = 0; at < lines.count;)
		at = run_sequence(f, at, &rows);
	lines_drop(&lines);
	return rows;
}
