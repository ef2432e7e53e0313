/* SPDX-License-Identifier: GPL-2.0 */
/* The yardstick's maps: classic.bpf.c with a world's services and backends. */
#include <errno.h>
#include <stdlib.h>
#include <sched.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include "../../user/lib/xalloc.h"
#include "bench.h"
#include "classic.skel.h"
#include "shunt/hash.h"

enum { FLOWS_MAX = 1 << 21, BATCH = 65536 };

static void add_vips(const struct classic_bpf *skel, const struct world *w)
{
	for (uint32_t service = 0; service < w->services; service++)
		for (int kind = 0; kind < 3; kind++) { /* TCP, UDP, IPv6 TCP */
			struct classic_key key = {.port = htons(PORT_PLAIN)};
			struct classic_vip vip = {.number = service};

			key.proto = kind == 1 ? IPPROTO_UDP : IPPROTO_TCP;
			key.addr[0] = htonl(kind == 2 ? 0x20010db8 : 0xc6120000 + service);
			key.addr[3] = kind == 2 ? htonl(0x00010000 + service) : 0;
			if (bpf_map_update_elem(bpf_map__fd(skel->maps.classic_vips), &key, &vip, BPF_ANY))
				die("classic_vips");
		}
}

/* value: of the entry, by its index. */
static void fill_array(struct bpf_map *map, const struct world *w, uint32_t (*value)(const struct world *, uint32_t))
{
	uint32_t entries = bpf_map__max_entries(map), *keys = xcalloc(BATCH, sizeof(*keys));
	uint32_t *values = xcalloc(BATCH, sizeof(*values));

	for (uint32_t at = 0; at < entries;) {
		uint32_t count = entries - at < BATCH ? entries - at : BATCH;

		for (uint32_t i = 0; i < count; i++) {
			keys[i] = at + i;
			values[i] = value(w, at + i);
		}
		if (bpf_map_update_batch(bpf_map__fd(map), keys, values, &count, NULL))
			die(bpf_map__name(map));
		at += count;
	}
	free(keys);
	free(values);
}

static uint32_t slot_value(const struct world *w, uint32_t slot)
{
	return 1 + slot / w->ring_size * w->backends + (uint32_t)(shunt_mix64(slot) % w->backends);
}

static uint32_t backend_value(const struct world *w, uint32_t backend)
{
	(void)w;
	return htonl(BACKEND_NET + backend);
}

/* The one CPU that the benchmark runs on has a table. */
static void add_flows(const struct classic_bpf *skel)
{
	uint32_t cpu = (uint32_t)sched_getcpu();
	int fd = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "classic_cpu", sizeof(struct classic_flow),
				sizeof(struct classic_choice), FLOWS_MAX, NULL);

	if (fd < 0 || bpf_map_update_elem(bpf_map__fd(skel->maps.classic_flows), &cpu, &fd, BPF_ANY))
		die("classic_flows");
	close(fd);
}

static int classic_open(struct target *t, const struct world *w)
{
	struct classic_bpf *skel = classic_bpf__open();

	if (!skel)
		die("classic.bpf.o");
	skel->rodata->ring_size = w->ring_size;
	bpf_map__set_max_entries(skel->maps.classic_vips, 3 * w->services);
	bpf_map__set_max_entries(skel->maps.classic_rings, w->services * w->ring_size);
	bpf_map__set_max_entries(skel->maps.classic_backends, w->services * w->backends + 1);
	bpf_map__set_max_entries(skel->maps.classic_backend_counters, w->services * w->backends + 1);
	bpf_map__set_max_entries(skel->maps.classic_vip_counters, w->services);
	bpf_map__set_max_entries(skel->maps.classic_counters, CLASSIC_COUNTERS);
	if (classic_bpf__load(skel))
		die("load classic");
	add_vips(skel, w);
	fill_array(skel->maps.classic_rings, w, slot_value);
	fill_array(skel->maps.classic_backends, w, backend_value);
	add_flows(skel);
	t->world = skel;
	return bpf_program__fd(skel->progs.classic);
}

static void classic_close(struct target *t)
{
	classic_bpf__destroy(t->world);
	t->world = NULL;
}

/* It knows no other tunnel, no other choice, and no ranges. */
static bool classic_can(const struct target *t, const struct workload *w)
{
	(void)t;
	return w->port == PORT_PLAIN || w->port == PORT_NONE;
}

const struct target classic_target = {
	.name = "classic",
	.open = classic_open,
	.close = classic_close,
	.can = classic_can,
	.checks = true,
};
