// SPDX-License-Identifier: GPL-2.0
/*
 * shunt's XDP program: a packet for a VIP leaves encapsulated for a backend, all others pass untouched.
 *
 * The stages are straight lines, one header each: parse.h, service.h, ring.h (and conn.h), encap.h and tunnel.h, xmit.h, count.h. Each returns NEXT or a
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
#include "conn.h"
#include "slow.h"
#include "special.h"
#include "fragment.h"
#include "icmp.h"
#include "quic.h"
#include "tunnel.h"
#include "wake.h"
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

/* What the packet says of its connection. quic: what quic_choose() said of it, of a QUIC service. */
static __always_inline enum conn_kind slow_kind(struct xdp_md *ctx, const struct slow *s, const struct shunt_vip *vip,
						int quic)
{
	enum conn_kind kind;

	if (s->pkt.proto != IPPROTO_TCP)
		kind = quic < 0 ? conn_udp_kind(vip->flags) : quic == SHUNT_QUIC_opening ? CONN_OPEN : CONN_DATA;
	else
		kind = s->is_icmp ? CONN_DATA : slow_tcp_kind(ctx, s);
	return vip->flags & SHUNT_HASH_INPUTS ? conn_group_kind(kind) : kind;
}

/* NEXT, a reason, or LEAVE: the slot is DIRTY, and s says what slow_dirty() needs to know. */
static __always_inline int slow_ring(struct xdp_md *ctx, struct slow *s, const struct shunt_vip *vip, int quic,
				     bool is_v6)
{
	__u64 *slot = ring_slot(s->ring_base, vip->ring_size, s->ring_hash), word;

	if (!slot)
		return SHUNT_REASON_NO_BACKEND;
	word = conn_load(slot);
	if (word & SHUNT_SLOT_DIRTY && !conn_is_rehash(vip->flags, s->pkt.proto)) {
		s->ring_slot = s->ring_base + shunt_tag_slot(shunt_flow_tag(s->ring_hash), vip->ring_size);
		s->kind = slow_kind(ctx, s, vip, quic);
		s->service = vip->service;
		s->picks = vip->flags & SHUNT_VIP_PICKS && s->ring_base == vip->ring_base;
		s->sticky = vip->flags & SHUNT_VIP_STICKY ? vip->sticky : 0;
		s->salt = vip->salt;
		s->ring_size = vip->ring_size;
		s->is_v6 = is_v6;
		return LEAVE;
	}
	s->pkt.dest = shunt_slot_current(word);
	return s->pkt.dest ? NEXT : SHUNT_REASON_NO_BACKEND;
}

/* Not a later fragment. */
static __always_inline int slow_service(struct xdp_md *ctx, struct slow *s, bool is_v6)
{
	const struct shunt_vip *vip = vip_find(&s->pkt, is_v6, false);
	int reason, quic = -1;

	if (!vip)
		return SHUNT_REASON_NOT_VIP;
	reason = check_sender(&s->pkt, is_v6);
	if (reason != NEXT)
		return reason;
	s->pkt.hash = s->ring_hash = ring_flow_hash(&s->pkt, vip, is_v6);
	s->ring_base = vip->ring_base;
	if (vip->flags & SHUNT_VIP_SPECIAL)
		reason = special_choose(s, vip, is_v6);
	if (reason != NEXT)
		return reason;
	if (vip->flags & SHUNT_VIP_QUIC && s->pkt.proto == IPPROTO_UDP && !s->is_icmp) {
		quic = quic_choose(ctx, s, vip);
		if (quic == SHUNT_QUIC_followed)
			return NEXT;
	}
	return slow_ring(ctx, s, vip, quic, is_v6);
}

/* As choose(), but services may want more, and fragments follow their datagram's first one. */
static __always_inline int slow_choose(struct xdp_md *ctx, struct slow *s, bool is_v6)
{
	int reason;

	if (s->fragment.kind != FRAGMENT_LATER)
		return slow_service(ctx, s, is_v6);
	reason = fragment_recall(s, is_v6);
	return reason == NEXT ? check_sender(&s->pkt, is_v6) : reason;
}

/* Of a packet of TCP or UDP, or an ICMP error about one, that found nobody. */
static __always_inline int slow_wake(struct xdp_md *ctx, const struct slow *s, bool is_v6)
{
	bool begins = !s->is_icmp && (s->pkt.proto != IPPROTO_TCP || slow_tcp_kind(ctx, s) == CONN_OPEN);

	return wake(ctx, s->ring_base, s->pkt.l3_off, (begins ? WAKE_BEGINS : 0) | (is_v6 ? WAKE_IS_V6 : 0));
}

/* To what was chosen, if anything was: an XDP action. */
static __always_inline int slow_deliver(struct xdp_md *ctx, struct slow *s, int reason, bool is_v6)
{
	const struct shunt_dest *dest = NULL;

	reason = check_choice(&s->pkt, reason, &dest);
	if (reason == SHUNT_REASON_NO_BACKEND)
		reason = slow_wake(ctx, s, is_v6);
	if (s->fragment.kind == FRAGMENT_FIRST)
		fragment_remember(s, reason, is_v6);
	if (reason == SHUNT_REASON_TOO_BIG && dest && !s->is_icmp && !from_vip(s, is_v6))
		reason = too_big(ctx, &s->pkt, (int)dest->mtu - (int)encap_len(dest), is_v6);
	if (reason != NEXT || !dest)
		return count_reason(&s->pkt, reason);
	return deliver(ctx, &s->pkt, dest, is_v6);
}

/* An XDP action, or LEAVE: slow_dirty() is to choose, and then to be asked again with chosen. */
static __noinline int slow(struct xdp_md *ctx, int where, bool is_chosen)
{
	struct slow *s = is_chosen ? slow_again() : slow_memory(ctx, SLOW_L3_OFF(where));
	bool is_v6 = SLOW_IS_V6(where);
	int reason;

	if (!s)
		return XDP_ABORTED;
	if (is_chosen) {
		reason = s->pkt.dest ? NEXT : SHUNT_REASON_NO_BACKEND;
	} else {
		reason = slow_parse(ctx, s, is_v6);
		if (reason == NEXT)
			reason = slow_choose(ctx, s, is_v6);
		if (reason == LEAVE)
			return LEAVE;
	}
	return slow_deliver(ctx, s, reason, is_v6);
}

/* As pick(), for a client that may have been here before. Who is new, in a service that goes by the ring, goes by its own place there. */
static __noinline __u32 slow_pick(void)
{
	struct slow *s = slow_again();
	struct conn_found found;
	struct conn_world w;
	__u64 *slot, hash;
	__u32 dest;

	if (!s)
		return 0;
	w = (struct conn_world){s->service, true, CONN_PICK};
	hash = shunt_input_hash(&knob_hash_keys, s->pkt.src, s->pkt.dst, 0, s->salt, s->pkt.proto, SHUNT_HASH_SOURCE,
				s->is_v6 ? 128 : 32, s->is_v6);
	slot = ring_slot(s->ring_base, s->ring_size, hash);
	if (!slot)
		return 0;
	dest = conn_stuck(&w, hash, s->sticky, &found);
	if (dest)
		return dest;
	dest = pick(s->service);
	if (!dest)
		dest = shunt_slot_current(conn_load(slot));
	if (dest)
		conn_stick(&w, slot, hash, &found, dest);
	return dest;
}

/* The connection table's part, apart from slow() so that their stacks do not add up. */
static __noinline int slow_dirty(void)
{
	struct slow *s = slow_again();
	struct conn_world w;
	__u64 *slot;

	if (!s)
		return 0;
	w = (struct conn_world){s->service, s->picks, CONN_PICK};
	slot = bpf_map_lookup_elem(&shunt_rings, &s->ring_slot);
	if (!slot)
		return 0;
	if (s->is_icmp)
		s->pkt.dest = conn_look(&w, slot, s->ring_hash, s->kind);
	else
		s->pkt.dest = conn_choose(&w, slot, s->ring_hash, s->kind);
	if (s->pkt.dest != CONN_PICK)
		return 0;
	w.picked = s->sticky ? slow_pick() : pick(s->service);
	s->pkt.dest = conn_choose(&w, slot, s->ring_hash, s->kind);
	return 0;
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

/* TCP's flags in an untagged packet that parse.h has seen; negative: they are not in the frame's first buffer. Looked for anew, so that the plain packet
 * need not remember where they are. */
static __noinline int tcp_flags(struct xdp_md *ctx, bool is_v6)
{
	void *ip = (void *)(long)ctx->data + ETH_LEN, *end = (void *)(long)ctx->data_end;
	__u32 len = sizeof(struct ipv6hdr);

	if (ip + sizeof(struct iphdr) > end)
		return -1;
	if (!is_v6)
		len = ((const struct iphdr *)ip)->ihl * 4;
	if (ip + len + CONN_TCP_FLAGS_AT + 1 > end)
		return -1;
	return *(const __u8 *)(ip + len + CONN_TCP_FLAGS_AT);
}

/* A slot that is DIRTY: NEXT, or LEAVE. tagged() has no room on the stack for more. */
static __always_inline int choose_dirty(struct xdp_md *ctx, struct packet *pkt, const struct shunt_vip *vip,
					__u64 *slot, bool is_v6, bool is_tagged)
{
	enum conn_kind kind = conn_udp_kind(vip->flags);
	int flags;

	if (is_tagged)
		return LEAVE;
	if (conn_is_rehash(vip->flags, pkt->proto))
		return NEXT;
	if (pkt->proto == IPPROTO_TCP) {
		flags = tcp_flags(ctx, is_v6);
		if (flags < 0)
			return LEAVE;
		kind = conn_tcp_kind(flags);
	}
	pkt->dest = conn_dirty(slot, pkt->hash, kind, vip);
	return NEXT;
}

/* The ring has nobody: LEAVE, or a reason. A slot that was DIRTY has counted the packet, which the slow path would do again; tagged() has not asked. */
static __noinline int nobody(struct xdp_md *ctx, const struct shunt_vip *vip, bool is_tcp, bool is_v6)
{
	int flags = is_tcp ? tcp_flags(ctx, is_v6) : CONN_SYN;

	if (flags < 0)
		return LEAVE;
	return wake(ctx, vip->ring_base, ETH_LEN,
		    (conn_tcp_kind(flags) == CONN_OPEN ? WAKE_BEGINS : 0) | (is_v6 ? WAKE_IS_V6 : 0));
}

static __always_inline int choose(struct xdp_md *ctx, struct packet *pkt, const struct shunt_dest **dest, bool is_v6,
				  bool is_tagged)
{
	const struct shunt_vip *vip = vip_find(pkt, is_v6, is_tagged);
	__u64 *slot, word;
	int reason;

	if (!vip)
		return is_tagged && vip_has_ranges() ? LEAVE : SHUNT_REASON_NOT_VIP;
	reason = check_sender(pkt, is_v6);
	if (reason != NEXT)
		return reason;
	if (unlikely(vip->flags & SHUNT_VIP_SPECIAL))
		return LEAVE;
	pkt->hash = ring_flow_hash(pkt, vip, is_v6);
	slot = ring_slot(vip->ring_base, vip->ring_size, pkt->hash);
	if (!slot)
		return SHUNT_REASON_NO_BACKEND;
	word = conn_load(slot);
	pkt->dest = shunt_slot_current(word);
	if (unlikely(word & SHUNT_SLOT_DIRTY))
		reason = choose_dirty(ctx, pkt, vip, slot, is_v6, is_tagged);
	if (reason == NEXT && !pkt->dest)
		reason = is_tagged ? LEAVE : nobody(ctx, vip, pkt->proto == IPPROTO_TCP, is_v6);
	return check_choice(pkt, reason, dest);
}

/* An XDP action, or SLOW. */
static __always_inline int balance(struct xdp_md *ctx, struct packet *pkt, struct cursor *cur, bool is_v6,
				   bool is_tagged)
{
	const struct shunt_dest *dest = NULL;
	int reason = is_v6 ? parse_ipv6(pkt, cur) : parse_ipv4(pkt, cur);

	if (reason == NEXT)
		reason = choose(ctx, pkt, &dest, is_v6, is_tagged);
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

static __always_inline int classify(struct xdp_md *ctx, struct packet *pkt, void *data, void *data_end, __be16 proto,
				    bool is_tagged)
{
	struct cursor cur = {.at = data + pkt->l3_off, .end = data_end};

	if (proto == bpf_htons(ETH_P_IP))
		return balance(ctx, pkt, &cur, false, is_tagged);
	if (proto == bpf_htons(ETH_P_IPV6))
		return balance(ctx, pkt, &cur, true, is_tagged);
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
	return classify(ctx, &pkt, data, data_end, VLAN_FOUND_PROTO(found), true);
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
	return classify(ctx, &pkt, data, data_end, proto, false);
}

SEC("xdp.frags")
int shunt_xdp(struct xdp_md *ctx)
{
	int action = plain(ctx), again;

	if (!unlikely(action < 0))
		return action;
	/* From here, not where it is decided, so that the stacks of tagged(), slow() and slow_dirty() do not add up. */
	again = slow(ctx, action, false);
	if (again != LEAVE)
		return again;
	slow_dirty();
	return slow(ctx, action, true);
}

char _license[] SEC("license") = "GPL";
