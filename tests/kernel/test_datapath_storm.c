/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Changes of all kinds, one after the other and into each other, with flows that begin, go on and end through the real program. What
 * all the rules are for: an established connection stays with its backend, unless that is dead.
 */
#include "datapath_flows.h"

enum { BACKENDS = 6, ROUNDS = 200, ALIVE = 150 };

struct backend {
	bool configured, down, drained;
	uint64_t down_since; /* ms of the daemon's clock */
	bool has_died;	     /* since the last round in which all of its flows were judged */
};

struct storm {
	struct bench b;
	struct backend backends[BACKENDS];
	struct flow flows[ALIVE];
	uint16_t next_port;
	unsigned long kept, lost, begun;
};

static uint32_t backend_at(const struct bench *b, size_t index)
{
	return ntohl(b->m->services[0].dests[index].addr.word[0]) - ntohl(backend_addr(0).word[0]);
}

/* By rendezvous hashing, so that slots move only when they must; or, by another salt, all of them. */
static uint32_t ring_salt_now;

static uint32_t best(const struct bench *b, uint32_t slot)
{
	const struct model_service *s = &b->m->services[0];
	uint32_t found = RING_NONE;
	uint64_t most = 0;

	for (uint32_t i = 0; i < s->dest_count; i++) {
		uint64_t weight = shunt_mix64((uint64_t)ring_salt_now << 32 | slot << 8 | backend_at(b, i)) | 1;

		if (s->dests[i].state == BACKEND_UP && weight > most) {
			found = i;
			most = weight;
		}
	}
	return found;
}

static void apply_backends(struct storm *w)
{
	struct model_service *s = &w->b.m->services[0];

	s->dest_count = 0;
	for (uint32_t i = 0; i < BACKENDS; i++) {
		const struct backend *backend = &w->backends[i];
		struct model_dest *d = &s->dests[s->dest_count];

		if (!backend->configured)
			continue;
		fixture_dest(d, 1 + i);
		d->addr = backend_addr(i);
		d->failing = backend->down;
		d->state = backend->drained ? BACKEND_DRAIN : backend->down ? BACKEND_DOWN : BACKEND_UP;
		s->dest_count++;
	}
	ring_to(&w->b, best);
	applies(w->b.dp, w->b.m);
}

/* It stays what it is when it is removed; when it is taken in again, it is up. */
static void change(struct storm *w)
{
	struct backend *backend = &w->backends[random() % BACKENDS];

	switch (random() % 8) {
	case 0:
	case 1:
		backend->drained = !backend->drained;
		break;
	case 2:
	case 3:
		if (!backend->configured)
			break;
		backend->down = !backend->down;
		backend->down_since = datapath_ms(w->b.dp);
		break;
	case 4:
	case 5:
		backend->configured = !backend->configured;
		if (backend->configured)
			backend->down = backend->drained = false;
		break;
	case 6:
		ring_salt_now++;
		break;
	}
	apply_backends(w);
}

static void note_deaths(struct storm *w)
{
	for (uint32_t i = 0; i < BACKENDS; i++)
		if (w->backends[i].down && datapath_ms(w->b.dp) - w->backends[i].down_since >= GRACE_MS - 2000)
			w->backends[i].has_died = true;
}

static void begin(struct storm *w, struct flow *flow)
{
	flow->port = w->next_port++;
	flow->backend = sends(&w->b, flow->port, SYN);
	if (flow->backend == NOBODY)
		return;
	assert_false(w->backends[flow->backend].down);
	assert_int_equal(sends(&w->b, flow->port, ACK), flow->backend);
	w->begun++;
}

static void go_on(struct storm *w, struct flow *flow)
{
	int to;

	if (flow->backend == NOBODY) {
		begin(w, flow);
		return;
	}
	to = sends(&w->b, flow->port, random() % 20 ? ACK : FIN_ACK);
	if (to == flow->backend) {
		w->kept++;
		return;
	}
	assert_true(w->backends[flow->backend].has_died);
	w->lost++;
	begin(w, flow);
}

static void all_go_on(struct storm *w)
{
	note_deaths(w);
	for (int i = 0; i < ALIVE; i++)
		go_on(w, &w->flows[i]);
	for (uint32_t i = 0; i < BACKENDS; i++)
		w->backends[i].has_died = false;
	note_deaths(w); /* those that are down for long still */
	for (int i = 0; i < 5; i++) {
		struct flow *flow = &w->flows[random() % ALIVE];

		if (flow->backend != NOBODY && !w->backends[flow->backend].has_died)
			assert_int_equal(sends(&w->b, flow->port, RST), flow->backend);
		begin(w, flow);
	}
}

static void connections_stay_with_their_backends(void **state)
{
	static struct storm w;

	(void)state;
	bench_open_sized(&w.b, BACKENDS, 61, 2048);
	w.next_port = 1024;
	for (int i = 0; i < ALIVE; i++)
		w.flows[i].backend = NOBODY;
	for (int i = 0; i < BACKENDS; i++)
		w.backends[i].configured = true;
	for (int round = 0; round < ROUNDS; round++) {
		change(&w);
		all_go_on(&w);
		for (int i = random() % 4; i >= 0; i--) {
			passes(w.b.dp, random() % 9000);
			all_go_on(&w);
		}
		if (random() % 10 == 0)
			bench_restart(&w.b);
	}
	print_message("%lu flows, %lu packets where they belong, %lu flows lost with their backends\n", w.begun, w.kept,
		      w.lost);
	assert_true(w.lost > 0 && w.kept > 10 * w.lost);
	rests(w.b.dp);
	fixture_judge(&w.b.f, w.b.m);
	bench_close(&w.b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_stay_with_their_backends),
	};

	srandom(5);
	return cmocka_run_group_tests_name("datapath storm", tests, NULL, NULL);
}
