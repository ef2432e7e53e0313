/* SPDX-License-Identifier: GPL-2.0 */
/* Flows, slots and entries. */
#include "datapath_flows.h"
#include "datapath_traffic.h"

#define BACKENDS 0x20000u /* 10.2.0.0 */
#define FLOW_FLAGS_AT 47

struct shunt_addr backend_addr(uint32_t backend)
{
	return fixture_addr(BACKENDS + backend, false);
}

void bench_open(struct bench *b, size_t backends)
{
	bench_open_sized(b, backends, SLOTS, fixture_limits.connections);
}

void bench_open_sized(struct bench *b, size_t backends, uint32_t slots, uint32_t connections)
{
	struct model_service *s;

	*b = (struct bench){.limits = fixture_limits, .m = model_of(1, slots, 1, backends)};
	b->limits.connections = connections;
	b->limits.ring_slots = 4 * slots;
	shunt_hash_derive(&b->keys, SEED);
	s = &b->m->services[0];
	s->vips[0] = fixture_vip(fixture_addr(0, false), 80, IPPROTO_TCP);
	s->idle_timeout = IDLE_S;
	for (uint32_t i = 0; i < backends; i++)
		s->dests[i].addr = backend_addr(i);
	ring_of_those_up(b);
	fixture_open_sized(&b->f, &b->limits);
	opens(&b->dp, &b->f);
	applies(b->dp, b->m);
}

void bench_close(struct bench *b)
{
	datapath_close(b->dp);
	fixture_close(&b->f);
	model_free(b->m);
}

void bench_restart(struct bench *b)
{
	uint64_t ahead_ms = b->dp->ahead_ms;

	datapath_close(b->dp);
	opens(&b->dp, &b->f);
	b->dp->ahead_ms = ahead_ms;
	applies(b->dp, b->m);
}

void ring_to(struct bench *b, uint32_t (*choose)(const struct bench *b, uint32_t slot))
{
	struct model_service *s = &b->m->services[0];
	uint32_t *ring = fixture_ring(s);

	for (uint32_t slot = 0; slot < s->ring_size; slot++)
		ring[slot] = choose(b, slot);
}

static uint32_t next_that_is_up(const struct bench *b, uint32_t slot)
{
	const struct model_service *s = &b->m->services[0];

	for (uint32_t i = 0; i < s->dest_count; i++)
		if (s->dests[(slot + i) % s->dest_count].state == BACKEND_UP)
			return (slot + i) % s->dest_count;
	return RING_NONE;
}

void ring_of_those_up(struct bench *b)
{
	ring_to(b, next_that_is_up);
}

uint32_t id_of(const struct bench *b, uint32_t backend)
{
	struct shunt_addr addr = backend_addr(backend);

	return datapath_first_dest(b->dp, "x0", &addr);
}

static uint64_t *slot_at(const struct bench *b, uint32_t slot)
{
	return &b->f.rings[b->f.svcdir[0].ring_base + slot];
}

uint64_t word_of(const struct bench *b, uint32_t slot)
{
	return *slot_at(b, slot) & ~SHUNT_SLOT_FILTER_MASK;
}

void set_word(struct bench *b, uint32_t slot, uint64_t word)
{
	*slot_at(b, slot) = word;
}

uint64_t moved_word(const struct bench *b, uint32_t current, uint32_t anchor)
{
	return id_of(b, current) | (uint64_t)id_of(b, anchor) << SHUNT_SLOT_ANCHOR_SHIFT | SHUNT_SLOT_DIRTY |
	       SHUNT_SLOT_REANCHOR;
}

uint64_t clean_word(const struct bench *b, uint32_t backend)
{
	return shunt_slot_clean(id_of(b, backend));
}

static uint64_t hash_of(const struct bench *b, uint16_t port)
{
	uint8_t frame[64];
	struct shunt_addr to = fixture_addr(0, false);
	uint32_t src, dst, ports;

	make_packet(frame, &to, port);
	memcpy(&src, frame + 26, 4);
	memcpy(&dst, frame + 30, 4);
	memcpy(&ports, frame + 34, 4);
	return shunt_flow_hash(&b->keys, &src, &dst, ports, b->f.svcdir[0].salt ^ IPPROTO_TCP, 0);
}

uint32_t slot_of(const struct bench *b, uint16_t port)
{
	return shunt_tag_slot(shunt_flow_tag(hash_of(b, port)), b->m->services[0].ring_size);
}

uint16_t port_in(const struct bench *b, uint32_t slot, uint32_t n)
{
	for (uint16_t port = 1024; port < 65535; port++)
		if (slot_of(b, port) == slot && !n--)
			return port;
	fail_msg("slot %u has no such flow", slot);
	return 0;
}

/* The pair of buckets that a flow's entry is in, home first. */
static uint64_t *way_of(const struct bench *b, uint16_t port, uint32_t way)
{
	uint32_t home = (uint32_t)hash_of(b, port) ^ (way / SHUNT_CONN_WAYS);

	return (uint64_t *)&b->f.conns[home & (b->f.size.conn_buckets - 1)].entry[way % SHUNT_CONN_WAYS];
}

uint64_t *entry_of(const struct bench *b, uint16_t port)
{
	uint32_t tag = shunt_flow_tag(hash_of(b, port));

	for (uint32_t way = 0; way < 2 * SHUNT_CONN_WAYS; way++) {
		uint64_t *at = way_of(b, port, way);

		if (shunt_conn_dest(*at) && shunt_conn_tag(*at) == tag)
			return at;
	}
	return NULL;
}

uint64_t *put_entry(struct bench *b, uint16_t port, uint32_t id, enum shunt_conn_state state, uint32_t age)
{
	uint32_t tag = shunt_flow_tag(hash_of(b, port)), way = 0;
	uint64_t *at = entry_of(b, port);

	while (!at && shunt_conn_dest(*way_of(b, port, way)))
		way++;
	if (!at)
		at = way_of(b, port, way);
	*at = shunt_conn_entry(tag, id, state, datapath_ticks(b->dp) - age);
	if (*slot_at(b, slot_of(b, port)) & SHUNT_SLOT_DIRTY)
		*slot_at(b, slot_of(b, port)) |= shunt_slot_filter(tag);
	return at;
}

uint64_t count_entries(const struct bench *b)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < b->f.size.conn_buckets; i++)
		for (uint32_t way = 0; way < SHUNT_CONN_WAYS; way++)
			count += shunt_conn_dest(b->f.conns[i].entry[way]) != 0;
	return count;
}

/* The table is of the daemon's clock, which the program does not have: to the program, every entry is to be as old as to the daemon. */
static void shift_time(struct bench *b, uint64_t ticks)
{
	uint64_t *entries = (uint64_t *)b->f.conns;

	for (uint32_t i = 0; i < b->f.size.conn_buckets * SHUNT_CONN_WAYS; i++)
		if (entries[i])
			entries[i] += ticks << SHUNT_CONN_TIME_SHIFT;
}

int sends(struct bench *b, uint16_t port, uint8_t flags)
{
	struct shunt_addr to = fixture_addr(0, false);
	uint8_t in[64], out[256];
	uint64_t ahead = b->dp->ahead_ms * 1000000 >> SHUNT_CONN_TICK_SHIFT;
	uint32_t outer;
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in), .data_out = out,
		    .data_size_out = sizeof(out));

	make_packet(in, &to, port);
	in[FLOW_FLAGS_AT] = flags;
	shift_time(b, -ahead);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(b->f.skel->progs.shunt_xdp), &run), 0);
	shift_time(b, ahead);
	if (run.retval == XDP_DROP)
		return NOBODY;
	assert_int_not_equal(run.retval, XDP_PASS);
	memcpy(&outer, out + 30, 4);
	return ntohl(outer) - ntohl(backend_addr(0).word[0]);
}

void begin_flows(struct bench *b, struct flow *flows, uint16_t first)
{
	for (uint16_t i = 0; i < FLOWS; i++) {
		flows[i].port = first + i;
		flows[i].backend = sends(b, flows[i].port, SYN);
		assert_int_equal(sends(b, flows[i].port, ACK), flows[i].backend);
	}
}

void flows_go_on_without(struct bench *b, const struct flow *flows, int backend)
{
	for (int i = 0; i < FLOWS; i++) {
		int to = sends(b, flows[i].port, ACK);

		if (flows[i].backend == backend)
			assert_int_not_equal(to, backend);
		else
			assert_int_equal(to, flows[i].backend);
		if (!(word_of(b, slot_of(b, flows[i].port)) & SHUNT_SLOT_DIRTY))
			assert_null(entry_of(b, flows[i].port));
	}
}

void flows_go_on(struct bench *b, const struct flow *flows)
{
	flows_go_on_without(b, flows, NOBODY);
}

uint64_t until(struct bench *b, bool (*is_so)(const struct bench *b), uint64_t max_ms)
{
	uint64_t began = datapath_ms(b->dp);

	for (uint64_t waited = 0; !is_so(b); waited += 250) {
		assert_true(waited <= max_ms);
		passes(b->dp, 250);
	}
	return datapath_ms(b->dp) - began;
}

void sweeps(struct bench *b)
{
	uint64_t count = b->dp->sweep.count;

	do
		datapath_sweep(b->dp);
	while (b->dp->sweep.count == count);
}
