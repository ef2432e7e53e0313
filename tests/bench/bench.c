// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet costs: shunt's program, and another build of it, beside an empty one and a floor (a fixed outer header, no lookups), in
 * one process, program by program in turn, round after round. Prints quartiles of the cost in ns, net of the empty program's in the
 * same round, and the ratio of medians to the floor. Fails when what came out is not what must come out; never because of a
 * time. `make bench`, root; not part of scripts/check.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/model.h"
#include "../../user/shuntd/viptable.h"
#include "driver.skel.h"
#include "format.h"
#include "shunt/hash.h"
#include "shunt/reasons.h"
#include "shunt.skel.h"

enum { VIP_SLOTS = 4096, RING = 65537, BACKENDS = 100, ROUNDS = 101, RUNS = 50000, SEED = 0x5eed };
/* The port in a range; prefixes with three ranges each, which are there for the workloads with that port only. */
enum { IN_RANGE = 8080, PREFIXES = 100, SPANS = 2 * PREFIXES, RANGES = 3 * PREFIXES };
/* Ports whose ring has moved, all of it: there is an entry for each flow; each is a SYN that nobody has seen before. */
enum { MOVED = 84, FLOOD = 85, CONN_BUCKETS = 1 << 19, TCP_SYN = 2, TCP_ACK = 16 };
enum target { EMPTY, FLOOR, SHUNT, OTHER, TARGETS };

struct workload {
	const char *name;
	bool is_v6;
	uint8_t proto;
	/* 80 is the VIP's, 82 that of one with GUE, 83 that hashes sources, 84 and 85 those with the moved ring, 8080 in a range of a prefix's */
	uint16_t port;
	uint32_t flows;
};

static const struct workload workloads[] = {
	{"IPv4 TCP, 1 flow", false, IPPROTO_TCP, 80, 1},
	{"IPv4 TCP, 10,000 flows", false, IPPROTO_TCP, 80, 10000},
	{"IPv4 TCP, 1,000,000 flows", false, IPPROTO_TCP, 80, 1000000},
	{"IPv4 UDP, 1,000,000 flows", false, IPPROTO_UDP, 80, 1000000},
	{"IPv6 TCP, 1,000,000 flows", true, IPPROTO_TCP, 80, 1000000},
	{"IPv4 TCP, 1M, hash: source", false, IPPROTO_TCP, 83, 1000000},
	{"IPv4 TCP, not for a VIP", false, IPPROTO_TCP, 81, 1000000},
	{"IPv4 TCP, 1 flow, GUE", false, IPPROTO_TCP, 82, 1},
	{"IPv4 TCP, a prefix, 1 flow", false, IPPROTO_TCP, IN_RANGE, 1},
	{"IPv4 TCP, a prefix, 1M flows", false, IPPROTO_TCP, IN_RANGE, 1000000},
	{"SYN flood, dirty ring", false, IPPROTO_TCP, FLOOD, 1000000},
	{"every flow tracked", false, IPPROTO_TCP, MOVED, 1000000},
	{"10,000 flows in moved slots", false, IPPROTO_TCP, MOVED, 10000},
};

static const char *const target_names[] = {"empty", "floor", "shunt", "other"};

static struct shunt_control *spans_of; /* whose spans come and go */
static uint32_t span_count;
static struct shunt_bucket *conns; /* of the build that is measured */

static void die(const char *what)
{
	fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct bpf_map *find_map(const struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	if (!map)
		die(name);
	return map;
}

static void *map_memory(const struct bpf_map *map)
{
	size_t page = 4096, len = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7) & ~7u);
	void *p = mmap(NULL, (len + page - 1) & ~(page - 1), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (p == MAP_FAILED)
		die(bpf_map__name(map));
	return p;
}

/* path: another build of shunt.bpf.o, with the same maps and knobs; NULL: the one built in. */
static struct bpf_object *load_shunt(const char *path)
{
	static const struct {
		const char *map;
		uint32_t entries;
	} sizes[] = {{"shunt_vips", 2 * VIP_SLOTS},	{"shunt_spans", 2 * SPANS},
		     {"shunt_ranges", 2 * RANGES},	{"shunt_rings", 3 * RING},
		     {"shunt_dests", 2 * BACKENDS + 1}, {"shunt_dstat", 2 * BACKENDS + 1},
		     {"shunt_rstat", SHUNT_REASON_MAX}, {"shunt_conns", CONN_BUCKETS}};
	struct shunt_bpf__rodata *knobs;
	struct bpf_program *prog;
	struct bpf_object *obj;
	size_t size;

	if (path) {
		obj = bpf_object__open_file(path, NULL);
	} else {
		const void *bytes = shunt_bpf__elf_bytes(&size);

		obj = bpf_object__open_mem(bytes, size, NULL);
	}
	if (!obj)
		die(path ? path : "open shunt");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (bpf_object__find_map_by_name(obj, sizes[i].map)) /* another build may lack one */
			bpf_map__set_max_entries(find_map(obj, sizes[i].map), sizes[i].entries);
	knobs = (void *)bpf_map__initial_value(find_map(obj, ".rodata"), &size);
	/* Another build's first ones are the same, whatever follows. */
	if (path ? size < offsetof(struct shunt_bpf__rodata, knob_conn_buckets) : size != sizeof(*knobs))
		die("other knobs than this benchmark was built with");
	knobs->knob_vip_slots = VIP_SLOTS;
	shunt_hash_derive(&knobs->knob_hash_keys, SEED);
	if (!path)
		knobs->knob_conn_buckets = CONN_BUCKETS;
	/* A program array wants all of its programs to say the same of frames in several buffers. */
	bpf_object__for_each_program(prog, obj) bpf_program__set_flags(prog, BPF_F_XDP_HAS_FRAGS);
	if (bpf_object__load(obj))
		die("load shunt");
	return obj;
}

static uint32_t place(struct shunt_vip *table, uint64_t multiplier, const struct shunt_vip *vip)
{
	uint64_t half[2];
	uint32_t key, slot;

	memcpy(half, vip->addr, sizeof(half));
	memcpy(&key, &vip->port, sizeof(key));
	slot = shunt_vip_slot(half[0], half[1], key, multiplier, VIP_SLOTS - 1);
	while (table[slot].family)
		slot = (slot + 1) % VIP_SLOTS;
	table[slot] = *vip;
	return slot;
}

static void add_vip(struct shunt_vip *table, uint64_t multiplier, const char *addr, uint8_t proto, uint16_t port)
{
	struct shunt_vip vip = {.port = htons(port), .proto = proto, .ring_size = RING, .salt = 1};
	struct shunt_addr a;

	vip.ring_base = port == 82 ? RING : port == MOVED || port == FLOOD ? 2 * RING : 0;
	if (addr_parse(addr, &a))
		die(addr);
	vip.family = a.family;
	if (port == 83) {
		vip.flags = SHUNT_VIP_SPECIAL | SHUNT_HASH_SOURCE;
		vip.hash_prefix = 32;
	}
	memcpy(vip.addr, a.word, sizeof(vip.addr));
	place(table, multiplier, &vip);
}

/* One service's prefixes: 192.0.0.0/24, 192.0.1.0/24 and so on, each with a range of ports and, on either side, another. */
static void add_prefixes(const struct bpf_object *obj, struct shunt_control *control, struct shunt_vip *table)
{
	struct shunt_span *spans = map_memory(find_map(obj, "shunt_spans"));
	struct shunt_range *ranges = map_memory(find_map(obj, "shunt_ranges"));
	struct shunt_vip service = viptable_service(0);
	uint32_t entry;

	service.ring_size = RING;
	service.salt = 1;
	entry = place(table, control->vip_multiplier[0], &service);
	for (uint32_t i = 0; i < PREFIXES; i++) {
		spans[i] = (struct shunt_span){
			.low = 0xffffc0000000 + 256 * i, .first = {3 * i}, .count = {3}, .vip = entry};
		ranges[3 * i] = (struct shunt_range){1000, 1999, entry};
		ranges[3 * i + 1] = (struct shunt_range){8000, 8999, entry};
		ranges[3 * i + 2] = (struct shunt_range){10000, 10999, entry};
	}
	control->span_slots = SPANS;
	control->range_slots = RANGES;
	spans_of = control;
	span_count = PREFIXES;
}

/* A slot that has just gone from backend to the next one. */
static uint64_t moved(uint32_t backend)
{
	return (uint64_t)(1 + backend % BACKENDS) | (uint64_t)backend << SHUNT_SLOT_ANCHOR_SHIFT | SHUNT_SLOT_DIRTY |
	       SHUNT_SLOT_REANCHOR;
}

static void fill_shunt(const struct bpf_object *obj, bool is_ours)
{
	struct shunt_control *control = map_memory(find_map(obj, "shunt_control"));
	struct shunt_vip *vips = map_memory(find_map(obj, "shunt_vips"));
	struct shunt_dest *dests = map_memory(find_map(obj, "shunt_dests"));
	struct model_dest dest = {.state = BACKEND_UP, .nexthop = {.resolved = true, .ifindex = 1, .mtu = 1500}};
	struct shunt_prefix source;
	uint64_t *ring = map_memory(find_map(obj, "shunt_rings"));
	char addr[32];

	prefix_parse("172.31.0.0/16", &source);
	control->vip_multiplier[0] = shunt_vip_multiplier(0);
	add_vip(vips, control->vip_multiplier[0], "192.0.2.10", IPPROTO_TCP, 80);
	add_vip(vips, control->vip_multiplier[0], "192.0.2.10", IPPROTO_TCP, 82);
	add_vip(vips, control->vip_multiplier[0], "192.0.2.10", IPPROTO_TCP, 83);
	add_vip(vips, control->vip_multiplier[0], "192.0.2.10", IPPROTO_TCP, MOVED);
	add_vip(vips, control->vip_multiplier[0], "192.0.2.10", IPPROTO_TCP, FLOOD);
	add_vip(vips, control->vip_multiplier[0], "192.0.2.10", IPPROTO_UDP, 80);
	add_vip(vips, control->vip_multiplier[0], "2001:db8::10", IPPROTO_TCP, 80);
	if (is_ours) {
		add_prefixes(obj, control, vips);
		conns = map_memory(find_map(obj, "shunt_conns"));
		control->conn_expiry = shunt_conn_expiry(900);
	}
	for (uint32_t i = 1; i <= BACKENDS; i++) {
		snprintf(addr, sizeof(addr), "10.0.2.%u", i);
		addr_parse(addr, &dest.addr);
		dest.encap.type = CONFIG_ENCAP_AUTO;
		model_template(&dests[i], &dest, &source);
		dest.encap = (struct config_encap){CONFIG_ENCAP_GUE, 1, 6080};
		model_template(&dests[BACKENDS + i], &dest, &source);
		dests[i].ring_base = 2 * RING;
		dests[i].ring_size = RING;
	}
	for (uint32_t slot = 0; slot < RING; slot++) {
		ring[slot] = shunt_slot_clean(1 + (uint32_t)(shunt_mix64(slot) % BACKENDS));
		ring[RING + slot] = shunt_slot_clean(BACKENDS + shunt_slot_current(ring[slot]));
		ring[2 * RING + slot] = moved(shunt_slot_current(ring[slot]));
	}
}

/* A frame of the workload, its first BENCH_FRAME bytes in the driver's state; returns the frame's length. */
static uint32_t make_frame(const struct workload *w, uint8_t *frame, struct bench_state *s)
{
	static const uint8_t vip4[] = {192, 0, 2, 10}, client4[] = {10, 1, 0, 0};
	static const uint8_t vip6[] = {0x20, 1, 0x0d, 0xb8, [15] = 0x10}, client6[] = {0x20, 1, 0x0d, 0xb8, 0, 1};
	uint32_t l4 = w->is_v6 ? 54 : 34, len = l4 + 20;

	memset(frame, 0, 128);
	frame[12] = w->is_v6 ? 0x86 : 0x08;
	frame[13] = w->is_v6 ? 0xdd : 0x00;
	if (w->is_v6) {
		frame[14] = 0x60;
		frame[19] = 20;
		frame[20] = w->proto;
		frame[21] = 64;
		memcpy(frame + 22, client6, sizeof(client6));
		memcpy(frame + 38, vip6, sizeof(vip6));
	} else {
		frame[14] = 0x45;
		frame[17] = 40;
		frame[22] = 64;
		frame[23] = w->proto;
		memcpy(frame + 26, client4, 4);
		memcpy(frame + 30, vip4, 4);
	}
	frame[l4] = 0x20;
	frame[l4 + 2] = w->port >> 8;
	frame[l4 + 3] = (uint8_t)w->port;
	frame[l4 + 5] = 20; /* UDP's length; of TCP some sequence number's */
	frame[l4 + 12] = 0x50;
	frame[l4 + 13] = w->port == FLOOD ? TCP_SYN : TCP_ACK;
	s->is_v6 = w->is_v6;
	s->frame_len = len < BENCH_FRAME ? BENCH_FRAME : len;
	memcpy(s->frame, frame, BENCH_FRAME);
	return s->frame_len;
}

static void check_output(const struct workload *w, const uint8_t *out, uint32_t len, uint32_t frame_len,
			 uint32_t action)
{
	bool forwarded = w->port != 81;
	uint32_t sum = 0, more = !forwarded ? 0 : w->port == 82 ? 28 : 20;

	if (action != (forwarded ? XDP_TX : XDP_PASS) || len != frame_len + more)
		goto bad;
	if (!forwarded)
		return;
	for (int i = 14; i < 34; i += 2)
		sum += out[i] << 8 | out[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	if ((sum & 0xffff) + (sum >> 16) != 0xffff || out[30] != 10 || out[33] < 1 || out[33] > BACKENDS)
		goto bad;
	return;
bad:
	fprintf(stderr, "bench: %s: wrong output (action %u, %u bytes)\n", w->name, action, len);
	exit(1);
}

/* runs: after the first. first: the number of the first one, on which its flow depends. */
static double run(struct driver_bpf *driver, struct bench_state *state, const struct workload *w, enum target target,
		  int prog_fd, uint32_t first, uint32_t runs)
{
	uint8_t frame[128], out[256];
	uint32_t zero = 0;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out, .data_size_out = sizeof(out),
		    .repeat = runs + 1);

	if (bpf_map_update_elem(bpf_map__fd(driver->maps.target), &zero, &prog_fd, BPF_ANY))
		die("target");
	spans_of->vip_spans[0] = w->port == IN_RANGE ? span_count : 0;
	memset(state, 0, sizeof(*state));
	state->measured = runs;
	state->flows = w->flows;
	state->first = first;
	opts.data_size_in = make_frame(w, frame, state);
	if (bpf_prog_test_run_opts(bpf_program__fd(driver->progs.bench_driver), &opts))
		die("test run");
	if (target >= SHUNT)
		check_output(w, out, opts.data_size_out, state->frame_len, opts.retval);
	return (double)(state->end - state->start) / runs;
}

static void forget_connections(void)
{
	memset(conns, 0, CONN_BUCKETS * sizeof(*conns));
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts. */
static void print_quartiles(const struct workload *w, const char *what, double *ns, double floor)
{
	qsort(ns, ROUNDS, sizeof(*ns), by_value);
	printf("%-28s %-6s %8.1f %8.1f %8.1f", w->name, what, ns[ROUNDS / 4], ns[ROUNDS / 2], ns[3 * ROUNDS / 4]);
	if (floor)
		printf(" %8.2f", ns[ROUNDS / 2] / floor);
	putchar('\n');
}

static void measure(struct driver_bpf *driver, struct bench_state *state, const struct workload *w, const int *prog_fds,
		    int targets)
{
	double ns[TARGETS][ROUNDS], more[ROUNDS];

	forget_connections();
	if (w->port == MOVED) /* all flows come by, and get their entries */
		run(driver, state, w, SHUNT, prog_fds[SHUNT], 0, 4 * w->flows);
	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < targets; i++) {
			enum target t = (round + i) % targets;

			if (w->port == FLOOD)
				forget_connections();
			ns[t][round] = run(driver, state, w, t, prog_fds[t], round * RUNS, RUNS);
		}
	/* Within a round the machine is the same: differences of a round say more than differences of medians. */
	for (int round = 0; round < ROUNDS; round++) {
		for (int t = FLOOR; t < targets; t++)
			ns[t][round] -= ns[EMPTY][round];
		if (targets == TARGETS)
			more[round] = ns[SHUNT][round] - ns[OTHER][round];
	}
	qsort(ns[FLOOR], ROUNDS, sizeof(double), by_value);
	for (int t = FLOOR; t < targets; t++)
		print_quartiles(w, target_names[t], ns[t], ns[FLOOR][ROUNDS / 2]);
	if (targets == TARGETS)
		print_quartiles(w, "more", more, 0);
}

/* Another build may know of neither spans nor the table of connections. */
static bool other_has(const struct workload *w)
{
	return w->port != IN_RANGE && w->port != MOVED && w->port != FLOOD;
}

static int load_target(const char *path)
{
	struct bpf_object *obj = load_shunt(path);

	fill_shunt(obj, !path);
	return bpf_program__fd(bpf_object__find_program_by_name(obj, "shunt_xdp"));
}

/* bench [OBJECT]: OBJECT is another build to compare with, in the same run. */
int main(int argc, char **argv)
{
	struct driver_bpf *driver = driver_bpf__open_and_load();
	int fds[TARGETS];

	if (!driver)
		die("load driver");
	fds[EMPTY] = bpf_program__fd(driver->progs.bench_empty);
	fds[FLOOR] = bpf_program__fd(driver->progs.bench_floor);
	fds[SHUNT] = load_target(NULL);
	if (argc > 1)
		fds[OTHER] = load_target(argv[1]);
	printf("%-28s %-6s %8s %8s %8s %8s\n", "workload", "", "25 %, ns", "median", "75 %", "x floor");
	for (size_t i = 0; i < sizeof(workloads) / sizeof(*workloads); i++)
		measure(driver, map_memory(driver->maps.state), &workloads[i], fds,
			argc > 1 && other_has(&workloads[i]) ? TARGETS : OTHER);
	return 0;
}
