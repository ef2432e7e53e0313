/* SPDX-License-Identifier: GPL-2.0 */
/* Whose packets are made: addresses and ports, most of them of clients and VIPs, at the edges of what is a VIP's. */
#include <netinet/in.h>
#include <string.h>

#include "packets.h"

static uint64_t state;

void chance_seed(uint64_t seed)
{
	state = seed;
}

uint64_t chance(void)
{
	return shunt_mix64(state += 0x9e3779b97f4a7c15ull);
}

static struct shunt_addr text_addr(const char *text)
{
	struct shunt_addr addr;

	addr_parse(text, &addr);
	return addr;
}

/* Nobody's: neither a host's nor a VIP's. */
static struct shunt_addr nobody(bool is_v6)
{
	static const char *const v4[] = {"0.0.0.0",	    "127.0.0.1", "224.0.0.1",
					 "255.255.255.255", "240.0.0.1", "0.1.2.3"};
	static const char *const v6[] = {"::", "::1", "ff02::1", "ff0e::1:2", "::2", "fe80::1", "::ffff:192.0.2.10"};

	return text_addr(is_v6 ? ANY(v6) : ANY(v4));
}

static struct shunt_addr client(bool is_v6)
{
	struct shunt_addr addr = text_addr(is_v6 ? "2001:db8:c::" : "198.51.100.0");

	((uint8_t *)addr.word)[is_v6 ? 15 : 3] = chance();
	return addr;
}

static struct shunt_addr vip_address(bool is_v6)
{
	return world_addresses[below(ADDRESSES / 2) * 2 + is_v6];
}

struct shunt_addr make_address(bool is_v6)
{
	struct shunt_addr near = vip_address(is_v6);

	switch (below(6)) {
	case 0:
		return near;
	case 1:
		((uint8_t *)near.word)[below(is_v6 ? 16 : 4)] ^= 1 << below(8);
		return near;
	case 2:
		return world_backends[below(BACKENDS / 2) * 2 + is_v6];
	case 3:
		return nobody(is_v6);
	default:
		return client(is_v6);
	}
}

static void flip(struct shunt_addr *addr, uint32_t bit)
{
	((uint8_t *)addr->word)[bit / 8] ^= 0x80 >> bit % 8;
}

/* Of the prefix: its first, its last, any, or one that other VIPs may have, too; seldom the nearest to one of its ends outside. */
static struct shunt_addr address_within(const struct shunt_prefix *prefix)
{
	bool is_v6 = prefix->addr.family == SHUNT_FAMILY_IPV6;
	struct shunt_addr addr = prefix->addr, known = vip_address(is_v6);
	uint32_t how = below(4);

	if (how < 2 && in_prefix((const uint8_t *)known.word, prefix))
		return known;
	for (uint32_t bit = prefix->len; how && bit < (is_v6 ? 128 : 32); bit++)
		if (how == 1 || one_in(2))
			flip(&addr, bit);
	if (one_in(12))
		flip(&addr, prefix->len - 1);
	return addr;
}

static uint16_t port_within(const struct drawn_vip *vip)
{
	switch (below(8)) {
	case 0:
		return vip->first - one_in(4);
	case 1:
		return vip->last + one_in(4);
	default:
		return vip->first + below(vip->last - vip->first + 1);
	}
}

struct flow make_flow(bool is_v6)
{
	const struct drawn_vip *vip = &drawn_vips[below(drawn_vip_count)];
	struct flow flow = {.src = one_in(12) ? make_address(is_v6) : client(is_v6)};

	for (int tries = 0; (vip->prefix.addr.family == SHUNT_FAMILY_IPV6) != is_v6 && tries < 20; tries++)
		vip = &drawn_vips[below(drawn_vip_count)];
	flow.dst = (vip->prefix.addr.family == SHUNT_FAMILY_IPV6) == is_v6 ? address_within(&vip->prefix)
									   : vip_address(is_v6);
	flow.dport = port_within(vip);
	flow.proto = vip->proto;
	flow.sport = chance();
	if (one_in(12))
		flow.dst = make_address(is_v6);
	if (one_in(12))
		flow.dport = chance();
	if (one_in(12))
		flow.proto ^= IPPROTO_TCP ^ IPPROTO_UDP;
	return flow;
}
