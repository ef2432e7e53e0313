/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parsing: IPv6 extension headers (RFC 8200, section 4; AH: RFC 4302) between the IPv6 header and what it carries.
 *
 * Options are not looked at: a packet goes to a backend whole, which does what they ask. What must be known is where the
 * chain ends and that this node may look behind it: not if it is a fragment other than the first, whose bytes are from the middle
 * of the datagram, nor if a routing header says that the destination is a stop on the way. A fragment header with neither offset nor
 * more to come (RFC 6946) is like any other. Hop-by-hop options stand first or not at all. Longer chains than anybody has a use
 * for are not followed: each header costs time before it is known whether the packet is for a VIP.
 */
#ifndef SHUNT_BPF_EXT6_H
#define SHUNT_BPF_EXT6_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>

#include "packet.h"

#define EXT6_HEADERS 6
#define EXT6_BYTES 256
#define EXT6_OFF_MASK 511 /* a quote begins before that: behind two tags, two headers and as many extension headers */

/* The first bytes of all of them; the least that one is long. */
struct ext6 {
	__u8 next;
	__u8 units; /* length in units, see ext6_len() */
	union {
		struct {
			__u8 routing_type, segments_left; /* routing header */
		};
		__be16 offset_more; /* fragment header: EXT6_OFFSET, EXT6_MORE */
	};
	__be32 id; /* fragment header */
};

#define EXT6_OFFSET 0xfff8 /* bytes */
#define EXT6_MORE 1

/* What ext6_walk() found: what the packet carries, behind how many bytes of extension headers. In a first fragment the chain may end
 * before its end: then an extension header is what it carries. And, of a fragment, where among them the fragment header is. */
#define EXT6_FOUND(len, proto) ((int)(len) << 8 | (proto))
#define EXT6_FRAGMENT(len) (1 << 30 | (int)(len) << 17)
#define EXT6_FOUND_LEN(found) ((__u32)(found) >> 8 & 511)
#define EXT6_FOUND_FRAGMENT(found) ((__u32)(found) >> 17 & 511)
#define EXT6_IS_FRAGMENT(found) ((found) >> 30 & 1)
#define EXT6_LATER (1 << 29) /* a fragment other than the first */
#define EXT6_IS_LATER(found) ((found) >> 29 & 1)
#define EXT6_FOUND_PROTO(found) ((__u8)(found))

static __always_inline bool ext6_is_extension(__u8 proto)
{
	switch (proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_AH:
	case IPPROTO_FRAGMENT:
	case IPPROTO_MH:
		return true;
	default:
		return false;
	}
}

static __always_inline __u32 ext6_len(__u8 proto, const struct ext6 *ext)
{
	switch (proto) {
	case IPPROTO_AH:
		return (ext->units + 2) * 4;
	case IPPROTO_FRAGMENT: /* where others have units it has zeroes that nobody must look at */
		return sizeof(*ext);
	default:
		return (ext->units + 1) * 8;
	}
}

/* May this node look behind the header? first: no other extension header is before it. */
static __always_inline int ext6_check(__u8 proto, const struct ext6 *ext, bool first)
{
	if (proto == IPPROTO_MH || (proto == IPPROTO_HOPOPTS && !first))
		return SHUNT_REASON_EXT_HEADER;
	if (proto == IPPROTO_ROUTING && ext->segments_left)
		return SHUNT_REASON_SEGMENTS_LEFT;
	return NEXT;
}

/* For an IPv6 header at l3_off, the packet's own or one that an error quotes: EXT6_FOUND, or the reason's complement, which is negative. Only packets whose first
 * next header is neither TCP nor UDP come here: scalars in and out keep the others' struct packet in registers. */
static __noinline int ext6_walk(const struct xdp_md *ctx, __u32 l3_off)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct ipv6hdr *ip = data + (l3_off & EXT6_OFF_MASK);
	__u32 len = 0, room;
	int fragment = 0; /* EXT6_FRAGMENT, if it is one */
	__u8 proto;

	if ((const void *)(ip + 1) > end)
		return ~SHUNT_REASON_TRUNCATED;
	proto = ip->nexthdr;
	room = bpf_ntohs(ip->payload_len);
#pragma clang loop unroll(disable)
	for (int headers = 0; headers <= EXT6_HEADERS; headers++) {
		const struct ext6 *ext = (const void *)(ip + 1) + len;
		int reason;

		if (!ext6_is_extension(proto))
			return fragment | EXT6_FOUND(len, proto);
		if (len + sizeof(*ext) > room)
			return fragment ? fragment | EXT6_FOUND(len, proto) : ~SHUNT_REASON_BAD_HEADER;
		if ((const void *)(ext + 1) > end)
			return ~SHUNT_REASON_TRUNCATED;
		reason = ext6_check(proto, ext, !headers);
		if (reason != NEXT)
			return ~reason;
		if (proto == IPPROTO_FRAGMENT && ext->offset_more & bpf_htons(EXT6_OFFSET | EXT6_MORE)) {
			if (fragment)
				return ~SHUNT_REASON_EXT_HEADER;
			fragment = EXT6_FRAGMENT(len);
			if (ext->offset_more & bpf_htons(EXT6_OFFSET))
				fragment |= EXT6_LATER;
		}
		len += ext6_len(proto, ext);
		if (len > EXT6_BYTES || headers == EXT6_HEADERS)
			break;
		proto = ext->next;
		if (fragment & EXT6_LATER)
			return fragment | EXT6_FOUND(len, proto);
	}
	return ~SHUNT_REASON_EXT_LIMIT;
}

#endif
