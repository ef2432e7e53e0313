/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A configuration (packets_config.c), taken the daemon's whole way: parsed, made a model, written to the maps by datapath.c. The
 * program is the one that is installed. Only the type of three maps is another: counters, and the limit of ICMP errors, are shared
 * memory instead of one copy a CPU, so that all of them can be looked at after every packet without a system call. One thread
 * runs packets, so nobody misses the copies.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/attach_priv.h"
#include "packets.h"

static struct config *config; /* its limits are those of the maps */
static struct model *model;
static struct world world;
static struct target *target_of[DESTINATIONS]; /* by id */
static struct shunt_bpf *skel;
static struct datapath *datapath;

/* Shared with the program. */
static struct shunt_service_entry *svcdir;
static struct shunt_dest_entry *dstdir;
static struct shunt_dest *dests;
static struct shunt_counter *dest_counters, *reason_counters;
static uint64_t *full_at; /* shunt_icmp */
static struct shunt_bucket *fragments;

/* What the counters were before the packet. */
static struct shunt_counter dest_before[DESTINATIONS], reason_before[SHUNT_REASON_MAX];

/* What only the daemon writes, as it was after that. */
static struct kept {
	const void *at;
	void *copy;
	size_t bytes;
} kept[6];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "fuzz_packets: %s: %s\n", what, why);
	exit(2);
}

/* ---- program and maps */

static void make_model(uint64_t seed)
{
	struct model_cache *cache = model_cache_new();
	struct shunt_err err = {};
	json_t *tree = draw_config(seed, DESTINATIONS - 1);

	config = config_from_json(tree, NULL, &err);
	if (!config)
		die("the configuration", shunt_err_text(&err));
	model = model_build(config, &(struct model_inputs){.seed = config->seed, .nexthop = drawn_nexthop}, cache);
	model_cache_free(cache);
	json_decref(tree);
}

static void *map_memory(const struct bpf_map *map)
{
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (at == MAP_FAILED)
		die(bpf_map__name(map), strerror(errno));
	return at;
}

static void share_map(struct bpf_map *map)
{
	bpf_map__set_type(map, BPF_MAP_TYPE_ARRAY);
	bpf_map__set_map_flags(map, BPF_F_MMAPABLE);
}

/* As the daemon opens it. */
static void load_program(void)
{
	struct shunt_control sizes;
	struct shunt_err err = {};

	datapath_sizes(&config->limits, &sizes);
	if (attach_open_object(&skel, &sizes, config->seed, &err))
		die("open the program", shunt_err_text(&err));
	share_map(skel->maps.shunt_dstat);
	share_map(skel->maps.shunt_rstat);
	share_map(skel->maps.shunt_icmp);
	if (shunt_bpf__load(skel))
		die("load the program (must run as root)", strerror(errno));
	shunt_hash_derive(&world.keys, config->seed);
	world.fragment_buckets = sizes.fragment_buckets;
	world.conn_buckets = sizes.conn_buckets;
}

static void fill_maps(void)
{
	struct datapath_fds fds = attach_object_fds(skel);
	struct shunt_err err = {};

	if (datapath_open(&datapath, &fds, &config->limits, config->seed, &err) ||
	    datapath_apply(datapath, model, &err))
		die("fill the maps", shunt_err_text(&err));
	svcdir = map_memory(skel->maps.shunt_svcdir);
	dstdir = map_memory(skel->maps.shunt_dstdir);
	dests = map_memory(skel->maps.shunt_dests);
	dest_counters = map_memory(skel->maps.shunt_dstat);
	reason_counters = map_memory(skel->maps.shunt_rstat);
	full_at = map_memory(skel->maps.shunt_icmp);
	fragments = map_memory(skel->maps.shunt_frags);
	world.rings = map_memory(skel->maps.shunt_rings);
	world.conns = map_memory(skel->maps.shunt_conns);
	world.dests = dests;
}

/* The directories say which id is whose. */
static uint32_t find_id(const char *service, const struct shunt_addr *addr)
{
	for (uint32_t id = 1; id < DESTINATIONS; id++)
		if (dstdir[id].family == addr->family && !memcmp(dstdir[id].addr, addr->word, sizeof(addr->word)) &&
		    !strcmp(svcdir[dstdir[id].ring].name, service))
			return id;
	die(service, "has a backend without an id");
	return 0;
}

/* The daemon leaves nothing in a ring that is unresolved or not in use; the program is to notice if it ever did. */
static void damage(struct target *target, uint32_t nth)
{
	if (nth % 12 == 3) {
		target->soundness = UNRESOLVED;
		dests[target->id].ifindex = 0;
	} else if (nth % 12 == 7) {
		target->soundness = NOT_IN_USE;
		dests[target->id].state = SHUNT_DEST_FREE;
	}
}

static uint32_t find_ring(const char *service)
{
	for (uint32_t i = 0; i < SERVICES; i++)
		if (!svcdir[i].owner && !strcmp(svcdir[i].name, service))
			return svcdir[i].ring_base;
	die(service, "has no ring");
	return 0;
}

static void find_targets(void)
{
	uint32_t in_rings = 0;

	world.targets = xcalloc(model->service_count, sizeof(*world.targets));
	world.ring_base = xcalloc(model->service_count, sizeof(*world.ring_base));
	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *service = &model->services[i];

		if (atoi(service->name + 1) != (int)i)
			die(service->name, "is not where it is in the configuration");
		world.ring_base[i] = find_ring(service->name);
		world.targets[i] = xcalloc(service->dest_count + 1, sizeof(**world.targets));
		for (size_t k = 0; k < service->dest_count; k++) {
			struct target *target = &world.targets[i][k];

			target->dest = &service->dests[k];
			target->id = find_id(service->name, &target->dest->addr);
			if (!target->dest->nexthop.resolved) /* in no ring, but entries may name it */
				target->soundness = UNRESOLVED;
			target_of[target->id] = target;
			target->is_open = is_open(i);
			target->tunnel = drawn_tunnel(service->name, &target->dest->addr);
			target->source =
				target->dest->addr.family == SHUNT_FAMILY_IPV6 ? &model->source6 : &model->source4;
			if (target->dest->state == BACKEND_UP)
				damage(target, in_rings++);
		}
	}
}

static void keep(struct kept *entry, const struct bpf_map *map)
{
	entry->at = map_memory(map);
	entry->bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	entry->copy = xcalloc(1, entry->bytes);
	memcpy(entry->copy, entry->at, entry->bytes);
}

const struct world *world_open(uint64_t seed)
{
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	make_model(seed);
	load_program();
	fill_maps();
	world.model = model;
	find_targets();
	keep(&kept[0], skel->maps.data_shunt_control);
	keep(&kept[1], skel->maps.shunt_vips);
	keep(&kept[2], skel->maps.shunt_dests);
	keep(&kept[3], skel->maps.shunt_rings);
	keep(&kept[4], skel->maps.shunt_spans);
	keep(&kept[5], skel->maps.shunt_ranges);
	return &world;
}

bool world_unchanged(void)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		if (memcmp(kept[i].at, kept[i].copy, kept[i].bytes))
			return false;
	return true;
}

void world_forget_fragments(void)
{
	memset(fragments, 0, world.fragment_buckets * sizeof(*fragments));
}

void world_sleeps(bool asleep)
{
	const int fd = bpf_map__fd(skel->maps.wake_rings);
	const uint64_t never = 0;

	for (size_t i = 0; i < model->service_count; i++) {
		if (model->services[i].wakes == asleep)
			continue;
		model->services[i].wakes = asleep;
		if (asleep ? bpf_map_update_elem(fd, &world.ring_base[i], &never, BPF_ANY)
			   : bpf_map_delete_elem(fd, &world.ring_base[i]))
			die("wake_rings", strerror(errno));
	}
}

void world_close(void)
{
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		free(kept[i].copy);
	for (size_t i = 0; i < model->service_count; i++)
		free(world.targets[i]);
	free(world.targets);
	free(world.ring_base);
	datapath_close(datapath);
	shunt_bpf__destroy(skel);
	model_free(model);
	config_free(config);
}

/* ---- questions about it */

const struct model_service *world_service(const struct world *w, const struct shunt_addr *addr, uint16_t port,
					  uint8_t proto)
{
	const struct drawn_vip *vip = find_vip(addr, port, proto);

	return vip ? &w->model->services[vip->service] : NULL;
}

const struct target *world_target(uint32_t id)
{
	return id < DESTINATIONS ? target_of[id] : NULL;
}

/* ---- running */

const char *counter_name(uint32_t counter)
{
	static const char *const names[] = {
#define X(e, name, action, text) #name,
		SHUNT_REASONS(X)
#undef X
	};
	static char text[32];

	if (counter < SHUNT_REASON_COUNT)
		return names[counter];
	snprintf(text, sizeof(text), "destination %u", counter - DESTINATION);
	return text;
}

/* Of a frame in several buffers whose IP packet ends in the first, the plain path counts that one: padding of a page and more. */
static bool counts_bytes(uint64_t rose, uint32_t len)
{
	return rose == len || (len > BUFFER_MAX && rose < len && rose >= BUFFER_MAX);
}

/* Which of them rose? Exactly one may in both tables together, by one packet and the frame's bytes. */
static const char *rises(struct shunt_counter *before, const struct shunt_counter *now, uint32_t count, uint32_t len,
			 uint32_t name, uint32_t *found)
{
	if (!memcmp(before, now, count * sizeof(*now)))
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		if (!memcmp(&before[i], &now[i], sizeof(*now)))
			continue;
		if (*found != UINT32_MAX)
			return "two counters moved";
		*found = name + i;
		if (now[i].packets != before[i].packets + 1)
			return "a counter did not rise by one packet";
		if (!counts_bytes(now[i].bytes - before[i].bytes, len))
			return "a counter did not rise by the frame's bytes";
		before[i] = now[i];
	}
	return NULL;
}

const char *world_run(const struct frame *in, bool may_tell, struct outcome *outcome)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->byte, .data_size_in = in->len,
		    .data_out = outcome->out.byte, .data_size_out = sizeof(outcome->out.byte));
	const char *wrong;

	*full_at = may_tell ? 0 : UINT64_MAX / 2; /* all tokens are there, or none for centuries */
	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.shunt_xdp), &opts))
		die("BPF_PROG_TEST_RUN", strerror(errno));
	outcome->out.len = opts.data_size_out;
	outcome->action = opts.retval;
	outcome->counter = UINT32_MAX;
	wrong = rises(reason_before, reason_counters, SHUNT_REASON_MAX, in->len, 0, &outcome->counter);
	if (!wrong)
		wrong = rises(dest_before, dest_counters, DESTINATIONS, in->len, DESTINATION, &outcome->counter);
	if (!wrong && outcome->counter == UINT32_MAX)
		wrong = "no counter moved";
	return wrong;
}
