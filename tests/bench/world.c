/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shunt's program, and its maps filled for a world: service 0 has a VIP for each of the ports in bench.h and rings for them behind those of all
 * services. Slots name destinations at random and not by Maglev, which is the same to the program. What fills the maps is the daemon's own code
 * where that is of use: the table of VIPs, the templates.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/model.h"
#include "../../user/shuntd/viptable.h"
#include "bench.h"
#include "shunt/hash.h"
#include "shunt/reasons.h"
#include "shunt.skel.h"

enum { SEED = 0x5eed, PREFIXES = 100, SPANS = 2 * PREFIXES, RANGES = 3 * PREFIXES, VIPS_MAX = 1024, MAPPINGS = 16 };
/* Rings of service 0, behind those of all services. */
enum extra_ring { RING_GUE, RING_MOVED, RING_FLOOD, RING_TURN, EXTRA_RINGS };

struct maps {
	struct world world;
	struct bpf_object *obj;
	uint32_t vip_slots;
	struct shunt_control *control;
	struct shunt_vip *vips;
	struct shunt_dest *dests;
	struct shunt_bucket *conns;
	uint64_t *rings;
	int rstat;
	struct {
		void *at;
		size_t len;
	} mapped[MAPPINGS];
	int mapped_count;
};

void die(const char *what)
{
	char why[128]; /* libbpf has errors of its own */

	libbpf_strerror(errno, why, sizeof(why));
	fprintf(stderr, "bench: %s: %s\n", what, why);
	exit(1);
}

struct bpf_map *find_map(const struct bpf_object *obj, const char *name)
{
	struct bpf_map *map = bpf_object__find_map_by_name(obj, name);

	if (!map)
		die(name);
	return map;
}

static void *map_memory(struct maps *m, const char *name)
{
	const struct bpf_map *map = find_map(m->obj, name);
	size_t page = 4096, len = (size_t)bpf_map__max_entries(map) * ((bpf_map__value_size(map) + 7) & ~7u);
	void *p;

	len = (len + page - 1) & ~(page - 1);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
	if (p == MAP_FAILED || m->mapped_count == MAPPINGS)
		die(name);
	m->mapped[m->mapped_count].at = p;
	m->mapped[m->mapped_count++].len = len;
	return p;
}

static uint32_t ring_base(const struct world *w, enum extra_ring extra)
{
	return (w->services + extra) * w->ring_size;
}

static uint32_t dest_id(const struct world *w, uint32_t service, uint32_t backend)
{
	return 1 + service * w->backends + backend;
}

/* Behind those of all services: service 0's once more, by GUE. */
static uint32_t gue_id(const struct world *w, uint32_t backend)
{
	return dest_id(w, w->services, backend);
}

static uint32_t dest_count(const struct world *w)
{
	return dest_id(w, w->services + 1, 0);
}

static void set_sizes(const struct maps *m)
{
	const struct world *w = &m->world;
	const struct {
		const char *map;
		uint32_t entries;
	} sizes[] = {
		{"shunt_vips", 2 * m->vip_slots},  {"shunt_spans", 2 * SPANS},
		{"shunt_ranges", 2 * RANGES},	   {"shunt_rings", (w->services + EXTRA_RINGS) * w->ring_size},
		{"shunt_dests", dest_count(w)},	   {"shunt_dstat", dest_count(w)},
		{"shunt_rstat", SHUNT_REASON_MAX}, {"shunt_conns", CONN_BUCKETS},
		{"shunt_cstat", w->services},	   {"pick_services", w->services},
		{"pick_turns", w->services},	   {"pick_live", dest_count(w)},
		{"pick_list", w->backends},
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		if (bpf_object__find_map_by_name(m->obj, sizes[i].map)) /* another build may lack one */
			bpf_map__set_max_entries(find_map(m->obj, sizes[i].map), sizes[i].entries);
}

static void load(struct maps *m, const char *path)
{
	struct shunt_bpf__rodata *knobs;
	struct bpf_program *prog;
	size_t size;
	const void *bytes = shunt_bpf__elf_bytes(&size);

	m->obj = path ? bpf_object__open_file(path, NULL) : bpf_object__open_mem(bytes, size, NULL);
	if (!m->obj)
		die(path ? path : "shunt.bpf.o");
	set_sizes(m);
	knobs = (void *)bpf_map__initial_value(find_map(m->obj, ".rodata"), &size);
	if (size != sizeof(*knobs)) {
		errno = EPROTO;
		die("the object has other knobs than the benchmark was built with");
	}
	knobs->knob_vip_slots = m->vip_slots;
	knobs->knob_conn_buckets = CONN_BUCKETS;
	shunt_hash_derive(&knobs->knob_hash_keys, SEED);
	/* A program array wants all of its programs to say the same of frames in several buffers. */
	bpf_object__for_each_program(prog, m->obj) bpf_program__set_flags(prog, BPF_F_XDP_HAS_FRAGS);
	if (bpf_object__load(m->obj))
		die(path ? path : "load shunt");
}

/* ---- VIPs */

static struct shunt_vip vip_of(const struct world *w, bool is_v6, uint8_t proto, uint16_t port, uint32_t service)
{
	struct shunt_vip vip = {.port = htons(port), .proto = proto, .service = service, .salt = service + 1};
	struct shunt_hash_keys keys;

	vip.family = is_v6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4;
	vip.ring_size = w->ring_size;
	vip.ring_base = service * w->ring_size;
	if (is_v6) {
		vip.addr[0] = htonl(0x20010db8);
		vip.addr[3] = htonl(0x00010000 + service);
	} else {
		vip.addr[0] = htonl(0xc6120000 + service); /* 198.18.0.0 */
	}
	shunt_hash_derive(&keys, SEED);
	vip.hash = shunt_hash_vip(&keys, vip.addr, vip.salt ^ proto, is_v6);
	return vip;
}

static size_t special_vips(const struct world *w, struct shunt_vip *out)
{
	static const struct {
		uint16_t port;
		enum extra_ring ring;
	} with_ring[] = {
		{PORT_GUE, RING_GUE}, {PORT_MOVED, RING_MOVED}, {PORT_FLOOD, RING_FLOOD}, {PORT_TURN, RING_TURN}};
	size_t count = 0;

	for (size_t i = 0; i < sizeof(with_ring) / sizeof(*with_ring); i++) {
		out[count] = vip_of(w, false, IPPROTO_TCP, with_ring[i].port, 0);
		out[count].flags = with_ring[i].port == PORT_TURN ? SHUNT_VIP_PICKS : 0;
		out[count++].ring_base = ring_base(w, with_ring[i].ring);
	}
	out[count] = vip_of(w, false, IPPROTO_TCP, PORT_SOURCE, 0);
	out[count].flags = SHUNT_VIP_SPECIAL | SHUNT_HASH_SOURCE;
	out[count++].hash_prefix = 32;
	out[count] = viptable_service(0);
	out[count].salt = 1;
	out[count++].ring_size = w->ring_size;
	return count;
}

static void fill_vips(struct maps *m)
{
	const struct world *w = &m->world;
	struct shunt_vip *vips = xcalloc(3 * (size_t)w->services + 8, sizeof(*vips));
	uint64_t multiplier;
	size_t count = 0;

	for (uint32_t service = 0; service < w->services; service++) {
		vips[count++] = vip_of(w, false, IPPROTO_TCP, PORT_PLAIN, service);
		vips[count++] = vip_of(w, false, IPPROTO_UDP, PORT_PLAIN, service);
		vips[count++] = vip_of(w, true, IPPROTO_TCP, PORT_PLAIN, service);
	}
	count += special_vips(w, vips + count);
	errno = -viptable_build(m->vips, m->vip_slots, vips, count, &multiplier);
	if (errno)
		die("shunt_vips");
	m->control->vip_multiplier[0] = multiplier;
	free(vips);
}

/* One service's prefixes, of which 198.18.0.0/24 is in the middle, each with a range of ports and, on either side, another. */
static void fill_prefixes(struct maps *m)
{
	struct shunt_span *spans = map_memory(m, "shunt_spans");
	struct shunt_range *ranges = map_memory(m, "shunt_ranges");
	uint32_t entry = 0;

	while (!viptable_is_service(&m->vips[entry]))
		entry++;
	for (uint32_t i = 0; i < PREFIXES; i++) {
		spans[i] = (struct shunt_span){.low = 0xffffc6120000 + 256 * i - 256 * PREFIXES / 2,
					       .first = {3 * i},
					       .count = {3},
					       .vip = entry};
		ranges[3 * i] = (struct shunt_range){1000, 1999, entry};
		ranges[3 * i + 1] = (struct shunt_range){8000, 8999, entry};
		ranges[3 * i + 2] = (struct shunt_range){10000, 10999, entry};
	}
	m->control->span_slots = SPANS;
	m->control->range_slots = RANGES;
}

/* ---- destinations and rings */

static void fill_dests(struct maps *m)
{
	const struct world *w = &m->world;
	struct model_dest dest = {.state = BACKEND_UP, .nexthop = {.resolved = true, .ifindex = 1, .mtu = 9000}};
	struct shunt_prefix source;

	prefix_parse("172.31.0.0/16", &source);
	for (uint32_t id = 1; id < dest_count(w); id++) {
		bool is_gue = id >= gue_id(w, 0);
		uint32_t addr = BACKEND_NET + (is_gue ? id - w->services * w->backends : id);
		char text[INET_ADDRSTRLEN];

		addr = htonl(addr);
		addr_parse(inet_ntop(AF_INET, &addr, text, sizeof(text)), &dest.addr);
		dest.encap = (struct config_encap){CONFIG_ENCAP_AUTO, 0, 0};
		if (is_gue)
			dest.encap = (struct config_encap){CONFIG_ENCAP_GUE, 1, 6080};
		model_template(&m->dests[id], &dest, &source);
		m->dests[id].ring_base = ring_base(w, RING_MOVED);
		m->dests[id].ring_size = w->ring_size;
	}
}

static uint32_t backend_of(const struct world *w, uint64_t slot)
{
	return (uint32_t)(shunt_mix64(slot) % w->backends);
}

/* A slot that has just gone from one backend to the next one. */
static uint64_t moved(const struct world *w, uint32_t backend)
{
	return (uint64_t)dest_id(w, 0, (backend + 1) % w->backends) |
	       (uint64_t)dest_id(w, 0, backend) << SHUNT_SLOT_ANCHOR_SHIFT | SHUNT_SLOT_DIRTY | SHUNT_SLOT_REANCHOR;
}

static void fill_rings(struct maps *m)
{
	const struct world *w = &m->world;

	for (uint64_t slot = 0; slot < (uint64_t)w->services * w->ring_size; slot++)
		m->rings[slot] = shunt_slot_clean(dest_id(w, (uint32_t)(slot / w->ring_size), backend_of(w, slot)));
	for (uint32_t slot = 0; slot < w->ring_size; slot++) {
		uint32_t backend = backend_of(w, slot);
		bool is_moved = shunt_mix64(~(uint64_t)slot) % 100 < w->moved;

		m->rings[ring_base(w, RING_GUE) + slot] = shunt_slot_clean(gue_id(w, backend));
		m->rings[ring_base(w, RING_MOVED) + slot] = is_moved ? moved(w, backend) : m->rings[slot];
		m->rings[ring_base(w, RING_FLOOD) + slot] = moved(w, backend);
		m->rings[ring_base(w, RING_TURN) + slot] = m->rings[slot] | SHUNT_SLOT_DIRTY;
	}
}

static void fill_picks(struct maps *m)
{
	struct shunt_pick *services = map_memory(m, "pick_services");
	uint64_t *list = map_memory(m, "pick_list");

	services[0] = (struct shunt_pick){.count = m->world.backends};
	for (uint32_t backend = 0; backend < m->world.backends; backend++)
		list[backend] = dest_id(&m->world, 0, backend);
}

/* ---- the target */

static int shunt_open(struct target *t, const struct world *world)
{
	struct maps *m = xcalloc(1, sizeof(*m));

	m->world = *world;
	m->vip_slots = viptable_slots(world->services < VIPS_MAX ? VIPS_MAX : world->services);
	load(m, t->path);
	/* A map of its own in builds before 2026-11-22. */
	m->control = map_memory(m, bpf_object__find_map_by_name(m->obj, "shunt_control") ? "shunt_control"
											 : ".data.shunt_control");
	m->vips = map_memory(m, "shunt_vips");
	m->dests = map_memory(m, "shunt_dests");
	m->rings = map_memory(m, "shunt_rings");
	m->conns = map_memory(m, "shunt_conns");
	m->rstat = bpf_map__fd(find_map(m->obj, "shunt_rstat"));
	m->control->conn_expiry = shunt_conn_expiry(900);
	fill_vips(m);
	fill_prefixes(m);
	fill_dests(m);
	fill_rings(m);
	fill_picks(m);
	t->world = m;
	return bpf_program__fd(bpf_object__find_program_by_name(m->obj, "shunt_xdp"));
}

static void shunt_close(struct target *t)
{
	struct maps *m = t->world;

	for (int i = 0; i < m->mapped_count; i++)
		munmap(m->mapped[i].at, m->mapped[i].len);
	bpf_object__close(m->obj);
	free(m);
	t->world = NULL;
}

static void shunt_begin(struct target *t, const struct workload *w)
{
	struct maps *m = t->world;

	memset(m->conns, 0, CONN_BUCKETS * sizeof(*m->conns));
	m->control->vip_spans[0] = w->port == PORT_RANGE ? PREFIXES : 0;
}

static uint64_t shunt_refused(const struct target *t)
{
	const struct maps *m = t->world;
	struct shunt_counter cpus[libbpf_num_possible_cpus()];
	uint64_t sum = 0;

	for (uint32_t reason = 0; reason < SHUNT_REASON_MAX; reason++) {
		if (bpf_map_lookup_elem(m->rstat, &reason, cpus))
			die("shunt_rstat");
		for (size_t cpu = 0; cpu < sizeof(cpus) / sizeof(*cpus); cpu++)
			sum += cpus[cpu].packets;
	}
	return sum;
}

const struct target shunt_target = {
	.name = "shunt",
	.open = shunt_open,
	.close = shunt_close,
	.begin = shunt_begin,
	.refused = shunt_refused,
	.checks = true,
};
