/* SPDX-License-Identifier: GPL-2.0 */
/* datapath.c against the running kernel's maps. Root, nothing attached. */
#include <errno.h>
#include <unistd.h>

#include "datapath_fixture.h"
#include "datapath_traffic.h"

static void fresh_maps_are_initialised(void **state)
{
	struct datapath_usage usage;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	assert_true(f.control->magic == SHUNT_MAGIC && f.control->format == SHUNT_FORMAT && f.control->seed == SEED);
	assert_int_equal(f.control->vip_slots, 128);
	assert_int_equal(f.control->destinations, 101);
	assert_int_equal(f.control->conn_buckets, 256);
	datapath_usage(dp, &usage);
	assert_int_equal(usage.services + usage.destinations + usage.vips + usage.ring_slots, 0);
	assert_int_equal(usage.destinations_max, 100);
	assert_int_equal(usage.vips_max, 16);
	datapath_close(dp);
	fixture_close(&f);
}

/* Of services and of their pools. */
static uint32_t count_rings(const struct model *m)
{
	uint32_t count = m->service_count;

	for (size_t i = 0; i < m->service_count; i++)
		count += m->services[i].pool_count;
	return count;
}

static size_t count_vips(const struct model *m)
{
	size_t count = 0;

	for (size_t i = 0; i < m->service_count; i++)
		count += m->services[i].vip_count;
	return count;
}

static bool has_sources(const struct model *m)
{
	for (size_t i = 0; i < m->service_count; i++)
		if (m->services[i].sources)
			return true;
	return false;
}

/* Two hundred changes, each judged; now and then the daemon starts anew, or says the same again, which must flip nothing. */
static void maps_say_what_the_model_says(void **state)
{
	struct datapath_usage usage;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	for (int round = 1; round <= 200; round++) {
		struct model *m = fixture_random_model();
		uint32_t half;

		applies(dp, m);
		fixture_judge_moving(&f, m);
		assert_int_equal(datapath_generation(dp), 2 * round - 1);
		datapath_usage(dp, &usage);
		assert_int_equal(usage.services, count_rings(m));
		assert_int_equal(usage.ring_slots, 13 * count_rings(m));
		assert_int_equal(usage.vips, count_vips(m));
		if (round % 5 == 0) {
			datapath_close(dp);
			opens(&dp, &f);
			datapath_usage(dp, &usage);
			assert_int_equal(usage.vips, count_vips(m));
		}
		half = f.control->vip_half;
		applies(dp, m);
		fixture_judge_moving(&f, m);
		rests(dp);
		fixture_judge(&f, m);
		/* A daemon that has just taken over writes source lists anew, since it cannot know what they say. */
		if (round % 5 || !has_sources(m))
			assert_int_equal(f.control->vip_half, half);
		model_free(m);
	}
	datapath_close(dp);
	fixture_close(&f);
}

/* Ids live as long as what they name: a backend that stays keeps its id while others come and go. */
static void ids_are_stable(void **state)
{
	struct model *m = fixture_model(1);
	struct model_service *s = &m->services[0];
	struct datapath *dp;
	struct fixture f;
	uint32_t before, after;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	fixture_service(s, "a", 13, 0, 3);
	for (int i = 0; i < 3; i++)
		fixture_dest(&s->dests[i], 10 + i);
	applies(dp, m);
	before = fixture_judge_dest(&f, 0, &s->dests[2], m);
	s->dests[0] = s->dests[2]; /* the first two leave */
	s->dest_count = 1;
	applies(dp, m);
	after = fixture_judge_dest(&f, 0, &s->dests[0], m);
	assert_int_equal(before, after);
	assert_int_equal(datapath_dest_state(dp, "a", &s->dests[0].addr), SHUNT_DEST_UP);
	assert_int_equal(datapath_dest_state(dp, "a", &s->dests[1].addr), SHUNT_DEST_DRAIN);
	rests(dp);
	fixture_judge(&f, m);
	assert_int_equal(datapath_dest_state(dp, "a", &s->dests[0].addr), SHUNT_DEST_UP);
	assert_int_equal(datapath_dest_state(dp, "a", &s->dests[1].addr), SHUNT_DEST_FREE);
	assert_int_equal(datapath_dest_state(dp, "b", &s->dests[0].addr), SHUNT_DEST_FREE);
	assert_true(datapath_has_service(dp, "a"));
	assert_false(datapath_has_service(dp, "b"));
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

/* All that the maps hold, to compare. */
static void *snapshot(const struct fixture *f, size_t *size)
{
	const struct {
		const void *at;
		size_t bytes;
	} parts[] = {
		{f->control, sizeof(*f->control)},
		{f->vips, 2 * f->size.vip_slots * sizeof(*f->vips)},
		{f->quic, 2 * f->size.quic_slots * sizeof(*f->quic)},
		{f->rings, f->size.ring_slots * sizeof(*f->rings)},
		{f->dests, f->size.destinations * sizeof(*f->dests)},
		{f->svcdir, f->size.services * sizeof(*f->svcdir)},
		{f->dstdir, f->size.destinations * sizeof(*f->dstdir)},
	};
	uint8_t *copy = NULL;

	*size = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		copy = xreallocarray(copy, *size + parts[i].bytes, 1);
		memcpy(copy + *size, parts[i].at, parts[i].bytes);
		*size += parts[i].bytes;
	}
	return copy;
}

static void is_refused(const struct fixture *f, struct datapath *dp, const struct model *m, int code, const char *where)
{
	struct shunt_err err = {0};
	size_t size;
	void *before = snapshot(f, &size), *after;

	assert_int_equal(datapath_apply(dp, m, &err), -code);
	assert_string_equal(err.where, where);
	after = snapshot(f, &size);
	assert_memory_equal(before, after, size);
	free(before);
	free(after);
}

/* A change that lacks room for its last part writes nothing of its first. */
static void shortage_writes_nothing(void **state)
{
	const struct {
		struct model *model;
		int code;
		const char *where;
	} rows[] = {
		{model_of(17, 2, 1, 1), ENOSPC, "limits.services"},
		{model_of(4, 13, 1, 25), ENOSPC, "limits.destinations"},
		{model_of(4, 61, 1, 1), ENOSPC, "limits.ring_slots"},
		{model_of(1, 13, 17, 1), ENOSPC, "limits.vips"},
	};
	struct model *m = model_of(2, 7, 1, 2);
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	strcpy(m->services[1].name, "y");
	applies(dp, m);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t s = 0; s < rows[i].model->service_count; s++)
			rows[i].model->services[s].name[0] = 'z';
		is_refused(&f, dp, rows[i].model, rows[i].code, rows[i].where);
		model_free(rows[i].model);
	}
	fixture_judge(&f, m);
	m->services[1].ring_size = 5;
	is_refused(&f, dp, m, EINVAL, "services[y].ring_size");
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

/* Just as much as there is room for fits; the ring goes into the gap that another left. */
static void the_last_of_everything_is_used(void **state)
{
	struct model *m = model_of(16, 13, 1, 6);
	struct model_service third;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	for (int i = 0; i < 2; i++) {
		m->services[i].pool_count = 1;
		m->services[i].pools = xcalloc(1, sizeof(*m->services[i].pools));
		m->services[i].pools[0] = (struct model_pool){"x5", model_ring_hold(m->services[3].ring), false};
	}
	third = m->services[2];
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	fixture_judge(&f, m);
	m->services[2] = m->services[15];
	m->services[15] = third;
	m->service_count = 15;
	applies(dp, m);
	fixture_judge(&f, m);
	m->service_count = 16;
	applies(dp, m);
	fixture_judge(&f, m);
	m->services[4].pools = m->services[0].pools; /* now of another service of no other pool */
	m->services[4].pool_count = 1;
	m->services[0].pools = NULL;
	m->services[0].pool_count = 0;
	is_refused(&f, dp, m, ENOSPC, "limits.services");
	m->services[4].pool_count = 0;
	applies(dp, m);
	fixture_judge(&f, m);
	m->services[4].pool_count = 1;
	applies(dp, m);
	fixture_judge(&f, m);
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

static void cannot_open(const struct fixture *f, const struct config_limits *limits, uint64_t seed, int code,
			const char *where)
{
	struct shunt_err err = {0};
	struct datapath *dp = NULL;

	assert_int_equal(datapath_open(&dp, &f->fds, limits, seed, &err), -code);
	assert_string_equal(err.where, where);
	assert_non_null(strstr(err.what, "shunt detach"));
	assert_null(dp);
}

static void other_formats_sizes_and_seeds_are_refused(void **state)
{
	struct config_limits limits = fixture_limits;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	datapath_close(dp);
	limits.destinations++;
	cannot_open(&f, &limits, SEED, EEXIST, "limits.destinations");
	limits = fixture_limits;
	limits.prefixes++;
	cannot_open(&f, &limits, SEED, EEXIST, "limits.prefixes");
	limits = fixture_limits;
	limits.port_ranges--;
	cannot_open(&f, &limits, SEED, EEXIST, "limits.port_ranges");
	limits = fixture_limits;
	limits.vips = 17; /* a power of two more */
	cannot_open(&f, &limits, SEED, EEXIST, "limits.vips");
	limits.vips = 16;
	limits.quic_ids = 100;
	cannot_open(&f, &limits, SEED, EEXIST, "limits.quic_ids");
	limits.quic_ids = 40;
	limits.vips = 15; /* the same power of two */
	opens(&dp, &f);
	datapath_close(dp);
	cannot_open(&f, &fixture_limits, SEED + 1, EEXIST, "seed");
	f.control->format++;
	cannot_open(&f, &fixture_limits, SEED, EPROTO, "shunt_control");
	f.control->format--;
	strcpy(f.svcdir[2].name, "web");
	f.svcdir[2].ring_base = fixture_limits.ring_slots;
	f.svcdir[2].ring_size = 1;
	cannot_open(&f, &fixture_limits, SEED, EPROTO, "shunt_svcdir");
	f.svcdir[2].name[0] = '\0';
	f.dstdir[7] = (struct shunt_dest_entry){.ring = fixture_limits.services, .family = SHUNT_FAMILY_IPV4};
	cannot_open(&f, &fixture_limits, SEED, EPROTO, "shunt_dstdir");
	fixture_close(&f);
}

/* Service "live" has one VIP and changes its backends in every model; others come and go beside it. */
static struct model *model_around_live(const struct shunt_addr *vip)
{
	struct model *m = fixture_model(3);
	struct model_service *live = &m->services[0];
	uint32_t *ring;

	fixture_random_service(live, 'l');
	fixture_random_service(&m->services[1], "ab"[random() % 2]);
	fixture_random_service(&m->services[2], "cd"[random() % 2]);
	config_sources_release(live->sources);
	live->sources = NULL;
	for (size_t i = 0; i < live->pool_count; i++)
		model_ring_release(live->pools[i].ring);
	live->pool_count = 0;
	live->vip_count = 1;
	live->vips[0] = fixture_vip(*vip, 80, IPPROTO_TCP);
	for (size_t i = 0; i < live->dest_count; i++) {
		live->dests[i].nexthop.resolved = true;
		live->dests[i].pool = MODEL_POOL_DEFAULT;
		live->dests[i].in_both = false;
	}
	ring = fixture_ring(live);
	for (uint32_t i = 0; i < live->ring_size; i++)
		ring[i] = random() % live->dest_count;
	return m;
}

/*
 * While the maps change under it, no packet of a service that stays is lost, and each is counted exactly once: with a destination
 * that is there or with those that are gone.
 */
static void traffic_flows_through_changes(void **state)
{
	struct shunt_counter counter, retired;
	struct traffic t = {.to = fixture_addr(0x20202, false)};
	struct model *m = model_around_live(&t.to);
	struct datapath *dp;
	struct fixture f;
	uint64_t counted = 0;
	pthread_t thread;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	t.f = &f;
	assert_int_equal(pthread_create(&thread, NULL, run_traffic, &t), 0);
	for (int i = 0; i < 60; i++) {
		model_free(m);
		m = model_around_live(&t.to);
		applies(dp, m);
		passes(dp, random() % 60000); /* half-way through a change, or long after */
	}
	__atomic_store_n(&t.stop, true, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	assert_true(t.sent > 0);
	assert_int_equal(t.forwarded, t.sent);

	assert_int_equal(datapath_counters_refresh(dp), 0);
	for (size_t i = 0; i < m->services[0].dest_count; i++) {
		assert_true(datapath_dest_counter(dp, "l", &m->services[0].dests[i].addr, &counter));
		counted += counter.packets;
	}
	assert_true(datapath_service_retired(dp, "l", &retired));
	assert_true(retired.packets > 0);
	assert_int_equal(counted + retired.packets, t.sent);
	datapath_reason_counter(dp, SHUNT_REASON_NO_BACKEND, &counter);
	assert_int_equal(counter.packets, 0);
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

static void count_at(const struct fixture *f, uint32_t dest, uint64_t packets)
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter values[cpus];

	for (int i = 0; i < cpus; i++)
		values[i] = (struct shunt_counter){packets, packets * 100};
	assert_int_equal(bpf_map_update_elem(f->fds.dstat, &dest, values, BPF_ANY), 0);
}

/* A service's totals never fall, across a backend that goes and a daemon that starts; a new service of the name starts at 0. */
static void counters_outlive_their_backends(void **state)
{
	uint64_t cpus = libbpf_num_possible_cpus();
	struct model *m = model_of(1, 13, 1, 2), *none = fixture_model(0);
	struct model_service *s = &m->services[0];
	struct shunt_counter c;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	count_at(&f, fixture_judge_dest(&f, 0, &s->dests[0], m), 10);
	count_at(&f, fixture_judge_dest(&f, 0, &s->dests[1], m), 7);
	assert_int_equal(datapath_counters_refresh(dp), 0);
	assert_true(datapath_dest_counter(dp, "x0", &s->dests[1].addr, &c));
	assert_true(c.packets == 7 * cpus && c.bytes == 700 * cpus);
	datapath_count_services(dp);
	assert_true(datapath_service_packets(dp, "x0") == 17 * cpus && !datapath_service_packets(dp, "x1"));
	s->dest_count = 1;
	applies(dp, m);
	assert_true(datapath_service_retired(dp, "x0", &c)); /* already */
	assert_true(c.packets == 7 * cpus && c.bytes == 700 * cpus);
	rests(dp);
	assert_false(datapath_dest_counter(dp, "x0", &s->dests[1].addr, &c));
	datapath_count_services(dp);
	assert_true(datapath_service_packets(dp, "x0") == 17 * cpus);
	datapath_close(dp);
	opens(&dp, &f);
	assert_true(datapath_service_retired(dp, "x0", &c));
	assert_true(c.packets == 7 * cpus && c.bytes == 700 * cpus);
	s->dest_count = 2;
	applies(dp, m);
	count_at(&f, fixture_judge_dest(&f, 0, &s->dests[1], m), 5);
	assert_int_equal(datapath_counters_refresh(dp), 0);
	s->dest_count = 1;
	applies(dp, m);
	rests(dp);
	s->dest_count = 2; /* it is back, at 0, without a new reading */
	applies(dp, m);
	assert_true(datapath_dest_counter(dp, "x0", &s->dests[1].addr, &c));
	assert_true(c.packets == 0);
	assert_true(datapath_service_retired(dp, "x0", &c));
	assert_true(c.packets == 12 * cpus);
	applies(dp, none);
	assert_false(datapath_service_retired(dp, "x0", &c));
	applies(dp, m);
	assert_true(datapath_service_retired(dp, "x0", &c));
	assert_true(c.packets == 0 && c.bytes == 0);
	model_free(m);
	model_free(none);
	datapath_close(dp);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fresh_maps_are_initialised),
		cmocka_unit_test(maps_say_what_the_model_says),
		cmocka_unit_test(ids_are_stable),
		cmocka_unit_test(shortage_writes_nothing),
		cmocka_unit_test(the_last_of_everything_is_used),
		cmocka_unit_test(other_formats_sizes_and_seeds_are_refused),
		cmocka_unit_test(traffic_flows_through_changes),
		cmocka_unit_test(counters_outlive_their_backends),
	};

	srandom(1);
	return cmocka_run_group_tests_name("datapath", tests, NULL, NULL);
}
