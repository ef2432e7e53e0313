/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The hashes of include/shunt/hash.h, as the data path uses them: tag and slot from the top bits, bucket and outer source
 * from the low ones, VIPs in their table. Inputs are what networks are made of: consecutive addresses, even ports, one
 * client, one VIP per subnet.
 *
 * All is deterministic, so a bound is met always or never. Bounds are about six standard deviations from what a
 * random function would show.
 */
#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shunt/hash.h"
#include "shunt/maps.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define RING 65537u

static const uint64_t seeds[] = {0, 1, 0x736875746e74ull, 0xffffffffffffffffull};

/* What shunt_flow_hash() hashes, as words. */
enum { SRC = 0, DST = 4, PORTS = 8, WHAT = 9, WORDS = 10 };

static uint64_t hash_of(const struct shunt_hash_keys *keys, const uint32_t flow[WORDS], int is_v6)
{
	return is_v6 ? shunt_flow_hash(keys, flow + SRC, flow + DST, flow[PORTS], flow[WHAT], 1)
		     : shunt_flow_hash(keys, flow + SRC, flow + DST, flow[PORTS], flow[WHAT], 0);
}

/* The test's own randomness (SplitMix64). */
static uint64_t next_random(uint64_t *state)
{
	return shunt_mix64(*state += 0x9e3779b97f4a7c15ull);
}

/* Avalanche: over random flows, flipping one input bit flips each output bit half of the time. */
#define SAMPLES 4096
#define TOLERANCE (SAMPLES * 46 / 1000)

static void flip_input_bit(const struct shunt_hash_keys *keys, int word, int bit, int is_v6, uint32_t flips[64])
{
	uint64_t state = (uint64_t)word << 8 | (uint64_t)bit;
	uint32_t flow[WORDS];

	memset(flips, 0, 64 * sizeof(flips[0]));
	for (int i = 0; i < SAMPLES; i++) {
		uint64_t diff;

		for (int w = 0; w < WORDS; w++)
			flow[w] = (uint32_t)(next_random(&state) >> 32);
		diff = hash_of(keys, flow, is_v6);
		flow[word] ^= 1u << bit;
		diff ^= hash_of(keys, flow, is_v6);
		for (int out = 0; out < 64; out++)
			flips[out] += diff >> out & 1;
	}
}

static void check_avalanche(uint64_t seed, int is_v6)
{
	struct shunt_hash_keys keys;
	uint32_t flips[64];

	shunt_hash_derive(&keys, seed);
	for (int input = 0; input < WORDS * 32; input++) {
		int word = input / 32, bit = input % 32;

		if (!is_v6 && word != SRC && word != DST && word < PORTS)
			continue; /* an IPv4 address is one word */
		flip_input_bit(&keys, word, bit, is_v6, flips);
		for (int out = 0; out < 64; out++)
			if (abs((int)flips[out] - SAMPLES / 2) > TOLERANCE)
				fail_msg("seed %#llx, IPv%d: word %d bit %d flips output bit %d %u times of %d",
					 (unsigned long long)seed, is_v6 ? 6 : 4, word, bit, out, flips[out], SAMPLES);
	}
}

static void avalanche_v4(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(seeds) / 2; i++)
		check_avalanche(seeds[i], 0);
}

static void avalanche_v6(void **state)
{
	(void)state;
	check_avalanche(seeds[2], 1);
}

/* Structured flows: flow number i of each pattern. */
static void set_ports(uint32_t flow[WORDS], uint32_t source, uint32_t dest)
{
	uint16_t ports[2] = {htons((uint16_t)source), htons((uint16_t)dest)};

	memcpy(&flow[PORTS], ports, sizeof(ports));
}

static void v4_consecutive_clients(uint32_t flow[WORDS], uint32_t i)
{
	flow[SRC] = htonl(0x0a000001u + i);
	flow[DST] = htonl(0xc6336401u);
	set_ports(flow, 40000, 443);
}

static void v4_one_client_all_ports(uint32_t flow[WORDS], uint32_t i)
{
	flow[SRC] = htonl(0x0a000001u);
	flow[DST] = htonl(0xc6336401u);
	set_ports(flow, i, 443);
}

static void v4_one_client_even_ports(uint32_t flow[WORDS], uint32_t i)
{
	v4_one_client_all_ports(flow, 32768 + 2 * i);
}

static void v4_clients_even_ports(uint32_t flow[WORDS], uint32_t i)
{
	flow[SRC] = htonl(0x0a000001u + i / 16);
	flow[DST] = htonl(0xc6336401u);
	set_ports(flow, 32768 + 2 * (i % 16), 443);
}

static void v4_address_and_port_together(uint32_t flow[WORDS], uint32_t i)
{
	flow[SRC] = htonl(0x0a000001u + i);
	flow[DST] = htonl(0xc6336401u);
	set_ports(flow, 1024 + i, 443);
}

static void v4_one_client_per_24(uint32_t flow[WORDS], uint32_t i)
{
	flow[SRC] = htonl(0x01000001u + (i << 8));
	flow[DST] = htonl(0xc6336401u);
	set_ports(flow, 53, 53);
}

static void v4_one_client_all_services(uint32_t flow[WORDS], uint32_t i)
{
	flow[SRC] = htonl(0x0a000001u);
	flow[DST] = htonl(0xc6336400u + i / 1024);
	set_ports(flow, 40000, 1 + i % 1024);
}

static void v6_address(uint32_t word[4], uint32_t high, uint32_t low)
{
	word[0] = htonl(0x20010db8u);
	word[1] = htonl(high);
	word[2] = 0;
	word[3] = htonl(low);
}

static void v6_consecutive_clients(uint32_t flow[WORDS], uint32_t i)
{
	v6_address(flow + SRC, 7, 1 + i);
	v6_address(flow + DST, 1, 1);
	set_ports(flow, 40000, 443);
}

static void v6_one_client_per_64(uint32_t flow[WORDS], uint32_t i)
{
	v6_address(flow + SRC, i, 1);
	v6_address(flow + DST, 1, 1);
	set_ports(flow, 40000, 443);
}

static void v6_one_client_even_ports(uint32_t flow[WORDS], uint32_t i)
{
	v6_address(flow + SRC, 7, 1);
	v6_address(flow + DST, 1, 1);
	set_ports(flow, 32768 + 2 * i, 443);
}

static void v6_address_and_port_together(uint32_t flow[WORDS], uint32_t i)
{
	v6_address(flow + SRC, 7, 1 + i);
	v6_address(flow + DST, 1, 1);
	set_ports(flow, 1024 + i, 443);
}

static const struct pattern {
	const char *name;
	void (*make)(uint32_t flow[WORDS], uint32_t i);
	uint32_t count;
	int is_v6;
} patterns[] = {
	{"IPv4, consecutive clients", v4_consecutive_clients, 400000, 0},
	{"IPv4, one client, all source ports", v4_one_client_all_ports, 65536, 0},
	{"IPv4, one client, even source ports", v4_one_client_even_ports, 14115, 0},
	{"IPv4, consecutive clients, even source ports", v4_clients_even_ports, 400000, 0},
	{"IPv4, address and port together", v4_address_and_port_together, 400000, 0},
	{"IPv4, one client in every /24", v4_one_client_per_24, 400000, 0},
	{"IPv4, one client, many VIPs", v4_one_client_all_services, 65536, 0},
	{"IPv6, consecutive clients", v6_consecutive_clients, 400000, 1},
	{"IPv6, one client in every /64", v6_one_client_per_64, 400000, 1},
	{"IPv6, one client, even source ports", v6_one_client_even_ports, 14115, 1},
	{"IPv6, address and port together", v6_address_and_port_together, 400000, 1},
};

static void make_flow(const struct pattern *p, uint32_t i, uint32_t flow[WORDS])
{
	memset(flow, 0, WORDS * sizeof(flow[0]));
	p->make(flow, i);
	flow[WHAT] = 0x5eed5a17u ^ IPPROTO_TCP;
}

/* counts[] against expected shares of total. The statistic has mean df and variance 2 df; its right tail is the longer one. */
static void check_chi_square(const char *what, uint64_t seed, const uint32_t *counts, const double *shares, size_t bins,
			     uint32_t total)
{
	double chi = 0, df = (double)bins - 1;

	for (size_t i = 0; i < bins; i++) {
		double expected = (shares ? shares[i] : 1.0 / (double)bins) * total;

		chi += (counts[i] - expected) * (counts[i] - expected) / expected;
	}
	if (chi > df + 6 * sqrt(2 * df))
		fail_msg("%s, seed %#llx: chi-square %.0f over %zu bins, expected at most %.0f", what,
			 (unsigned long long)seed, chi, bins, df + 6 * sqrt(2 * df));
}

/* 100 equal backends over a ring in order: the crudest ring there is, so that no shuffling helps the hash. */
static void slots_spread(void **state)
{
	double shares[100] = {0};

	(void)state;
	for (uint32_t slot = 0; slot < RING; slot++)
		shares[slot * 100ull / RING] += 1.0 / RING;
	for (size_t s = 0; s < COUNT(seeds) * COUNT(patterns); s++) {
		const struct pattern *p = &patterns[s / COUNT(seeds)];
		uint32_t flow[WORDS], counts[100] = {0};
		struct shunt_hash_keys keys;

		shunt_hash_derive(&keys, seeds[s % COUNT(seeds)]);
		for (uint32_t i = 0; i < p->count; i++) {
			make_flow(p, i, flow);
			counts[shunt_tag_slot(shunt_flow_tag(hash_of(&keys, flow, p->is_v6)), RING) * 100ull / RING]++;
		}
		check_chi_square(p->name, seeds[s % COUNT(seeds)], counts, shares, 100, p->count);
	}
}

/* The low 16 bits choose bucket and outer source: all 65,536 values where there are flows enough, else both halves of them. */
static void low_bits_spread(void **state)
{
	static uint32_t low[65536], high[65536];

	(void)state;
	for (size_t s = 0; s < COUNT(seeds) * COUNT(patterns); s++) {
		const struct pattern *p = &patterns[s / COUNT(seeds)];
		uint32_t bits = p->count >= 5 * 65536 ? 16 : 8, flow[WORDS];
		struct shunt_hash_keys keys;

		memset(low, 0, sizeof(low));
		memset(high, 0, sizeof(high));
		shunt_hash_derive(&keys, seeds[s % COUNT(seeds)]);
		for (uint32_t i = 0; i < p->count; i++) {
			uint16_t h;

			make_flow(p, i, flow);
			h = (uint16_t)hash_of(&keys, flow, p->is_v6);
			low[h & ((1u << bits) - 1)]++;
			high[h >> (16 - bits)]++;
		}
		check_chi_square(p->name, seeds[s % COUNT(seeds)], low, NULL, 1u << bits, p->count);
		check_chi_square(p->name, seeds[s % COUNT(seeds)], high, NULL, 1u << bits, p->count);
	}
}

/* Two hashes of one flow, crossed: eight bits of each, 65,536 cells, all as likely as another. */
static void check_unrelated(const struct pattern *p, uint64_t seed, uint64_t other, uint32_t shift,
			    uint32_t other_shift)
{
	static uint32_t cells[65536];
	struct shunt_hash_keys a, b;
	uint32_t flow[WORDS];

	memset(cells, 0, sizeof(cells));
	shunt_hash_derive(&a, seed);
	shunt_hash_derive(&b, other);
	for (uint32_t i = 0; i < p->count; i++) {
		make_flow(p, i, flow);
		cells[(hash_of(&a, flow, p->is_v6) >> shift & 255) << 8 |
		      (hash_of(&b, flow, p->is_v6) >> other_shift & 255)]++;
	}
	check_chi_square(p->name, seed, cells, NULL, 65536, p->count);
}

/* Nodes of two clusters, and a slot and the bucket of the same hash. */
static void seeds_and_halves_are_unrelated(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(patterns); i++) {
		if (patterns[i].count < 5 * 65536)
			continue;
		check_unrelated(&patterns[i], seeds[0], seeds[1], 56, 56); /* slots under neighbouring seeds */
		check_unrelated(&patterns[i], seeds[2], seeds[3], 0, 0);   /* buckets */
		check_unrelated(&patterns[i], seeds[2], seeds[2], 56, 0);  /* slot and bucket */
	}
}

static void keys_are_distinct(void **state)
{
	struct shunt_hash_keys a, b;

	(void)state;
	shunt_hash_derive(&a, 1);
	shunt_hash_derive(&b, 2);
	assert_true(a.final != b.final);
	for (size_t i = 0; i < SHUNT_HASH_KEYS; i++) {
		assert_true(a.word[i] != b.word[i]);
		for (size_t k = 0; k < i; k++)
			assert_true(a.word[i] != a.word[k]);
	}
}

/* A tag lies in one slot, all slots have tags, in order, and none lies beyond the ring. */
static void tags_map_onto_all_slots(void **state)
{
	static const uint32_t sizes[] = {2, 3, 251, 4093, 65537, 1000003, 4194301};
	const uint32_t max_tag = (1u << SHUNT_CONN_TAG_BITS) - 1;

	(void)state;
	assert_int_equal(shunt_flow_tag(~0ull), max_tag);
	assert_int_equal(shunt_flow_tag(1ull << 36), 1);
	assert_int_equal(shunt_flow_tag((1ull << 36) - 1), 0);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		uint32_t size = sizes[i];

		assert_int_equal(shunt_tag_slot(0, size), 0);
		assert_int_equal(shunt_tag_slot(max_tag, size), size - 1);
		for (uint64_t slot = 1; slot < size; slot++) {
			uint32_t first = (uint32_t)(((slot << SHUNT_CONN_TAG_BITS) + size - 1) / size);

			assert_int_equal(shunt_tag_slot(first, size), slot);
			assert_int_equal(shunt_tag_slot(first - 1, size), slot - 1);
		}
	}
	assert_int_equal(shunt_tag_slot(max_tag, UINT32_MAX), UINT32_MAX - 16); /* the product does not overflow */
}

/* VIPs: address bytes where the pattern puts its numbers, port, protocol. */
struct vip_pattern {
	const char *name;
	int is_v6;
	int x_byte;	   /* the low byte of x goes here, the next one before it */
	int y_byte;	   /* -1: y is added to the port */
	uint32_t y_count;  /* i = x * y_count + y */
	uint32_t y_factor; /* ports y * y_factor apart */
};

static const struct vip_pattern vip_patterns[] = {
	{"IPv4, consecutive addresses", 0, 3, -1, 1, 0}, {"IPv4, ports 80 and 443", 0, 3, -1, 2, 363},
	{"IPv4, 32 ports each", 0, 3, -1, 32, 1},	 {"IPv4, one address, consecutive ports", 0, 3, -1, 1024, 1},
	{"IPv4, ports 256 apart", 0, 3, -1, 128, 256},	 {"IPv4, one in every /24", 0, 2, -1, 1, 0},
	{"IPv4, one in every /16", 0, 1, -1, 1, 0},	 {"IPv6, consecutive addresses", 1, 15, -1, 1, 0},
	{"IPv6, ports 80 and 443", 1, 15, -1, 2, 363},	 {"IPv6, one address, consecutive ports", 1, 15, -1, 1024, 1},
	{"IPv6, one in every /64", 1, 7, -1, 1, 0},	 {"IPv6, one in every /48", 1, 5, -1, 1, 0},
	{"IPv6, 32 in every /64", 1, 7, 15, 32, 0},	 {"IPv6, differing in the middle", 1, 9, -1, 1, 0},
};

static uint32_t vip_slot_of(const struct vip_pattern *p, uint32_t i, uint64_t multiplier, uint32_t mask)
{
	uint32_t x = i / p->y_count, y = i % p->y_count, key;
	uint8_t addr[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	uint16_t port = htons((uint16_t)(80 + y * p->y_factor));
	uint8_t bytes[4] = {0, 0, IPPROTO_TCP, p->is_v6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4};
	uint64_t halves[2];

	if (!p->is_v6)
		memcpy(addr, (uint8_t[16]){198, 18, 0, 1}, sizeof(addr));
	addr[p->x_byte] = (uint8_t)x;
	addr[p->x_byte - 1] ^= (uint8_t)(x >> 8);
	if (p->y_byte >= 0)
		addr[p->y_byte] = (uint8_t)y;
	memcpy(halves, addr, sizeof(halves));
	memcpy(bytes, &port, sizeof(port));
	memcpy(&key, bytes, sizeof(key));
	return shunt_vip_slot(halves[0], halves[1], key, multiplier, mask);
}

/* Longest probe after filling a table of slots entries to a quarter, as the daemon does, with the pattern's VIPs. */
static uint32_t longest_probe(const struct vip_pattern *p, uint32_t slots, uint64_t multiplier)
{
	bool *used = calloc(slots, sizeof(*used));
	uint32_t longest = 0;

	assert_non_null(used);
	for (uint32_t i = 0; i < slots / 4; i++) {
		uint32_t slot = vip_slot_of(p, i, multiplier, slots - 1), probes = 1;

		assert_true(slot < slots);
		for (; used[slot]; slot = (slot + 1) & (slots - 1))
			probes++;
		used[slot] = true;
		if (probes > longest)
			longest = probes;
	}
	free(used);
	return longest;
}

/* A full table can be built with nine multipliers of ten, whatever the VIPs look like: so trying a few suffices. */
static void vips_spread(void **state)
{
	const uint32_t tries = 200;

	(void)state;
	for (size_t i = 0; i < COUNT(vip_patterns); i++) {
		uint32_t good = 0;

		for (uint32_t k = 0; k < tries; k++)
			if (longest_probe(&vip_patterns[i], 4096, shunt_vip_multiplier(k)) <= SHUNT_VIP_PROBES)
				good++;
		if (good < tries * 9 / 10)
			fail_msg("%s: only %u of %u multipliers give a table with at most %d probes",
				 vip_patterns[i].name, good, tries, SHUNT_VIP_PROBES);
	}
}

/* Clients that differ within what is hashed spread over the slots; those that do not have one. */
static void inputs_decide(void **state)
{
	struct shunt_hash_keys keys;
	uint32_t dst[4] = {htonl(0xc000020a)}, seen[16] = {0}, src[4] = {0};
	uint64_t base, hash;

	(void)state;
	shunt_hash_derive(&keys, seeds[2]);
	for (uint32_t i = 0; i < 65536; i++) {
		src[0] = htonl(0x0a000000 + i);
		base = shunt_input_hash(&keys, src, dst, i, 7, i & 1, SHUNT_HASH_SOURCE, 28, 0);
		seen[shunt_tag_slot(shunt_flow_tag(base), 16)]++;
		src[0] = htonl(0x0a000000 + (i ^ 15));
		hash = shunt_input_hash(&keys, src, src, ~i, 7, 9, SHUNT_HASH_SOURCE, 28, 0);
		assert_true(base == hash);
		src[0] = htonl(0x0a000000 + (i ^ 16));
		hash = shunt_input_hash(&keys, src, dst, i, 7, 9, SHUNT_HASH_SOURCE, 28, 0);
		assert_true(base != hash);
	}
	for (size_t i = 0; i < COUNT(seen); i++)
		assert_in_range(seen[i], 65536 / 16 * 70 / 100, 65536 / 16 * 130 / 100);
}

static void prefix_masks(void **state)
{
	(void)state;
	for (uint32_t len = 0; len <= 128; len++)
		for (uint32_t bit = 0; bit < 128; bit++)
			assert_int_equal(ntohl(shunt_prefix_mask(len, bit / 32)) >> (31 - bit % 32) & 1, bit < len);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(avalanche_v4),
		cmocka_unit_test(avalanche_v6),
		cmocka_unit_test(slots_spread),
		cmocka_unit_test(low_bits_spread),
		cmocka_unit_test(seeds_and_halves_are_unrelated),
		cmocka_unit_test(keys_are_distinct),
		cmocka_unit_test(tags_map_onto_all_slots),
		cmocka_unit_test(vips_spread),
		cmocka_unit_test(prefix_masks),
		cmocka_unit_test(inputs_decide),
	};

	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
