/* SPDX-License-Identifier: GPL-2.0 */
/* Pools against the running kernel: which backend a source's packets go to, and what they see while that changes. */
#include <stdatomic.h>

#include "datapath_traffic.h"

enum { CHANGES = 200, BACKENDS = 4 };

static const uint32_t pinned = 0x0a080001, other = 0x0a090001; /* 10.8.0.1, 10.9.0.1 */

/* One service whose default pool is backend 0. With pool: 10.8.0.0/16 goes to the backend in it, as far as the ring says. */
static struct model *model_with(const char *pool, uint32_t backend)
{
	struct config_sources *list = xcalloc(1, sizeof(*list) + sizeof(list->rules[0]));
	struct shunt_prefix prefix = {{.word = {htonl(0x0a080000)}, .family = SHUNT_FAMILY_IPV4}, 16};
	struct model *m = model_of(1, 13, 1, BACKENDS);
	struct model_service *s = &m->services[0];

	s->udp = CONFIG_UDP_REHASH; /* so that every packet shows what the rings say */
	for (uint32_t i = 0; i < BACKENDS; i++)
		s->dests[i].addr = fixture_addr(0x20000 + i, false);
	memset(fixture_ring(s), 0, s->ring_size * sizeof(uint32_t));
	if (!pool) {
		free(list);
		return m;
	}
	list->holders = list->count = list->pool_count = list->counts[CONFIG_SOURCE_POOL] = 1;
	list->rules[0] = (struct config_source_rule){prefix, CONFIG_SOURCE_POOL, 0};
	list->pools = xcalloc(1, sizeof(*list->pools));
	strcpy(list->pools[0].name, pool);
	s->sources = list;
	fixture_pools(s);
	for (uint32_t i = 0; i < BACKENDS; i++)
		s->dests[i].pool = i == backend ? 0 : MODEL_POOL_DEFAULT;
	for (uint32_t slot = 0; slot < s->ring_size; slot++)
		((struct model_ring *)s->pools[0].ring)->slots[slot] = backend;
	return m;
}

/* Which backend a packet from source is sent to, by its outer destination; BACKENDS: it is dropped. */
static uint32_t backend_for(const struct fixture *f, uint32_t source)
{
	struct udp_frame frame = udp_from(source);
	struct {
		struct ethhdr eth;
		struct iphdr ip;
		uint8_t rest[100];
	} __attribute__((packed)) out;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &frame, .data_size_in = sizeof(frame), .data_out = &out,
		    .data_size_out = sizeof(out));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.shunt_xdp), &opts), 0);
	return opts.retval == XDP_DROP ? BACKENDS : ntohl(out.ip.daddr) - ntohl(fixture_addr(0x20000, false).word[0]);
}

struct watcher {
	const struct fixture *f;
	atomic_bool stop;
	unsigned long seen[BACKENDS + 1], other_wrong;
};

static void *watch(void *arg)
{
	struct watcher *w = arg;

	while (!w->stop) {
		uint32_t backend = backend_for(w->f, pinned);

		w->seen[backend < BACKENDS ? backend : BACKENDS]++;
		w->other_wrong += backend_for(w->f, other) != 0;
	}
	return NULL;
}

/* One pool takes the place of another, in slots that the one before it had: packets see either, never the default pool, never a drop,
 * never a third backend. */
static void pools_change_whole(void **state)
{
	struct model *models[3] = {model_with("green", 1), model_with("blue", 2), model_with("green", 2)};
	struct watcher w = {NULL};
	struct datapath *dp;
	struct fixture f;
	pthread_t thread;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	w.f = &f;
	applies(dp, models[0]);
	assert_int_equal(pthread_create(&thread, NULL, watch, &w), 0);
	for (int i = 1; i <= CHANGES; i++) {
		const struct model *m = models[i % 3];

		applies(dp, m);
		rests(dp);
		fixture_judge(&f, m);
		assert_int_equal(backend_for(&f, pinned), m->services[0].pools[0].ring->slots[0]);
		assert_int_equal(backend_for(&f, other), 0);
	}
	w.stop = true;
	pthread_join(thread, NULL);
	assert_true(w.seen[1] + w.seen[2] > 0);
	assert_int_equal(w.seen[0] + w.seen[3] + w.seen[BACKENDS], 0);
	assert_int_equal(w.other_wrong, 0);
	for (int i = 0; i < 3; i++)
		model_free(models[i]);
	datapath_close(dp);
	fixture_close(&f);
}

/* Nobody in the pool: dropped. No pool: as all others. Another daemon finds the rings of the one before it. */
static void pools_come_and_go(void **state)
{
	struct model *steps[] = {model_with("green", 3), model_with("green", RING_NONE), model_with(NULL, 0),
				 model_with("green", 1), model_with("blue", 1)};
	static const uint32_t expected[] = {3, BACKENDS, 0, 1, 1};
	uint32_t id = 0;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		for (int again = 0; again < 2; again++) {
			opens(&dp, &f);
			applies(dp, steps[i]);
			rests(dp);
			fixture_judge(&f, steps[i]);
			assert_int_equal(backend_for(&f, pinned), expected[i]);
			assert_int_equal(backend_for(&f, other), 0);
			datapath_close(dp);
		}
		if (i == 0)
			id = fixture_pool_id(&f, 0, "green");
		if (i == 1)
			assert_int_equal(fixture_pool_id(&f, 0, "green"), id);
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		model_free(steps[i]);
	fixture_close(&f);
}

/* An entry whose service is gone, as a daemon that was killed may leave it, is of nobody, whoever has the service's id next. */
static void orphans_are_freed(void **state)
{
	struct model *m = model_with("green", 1);
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	strcpy(f.svcdir[5].name, "green");
	f.svcdir[5].ring_size = 13;
	f.svcdir[5].owner = 1; /* id 0, which is free */
	opens(&dp, &f);
	applies(dp, m);
	fixture_judge(&f, m);
	assert_int_equal(f.svcdir[5].name[0], '\0');
	assert_int_equal(backend_for(&f, pinned), 1);
	datapath_close(dp);
	f.svcdir[5] = (struct shunt_service_entry){.name = "x", .ring_size = 1, .owner = f.size.services + 1};
	assert_int_equal(datapath_open(&dp, &f.fds, &fixture_limits, SEED, NULL), -EPROTO);
	model_free(m);
	fixture_close(&f);
}

/* As model_with("green", 1), but backend 1 is in the service's own ring as well, all of whose slots are of backend own. */
static struct model *model_in_both(uint32_t own)
{
	struct model *m = model_with("green", 1);
	uint32_t *ring = fixture_ring(&m->services[0]);

	m->services[0].dests[1].in_both = true;
	for (uint32_t slot = 0; slot < m->services[0].ring_size; slot++)
		ring[slot] = own;
	return m;
}

static uint64_t counted(struct datapath *dp, uint32_t backend)
{
	const struct shunt_addr addr = fixture_addr(0x20000 + backend, false);
	struct shunt_counter counter;

	assert_int_equal(datapath_counters_refresh(dp), 0);
	assert_true(datapath_dest_counter(dp, "x0", &addr, &counter));
	return counter.packets;
}

static struct datapath_hold the_hold(struct datapath *dp)
{
	struct datapath_hold hold[2];

	assert_int_equal(datapath_holds(dp, "x0", hold, 2), 1);
	return hold[0];
}

static void assert_own_slots(const struct datapath *dp, uint32_t backend, uint32_t expected)
{
	struct config_backend backends[BACKENDS] = {0};
	const struct config_service service = {.name = "x0", .backends = backends, .backend_count = BACKENDS};
	uint32_t slots[BACKENDS];

	for (uint32_t i = 0; i < BACKENDS; i++)
		backends[i].addr = fixture_addr(0x20000 + i, false);
	assert_true(datapath_own_slots(dp, &service, slots));
	assert_int_equal(slots[backend], expected);
}

/* A pool that has a share and sources: a destination in each ring, which are shown as the one backend that they are. */
static void a_backend_in_two_rings(void **state)
{
	const struct shunt_addr addr = fixture_addr(0x20001, false);
	struct model *both = model_in_both(1), *drained = model_in_both(1), *away = model_in_both(0),
		     *one = model_with("green", 1);
	struct datapath_hold hold;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	drained->services[0].dests[1].state = BACKEND_DRAIN;
	fixture_open(&f);
	for (int again = 0; again < 2; again++) { /* another daemon finds both */
		opens(&dp, &f);
		assert_int_equal(datapath_dest_state(dp, "x0", &addr), again ? SHUNT_DEST_UP : SHUNT_DEST_FREE);
		applies(dp, both);
		rests(dp);
		fixture_judge(&f, both);
		if (!again)
			datapath_close(dp);
	}
	assert_own_slots(dp, 1, 13);
	assert_int_equal(backend_for(&f, pinned), 1);
	assert_int_equal(backend_for(&f, other), 1);
	assert_int_equal(counted(dp, 1), 2);

	applies(dp, drained);
	hold = the_hold(dp);
	assert_int_equal(hold.state, SHUNT_DEST_DRAIN);
	assert_int_equal(hold.slots, 2 * 13);
	assert_true(datapath_dest_hold(dp, "x0", &addr, &hold));
	assert_int_equal(hold.anchors, 2 * 13);
	assert_false(hold.removed);

	applies(dp, away); /* no slot of the service's own ring is its, and it is up in both */
	rests(dp);
	fixture_judge(&f, away);
	assert_own_slots(dp, 1, 0);
	assert_int_equal(datapath_holds(dp, "x0", NULL, 0), 0);
	assert_int_equal(backend_for(&f, pinned), 1);
	assert_int_equal(backend_for(&f, other), 0);

	applies(dp, one); /* it leaves the service's own ring for good: only its destination there goes */
	assert_true(the_hold(dp).removed);
	assert_int_equal(datapath_dest_state(dp, "x0", &addr), SHUNT_DEST_UP);
	assert_int_equal(counted(dp, 1), 2);
	rests(dp);
	fixture_judge(&f, one);
	assert_int_equal(backend_for(&f, pinned), 1);

	model_free(both);
	model_free(drained);
	model_free(away);
	model_free(one);
	datapath_close(dp);
	fixture_close(&f);
}

/* It leaves the pool and stays in the service's own ring: what is left of it in the pool is not what another daemon takes it for. */
static void what_is_left_in_a_pool(void **state)
{
	const struct shunt_addr addr = fixture_addr(0x20001, false);
	struct model *both = model_in_both(1), *home = model_with("green", 3);
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, both);
	rests(dp);
	applies(dp, home);
	assert_int_equal(datapath_holds(dp, "x0", NULL, 0), 2); /* with what backend 3, now in the pool, was */
	datapath_close(dp);
	opens(&dp, &f);
	assert_int_equal(datapath_dest_state(dp, "x0", &addr), SHUNT_DEST_UP);
	applies(dp, home);
	rests(dp);
	fixture_judge(&f, home);
	model_free(both);
	model_free(home);
	datapath_close(dp);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_change_whole),	  cmocka_unit_test(pools_come_and_go),
		cmocka_unit_test(orphans_are_freed),	  cmocka_unit_test(a_backend_in_two_rings),
		cmocka_unit_test(what_is_left_in_a_pool),
	};

	srandom(3);
	return cmocka_run_group_tests_name("datapath_pools", tests, NULL, NULL);
}
