/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: into the tunnel that the destination has. IP in IP is the plain one (encap.h); this header adds those that cost a call:
 *
 * GUE (draft-ietf-intarea-gue-09), variant 1: the packet right behind UDP, its version told by its first bits; variant 0: behind
 *   a GUE header of four bytes without options, which names the protocol. GRE (RFC 2784) without options.
 * L2DSR: the packet goes out as it came, with the template's MACs and tags in front. The TTL falls all the same: a backend that does
 *   not have the VIP would route the packet back to the balancer, and without end.
 *
 * UDP's source port is the flow's hash, in the dynamic range (RFC 7510, section 3), so that routers and NICs spread flows; it uses
 * bits other than those of an IPv4 source from a /16, which varies as for IP in IP: many NICs hash only the addresses of UDP.
 * UDP's checksum is 0: over IPv4 that is anybody's choice (RFC 768), and over IPv6 that of tunnels (RFC 6935, RFC 6936). It would cover
 * the packet, which has a checksum of its own; what it alone would cover is the outer header, and a packet that this takes to a
 * wrong host finds neither tunnel nor VIP there.
 */
#ifndef SHUNT_BPF_TUNNEL_H
#define SHUNT_BPF_TUNNEL_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/udp.h>

#include "encap.h"

#define UDP_DYNAMIC 0xc000 /* the first of 2^14 ports */
#define UDP_DYNAMIC_BITS 0x3fff

struct gue0 {
	__u8 variant_len; /* variant, control flag and length of options: all 0 */
	__u8 proto;
	__be16 flags;
};

/* What is behind the outer IP header, at most. */
struct tunnel_gue0 {
	struct udphdr udp;
	struct gue0 gue;
};

/* What a tunnel must know of the packet, in one word: arguments in registers keep the plain path's struct packet in its own. */
#define TUNNEL_PACKET(pkt, is_v6) \
	((__u64)(pkt)->ip_len << 32 | (__u64)(is_v6) << 16 | (__u64)(pkt)->tos << 8 | (pkt)->l3_off)

static __always_inline __u16 tunnel_ethertype(bool is_v6)
{
	return is_v6 ? ETH_P_IPV6 : ETH_P_IP;
}

static __always_inline __u8 tunnel_inner_proto(bool is_v6)
{
	return is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

static __always_inline int tunnel_l2dsr(struct xdp_md *ctx, const struct packet *pkt, const struct shunt_dest *dest,
					bool is_v6)
{
	void *ip;
	int reason = encap_push(ctx, pkt, dest, &ip, 0, 0);

	if (reason == NEXT)
		*((__be16 *)ip - 1) = bpf_htons(tunnel_ethertype(is_v6));
	return reason;
}

/* The header behind the outer IP's, of more bytes. */
static __always_inline void tunnel_put(struct tunnel_gue0 *at, const struct packet *pkt, const struct shunt_dest *dest,
				       bool is_v6, __u8 encap, __u32 more)
{
	if (encap == SHUNT_ENCAP_GRE) {
		*(__be32 *)at = bpf_htonl(tunnel_ethertype(is_v6));
		return;
	}
	at->udp.source = bpf_htons(UDP_DYNAMIC | ((__u16)pkt->hash & UDP_DYNAMIC_BITS));
	at->udp.dest = dest->port;
	at->udp.len = bpf_htons(pkt->ip_len + more);
	at->udp.check = 0;
	if (encap == SHUNT_ENCAP_GUE0)
		at->gue = (struct gue0){.proto = tunnel_inner_proto(is_v6)};
}

/* packet: TUNNEL_PACKET. For destinations whose encap is not SHUNT_ENCAP_IP. */
static __noinline int tunnel(struct xdp_md *ctx, const struct shunt_dest *dest, __u64 packet, __u64 hash)
{
	const struct packet pkt = {
		.ip_len = packet >> 32, .tos = packet >> 8, .l3_off = packet & L2_MASK, .hash = hash};
	__u8 encap = *(const volatile __u8 *)&dest->encap; /* once: it may change */
	__u8 proto = encap == SHUNT_ENCAP_GRE ? IPPROTO_GRE : IPPROTO_UDP;
	bool is_v6 = packet >> 16 & 1;
	struct tunnel_gue0 *at;
	void *behind;
	__u32 more;
	int reason;

	if (encap == SHUNT_ENCAP_L2DSR)
		return tunnel_l2dsr(ctx, &pkt, dest, is_v6);
	more = proto == IPPROTO_GRE	   ? sizeof(__be32)
	       : encap == SHUNT_ENCAP_GUE0 ? sizeof(struct tunnel_gue0)
					   : sizeof(struct udphdr);
	if (dest->outer_family == SHUNT_FAMILY_IPV6)
		reason = encap_ipv6(ctx, &pkt, dest, proto, more, &behind);
	else
		reason = encap_ipv4(ctx, &pkt, dest, proto, more, &behind);
	if (reason != NEXT)
		return reason;
	at = behind;
	if ((void *)(at + 1) > (void *)(long)ctx->data_end)
		return SHUNT_REASON_TRUNCATED; /* never: an IP header is behind it */
	tunnel_put(at, &pkt, dest, is_v6, encap, more);
	return NEXT;
}

static __always_inline int encap(struct xdp_md *ctx, const struct packet *pkt, const struct shunt_dest *dest,
				 bool is_v6)
{
	void *behind;

	if (unlikely(dest->encap != SHUNT_ENCAP_IP))
		return tunnel(ctx, dest, TUNNEL_PACKET(pkt, is_v6), pkt->hash);
	if (dest->outer_family == SHUNT_FAMILY_IPV6)
		return encap_ipv6(ctx, pkt, dest, tunnel_inner_proto(is_v6), 0, &behind);
	return encap_ipv4(ctx, pkt, dest, tunnel_inner_proto(is_v6), 0, &behind);
}

#endif
