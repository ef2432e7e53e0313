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

/* To a destination that has been chosen, id: an XDP action. */
static __always_inline int deliver(struct xdp_md *ctx, __u32 l3_off, __u32 frame_len, __u64 hash, __u32 id,
				   const struct shunt_dest *dest, bool is_v6)
{
	int action, reason = encap(ctx, l3_off, hash, dest, is_v6);

	if (reason != NEXT)
		return count_reason(reason, frame_len);
	action = xmit(ctx, dest);
	count(&shunt_dstat, id, frame_len);
	return action;
}

/* Of a packet for a VIP: is it for this station alone, and from somebody who can be answered? */
static __always_inline int check_sender(bool to_group, const __be32 *src, const __be32 *dst, bool is_v6)
{
	if (unlikely(apart(to_group)))
		return SHUNT_REASON_TO_GROUP;
	return unlikely(is_martian(src, dst, is_v6)) ? SHUNT_REASON_MARTIAN : NEXT;
}

/* The destination that was chosen, if it can take the packet: NEXT, or why the packet goes no further. */
static __always_inline int check_choice(__u32 id, __u32 ip_len, __u8 ttl, const struct shunt_dest **dest)
{
	*dest = bpf_map_lookup_elem(&shunt_dests, &id);
	return *dest ? encap_check(ip_len, ttl, *dest) : SHUNT_REASON_BAD_DEST;
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
	const struct packet *pkt = &s->pkt;
	const struct shunt_vip *vip = vip_lookup(pkt->dst, pkt->dst_port, pkt->proto, is_v6, false);
	int reason, quic = -1;

	if (!vip)
		return SHUNT_REASON_NOT_VIP;
	reason = check_sender(pkt->to_group, pkt->src, pkt->dst, is_v6);
	if (reason != NEXT)
		return reason;
	s->ring_hash = ring_flow_hash(pkt->src, pkt->dst, ring_ports(pkt), pkt->proto, vip, is_v6);
	s->pkt.hash = s->ring_hash;
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
	return reason == NEXT ? check_sender(s->pkt.to_group, s->pkt.src, s->pkt.dst, is_v6) : reason;
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

	if (reason == NEXT)
		reason = check_choice(s->pkt.dest, s->pkt.ip_len, s->pkt.ttl, &dest);
	if (reason == SHUNT_REASON_NO_BACKEND)
		reason = slow_wake(ctx, s, is_v6);
	if (s->fragment.kind == FRAGMENT_FIRST)
		fragment_remember(s, reason, is_v6);
	if (reason == SHUNT_REASON_TOO_BIG && dest && !s->is_icmp && !from_vip(s, is_v6))
		reason = too_big(ctx, &s->pkt, (int)dest->mtu - (int)encap_len(dest), is_v6);
	if (reason != NEXT || !dest)
		return count_reason(reason, s->pkt.frame_len);
	return deliver(ctx, s->pkt.l3_off, s->pkt.frame_len, s->pkt.hash, s->pkt.dest, dest, is_v6);
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

/* TCP's flags in an untagged packet that parse.h has seen; negative: they are not in the frame's first buffer. Looked for anew, so that the plain packet
 * need not remember where they are. */
static __noinline int tcp_flags(struct xdp_md *ctx, bool is_v6)
{
	void *ip = (void *)(long)ctx->data + ETH_LEN, *end = (void *)(long)ctx->data_end;
	void *flags = ip + ip_header_len(is_v6) + CONN_TCP_FLAGS_AT;

	return flags + 1 > end ? -1 : *(const __u8 *)flags;
}

/* A slot that is DIRTY: a destination or 0; LEAVE. tagged() has no room on the stack for more. */
static __always_inline int choose_dirty(struct xdp_md *ctx, const struct plain *p, const struct shunt_vip *vip,
					__u64 *slot, __u64 word, __u64 hash, bool is_v6, bool is_tagged)
{
	enum conn_kind kind = conn_udp_kind(vip->flags);
	int flags;

	if (is_tagged)
		return LEAVE;
	if (conn_is_rehash(vip->flags, p->proto))
		return shunt_slot_current(word);
	if (p->proto == IPPROTO_TCP) {
		flags = tcp_flags(ctx, is_v6);
		if (flags < 0)
			return LEAVE;
		kind = conn_tcp_kind(flags);
	}
	return conn_dirty(slot, hash, kind, vip);
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

/* A destination, 0 for none, or LEAVE. */
static __always_inline int choose(struct xdp_md *ctx, const struct plain *p, const struct shunt_vip *vip, __u64 hash,
				  bool is_v6, bool is_tagged)
{
	__u64 *slot = ring_slot(vip->ring_base, vip->ring_size, hash), word;

	if (!slot)
		return 0;
	word = conn_load(slot);
	if (unlikely(word & SHUNT_SLOT_DIRTY))
		return choose_dirty(ctx, p, vip, slot, word, hash, is_v6, is_tagged);
	return shunt_slot_current(word);
}

/* An XDP action, or LEAVE. */
static __always_inline int balance(struct xdp_md *ctx, struct plain *p, bool is_v6, bool is_tagged)
{
	const struct shunt_vip *vip;
	const struct shunt_dest *dest;
	int reason, chosen;
	__u64 hash;

	if (!parse(p, is_v6))
		return LEAVE;
	vip = vip_lookup(ip_dst(p->ip, is_v6), p->ports >> 16, p->proto, is_v6, is_tagged);
	if (!vip)
		return is_tagged && vip_has_ranges() ? LEAVE : count_reason(SHUNT_REASON_NOT_VIP, p->frame_len);
	reason = check_sender(is_group(p->frame), ip_src(p->ip, is_v6), ip_dst(p->ip, is_v6), is_v6);
	if (reason != NEXT)
		return count_reason(reason, p->frame_len);
	if (unlikely(vip->flags & SHUNT_VIP_SPECIAL))
		return LEAVE;
	hash = ring_flow_hash(ip_src(p->ip, is_v6), ip_dst(p->ip, is_v6), p->ports, p->proto, vip, is_v6);
	chosen = choose(ctx, p, vip, hash, is_v6, is_tagged);
	if (unlikely(chosen <= 0)) {
		reason = chosen == LEAVE || is_tagged ? LEAVE : nobody(ctx, vip, p->proto == IPPROTO_TCP, is_v6);
		return reason == LEAVE ? LEAVE : count_reason(reason, p->frame_len);
	}
	reason = check_choice(chosen, p->ip_len, ip_ttl(p->ip, is_v6), &dest);
	if (reason != NEXT || !dest)
		return reason == SHUNT_REASON_TOO_BIG ? LEAVE : count_reason(reason, p->frame_len);
	return deliver(ctx, p->l3_off, p->frame_len, hash, chosen, dest, is_v6);
}

/* Where the packet says nothing of how long it is: a frame may be longer than what data_end shows of it. */
static __always_inline int count_whole(struct xdp_md *ctx, int reason)
{
	return count_reason(reason, bpf_xdp_get_buff_len(ctx));
}

/* An XDP action, or SLOW. */
static __always_inline int take(struct xdp_md *ctx, struct plain *p, bool is_v6, bool is_tagged)
{
	int action;

	p->ip = p->frame + p->l3_off;
	action = balance(ctx, p, is_v6, is_tagged);
	return action == LEAVE ? SLOW(p->l3_off, is_v6) : action;
}

/* A copy of the plain path, so that untagged packets find their headers at constant offsets: it saves them 1 to 2 ns. */
static __noinline int tagged(struct xdp_md *ctx)
{
	struct plain p = {.frame = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end};
	int found;

	found = vlan_walk(ctx);
	if (found < 0)
		return count_whole(ctx, ~found);
	if (p.frame + ETH_LEN > p.end)
		return XDP_PASS; /* never: tags are behind it */
	p.l3_off = VLAN_FOUND_L3_OFF(found);
	p.frame_len = p.end - p.frame;
	if (VLAN_FOUND_PROTO(found) == bpf_htons(ETH_P_IP))
		return take(ctx, &p, false, true);
	if (VLAN_FOUND_PROTO(found) == bpf_htons(ETH_P_IPV6))
		return take(ctx, &p, true, true);
	return count_whole(ctx, SHUNT_REASON_NOT_IP);
}

/* Tags, what is not IP, and what is so short that nobody has looked. */
static __noinline int odd(struct xdp_md *ctx)
{
	const void *frame = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__be16 proto;

	if (frame + ETH_LEN > end)
		return count_whole(ctx, SHUNT_REASON_TRUNCATED);
	proto = *(const __be16 *)(frame + ETH_LEN - sizeof(proto));
	if (vlan_is_tag(proto))
		return tagged(ctx);
	if (proto == bpf_htons(ETH_P_IP) || proto == bpf_htons(ETH_P_IPV6))
		return SLOW(ETH_LEN, proto == bpf_htons(ETH_P_IPV6));
	return count_whole(ctx, SHUNT_REASON_NOT_IP);
}

static __always_inline int plain(struct xdp_md *ctx)
{
	struct plain p = {.frame = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end, .l3_off = ETH_LEN};
	__be16 proto;

	p.frame_len = p.end - p.frame;
	if (!unlikely(p.frame + ETH_LEN + sizeof(struct iphdr) + L4_MIN > p.end)) {
		proto = *(const __be16 *)(p.frame + ETH_LEN - sizeof(proto));
		if (proto == bpf_htons(ETH_P_IP))
			return take(ctx, &p, false, false);
		if (proto == bpf_htons(ETH_P_IPV6))
			return take(ctx, &p, true, false);
	}
	return odd(ctx);
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
