/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage, cold: is it for a VIP of several ports or addresses? Asked only where the flat table has no entry, and only while there are
 * such VIPs. Two binary searches, in spans of addresses and then in ranges of ports; which VIP is the most specific the daemon has
 * worked out (user/lib/match.h).
 *
 * The function is global, so that verifiers look at it once and not at each call. Scalars in and out: the caller's struct packet stays
 * in registers.
 */
#ifndef SHUNT_BPF_MATCH_H
#define SHUNT_BPF_MATCH_H

#include <linux/in.h>

#include "knobs.h"
#include "maps.h"
#include "packet.h"

#define SPAN_STEPS 22  /* 2^21 spans and "before the first" */
#define RANGE_STEPS 17 /* 2^16 ranges, likewise */
_Static_assert(SHUNT_SPANS_MAX < 1u << SPAN_STEPS, "all spans can be found");

/* Among the spans from..end-1, behind the last that begins at or before the address. Indexes are absolute and there are no others
 * than these two: the stack is short. */
static __always_inline __u32 match_span(__u64 high, __u64 low, __u32 from, __u32 end)
{
#pragma clang loop unroll(disable)
	for (int step = 0; step < SPAN_STEPS && from < end; step++) {
		__u32 middle = from + (end - from) / 2;
		const struct shunt_span *span = bpf_map_lookup_elem(&shunt_spans, &middle);

		if (!span)
			break;
		if (span->high < high || (span->high == high && span->low <= low))
			from = middle + 1;
		else
			end = middle;
	}
	return from;
}

/* Among the ranges from..end-1, what the one that has the port says; SHUNT_SPAN_NONE: none has. */
static __always_inline __u32 match_range(__u16 port, __u32 from, __u32 end)
{
#pragma clang loop unroll(disable)
	for (int step = 0; step < RANGE_STEPS && from < end; step++) {
		__u32 middle = from + (end - from) / 2;
		const struct shunt_range *range = bpf_map_lookup_elem(&shunt_ranges, &middle);

		if (!range)
			break;
		if (port < range->first)
			end = middle;
		else if (port > range->last)
			from = middle + 1;
		else
			return range->vip;
	}
	return SHUNT_SPAN_NONE;
}

/* a0, a1: the address's halves as they lie in memory; key: vip_key(). The index of an entry of shunt_vips, or -1. */
__noinline int match_find(__u64 a0, __u64 a1, __u32 key, __u32 half)
{
	union {
		__u32 word;
		struct {
			__be16 port;
			__u8 proto, family;
		} part;
	} wanted = {.word = key};
	bool is_v6 = wanted.part.family == SHUNT_FAMILY_IPV6, is_udp = wanted.part.proto == IPPROTO_UDP;
	bool is_icmp = !is_udp && wanted.part.proto != IPPROTO_TCP;
	__u64 high = is_v6 ? bpf_be64_to_cpu(a0) : 0;
	__u64 low = is_v6 ? bpf_be64_to_cpu(a1) : 0xffffull << 32 | bpf_ntohl((__u32)a0);
	const struct shunt_span *span;
	__u32 base, at, vip;

	if (is_v6 && !high && low >> 32 == 0xffff) /* where IPv4 lies */
		return -1;
	half = half ? 1 : 0;
	base = half * shunt_control.span_slots;
	at = match_span(high, low, base, base + shunt_control.vip_spans[half]);
	if (at == base)
		return -1;
	at--;
	span = bpf_map_lookup_elem(&shunt_spans, &at);
	if (!span)
		return -1;
	vip = span->vip;
	if (!is_icmp) {
		base = half * shunt_control.range_slots + span->first[is_udp];
		vip = match_range(bpf_ntohs(wanted.part.port), base, base + span->count[is_udp]);
	}
	return vip == SHUNT_SPAN_NONE ? -1 : (int)(half * knob_vip_slots + vip);
}

#endif
