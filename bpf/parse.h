/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parsing: from the frame to struct packet. A cursor moves over the headers; no map is touched.
 *
 * Lengths: the frame must hold the IP packet that its header declares, and the packet must hold a whole TCP or UDP header.
 * A frame may be longer (Ethernet pads to 60 bytes). Fragments are decided before ports are read, so payload is never taken for
 * ports. What is not plain here is parsed again by the slow path (slow.h). All faults found here are reasons to pass: the packet may be for anybody, and the host's stack has its own counters.
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

#define IPV4_FRAGMENT_BITS 0x3fff /* MF and the offset; DF and the reserved bit are not looked at */
#define IPV4_MORE 0x2000
#define IPV4_OFFSET_BITS 0x1fff /* in units of 8 bytes */
#define L4_MIN 8		/* of UDP; what of TCP is read lies in as many */

static __always_inline bool is_group(const void *mac)
{
	return *(const __u8 *)mac & 1;
}

struct cursor {
	void *at, *end;
};

static __always_inline int parse_ports(struct packet *pkt, const struct cursor *cur, __u32 l3_len)
{
	__u32 l4_min = pkt->proto == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	const __be16 *word = cur->at; /* ports; UDP's length */

	if (pkt->ip_len < l3_len + l4_min)
		return SHUNT_REASON_BAD_HEADER;
	if (cur->at + L4_MIN > cur->end || pkt->ip_len + pkt->l3_off > pkt->frame_len)
		return SHUNT_REASON_TRUNCATED;
	/* Less than its own header, which wraps, or more than IP has. */
	if (pkt->proto == IPPROTO_UDP && bpf_ntohs(word[2]) - L4_MIN > pkt->ip_len - l3_len - L4_MIN)
		return SHUNT_REASON_BAD_HEADER;
	pkt->src_port = word[0];
	pkt->dst_port = word[1];
	return NEXT;
}

static __always_inline int parse_ipv4(struct packet *pkt, struct cursor *cur)
{
	const struct iphdr *ip = cur->at;
	__u32 header_len;

	if (cur->at + sizeof(*ip) > cur->end)
		return SHUNT_REASON_TRUNCATED;
	header_len = ip->ihl * 4;
	if ((__u8)(*(const __u8 *)ip - 0x45) > 0x4f - 0x45) /* version 4, five words or more */
		return SHUNT_REASON_BAD_HEADER;
	pkt->proto = ip->protocol;
	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP)
		return SHUNT_REASON_NOT_TCP_UDP;
	if (ip->frag_off & bpf_htons(IPV4_FRAGMENT_BITS))
		return SHUNT_REASON_FRAGMENT;
	pkt->src[0] = ip->saddr;
	pkt->dst[0] = ip->daddr;
	pkt->tos = ip->tos;
	pkt->ttl = ip->ttl;
	pkt->ip_len = bpf_ntohs(ip->tot_len);
	cur->at += header_len;
	return parse_ports(pkt, cur, header_len);
}

static __always_inline int parse_ipv6(struct packet *pkt, struct cursor *cur)
{
	const struct ipv6hdr *ip = cur->at;

	if (cur->at + sizeof(*ip) > cur->end)
		return SHUNT_REASON_TRUNCATED;
	if (ip->version != 6)
		return SHUNT_REASON_BAD_HEADER;
	pkt->proto = ip->nexthdr;
	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP)
		return SHUNT_REASON_NOT_TCP_UDP;
	__builtin_memcpy(pkt->src, &ip->saddr, sizeof(pkt->src));
	__builtin_memcpy(pkt->dst, &ip->daddr, sizeof(pkt->dst));
	pkt->tos = bpf_ntohs(*(const __be16 *)ip) >> 4;
	pkt->ttl = ip->hop_limit;
	pkt->ip_len = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	cur->at += sizeof(*ip);
	return parse_ports(pkt, cur, sizeof(*ip));
}

#endif
