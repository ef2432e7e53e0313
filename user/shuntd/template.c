/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Templates: the outer header of a destination, all but what differs from packet to packet. The XDP program copies it in
 * front of the packet and fills in the rest: length, traffic class, protocol, the source's low bits, checksum, and what a tunnel has
 * behind the outer IP header.
 */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <string.h>

#include "model.h"

#define OUTER_TTL 64
#define IPV4_DF 0x4000

#define VLAN_TAG_LEN 4

#define UDP_LEN 8
#define GUE_LEN 4
#define GRE_LEN 4

_Static_assert(sizeof(struct ethhdr) + NEXTHOP_TAGS * VLAN_TAG_LEN + sizeof(struct ipv6hdr) <= SHUNT_HDR_MAX,
	       "a template holds Ethernet, tags and IPv6");

/* Backends whose health or next hop is not known get nothing new either: to the program they are down. So are drained ones that
 * cannot be reached: what they had is lost there. */
static enum shunt_dest_state dest_state(const struct model_dest *dest)
{
	switch (dest->state) {
	case BACKEND_UP:
	case BACKEND_PANIC:
		return SHUNT_DEST_UP;
	case BACKEND_DRAIN:
		return dest->failing ? SHUNT_DEST_DOWN : SHUNT_DEST_DRAIN;
	case BACKEND_CHECKING:
	case BACKEND_DOWN:
	case BACKEND_UNRESOLVED:
	case BACKEND_ASLEEP:
		break;
	}
	return SHUNT_DEST_DOWN;
}

/* The prefix's host bits, as far as they lie in the address's last 32. */
static __be32 source_mask(const struct shunt_prefix *prefix)
{
	int bits = (prefix->addr.family == SHUNT_FAMILY_IPV4 ? 32 : 128) - prefix->len;

	return bits >= 32 ? 0xffffffffu : htonl((1u << bits) - 1);
}

/* One's complement sum of an IPv4 header's words as they lie in memory: such sums come out in memory order (RFC 1071). */
static uint32_t header_sum(const struct iphdr *ip)
{
	uint16_t words[sizeof(*ip) / 2];
	uint32_t sum = 0;

	memcpy(words, ip, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

/* DF, because the program never fragments, and with DF an ID of 0 is as good as any (RFC 6864). */
static void put_ipv4(struct shunt_dest *out, const struct shunt_addr *addr, const struct shunt_prefix *prefix)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.frag_off = htons(IPV4_DF),
		.ttl = OUTER_TTL,
		.saddr = prefix->addr.word[0],
		.daddr = addr->word[0],
	};

	memcpy(out->hdr + out->l3_off, &ip, sizeof(ip));
	out->hdr_len = out->l3_off + sizeof(ip);
	out->csum = header_sum(&ip);
}

static void put_ipv6(struct shunt_dest *out, const struct shunt_addr *addr, const struct shunt_prefix *prefix)
{
	struct ipv6hdr ip = {.version = 6, .hop_limit = OUTER_TTL};

	memcpy(&ip.saddr, prefix->addr.word, sizeof(ip.saddr));
	memcpy(&ip.daddr, addr->word, sizeof(ip.daddr));
	memcpy(out->hdr + out->l3_off, &ip, sizeof(ip));
	out->hdr_len = out->l3_off + sizeof(ip);
}

static void put_bytes(struct shunt_dest *out, const void *bytes, size_t len)
{
	memcpy(out->hdr + out->l3_off, bytes, len);
	out->l3_off += len;
}

static void put_word(struct shunt_dest *out, uint16_t word)
{
	word = htons(word);
	put_bytes(out, &word, sizeof(word));
}

/* What is in front of the outer header; l3_off is then where that begins. */
static void put_ethernet(struct shunt_dest *out, const struct nexthop *nexthop, uint16_t proto)
{
	put_bytes(out, nexthop->dst_mac, sizeof(nexthop->dst_mac));
	put_bytes(out, nexthop->src_mac, sizeof(nexthop->src_mac));
	for (uint8_t i = 0; i < nexthop->tags; i++) {
		put_word(out, nexthop->tag[i].tpid);
		put_word(out, nexthop->tag[i].vid);
	}
	put_word(out, proto);
}

static enum shunt_encap encap_of(const struct config_encap *encap)
{
	switch (encap->type) {
	case CONFIG_ENCAP_GUE:
		return encap->variant ? SHUNT_ENCAP_GUE1 : SHUNT_ENCAP_GUE0;
	case CONFIG_ENCAP_GRE:
		return SHUNT_ENCAP_GRE;
	case CONFIG_ENCAP_L2DSR:
		return SHUNT_ENCAP_L2DSR;
	case CONFIG_ENCAP_AUTO:
	case CONFIG_ENCAP_IPIP:
	case CONFIG_ENCAP_IP6IP6:
	case CONFIG_ENCAP_IPIP6:
	case CONFIG_ENCAP_SIT:
		break;
	}
	return SHUNT_ENCAP_IP;
}

/* Last: what the tunnel adds to a packet is the outer IP header, which is there already, and what the program writes behind it. */
static void put_tunnel(struct shunt_dest *out, const struct config_encap *encap)
{
	static const uint8_t behind[] = {
		[SHUNT_ENCAP_GUE0] = UDP_LEN + GUE_LEN,
		[SHUNT_ENCAP_GUE1] = UDP_LEN,
		[SHUNT_ENCAP_GRE] = GRE_LEN,
		[SHUNT_ENCAP_L2DSR] = 0,
	};

	out->encap = encap_of(encap);
	out->overhead = out->hdr_len - out->l3_off + behind[out->encap];
	if (encap->type == CONFIG_ENCAP_GUE)
		out->port = htons(encap->port);
}

/* l2dsr: the EtherType is the packet's. */
static void put_l2dsr(struct shunt_dest *out, const struct nexthop *nexthop)
{
	out->src_mask = 0;
	put_ethernet(out, nexthop, 0);
	out->hdr_len = out->l3_off;
}

void model_template(struct shunt_dest *out, const struct model_dest *dest, const struct shunt_prefix *prefix)
{
	const struct nexthop *nexthop = &dest->nexthop;
	bool is_v6 = dest->addr.family == SHUNT_FAMILY_IPV6;

	memset(out, 0, sizeof(*out));
	out->state = dest_state(dest);
	out->outer_family = dest->addr.family;
	out->ifindex = nexthop->resolved ? nexthop->ifindex : 0;
	out->mtu = nexthop->mtu;
	out->src_mask = source_mask(prefix);

	if (dest->encap.type == CONFIG_ENCAP_L2DSR) {
		put_l2dsr(out, nexthop);
	} else {
		put_ethernet(out, nexthop, is_v6 ? ETH_P_IPV6 : ETH_P_IP);
		if (is_v6)
			put_ipv6(out, &dest->addr, prefix);
		else
			put_ipv4(out, &dest->addr, prefix);
	}
	put_tunnel(out, &dest->encap);
}
