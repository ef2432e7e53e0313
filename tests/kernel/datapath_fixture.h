/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of datapath.c: maps as the daemon makes them (not pinned, nothing attached), random models to apply to them, and
 * a judge, which reads the maps by itself and knows datapath.c only by its contract, include/shunt/maps.h.
 */
#ifndef TEST_DATAPATH_FIXTURE_H
#define TEST_DATAPATH_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/attach_priv.h"
#include "../../user/shuntd/datapath.h"
#include "../../user/shuntd/quictable.h"
#include "shunt/hash.h"
#include "shunt.skel.h"

#define SEED 0x5eedull

static const struct config_limits fixture_limits = {
	.vips = 16,
	.services = 18, /* rings: each of six services may have two pools */
	.destinations = 100,
	.ring_slots = 18 * 13 + 10,
	.connections = 64,
	.prefixes = 8,
	.port_ranges = 40,
	.sources = 100000,
	.fragments = 64,
	.quic_ids = 40,
};

/* Mapped by the test itself. */
struct fixture {
	struct shunt_bpf *skel;
	struct datapath_fds fds;
	struct shunt_control size; /* the sizes that the limits ask for */
	struct shunt_control *control;
	struct shunt_vip *vips;
	struct shunt_quic_id *quic;
	uint64_t *rings;
	struct shunt_dest *dests;
	struct shunt_service_entry *svcdir;
	struct shunt_dest_entry *dstdir;
};

static inline void *fixture_map(struct bpf_map *map)
{
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static inline void fixture_open(struct fixture *f)
{
	struct shunt_err err;
	struct shunt_bpf *s;

	*f = (struct fixture){0};
	datapath_sizes(&fixture_limits, &f->size);
	assert_int_equal(attach_open_object(&f->skel, &f->size, SEED, &err), 0);
	s = f->skel;
	assert_int_equal(shunt_bpf__load(s), 0);
	f->control = fixture_map(s->maps.shunt_control);
	f->vips = fixture_map(s->maps.shunt_vips);
	f->quic = fixture_map(s->maps.shunt_quic);
	f->rings = fixture_map(s->maps.shunt_rings);
	f->dests = fixture_map(s->maps.shunt_dests);
	f->svcdir = fixture_map(s->maps.shunt_svcdir);
	f->dstdir = fixture_map(s->maps.shunt_dstdir);
	f->fds = attach_object_fds(s);
}

static inline void fixture_close(struct fixture *f)
{
	munmap(f->control, sizeof(*f->control));
	munmap(f->vips, 2 * f->size.vip_slots * sizeof(*f->vips));
	munmap(f->quic, 2 * f->size.quic_slots * sizeof(*f->quic));
	munmap(f->rings, f->size.ring_slots * sizeof(*f->rings));
	munmap(f->dests, f->size.destinations * sizeof(*f->dests));
	munmap(f->svcdir, f->size.services * sizeof(*f->svcdir));
	munmap(f->dstdir, f->size.destinations * sizeof(*f->dstdir));
	shunt_bpf__destroy(f->skel);
}

static inline void opens(struct datapath **dp, const struct fixture *f)
{
	struct shunt_err err;

	if (datapath_open(dp, &f->fds, &fixture_limits, SEED, &err))
		fail_msg("%s", shunt_err_text(&err));
}

static inline void applies(struct datapath *dp, const struct model *m)
{
	struct shunt_err err;

	if (datapath_apply(dp, m, &err))
		fail_msg("%s", shunt_err_text(&err));
}

static inline struct shunt_addr fixture_addr(uint32_t n, bool v6)
{
	struct shunt_addr addr = {.word = {htonl(0x0a000000 + n)}, .family = SHUNT_FAMILY_IPV4};

	if (v6)
		addr = (struct shunt_addr){.word = {htonl(0xfd000000), 0, 0, htonl(n)}, .family = SHUNT_FAMILY_IPV6};
	return addr;
}

static inline struct config_vip fixture_vip(struct shunt_addr addr, uint16_t port, uint8_t proto)
{
	return (struct config_vip){.addr = addr, .port = port, .proto = proto};
}

/* Another ring, in place of the one it has; to be filled before it is applied. */
static inline uint32_t *fixture_ring(struct model_service *s)
{
	struct model_ring *ring = model_ring_new(s->ring_size);

	memset(ring->slots, 0xff, s->ring_size * sizeof(ring->slots[0])); /* RING_NONE */
	model_ring_release(s->ring);
	s->ring = ring;
	return ring->slots;
}

/* A service that sends everything to none of its backends, yet. */
static inline void fixture_service(struct model_service *s, const char *name, uint32_t ring_size, size_t vips,
				   size_t dests)
{
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->salt = ring_salt(name);
	s->ring_size = ring_size;
	s->vips = xcalloc(vips, sizeof(*s->vips));
	s->vip_count = vips;
	s->dests = xcalloc(dests, sizeof(*s->dests));
	s->dest_count = dests;
	fixture_ring(s);
}

static inline void fixture_dest(struct model_dest *d, uint32_t n)
{
	d->addr = fixture_addr(n, n % 3 == 0);
	d->state = BACKEND_UP;
	d->nexthop = (struct nexthop){.resolved = true, .ifindex = 1, .mtu = 1600, .dst_mac = {2, 0, 0, 0, 0, n}};
}

static inline struct model *fixture_model(size_t services)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->source4 = (struct shunt_prefix){fixture_addr(0x10000, false), 16};
	m->source6 = (struct shunt_prefix){fixture_addr(0x10000, true), 112};
	m->services = xcalloc(services, sizeof(*m->services));
	m->service_count = services;
	return m;
}

/* Services x0, x1 and so on, alike. */
static inline struct model *model_of(size_t services, uint32_t ring_size, size_t vips, size_t dests)
{
	struct model *m = fixture_model(services);
	char name[8];

	for (size_t i = 0; i < services; i++) {
		snprintf(name, sizeof(name), "x%zu", i);
		fixture_service(&m->services[i], name, ring_size, vips, dests);
		for (size_t v = 0; v < vips; v++)
			m->services[i].vips[v] = fixture_vip(fixture_addr(i, false), 1 + v, IPPROTO_UDP);
		for (size_t d = 0; d < dests; d++)
			fixture_dest(&m->services[i].dests[d], 1 + d);
	}
	return m;
}

/* Some prefixes, or none at all. */
static inline const struct config_sources *fixture_sources(void)
{
	size_t count = random() % 5, pools = random() % 3;
	struct config_sources *list = xcalloc(1, sizeof(*list) + count * sizeof(list->rules[0]));

	list->holders = 1;
	list->count = count;
	for (size_t i = 0; i < count; i++) {
		bool v6 = random() % 2;
		struct shunt_prefix prefix = {fixture_addr(256 * i, v6), v6 ? 120 + random() % 9 : 24 + random() % 9};

		list->rules[i] = (struct config_source_rule){prefix, random() % CONFIG_SOURCE_POOL, 0};
		if (pools && random() % 2)
			list->rules[i] = (struct config_source_rule){prefix, CONFIG_SOURCE_POOL, random() % pools};
		list->counts[list->rules[i].action]++;
	}
	list->pools = xcalloc(pools + 1, sizeof(*list->pools));
	list->pool_count = pools;
	for (size_t i = 0; i < pools; i++)
		strcpy(list->pools[i].name, i ? "p1" : random() % 2 ? "p0" : "a"); /* that of a service, too */
	if (count)
		return list;
	config_sources_release(list);
	return NULL;
}

/* QUIC with ids of two octets, which move on among the backends by shift. */
static inline void fixture_quic(struct model_service *s, unsigned int shift)
{
	s->quic = 2;
	for (size_t i = 0; i < s->dest_count; i++) {
		struct model_dest *d = &s->dests[i];

		d->server_ids = xcalloc(1, sizeof(*d->server_ids));
		d->server_id_count = 1;
		d->server_ids[0] = (struct config_server_id){2, {1, (i + shift) % 7}};
	}
}

/* A ring for each pool that the sources name. */
static inline void fixture_pools(struct model_service *s)
{
	s->pool_count = config_sources_pools(s->sources);
	s->pools = xcalloc(s->pool_count + 1, sizeof(*s->pools));
	for (size_t i = 0; i < s->pool_count; i++) {
		struct model_ring *ring = model_ring_new(s->ring_size);

		for (uint32_t slot = 0; slot < s->ring_size; slot++)
			ring->slots[slot] = random() % 4 ? random() % s->dest_count : RING_NONE;
		strcpy(s->pools[i].name, s->sources->pools[i].name);
		s->pools[i].ring = ring;
	}
}

static inline void fixture_random_service(struct model_service *s, char letter)
{
	const char name[] = {letter, '\0'};
	bool none = random() % 8 == 0;
	uint32_t *ring;

	fixture_service(s, name, 13, 1 + random() % 2, 1 + random() % 5);
	for (size_t i = 0; i < s->vip_count; i++)
		s->vips[i] = fixture_vip(fixture_addr(letter / 2, i), 2 * letter + random() % 2,
					 letter % 2 ? IPPROTO_UDP : IPPROTO_TCP);
	s->echo = random() % 2;
	s->hash = (struct config_hash){random() % 4, 1 + random() % 32, 1 + random() % 128};
	s->sources = fixture_sources();
	for (size_t i = 0; i < s->dest_count; i++) {
		fixture_dest(&s->dests[i], 3 * i + random() % 3);
		s->dests[i].nexthop.resolved = random() % 4;
		s->dests[i].nexthop.dst_mac[0] = 2 + random() % 2;
	}
	if (letter % 2 && random() % 2)
		fixture_quic(s, random());
	ring = fixture_ring(s);
	for (uint32_t i = 0; i < s->ring_size && !none; i++)
		ring[i] = random() % s->dest_count;
	fixture_pools(s);
}

/* Some of the services a to f, two to an address, in any order, with any backends: there is room for all of them that there can be. */
static inline struct model *fixture_random_model(void)
{
	static const char letters[] = "abcdef";
	size_t first = random() % 6, count = random() % 4;
	struct model *m = fixture_model(count);

	m->icmp_rate = random() % 3;
	for (size_t i = 0; i < count; i++)
		fixture_random_service(&m->services[i], letters[(first + i) % 6]);
	return m;
}

/* How a packet finds its VIP; NULL: not at all. */
static inline const struct shunt_vip *fixture_lookup(const struct fixture *f, const struct config_vip *vip)
{
	const struct shunt_vip *half = f->vips + (size_t)f->control->vip_half * f->size.vip_slots;
	uint32_t key = htons(vip->port) | (uint32_t)vip->proto << 16 | (uint32_t)vip->addr.family << 24, at;
	uint64_t word[2];

	memcpy(word, vip->addr.word, sizeof(word));
	at = shunt_vip_slot(word[0], word[1], key, f->control->vip_multiplier[f->control->vip_half],
			    f->size.vip_slots - 1);
	for (int probe = 0; probe < SHUNT_VIP_PROBES; probe++, at = (at + 1) % f->size.vip_slots) {
		if (!half[at].family)
			return NULL;
		if (!memcmp(half[at].addr, vip->addr.word, sizeof(half[at].addr)) &&
		    half[at].port == htons(vip->port) && half[at].proto == vip->proto &&
		    half[at].family == vip->addr.family)
			return &half[at];
	}
	return NULL;
}

/* The address of a VIP has an entry, which says whether a service at it wants echo. 1 if this is the first VIP that has the address. */
static inline uint32_t fixture_judge_address(const struct fixture *f, const struct model *m,
					     const struct config_vip *vip)
{
	struct config_vip key = fixture_vip(vip->addr, 0, IPPROTO_ICMP);
	const struct config_vip *first = NULL;
	const struct shunt_vip *entry;
	bool echo = false;

	if (vip->addr.family == SHUNT_FAMILY_IPV6)
		key.proto = IPPROTO_ICMPV6;
	for (size_t i = 0; i < m->service_count; i++) {
		for (size_t j = 0; j < m->services[i].vip_count; j++) {
			if (!addr_equal(&m->services[i].vips[j].addr, &vip->addr))
				continue;
			echo = echo || m->services[i].echo;
			first = first ?: &m->services[i].vips[j];
		}
	}
	entry = fixture_lookup(f, &key);
	assert_non_null(entry);
	assert_int_equal(entry->flags, echo ? SHUNT_VIP_ECHO : 0);
	return first == vip;
}

/* The one id that the directory has for a destination; its template is the model's. */
static inline uint32_t fixture_judge_dest(const struct fixture *f, uint32_t service, const struct model_dest *want,
					  const struct model *m)
{
	struct shunt_dest template;
	uint32_t found = 0;

	for (uint32_t id = 0; id < f->size.destinations; id++) {
		if (f->dstdir[id].family != want->addr.family || f->dstdir[id].ring != service ||
		    memcmp(f->dstdir[id].addr, want->addr.word, sizeof(want->addr.word)))
			continue;
		assert_int_equal(found, 0);
		found = id;
	}
	assert_int_not_equal(found, 0);
	model_template(&template, want, want->addr.family == SHUNT_FAMILY_IPV6 ? &m->source6 : &m->source4);
	assert_memory_equal(&f->dests[found], &template, sizeof(template));
	return found;
}

static inline void fixture_judge_hash(const struct shunt_vip *vip, const struct config_hash *hash)
{
	static const uint32_t inputs[] = {[CONFIG_HASH_NO_SOURCE_PORT] = SHUNT_HASH_NO_SOURCE_PORT,
					  [CONFIG_HASH_SOURCE] = SHUNT_HASH_SOURCE,
					  [CONFIG_HASH_DESTINATION_PORT] = SHUNT_HASH_DESTINATION_PORT};

	assert_int_equal(vip->flags & SHUNT_HASH_INPUTS, inputs[hash->inputs]);
	assert_int_equal(!!(vip->flags & SHUNT_VIP_SPECIAL),
			 hash->inputs != CONFIG_HASH_5_TUPLE || vip->flags & (SHUNT_VIP_SOURCES | SHUNT_VIP_QUIC));
	if (hash->inputs == CONFIG_HASH_SOURCE)
		assert_int_equal(vip->hash_prefix, hash->ipv4 | hash->ipv6 << 8);
}

static inline void fixture_judge_source(const struct fixture *f, uint32_t list, const struct shunt_prefix *prefix,
					uint32_t expected)
{
	struct shunt_source_key key = {32 + prefix->len, list, {0}};
	uint32_t action;

	memcpy(key.addr, prefix->addr.word, sizeof(key.addr));
	assert_int_equal(bpf_map_lookup_elem(f->fds.sources, &key, &action), 0);
	assert_int_equal(action, expected);
}

static inline void fixture_judge_ring(const struct fixture *f, uint32_t base, const struct model_ring *want,
				      const uint32_t *ids)
{
	for (uint32_t slot = 0; slot < want->size; slot++) {
		uint64_t word = want->slots[slot] == RING_NONE ? 0 : shunt_slot_clean(ids[want->slots[slot]]);

		assert_true(f->rings[base + slot] == word);
	}
}

/* The one entry of the pool's ring. */
static inline uint32_t fixture_pool_base(const struct fixture *f, uint32_t service, const char *pool)
{
	const struct shunt_service_entry *found = NULL;

	for (uint32_t id = 0; id < f->size.services; id++) {
		if (strcmp(f->svcdir[id].name, pool) || f->svcdir[id].owner != service + 1)
			continue;
		assert_null(found);
		found = &f->svcdir[id];
	}
	assert_non_null(found);
	return found->ring_base;
}

static inline uint32_t fixture_source_value(const struct fixture *f, const struct shunt_vip *vip,
					    const struct config_sources *want, const struct config_source_rule *rule)
{
	if (rule->action == CONFIG_SOURCE_POOL)
		return 2 + fixture_pool_base(f, vip->service, want->pools[rule->pool].name);
	return rule->action == CONFIG_SOURCE_ALLOW ? SHUNT_SOURCE_ALLOW : SHUNT_SOURCE_DENY;
}

/* Of the VIP's family. That there are no others is for fixture_judge() to count. */
static inline void fixture_judge_sources(const struct fixture *f, const struct shunt_vip *vip,
					 const struct config_sources *want)
{
	const uint32_t list = vip->sources + (vip->family == SHUNT_FAMILY_IPV6);

	assert_int_equal(!!(vip->flags & SHUNT_VIP_SOURCES), want != NULL);
	if (!want)
		return;
	fixture_judge_source(f, list, &(struct shunt_prefix){.len = 0},
			     want->counts[CONFIG_SOURCE_ALLOW] ? SHUNT_SOURCE_DENY : SHUNT_SOURCE_ALLOW);
	for (size_t i = 0; i < want->count; i++)
		if (want->rules[i].prefix.addr.family == vip->family)
			fixture_judge_source(f, list, &want->rules[i].prefix,
					     fixture_source_value(f, vip, want, &want->rules[i]));
}

static inline size_t fixture_source_count(const struct fixture *f)
{
	struct shunt_source_key key, next;
	size_t count = 0;

	for (int rc = bpf_map_get_next_key(f->fds.sources, NULL, &next); !rc;
	     rc = bpf_map_get_next_key(f->fds.sources, &key, &next)) {
		key = next;
		count++;
	}
	return count;
}

/* How a packet finds the destination of a server id; 0: not at all. */
static inline uint32_t fixture_find_id(const struct fixture *f, const struct shunt_vip *vip,
				       const struct config_server_id *id)
{
	uint32_t half = !!(vip->quic & SHUNT_QUIC_HALF), mask = f->size.quic_slots - 1;
	struct shunt_quic_id want = quictable_entry(id, vip->service, 0);
	uint32_t at = shunt_vip_slot(want.word[0], want.word[1], want.service, f->control->quic_multiplier[half], mask);

	for (int probe = 0; probe < SHUNT_QUIC_PROBES; probe++) {
		const struct shunt_quic_id *entry = &f->quic[half * f->size.quic_slots + ((at + probe) & mask)];

		if (!entry->dest)
			return 0;
		if (entry->word[0] == want.word[0] && entry->word[1] == want.word[1] && entry->service == want.service)
			return entry->dest;
	}
	return 0;
}

static inline void fixture_judge_quic(const struct fixture *f, const struct model_service *want,
				      const struct shunt_vip *vip, const uint32_t *ids)
{
	bool is_quic = want->quic && vip->proto == IPPROTO_UDP;

	assert_int_equal(!!(vip->flags & SHUNT_VIP_QUIC), is_quic);
	assert_int_equal(vip->quic, is_quic ? want->quic | f->control->vip_half * SHUNT_QUIC_HALF : 0);
	for (size_t d = 0; is_quic && d < want->dest_count; d++)
		for (size_t i = 0; i < want->dests[d].server_id_count; i++)
			assert_int_equal(fixture_find_id(f, vip, &want->dests[d].server_ids[i]), ids[d]);
}

static inline void fixture_judge_service(const struct fixture *f, const struct model *m,
					 const struct model_service *want)
{
	uint32_t ids[want->dest_count + 1];

	for (size_t i = 0; i < want->vip_count; i++) {
		const struct shunt_vip *vip = fixture_lookup(f, &want->vips[i]);

		assert_non_null(vip);
		assert_string_equal(f->svcdir[vip->service].name, want->name);
		assert_int_equal(vip->ring_base, f->svcdir[vip->service].ring_base);
		assert_int_equal(vip->ring_size, want->ring_size);
		assert_int_equal(vip->salt, want->salt);
		fixture_judge_hash(vip, &want->hash);
		fixture_judge_sources(f, vip, want->sources);
		for (size_t d = 0; d < want->dest_count; d++)
			ids[d] = fixture_judge_dest(f, vip->service, &want->dests[d], m);
		fixture_judge_quic(f, want, vip, ids);
		assert_int_equal(f->svcdir[vip->service].owner, 0);
		fixture_judge_ring(f, vip->ring_base, want->ring, ids);
		for (size_t p = 0; p < want->pool_count; p++)
			fixture_judge_ring(f, fixture_pool_base(f, vip->service, want->pools[p].name),
					   want->pools[p].ring, ids);
	}
}

static inline void fixture_judge_unused(const struct fixture *f, uint32_t id)
{
	static const struct shunt_dest empty;
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter counters[cpus], zero = {0};

	assert_memory_equal(&f->dests[id], &empty, sizeof(empty));
	assert_int_equal(bpf_map_lookup_elem(f->fds.dstat, &id, counters), 0);
	for (int i = 0; i < cpus; i++)
		assert_memory_equal(&counters[i], &zero, sizeof(zero));
}

/* The maps say what the model says, all of it and nothing else: no id, no VIP and no template is left over. */
static inline void fixture_judge(const struct fixture *f, const struct model *m)
{
	uint32_t vips = 0, dests = 0, services = 0, sources = 0, ids = 0;

	for (size_t i = 0; i < m->service_count; i++) {
		fixture_judge_service(f, m, &m->services[i]);
		vips += m->services[i].vip_count;
		for (size_t j = 0; j < m->services[i].vip_count; j++)
			vips += fixture_judge_address(f, m, &m->services[i].vips[j]);
		dests += m->services[i].dest_count;
		for (size_t j = 0; j < m->services[i].dest_count; j++)
			ids += m->services[i].dests[j].server_id_count;
		services += 1 + m->services[i].pool_count;
		sources += m->services[i].sources ? m->services[i].sources->count + 2 : 0;
	}
	assert_int_equal(fixture_source_count(f), sources);
	for (uint32_t i = 0; i < f->size.vip_slots; i++)
		vips -= f->vips[(size_t)f->control->vip_half * f->size.vip_slots + i].family != 0;
	assert_int_equal(vips, 0);
	for (uint32_t i = 0; i < f->size.quic_slots; i++)
		ids -= f->quic[(size_t)f->control->vip_half * f->size.quic_slots + i].dest != 0;
	assert_int_equal(ids, 0);
	assert_int_equal(f->control->icmp_rate, m->icmp_rate);
	for (uint32_t id = 0; id < f->size.destinations; id++) {
		dests -= f->dstdir[id].family != 0;
		if (!f->dstdir[id].family)
			fixture_judge_unused(f, id);
	}
	assert_int_equal(dests, 0);
	for (uint32_t a = 0; a < f->size.services; a++) {
		services -= f->svcdir[a].name[0] != '\0';
		for (uint32_t b = 0; b < a; b++)
			if (f->svcdir[a].name[0] && f->svcdir[b].name[0])
				assert_true(f->svcdir[a].ring_base + f->svcdir[a].ring_size <= f->svcdir[b].ring_base ||
					    f->svcdir[b].ring_base + f->svcdir[b].ring_size <= f->svcdir[a].ring_base);
	}
	assert_int_equal(services, 0);
}

#endif
