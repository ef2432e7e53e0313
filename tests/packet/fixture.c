// SPDX-License-Identifier: GPL-2.0
/* The packet table's world: the program, loaded, and the tables that the fixture's lines (tests/packet/rows.py) describe. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/shuntd/model.h"
#include "packet.h"
#include "tunnel.h"

void *map_memory(const struct bpf_map *map)
{
	size_t len = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	if (p == MAP_FAILED)
		die(bpf_map__name(map));
	return p;
}

void fixture_load(struct fixture *f)
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
	conn_size_maps(f);
	bpf_map__set_max_entries(skel->maps.shunt_frags, FRAGMENT_BUCKETS);
	bpf_map__set_max_entries(skel->maps.wake_rings, DESTS);
	skel->rodata->knob_vip_slots = VIP_SLOTS;
	skel->rodata->knob_fragment_buckets = FRAGMENT_BUCKETS;
	shunt_hash_derive((struct shunt_hash_keys *)&skel->rodata->knob_hash_keys, SEED);
	if (shunt_bpf__load(skel))
		die("load");
	f->control = map_memory(skel->maps.data_shunt_control);
	f->vips = map_memory(skel->maps.shunt_vips);
	f->dests = map_memory(skel->maps.shunt_dests);
	f->rings = map_memory(skel->maps.shunt_rings);
	f->frags = map_memory(skel->maps.shunt_frags);
	f->control->icmp_rate = ICMP_RATE;
	match_open(f);
	quic_open(f);
	conn_open(f);
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
static void add_source(struct fixture *f, const char *line)
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

bool fixture_line(struct fixture *f, const char *line)
{
	static const struct {
		const char *word;
		void (*add)(struct fixture *f, const char *line);
	} kinds[] = {
		{"dest ", add_dest},
		{"vip ", add_vip},
		{"match ", match_add},
		{"source ", add_source},
		{"quic ", quic_add_service},
		{"quic_id ", quic_add_id},
		{"service ", conn_add_service},
		{"wake ", wake_add},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t len = strlen(kinds[i].word);

		if (strncmp(line, kinds[i].word, len) != 0)
			continue;
		kinds[i].add(f, line + len);
		return true;
	}
	return false;
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

/* Layouts differ in the half in force (the other one is empty) and in what collides with what. */
uint32_t fixture_place(struct fixture *f, int layout, uint32_t attempt)
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
