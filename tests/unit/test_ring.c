/* SPDX-License-Identifier: GPL-2.0 */
/* Rings as built from a configuration: shares and determinism. What health does to them is test_ring_health.c's. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ring_fixture.h"

/* slots of backend i are its share of the ring by weight, to a slot and permille. */
static void assert_share(size_t i, uint64_t total_weight, uint32_t permille)
{
	double share = (double)fx.size * fx.backends[i].weight / (double)total_weight;
	double slack = share * permille / 1000 > 1 ? share * permille / 1000 : 1;

	if (fx.slots[i] < share - slack || fx.slots[i] > share + slack)
		fail_msg("backend %zu of weight %u has %u slots, expected %.1f +- %.1f", i, fx.backends[i].weight,
			 fx.slots[i], share, slack);
}

static void equal_weights_balance(void **state)
{
	static const size_t counts[] = {1, 2, 3, 7, 100, 250};

	(void)state;
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		set_backends(counts[c], SIZE);
		build();
		tally(fx.base);
		assert_int_equal(fx.slots[MAX_BACKENDS], 0);
		for (size_t i = 0; i < fx.count; i++)
			assert_share(i, 100 * fx.count, 10);
	}
}

/* A slot a backend is as near as it gets: 1000 backends have 65 or 66 of 65,537. */
static void thousand_backends_differ_by_one_slot(void **state)
{
	(void)state;
	set_backends(1000, SIZE);
	build();
	tally(fx.base);
	for (size_t i = 0; i < fx.count; i++)
		assert_in_range(fx.slots[i], 65, 66);
}

static uint32_t weights_doubling(uint32_t i)
{
	return 1u << i % 8;
}

static uint32_t weights_one_heavy(uint32_t i)
{
	return i ? 100 : 65535;
}

static void shares_follow_weights(void **state)
{
	static const struct {
		size_t count;
		uint32_t (*weight)(uint32_t i);
	} cases[] = {
		{100, weights_50_to_150}, {8, weights_1_2_3_0},	  {100, weights_1_2_3_0},
		{24, weights_doubling},	  {2, weights_one_heavy}, {100, weights_one_heavy},
	};

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		uint64_t total;

		set_backends(cases[c].count, SIZE);
		total = set_weights(cases[c].weight);
		build();
		tally(fx.base);
		assert_int_equal(fx.slots[MAX_BACKENDS], 0);
		for (size_t i = 0; i < fx.count; i++) {
			if (fx.backends[i].weight)
				assert_share(i, total, 10);
			else
				assert_int_equal(fx.slots[i], 0);
		}
	}
}

/* Only the proportion counts, up to the largest number that a weight may be. */
static void weights_scale(void **state)
{
	(void)state;
	set_backends(100, SIZE);
	set_weights(weights_50_to_150);
	build();
	memcpy(fx.other, fx.base, sizeof(fx.other));
	for (size_t i = 0; i < fx.count; i++)
		fx.backends[i].weight *= UINT32_MAX / 150;
	build();
	assert_same(fx.base, fx.other);
}

/* However small against the others, a weight above 0 has a slot. */
static void smallest_weight_has_a_slot(void **state)
{
	(void)state;
	set_backends(200, 251);
	for (size_t i = 0; i < fx.count; i++)
		fx.backends[i].weight = i % 2 ? 65535 : 1;
	build();
	tally(fx.base);
	for (size_t i = 0; i < fx.count; i++)
		assert_true(fx.slots[i] > 0);
}

static void more_backends_than_slots(void **state)
{
	(void)state;
	set_backends(1000, 251);
	build();
	tally(fx.base);
	assert_int_equal(fx.slots[MAX_BACKENDS], 0);
	for (size_t i = 0; i < fx.count; i++)
		assert_int_equal(fx.slots[i], i < 251);
	for (size_t i = 0; i < 251; i++)
		fx.available[i] = false;
	resolve(fx.ring);
	tally(fx.ring);
	assert_int_equal(fx.slots[MAX_BACKENDS], fx.size); /* the others are available but own no slot to draw */
}

static void none_and_single(void **state)
{
	(void)state;
	set_backends(0, SIZE);
	build();
	resolve(fx.ring);
	tally(fx.ring);
	assert_int_equal(fx.slots[MAX_BACKENDS], SIZE);

	set_backends(1, SIZE);
	build();
	resolve(fx.ring);
	tally(fx.ring);
	assert_int_equal(fx.slots[0], SIZE);
	fx.available[0] = false;
	resolve(fx.ring);
	tally(fx.ring);
	assert_int_equal(fx.slots[MAX_BACKENDS], SIZE);

	set_backends(3, 2); /* the least size */
	build();
	tally(fx.base);
	assert_int_equal(fx.slots[MAX_BACKENDS], 0);
}

/* to[i]: where backend i was before. */
static void shuffle(uint32_t *to, uint64_t *random)
{
	for (uint32_t i = 0; i < fx.count; i++)
		to[i] = i;
	for (uint32_t i = (uint32_t)fx.count - 1; i > 0; i--) {
		uint32_t k = (uint32_t)(next_random(random) % (i + 1)), t = to[i];

		to[i] = to[k];
		to[k] = t;
	}
}

static void check_order_does_not_matter(uint64_t *random)
{
	struct ring_backend backends[MAX_BACKENDS];
	uint32_t was[MAX_BACKENDS];
	bool available[MAX_BACKENDS];

	build();
	resolve(fx.other);
	shuffle(was, random);
	memcpy(backends, fx.backends, sizeof(backends));
	memcpy(available, fx.available, sizeof(available));
	for (size_t i = 0; i < fx.count; i++) {
		fx.backends[i] = backends[was[i]];
		fx.available[i] = available[was[i]];
	}
	build();
	resolve(fx.ring);
	for (uint32_t s = 0; s < fx.size; s++)
		assert_int_equal(fx.ring[s] == RING_NONE ? RING_NONE : was[fx.ring[s]], fx.other[s]);
}

static void order_of_backends_does_not_matter(void **state)
{
	uint64_t random = 1;

	(void)state;
	for (int i = 0; i < 10; i++) {
		set_backends(100, SIZE);
		set_weights(weights_1_2_3_0);
		for (size_t k = 0; k < fx.count; k++)
			fx.available[k] = next_random(&random) % 3;
		check_order_does_not_matter(&random);
	}
	/* Down to the last resort, where hardly any draw finds one that is available. */
	set_backends(1000, SIZE);
	for (size_t k = 0; k < fx.count; k++)
		fx.available[k] = k % 400 == 7;
	check_order_does_not_matter(&random);
}

static uint32_t slots_alike(const uint32_t *a, const uint32_t *b)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < fx.size; s++)
		n += a[s] == b[s];
	return n;
}

/* Two unrelated rings of 100 backends agree in a slot of 100. */
static void seed_salt_and_addresses_matter(void **state)
{
	(void)state;
	set_backends(100, SIZE);
	build();
	ring_build(fx.other, SIZE, fx.backends, 100, SEED ^ 1, SALT);
	assert_true(slots_alike(fx.base, fx.other) < SIZE / 50);
	ring_build(fx.other, SIZE, fx.backends, 100, SEED, SALT ^ 1);
	assert_true(slots_alike(fx.base, fx.other) < SIZE / 50);
	for (size_t i = 0; i < fx.count; i++)
		fx.backends[i].addr.word[0] ^= htonl(1u << 31);
	ring_build(fx.other, SIZE, fx.backends, 100, SEED, SALT);
	assert_true(slots_alike(fx.base, fx.other) < SIZE / 50);
}

/* Two backends agree with another two in half of the slots, if all that differs between them counts. */
static void every_word_of_an_address_matters(void **state)
{
	(void)state;
	for (int word = 0; word < 4; word++) {
		set_backends(2, SIZE);
		for (size_t i = 0; i < fx.count; i++)
			fx.backends[i].addr.family = SHUNT_FAMILY_IPV6;
		build();
		for (size_t i = 0; i < fx.count; i++)
			fx.backends[i].addr.word[word] ^= htonl(1);
		ring_build(fx.other, SIZE, fx.backends, fx.count, SEED, SALT);
		assert_in_range(slots_alike(fx.base, fx.other), SIZE * 4 / 10, SIZE * 6 / 10);
	}
}

/*
 * Nodes of different builds must agree. When this fails, the algorithm has changed: every slot of a cluster that is upgraded
 * node by node would be served by two backends. Do not change the numbers without a way to migrate.
 */
static uint64_t checksum(const uint32_t *ring)
{
	uint64_t h = 0;

	for (uint32_t s = 0; s < fx.size; s++)
		h = shunt_mix64(h ^ ring[s]) + s;
	return h;
}

static void golden(void **state)
{
	(void)state;
	set_backends(100, SIZE);
	set_weights(weights_1_2_3_0);
	for (uint32_t i = 50; i < 100; i++)
		fx.backends[i].addr = (struct shunt_addr){.word = {htonl(0x20010db8), htonl(i), 0, htonl(i)},
							  .family = SHUNT_FAMILY_IPV6};
	build();
	assert_int_equal(checksum(fx.base), 0xc05427df1c74785cull);
	for (size_t i = 0; i < fx.count; i++)
		fx.available[i] = i % 3 == 0;
	resolve(fx.ring);
	assert_int_equal(checksum(fx.ring), 0x72e2f1ee8aa3c1b9ull);

	/* So little is left that most slots need the last resort. */
	for (size_t i = 0; i < fx.count; i++) {
		fx.available[i] = i == 40 || i == 60;
		fx.backends[i].weight = fx.available[i] ? 1 : 1000;
	}
	build();
	resolve(fx.ring);
	assert_int_equal(checksum(fx.ring), 0xc2b9e9385d8bac80ull);
	assert_int_equal(ring_salt("web"), 0xc850f03fu);
}

/* Maglev's own disruption: adding one of 101 backends must move its share, a hundredth, and moves little else. */
static void adding_a_backend_moves_little_else(void **state)
{
	uint32_t moved = 0;

	(void)state;
	set_backends(101, SIZE);
	fx.count = 100;
	build();
	memcpy(fx.other, fx.base, sizeof(fx.other));
	fx.count = 101;
	build();
	for (uint32_t s = 0; s < SIZE; s++)
		moved += fx.base[s] != fx.other[s] && fx.base[s] != 100;
	print_message("100 backends and one more: %.2f %% of the slots move between the old ones\n",
		      moved * 100.0 / SIZE);
	assert_true(moved < SIZE * 4 / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_balance),
		cmocka_unit_test(thousand_backends_differ_by_one_slot),
		cmocka_unit_test(shares_follow_weights),
		cmocka_unit_test(weights_scale),
		cmocka_unit_test(smallest_weight_has_a_slot),
		cmocka_unit_test(more_backends_than_slots),
		cmocka_unit_test(none_and_single),
		cmocka_unit_test(order_of_backends_does_not_matter),
		cmocka_unit_test(seed_salt_and_addresses_matter),
		cmocka_unit_test(every_word_of_an_address_matters),
		cmocka_unit_test(golden),
		cmocka_unit_test(adding_a_backend_moves_little_else),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
