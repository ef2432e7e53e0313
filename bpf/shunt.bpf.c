// SPDX-License-Identifier: GPL-2.0
/*
 * shunt's XDP program: a packet for a VIP leaves encapsulated for a backend, all others pass untouched.
 *
 * The stages are straight lines, one header each: parse.h, service.h, icmp.h, ring.h, encap.h, xmit.h, count.h. Each returns NEXT
 * or a named reason (include/shunt/reasons.h); one exit turns a reason into an XDP action and counts it. Nothing here allocates,
 * waits, or writes a map other than the counters. IPv4 and IPv6 share one body: is_v6 is a constant where it is called.
 */
#include <stdbool.h>
#include <stddef.h>

#include "parse.h"
#include "service.h"
#include "icmp.h"
#include "ring.h"
#include "encap.h"
#include "xmit.h"
#include "count.h"

/* A parsed packet's way. is_icmp: the packet itself is an ICMP error, and its flow the one that the error is about. */
static __always_inline int forward(struct packet *pkt, bool is_v6, bool is_icmp)
{
	const struct shunt_dest *dest;
	const struct shunt_vip *vip;
	int reason, action;
	__u32 id;

	vip = vip_find(pkt, is_v6);
	if (!vip)
		return count_reason(pkt, SHUNT_REASON_NOT_VIP);
	reason = ring_choose(pkt, vip, is_v6);
	if (reason != NEXT)
		return count_reason(pkt, reason);
	id = pkt->dest; /* a copy: the packet whose parts have addresses is kept in memory as a whole */
	dest = bpf_map_lookup_elem(&shunt_dests, &id);
	if (!dest)
		return count_reason(pkt, SHUNT_REASON_BAD_DEST);
	reason = encap_check(pkt, dest);
	if (reason == SHUNT_REASON_TOO_BIG && !is_icmp)
		reason = too_big(pkt->ctx, pkt->l3_off, pkt->ip_len, (int)dest->mtu - (int)encap_len(dest), is_v6);
	if (reason != NEXT)
		return count_reason(pkt, reason);
	reason = encap_decrement_ttl(pkt, is_v6);
	if (reason != NEXT)
		return count_reason(pkt, reason);
	reason = encap(pkt, dest, is_v6);
	if (reason != NEXT)
		return count_reason(pkt, reason);
	action = xmit(pkt, dest);
	count(&shunt_dstat, pkt->dest, pkt->frame_len);
	return action;
}

static __noinline int icmp(struct xdp_md *ctx, __u32 l3_off, bool is_v6)
{
	struct packet pkt = {.ctx = ctx, .frame_len = bpf_xdp_get_buff_len(ctx), .l3_off = l3_off};
	int reason = icmp_parse(&pkt, is_v6);

	return reason == NEXT ? forward(&pkt, is_v6, true) : count_reason(&pkt, reason);
}

static __always_inline int balance(struct packet *pkt, struct cursor *cur, bool is_v6)
{
	int reason = is_v6 ? parse_ipv6(pkt, cur) : parse_ipv4(pkt, cur);

	if (reason == NEXT)
		return forward(pkt, is_v6, false);
	if (reason == SHUNT_REASON_NOT_TCP_UDP)
		return icmp(pkt->ctx, pkt->l3_off, is_v6);
	return count_reason(pkt, reason);
}

SEC("xdp")
int shunt_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	const struct ethhdr *eth = data;
	struct cursor cur = {.at = data + ETH_LEN, .end = data_end};
	struct packet pkt; /* what no stage has filled, no later one reads: zeroing it costs 1 to 2 ns */

	pkt.ctx = ctx;
	pkt.frame_len = data_end - data;
	pkt.l3_off = ETH_LEN;
	if (cur.at > data_end)
		return count_reason(&pkt, SHUNT_REASON_TRUNCATED);
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return balance(&pkt, &cur, false);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return balance(&pkt, &cur, true);
	return count_reason(&pkt, SHUNT_REASON_NOT_IP);
}

char _license[] SEC("license") = "GPL";
