/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage of the slow path: ICMP that is not to a VIP. A router between here and a backend that cannot pass an outer packet on says so to
 * the outer source (RFC 1191, RFC 8201); the daemon is told, which knows the backends, and lowers what the destination's MTU is.
 * Whether the error is believed is the daemon's to say. It passes all the same: the host may have tunnels of its own.
 */
#ifndef SHUNT_BPF_REPORT_H
#define SHUNT_BPF_REPORT_H

#include "icmp_reply.h"
#include "maps.h"
#include "packet.h"
#include "slow.h"

#define REPORT_RATE 100 /* a second and CPU: a flood of forged errors shall not keep the daemon busy */

/* What carries the packets of clients to backends. */
static __always_inline bool report_is_tunnel(__u8 proto)
{
	return proto == IPPROTO_IPIP || proto == IPPROTO_IPV6 || proto == IPPROTO_GRE || proto == IPPROTO_UDP;
}

/* The addresses of the quoted outer packet, whose source must be whom the error is for. */
static __always_inline bool report_quote_ipv4(struct xdp_md *ctx, const struct slow *s, struct shunt_event *event)
{
	struct iphdr ip;

	if (bpf_xdp_load_bytes(ctx, s->at + sizeof(struct icmp_header), &ip, sizeof(ip)))
		return false;
	if (ip.version != 4 || ip.saddr != s->pkt.dst[0] || !report_is_tunnel(ip.protocol))
		return false;
	event->family = SHUNT_FAMILY_IPV4;
	event->source[0] = ip.saddr;
	event->backend[0] = ip.daddr;
	return true;
}

static __always_inline bool report_quote_ipv6(struct xdp_md *ctx, const struct slow *s, struct shunt_event *event)
{
	struct ipv6hdr ip;

	if (bpf_xdp_load_bytes(ctx, s->at + sizeof(struct icmp_header), &ip, sizeof(ip)))
		return false;
	if (ip.version != 6 || !same_address(ip.saddr.in6_u.u6_addr32, s->pkt.dst, true) ||
	    !report_is_tunnel(ip.nexthdr))
		return false;
	event->family = SHUNT_FAMILY_IPV6;
	__builtin_memcpy(event->source, &ip.saddr, sizeof(event->source));
	__builtin_memcpy(event->backend, &ip.daddr, sizeof(event->backend));
	return true;
}

/* Of a packet that is no fragment. The ICMP header, whole: the reason under which it passes. */
static __noinline int report_path(struct xdp_md *ctx, const struct slow *s, bool is_v6)
{
	struct shunt_event event = {.kind = SHUNT_EVENT_PATH_MTU};
	struct icmp_header header;

	if (s->end > s->pkt.frame_len || s->at + sizeof(header) > s->end ||
	    bpf_xdp_load_bytes(ctx, s->at, &header, sizeof(header)))
		return SHUNT_REASON_NOT_TCP_UDP;
	if (is_v6 ? header.type != ICMP6_TOO_BIG : header.type != ICMP4_UNREACHABLE || header.code != ICMP4_FRAG_NEEDED)
		return SHUNT_REASON_NOT_TCP_UDP;
	if (!(is_v6 ? report_quote_ipv6(ctx, s, &event) : report_quote_ipv4(ctx, s, &event)))
		return SHUNT_REASON_NOT_TCP_UDP;
	event.mtu = is_v6 ? bpf_ntohl(header.rest) : bpf_ntohl(header.rest) & 0xffff;
	if (take_token(&event_limit, REPORT_RATE))
		bpf_ringbuf_output(&event_ring, &event, sizeof(event), 0);
	return SHUNT_REASON_PATH_MTU;
}

#endif
