/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What of an outer IP header differs by packet, patched into the template that the daemon made (struct shunt_dest.hdr): lengths, the inner protocol, DSCP
 * (copied, RFC 2983's uniform model) and ECN (copied, RFC 6040 "normal mode"), and the low bits of the source, from
 * the flow's hash, so that the backend's NIC spreads flows over its queues; IPv6 also gets a flow label from it (RFC 6438).
 *
 * ip_len: bytes of the packet that is put into it; tos: its TOS or traffic class; more: bytes of another header in between.
 */
#ifndef SHUNT_BPF_OUTER_H
#define SHUNT_BPF_OUTER_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "csum.h"
#include "shunt/maps.h"

#define FLOW_LABEL_BITS 0xfffff

static __always_inline void outer_ipv4(struct iphdr *ip, const struct shunt_dest *dest, __u32 ip_len, __u8 tos,
				       __u64 hash, __u8 proto, __u32 more)
{
	__be32 src_bits = (__be32)hash & dest->src_mask;
	__be16 len = bpf_htons(ip_len + more + sizeof(*ip));
	__u32 sum;

	ip->tos = tos;
	ip->tot_len = len;
	ip->protocol = proto;
	ip->saddr |= src_bits;
	/* Every addend is below 2^16 but the folded sum, so nothing is lost; tos and protocol are their words' low bytes. */
	sum = dest->csum + len + bpf_htons(tos) + bpf_htons(proto) + (src_bits & 0xffff) + (src_bits >> 16);
	ip->check = (__sum16)~csum_fold(sum);
}

static __always_inline void outer_ipv6(struct ipv6hdr *ip, const struct shunt_dest *dest, __u32 ip_len, __u8 tos,
				       __u64 hash, __u8 proto, __u32 more)
{
	*(__be32 *)ip = bpf_htonl(6u << 28 | (__u32)tos << 20 | ((__u32)(hash >> 8) & FLOW_LABEL_BITS));
	ip->payload_len = bpf_htons(ip_len + more);
	ip->nexthdr = proto;
	ip->saddr.in6_u.u6_addr32[3] |= (__be32)hash & dest->src_mask;
}

#endif
