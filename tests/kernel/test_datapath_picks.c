/* SPDX-License-Identifier: GPL-2.0 */
/* Services that pick: in turn, and where there are fewer connections; and that what was picked stays. */
#include <sched.h>

#include "../../user/shuntd/picks.h"
#include "datapath_flows.h"

enum { BACKENDS = 5 };

/* Every CPU takes turns by itself. */
static void stay_on_this_cpu(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/* Those that are up, with these weights. */
static void pick_by(struct bench *b, enum config_algorithm algorithm, const uint32_t *weights)
{
	struct model_service *s = &b->m->services[0];
	uint32_t up[BACKENDS] = {0};

	s->algorithm = algorithm;
	free(s->picks);
	s->picks = NULL;
	s->pick_count = 0;
	for (size_t i = 0; i < s->dest_count; i++)
		up[i] = s->dests[i].state == BACKEND_UP ? weights[i] : 0;
	if (algorithm != CONFIG_ALGORITHM_MAGLEV)
		s->picks = picks_build(up, s->dest_count, SHUNT_PICKS_PER_DEST, &s->pick_count);
	applies(b->dp, b->m);
}

static const uint32_t alike[BACKENDS] = {100, 100, 100, 100, 100};

static void bench_picks(struct bench *b, enum config_algorithm algorithm)
{
	stay_on_this_cpu();
	bench_open_sized(b, BACKENDS, SLOTS, 16384); /* what has ended keeps its entry for a while */
	pick_by(b, algorithm, alike);
}

/* How many of count beginnings from this port on each gets. */
static void count_beginnings(struct bench *b, uint16_t first, uint16_t count, uint32_t got[BACKENDS])
{
	memset(got, 0, BACKENDS * sizeof(*got));
	for (uint16_t i = 0; i < count; i++) {
		int backend = sends(b, first + i, SYN);

		assert_in_range(backend, 0, BACKENDS - 1);
		got[backend]++;
	}
}

static void turns_are_exact(void **state)
{
	static const uint32_t weights[BACKENDS] = {300, 100, 0, 200, 100};
	uint32_t got[BACKENDS];
	struct bench b;

	(void)state;
	bench_picks(&b, CONFIG_ALGORITHM_ROUND_ROBIN);
	count_beginnings(&b, 1000, 100, got);
	for (int i = 0; i < BACKENDS; i++)
		assert_int_equal(got[i], 20);
	pick_by(&b, CONFIG_ALGORITHM_ROUND_ROBIN, weights);
	count_beginnings(&b, 2000, 70, got);
	for (int i = 0; i < BACKENDS; i++)
		assert_int_equal(got[i], weights[i] / 10);
	bench_close(&b);
}

/* A SYN that is sent again, and all that follows it, go where the first one went. Sweeps take nothing away. */
static void connections_stay(void **state)
{
	struct flow flows[FLOWS];
	struct bench b;

	(void)state;
	bench_picks(&b, CONFIG_ALGORITHM_ROUND_ROBIN);
	for (int i = 0; i < FLOWS; i++) {
		flows[i] = (struct flow){1000 + i, sends(&b, 1000 + i, SYN)};
		sweeps(&b);
		assert_int_equal(sends(&b, flows[i].port, SYN), flows[i].backend);
		assert_int_equal(sends(&b, flows[i].port, ACK), flows[i].backend);
	}
	sweeps(&b);
	flows_go_on(&b, flows);
	assert_int_equal(count_entries(&b), FLOWS);
	bench_restart(&b);
	sweeps(&b);
	flows_go_on(&b, flows);
	bench_close(&b);
}

static void fails(struct bench *b, uint32_t backend)
{
	struct model_dest *dest = &b->m->services[0].dests[backend];

	dest->state = BACKEND_DOWN;
	dest->failing = true;
	ring_of_those_up(b);
	pick_by(b, CONFIG_ALGORITHM_ROUND_ROBIN, alike);
}

/* Nobody new for what fails; what the others have stays. */
static void failures_move_nothing_else(void **state)
{
	struct flow flows[FLOWS];
	uint32_t got[BACKENDS];
	struct bench b;

	(void)state;
	bench_picks(&b, CONFIG_ALGORITHM_ROUND_ROBIN);
	begin_flows(&b, flows, 1000);
	fails(&b, 2);
	flows_go_on(&b, flows); /* in its grace, its own, too */
	count_beginnings(&b, 2000, 40, got);
	for (int i = 0; i < BACKENDS; i++)
		assert_int_equal(got[i], i == 2 ? 0 : 10);
	for (int i = 0; i < 6; i++) { /* connections that are alive send something */
		passes(b.dp, GRACE_MS / 4);
		if (i < 3)
			flows_go_on(&b, flows);
	}
	flows_go_on_without(&b, flows, 2);
	bench_close(&b);
}

/* From the ring to turns and back: what was there before goes on. */
static void algorithms_change(void **state)
{
	struct flow by_ring[FLOWS], in_turn[FLOWS];
	struct bench b;

	(void)state;
	bench_open_sized(&b, BACKENDS, SLOTS, 4096);
	begin_flows(&b, by_ring, 1000);
	assert_int_equal(count_entries(&b), 0);
	pick_by(&b, CONFIG_ALGORITHM_ROUND_ROBIN, alike);
	flows_go_on(&b, by_ring);
	begin_flows(&b, in_turn, 2000);
	sweeps(&b);
	pick_by(&b, CONFIG_ALGORITHM_MAGLEV, alike);
	sweeps(&b);
	flows_go_on(&b, by_ring);
	flows_go_on(&b, in_turn);
	for (int i = 0; i < FLOWS; i++) {
		sends(&b, in_turn[i].port, FIN_ACK);
		passes(b.dp, 250);
	}
	passes(b.dp, 200000);
	assert_int_equal(count_entries(&b), 0);
	rests(b.dp);
	flows_go_on(&b, by_ring);
	bench_close(&b);
}

/* Without room the ring decides, and says the same again. */
static void without_room_the_ring_decides(void **state)
{
	uint32_t refused = 0;
	struct bench b;

	(void)state;
	stay_on_this_cpu();
	bench_open_sized(&b, BACKENDS, SLOTS, 16);
	pick_by(&b, CONFIG_ALGORITHM_ROUND_ROBIN, alike);
	for (uint16_t port = 1000; port < 1100; port++) {
		int backend = sends(&b, port, SYN);

		assert_int_equal(sends(&b, port, ACK), backend);
		if (!entry_of(&b, port)) {
			assert_int_equal(backend, slot_of(&b, port) % BACKENDS);
			refused++;
		}
	}
	assert_int_equal(refused, 84);
	bench_close(&b);
}

/* ---- clients that stick: all of these packets are of one client */

enum { STICKY_S = 20 };

static void bench_sticks(struct bench *b, enum config_algorithm algorithm)
{
	bench_picks(b, algorithm);
	b->m->services[0].sticky = STICKY_S;
	pick_by(b, algorithm, alike);
}

/* Where all of so many beginnings go. */
static int one_for_all(struct bench *b, uint16_t first, uint16_t count)
{
	int backend = sends(b, first, SYN);

	for (uint16_t i = 1; i < count; i++)
		assert_int_equal(sends(b, first + i, SYN), backend);
	return backend;
}

static void clients_stick(void **state)
{
	static const enum config_algorithm algorithms[] = {CONFIG_ALGORITHM_MAGLEV, CONFIG_ALGORITHM_ROUND_ROBIN,
							   CONFIG_ALGORITHM_LEAST};

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct bench b;
		int backend;

		bench_sticks(&b, algorithms[i]);
		backend = one_for_all(&b, 1000, 50);
		bench_restart(&b);
		assert_int_equal(one_for_all(&b, 2000, 50), backend);
		passes(b.dp, STICKY_S * 1000 / 2); /* each connection counts anew */
		assert_int_equal(one_for_all(&b, 3000, 2), backend);
		passes(b.dp, STICKY_S * 1000 * 3 / 4);
		assert_int_equal(one_for_all(&b, 4000, 2), backend);
		bench_close(&b);
	}
}

/* The next in turn, when the time is over; and when its backend takes nothing new, which is the new one's from then on. */
static void until_they_do_not(void **state)
{
	struct flow flows[FLOWS];
	struct bench b;
	int first, second;

	(void)state;
	bench_sticks(&b, CONFIG_ALGORITHM_ROUND_ROBIN);
	begin_flows(&b, flows, 1000);
	first = flows[0].backend;
	passes(b.dp, (STICKY_S + 3) * 1000);
	second = one_for_all(&b, 2000, 50);
	assert_int_equal(second, (first + 1) % BACKENDS);
	b.m->services[0].dests[second].state = BACKEND_DRAIN;
	ring_of_those_up(&b);
	pick_by(&b, CONFIG_ALGORITHM_ROUND_ROBIN, alike);
	assert_int_not_equal(one_for_all(&b, 3000, 50), second);
	assert_int_equal(sends(&b, 2000, ACK), second);
	flows_go_on(&b, flows);
	bench_close(&b);
}

/* ---- least connections */

/*
 * Connections that last for 10 or, one in ten, for 1000 beginnings of others, on backends that are alike: how many the busiest has more than
 * the mean, as a part of that and on average, once the long ones have come to as many as there will be.
 */
static double busiest(enum config_algorithm algorithm)
{
	enum { ROUNDS = 6000, LONG = 1000, SHORT = 10 };
	static struct {
		int backend;
		uint32_t ends;
	} flows[ROUNDS];
	uint32_t open[BACKENDS] = {0}, all = 0;
	uint64_t random = 7;
	double sum = 0;
	struct bench b;

	bench_picks(&b, algorithm);
	for (uint32_t now = 0, most = 0; now < ROUNDS; now++, most = 0) {
		flows[now].backend = sends(&b, 1024 + now, SYN);
		sends(&b, 1024 + now, ACK);
		random = shunt_mix64(random);
		flows[now].ends = now + (random % 10 ? SHORT : LONG);
		open[flows[now].backend]++;
		all++;
		for (uint32_t i = now > LONG ? now - LONG : 0; i < now; i++) {
			if (flows[i].ends != now)
				continue;
			assert_int_equal(sends(&b, 1024 + i, FIN_ACK), flows[i].backend);
			open[flows[i].backend]--;
			all--;
		}
		if (now % 500 == 0)
			sweeps(&b);
		for (int i = 0; i < BACKENDS; i++)
			most = open[i] > most ? open[i] : most;
		if (now >= 2 * LONG)
			sum += (double)most * BACKENDS / all - 1;
	}
	bench_close(&b);
	return sum / (ROUNDS - 2 * LONG);
}

static void least_connections_are_more_even(void **state)
{
	double in_turn = busiest(CONFIG_ALGORITHM_ROUND_ROBIN), least = busiest(CONFIG_ALGORITHM_LEAST);

	(void)state;
	print_message(
		"# the busiest of %d backends had more than the mean: round-robin %.0f %%, least-connections %.0f %%\n",
		BACKENDS, 100 * in_turn, 100 * least);
	assert_true(least - 1 < (in_turn - 1) / 2);
}

/* One that had none when the others had their fill gets nearly all, until it has caught up. */
static void new_backends_catch_up(void **state)
{
	uint32_t got[BACKENDS];
	struct bench b;

	(void)state;
	bench_picks(&b, CONFIG_ALGORITHM_LEAST);
	b.m->services[0].dests[4].state = BACKEND_DRAIN;
	pick_by(&b, CONFIG_ALGORITHM_LEAST, alike);
	count_beginnings(&b, 1000, 400, got);
	assert_int_equal(got[4], 0);
	for (int i = 0; i < 4; i++)
		assert_in_range(got[i], 90, 110);
	sweeps(&b);
	b.m->services[0].dests[4].state = BACKEND_UP;
	pick_by(&b, CONFIG_ALGORITHM_LEAST, alike);
	count_beginnings(&b, 2000, 100, got);
	assert_in_range(got[4], 20, 60); /* drawn in 9 of 25 pairs, and then always the one */
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(turns_are_exact),
		cmocka_unit_test(connections_stay),
		cmocka_unit_test(failures_move_nothing_else),
		cmocka_unit_test(algorithms_change),
		cmocka_unit_test(without_room_the_ring_decides),
		cmocka_unit_test(clients_stick),
		cmocka_unit_test(until_they_do_not),
		cmocka_unit_test(least_connections_are_more_even),
		cmocka_unit_test(new_backends_catch_up),
	};

	return cmocka_run_group_tests_name("datapath_picks", tests, NULL, NULL);
}
