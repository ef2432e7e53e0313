/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The slow path: what the plain one does not take is parsed again here, with everything that IP allows.
 *
 * The plain path (parse.h) knows TCP and UDP right behind an IP header, in the first piece of a frame's memory, with offsets that are
 * constants. All else comes here: extension headers, fragments, ICMP, packets that do not fit, frames in several buffers, and services that choose by more
 * than the ring and the whole flow. Lengths and offsets are variables here, bytes are
 * fetched by a helper, which also finds them in a frame's later pieces, and what is known of the packet lies in a map of
 * one entry a CPU: the stack of all functions that call one another is 512 bytes together, and the plain path's take their share.
 */
#ifndef SHUNT_BPF_SLOW_H
#define SHUNT_BPF_SLOW_H

#include "conn.h"
#include "ext6.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"

/* What the plain path answers to have a packet taken here, where its IP header is and of which version. Neither an XDP action nor NEXT. */
#define SLOW(l3_off, is_v6) (-((int)(l3_off) << 1 | (is_v6)))
#define SLOW_L3_OFF(where) ((__u32) - (where) >> 1)
#define SLOW_IS_V6(where) (-(where)&1)

/* This CPU's memory, with what is known of the packet at hand. */
static __always_inline struct slow *slow_again(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&slow_packet, &zero);
}

/* The same, for a packet of which only this is known. */
static __always_inline struct slow *slow_memory(struct xdp_md *ctx, __u32 l3_off)
{
	struct slow *s = slow_again();
	__u8 first;

	if (!s)
		return NULL;
	s->pkt.frame_len = bpf_xdp_get_buff_len(ctx);
	s->pkt.l3_off = l3_off;
	s->pkt.to_group = !bpf_xdp_load_bytes(ctx, 0, &first, sizeof(first)) && is_group(&first);
	s->pkt.dest = 0;
	s->is_icmp = false;
	return s;
}

static __always_inline void slow_fragment(struct slow *s, __u32 offset, bool more)
{
	s->fragment.offset = offset;
	s->fragment.more = more;
	s->fragment.kind = offset ? FRAGMENT_LATER : more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

static __always_inline int slow_ipv4(struct xdp_md *ctx, struct slow *s)
{
	struct packet *pkt = &s->pkt;
	struct iphdr ip;

	if (bpf_xdp_load_bytes(ctx, pkt->l3_off, &ip, sizeof(ip)))
		return SHUNT_REASON_TRUNCATED;
	if (ip.version != 4 || ip.ihl < 5)
		return SHUNT_REASON_BAD_HEADER;
	pkt->proto = ip.protocol;
	pkt->src[0] = ip.saddr;
	pkt->dst[0] = ip.daddr;
	pkt->ttl = ip.ttl;
	pkt->ip_len = bpf_ntohs(ip.tot_len);
	s->at = pkt->l3_off + ip.ihl * 4;
	slow_fragment(s, (bpf_ntohs(ip.frag_off) & IPV4_OFFSET_BITS) * 8, ip.frag_off & bpf_htons(IPV4_MORE));
	s->fragment.id = ip.id;
	s->fragment.at = s->at;
	s->has_options = ip.ihl > 5;
	return NEXT;
}

static __always_inline int slow_fragment6(struct xdp_md *ctx, struct slow *s, __u32 at)
{
	struct ext6 header;

	if (bpf_xdp_load_bytes(ctx, at, &header, sizeof(header)))
		return SHUNT_REASON_TRUNCATED;
	slow_fragment(s, bpf_ntohs(header.offset_more) & EXT6_OFFSET, header.offset_more & bpf_htons(EXT6_MORE));
	s->fragment.id = header.id;
	s->fragment.at = at + sizeof(header);
	return NEXT;
}

static __always_inline int slow_ipv6(struct xdp_md *ctx, struct slow *s)
{
	struct packet *pkt = &s->pkt;
	struct ipv6hdr ip;
	int found;

	if (bpf_xdp_load_bytes(ctx, pkt->l3_off, &ip, sizeof(ip)))
		return SHUNT_REASON_TRUNCATED;
	if (ip.version != 6)
		return SHUNT_REASON_BAD_HEADER;
	found = ext6_walk(ctx, pkt->l3_off);
	if (found < 0)
		return ~found;
	pkt->proto = EXT6_FOUND_PROTO(found);
	__builtin_memcpy(pkt->src, &ip.saddr, sizeof(pkt->src));
	__builtin_memcpy(pkt->dst, &ip.daddr, sizeof(pkt->dst));
	pkt->ttl = ip.hop_limit;
	pkt->ip_len = bpf_ntohs(ip.payload_len) + sizeof(ip);
	s->at = pkt->l3_off + sizeof(ip) + EXT6_FOUND_LEN(found);
	s->has_options = EXT6_FOUND_LEN(found);
	s->fragment.kind = FRAGMENT_NONE;
	if (EXT6_IS_FRAGMENT(found))
		return slow_fragment6(ctx, s, pkt->l3_off + sizeof(ip) + EXT6_FOUND_FRAGMENT(found));
	return NEXT;
}

/* Up to and without the header behind IP's, which s->at is the place of. */
static __always_inline int slow_ip(struct xdp_md *ctx, struct slow *s, bool is_v6)
{
	int reason = is_v6 ? slow_ipv6(ctx, s) : slow_ipv4(ctx, s);

	s->end = s->pkt.l3_off + s->pkt.ip_len;
	return reason;
}

/* What UDP says is its own, len: its header at least, and no more than IP has; of a fragment, the rest is still to come. */
static __always_inline int slow_udp_len(struct slow *s, __u32 len)
{
	__u32 room = s->end - s->at;

	if (len < L4_MIN || (len > room && s->fragment.kind == FRAGMENT_NONE))
		return SHUNT_REASON_BAD_HEADER;
	s->l4_end = s->at + (len < room ? len : room);
	return NEXT;
}

/* Of a packet that slow_ports() has seen. Read when asked for: a call that only packets of dirty slots need. */
static __always_inline enum conn_kind slow_tcp_kind(struct xdp_md *ctx, const struct slow *s)
{
	__u8 flags;

	if (bpf_xdp_load_bytes(ctx, s->at + CONN_TCP_FLAGS_AT, &flags, sizeof(flags)))
		return CONN_DATA; /* never: they are within its length */
	return conn_tcp_kind(flags);
}

static __always_inline int slow_ports(struct xdp_md *ctx, struct slow *s)
{
	__u32 l4_min = s->pkt.proto == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);
	__be16 word[4]; /* ports; UDP's length */

	if (s->at + l4_min > s->end)
		return SHUNT_REASON_BAD_HEADER;
	if (s->end > s->pkt.frame_len || bpf_xdp_load_bytes(ctx, s->at, word, sizeof(word)))
		return SHUNT_REASON_TRUNCATED;
	s->pkt.src_port = word[0];
	s->pkt.dst_port = word[1];
	return s->pkt.proto == IPPROTO_UDP ? slow_udp_len(s, bpf_ntohs(word[2])) : NEXT;
}

#endif
