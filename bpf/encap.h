/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: put the outer header in front. IP in IP, all four combinations: RFC 2003, RFC 2473, RFC 4213. The other tunnels put the same
 * header in front of one of their own (tunnel.h).
 *
 * The daemon made the header (struct shunt_dest.hdr); what differs by packet is patched in: lengths, the inner protocol, DSCP
 * (copied, RFC 2983's uniform model) and ECN (copied, RFC 6040 "normal mode"), and the low bits of the source, from
 * the flow's hash, so that the backend's NIC spreads flows over its queues; IPv6 also gets a flow label from it (RFC 6438).
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
#include "packet.h"

#define VLAN_BYTES_MAX 8   /* two tags */
#define VLAN_BYTES_MASK 12 /* 0, 4 or 8: tells the verifier that there are no more */
#define FLOW_LABEL_BITS 0xfffff

/* What encapsulation adds to the IP packet. */
static __always_inline __u32 encap_len(const struct shunt_dest *dest)
{
	return dest->overhead;
}

static __always_inline int encap_check(const struct packet *pkt, const struct shunt_dest *dest)
{
	if (dest->state == SHUNT_DEST_FREE)
		return SHUNT_REASON_BAD_DEST;
	if (!dest->ifindex)
		return SHUNT_REASON_NO_NEXTHOP;
	if (pkt->ttl <= 1)
		return SHUNT_REASON_TTL_EXPIRED;
	if (pkt->ip_len + encap_len(dest) > dest->mtu)
		return SHUNT_REASON_TOO_BIG;
	return NEXT;
}

/* The packet has been parsed: the inner IP header is at its place, which the verifier wants to hear again. */
static __always_inline int encap_decrement_ttl(const struct xdp_md *ctx, const struct packet *pkt, bool is_v6)
{
	void *ip = (void *)(long)ctx->data + (pkt->l3_off & L2_MASK), *end = (void *)(long)ctx->data_end;

	if (is_v6) {
		struct ipv6hdr *ip6 = ip;

		if ((void *)(ip6 + 1) > end)
			return SHUNT_REASON_TRUNCATED;
		ip6->hop_limit--;
	} else {
		struct iphdr *ip4 = ip;

		if ((void *)(ip4 + 1) > end)
			return SHUNT_REASON_TRUNCATED;
		ip4->ttl--;
		ip4->check = csum_one_less(ip4->check, bpf_htons(0x0100)); /* TTL is its word's high byte */
	}
	return NEXT;
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
 * Put the template in the place of the frame's own Ethernet header and tags: *ip is the outer header, of ip_size bytes; behind it is room
 * for more. tag_bytes: of the template. The copy's length is a constant so that it is unrolled; it ends where the template does, so
 * tags push the template's first bytes out of it.
 */
static __always_inline int encap_put(struct xdp_md *ctx, const struct packet *pkt, const struct shunt_dest *dest,
				     void **ip, __u32 ip_size, __u32 more, __u32 tag_bytes)
{
	__u32 len = ETH_LEN + ip_size;
	void *data, *end;

	if (bpf_xdp_adjust_head(ctx, (int)pkt->l3_off - (int)(tag_bytes + len + more)))
		return SHUNT_REASON_NO_HEADROOM;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (tag_bytes) {
		if (data + VLAN_BYTES_MAX > end)
			return SHUNT_REASON_TRUNCATED;
		encap_copy(data, dest->hdr, VLAN_BYTES_MAX);
		data += tag_bytes;
	}
	if (data + len > end)
		return SHUNT_REASON_TRUNCATED;
	encap_copy(data, dest->hdr + tag_bytes, len);
	*ip = data + ETH_LEN;
	return NEXT;
}

static __always_inline int encap_push(struct xdp_md *ctx, const struct packet *pkt, const struct shunt_dest *dest,
				      void **ip, __u32 ip_size, __u32 more)
{
	if (unlikely(dest->l3_off != ETH_LEN))
		return encap_put(ctx, pkt, dest, ip, ip_size, more, (dest->l3_off - ETH_LEN) & VLAN_BYTES_MASK);
	return encap_put(ctx, pkt, dest, ip, ip_size, more, 0);
}

/* more: bytes of another header between this one and the packet, which begins at *behind and is the caller's to write. */
static __always_inline int encap_ipv4(struct xdp_md *ctx, const struct packet *pkt, const struct shunt_dest *dest,
				      __u8 proto, __u32 more, void **behind)
{
	__be32 src_bits = (__be32)pkt->hash & dest->src_mask;
	__be16 len = bpf_htons(pkt->ip_len + more + sizeof(struct iphdr));
	struct iphdr *ip;
	int reason;
	__u32 sum;

	reason = encap_push(ctx, pkt, dest, (void **)&ip, sizeof(*ip), more);
	if (reason != NEXT)
		return reason;
	ip->tos = pkt->tos;
	ip->tot_len = len;
	ip->protocol = proto;
	ip->saddr |= src_bits;
	/* Every addend is below 2^16 but the folded sum, so nothing is lost; tos and protocol are their words' low bytes. */
	sum = dest->csum + len + bpf_htons(pkt->tos) + bpf_htons(proto) + (src_bits & 0xffff) + (src_bits >> 16);
	ip->check = (__sum16)~csum_fold(sum);
	*behind = ip + 1;
	return NEXT;
}

static __always_inline int encap_ipv6(struct xdp_md *ctx, const struct packet *pkt, const struct shunt_dest *dest,
				      __u8 proto, __u32 more, void **behind)
{
	__be32 src_bits = (__be32)pkt->hash & dest->src_mask;
	struct ipv6hdr *ip;
	int reason;

	reason = encap_push(ctx, pkt, dest, (void **)&ip, sizeof(*ip), more);
	if (reason != NEXT)
		return reason;
	*(__be32 *)ip = bpf_htonl(6u << 28 | (__u32)pkt->tos << 20 | ((__u32)(pkt->hash >> 8) & FLOW_LABEL_BITS));
	ip->payload_len = bpf_htons(pkt->ip_len + more);
	ip->nexthdr = proto;
	ip->saddr.in6_u.u6_addr32[3] |= src_bits;
	*behind = ip + 1;
	return NEXT;
}

#endif
