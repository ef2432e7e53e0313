// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the packet table (of table.sh, on stdin) through the loaded program with BPF_PROG_TEST_RUN: bytes in;
 * action, bytes and counter out. The program is loaded as plain XDP, since libxdp's freplace copies cannot be test-run.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/model.h"
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

void *map_memory(const struct bpf_map *map)
{
	size_t len = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (p == MAP_FAILED)
		die(bpf_map__name(map));
	return p;
}

static void load(struct fixture *f)
{
	struct shunt_bpf *skel = shunt_bpf__open();

	if (!skel)
		die("open");
	bpf_map__set_max_entries(skel->maps.shunt_vips, 2 * VIP_SLOTS);
	bpf_map__set_max_entries(skel->maps.shunt_rings, RING * DESTS);
	bpf_map__set_max_entries(skel->maps.shunt_dests, DESTS);
	bpf_map__set_max_entries(skel->maps.shunt_dstat, DESTS);
	bpf_map__set_max_entries(skel->maps.shunt_rstat, SHUNT_REASON_MAX);
	f->skel = skel;
	match_size(skel);
	bpf_map__set_max_entries(skel->maps.shunt_sources, SOURCE_ENTRIES);
	quic_size_maps(f);
	bpf_map__set_max_entries(skel->maps.shunt_frags, FRAGMENT_BUCKETS);
	skel->rodata->knob_vip_slots = VIP_SLOTS;
	skel->rodata->knob_fragment_buckets = FRAGMENT_BUCKETS;
	shunt_hash_derive((struct shunt_hash_keys *)&skel->rodata->knob_hash_keys, SEED);
	if (shunt_bpf__load(skel))
		die("load");
	f->control = map_memory(skel->maps.shunt_control);
	f->vips = map_memory(skel->maps.shunt_vips);
	f->dests = map_memory(skel->maps.shunt_dests);
	f->rings = map_memory(skel->maps.shunt_rings);
	f->frags = map_memory(skel->maps.shunt_frags);
	f->control->icmp_rate = ICMP_RATE;
	match_open(f);
	quic_open(f);
	for (int i = 0; i < RING; i++)
		f->rings[MIXED * RING + i] = shunt_slot_clean(1 + i % 4);
}

/* "-", or tags as TPID:VID, the outermost first, with commas between. */
static bool parse_tags(struct nexthop *nexthop, char *text)
{
	char *spec;

	if (!strcmp(text, "-"))
		return true;
	while ((spec = strsep(&text, ","))) {
		struct nexthop_tag *tag = &nexthop->tag[nexthop->tags++];

		if (nexthop->tags > NEXTHOP_TAGS || sscanf(spec, "%hx:%hu", &tag->tpid, &tag->vid) != 2)
			return false;
	}
	return true;
}

/* "ID STATE ADDRESS IFINDEX MTU SOURCE_PREFIX TAGS [TUNNEL]": the template is the daemon's. */
static void add_dest(struct fixture *f, const char *line)
{
	struct model_dest dest = {
		.nexthop = {.resolved = true, .src_mac = {2, 0, 0, 0, 0, 2}, .dst_mac = {2, 0, 0, 0, 0, 3}}};
	char state[16], addr[64], source[64], tags[32], encap[16];
	struct shunt_prefix prefix;
	unsigned int id;
	int words = sscanf(line, "%u %15s %63s %u %u %63s %31s %15s", &id, state, addr, &dest.nexthop.ifindex,
			   &dest.nexthop.mtu, source, tags, encap);

	if (words < 7 || (words > 7 && !tunnel_parse(&dest.encap, encap)) || addr_parse(addr, &dest.addr) ||
	    prefix_parse(source, &prefix) || !parse_tags(&dest.nexthop, tags) || id >= DESTS)
		die(line);
	dest.state = strcmp(state, "drain") ? strcmp(state, "down") ? BACKEND_UP : BACKEND_DOWN : BACKEND_DRAIN;
	dest.nexthop.resolved = dest.nexthop.ifindex != 0;
	model_template(&f->dests[id], &dest, &prefix);
	if (!strcmp(state, "free"))
		f->dests[id].state = SHUNT_DEST_FREE;
	for (int i = 0; i < RING; i++)
		f->rings[id * RING + i] = shunt_slot_clean(id);
}

static uint32_t ring_number(const char *text)
{
	return strcmp(text, "mixed") ? strtoul(text, NULL, 10) : MIXED;
}

struct shunt_vip *new_vip(struct fixture *f)
{
	if (f->vip_count > VIP_SLOTS * 3 / 4)
		die("more VIPs than the table can place: raise VIP_SLOTS");
	return &f->vip[f->vip_count++];
}

/* Ring number DEST is DEST throughout; number 0 has no destination; "mixed" has several. */
void ring_of(struct shunt_vip *vip, const char *dest)
{
	vip->ring_base = (strcmp(dest, "mixed") ? strtoul(dest, NULL, 10) : MIXED) * RING;
	vip->ring_size = RING;
	vip->salt = SALT;
}

/* "ADDRESS PORT PROTO DEST [FLAGS PREFIX LIST]"; "ADDRESS 0 icmp FLAGS": an address's entry. */
static void add_vip(struct fixture *f, const char *line)
{
	struct shunt_vip *vip = new_vip(f);
	char addr[64], proto[8], dest[8];
	struct shunt_addr a;
	unsigned int port, prefix = 0, list = 0;

	if (sscanf(line, "%63s %u %7s %7s %u %u %u", addr, &port, proto, dest, &vip->flags, &prefix, &list) < 4 ||
	    addr_parse(addr, &a))
		die(line);
	memcpy(vip->addr, a.word, sizeof(vip->addr));
	vip->port = htons(port);
	vip->proto = strcmp(proto, "udp") ? IPPROTO_TCP : IPPROTO_UDP;
	vip->family = a.family;
	vip->hash_prefix = prefix | prefix << 8; /* IPv4's and IPv6's */
	vip->sources = list ? list - (a.family == SHUNT_FAMILY_IPV6) : 0;
	if (strcmp(proto, "icmp")) {
		ring_of(vip, dest);
		return;
	}
	vip->proto = a.family == SHUNT_FAMILY_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	vip->flags = strtoul(dest, NULL, 10);
}

/* "LIST ACTION PREFIX"; an action that is neither allow nor deny is a ring, named as add_vip() names it. */
static void add_source(const struct fixture *f, const char *line)
{
	struct shunt_source_key key = {};
	struct shunt_prefix prefix;
	char action[8], text[64];
	uint32_t value;

	if (sscanf(line, "%u %7s %63s", &key.list, action, text) != 3 || prefix_parse(text, &prefix))
		die(line);
	key.prefix_len = 32 + prefix.len;
	memcpy(key.addr, prefix.addr.word, sizeof(key.addr));
	if (!strcmp(action, "allow") || !strcmp(action, "deny"))
		value = strcmp(action, "allow") ? SHUNT_SOURCE_DENY : SHUNT_SOURCE_ALLOW;
	else
		value = SHUNT_SOURCE_RING + ring_number(action) * RING;
	if (bpf_map_update_elem(bpf_map__fd(f->skel->maps.shunt_sources), &key, &value, BPF_ANY))
		die(line);
}

/* A table more than half full, so that probes go on; any multiplier that keeps them short enough. */
static bool place_vips(struct fixture *f, uint32_t half, uint32_t attempt)
{
	struct shunt_vip *table = f->vips + half * VIP_SLOTS;

	memset(table, 0, VIP_SLOTS * sizeof(*table));
	f->control->vip_multiplier[half] = shunt_vip_multiplier(attempt);
	for (uint32_t i = 0; i < f->vip_count; i++) {
		uint64_t a[2];
		uint32_t key, slot, probe = 0;

		memcpy(a, f->vip[i].addr, sizeof(a));
		memcpy(&key, &f->vip[i].port, sizeof(key));
		slot = shunt_vip_slot(a[0], a[1], key, f->control->vip_multiplier[half], VIP_SLOTS - 1);
		while (table[(slot + probe) % VIP_SLOTS].family)
			probe++;
		if (probe >= SHUNT_VIP_PROBES)
			return false;
		table[(slot + probe) % VIP_SLOTS] = f->vip[i];
	}
	return true;
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

static bool check_bytes(const struct row *row, const struct frame *got)
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

/* Layouts differ in the half in force (the other one is empty) and in what collides with what. */
static uint32_t place_layout(struct fixture *f, int layout, uint32_t attempt)
{
	uint32_t half = layout & 1;

	quic_place(f, half);
	while (!place_vips(f, half, attempt))
		attempt++;
	memset(f->vips + !half * VIP_SLOTS, 0, VIP_SLOTS * sizeof(*f->vips));
	match_place(f, half, true);
	match_place(f, !half, false);
	f->control->vip_half = half;
	return attempt + 1;
}

static void run_table(struct fixture *f, char **lines, size_t count)
{
	bool *bad = xcalloc(count, sizeof(*bad));
	uint32_t attempt = 0;

	for (int layout = 0; layout < LAYOUTS; layout++) {
		attempt = place_layout(f, layout, attempt);
		for (size_t i = 0; i < count; i++) {
			char *copy = xstrdup(lines[i]);
			struct row row;

			parse_row(copy + strlen("row "), &row);
			bad[i] = bad[i] || !run_row(f, &row);
			if (layout == LAYOUTS - 1 && !bad[i])
				printf("ok - %s\n", row.name);
			free(copy);
		}
	}
	for (size_t i = 0; i < count; i++)
		*(bad[i] ? &failed : &passed) += 1;
	free(bad);
}

int main(void)
{
	static struct fixture f;
	char *line = NULL, **rows = NULL, **pairs = NULL, **spreads = NULL;
	size_t size = 0, count = 0, pair_count = 0, spread_count = 0, in_sequences;
	const char *told = NULL;

	load(&f);
	while (getline(&line, &size, stdin) > 0) {
		if (!strncmp(line, "dest ", 5))
			add_dest(&f, line + 5);
		else if (!strncmp(line, "vip ", 4))
			add_vip(&f, line + 4);
		else if (!strncmp(line, "match ", 6))
			match_add(&f, line + 6);
		else if (!strncmp(line, "source ", 7))
			add_source(&f, line + 7);
		else if (fragment_note(line))
			continue;
		else if (!strncmp(line, "quic ", 5))
			quic_add_service(&f, line + 5);
		else if (!strncmp(line, "quic_id ", 8))
			quic_add_id(&f, line + 8);
		else if (!strncmp(line, "pair ", 5)) {
			pairs = xreallocarray(pairs, pair_count + 1, sizeof(*pairs));
			pairs[pair_count++] = xstrdup(line);
		} else if (!strncmp(line, "spread ", 7)) {
			spreads = xreallocarray(spreads, spread_count + 1, sizeof(*spreads));
			spreads[spread_count++] = xstrdup(line);
		} else {
			rows = xreallocarray(rows, count + 1, sizeof(*rows));
			rows[count] = xstrdup(line);
			told = strstr(line, "|too_big_reply|") ? rows[count] : told;
			count++;
		}
	}
	free(line);
	if (!count || !told || !pair_count)
		die("too few rows on stdin; expected the output of tests/packet/rows.py and icmp_rows.py");
	run_table(&f, rows, count);
	check_entropy(&f);
	tunnel_check_spread();
	icmp_run_pairs(&f, pairs, pair_count);
	for (size_t i = 0; i < spread_count; i++) {
		choice_run_spread(&f, spreads[i] + strlen("spread "));
		free(spreads[i]);
	}
	free(spreads);
	icmp_check_limit(&f, told);
	in_sequences = fragment_run(&f);
	for (size_t i = 0; i < pair_count; i++)
		free(pairs[i]);
	free(pairs);
	for (size_t i = 0; i < count; i++)
		free(rows[i]);
	free(rows);
	shunt_bpf__destroy(f.skel);
	printf("packet: table of %zu rows, each with %d layouts of the VIP table, and %zu in sequences: %d passed, %d "
	       "failed\n",
	       count, LAYOUTS, in_sequences, passed, failed);
	return failed != 0;
}
