// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the packet table (of table.sh, on stdin) through the loaded program with BPF_PROG_TEST_RUN: bytes in;
 * action, bytes and counter out. The program is loaded as plain XDP, since libxdp's freplace copies cannot be test-run.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/xalloc.h"
#include "packet.h"
#include "tunnel.h"

static const char *const reason_names[] = {
#define X(e, name, action, text) [SHUNT_REASON_##e] = #name,
	SHUNT_REASONS(X)
#undef X
};

static int passed, failed;

bool complain(const struct row *row, const char *fmt, ...)
{
	va_list args;

	printf("not ok - %s: ", row->name);
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	return false;
}

void die(const char *what)
{
	fprintf(stderr, "packet: %s: %s\n", what, strerror(errno));
	exit(1);
}

void unhex(const char *text, struct frame *frame)
{
	unsigned int byte;

	for (frame->len = 0; frame->len < FRAME_MAX && sscanf(text, "%2x", &byte) == 1; text += 2)
		frame->byte[frame->len++] = byte;
}

/* ---- counters: exactly one may move */

static void read_map(const struct bpf_map *map, uint32_t n, struct shunt_counter *out)
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter *values = xcalloc(cpus, sizeof(*values));

	for (uint32_t i = 0; i < n; i++) {
		if (bpf_map_lookup_elem(bpf_map__fd(map), &i, values))
			die("counter");
		memset(&out[i], 0, sizeof(out[i]));
		for (int cpu = 0; cpu < cpus; cpu++) {
			out[i].packets += values[cpu].packets;
			out[i].bytes += values[cpu].bytes;
		}
	}
	free(values);
}

void read_counts(const struct fixture *f, struct counts *out)
{
	read_map(f->skel->maps.shunt_dstat, DESTS, out->dest);
	read_map(f->skel->maps.shunt_rstat, SHUNT_REASON_COUNT, out->reason);
	quic_read(f, out->quic);
}

static bool moved_right(const struct row *row, const char *name, const struct shunt_counter *before,
			const struct shunt_counter *after)
{
	uint64_t packets = after->packets - before->packets, bytes = after->bytes - before->bytes;
	uint64_t expected = !strcmp(name, row->counter);

	if (packets == expected && bytes == expected * row->in.len)
		return true;
	return complain(row, "counter %s moved by %llu packets, %llu bytes; expected %s", name,
			(unsigned long long)packets, (unsigned long long)bytes, row->counter);
}

static bool check_counts(const struct row *row, const struct counts *before, const struct counts *after)
{
	char name[32];

	for (int i = 0; i < DESTS; i++) {
		snprintf(name, sizeof(name), "dest:%d", i);
		if (!moved_right(row, name, &before->dest[i], &after->dest[i]))
			return false;
	}
	for (int i = 0; i < SHUNT_REASON_COUNT; i++)
		if (!moved_right(row, reason_names[i], &before->reason[i], &after->reason[i]))
			return false;
	return quic_check(row, before->quic, after->quic);
}

/* ---- one row */

bool check_bytes(const struct row *row, const struct frame *got)
{
	if (got->len != row->out.len)
		return complain(row, "%zu bytes came out, expected %zu", got->len, row->out.len);
	for (size_t i = 0; i < got->len; i++)
		if ((got->byte[i] ^ row->out.byte[i]) & ~row->mask.byte[i])
			return complain(row, "byte %zu is %02x, expected %02x", i, got->byte[i], row->out.byte[i]);
	return true;
}

/* Where the outer header begins. */
size_t outer_at(const struct frame *got)
{
	size_t at = 12;

	while (got->byte[at] == 0x81 || got->byte[at] == 0x88)
		at += 4;
	return at + 2;
}

static bool outer_is_v4(const struct frame *got)
{
	return got->byte[outer_at(got)] >> 4 == 4;
}

/* RFC 1071: all words of a header with its checksum sum to 0xffff. */
static bool check_outer_sum(const struct row *row, const struct frame *got)
{
	size_t at = outer_at(got);
	uint32_t sum = 0;

	if (!outer_is_v4(got))
		return true;
	for (size_t i = at; i < at + (got->byte[at] & 15) * 4u; i += 2)
		sum += got->byte[i] << 8 | got->byte[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff || complain(row, "outer header checksum is wrong: words sum to %#x", sum);
}

/* The flow's hash as the daemon computes it, from its own copy of the keys, against what of it the packet shows: the host bits of
 * an outer source, destinations 7 and 8. */
static bool check_hash(const struct row *row, const struct frame *got)
{
	bool is_v6 = row->in.byte[12] == 0x86;
	const uint8_t *ip = row->in.byte + 14, *ports = ip + (is_v6 ? 40 : 20);
	struct shunt_hash_keys keys;
	__be32 src[4], dst[4], host = 0, mask = is_v6 ? 0xffffffff : htonl(0xffff);
	uint32_t both;

	if (strcmp(row->counter, "dest:7") && strcmp(row->counter, "dest:8"))
		return true;
	shunt_hash_derive(&keys, SEED);
	memcpy(src, ip + (is_v6 ? 8 : 12), is_v6 ? 16 : 4);
	memcpy(dst, ip + (is_v6 ? 24 : 16), is_v6 ? 16 : 4);
	memcpy(&both, ports, sizeof(both));
	memcpy(&host, got->byte + (is_v6 ? 34 : 26), sizeof(host));
	if ((host & mask) == ((__be32)shunt_flow_hash(&keys, src, dst, both, SALT ^ ip[is_v6 ? 6 : 9], is_v6) & mask))
		return true;
	return complain(row, "the program's flow hash is not the daemon's for the same seed");
}

static void note_source(struct fixture *f, const struct row *row, const struct frame *got)
{
	unsigned int id;
	uint64_t source = 0;

	if (sscanf(row->counter, "dest:%u", &id) != 1 || id >= DESTS)
		return;
	memcpy(&source, got->byte + outer_at(got) + (outer_is_v4(got) ? 12 : 20), 4);
	for (size_t i = 0; i < f->source_count[id]; i++)
		if (f->source[id][i] == source)
			return;
	if (f->source_count[id] < SOURCES_MAX)
		f->source[id][f->source_count[id]++] = source;
}

bool run_row(struct fixture *f, const struct row *row)
{
	static const char *const actions[] = {"ABORTED", "DROP", "PASS", "TX", "REDIRECT"};
	struct frame got;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = row->in.byte, .data_size_in = row->in.len, .data_out = got.byte,
		    .data_size_out = FRAME_MAX);
	struct counts before, after;

	read_counts(f, &before);
	if (bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.shunt_xdp), &opts))
		return complain(row, "test run: %s", strerror(errno));
	read_counts(f, &after);
	got.len = opts.data_size_out;
	if (opts.retval > XDP_REDIRECT || strcmp(actions[opts.retval], row->action))
		return complain(row, "action %s, expected %s", opts.retval > XDP_REDIRECT ? "?" : actions[opts.retval],
				row->action);
	if (!check_counts(row, &before, &after))
		return false;
	if (!row->has_out)
		return true;
	if (!check_bytes(row, &got))
		return false;
	if (opts.retval == XDP_PASS)
		return true;
	note_source(f, row, &got);
	return check_outer_sum(row, &got) && check_hash(row, &got) && icmp_check_sum(row, &got) &&
	       tunnel_check_port(f, row, &got);
}

/* "NAME|in|action|out|counter|free"; free may also have "quic=CHOICE" */
void parse_row(char *line, struct row *row)
{
	char *in, *out, *free_bits, *spec;

	memset(row, 0, sizeof(*row));
	row->name = strsep(&line, "|");
	in = strsep(&line, "|");
	row->action = strsep(&line, "|");
	out = strsep(&line, "|");
	row->counter = strsep(&line, "|");
	free_bits = strsep(&line, "|\n");
	if (!free_bits)
		die(row->name);
	unhex(in, &row->in);
	row->has_out = strcmp(out, "-") != 0;
	unhex(strcmp(out, "same") ? out : in, &row->out);
	while ((spec = strsep(&free_bits, ",")) && *spec) {
		struct frame bits;
		size_t at;

		if (!strncmp(spec, "quic=", 5)) {
			row->quic = spec + 5;
			continue;
		}
		at = strtoul(spec, &spec, 10);
		unhex(spec + 1, &bits);
		for (size_t i = 0; i < bits.len; i++)
			row->mask.byte[at + i] |= bits.byte[i];
	}
}

void report(bool ok, const char *name)
{
	printf("%s - %s\n", ok ? "ok" : "not ok", name);
	*(ok ? &passed : &failed) += 1;
}

static void check_entropy(const struct fixture *f)
{
	static const int spread[] = {7, 8, 15, 58, 59};

	for (size_t i = 0; i < sizeof(spread) / sizeof(spread[0]); i++) {
		size_t n = f->source_count[spread[i]];
		bool ok = n >= 31;

		printf("%s - 32 flows to destination %d came from %zu outer sources\n", ok ? "ok" : "not ok", spread[i],
		       n);
		*(ok ? &passed : &failed) += 1;
	}
}

static void run_table(struct fixture *f, const struct lines *rows)
{
	bool *bad = xcalloc(rows->count, sizeof(*bad));
	uint32_t attempt = 0;

	for (int layout = 0; layout < LAYOUTS; layout++) {
		attempt = fixture_place(f, layout, attempt);
		for (size_t i = 0; i < rows->count; i++) {
			char *copy = xstrdup(rows->line[i]);
			struct row row;

			parse_row(copy, &row);
			bad[i] = bad[i] || !run_row(f, &row);
			if (layout == LAYOUTS - 1 && !bad[i])
				printf("ok - %s\n", row.name);
			free(copy);
		}
	}
	for (size_t i = 0; i < rows->count; i++)
		*(bad[i] ? &failed : &passed) += 1;
	free(bad);
}

static void read_table(struct fixture *f, struct lines *rows, struct lines *pairs, struct lines *spreads)
{
	char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		if (fixture_line(f, line) || fragment_note(line) || conn_note(line) || probe_note(line) ||
		    wake_note(line) || lines_take(rows, "row ", line) || lines_take(pairs, "pair ", line) ||
		    lines_take(spreads, "spread ", line))
			continue;
		line[strcspn(line, " \n")] = '\0';
		die(line);
	}
	free(line);
}

static const char *find_told(const struct lines *rows)
{
	for (size_t i = rows->count; i-- > 0;)
		if (strstr(rows->line[i], "|too_big_reply|"))
			return rows->line[i];
	return NULL;
}

int main(void)
{
	static struct fixture f;
	struct lines rows = {}, pairs = {}, spreads = {};
	const char *told;
	size_t others;

	fixture_load(&f);
	read_table(&f, &rows, &pairs, &spreads);
	told = find_told(&rows);
	if (!told || !pairs.count)
		die("too few rows on stdin; expected the output of tests/packet/table.sh");
	run_table(&f, &rows);
	check_entropy(&f);
	tunnel_check_spread();
	icmp_run_pairs(&f, &pairs);
	for (size_t i = 0; i < spreads.count; i++)
		choice_run_spread(&f, spreads.line[i]);
	icmp_check_limit(&f, told);
	others = fragment_run(&f) + conn_run(&f) + probe_run(&f) + wake_run(&f);
	printf("packet: table of %zu rows, each with %d layouts of the VIP table, and %zu besides: %d passed, %d "
	       "failed\n",
	       rows.count, LAYOUTS, others, passed, failed);
	lines_drop(&rows);
	lines_drop(&pairs);
	lines_drop(&spreads);
	shunt_bpf__destroy(f.skel);
	return failed != 0;
}
