/* SPDX-License-Identifier: GPL-2.0 */
/* Backends that move from pool to pool, and pools and services that are deleted with connections in them. */
#include "datapath_flows.h"

/* Of a service with a pool "green", for sources that no flow of ours has, and whose backend is the last; or without. */
static void set_pool(struct bench *b, bool green)
{
	struct model_service *s = &b->m->services[0];
	struct config_sources *list = xcalloc(1, sizeof(*list) + sizeof(list->rules[0]));
	struct shunt_prefix prefix = {{.word = {htonl(0x0a080000)}, .family = SHUNT_FAMILY_IPV4}, 16};
	size_t last = s->dest_count - 1;

	for (size_t i = 0; i < s->pool_count; i++)
		model_ring_release(s->pools[i].ring);
	free(s->pools);
	config_sources_release(s->sources);
	list->holders = list->count = list->counts[CONFIG_SOURCE_POOL] = 1;
	list->rules[0] = (struct config_source_rule){prefix, CONFIG_SOURCE_POOL, 0};
	list->pool_count = 1;
	list->pools = xcalloc(1, sizeof(*list->pools));
	strcpy(list->pools[0].name, green ? "green" : "blue");
	s->sources = list;
	fixture_pools(s);
	for (uint32_t slot = 0; slot < s->ring_size; slot++)
		((struct model_ring *)s->pools[0].ring)->slots[slot] = last;
	for (size_t i = 0; i <= last; i++)
		s->dests[i].pool = i == last ? 0 : MODEL_POOL_DEFAULT;
}

static uint32_t but_the_last(const struct bench *b, uint32_t slot)
{
	return slot % (b->m->services[0].dest_count - 1);
}

static bool is_in_use(const struct bench *b, uint32_t id)
{
	return b->f.dstdir[id].family != 0;
}

/* It is two: one drains in the ring that it was in, the other takes what the pool gets. */
static void a_backend_moves_to_a_pool(void **state)
{
	struct flow before[FLOWS];
	struct bench b;
	uint32_t old, new, green;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	old = id_of(&b, 2);
	set_pool(&b, true);
	ring_to(&b, but_the_last);
	applies(b.dp, b.m);
	new = id_of(&b, 2);
	green = fixture_pool_id(&b.f, 0, "green");
	assert_int_not_equal(old, new);
	assert_int_equal(b.f.dstdir[old].ring, 0);
	assert_int_equal(b.f.dstdir[new].ring, green);
	assert_int_equal(b.f.dests[old].state, SHUNT_DEST_DRAIN);
	assert_int_equal(b.f.dests[new].state, SHUNT_DEST_UP);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		assert_true(b.f.rings[b.f.svcdir[green].ring_base + slot] == shunt_slot_clean(new));
	for (int i = 0; i < 12; i++) {
		flows_go_on(&b, before);
		passes(b.dp, 8000);
	}
	flows_go_on(&b, before);
	assert_true(is_in_use(&b, old));
	rests(b.dp);
	assert_false(is_in_use(&b, old));
	assert_int_equal(id_of(&b, 2), new);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* While the first still lingers, the backend is moved back: it is that one again. */
static void a_backend_moves_back(void **state)
{
	struct model_ring *nobody = model_ring_new(SLOTS);
	struct bench b;
	uint32_t old, new;

	(void)state;
	memset(nobody->slots, 0xff, SLOTS * sizeof(nobody->slots[0])); /* RING_NONE */
	bench_open(&b, 3);
	old = id_of(&b, 2);
	set_pool(&b, true);
	ring_to(&b, but_the_last);
	applies(b.dp, b.m);
	new = id_of(&b, 2);
	passes(b.dp, PREP_MS + 250);
	b.m->services[0].dests[2].pool = MODEL_POOL_DEFAULT;
	model_ring_release(b.m->services[0].pools[0].ring);
	b.m->services[0].pools[0].ring = nobody;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	assert_int_equal(id_of(&b, 2), old);
	assert_int_equal(b.f.dests[old].state, SHUNT_DEST_UP);
	assert_int_equal(b.f.dests[new].state, SHUNT_DEST_DRAIN);
	rests(b.dp);
	assert_false(is_in_use(&b, new));
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* An entry of the ring with this id, as the program would have made it. */
static void put_anywhere(struct bench *b, uint32_t bucket, uint32_t id)
{
	b->f.conns[bucket].entry[0] = shunt_conn_entry(1, id, SHUNT_CONN_EST, datapath_ticks(b->dp));
}

static void count_at(const struct bench *b, uint32_t dest, uint64_t packets)
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter values[cpus];

	memset(values, 0, sizeof(values));
	values[0].packets = packets;
	assert_int_equal(bpf_map_update_elem(b->f.fds.dstat, &dest, values, BPF_ANY), 0);
}

/* Nobody is sent to it any more, so nothing is kept: its entries go and its ids are free at once, those that lingered included. What was
 * counted stays with the service. Its other ring does not notice. */
static void a_pool_is_deleted(void **state)
{
	struct shunt_counter c;
	struct bench b;
	uint32_t old, lingers, green;

	(void)state;
	bench_open(&b, 3);
	set_pool(&b, true);
	ring_to(&b, but_the_last);
	applies(b.dp, b.m);
	rests(b.dp);
	lingers = id_of(&b, 2);
	b.m->services[0].dests[2].addr = backend_addr(5);
	applies(b.dp, b.m);
	old = id_of(&b, 5);
	assert_true(is_in_use(&b, lingers));
	green = fixture_pool_id(&b.f, 0, "green");
	put_anywhere(&b, 10, old);
	put_anywhere(&b, 12, lingers);
	put_anywhere(&b, 14, id_of(&b, 0));
	count_at(&b, old, 30);
	count_at(&b, lingers, 4);
	set_pool(&b, false);
	applies(b.dp, b.m);
	assert_false(is_in_use(&b, old) || is_in_use(&b, lingers));
	assert_string_equal(b.f.svcdir[green].name, "");
	assert_int_equal(shunt_conn_dest(b.f.conns[10].entry[0]), 0);
	assert_int_equal(shunt_conn_dest(b.f.conns[12].entry[0]), 0);
	assert_int_equal(shunt_conn_dest(b.f.conns[14].entry[0]), id_of(&b, 0));
	fixture_judge(&b.f, b.m);
	assert_true(datapath_service_retired(b.dp, "x0", &c));
	assert_int_equal(c.packets, 34);
	bench_close(&b);
}

static void a_service_is_deleted(void **state)
{
	struct model *none = fixture_model(0);
	struct flow before[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	b.m->services[0].dest_count = 2;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	passes(b.dp, PREP_MS + 250);
	flows_go_on(&b, before);
	assert_true(count_entries(&b) > 0);
	applies(b.dp, none);
	assert_int_equal(count_entries(&b), 0);
	fixture_judge(&b.f, none); /* at once, the backend that lingered included */

	/* its ring and its ids are another's, who does not find anything in them */
	strcpy(b.m->services[0].name, "other");
	b.m->services[0].salt = ring_salt("other");
	applies(b.dp, b.m);
	fixture_judge(&b.f, b.m);
	model_free(none);
	bench_close(&b);
}

/* In the middle of a sweep, which must not go on as if nothing had been. */
static void a_service_is_deleted_in_a_sweep(void **state)
{
	struct model *none = fixture_model(0);
	struct bench b;

	(void)state;
	bench_open_sized(&b, 3, SLOTS, 2 * 4096 * SHUNT_CONN_WAYS); /* two slices */
	b.m->services[0].dest_count = 2;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	passes(b.dp, PREP_MS + 250);
	datapath_sweep(b.dp);
	assert_true(b.dp->sweep.underway);
	applies(b.dp, none);
	fixture_judge(&b.f, none);
	b.m->services[0].dest_count = 3;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	passes(b.dp, 2 * SWEEP_MS);
	fixture_judge(&b.f, b.m);
	model_free(none);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_backend_moves_to_a_pool),
		cmocka_unit_test(a_backend_moves_back),
		cmocka_unit_test(a_pool_is_deleted),
		cmocka_unit_test(a_service_is_deleted),
		cmocka_unit_test(a_service_is_deleted_in_a_sweep),
	};

	return cmocka_run_group_tests_name("datapath deletion", tests, NULL, NULL);
}
