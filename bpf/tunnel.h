/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: into the tunnel that the destination has. IP in IP is the plain one (encap.h); this header adds those that cost a call:
 *
 * GUE (draft-ietf-intarea-gue-09), variant 1: the packet right behind UDP, its version told by its first bits; variant 0: behind
 *   a GUE header of four bytes without options, which names the protocol. GRE (RFC 2784) without options.
 * L2DSR: the packet goes out as it came, with the template's MACs and tags in front. The TTL falls all the same: a backend that does
 *   not have the VIP would route the packet back to the balancer, and without end.
 */
#ifndef SHUNT_BPF_TUNNEL_H
#define SHUNT_BPF_TUNNEL_H

#include "encap.h"
#include "tunnel_header.h"

/* What a tunnel must know of the packet, in one word: arguments in registers keep the plain path's struct packet in its own. */
#define TUNNEL_PACKET(pkt, is_v6) \
	((__u64)(pkt)->ip_len << 32 | (__u64)(is_v6) << 16 | (__u64)(pkt)->tos << 8 | (pkt)->l3_off)

static __always_inline int tunnel_l2dsr(struct xdp_md *ctx, const struct packet *pkt, const struct shunt_dest *dest,
					bool is_v6)
{
	void *ip;
	int reason = encap_push(ctx, pkt, dest, &ip, 0, 0);

	if (reason == NEXT)
		*((__be16 *)ip - 1) = bpf_htons(tunnel_ethertype(is_v6));
	return reason;
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
	more = tunnel_more(encap);
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
