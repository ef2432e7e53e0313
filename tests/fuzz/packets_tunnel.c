/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tunnels: what is between the outer IP header and the client's packet, from RFC 2784, RFC 768, RFC 6935 and draft-ietf-intarea-gue-09.
 * Variant 1 of GUE has no header but UDP's: its first bits are those of the IP version.
 */
#include <netinet/in.h>

#include "packets.h"

enum { UDP = 8, GUE = 4, GRE = 4, PORT_DYNAMIC = 49152 };

/* The bits that were set, and that were not, in any source port. */
static uint16_t ports_set, ports_clear;

/* Behind the outer IP header. */
static uint32_t behind_len(enum behind behind)
{
	switch (behind) {
	case BEHIND_GUE0:
		return UDP + GUE;
	case BEHIND_GUE1:
		return UDP;
	case BEHIND_GRE:
		return GRE;
	default:
		return 0;
	}
}

uint32_t tunnel_overhead(const struct target *target)
{
	if (target->tunnel->behind == OUTER_NONE)
		return 0;
	return (target->dest->addr.family == SHUNT_FAMILY_IPV6 ? IPV6 : IPV4) + behind_len(target->tunnel->behind);
}

uint16_t tunnel_ethertype(const struct target *target, bool carries_v6)
{
	bool is_v6 = target->dest->addr.family == SHUNT_FAMILY_IPV6;

	return (target->tunnel->behind == OUTER_NONE ? carries_v6 : is_v6) ? 0x86dd : 0x0800;
}

uint8_t tunnel_protocol(const struct target *target, bool carries_v6)
{
	switch (target->tunnel->behind) {
	case BEHIND_GUE0:
	case BEHIND_GUE1:
		return IPPROTO_UDP;
	case BEHIND_GRE:
		return IPPROTO_GRE;
	default:
		return carries_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	}
}

static const char *check_gre(const uint8_t *gre, bool carries_v6)
{
	if (get16(gre))
		return "GRE with options, or of another version";
	if (get16(gre + 2) != (carries_v6 ? 0x86dd : 0x0800))
		return "GRE's protocol is not the EtherType of what is inside";
	return NULL;
}

static const char *check_gue0(const uint8_t *gue, bool carries_v6)
{
	if (gue[0] || get16(gue + 2))
		return "GUE of another variant, or with options or flags";
	if (gue[1] != (carries_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP))
		return "GUE's protocol is not that of what is inside";
	return NULL;
}

static const char *check_udp(const struct tunnel *tunnel, const uint8_t *udp, uint32_t len)
{
	if (get16(udp) < PORT_DYNAMIC)
		return "UDP's source port is not in the dynamic range";
	if (get16(udp + 2) != tunnel->port)
		return "UDP's destination port is not the one configured";
	if (get16(udp + 4) != len)
		return "UDP's length is wrong";
	if (get16(udp + 6))
		return "UDP's checksum is not 0";
	ports_set |= get16(udp);
	ports_clear |= ~get16(udp);
	return NULL;
}

bool tunnel_ports_spread(void)
{
	return !ports_set || (ports_set & ports_clear) == UINT16_MAX - PORT_DYNAMIC;
}

const char *tunnel_check(const struct target *target, const uint8_t *at, bool carries_v6, uint32_t ip_len)
{
	const struct tunnel *tunnel = target->tunnel;
	const char *wrong;

	switch (tunnel->behind) {
	case BEHIND_GRE:
		return check_gre(at, carries_v6);
	case BEHIND_GUE0:
		wrong = check_udp(tunnel, at, UDP + GUE + ip_len);
		return wrong ?: check_gue0(at + UDP, carries_v6);
	case BEHIND_GUE1:
		return check_udp(tunnel, at, UDP + ip_len);
	default:
		return NULL;
	}
}
