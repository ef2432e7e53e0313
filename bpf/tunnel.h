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

static __always_inline int tunnel_l2dsr(struct xdp_md *ctx, __u32 l3_off, const struct shunt_dest *dest, bool is_v6)
{
	struct encap e;
	int reason = encap_push(ctx, l3_off, dest, &e, 0, 0, is_v6);

	if (reason == NEXT)
		*((__be16 *)e.outer - 1) = bpf_htons(tunnel_ethertype(is_v6));
	return reason;
}

/* For destinations whose encap is not SHUNT_ENCAP_IP. Scalars in and out keep what the plain path knows in registers. */
static __noinline int tunnel(struct xdp_md *ctx, const struct shunt_dest *dest, __u32 l3_off, bool is_v6, __u64 hash)
{
	__u8 encap = *(const volatile __u8 *)&dest->encap; /* once: it may change */
	__u8 proto = encap == SHUNT_ENCAP_GRE ? IPPROTO_GRE : IPPROTO_UDP;
	struct tunnel_gue0 *at;
	struct encap e;
	__u32 more;
	int reason;

	l3_off &= L2_MASK;
	if (encap == SHUNT_ENCAP_L2DSR)
		return tunnel_l2dsr(ctx, l3_off, dest, is_v6);
	more = tunnel_more(encap);
	reason = encap_ip(ctx, l3_off, hash, dest, proto, more, is_v6, &e);
	if (reason != NEXT)
		return reason;
	at = e.outer + ip_header_len(dest->outer_family == SHUNT_FAMILY_IPV6);
	if ((void *)(at + 1) > (void *)(long)ctx->data_end)
		return SHUNT_REASON_TRUNCATED; /* never: an IP header is behind it */
	tunnel_put(at, e.ip_len, hash, dest, is_v6, encap, more);
	return NEXT;
}

static __always_inline int encap(struct xdp_md *ctx, __u32 l3_off, __u64 hash, const struct shunt_dest *dest,
				 bool is_v6)
{
	struct encap e;

	if (unlikely(dest->encap != SHUNT_ENCAP_IP))
		return tunnel(ctx, dest, l3_off, is_v6, hash);
	return encap_ip(ctx, l3_off, hash, dest, tunnel_inner_proto(is_v6), 0, is_v6, &e);
}

#endif
