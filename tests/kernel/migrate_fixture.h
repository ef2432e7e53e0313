/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests of taking over format 1: what is pinned, what runs, and whether all that was there lives on. */
#ifndef TEST_MIGRATE_FIXTURE_H
#define TEST_MIGRATE_FIXTURE_H

#include <dirent.h>
#include <time.h>

#include "format1.h"

static const struct config_interface both[] = {{A, CONFIG_MODE_AUTO}, {B, CONFIG_MODE_AUTO}};
static bool dispatcher;
static struct shunt_control size;

/* The id of the program on an interface, a dispatcher's perhaps; 0: none. */
static inline uint32_t runs(const char *name)
{
	uint32_t id = 0;

	assert_int_equal(bpf_xdp_query_id(if_nametoindex(name), 0, &id), 0);
	return id;
}

static inline bool dispatcher_works(void)
{
	struct attach *attach = opens();
	struct attach_status status;

	assert_int_equal(attach_interfaces(attach, both, 1, NULL), 0);
	assert_int_equal(attach_list(attach, &status, 1), 1);
	assert_int_equal(attach_detach(attach, NULL), 0);
	closes(attach);
	return status.dispatcher;
}

/* ---- what is pinned */

struct pins {
	char name[96][64];
	uint32_t id[96];
	size_t count;
};

static inline int not_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static inline struct pins pins_now(void)
{
	struct bpf_map_info info;
	struct pins now = {0};
	struct dirent **list;
	int count = scandir(pin_dir, &list, not_dot, alphasort);

	for (int i = 0; i < count; i++) {
		uint32_t len = sizeof(info);
		char path[512];
		int fd;

		snprintf(path, sizeof(path), "%s/%s", pin_dir, list[i]->d_name);
		fd = bpf_obj_get(path);
		assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
		close(fd);
		snprintf(now.name[now.count], sizeof(now.name[0]), "%.63s", list[i]->d_name);
		now.id[now.count++] = info.id;
		free(list[i]);
	}
	if (count >= 0)
		free(list);
	return now;
}

static inline uint32_t pin_id(const struct pins *pins, const char *name)
{
	for (size_t i = 0; i < pins->count; i++)
		if (!strcmp(pins->name[i], name))
			return pins->id[i];
	return 0;
}

static inline void *map_of(int fd, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

/* ---- what must live on */

static inline void judge_control(const struct shunt_control *now)
{
	assert_true(now->magic == SHUNT_MAGIC && now->format == 2);
	assert_int_equal(now->vip_half, 1);
	assert_true(now->vip_multiplier[0] == 5 && now->vip_multiplier[1] == 7);
	assert_true(now->quic_multiplier[0] == 11 && now->quic_multiplier[1] == 13);
	assert_true(now->seed == config.seed && now->generation == 41);
	assert_true(now->vip_count[0] == 1 && now->vip_count[1] == 2 && now->icmp_rate == 500);
	assert_int_equal(now->conn_expiry, 0);
}

static inline void judge_counters(int dstat, uint32_t id)
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter counted[cpus];

	assert_int_equal(bpf_map_lookup_elem(dstat, &id, counted), 0);
	for (int i = 0; i < cpus; i++)
		assert_true(counted[i].packets == 100 * id + i && counted[i].bytes == 10000 * id + i);
}

static inline void judge_dests(const struct attach *attach)
{
	static const uint32_t rings[] = {0, 0, 0, 1, 2, 1}; /* by id */
	struct shunt_dest_entry *dstdir = map_of(attach_fds(attach)->dstdir, size.destinations * sizeof(*dstdir));
	struct shunt_dest *dests = map_of(attach_fds(attach)->dests, size.destinations * sizeof(*dests));
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (uint32_t id = 1; id <= 5; id++) {
		uint8_t hdr[SHUNT_HDR_MAX];

		memset(hdr, id, sizeof(hdr));
		assert_int_equal(dstdir[id].addr[0], 0x0a000000 + id);
		assert_true(dstdir[id].family == 4 && dstdir[id].ring == rings[id]);
		assert_true(dstdir[id].since && dstdir[id].since <= (uint64_t)now.tv_sec);
		assert_memory_equal(dests[id].hdr, hdr, sizeof(hdr));
		assert_int_equal(dests[id].state, SHUNT_DEST_UP);
		assert_true(dests[id].ring_base == RING * rings[id] && dests[id].ring_size == RING);
		judge_counters(attach_fds(attach)->dstat, id);
	}
	assert_true(!dstdir[6].family && !dests[6].ring_size);
	munmap(dstdir, size.destinations * sizeof(*dstdir));
	munmap(dests, size.destinations * sizeof(*dests));
}

static inline void judge_services(const struct attach *attach)
{
	static const char *const names[] = {"web", "dns", "canary"};
	struct shunt_service_entry *svcdir = map_of(attach_fds(attach)->svcdir, size.services * sizeof(*svcdir));
	uint64_t *rings = map_of(attach_fds(attach)->rings, size.ring_slots * sizeof(*rings));

	for (uint32_t id = 0; id < 3; id++) {
		assert_string_equal(svcdir[id].name, names[id]);
		assert_int_equal(svcdir[id].retired_packets, 1000 + id);
	}
	for (uint32_t i = 0; i < 3 * RING; i++)
		assert_true(rings[i] == shunt_slot_clean(i < RING ? 1 + i % 2 : i < 2 * RING ? 3 : 4));
	munmap(svcdir, size.services * sizeof(*svcdir));
	munmap(rings, size.ring_slots * sizeof(*rings));
}

/* Pinned are the maps of format 2, with the names of format 2, and nothing else; both interfaces run the program that uses them. */
static inline void judge_taken_over(struct attach *attach, const struct pins *before)
{
	const struct shunt_control *control = map_of(attach_fds(attach)->control, sizeof(*control));
	struct attach_status status[2];
	struct pins now = pins_now();

	assert_true(attach_adopted(attach) && !attach->other_id);
	judge_control(control);
	munmap((void *)control, sizeof(*control));
	judge_dests(attach);
	judge_services(attach);
	for (size_t i = 0; i < now.count; i++) {
		bool is_anew = !strcmp(now.name[i], "shunt_control") || !strcmp(now.name[i], "shunt_dstdir") ||
			       !strcmp(now.name[i], "shunt_cstat");

		assert_true((pin_id(before, now.name[i]) == now.id[i]) == !is_anew);
	}
	assert_int_equal(now.count, 17);
	assert_int_equal(attach_interfaces(attach, both, 2, NULL), 0);
	assert_int_equal(attach_list(attach, status, 2), 2);
	for (int i = 0; i < 2; i++)
		assert_true(status[i].attached && status[i].dispatcher == dispatcher &&
			    status[i].mode == CONFIG_MODE_NATIVE);
}

static inline bool migrate_ready(void)
{
	if (!fixture_ready())
		return false;
	config.limits.services = 3;
	config.limits.ring_slots = 3 * RING;
	datapath_sizes(&config.limits, &size);
	links_up(NULL);
	dispatcher = dispatcher_works();
	all_down(NULL);
	return true;
}

#endif
