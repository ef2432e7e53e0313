/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage of the slow path: fragments. Only the first one of a datagram has the ports. It is balanced like any packet, and where it
 * went is remembered in shunt_frags, under what tells datagrams apart; the others follow. One that comes before its first is dropped
 * and counted: docs/design.md says why, and what the table does in a flood.
 *
 * What is remembered is the destination, not the ring's slot, so the rest of a datagram follows its first fragment whatever becomes
 * of the ring meanwhile. The daemon takes a destination out of the table before it gives its id to another one.
 *
 * An entry is one word, and all CPUs share the table, since a NIC may hand the fragments of a datagram to different ones. Two CPUs
 * that choose the same victim at once overwrite one another: the loser's datagram is forgotten, as if its entry had been the oldest.
 */
#ifndef SHUNT_BPF_FRAGMENT_H
#define SHUNT_BPF_FRAGMENT_H

#include "ext6.h"
#include "knobs.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"
#include "service.h"

#define FRAGMENT_END_MAX 65535

static __always_inline bool fragment_has_ports(__u8 proto)
{
	return proto == IPPROTO_TCP || proto == IPPROTO_UDP;
}

/* RFC 1858, RFC 3128, RFC 7112: who splits the header hides it from filters, who overlaps it changes what they have seen. */
static __always_inline bool fragment_header_whole(const struct slow *s)
{
	__u32 l4_min = s->pkt.proto == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);

	if (s->fragment.kind == FRAGMENT_LATER)
		return s->pkt.proto != IPPROTO_TCP || s->fragment.offset >= l4_min;
	return s->at + l4_min <= s->end; /* not, if it ends among extension headers, which have at least 8 bytes, too */
}

static __always_inline bool fragment_size_good(const struct slow *s)
{
	__u32 size = s->end - s->fragment.at;

	if (s->end <= s->fragment.at || s->fragment.offset + size > FRAGMENT_END_MAX)
		return false;
	return !s->fragment.more || size % 8 == 0;
}

/* Whether the fragments of the datagram may be balanced. Only the first has ports, so it is by the address that they pass. */
static __noinline int fragment_check(struct slow *s, bool is_v6)
{
	bool for_vip = vip_find_address(s->pkt.dst, is_v6);
	__u8 proto = s->pkt.proto;

	if (!fragment_has_ports(proto) && !(is_v6 && ext6_is_extension(proto)))
		return for_vip && proto == (is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) ? SHUNT_REASON_FRAGMENT
										   : SHUNT_REASON_NOT_TCP_UDP;
	if (!for_vip)
		return SHUNT_REASON_NOT_VIP;
	if (s->end > s->pkt.frame_len)
		return SHUNT_REASON_TRUNCATED;
	if (!fragment_size_good(s))
		return SHUNT_REASON_FRAGMENT_SIZE;
	return fragment_header_whole(s) ? NEXT : SHUNT_REASON_FRAGMENT_HEADER;
}

/* What tells datagrams apart. RFC 791: source, destination, protocol and identification; RFC 8200: without the protocol, which
 * only the first fragment has to tell. Keyed, so that nobody can aim at a bucket. */
static __always_inline __u64 fragment_hash(const struct slow *s, bool is_v6)
{
	__u32 what = is_v6 ? IPPROTO_FRAGMENT : s->pkt.proto;

	return shunt_flow_hash(&knob_hash_keys, s->pkt.src, s->pkt.dst, s->fragment.id, what, is_v6);
}

static __always_inline volatile __u64 *fragment_bucket(__u64 hash)
{
	__u32 index = (__u32)hash & (knob_fragment_buckets - 1);
	struct shunt_bucket *bucket = bpf_map_lookup_elem(&shunt_frags, &index);

	return bucket ? bucket->entry : NULL;
}

static __always_inline __u32 fragment_now(void)
{
	return bpf_ktime_get_coarse_ns() >> SHUNT_FRAG_TICK_SHIFT & SHUNT_FRAG_TIME_MASK;
}

static __always_inline bool fragment_is(__u64 word, __u64 hash)
{
	return word & SHUNT_FRAG_USED && (word & ((1u << SHUNT_CONN_TAG_BITS) - 1)) == shunt_flow_tag(hash);
}

/* In ticks; that of an empty entry is above all others. */
static __always_inline __u32 fragment_age(__u64 word, __u32 now)
{
	if (!(word & SHUNT_FRAG_USED))
		return SHUNT_FRAG_TIME_MASK + 1;
	return (now - (__u32)(word >> SHUNT_FRAG_TIME_SHIFT)) & SHUNT_FRAG_TIME_MASK;
}

/* In the place of what is remembered of the same datagram, or of an older one with the same identification; else of the oldest. */
static __always_inline void fragment_store(volatile __u64 *entry, __u64 hash, __u32 dest)
{
	__u32 now = fragment_now(), oldest = 0, victim = 0;

#pragma clang loop unroll(full)
	for (__u32 i = 0; i < SHUNT_CONN_WAYS; i++) {
		__u64 word = entry[i];
		__u32 age = fragment_is(word, hash) ? ~0u : fragment_age(word, now);

		if (age > oldest) {
			oldest = age;
			victim = i;
		}
	}
	entry[victim & (SHUNT_CONN_WAYS - 1)] = shunt_flow_tag(hash) | (__u64)dest << SHUNT_FRAG_DEST_SHIFT |
						SHUNT_FRAG_USED | (__u64)now << SHUNT_FRAG_TIME_SHIFT;
}

/* After a first fragment's destination has been sought, with this result. That it is too big, or the like, is no reason to forget
 * it: this is said of each fragment by itself. */
static __noinline int fragment_remember(struct slow *s, int reason, bool is_v6)
{
	__u64 hash = fragment_hash(s, is_v6);
	volatile __u64 *entry;

	if (!s->pkt.dest && reason != SHUNT_REASON_NOT_VIP)
		return 0;
	entry = fragment_bucket(hash);
	if (entry)
		fragment_store(entry, hash, reason == SHUNT_REASON_NOT_VIP ? 0 : s->pkt.dest);
	s->pkt.hash = hash; /* the outer header's entropy: all fragments take one path, and stay in order */
	return 0;
}

static __noinline int fragment_recall(struct slow *s, bool is_v6)
{
	__u64 hash = fragment_hash(s, is_v6);
	volatile __u64 *entry = fragment_bucket(hash);
	__u32 now = fragment_now();

	s->pkt.hash = hash;
#pragma clang loop unroll(full)
	for (__u32 i = 0; entry && i < SHUNT_CONN_WAYS; i++) {
		__u64 word = entry[i];

		if (fragment_is(word, hash) && fragment_age(word, now) <= SHUNT_FRAG_LIFE) {
			s->pkt.dest = shunt_frag_dest(word);
			return s->pkt.dest ? NEXT : SHUNT_REASON_NOT_VIP;
		}
	}
	return SHUNT_REASON_FRAGMENT_EARLY;
}

#endif
