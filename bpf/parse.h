/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parsing of the plain path: is this a packet of TCP or UDP right behind an IP header without options, whole, in the frame's first buffer? No map is touched.
 *
 * What is not plain is no fault: the slow path (slow.h) looks at it again, with everything that IP allows, and says what is wrong, if anything.
 *
 * Lengths: the frame must hold the IP packet that its header declares, and the packet must hold a whole TCP or UDP header.
 * A frame may be longer (Ethernet pads to 60 bytes). Fragments are not plain, so payload is never taken for ports.
 */
#ifndef SHUNT_BPF_PARSE_H
#define SHUNT_BPF_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include "packet.h"

#define IPV4_MORE 0x2000	/* another fragment follows; DF and the reserved bit are not looked at */
#define IPV4_OFFSET_BITS 0x1fff /* in units of 8 bytes */
#define L4_MIN 8		/* of UDP; what of TCP is read lies in as many */

static __always_inline bool is_group(const void *mac)
{
	return *(const __u8 *)mac & 1;
}

static __always_inline __u32 ip_header_len(bool is_v6)
{
	return is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

static __always_inline const __be32 *ip_src(const void *ip, bool is_v6)
{
	return is_v6 ? ((const struct ipv6hdr *)ip)->saddr.in6_u.u6_addr32 : &((const struct iphdr *)ip)->saddr;
}

static __always_inline const __be32 *ip_dst(const void *ip, bool is_v6)
{
	return is_v6 ? ((const struct ipv6hdr *)ip)->daddr.in6_u.u6_addr32 : &((const struct iphdr *)ip)->daddr;
}

static __always_inline __u8 ip_ttl(const void *ip, bool is_v6)
{
	return is_v6 ? ((const struct ipv6hdr *)ip)->hop_limit : ((const struct iphdr *)ip)->ttl;
}

/* Version 4, five words, and no fragment: all in the first eight bytes. */
static __always_inline bool is_plain_ipv4(const void *ip)
{
	const union {
		struct {
			__u8 version_len, tos;
			__be16 tot_len, id, frag_off;
		} part;
		__u64 word;
	} mask = {.part = {.version_len = 0xff, .frag_off = bpf_htons(IPV4_MORE | IPV4_OFFSET_BITS)}},
	  want = {.part = {.version_len = 0x45}};

	return (*(const __u64 *)ip & mask.word) == want.word;
}

static __always_inline bool parse(struct plain *p, bool is_v6)
{
	__u32 header = ip_header_len(is_v6);
	const void *l4 = p->ip + header;

	if (l4 + L4_MIN > p->end)
		return false;
	if (is_v6) {
		const struct ipv6hdr *ip = p->ip;

		if (ip->version != 6)
			return false;
		p->proto = ip->nexthdr;
		p->ip_len = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	} else {
		const struct iphdr *ip = p->ip;

		if (!is_plain_ipv4(ip))
			return false;
		p->proto = ip->protocol;
		p->ip_len = bpf_ntohs(ip->tot_len);
	}
	if (p->ip_len + p->l3_off > p->frame_len)
		return false;
	p->ports = *(const __u32 *)l4;
	if (p->proto == IPPROTO_TCP)
		return p->ip_len >= header + sizeof(struct tcphdr);
	/* UDP's own length: less than its header, which wraps, or more than IP has. */
	return p->proto == IPPROTO_UDP && p->ip_len >= header + sizeof(struct udphdr) &&
	       bpf_ntohs(((const __be16 *)l4)[2]) - L4_MIN <= p->ip_len - header - L4_MIN;
}

#endif
