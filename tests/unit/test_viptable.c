/* SPDX-License-Identifier: GPL-2.0 */
/* The VIP table as the program will search it: whatever an operator's addresses look like, each is found, and nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shuntd/viptable.h"
#include "shunt/hash.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct shunt_vip vip4(uint32_t addr, uint16_t port, uint8_t proto)
{
	return (struct shunt_vip){
		.addr = {htonl(addr)},
		.port = htons(port),
		.proto = proto,
		.family = SHUNT_FAMILY_IPV4,
	};
}

static struct shunt_vip vip6(uint32_t subnet, uint32_t host, uint16_t port)
{
	return (struct shunt_vip){
		.addr = {htonl(0x20010db8), htonl(subnet), 0, htonl(host)},
		.port = htons(port),
		.proto = IPPROTO_UDP,
		.family = SHUNT_FAMILY_IPV6,
	};
}

/* As include/shunt/maps.h tells a reader to; the index in the table, or -1. */
static int look_up(const struct shunt_vip *table, uint32_t slots, uint64_t multiplier, const struct shunt_vip *vip)
{
	uint64_t half[2];
	uint32_t key = vip->port | (uint32_t)vip->proto << 16 | (uint32_t)vip->family << 24;
	uint32_t at;

	memcpy(half, vip->addr, sizeof(half));
	at = shunt_vip_slot(half[0], half[1], key, multiplier, slots - 1);
	for (int probe = 0; probe < SHUNT_VIP_PROBES; probe++, at = (at + 1) % slots) {
		if (!table[at].family)
			return -1;
		if (!memcmp(table[at].addr, vip->addr, sizeof(vip->addr)) && table[at].port == vip->port &&
		    table[at].proto == vip->proto && table[at].family == vip->family)
			return (int)at;
	}
	return -1;
}

enum layout { V4_ADDRESSES, V4_PORTS, V4_GRID, V4_SUBNETS, V6_ADDRESSES, V6_SUBNETS, V6_PORTS, MIXED, LAYOUTS };

static struct shunt_vip vip_of(enum layout layout, uint32_t i)
{
	switch (layout) {
	case V4_ADDRESSES:
		return vip4(0xc6336400 + i, 443, IPPROTO_TCP);
	case V4_PORTS:
		return vip4(0xc6336401, 1000 + i, IPPROTO_TCP);
	case V4_GRID:
		return vip4(0xc6336400 + i / 16, 8000 + i % 16, IPPROTO_UDP);
	case V4_SUBNETS:
		return vip4(0x0a000001 + (i << 16), 80, IPPROTO_TCP);
	case V6_ADDRESSES:
		return vip6(0, 1 + i, 443);
	case V6_SUBNETS:
		return vip6(i, 1, 443);
	case V6_PORTS:
		return vip6(0, 1, 1000 + i);
	default:
		return i % 4 == 0   ? vip4(0xc6336400 + i / 4, 80, IPPROTO_TCP)
		       : i % 4 == 1 ? vip4(0xc6336400 + i / 4, 80, IPPROTO_UDP)
		       : i % 4 == 2 ? vip6(0, i / 4, 80)
				    : vip6(1 + i / 4, 0, 80);
	}
}

/* A full limit of VIPs laid out in each of these ways is found, entry by entry; as many others are not. */
static void finds_all_and_only_them(void **state)
{
	static const uint32_t limits[] = {1, 2, 250, 1024, 16384};

	(void)state;
	for (size_t l = 0; l < COUNT(limits); l++) {
		uint32_t count = limits[l], slots = viptable_slots(count);
		struct shunt_vip *vips = calloc(count, sizeof(*vips)), *table = calloc(slots, sizeof(*table));
		uint64_t multiplier = 0;

		for (enum layout layout = 0; layout < LAYOUTS; layout++) {
			for (uint32_t i = 0; i < count; i++) {
				vips[i] = vip_of(layout, i);
				vips[i].service = i;
			}
			print_message("layout %d, %u VIPs\n", layout, count);
			assert_int_equal(viptable_build(table, slots, vips, count, &multiplier), 0);
			for (uint32_t i = 0; i < count; i++) {
				struct shunt_vip other = vip_of(layout, count + i);
				int at = look_up(table, slots, multiplier, &vips[i]);

				assert_true(at >= 0);
				assert_memory_equal(&table[at], &vips[i], sizeof(vips[i]));
				assert_int_equal(look_up(table, slots, multiplier, &other), -1);
			}
		}
		free(vips);
		free(table);
	}
}

/* Built over whatever lay there, and again: the same bytes. An apply without a change must not see one. */
static void same_list_same_table(void **state)
{
	struct shunt_vip vips[100], *a = calloc(512, sizeof(*a)), *b = calloc(512, sizeof(*b));
	uint64_t multiplier_a = 1, multiplier_b = 2;

	(void)state;
	for (uint32_t i = 0; i < COUNT(vips); i++)
		vips[i] = vip_of(MIXED, i);
	memset(b, 0xff, 512 * sizeof(*b));
	assert_int_equal(viptable_build(a, 512, vips, COUNT(vips), &multiplier_a), 0);
	assert_int_equal(viptable_build(b, 512, vips, COUNT(vips), &multiplier_b), 0);
	assert_memory_equal(a, b, 512 * sizeof(*a));
	assert_true(multiplier_a == multiplier_b);
	free(a);
	free(b);
}

/* VIPs that all want the same entry with the first multiplier, one more than probes reach, take another multiplier. */
static void another_multiplier_when_they_collide(void **state)
{
	struct shunt_vip vips[SHUNT_VIP_PROBES + 1], table[128];
	uint64_t first = shunt_vip_multiplier(0), multiplier = 0;
	uint32_t count = 0;

	(void)state;
	for (uint32_t addr = 0; count < COUNT(vips); addr++) {
		vips[count] = vip4(addr, 80, IPPROTO_TCP);
		count += !shunt_vip_slot(vips[count].addr[0], 0,
					 vips[count].port | IPPROTO_TCP << 16 | SHUNT_FAMILY_IPV4 << 24, first,
					 COUNT(table) - 1);
	}
	assert_int_equal(viptable_build(table, COUNT(table), vips, COUNT(vips) - 1, &multiplier), 0);
	assert_true(multiplier == first);
	assert_int_equal(viptable_build(table, COUNT(table), vips, COUNT(vips), &multiplier), 0);
	assert_true(multiplier != first);
	for (uint32_t i = 0; i < COUNT(vips); i++)
		assert_true(look_up(table, COUNT(table), multiplier, &vips[i]) >= 0);
}

/* A table with fewer entries than there are VIPs. */
static void too_many_is_no_space(void **state)
{
	struct shunt_vip vips[65], table[64];
	uint64_t multiplier;

	(void)state;
	for (uint32_t i = 0; i < COUNT(vips); i++)
		vips[i] = vip_of(MIXED, i);
	assert_int_equal(viptable_build(table, 64, vips, 16, &multiplier), 0);
	assert_int_equal(viptable_build(table, 64, vips, 65, &multiplier), -ENOSPC);
}

/* With an address of its own for each VIP. */
static void a_quarter_full_at_most(void **state)
{
	(void)state;
	assert_int_equal(viptable_slots(1), 8);
	assert_int_equal(viptable_slots(2), 16);
	assert_int_equal(viptable_slots(3), 32);
	assert_int_equal(viptable_slots(1024), 8192);
	assert_int_equal(viptable_slots(1025), 16384);
}

/* One entry an address and family, of its ICMP; echo if one of those given has it. */
static void addresses_have_an_entry_each(void **state)
{
	const struct shunt_vip a = vip4(0xc6336402, 0, 0), b = vip4(0xc6336401, 0, 0), c = vip6(0, 1, 0);
	struct shunt_vip addrs[] = {
		viptable_address(a.addr, a.family, false), viptable_address(b.addr, b.family, false),
		viptable_address(c.addr, c.family, false), viptable_address(a.addr, a.family, true),
		viptable_address(b.addr, b.family, false),
	};

	(void)state;
	assert_int_equal(viptable_merge_addresses(addrs, 5), 3);
	for (int i = 0; i < 3; i++) {
		bool is_v6 = addrs[i].family == SHUNT_FAMILY_IPV6, is_a = addrs[i].addr[0] == htonl(0xc6336402);

		assert_int_equal(addrs[i].proto, is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
		assert_int_equal(addrs[i].port, 0);
		assert_int_equal(addrs[i].flags, is_a ? SHUNT_VIP_ECHO : 0);
		assert_false(viptable_is_service(&addrs[i]));
		for (int j = 0; j < i; j++)
			assert_memory_not_equal(addrs[i].addr, addrs[j].addr, sizeof(addrs[i].addr));
	}
	assert_int_equal(viptable_merge_addresses(addrs, 0), 0);
}

/* A service's entry is no VIP's, no address's, and not empty. */
static void services_have_entries(void **state)
{
	struct shunt_vip vips[] = {viptable_service(0), viptable_service(1), vip4(0xc6336402, 80, IPPROTO_TCP)};
	struct shunt_vip *table = calloc(32, sizeof(*table));
	uint64_t multiplier;
	size_t found = 0;

	(void)state;
	assert_int_equal(viptable_build(table, 32, vips, 3, &multiplier), 0);
	for (int i = 0; i < 32; i++)
		found += viptable_is_service(&table[i]);
	assert_int_equal(found, 2);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(table[look_up(table, 32, multiplier, &vips[i])].service, i);
	free(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_all_and_only_them),
		cmocka_unit_test(same_list_same_table),
		cmocka_unit_test(another_multiplier_when_they_collide),
		cmocka_unit_test(too_many_is_no_space),
		cmocka_unit_test(a_quarter_full_at_most),
		cmocka_unit_test(addresses_have_an_entry_each),
		cmocka_unit_test(services_have_entries),
	};

	return cmocka_run_group_tests_name("viptable", tests, NULL, NULL);
}
