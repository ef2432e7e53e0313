// SPDX-License-Identifier: GPL-2.0
/*
 * What the daemon's side costs: memory of the maps by how many services they are for, as the kernel says of real ones; how long a ring takes to be built; and
 * what one backend that goes down and comes back takes until the ring is as it should be. The daemon's own code does it, to maps that
 * no interface uses. `make bench-daemon`, root.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "../../user/lib/config_internal.h"
#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/attach_priv.h"
#include "../../user/shuntd/datapath_priv.h"
#include "../../user/shuntd/ring.h"
#include "shunt.skel.h"

enum { RING = 65537, BACKENDS = 1000, PER_SERVICE = 20, SEED = 0x5eed, REPEAT = 21, MAPS_MAX = 64, TICK_MS = 250 };

static void die(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(1);
}

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1e6 + ts.tv_nsec / 1e3;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts. */
static json_t *tell(const char *what, double *us, int count)
{
	qsort(us, count, sizeof(*us), by_value);
	printf("%-60s %10.1f %10.1f\n", what, us[0], us[count / 2]);
	return json_pack("{s:s, s:f, s:f}", "what", what, "min_us", us[0], "median_us", us[count / 2]);
}

/* ---- memory */

static struct shunt_bpf *make_maps(const struct config_limits *limits)
{
	struct shunt_control sizes;
	struct shunt_bpf *skel;
	struct shunt_err err;

	datapath_sizes(limits, &sizes);
	if (attach_open_object(&skel, &sizes, SEED, &err))
		die(shunt_err_text(&err));
	if (shunt_bpf__load(skel))
		die("the maps: there is not enough memory for them, or the program was refused");
	return skel;
}

static struct config_limits limits_for(uint32_t services, uint32_t backends)
{
	struct config_limits limits = {0};

	for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++)
		*config_limit_of(&limits, &config_limit_table[i]) = config_limit_table[i].fallback;
	limits.vips = limits.services = services;
	limits.destinations = services * backends;
	limits.ring_slots = services * RING;
	return limits;
}

static uint64_t memory_of(int fd)
{
	char path[64], line[128];
	unsigned long long bytes = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "memlock: %llu", &bytes);
	if (f)
		fclose(f);
	return bytes;
}

static void tell_memory(json_t *out)
{
	static const uint32_t services[] = {1, 100, 10000};
	enum { COLUMNS = sizeof(services) / sizeof(*services) };
	uint64_t bytes[MAPS_MAX][COLUMNS] = {0}, sum[COLUMNS] = {0};
	char name[MAPS_MAX][BPF_OBJ_NAME_LEN + 16];
	json_t *maps = json_array();
	int count = 0;

	for (int c = 0; c < COLUMNS; c++) {
		const struct config_limits limits = limits_for(services[c], PER_SERVICE);
		struct shunt_bpf *skel = make_maps(&limits);
		struct bpf_map *map;

		count = 0;
		bpf_object__for_each_map(map, skel->obj)
		{
			snprintf(name[count], sizeof(name[count]), "%s", bpf_map__name(map));
			bytes[count][c] = memory_of(bpf_map__fd(map));
			sum[c] += bytes[count++][c];
		}
		shunt_bpf__destroy(skel);
	}
	printf("memory of maps, KiB, for so many services of a VIP, %d backends and a ring of %d slots; other limits "
	       "as preset\n",
	       PER_SERVICE, RING);
	printf("%-20s %12u %12u %12u\n", "map", services[0], services[1], services[2]);
	for (int i = 0; i < count; i++) {
		printf("%-20s %12.1f %12.1f %12.1f\n", name[i], bytes[i][0] / 1024.0, bytes[i][1] / 1024.0,
		       bytes[i][2] / 1024.0);
		json_array_append_new(maps, json_pack("{s:s, s:[I, I, I]}", "map", name[i], "bytes", bytes[i][0],
						      bytes[i][1], bytes[i][2]));
	}
	printf("%-20s %12.1f %12.1f %12.1f\n\n", "all", sum[0] / 1024.0, sum[1] / 1024.0, sum[2] / 1024.0);
	json_object_set_new(out, "memory",
			    json_pack("{s:[i, i, i], s:i, s:i, s:o}", "services", services[0], services[1], services[2],
				      "backends", PER_SERVICE, "ring_size", RING, "maps", maps));
}

/* ---- one service of a thousand backends */

static struct config *make_config(void)
{
	json_t *backends = json_array(), *tree;
	struct config *config;
	struct shunt_err err;
	char addr[32];

	for (uint32_t i = 0; i < BACKENDS; i++) {
		snprintf(addr, sizeof(addr), "10.0.%u.%u", i / 250, 1 + i % 250);
		json_array_append_new(backends, json_pack("{s:s}", "address", addr));
	}
	tree = json_pack("{s:[{s:s}], s:{s:s}, s:[{s:s, s:[s], s:i, s:{s:s}, s:o}]}", "interfaces", "name", "lo",
			 "source", "ipv4", "172.31.0.0/16", "services", "name", "web", "vips", "192.0.2.10:80/tcp",
			 "ring_size", RING, "check", "type", "tcp", "backends", backends);
	config = config_from_json(tree, NULL, &err);
	json_decref(tree);
	if (!config)
		die(shunt_err_text(&err));
	return config;
}

static struct shunt_addr changed; /* the backend that goes down and comes back */
static bool is_down;

static enum health_state health_of(void *arg, const char *service, const struct shunt_addr *backend)
{
	(void)arg;
	(void)service;
	return is_down && !addr_compare(backend, &changed) ? HEALTH_DOWN : HEALTH_UP;
}

static const struct nexthop *nexthop_of(void *arg, const struct shunt_addr *backend)
{
	static const struct nexthop hop = {.resolved = true, .ifindex = 1, .mtu = 1600};

	(void)arg;
	(void)backend;
	return &hop;
}

static void tell_rings(json_t *times)
{
	struct ring_backend *backends = xcalloc(BACKENDS, sizeof(*backends));
	uint32_t *base = xcalloc(RING, sizeof(*base)), *ring = xcalloc(RING, sizeof(*ring));
	bool available[BACKENDS];
	double build[REPEAT], resolve[REPEAT];

	for (uint32_t i = 0; i < BACKENDS; i++) {
		char addr[32];

		snprintf(addr, sizeof(addr), "10.0.%u.%u", i / 250, 1 + i % 250);
		addr_parse(addr, &backends[i].addr);
		backends[i].weight = 100;
		available[i] = i != BACKENDS / 2;
	}
	for (int i = 0; i < REPEAT; i++) {
		double start = now_us(), middle;

		ring_build(base, RING, backends, BACKENDS, SEED, i);
		middle = now_us();
		ring_resolve(ring, base, RING, available, BACKENDS, SEED, i);
		build[i] = middle - start;
		resolve[i] = now_us() - middle;
	}
	json_array_append_new(times, tell("ring of 65537 slots, 1,000 backends: the base ring", build, REPEAT));
	json_array_append_new(times, tell("  who takes the slots of one that is down", resolve, REPEAT));
	free(backends);
	free(base);
	free(ring);
}

struct change {
	double model, apply, ticks; /* us of the daemon's time */
	uint32_t slots;
};

static uint32_t differing(const struct datapath *dp, const uint32_t *before)
{
	uint32_t count = 0;

	for (uint32_t slot = 0; slot < RING; slot++)
		count += shunt_slot_current(dp->rings[slot]) != before[slot];
	return count;
}

/* The daemon's clock goes on by itself between the ticks; what is timed is work. */
static struct change make_change(struct datapath *dp, const struct config *config, struct model_cache *cache)
{
	const struct model_inputs inputs = {.seed = SEED, .health = health_of, .nexthop = nexthop_of};
	uint32_t *before = xcalloc(RING, sizeof(*before));
	struct change change = {0};
	double at = now_us();
	struct model *model;
	struct shunt_err err;

	for (uint32_t slot = 0; slot < RING; slot++)
		before[slot] = shunt_slot_current(dp->rings[slot]);
	at = now_us();
	model = model_build(config, &inputs, cache);
	change.model = now_us() - at;
	at = now_us();
	if (datapath_apply(dp, model, &err))
		die(shunt_err_text(&err));
	change.apply = now_us() - at;
	for (int ms = 0; ms < 10000; ms += TICK_MS) {
		dp->ahead_ms += TICK_MS;
		at = now_us();
		datapath_tick(dp);
		change.ticks += now_us() - at;
	}
	change.slots = differing(dp, before);
	model_free(model);
	free(before);
	return change;
}

static void tell_changes(json_t *out, json_t *times)
{
	struct config *config = make_config();
	struct model_cache *cache = model_cache_new();
	struct shunt_bpf *skel = make_maps(&config->limits);
	struct datapath_fds fds = attach_object_fds(skel);
	double model[REPEAT], apply[REPEAT], ticks[REPEAT];
	struct datapath *dp;
	struct shunt_err err;
	uint32_t slots = 0;

	if (datapath_open(&dp, &fds, &config->limits, SEED, &err))
		die(shunt_err_text(&err));
	changed = config->services[0].backends[BACKENDS / 2].addr;
	make_change(dp, config, cache);
	for (int i = 0; i < REPEAT; i++) {
		struct change change;

		is_down = !is_down;
		change = make_change(dp, config, cache);
		model[i] = change.model;
		apply[i] = change.apply;
		ticks[i] = change.ticks;
		if (!change.slots || (slots && change.slots != slots))
			die("a health change moves other slots back than away");
		slots = change.slots;
	}
	printf("one of 1,000 backends goes down or comes back: %u slots rewritten\n", slots);
	json_array_append_new(times, tell("  what is wanted: the model, with its ring", model, REPEAT));
	json_array_append_new(times, tell("  to the maps, at once (waits for the kernel included)", apply, REPEAT));
	json_array_append_new(times, tell("  slots, in the 10 s of timers that follow", ticks, REPEAT));
	json_object_set_new(out, "slots", json_integer(slots));
	datapath_close(dp);
	shunt_bpf__destroy(skel);
	model_cache_free(cache);
	config_free(config);
}

int main(int argc, char **argv)
{
	json_t *out = json_object(), *times = json_array();
	const char *path = argc == 3 && !strcmp(argv[1], "--json") ? argv[2] : NULL;

	if (argc > 1 && !path) {
		fputs("usage: bench_daemon [--json FILE]\n", stderr);
		return 2;
	}
	tell_memory(out);
	printf("%-60s %10s %10s\n", "us", "least", "median");
	tell_rings(times);
	tell_changes(out, times);
	json_object_set_new(out, "times", times);
	if (path && json_dump_file(out, path, JSON_INDENT(2)))
		die(path);
	json_decref(out);
	return 0;
}
