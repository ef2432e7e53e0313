/* SPDX-License-Identifier: GPL-2.0 */
/* Backends that the configuration has not any more: what they had goes on, and their ids are theirs, for as long as anything names
 * them. */
#include "datapath_flows.h"

/* The last backend is left out of the model; with_last() takes it in again. */
static void without_last(struct bench *b)
{
	b->m->services[0].dest_count--;
	ring_of_those_up(b);
	applies(b->dp, b->m);
}

static void with_last(struct bench *b)
{
	b->m->services[0].dest_count++;
	ring_of_those_up(b);
	applies(b->dp, b->m);
}

static bool is_in_use(const struct bench *b, uint32_t id)
{
	return b->f.dstdir[id].family != 0;
}

static bool is_dead(const struct bench *b)
{
	return b->f.dests[id_of(b, 2)].state == SHUNT_DEST_DEAD;
}

/* It keeps its id, its template and its flows, and takes nothing new; when the last flow has ended, it is gone. */
static void flows_outlive_their_backend(void **state)
{
	struct flow before[FLOWS], after[FLOWS];
	struct shunt_dest template;
	struct bench b;
	uint32_t id;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	id = id_of(&b, 2);
	template = b.f.dests[id];
	without_last(&b);
	template.state = SHUNT_DEST_DRAIN;
	assert_memory_equal(&b.f.dests[id], &template, sizeof(template));
	passes(b.dp, PREP_MS + 250);
	begin_flows(&b, after, 2000);
	for (int i = 0; i < FLOWS; i++)
		assert_int_not_equal(after[i].backend, 2);
	for (int i = 0; i < 15; i++) { /* 120 s */
		flows_go_on(&b, before);
		flows_go_on(&b, after);
		passes(b.dp, 8000);
	}
	assert_memory_equal(&b.f.dests[id], &template, sizeof(template));
	flows_go_on(&b, before);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	assert_false(is_in_use(&b, id));
	bench_close(&b);
}

/* Nothing but an entry, an anchor, or a slot names it. */
static void what_holds_it(void **state)
{
	uint64_t *entry;
	struct bench b;
	uint32_t id;

	(void)state;
	bench_open(&b, 3);
	id = id_of(&b, 2);
	without_last(&b);
	for (int i = 0; i < 3; i++) { /* slots: the first 3 s do not pass */
		sweeps(&b);
		assert_true(is_in_use(&b, id));
		assert_true(word_of(&b, 2) == (shunt_slot_clean(id) | SHUNT_SLOT_PREP | SHUNT_SLOT_DIRTY));
	}
	passes(b.dp, PREP_MS + 250);
	assert_int_equal(shunt_slot_current(word_of(&b, 2)), id_of(&b, 0));
	for (int i = 0; i < 3; i++) { /* anchors */
		sweeps(&b);
		assert_true(is_in_use(&b, id));
	}
	entry = put_entry(&b, port_in(&b, 2, 0), id, SHUNT_CONN_EST, 0);
	passes(b.dp, 30000);
	*entry = put_entry(&b, port_in(&b, 2, 0), id, SHUNT_CONN_EST, 0)[0];
	while (shunt_slot_anchor(word_of(&b, 2)) == id)
		passes(b.dp, 250);
	*entry = put_entry(&b, port_in(&b, 2, 0), id, SHUNT_CONN_EST, 0)[0];
	for (int i = 0; i < 3; i++) { /* an entry */
		sweeps(&b);
		assert_true(is_in_use(&b, id));
		assert_int_equal(shunt_conn_dest(*entry), id);
	}
	*entry = shunt_conn_gone(datapath_ticks(b.dp));
	set_word(&b, 2, id | (clean_word(&b, 0) & ~SHUNT_SLOT_DEST_MASK) | SHUNT_SLOT_DIRTY | SHUNT_SLOT_REANCHOR);
	for (int i = 0; i < 3; i++) { /* a slot alone, as it never should */
		sweeps(&b);
		assert_true(is_in_use(&b, id));
	}
	set_word(&b, 2, clean_word(&b, 0));
	sweeps(&b);
	assert_false(is_in_use(&b, id));
	bench_close(&b);
}

/* A sweep that began when a slot named it shows nothing, even if none does when it ends. */
static void what_held_it_when_the_sweep_began(void **state)
{
	struct bench b;
	uint32_t id;

	(void)state;
	bench_open_sized(&b, 3, SLOTS, 2 * 4096 * SHUNT_CONN_WAYS); /* two slices */
	id = id_of(&b, 2);
	without_last(&b);
	datapath_sweep(b.dp);
	assert_true(b.dp->sweep.underway);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		set_word(&b, slot, clean_word(&b, slot % 2));
	sweeps(&b);
	assert_true(is_in_use(&b, id));
	sweeps(&b);
	assert_false(is_in_use(&b, id));
	bench_close(&b);
}

/* Another backend, added meanwhile, has another id, and finds its own counters. */
static void ids_are_not_given_out_early(void **state)
{
	struct bench b;
	struct model_service *s;
	uint32_t id;

	(void)state;
	bench_open(&b, 4);
	s = &b.m->services[0];
	id = id_of(&b, 2);
	without_last(&b);
	rests(b.dp);
	put_entry(&b, port_in(&b, 2, 0), id, SHUNT_CONN_EST, 0);
	s->dests[2].addr = backend_addr(7); /* in the place of backend 2 */
	applies(b.dp, b.m);
	assert_true(is_in_use(&b, id));
	assert_int_not_equal(id_of(&b, 7), id);
	s->dest_count = 4;
	s->dests[3].addr = backend_addr(8);
	applies(b.dp, b.m);
	assert_int_not_equal(id_of(&b, 8), id);
	rests(b.dp);
	assert_false(is_in_use(&b, id));
	s->dests[3].addr = backend_addr(9);
	applies(b.dp, b.m);
	assert_int_equal(id_of(&b, 9), id);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* Its neighbour's address changes, or its way: what it still has goes there. A way that is not known leaves it as it was. */
static void leftovers_follow_their_next_hop(void **state)
{
	struct model_leftover leftover = {backend_addr(2),
					  {.resolved = true, .ifindex = 1, .mtu = 1500, .dst_mac = {2, 9, 9, 9, 9, 9}}};
	struct shunt_dest template;
	struct bench b;
	uint32_t id;

	(void)state;
	bench_open(&b, 3);
	id = id_of(&b, 2);
	without_last(&b);
	template = b.f.dests[id];
	b.m->leftovers = &leftover;
	b.m->leftover_count = 1;
	applies(b.dp, b.m);
	memcpy(template.hdr, leftover.nexthop.dst_mac, 6);
	template.mtu = 1500;
	assert_memory_equal(&b.f.dests[id], &template, sizeof(template));
	leftover.nexthop.resolved = false;
	applies(b.dp, b.m);
	assert_memory_equal(&b.f.dests[id], &template, sizeof(template));
	b.m->leftovers = NULL;
	b.m->leftover_count = 0;
	applies(b.dp, b.m);
	assert_memory_equal(&b.f.dests[id], &template, sizeof(template));
	bench_close(&b);
}

/* While it lingers it is the same: at once in the template, planned in the slots that have followed already. */
static void taken_in_again(void **state)
{
	struct flow before[FLOWS];
	struct bench b;
	uint32_t id;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	id = id_of(&b, 2);
	without_last(&b);
	passes(b.dp, 20000);
	flows_go_on(&b, before);
	assert_int_equal(b.f.dests[id].state, SHUNT_DEST_DRAIN);
	with_last(&b);
	assert_int_equal(id_of(&b, 2), id);
	assert_int_equal(b.f.dests[id].state, SHUNT_DEST_UP);
	flows_go_on(&b, before);
	rests(b.dp);
	assert_int_equal(id_of(&b, 2), id);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* One that was down when it was removed is dead after its grace. */
static void removed_while_down(void **state)
{
	struct flow before[FLOWS];
	struct bench b;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	b.m->services[0].dests[2].state = BACKEND_DOWN;
	ring_of_those_up(&b);
	applies(b.dp, b.m);
	passes(b.dp, 10000);
	without_last(&b);
	assert_int_equal(b.f.dests[id_of(&b, 2)].state, SHUNT_DEST_DOWN);
	flows_go_on(&b, before);
	until(&b, is_dead, GRACE_MS / 2 + 2000);
	flows_go_on_without(&b, before, 2);
	rests(b.dp);
	fixture_judge(&b.f, b.m);
	bench_close(&b);
}

/* The limit of a drain is that of a removal, too: then what it has is cut off, and its id is free soon. */
static void removals_end(void **state)
{
	struct flow before[FLOWS];
	struct bench b;
	uint32_t id;

	(void)state;
	bench_open(&b, 3);
	b.m->services[0].drain_timeout = 100;
	begin_flows(&b, before, 1000);
	id = id_of(&b, 2);
	without_last(&b);
	for (int i = 0; i < 9; i++) {
		passes(b.dp, 10000);
		flows_go_on(&b, before);
	}
	until(&b, is_dead, 12000);
	flows_go_on_without(&b, before, 2);
	passes(b.dp, 3 * SWEEP_MS + 500);
	assert_false(is_in_use(&b, id));
	for (int i = 0; i < FLOWS; i++)
		if (before[i].backend == 2)
			assert_null(entry_of(&b, before[i].port));
	bench_close(&b);
}

static void has_retired(struct bench *b, const char *service, uint64_t packets)
{
	struct shunt_counter c;

	assert_int_equal(datapath_counters_refresh(b->dp), 0);
	assert_true(datapath_service_retired(b->dp, service, &c));
	assert_int_equal(c.packets, packets);
}

/* What was sent to it counts for the service from when it is removed, and still when its id is another's. */
static void counters_stay_with_the_service(void **state)
{
	struct flow before[FLOWS];
	struct bench b;
	uint64_t packets = 0;

	(void)state;
	bench_open(&b, 3);
	begin_flows(&b, before, 1000);
	for (int i = 0; i < FLOWS; i++)
		packets += 2 * (before[i].backend == 2);
	assert_true(packets > 0);
	has_retired(&b, "x0", 0);
	without_last(&b);
	has_retired(&b, "x0", packets);
	for (int i = 0; i < FLOWS; i++)
		packets += sends(&b, before[i].port, ACK) == 2;
	has_retired(&b, "x0", packets);
	rests(b.dp);
	has_retired(&b, "x0", packets);
	with_last(&b);
	rests(b.dp);
	has_retired(&b, "x0", packets);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flows_outlive_their_backend),
		cmocka_unit_test(what_holds_it),
		cmocka_unit_test(what_held_it_when_the_sweep_began),
		cmocka_unit_test(ids_are_not_given_out_early),
		cmocka_unit_test(leftovers_follow_their_next_hop),
		cmocka_unit_test(taken_in_again),
		cmocka_unit_test(removed_while_down),
		cmocka_unit_test(removals_end),
		cmocka_unit_test(counters_stay_with_the_service),
	};

	return cmocka_run_group_tests_name("datapath removal", tests, NULL, NULL);
}
