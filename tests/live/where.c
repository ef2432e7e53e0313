/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the pinned maps themselves say, whatever the daemon says of them, and while there is none.
 *
 * where PIN-DIR: how many slots and entries there are in which state, as JSON.
 * where PIN-DIR SOURCE PORT VIP PORT: of a TCP connection, for whoever looks for the cause of a loss: its slot, the slot's word, its home
 * bucket, and all entries that have its tag, in whichever bucket. Services that hash all of a flow, and VIPs of one address and port, only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../../user/lib/addr.h"
#include "shunt/hash.h"
#include "shunt/maps.h"

enum { DIRTY, REANCHOR, FAIL, PREP, MOVED, SLOT_COUNTS };
static const char *const slot_counts[SLOT_COUNTS] = {"dirty", "reanchor", "fail", "prep", "moved"};

static const char *pin_dir;
static const char *const conn_states[SHUNT_CONN_STATES] = {"new", "established", "anchored", "closing"};

/* The table's clock. */
static uint32_t now_ticks(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint32_t)(((uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec) >> SHUNT_CONN_TICK_SHIFT);
}

__attribute__((noreturn)) static void die(const char *what, const char *why)
{
	fprintf(stderr, "where: %s: %s\n", what, why);
	exit(1);
}

static int map_open(const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		die(path, strerror(errno));
	return fd;
}

/* One element of a map that is looked at once. */
static void map_read(const char *name, uint32_t index, void *value)
{
	int fd = map_open(name);

	if (bpf_map_lookup_elem(fd, &index, value) < 0)
		die(name, strerror(errno));
	close(fd);
}

static bool vip_find(const struct shunt_control *control, const struct shunt_addr *to, unsigned int port,
		     struct shunt_vip *vip)
{
	int fd = map_open("shunt_vips");
	bool found = false;

	for (uint32_t i = 0; i < control->vip_slots && !found; i++) {
		uint32_t index = control->vip_half * control->vip_slots + i;

		found = !bpf_map_lookup_elem(fd, &index, vip) && vip->family == to->family &&
			vip->proto == IPPROTO_TCP && vip->port == htons((uint16_t)port) &&
			!memcmp(vip->addr, to->word, sizeof(vip->addr));
	}
	close(fd);
	return found;
}

static void say_dest(const char *what, uint32_t id)
{
	static const char *const states[] = {"free", "up", "drain", "down", "dead"};
	struct shunt_dest_entry entry;
	struct shunt_addr addr = {};
	struct shunt_dest dest;
	char text[SHUNT_ADDR_TEXT];

	map_read("shunt_dstdir", id, &entry);
	map_read("shunt_dests", id, &dest);
	memcpy(addr.word, entry.addr, sizeof(addr.word));
	addr.family = entry.family;
	printf(" %s %u (%s, %s)", what, id, entry.family ? addr_format(&addr, text) : "nobody",
	       dest.state <= SHUNT_DEST_DEAD ? states[dest.state] : "?");
}

static void say_slot(uint32_t index)
{
	uint64_t word;

	map_read("shunt_rings", index, &word);
	printf("slot %u: %016jx", index, (uintmax_t)word);
	say_dest("current", shunt_slot_current(word));
	say_dest("anchor", shunt_slot_anchor(word));
	printf("%s%s%s%s filter %05x\n", word & SHUNT_SLOT_DIRTY ? " DIRTY" : "",
	       word & SHUNT_SLOT_REANCHOR ? " REANCHOR" : "", word & SHUNT_SLOT_FAIL ? " FAIL" : "",
	       word & SHUNT_SLOT_PREP ? " PREP" : "", (unsigned int)(word >> SHUNT_SLOT_FILTER_SHIFT));
}

static void say_entries(const struct shunt_control *control, uint32_t tag)
{
	int fd = map_open("shunt_conns");
	struct shunt_bucket bucket;

	for (uint32_t i = 0; i < control->conn_buckets && !bpf_map_lookup_elem(fd, &i, &bucket); i++) {
		for (int way = 0; way < SHUNT_CONN_WAYS; way++) {
			uint64_t e = bucket.entry[way];

			if (!shunt_conn_dest(e) || shunt_conn_tag(e) != tag)
				continue;
			printf("  bucket %u way %d: %016jx %s, age %u ticks", i, way, (uintmax_t)e,
			       conn_states[shunt_conn_state(e)], shunt_conn_age(e, now_ticks()));
			say_dest("to", shunt_conn_dest(e));
			putchar('\n');
		}
	}
	close(fd);
}

static void say_connection(const struct shunt_addr *from, unsigned int from_port, const struct shunt_addr *to,
			   unsigned int to_port)
{
	struct shunt_hash_keys keys;
	struct shunt_control control;
	struct shunt_vip vip;
	uint32_t ports = htons((uint16_t)from_port) | (uint32_t)htons((uint16_t)to_port) << 16, tag;
	uint64_t hash;

	map_read("shunt_control", 0, &control);
	if (!vip_find(&control, to, to_port, &vip))
		die("the connection", "not to a VIP of one address and port");
	shunt_hash_derive(&keys, control.seed);
	hash = shunt_flow_hash(&keys, from->word, to->word, ports, vip.salt ^ IPPROTO_TCP,
			       from->family == SHUNT_FAMILY_IPV6);
	tag = shunt_flow_tag(hash);
	printf("tag %07x, home bucket %u, ", tag, (uint32_t)hash & (control.conn_buckets - 1));
	say_slot(vip.ring_base + shunt_tag_slot(tag, vip.ring_size));
	say_entries(&control, tag);
}

static const uint64_t *map_words(const char *name, size_t words)
{
	int fd = map_open(name);
	const uint64_t *map = mmap(NULL, words * sizeof(*map), PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		die(name, strerror(errno));
	close(fd);
	return map;
}

static void count_slots(const struct shunt_control *control, unsigned int counts[SLOT_COUNTS])
{
	const uint64_t *rings = map_words("shunt_rings", control->ring_slots);
	struct shunt_service_entry service;

	for (uint32_t id = 0; id < control->services; id++) {
		map_read("shunt_svcdir", id, &service);
		for (uint32_t i = 0; service.name[0] && i < service.ring_size; i++) {
			uint64_t word = rings[service.ring_base + i];

			counts[DIRTY] += !!(word & SHUNT_SLOT_DIRTY);
			counts[REANCHOR] += !!(word & SHUNT_SLOT_REANCHOR);
			counts[FAIL] += !!(word & SHUNT_SLOT_FAIL);
			counts[PREP] += !!(word & SHUNT_SLOT_PREP);
			counts[MOVED] += shunt_slot_current(word) != shunt_slot_anchor(word);
		}
	}
}

static void say_counts(void)
{
	unsigned int slots[SLOT_COUNTS] = {}, entries[SHUNT_CONN_STATES] = {};
	struct shunt_control control;
	const uint64_t *ways;

	map_read("shunt_control", 0, &control);
	count_slots(&control, slots);
	ways = map_words("shunt_conns", (size_t)control.conn_buckets * SHUNT_CONN_WAYS);
	for (size_t i = 0; i < (size_t)control.conn_buckets * SHUNT_CONN_WAYS; i++) {
		if (shunt_conn_dest(ways[i]))
			entries[shunt_conn_state(ways[i])]++;
	}
	printf("{");
	for (int i = 0; i < SLOT_COUNTS; i++)
		printf("\"%s\":%u,", slot_counts[i], slots[i]);
	printf("\"entries\":{");
	for (int i = 0; i < SHUNT_CONN_STATES; i++)
		printf("%s\"%s\":%u", i ? "," : "", conn_states[i], entries[i]);
	printf("}}\n");
}

int main(int argc, char **argv)
{
	unsigned int from_port, to_port;
	struct shunt_addr from, to;

	if (argc != 2 && (argc != 6 || addr_parse(argv[2], &from) || number_parse(argv[3], 1, 65535, &from_port) ||
			  addr_parse(argv[4], &to) || number_parse(argv[5], 1, 65535, &to_port)))
		die("usage", "where PIN-DIR [SOURCE PORT VIP PORT]");
	pin_dir = argv[1];
	if (argc == 2)
		say_counts();
	else
		say_connection(&from, from_port, &to, to_port);
	return 0;
}
