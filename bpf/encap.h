/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: put the outer header in front. IP in IP, all four combinations: RFC 2003, RFC 2473, RFC 4213. The other tunnels put the same
 * header in front of one of their own (tunnel.h).
 *
 * As RFC 2003 section 3.1 and RFC 2473 section 3 want of a forwarding encapsulator, the inner TTL falls by one, so
 * that a routing loop through a balancer ends.
 */
#ifndef SHUNT_BPF_ENCAP_H
#define SHUNT_BPF_ENCAP_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "csum.h"
#include "maps.h"
#include "outer.h"
#include "packet.h"
#include "parse.h"

#define VLAN_BYTES_MAX 8   /* two tags */
#define VLAN_BYTES_MASK 12 /* 0, 4 or 8: tells the verifier that there are no more */

/* What encapsulation adds to the IP packet. */
static __always_inline __u32 encap_len(const struct shunt_dest *dest)
{
	return dest->overhead;
}

static __always_inline int encap_check(__u32 ip_len, __u8 ttl, const struct shunt_dest *dest)
{
	if (dest->state == SHUNT_DEST_FREE)
		return SHUNT_REASON_BAD_DEST;
	if (!dest->ifindex)
		return SHUNT_REASON_NO_NEXTHOP;
	if (ttl <= 1)
		return SHUNT_REASON_TTL_EXPIRED;
	if (ip_len + encap_len(dest) > dest->mtu)
		return SHUNT_REASON_TOO_BIG;
	return NEXT;
}

/* The outer header to be, and the packet's own behind it. */
struct encap {
	void *outer, *inner;
	__u32 ip_len; /* of the packet */
	__u8 tos;     /* its TOS or traffic class: DSCP and ECN */
};

/* Of the packet: what the outer header is to tell of it is read, and its TTL falls by one. False: never, but the verifier wants to hear again that it is
 * in the frame's first buffer. */
static __always_inline bool encap_inner(struct encap *e, const void *end, bool is_v6)
{
	if (is_v6) {
		struct ipv6hdr *ip = e->inner;

		if ((void *)(ip + 1) > end)
			return false;
		e->tos = bpf_ntohs(*(const __be16 *)ip) >> 4;
		e->ip_len = bpf_ntohs(ip->payload_len) + sizeof(*ip);
		ip->hop_limit--;
	} else {
		struct iphdr *ip = e->inner;

		if ((void *)(ip + 1) > end)
			return false;
		e->tos = ip->tos;
		e->ip_len = bpf_ntohs(ip->tot_len);
		ip->ttl--;
		ip->check = csum_one_less(ip->check, bpf_htons(0x0100)); /* TTL is its word's high byte */
	}
	return true;
}

/* Eight bytes at a time: clang copies byte by byte when it is not told that packets may be read and written unaligned. */
static __always_inline void encap_copy(void *to, const void *from, __u32 len)
{
	__u32 at = 0;

#pragma clang loop unroll(full)
	for (; at + 8 <= len; at += 8)
		*(__u64 *)(to + at) = *(const __u64 *)(from + at);
#pragma clang loop unroll(full)
	for (; at < len; at += 2)
		*(__u16 *)(to + at) = *(const __u16 *)(from + at);
}

/*
 * Put the template in the place of the frame's own Ethernet header and tags: an outer header of ip_size bytes; behind it is room
 * for more, and then the packet. tag_bytes: of the template. The copy's length is a constant so that it is unrolled; it ends where the
 * template does, so tags push the template's first bytes out of it.
 */
static __always_inline int encap_put(struct xdp_md *ctx, __u32 l3_off, const struct shunt_dest *dest, struct encap *e,
				     __u32 ip_size, __u32 more, __u32 tag_bytes, bool is_v6)
{
	__u32 len = ETH_LEN + ip_size;
	void *data, *end;

	if (bpf_xdp_adjust_head(ctx, (int)l3_off - (int)(tag_bytes + len + more)))
		return SHUNT_REASON_NO_HEADROOM;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (tag_bytes) {
		if (data + VLAN_BYTES_MAX > end)
			return SHUNT_REASON_TRUNCATED;
		encap_copy(data, dest->hdr, VLAN_BYTES_MAX);
		data += tag_bytes;
	}
	e->outer = data + ETH_LEN;
	e->inner = data + len + more;
	if (!encap_inner(e, end, is_v6) || (more && data + len > end))
		return SHUNT_REASON_TRUNCATED;
	encap_copy(data, dest->hdr + tag_bytes, len);
	return NEXT;
}

static __always_inline int encap_push(struct xdp_md *ctx, __u32 l3_off, const struct shunt_dest *dest, struct encap *e,
				      __u32 ip_size, __u32 more, bool is_v6)
{
	if (unlikely(dest->l3_off != ETH_LEN))
		return encap_put(ctx, l3_off, dest, e, ip_size, more, (dest->l3_off - ETH_LEN) & VLAN_BYTES_MASK,
				 is_v6);
	return encap_put(ctx, l3_off, dest, e, ip_size, more, 0, is_v6);
}

/* The outer IP header. more: bytes of another header between this one and the packet, the caller's to write. */
static __always_inline int encap_ip(struct xdp_md *ctx, __u32 l3_off, __u64 hash, const struct shunt_dest *dest,
				    __u8 proto, __u32 more, bool is_v6, struct encap *e)
{
	int reason;

	if (dest->outer_family == SHUNT_FAMILY_IPV6) {
		reason = encap_push(ctx, l3_off, dest, e, sizeof(struct ipv6hdr), more, is_v6);
		if (reason == NEXT)
			outer_ipv6(e->outer, dest, e->ip_len, e->tos, hash, proto, more);
	} else {
		reason = encap_push(ctx, l3_off, dest, e, sizeof(struct iphdr), more, is_v6);
		if (reason == NEXT)
			outer_ipv4(e->outer, dest, e->ip_len, e->tos, hash, proto, more);
	}
	return reason;
}

#endif
