/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: ICMP to a VIP's address. Taken by what parse.h found to be neither TCP nor UDP; cold, so lengths and offsets are
 * variables here and bytes are fetched by a helper.
 *
 * An error goes to the backend that owns the connection. It quotes a packet that this backend sent from the VIP to the client;
 * turned round, the quote's addresses and ports are the client's flow, and with them in struct packet the stages after parsing
 * choose and encapsulate as for any packet of that flow. Of the quote only addresses, protocol and ports are believed, and only if it
 * came from the address that the error went to. The message's checksum is the backend's to verify.
 *
 * An echo request is answered (icmp_reply.h) where a service wants it. All else passes, faulty errors too: what does not say
 * which flow it belongs to may belong to one of the host's own.
 */
#ifndef SHUNT_BPF_ICMP_H
#define SHUNT_BPF_ICMP_H

#include "icmp_reply.h"
#include "packet.h"
#include "parse.h"
#include "service.h"

/* Where in the frame things are. */
struct icmp {
	__u32 at, end; /* of the ICMP header; behind the IP packet, Ethernet's padding not counted */
	bool is_fragment, has_options;
};

enum icmp_kind { ICMP_OTHER, ICMP_REQUEST, ICMP_ERROR };

static __always_inline int icmp_outer_ipv4(struct packet *pkt, struct icmp *icmp)
{
	struct iphdr ip;

	if (bpf_xdp_load_bytes(pkt->ctx, pkt->l3_off, &ip, sizeof(ip)))
		return SHUNT_REASON_TRUNCATED;
	pkt->proto = ip.protocol;
	if (pkt->proto != IPPROTO_ICMP)
		return SHUNT_REASON_NOT_TCP_UDP;
	pkt->src[0] = ip.saddr;
	pkt->dst[0] = ip.daddr;
	pkt->tos = ip.tos;
	pkt->ttl = ip.ttl;
	pkt->ip_len = bpf_ntohs(ip.tot_len);
	icmp->at = pkt->l3_off + ip.ihl * 4;
	icmp->is_fragment = ip.frag_off & bpf_htons(IPV4_FRAGMENT_BITS);
	icmp->has_options = ip.ihl > 5;
	return NEXT;
}

static __always_inline int icmp_outer_ipv6(struct packet *pkt, struct icmp *icmp)
{
	struct ipv6hdr ip;

	if (bpf_xdp_load_bytes(pkt->ctx, pkt->l3_off, &ip, sizeof(ip)))
		return SHUNT_REASON_TRUNCATED;
	pkt->proto = ip.nexthdr;
	if (pkt->proto != IPPROTO_ICMPV6)
		return SHUNT_REASON_NOT_TCP_UDP;
	__builtin_memcpy(pkt->src, &ip.saddr, sizeof(pkt->src));
	__builtin_memcpy(pkt->dst, &ip.daddr, sizeof(pkt->dst));
	pkt->tos = ip.priority << 4 | ip.flow_lbl[0] >> 4;
	pkt->ttl = ip.hop_limit;
	pkt->ip_len = bpf_ntohs(ip.payload_len) + sizeof(ip);
	icmp->at = pkt->l3_off + sizeof(ip);
	return NEXT;
}

/* Redirects, source quench (deprecated, RFC 6633) and questions other than echo are not for the flows of a VIP. */
static __always_inline enum icmp_kind icmp_kind_of(__u8 type, bool is_v6)
{
	if (type == (is_v6 ? ICMP6_ECHO_REQUEST : ICMP4_ECHO_REQUEST))
		return ICMP_REQUEST;
	if (is_v6 ? type >= ICMP6_UNREACHABLE && type <= ICMP6_PARAMETER
		  : type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED || type == ICMP4_PARAMETER)
		return ICMP_ERROR;
	return ICMP_OTHER;
}

static __always_inline int icmp_quoted_ipv4(struct packet *pkt, struct icmp *icmp)
{
	struct iphdr ip;

	if (icmp->at + sizeof(ip) > icmp->end || bpf_xdp_load_bytes(pkt->ctx, icmp->at, &ip, sizeof(ip)))
		return SHUNT_REASON_ICMP_TRUNCATED;
	if (ip.version != 4 || ip.ihl < 5 || ip.saddr != pkt->dst[0])
		return SHUNT_REASON_ICMP_BAD_QUOTE;
	if (ip.frag_off & bpf_htons(IPV4_OFFSET_BITS))
		return SHUNT_REASON_ICMP_FRAGMENT;
	pkt->src[0] = ip.daddr;
	pkt->proto = ip.protocol;
	icmp->at += ip.ihl * 4;
	return NEXT;
}

static __always_inline bool icmp_same_ipv6(const __be32 *a, const __be32 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline int icmp_quoted_ipv6(struct packet *pkt, struct icmp *icmp)
{
	struct ipv6hdr ip;

	if (icmp->at + sizeof(ip) > icmp->end || bpf_xdp_load_bytes(pkt->ctx, icmp->at, &ip, sizeof(ip)))
		return SHUNT_REASON_ICMP_TRUNCATED;
	if (ip.version != 6 || !icmp_same_ipv6(ip.saddr.in6_u.u6_addr32, pkt->dst))
		return SHUNT_REASON_ICMP_BAD_QUOTE;
	switch (ip.nexthdr) {
	case IPPROTO_FRAGMENT:
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
	case IPPROTO_MH:
		return SHUNT_REASON_ICMP_EXT_HEADER;
	}
	__builtin_memcpy(pkt->src, &ip.daddr, sizeof(pkt->src));
	pkt->proto = ip.nexthdr;
	icmp->at += sizeof(ip);
	return NEXT;
}

/* From the quote to the flow of the client: RFC 792 promises no more than 8 bytes behind the IP header. */
static __always_inline int icmp_flow(struct packet *pkt, struct icmp *icmp, bool is_v6)
{
	__be16 port[2];
	int reason;

	icmp->at += sizeof(struct icmp_header);
	reason = is_v6 ? icmp_quoted_ipv6(pkt, icmp) : icmp_quoted_ipv4(pkt, icmp);
	if (reason != NEXT)
		return reason;
	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP)
		return SHUNT_REASON_NOT_TCP_UDP;
	if (icmp->at + sizeof(port) > icmp->end || bpf_xdp_load_bytes(pkt->ctx, icmp->at, port, sizeof(port)))
		return SHUNT_REASON_ICMP_TRUNCATED;
	pkt->src_port = port[1];
	pkt->dst_port = port[0];
	return NEXT;
}

/* NEXT: an error, and pkt is of the flow that it is about. */
static __always_inline int icmp_parse(struct packet *pkt, bool is_v6)
{
	const struct shunt_vip *vip;
	struct icmp icmp = {};
	struct icmp_header header;
	int reason;

	reason = is_v6 ? icmp_outer_ipv6(pkt, &icmp) : icmp_outer_ipv4(pkt, &icmp);
	if (reason != NEXT)
		return reason;
	vip = vip_find_address(pkt->dst, is_v6);
	if (!vip)
		return SHUNT_REASON_NOT_TCP_UDP;
	if (icmp.is_fragment)
		return SHUNT_REASON_FRAGMENT;
	icmp.end = pkt->l3_off + pkt->ip_len;
	if (icmp.at + sizeof(header) > icmp.end)
		return SHUNT_REASON_BAD_HEADER;
	if (icmp.end > pkt->frame_len || bpf_xdp_load_bytes(pkt->ctx, icmp.at, &header, sizeof(header)))
		return SHUNT_REASON_TRUNCATED;
	switch (icmp_kind_of(header.type, is_v6)) {
	case ICMP_REQUEST:
		if (!(vip->flags & SHUNT_VIP_ECHO) || icmp.has_options)
			return SHUNT_REASON_ECHO_REFUSED;
		return icmp_echo(pkt, is_v6);
	case ICMP_ERROR:
		return icmp_flow(pkt, &icmp, is_v6);
	default:
		return SHUNT_REASON_NOT_TCP_UDP;
	}
}

#endif
