/* SPDX-License-Identifier: GPL-2.0 */
/* Rings with pools: shares, what moves when shares and backends change, and where slots of backends that are down fall to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ring_fixture.h"

enum { POOLS = 4 };

static struct ring_pool pools[POOLS] = {{"blue", 0}, {"canary", 0}, {"default", 0}, {"green", 0}};

/* Backends in turn: so many of the first pool, then of the second, and so on; all of weight 100. */
static void set_pools(const size_t sizes[POOLS], const uint32_t shares[POOLS])
{
	size_t count = 0;

	for (size_t p = 0; p < POOLS; p++)
		count += sizes[p];
	set_backends(count, SIZE);
	for (size_t p = 0, i = 0; p < POOLS; p++) {
		pools[p].share = shares[p];
		for (size_t k = 0; k < sizes[p]; k++)
			fx.backends[i++].pool = (uint32_t)p;
	}
}

static void build_pools(void)
{
	ring_build_pools(fx.base, fx.size, fx.backends, fx.count, pools, POOLS, SEED, SALT);
}

static void resolve_pools(uint32_t *ring)
{
	ring_resolve_pools(ring, fx.base, fx.size, fx.available, fx.backends, fx.count, SEED, SALT);
}

static uint32_t pool_of(uint32_t backend)
{
	return backend == RING_NONE ? POOLS : fx.backends[backend].pool;
}

/* Slots by pool; those of nobody in out[POOLS]. */
static void tally_pools(const uint32_t *ring, uint32_t out[POOLS + 1])
{
	memset(out, 0, (POOLS + 1) * sizeof(*out));
	for (uint32_t s = 0; s < fx.size; s++)
		out[pool_of(ring[s])]++;
}

static void assert_near(double is, double want, double slack)
{
	if (is < want - slack || is > want + slack)
		fail_msg("%.1f, expected %.1f +- %.1f", is, want, slack);
}

/* The share of each of 100,000 connections is within 1 % of all of what was asked, and that of the slots exact to one for each pool. */
static void shares_are_as_asked(void **state)
{
	static const struct {
		size_t sizes[POOLS];
		uint32_t shares[POOLS];
	} cases[] = {
		{{4, 4}, {80, 20}},	      {{2, 100}, {99, 1}},	   {{100, 10}, {1, 99}},
		{{3, 1, 7, 5}, {1, 2, 3, 4}}, {{5, 5, 5}, {65535, 1, 0}},  {{1, 1, 1, 1}, {1, 1, 1, 65535}},
		{{400, 1}, {50, 50}},	      {{10, 0, 10, 1}, {5, 0, 0}}, {{6, 6, 6, 6}, {7, 7, 7, 7}},
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		uint32_t slots[POOLS + 1], hits[POOLS + 1] = {0};
		uint64_t random = c, sum = 0;

		set_pools(cases[c].sizes, cases[c].shares);
		build_pools();
		tally_pools(fx.base, slots);
		for (int i = 0; i < 100000; i++)
			hits[pool_of(fx.base[next_random(&random) % SIZE])]++;
		for (size_t p = 0; p < POOLS; p++)
			sum += cases[c].shares[p];
		for (size_t p = 0; p < POOLS; p++) {
			double part = (double)cases[c].shares[p] / (double)sum;

			assert_near(slots[p], part * SIZE, POOLS);
			assert_near(hits[p], part * 100000, 1000);
			assert_int_equal(slots[p] > 0, cases[c].shares[p] > 0);
		}
		assert_int_equal(slots[POOLS], 0);
	}
}

/* Whatever the weights in a pool add up to, they divide its share and no more. */
static void weights_divide_the_share(void **state)
{
	static const size_t sizes[POOLS] = {4, 10};
	static const uint32_t shares[POOLS] = {3, 1};
	uint32_t slots[POOLS + 1], sum = 0;

	(void)state;
	set_pools(sizes, shares);
	for (uint32_t i = 0; i < 4; i++)
		fx.backends[i].weight = i; /* one of them 0 */
	for (uint32_t i = 4; i < fx.count; i++)
		sum += fx.backends[i].weight = 60000 + i * 500;
	build_pools();
	tally_pools(fx.base, slots);
	assert_near(slots[1], SIZE / 4.0, 2);
	tally(fx.base);
	for (uint32_t i = 0; i < 4; i++)
		assert_near(fx.slots[i], slots[0] * i / 6.0, 2);
	for (uint32_t i = 4; i < fx.count; i++)
		assert_near(fx.slots[i], (double)slots[1] * fx.backends[i].weight / sum, 2);
}

/* Of a pool without weights, or of none that has a share, nobody can be: the others have its part. */
static void who_takes_part(void **state)
{
	static const size_t sizes[POOLS] = {2, 2, 2};
	static const uint32_t shares[POOLS] = {50, 50, 0}, none[POOLS] = {0};
	uint32_t slots[POOLS + 1];

	(void)state;
	set_pools(sizes, shares);
	fx.backends[5].pool = POOLS; /* of none */
	fx.backends[0].weight = fx.backends[1].weight = 0;
	build_pools();
	tally_pools(fx.base, slots);
	assert_int_equal(slots[1], SIZE);
	set_pools(sizes, none);
	build_pools();
	tally_pools(fx.base, slots);
	assert_int_equal(slots[POOLS], SIZE);
	resolve_pools(fx.ring);
	assert_same(fx.ring, fx.base);
}

/* One pool that has everything is a service without shares: to begin with shares moves nothing. */
static void one_pool_is_all(void **state)
{
	static const size_t sizes[POOLS] = {7};
	static const uint32_t shares[POOLS] = {30};

	(void)state;
	set_pools(sizes, shares);
	set_weights(weights_50_to_150);
	ring_build(fx.other, SIZE, fx.backends, fx.count, SEED, SALT);
	build_pools();
	assert_same(fx.base, fx.other);
	fx.available[1] = fx.available[4] = false;
	resolve(fx.other);
	resolve_pools(fx.ring);
	assert_same(fx.ring, fx.other);
}

struct moved {
	double all, across; /* %: of slots, and of those that another pool has now */
};

static struct moved moved(const uint32_t *before, const uint32_t *after)
{
	struct moved m = {0, 0};

	for (uint32_t s = 0; s < SIZE; s++) {
		m.all += before[s] != after[s];
		m.across += pool_of(before[s]) != pool_of(after[s]);
	}
	return (struct moved){m.all * 100 / SIZE, m.across * 100 / SIZE};
}

/* What a change of shares must move, and little besides; of three pools and more, what one gives to another goes by way of the others
 * in part. */
static void shares_move_their_difference(void **state)
{
	static const struct {
		size_t sizes[POOLS];
		uint32_t before[POOLS], after[POOLS];
		double must, may;
	} cases[] = {
		{{4, 4}, {80, 20}, {70, 30}, 10, 11},
		{{10, 10}, {80, 20}, {70, 30}, 10, 11},
		{{90, 10}, {80, 20}, {70, 30}, 10, 12},
		{{100, 100}, {80, 20}, {70, 30}, 10, 13},
		{{20, 2}, {100, 0}, {99, 1}, 1, 1.5},
		{{20, 20}, {100, 0}, {0, 100}, 100, 100},
		{{8, 8, 8}, {60, 20, 20}, {50, 30, 20}, 10, 13},
		{{8, 8, 8, 8}, {40, 20, 20, 20}, {40, 20, 0, 40}, 20, 32},
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		struct moved m;

		set_pools(cases[c].sizes, cases[c].before);
		build_pools();
		memcpy(fx.other, fx.base, sizeof(fx.other));
		set_pools(cases[c].sizes, cases[c].after);
		build_pools();
		m = moved(fx.other, fx.base);
		print_message(
			"%zu and %zu backends, %u/%u to %u/%u: %.2f %% of the slots move, %.2f %% to another pool\n",
			cases[c].sizes[0], cases[c].sizes[1], cases[c].before[0], cases[c].before[1], cases[c].after[0],
			cases[c].after[1], m.all, m.across);
		assert_true(m.across > cases[c].must * 0.99 && m.all <= cases[c].may);
	}
}

/* Backends and weights of a pool are its own affair. */
static void pools_are_apart(void **state)
{
	static const size_t sizes[POOLS] = {20, 2, 5};
	static const uint32_t shares[POOLS] = {70, 20, 10};

	(void)state;
	set_pools(sizes, shares);
	build_pools();
	memcpy(fx.other, fx.base, sizeof(fx.other));
	fx.backends[20].weight = 7;
	fx.backends[fx.count] = (struct ring_backend){.addr = address(900), .weight = 100, .pool = 1};
	fx.count++;
	build_pools();
	for (uint32_t s = 0; s < SIZE; s++)
		if (pool_of(fx.other[s]) != 1)
			assert_int_equal(fx.base[s], fx.other[s]);
		else
			assert_int_equal(pool_of(fx.base[s]), 1);
}

/* Where the slots of those that are down fall to: who is of the same pool, if anybody is. Nothing else moves. */
static void slots_fall_within_the_pool(void **state)
{
	static const size_t sizes[POOLS] = {5, 3, 0, 2};
	static const uint32_t shares[POOLS] = {90, 1, 0, 9};
	uint32_t slots[POOLS + 1], now[POOLS + 1];
	double other;

	(void)state;
	set_pools(sizes, shares);
	build_pools();
	tally_pools(fx.base, slots);
	fx.available[0] = fx.available[3] = fx.available[5] = false;
	resolve_pools(fx.ring);
	tally_pools(fx.ring, now);
	assert_memory_equal(slots, now, sizeof(slots));
	for (uint32_t s = 0; s < SIZE; s++)
		if (fx.available[fx.base[s]])
			assert_int_equal(fx.ring[s], fx.base[s]);
	tally(fx.ring);
	assert_near(fx.slots[6], slots[1] / 2.0, slots[1] / 10.0); /* by weight, in so small a pool, too */
	fx.available[6] = fx.available[7] = false;		   /* of the canary nobody is left */
	memcpy(fx.other, fx.ring, sizeof(fx.other));
	resolve_pools(fx.ring);
	tally_pools(fx.ring, now);
	assert_int_equal(now[1] + now[POOLS], 0);
	other = (double)slots[1] * slots[3] / (slots[0] + slots[3]);
	assert_near(now[3] - slots[3], other, slots[1] / 10.0); /* by their shares */
	for (uint32_t s = 0; s < SIZE; s++)
		if (pool_of(fx.base[s]) != 1)
			assert_int_equal(fx.ring[s], fx.other[s]);
	memset(fx.available, 0, sizeof(fx.available));
	resolve_pools(fx.ring);
	tally_pools(fx.ring, now);
	assert_int_equal(now[POOLS], SIZE);
}

/* Whoever comes back has the slots that it had, and who goes gives away only its own, whatever order they come in. */
static void health_moves_only_its_own(void **state)
{
	static const size_t sizes[POOLS] = {6, 3, 2, 1};
	static const uint32_t shares[POOLS] = {50, 30, 15, 5};
	uint64_t random = 11;

	(void)state;
	set_pools(sizes, shares);
	build_pools();
	resolve_pools(fx.other);
	for (int i = 0; i < 60; i++) {
		size_t changed = next_random(&random) % fx.count;

		fx.available[changed] = !fx.available[changed];
		resolve_pools(fx.ring);
		for (uint32_t s = 0; s < SIZE; s++) {
			uint32_t must = fx.available[changed] ? fx.ring[s] : fx.other[s];

			if (fx.ring[s] != fx.other[s] && fx.ring[s] != RING_NONE && fx.other[s] != RING_NONE &&
			    pool_of(fx.ring[s]) == pool_of(fx.other[s]))
				assert_int_equal(must, changed);
		}
		memcpy(fx.other, fx.ring, sizeof(fx.other));
	}
}

/* A draw that another pool has is passed over, not taken out of the list: a change of shares leaves what slots of drained backends fall to. */
static void shares_change_while_one_is_down(void **state)
{
	static const size_t sizes[POOLS] = {10, 10};
	static const uint32_t before[POOLS] = {80, 20}, after[POOLS] = {70, 30};
	struct moved m;

	(void)state;
	set_pools(sizes, before);
	build_pools();
	fx.available[0] = fx.available[10] = false;
	resolve_pools(fx.other);
	set_pools(sizes, after);
	build_pools();
	fx.available[0] = fx.available[10] = false;
	resolve_pools(fx.ring);
	m = moved(fx.other, fx.ring);
	print_message("with one of ten down in both pools: %.2f %%\n", m.all);
	assert_true(m.all < 12.5);
}

static uint64_t checksum(const uint32_t *ring)
{
	uint64_t h = 0;

	for (uint32_t s = 0; s < fx.size; s++)
		h = shunt_mix64(h ^ ring[s]) + s;
	return h;
}

/* As in test_ring.c: nodes of different builds must agree. */
static void golden(void **state)
{
	static const size_t sizes[POOLS] = {40, 10, 0, 50};
	static const uint32_t shares[POOLS] = {70, 5, 100, 25};

	(void)state;
	set_pools(sizes, shares);
	set_weights(weights_1_2_3_0);
	build_pools();
	assert_int_equal(checksum(fx.base), 0xcc8c902023af3b0aull);
	for (size_t i = 0; i < fx.count; i++)
		fx.available[i] = i % 3 == 0 && i / 40 != 1;
	resolve_pools(fx.ring);
	assert_int_equal(checksum(fx.ring), 0xad7810b8a2195f3full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_are_as_asked),
		cmocka_unit_test(weights_divide_the_share),
		cmocka_unit_test(who_takes_part),
		cmocka_unit_test(one_pool_is_all),
		cmocka_unit_test(shares_move_their_difference),
		cmocka_unit_test(pools_are_apart),
		cmocka_unit_test(slots_fall_within_the_pool),
		cmocka_unit_test(health_moves_only_its_own),
		cmocka_unit_test(shares_change_while_one_is_down),
		cmocka_unit_test(golden),
	};

	return cmocka_run_group_tests_name("ring pools", tests, NULL, NULL);
}
