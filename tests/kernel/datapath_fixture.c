/* SPDX-License-Identifier: GPL-2.0 */
/* Maps, models, and time. */
#include "datapath_fixture.h"
#include "../../user/shuntd/datapath_priv.h"

const struct config_limits fixture_limits = {
	.vips = 16,
	.services = 18, /* rings: each of six services may have two pools */
	.destinations = 100,
	.ring_slots = 18 * 13 + 10,
	.connections = 2048, /* all slots may move at once */
	.prefixes = 8,
	.port_ranges = 40,
	.sources = 100000,
	.fragments = 64,
	.quic_ids = 40,
};

#define TIMER_MS 250
#define REST_MS (3600 * 1000) /* by then everything is at rest, or never */

void *fixture_map(struct bpf_map *map)
{
	size_t bytes = (size_t)bpf_map__max_entries(map) * bpf_map__value_size(map);
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);

	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

void fixture_open(struct fixture *f)
{
	fixture_open_sized(f, &fixture_limits);
}

void fixture_open_sized(struct fixture *f, const struct config_limits *limits)
{
	struct shunt_err err;
	struct shunt_bpf *s;

	*f = (struct fixture){.limits = limits};
	datapath_sizes(limits, &f->size);
	assert_int_equal(attach_open_object(&f->skel, &f->size, SEED, &err), 0);
	s = f->skel;
	assert_int_equal(shunt_bpf__load(s), 0);
	f->control = fixture_map(s->maps.data_shunt_control);
	f->vips = fixture_map(s->maps.shunt_vips);
	f->quic = fixture_map(s->maps.shunt_quic);
	f->rings = fixture_map(s->maps.shunt_rings);
	f->conns = fixture_map(s->maps.shunt_conns);
	f->dests = fixture_map(s->maps.shunt_dests);
	f->svcdir = fixture_map(s->maps.shunt_svcdir);
	f->dstdir = fixture_map(s->maps.shunt_dstdir);
	f->fds = attach_object_fds(s);
}

void fixture_close(struct fixture *f)
{
	munmap(f->control, sizeof(*f->control));
	munmap(f->vips, 2 * f->size.vip_slots * sizeof(*f->vips));
	munmap(f->quic, 2 * f->size.quic_slots * sizeof(*f->quic));
	munmap(f->rings, f->size.ring_slots * sizeof(*f->rings));
	munmap(f->conns, f->size.conn_buckets * sizeof(*f->conns));
	munmap(f->dests, f->size.destinations * sizeof(*f->dests));
	munmap(f->svcdir, f->size.services * sizeof(*f->svcdir));
	munmap(f->dstdir, f->size.destinations * sizeof(*f->dstdir));
	shunt_bpf__destroy(f->skel);
}

void opens(struct datapath **dp, const struct fixture *f)
{
	struct shunt_err err;

	if (datapath_open(dp, &f->fds, f->limits, SEED, &err))
		fail_msg("%s", shunt_err_text(&err));
}

void applies(struct datapath *dp, const struct model *m)
{
	struct shunt_err err;

	if (datapath_apply(dp, m, &err))
		fail_msg("%s", shunt_err_text(&err));
}

void passes(struct datapath *dp, uint64_t ms)
{
	for (uint64_t passed = 0; passed < ms; passed += TIMER_MS) {
		dp->ahead_ms += ms - passed < TIMER_MS ? ms - passed : TIMER_MS;
		do
			datapath_tick(dp);
		while (dp->sweep.underway);
	}
}

static bool is_at_rest(const struct datapath *dp)
{
	for (uint32_t id = 0; id < dp->control->services; id++)
		if (dp->tracks[id].ring && (dp->tracks[id].due_ms != RING_AT_REST || dp->tracks[id].dirty))
			return false;
	return dp->sweep.count && !dp->sweep.found && !dp->leftovers;
}

void rests(struct datapath *dp)
{
	for (uint64_t waited = 0; !waited || !is_at_rest(dp); waited += TIMER_MS) {
		if (waited > REST_MS)
			fail_msg("not at rest after an hour");
		passes(dp, TIMER_MS);
	}
}

struct shunt_addr fixture_addr(uint32_t n, bool v6)
{
	struct shunt_addr addr = {.word = {htonl(0x0a000000 + n)}, .family = SHUNT_FAMILY_IPV4};

	if (v6)
		addr = (struct shunt_addr){.word = {htonl(0xfd000000), 0, 0, htonl(n)}, .family = SHUNT_FAMILY_IPV6};
	return addr;
}

struct config_vip fixture_vip(struct shunt_addr addr, uint16_t port, uint8_t proto)
{
	return (struct config_vip){.addr = addr, .port = port, .proto = proto};
}

uint32_t *fixture_ring(struct model_service *s)
{
	struct model_ring *ring = model_ring_new(s->ring_size);

	memset(ring->slots, 0xff, s->ring_size * sizeof(ring->slots[0])); /* RING_NONE */
	model_ring_release(s->ring);
	s->ring = ring;
	return ring->slots;
}

void fixture_service(struct model_service *s, const char *name, uint32_t ring_size, size_t vips, size_t dests)
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

void fixture_dest(struct model_dest *d, uint32_t n)
{
	d->addr = fixture_addr(n, n % 3 == 0);
	d->state = BACKEND_UP;
	d->pool = MODEL_POOL_DEFAULT;
	d->nexthop = (struct nexthop){.resolved = true, .ifindex = 1, .mtu = 1600, .dst_mac = {2, 0, 0, 0, 0, n}};
}

struct model *fixture_model(size_t services)
{
	struct model *m = xcalloc(1, sizeof(*m));

	m->source4 = (struct shunt_prefix){fixture_addr(0x10000, false), 16};
	m->source6 = (struct shunt_prefix){fixture_addr(0x10000, true), 112};
	m->services = xcalloc(services, sizeof(*m->services));
	m->service_count = services;
	return m;
}

struct model *model_of(size_t services, uint32_t ring_size, size_t vips, size_t dests)
{
	struct model *m = fixture_model(services);
	char name[SHUNT_NAME_MAX];

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
static const struct config_sources *fixture_sources(void)
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
static void fixture_quic(struct model_service *s, unsigned int shift)
{
	s->quic = 2;
	for (size_t i = 0; i < s->dest_count; i++) {
		struct model_dest *d = &s->dests[i];

		d->server_ids = xcalloc(1, sizeof(*d->server_ids));
		d->server_id_count = 1;
		d->server_ids[0] = (struct config_server_id){2, {1, (i + shift) % 7}};
	}
}

/* One of those in the pool's ring, or RING_NONE. */
static uint32_t any_of(const struct model_service *s, size_t pool)
{
	uint32_t first = random() % s->dest_count;

	for (uint32_t i = 0; i < s->dest_count; i++) {
		const struct model_dest *dest = &s->dests[(first + i) % s->dest_count];

		if (dest->pool == pool || (pool == MODEL_POOL_DEFAULT && dest->in_both))
			return (first + i) % s->dest_count;
	}
	return RING_NONE;
}

void fixture_pools(struct model_service *s)
{
	s->pool_count = config_sources_pools(s->sources);
	s->pools = xcalloc(s->pool_count + 1, sizeof(*s->pools));
	for (size_t i = 0; i < s->dest_count && s->pool_count; i++)
		s->dests[i].pool = random() % 2 ? random() % s->pool_count : MODEL_POOL_DEFAULT;
	for (size_t i = 0; i < s->pool_count; i++) {
		struct model_ring *ring = model_ring_new(s->ring_size);

		for (uint32_t slot = 0; slot < s->ring_size; slot++)
			ring->slots[slot] = random() % 4 ? any_of(s, i) : RING_NONE;
		strcpy(s->pools[i].name, s->sources->pools[i].name);
		s->pools[i].ring = ring;
	}
}

void fixture_random_service(struct model_service *s, char letter)
{
	const char name[] = {letter, '\0'};
	bool none = random() % 8 == 0, shares = random() % 2;
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
	fixture_pools(s);
	for (size_t i = 0; i < s->dest_count; i++)
		s->dests[i].in_both = s->dests[i].pool != MODEL_POOL_DEFAULT && shares;
	ring = fixture_ring(s);
	for (uint32_t i = 0; i < s->ring_size && !none; i++)
		ring[i] = any_of(s, MODEL_POOL_DEFAULT);
}

struct model *fixture_random_model(void)
{
	static const char letters[] = "abcdef";
	size_t first = random() % 6, count = random() % 4;
	struct model *m = fixture_model(count);

	m->icmp_rate = random() % 3;
	for (size_t i = 0; i < count; i++)
		fixture_random_service(&m->services[i], letters[(first + i) % 6]);
	return m;
}
