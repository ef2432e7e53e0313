/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VIPs: drawn, and found again by looking at each of them, as docs/configuration.md has it: the longest prefix, then one port before a
 * range before all ports. Addresses are shared between services by port and protocol; prefixes and ranges lie within, beside and
 * across one another, but never so that two services' are equally specific, which the configuration refuses.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "packets.h"

enum { WIDE = 80, PORT_MAX = 65535 };

struct drawn_vip drawn_vips[VIPS];
uint32_t drawn_vip_count;

bool in_prefix(const uint8_t *at, const struct shunt_prefix *prefix)
{
	const uint8_t *want = (const uint8_t *)prefix->addr.word;
	uint8_t rest = prefix->len % 8, mask = 0xff00 >> rest;

	if (memcmp(at, want, prefix->len / 8))
		return false;
	return !rest || !((at[prefix->len / 8] ^ want[prefix->len / 8]) & mask);
}

static bool has_address(const struct drawn_vip *vip, const struct shunt_addr *addr)
{
	return vip->prefix.addr.family == addr->family && in_prefix((const uint8_t *)addr->word, &vip->prefix);
}

static uint32_t all_bits(const struct shunt_addr *addr)
{
	return addr->family == SHUNT_FAMILY_IPV6 ? 128 : 32;
}

/* How specific the ports are. */
static int rank(const struct drawn_vip *vip)
{
	return vip->first == vip->last ? 2 : vip->first == 1 && vip->last == PORT_MAX ? 0 : 1;
}

const struct drawn_vip *find_vip(const struct shunt_addr *addr, uint16_t port, uint8_t proto)
{
	const struct drawn_vip *best = NULL;

	for (uint32_t i = 0; i < drawn_vip_count; i++) {
		const struct drawn_vip *vip = &drawn_vips[i];

		if (vip->proto != proto || port < vip->first || port > vip->last || !has_address(vip, addr))
			continue;
		if (!best || vip->prefix.len > best->prefix.len ||
		    (vip->prefix.len == best->prefix.len && rank(vip) > rank(best)))
			best = vip;
	}
	return best;
}

/* The longest prefix answers, if any service does that has it. */
bool has_vip(const struct shunt_addr *addr, bool *echo)
{
	uint32_t longest = 0;

	*echo = false;
	for (uint32_t i = 0; i < drawn_vip_count; i++) {
		const struct drawn_vip *vip = &drawn_vips[i];

		if (vip->prefix.len < longest || !has_address(vip, addr))
			continue;
		*echo = drawn_echo(vip->service) || (*echo && vip->prefix.len == longest);
		longest = vip->prefix.len;
	}
	return longest;
}

/* ---- drawn */

/* Would the configuration refuse both? */
static bool is_refused_beside(const struct drawn_vip *a, const struct drawn_vip *b)
{
	if (!addr_equal(&a->prefix.addr, &b->prefix.addr) || a->prefix.len != b->prefix.len || a->proto != b->proto ||
	    rank(a) != rank(b))
		return false;
	if (a->service == b->service)
		return a->first == b->first && a->last == b->last;
	return a->first <= b->last && b->first <= a->last;
}

/* The first two addresses are not to be pinged. */
static bool may_have(const struct drawn_vip *vip)
{
	bool silent = addr_equal(&vip->prefix.addr, &world_addresses[0]) ||
		      addr_equal(&vip->prefix.addr, &world_addresses[1]);

	if (!drawn_carries(vip->service, &vip->prefix.addr) || (silent && drawn_echo(vip->service)))
		return false;
	for (uint32_t i = 0; i < drawn_vip_count; i++)
		if (is_refused_beside(&drawn_vips[i], vip))
			return false;
	return drawn_vip_count < VIPS;
}

/* "ADDRESS:PORTS/PROTOCOL"; what has two forms, in either. */
static json_t *vip_json(const struct drawn_vip *vip)
{
	bool is_v6 = vip->prefix.addr.family == SHUNT_FAMILY_IPV6;
	bool is_prefix = vip->prefix.len < all_bits(&vip->prefix.addr) || one_in(4);
	char addr[SHUNT_ADDR_TEXT], len[8] = "", ports[16] = "*";

	addr_format(&vip->prefix.addr, addr);
	if (is_prefix)
		snprintf(len, sizeof(len), "/%u", vip->prefix.len);
	if (rank(vip) == 2)
		snprintf(ports, sizeof(ports), "%u", vip->first);
	else if (rank(vip) == 1 || one_in(2))
		snprintf(ports, sizeof(ports), "%u-%u", vip->first, vip->last);
	return json_sprintf("%s%s%s%s:%s/%s", is_v6 ? "[" : "", addr, len, is_v6 ? "]" : "", ports,
			    vip->proto == IPPROTO_TCP ? "tcp" : "udp");
}

static void add_vip(json_t *services, const struct drawn_vip *vip)
{
	if (!may_have(vip))
		return;
	drawn_vips[drawn_vip_count++] = *vip;
	json_array_append_new(json_object_get(json_array_get(services, vip->service), "vips"), vip_json(vip));
}

static void add_exact(json_t *services, int service, const struct shunt_addr *addr, uint16_t port, uint8_t proto)
{
	add_vip(services, &(struct drawn_vip){{*addr, all_bits(addr)}, port, port, proto, service});
}

static void cut(struct shunt_prefix *prefix)
{
	uint8_t *byte = (uint8_t *)prefix->addr.word;

	for (uint32_t bit = prefix->len; bit < all_bits(&prefix->addr); bit++)
		byte[bit / 8] &= ~(0x80 >> bit % 8);
}

static uint16_t draw_port(void)
{
	static const uint16_t ports[] = {1, 2, 53, 79, 80, 81, 443, 1000, 1005, 65534};

	return one_in(4) ? 1 + below(PORT_MAX) : ANY(ports);
}

/* Within the prefix: at its beginning or at its end. */
static struct shunt_prefix draw_within(const struct shunt_prefix *outer)
{
	struct shunt_prefix prefix = *outer;
	uint8_t *byte = (uint8_t *)prefix.addr.word, ones = one_in(2) ? 0xff : 0;
	uint32_t bits = all_bits(&prefix.addr);

	for (uint32_t bit = prefix.len; bit < bits; bit++)
		byte[bit / 8] |= ones & (0x80 >> bit % 8);
	prefix.len = one_in(2) ? bits : prefix.len + below(bits - prefix.len + 1);
	return prefix;
}

/* Around addresses that have VIPs; seldom elsewhere, or around the clients. */
static struct drawn_vip draw_wide(void)
{
	static const uint8_t lens4[] = {8, 16, 20, 24, 24, 25, 27, 28, 29, 30, 31, 32, 32, 32};
	static const uint8_t lens6[] = {45, 48, 63, 64, 64, 65, 96, 112, 124, 125, 127, 128, 128, 128};
	static const uint16_t spans[] = {1, 2, 10, 400, 30000};
	struct drawn_vip vip = {.prefix = {ANY(world_addresses), 0}, .proto = one_in(2) ? IPPROTO_TCP : IPPROTO_UDP};
	bool is_v6 = vip.prefix.addr.family == SHUNT_FAMILY_IPV6;
	uint32_t last;

	vip.service = below(SERVICES);
	vip.prefix.len = is_v6 ? one_in(30) ? 32 : ANY(lens6) : ANY(lens4);
	if (one_in(8))
		((uint8_t *)vip.prefix.addr.word)[is_v6 ? 2 + below(14) : 1 + below(3)] ^= 1 << below(8);
	if (one_in(4))
		vip.prefix = draw_within(&drawn_vips[below(drawn_vip_count)].prefix);
	cut(&vip.prefix);
	vip.first = one_in(4) ? 1 : draw_port();
	last = vip.first == 1 ? PORT_MAX : one_in(3) ? vip.first : vip.first + ANY(spans);
	vip.last = last < PORT_MAX ? last : PORT_MAX;
	return vip;
}

void draw_vips(json_t *services)
{
	static const uint16_t ports[] = {80, 443, 53, 1, 65535};
	uint32_t wide = one_in(8) ? 0 : below(WIDE);

	drawn_vip_count = 0;
	for (int i = 0; i < ADDRESSES * 10; i++)
		add_exact(services, below(SERVICES), &world_addresses[i / 10], ports[i / 2 % 5],
			  i % 2 ? IPPROTO_TCP : IPPROTO_UDP);
	for (int service = 0; service < SERVICES; service++) {
		int i = drawn_echo(service) ? 2 : 0;

		while (!drawn_carries(service, &world_addresses[i]))
			i++;
		add_exact(services, service, &world_addresses[i], 1000 + service, IPPROTO_TCP);
		for (int k = 0; k < 4 && drawn_quic(service); k++)
			add_exact(services, service, &world_addresses[i], 2000 + k, IPPROTO_UDP);
	}
	for (uint32_t i = 0; i < wide; i++) {
		struct drawn_vip vip = draw_wide();

		add_vip(services, &vip);
	}
}
