// SPDX-License-Identifier: GPL-2.0
/*
 * shunt's XDP program: a packet for a VIP leaves encapsulated for a backend, all others pass untouched.
 *
 * The stages are straight lines, one header each: parse.h, service.h, ring.h, encap.h and tunnel.h, xmit.h, count.h. Each returns NEXT or a
 * named reason (include/shunt/reasons.h); one exit turns a reason into an XDP action and counts it. Nothing here allocates
 * or waits; written are counters, and by the slow path its own memory, the table of fragments and the ring of events. IPv4 and IPv6
 * share one body: is_v6 is a constant where the plain path calls it.
 *
 * There are two ways through the stages. The plain one takes TCP and UDP and costs what is counted in nanoseconds; what it cannot
 * decide it leaves, untouched and not yet counted, to the slow one (slow.h), which takes everything.
 */
#include <stdbool.h>
#include <stddef.h>

#include "parse.h"
#include "vlan.h"
#include "service.h"
#include "ring.h"
#include "slow.h"
#include "special.h"
#include "fragment.h"
#include "icmp.h"
#include "quic.h"
#include "tunnel.h"
#include "xmit.h"
#include "count.h"

/* To a destination that has been chosen: an XDP action. */
static __always_inline int deliver(struct xdp_md *ctx, struct packet *pkt, const struct shunt_dest *dest, bool is_v6)
{
	int action, reason = encap_decrement_ttl(ctx, pkt, is_v6);

	if (reason != NEXT)
		return count_reason(pkt, reason);
	reason = encap(ctx, pkt, dest, is_v6);
	if (reason != NEXT)
		return count_reason(pkt, reason);
	action = xmit(ctx, dest);
	count(&shunt_dstat, pkt->dest, pkt->frame_len);
	return action;
}

static __always_inline const struct shunt_dest *destination(const struct packet *pkt)
{
	__u32 id = pkt->dest; /* a copy: a packet whose parts have addresses is kept in memory as a whole */

	return bpf_map_lookup_elem(&shunt_dests, &id);
}

/* Of a packet for a VIP: is it for this station alone, and from somebody who can be answered? */
static __always_inline int check_sender(const struct packet *pkt, bool is_v6)
{
	if (unlikely(apart(pkt->to_group)))
		return SHUNT_REASON_TO_GROUP;
	return unlikely(is_martian(pkt, is_v6)) ? SHUNT_REASON_MARTIAN : NEXT;
}

/* What was chosen, if it can take the packet: NEXT, or why the packet goes no further. */
static __always_inline int check_choice(const struct packet *pkt, int reason, const struct shunt_dest **dest)
{
	if (reason != NEXT)
		return reason;
	*dest = destination(pkt);
	return *dest ? encap_check(pkt, *dest) : SHUNT_REASON_BAD_DEST;
}

/* ---- the slow path */

static __always_inline int slow_parse(struct xdp_md *ctx, struct slow *s, bool is_v6)
{
	int reason = slow_ip(ctx, s, is_v6);

	if (reason == NEXT && s->fragment.kind != FRAGMENT_NONE)
		reason = fragment_check(s, is_v6);
	if (reason != NEXT || s->fragment.kind == FRAGMENT_LATER)
		return reason;
	if (s->pkt.proto == IPPROTO_TCP || s->pkt.proto == IPPROTO_UDP)
		return slow_ports(ctx, s);
	if (s->pkt.proto != (is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return SHUNT_REASON_NOT_TCP_UDP;
	s->is_icmp = true;
	return icmp_parse(ctx, s, is_v6);
}

/* Not a later fragment. */
static __always_inline int slow_service(struct xdp_md *ctx, struct slow *s, bool is_v6)
{
	const struct shunt_vip *vip = vip_find(&s->pkt, is_v6);
	int reason;

	if (!vip)
		return SHUNT_REASON_NOT_VIP;
	reason = check_sender(&s->pkt, is_v6);
	if (reason != NEXT)
		return reason;
	reason = vip->flags & SHUNT_VIP_SPECIAL ? special_choose(s, vip, is_v6) : ring_choose(&s->pkt, vip, is_v6);
	if (vip->flags & SHUNT_VIP_QUIC && s->pkt.proto == IPPROTO_UDP && !s->is_icmp &&
	    reason != SHUNT_REASON_SOURCE_DENIED)
		reason = quic_choose(ctx, s, vip, reason);
	return reason;
}

/* As choose(), but services may want more, and fragments follow their datagram's first one. */
static __always_inline int slow_choose(struct xdp_md *ctx, struct slow *s, const struct shunt_dest **dest, bool is_v6)
{
	int reason;

	if (s->fragment.kind == FRAGMENT_LATER) {
		reason = fragment_recall(s, is_v6);
		if (reason == NEXT)
			reason = check_sender(&s->pkt, is_v6);
		return check_choice(&s->pkt, reason, dest);
	}
	reason = check_choice(&s->pkt, slow_service(ctx, s, is_v6), dest);
	if (s->fragment.kind == FRAGMENT_FIRST)
		fragment_remember(s, reason, is_v6);
	return reason;
}

static __noinline int slow(struct xdp_md *ctx, int where)
{
	struct slow *s = slow_memory(ctx, SLOW_L3_OFF(where));
	const struct shunt_dest *dest = NULL;
	bool is_v6 = SLOW_IS_V6(where);
	int reason;

	if (!s)
		return XDP_ABORTED;
	reason = slow_parse(ctx, s, is_v6);
	if (reason == NEXT)
		reason = slow_choose(ctx, s, &dest, is_v6);
	if (reason == SHUNT_REASON_TOO_BIG && dest && !s->is_icmp && !from_vip(s, is_v6))
		reason = too_big(ctx, &s->pkt, (int)dest->mtu - (int)encap_len(dest), is_v6);
	if (reason != NEXT || !dest)
		return count_reason(&s->pkt, reason);
	return deliver(ctx, &s->pkt, dest, is_v6);
}

/* ---- the plain path */

/* Reasons that may not be the last word: they are rare, or what has them is not ours. */
static __always_inline bool leave_to_slow(int reason)
{
	const __u64 slow_reasons = 1ull << SHUNT_REASON_NOT_TCP_UDP | 1ull << SHUNT_REASON_TOO_BIG |
				   1ull << SHUNT_REASON_TRUNCATED | 1ull << SHUNT_REASON_FRAGMENT |
				   1ull << SHUNT_REASON_BAD_HEADER;

	return reason == LEAVE || slow_reasons >> (reason & 63) & 1;
}

static __always_inline int choose(struct packet *pkt, const struct shunt_dest **dest, bool is_v6)
{
	const struct shunt_vip *vip = vip_find(pkt, is_v6);
	int reason;

	if (!vip)
		return SHUNT_REASON_NOT_VIP;
	reason = check_sender(pkt, is_v6);
	if (reason != NEXT)
		return reason;
	if (unlikely(vip->flags & SHUNT_VIP_SPECIAL))
		return LEAVE;
	return check_choice(pkt, ring_choose(pkt, vip, is_v6), dest);
}

/* An XDP action, or SLOW. */
static __always_inline int balance(struct xdp_md *ctx, struct packet *pkt, struct cursor *cur, bool is_v6)
{
	const struct shunt_dest *dest = NULL;
	int reason = is_v6 ? parse_ipv6(pkt, cur) : parse_ipv4(pkt, cur);

	if (reason == NEXT)
		reason = choose(pkt, &dest, is_v6);
	if (reason == NEXT && dest)
		return deliver(ctx, pkt, dest, is_v6);
	return leave_to_slow(reason) ? SLOW(pkt->l3_off, is_v6) : count_reason(pkt, reason);
}

/* Where the packet says nothing of how long it is: a frame may be longer than what data_end shows of it. */
static __always_inline int count_whole(struct xdp_md *ctx, struct packet *pkt, int reason)
{
	pkt->frame_len = bpf_xdp_get_buff_len(ctx);
	return count_reason(pkt, reason);
}

static __always_inline int classify(struct xdp_md *ctx, struct packet *pkt, void *data, void *data_end, __be16 proto)
{
	struct cursor cur = {.at = data + pkt->l3_off, .end = data_end};

	if (proto == bpf_htons(ETH_P_IP))
		return balance(ctx, pkt, &cur, false);
	if (proto == bpf_htons(ETH_P_IPV6))
		return balance(ctx, pkt, &cur, true);
	return count_whole(ctx, pkt, SHUNT_REASON_NOT_IP);
}

/* A copy of the plain path, so that untagged packets find their headers at constant offsets: it saves them 1 to 2 ns. */
static __noinline int tagged(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct packet pkt;
	int found;

	pkt.frame_len = data_end - data;
	found = vlan_walk(ctx);
	if (found < 0)
		return count_whole(ctx, &pkt, ~found);
	pkt.l3_off = VLAN_FOUND_L3_OFF(found);
	pkt.to_group = data + ETH_LEN <= data_end && is_group(data); /* there is one: said again for the verifier */
	return classify(ctx, &pkt, data, data_end, VLAN_FOUND_PROTO(found));
}

static __always_inline int plain(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *data_end = (void *)(long)ctx->data_end;
	struct packet pkt; /* what no stage has filled, no later one reads: zeroing it costs 1 to 2 ns */
	__be16 proto;

	pkt.frame_len = data_end - data;
	pkt.l3_off = ETH_LEN;
	if (data + ETH_LEN > data_end)
		return count_reason(&pkt, SHUNT_REASON_TRUNCATED);
	pkt.to_group = is_group(data);
	proto = *(const __be16 *)(data + ETH_LEN - sizeof(proto));
	if (unlikely(vlan_is_tag(proto)))
		return tagged(ctx);
	return classify(ctx, &pkt, data, data_end, proto);
}

SEC("xdp.frags")
int shunt_xdp(struct xdp_md *ctx)
{
	int action = plain(ctx);

	/* From here, not where it is decided, so that the stacks of tagged() and slow() do not add up. */
	return unlikely(action < 0) ? slow(ctx, action) : action;
}

char _license[] SEC("license") = "GPL";
