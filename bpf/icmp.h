/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage of the slow path: ICMP to a VIP's address.
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
#include "report.h"
#include "service.h"
#include "slow.h"

enum icmp_kind { ICMP_OTHER, ICMP_REQUEST, ICMP_ERROR };

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

static __always_inline int icmp_quoted_ipv4(struct xdp_md *ctx, struct slow *s)
{
	struct packet *pkt = &s->pkt;
	struct iphdr ip;

	if (s->at + sizeof(ip) > s->end || bpf_xdp_load_bytes(ctx, s->at, &ip, sizeof(ip)))
		return SHUNT_REASON_ICMP_TRUNCATED;
	if (ip.version != 4 || ip.ihl < 5 || ip.saddr != pkt->dst[0])
		return SHUNT_REASON_ICMP_BAD_QUOTE;
	if (ip.frag_off & bpf_htons(IPV4_OFFSET_BITS))
		return SHUNT_REASON_ICMP_FRAGMENT;
	pkt->src[0] = ip.daddr;
	pkt->proto = ip.protocol;
	s->at += ip.ihl * 4;
	return NEXT;
}

/* What stopped a walk over the extension headers of a quote. */
static __always_inline int icmp_quote_reason(int reason)
{
	switch (reason) {
	case SHUNT_REASON_TRUNCATED:
		return SHUNT_REASON_ICMP_TRUNCATED;
	default:
		return SHUNT_REASON_ICMP_EXT_HEADER;
	}
}

static __always_inline int icmp_quoted_ipv6(struct xdp_md *ctx, struct slow *s)
{
	struct packet *pkt = &s->pkt;
	struct ipv6hdr ip;
	int found;

	if (s->at + sizeof(ip) > s->end || bpf_xdp_load_bytes(ctx, s->at, &ip, sizeof(ip)))
		return SHUNT_REASON_ICMP_TRUNCATED;
	if (ip.version != 6 || !same_address(ip.saddr.in6_u.u6_addr32, pkt->dst, true))
		return SHUNT_REASON_ICMP_BAD_QUOTE;
	found = ext6_walk(ctx, s->at);
	if (found < 0)
		return icmp_quote_reason(~found);
	if (EXT6_IS_LATER(found))
		return SHUNT_REASON_ICMP_FRAGMENT;
	if (ext6_is_extension(EXT6_FOUND_PROTO(found))) /* a first fragment that ends before they do */
		return SHUNT_REASON_ICMP_EXT_HEADER;
	__builtin_memcpy(pkt->src, &ip.daddr, sizeof(pkt->src));
	pkt->proto = EXT6_FOUND_PROTO(found);
	s->at += sizeof(ip) + EXT6_FOUND_LEN(found);
	return NEXT;
}

/* From the quote to the flow of the client: RFC 792 promises no more than 8 bytes behind the IP header. */
static __always_inline int icmp_flow(struct xdp_md *ctx, struct slow *s, bool is_v6)
{
	struct packet *pkt = &s->pkt;
	__be16 port[2];
	int reason;

	s->at += sizeof(struct icmp_header);
	reason = is_v6 ? icmp_quoted_ipv6(ctx, s) : icmp_quoted_ipv4(ctx, s);
	if (reason != NEXT)
		return reason;
	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP)
		return SHUNT_REASON_NOT_TCP_UDP;
	if (s->at + sizeof(port) > s->end || bpf_xdp_load_bytes(ctx, s->at, port, sizeof(port)))
		return SHUNT_REASON_ICMP_TRUNCATED;
	pkt->src_port = port[1];
	pkt->dst_port = port[0];
	return NEXT;
}

/* NEXT: an error, and the packet is now of the flow that it is about. */
static __always_inline int icmp_parse(struct xdp_md *ctx, struct slow *s, bool is_v6)
{
	const struct packet *pkt = &s->pkt;
	const struct shunt_vip *vip;
	struct icmp_header header;

	vip = vip_find_address(pkt->dst, is_v6);
	if (!vip)
		return report_path(ctx, s, is_v6);
	if (s->at + sizeof(header) > s->end)
		return SHUNT_REASON_BAD_HEADER;
	if (s->end > pkt->frame_len || bpf_xdp_load_bytes(ctx, s->at, &header, sizeof(header)))
		return SHUNT_REASON_TRUNCATED;
	switch (icmp_kind_of(header.type, is_v6)) {
	case ICMP_REQUEST:
		if (!(vip->flags & SHUNT_VIP_ECHO) || s->has_options || from_vip(s, is_v6))
			return SHUNT_REASON_ECHO_REFUSED;
		return icmp_echo(ctx, pkt, is_v6);
	case ICMP_ERROR:
		return icmp_flow(ctx, s, is_v6);
	default:
		return SHUNT_REASON_NOT_TCP_UDP;
	}
}

#endif
