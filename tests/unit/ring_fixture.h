/* SPDX-License-Identifier: GPL-2.0 */
/* One configuration and its rings, for the tests of rings. Include after cmocka.h. */
#ifndef RING_FIXTURE_H
#define RING_FIXTURE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../../user/shuntd/ring.h"
#include "shunt/hash.h"
#include "shunt/maps.h"

#define SIZE 65537u /* the default, and the largest here */
#define MAX_BACKENDS 1000
#define SEED 0x0123456789abcdefull
#define SALT 0x5a17u

/* Static: too large for the stack, and one is enough. */
struct fixture {
	struct ring_backend backends[MAX_BACKENDS];
	size_t count;
	bool available[MAX_BACKENDS];
	uint32_t size;
	uint32_t base[SIZE];
	uint32_t ring[SIZE];
	uint32_t other[SIZE];
	uint32_t slots[MAX_BACKENDS + 1]; /* of tally() */
};

static struct fixture fx;

static inline struct shunt_addr address(uint32_t i)
{
	return (struct shunt_addr){.word = {htonl(0x0a010001u + i)}, .family = SHUNT_FAMILY_IPV4};
}

static inline void set_backends(size_t count, uint32_t size)
{
	fx.count = count;
	fx.size = size;
	for (uint32_t i = 0; i < count; i++) {
		fx.backends[i] = (struct ring_backend){.addr = address(i), .weight = 100};
		fx.available[i] = true;
	}
}

static inline void build(void)
{
	ring_build(fx.base, fx.size, fx.backends, fx.count, SEED, SALT);
}

static inline void resolve(uint32_t *ring)
{
	ring_resolve(ring, fx.base, fx.size, fx.available, fx.count, SEED, SALT);
}

/* Slots by backend; those of nobody in slots[MAX_BACKENDS]. */
static inline void tally(const uint32_t *ring)
{
	memset(fx.slots, 0, sizeof(fx.slots));
	for (uint32_t s = 0; s < fx.size; s++) {
		assert_true(ring[s] == RING_NONE || ring[s] < fx.count);
		fx.slots[ring[s] == RING_NONE ? MAX_BACKENDS : ring[s]]++;
	}
}

static inline void assert_same(const uint32_t *a, const uint32_t *b)
{
	assert_memory_equal(a, b, fx.size * sizeof(*a));
}

static inline uint64_t set_weights(uint32_t (*weight)(uint32_t i))
{
	uint64_t total = 0;

	for (uint32_t i = 0; i < fx.count; i++)
		total += fx.backends[i].weight = weight(i);
	return total;
}

static inline uint32_t weights_50_to_150(uint32_t i)
{
	return 50 + i * 37 % 101;
}

static inline uint32_t weights_1_2_3_0(uint32_t i)
{
	return (i + 1) % 4;
}

/* The tests' own randomness (SplitMix64). */
static inline uint64_t next_random(uint64_t *state)
{
	return shunt_mix64(*state += 0x9e3779b97f4a7c15ull);
}

#endif
