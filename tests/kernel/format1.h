/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pins of format 1, made by hand as its daemon left them: two services, one with a pool, with destinations, slots and counters; and a
 * program that uses them on both interfaces. Nothing here follows the formats of today: format 1 does not change any more.
 */
#ifndef TEST_FORMAT1_H
#define TEST_FORMAT1_H

#include <libgen.h>
#include <net/if.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "attach_fixture.h"

#define RING 251 /* slots of each */

struct format1_dest {
	uint32_t addr[4], service;
	uint8_t family, pad[3];
};

struct format1_service {
	char name[64];
	uint32_t ring_base, ring_size, salt, owner;
	uint64_t retired_packets, retired_bytes;
};

struct format1_control {
	uint64_t magic;
	uint32_t format, vip_half;
	uint64_t vip_multiplier[2];
	uint32_t vip_spans[2];
	uint64_t seed, generation;
	uint32_t vip_slots, ring_slots, destinations, services, conn_buckets, icmp_rate, span_slots, range_slots;
	uint32_t vip_ranges[2], vip_count[2], vip_prefixes[2];
	uint32_t sources, fragment_buckets, quic_slots, pad;
	uint64_t quic_multiplier[2];
};

/* What a takeover may not change, and reads; NULL: not mapped. */
static struct format1 {
	struct format1_control *control;
	struct format1_service *svcdir;
	struct format1_dest *dstdir;
	uint64_t *rings, *frags;
	uint8_t *dests, *vips; /* of 128 and 64 bytes */
} old;

static inline int format1_map(const char *name, enum bpf_map_type type, uint32_t value_size, uint32_t entries)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	char path[128];
	int fd;

	opts.map_flags = type == BPF_MAP_TYPE_ARRAY ? BPF_F_MMAPABLE : 0;
	if (type == BPF_MAP_TYPE_LPM_TRIE)
		opts.map_flags = BPF_F_NO_PREALLOC;
	fd = bpf_map_create(type, name, type == BPF_MAP_TYPE_LPM_TRIE ? 24 : 4, value_size, entries, &opts);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	return fd;
}

static inline void *format1_mmap(const char *name, size_t bytes)
{
	char path[128];
	void *at;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	close(fd);
	return at;
}

/* Every byte of them, for as long as they are looked at: a map lives while it is mapped. */
static inline void format1_look(const struct shunt_control *size)
{
	old.control = format1_mmap("shunt_control", 144);
	old.vips = format1_mmap("shunt_vips", 128 * size->vip_slots);
	old.dests = format1_mmap("shunt_dests", 128 * size->destinations);
	old.rings = format1_mmap("shunt_rings", 8 * size->ring_slots);
	old.frags = format1_mmap("shunt_frags", 64 * size->fragment_buckets);
	old.svcdir = format1_mmap("shunt_svcdir", 96 * size->services);
	old.dstdir = format1_mmap("shunt_dstdir", 24 * size->destinations);
}

static inline void format1_look_away(const struct shunt_control *size)
{
	munmap(old.control, 144);
	munmap(old.vips, 128 * size->vip_slots);
	munmap(old.dests, 128 * size->destinations);
	munmap(old.rings, 8 * size->ring_slots);
	munmap(old.frags, 64 * size->fragment_buckets);
	munmap(old.svcdir, 96 * size->services);
	munmap(old.dstdir, 24 * size->destinations);
	memset(&old, 0, sizeof(old));
}

static inline void format1_maps(const struct shunt_control *size)
{
	const struct {
		const char *name;
		uint32_t value_size, entries;
		enum bpf_map_type type;
	} maps[] = {
		{"shunt_control", 144, 1, BPF_MAP_TYPE_ARRAY},
		{"shunt_vips", 64, 2 * size->vip_slots, BPF_MAP_TYPE_ARRAY},
		{"shunt_spans", 32, 2 * size->span_slots, BPF_MAP_TYPE_ARRAY},
		{"shunt_ranges", 8, 2 * size->range_slots, BPF_MAP_TYPE_ARRAY},
		{"shunt_dests", 128, size->destinations, BPF_MAP_TYPE_ARRAY},
		{"shunt_quic", 24, 2 * size->quic_slots, BPF_MAP_TYPE_ARRAY},
		{"shunt_sources", 4, size->sources, BPF_MAP_TYPE_LPM_TRIE},
		{"shunt_rings", 8, size->ring_slots, BPF_MAP_TYPE_ARRAY},
		{"shunt_conns", 64, size->conn_buckets, BPF_MAP_TYPE_ARRAY},
		{"shunt_frags", 64, size->fragment_buckets, BPF_MAP_TYPE_ARRAY},
		{"shunt_dstat", 16, size->destinations, BPF_MAP_TYPE_PERCPU_ARRAY},
		{"shunt_rstat", 16, 64, BPF_MAP_TYPE_PERCPU_ARRAY},
		{"shunt_qstat", 64, size->services, BPF_MAP_TYPE_PERCPU_ARRAY},
		{"shunt_icmp", 8, 1, BPF_MAP_TYPE_PERCPU_ARRAY},
		{"shunt_svcdir", 96, size->services, BPF_MAP_TYPE_ARRAY},
		{"shunt_dstdir", 24, size->destinations, BPF_MAP_TYPE_ARRAY},
	};

	assert_int_equal(mkdir(pin_dir, 0700), 0);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		close(format1_map(maps[i].name, maps[i].type, maps[i].value_size, maps[i].entries));
}

static inline void format1_service(uint32_t id, const char *name, uint32_t base, uint32_t owner)
{
	struct format1_service *service = &old.svcdir[id];

	strcpy(service->name, name);
	service->ring_base = base;
	service->ring_size = RING;
	service->salt = 7 + id;
	service->owner = owner;
	service->retired_packets = 1000 + id;
	service->retired_bytes = 2000 + id;
}

/* Up, with something in its template, and what it has counted. */
static inline void format1_dest(uint32_t id, uint32_t service, int dstat)
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter counted[cpus];

	old.dstdir[id] = (struct format1_dest){{0x0a000000 + id}, service, 4, {0}};
	old.dests[128 * id] = 1;
	memset(old.dests + 128 * id + 24, id, 80);
	for (int i = 0; i < cpus; i++)
		counted[i] = (struct shunt_counter){100 * id + i, 10000 * id + i};
	assert_int_equal(bpf_map_update_elem(dstat, &id, counted, 0), 0);
}

/* "web" (0) with 1 and 2; "dns" (1) with 3, and its pool "canary" (2) with 4. 5 is of dns, and no slot names it. */
static inline void format1_fill(const struct shunt_control *size)
{
	char path[128];
	int dstat;

	snprintf(path, sizeof(path), "%s/shunt_dstat", pin_dir);
	dstat = bpf_obj_get(path);
	format1_service(0, "web", 0, 0);
	format1_service(1, "dns", RING, 0);
	format1_service(2, "canary", 2 * RING, 2);
	for (uint32_t id = 1; id <= 5; id++)
		format1_dest(id, id > 2, dstat);
	close(dstat);
	for (uint32_t i = 0; i < 3 * RING; i++) {
		uint64_t id = i < RING ? 1 + i % 2 : i < 2 * RING ? 3 : 4;

		old.rings[i] = id | id << 20;
	}
	old.vips[0] = 192;
	old.frags[3] = 77ull | 3ull << 28 | 1ull << 48;
	*old.control = (struct format1_control){
		.format = 1,
		.vip_half = 1,
		.vip_multiplier = {5, 7},
		.seed = config.seed,
		.generation = 41,
		.vip_slots = size->vip_slots,
		.ring_slots = size->ring_slots,
		.destinations = size->destinations,
		.services = size->services,
		.conn_buckets = size->conn_buckets,
		.icmp_rate = 500,
		.span_slots = size->span_slots,
		.range_slots = size->range_slots,
		.vip_count = {1, 2},
		.sources = size->sources,
		.fragment_buckets = size->fragment_buckets,
		.quic_slots = size->quic_slots,
		.pad = 0xdead,
		.quic_multiplier = {11, 13},
	};
	old.control->magic = 0x746e756873;
}

static inline struct bpf_object *format1_program(void)
{
	char self[4096] = "", path[sizeof(self) + 32];
	struct bpf_object *object;
	int fd;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/../bpf/format1.bpf.o", dirname(self));
	object = bpf_object__open(path);
	assert_int_equal(libbpf_get_error(object), 0);
	snprintf(path, sizeof(path), "%s/shunt_control", pin_dir);
	fd = bpf_obj_get(path);
	assert_int_equal(bpf_map__reuse_fd(bpf_object__find_map_by_name(object, "shunt_control"), fd), 0);
	close(fd);
	return object;
}

/* As that version did it: in libxdp's dispatcher where today's program goes into one, else alone. */
static inline void format1_attach(bool dispatcher)
{
	const int index[] = {if_nametoindex(A), if_nametoindex(B)};
	struct bpf_object *object = format1_program();
	struct xdp_program *program;
	int fd;

	if (dispatcher) {
		program = xdp_program__from_bpf_obj(object, "xdp.frags");
		assert_int_equal(libxdp_get_error(program), 0);
		for (int i = 0; i < 2; i++)
			assert_int_equal(xdp_program__attach(program, index[i], XDP_MODE_NATIVE, 0), 0);
		xdp_program__close(program);
	} else {
		assert_int_equal(bpf_object__load(object), 0);
		fd = bpf_program__fd(bpf_object__find_program_by_name(object, "format1"));
		for (int i = 0; i < 2; i++)
			assert_int_equal(bpf_xdp_attach(index[i], fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	}
	bpf_object__close(object);
}

static inline void format1_make(bool dispatcher)
{
	struct shunt_control size;

	datapath_sizes(&config.limits, &size);
	format1_maps(&size);
	format1_look(&size);
	format1_fill(&size);
	format1_look_away(&size);
	format1_attach(dispatcher);
}

#endif
