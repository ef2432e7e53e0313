/* SPDX-License-Identifier: GPL-2.0 */
/* Stage: is it for a VIP? One probe of the flat table for nearly every packet, hit or miss; what it misses may be in a range (match.h). */
#ifndef SHUNT_BPF_SERVICE_H
#define SHUNT_BPF_SERVICE_H

#include <linux/in.h>

#include "knobs.h"
#include "maps.h"
#include "match.h"
#include "packet.h"

/* The word that port, proto and family make in struct shunt_vip, as it lies there. 0 in an empty entry. */
static __always_inline __u32 vip_key(__be16 port, __u8 proto, __u8 family)
{
	union {
		struct {
			__be16 port;
			__u8 proto, family;
		} part;
		__u32 word;
	} key = {.part = {port, proto, family}};

	return key.word;
}

/* low, high: the address's halves as they lie in memory; high is 0 for IPv4, in entries, too. */
static __always_inline bool vip_is(const struct shunt_vip *vip, __u64 low, __u64 high, __u32 key, bool is_v6)
{
	const __u64 *addr = (const __u64 *)vip->addr;

	return *(const __u32 *)&vip->port == key && addr[0] == low && (!is_v6 || addr[1] == high);
}

/* Where the entry that was looked at first is another's: the index of the one, or -1. index: of that first one. Apart, since it
 * hardly ever comes to this: the loop's variables would be kept in memory by all packets. Global, so that verifiers look at it once. */
__noinline int vip_probe(__u64 low, __u64 high, __u32 key, __u32 index)
{
	__u32 mask = knob_vip_slots - 1, base = index & knob_vip_slots;

#pragma clang loop unroll(disable)
	for (int probe = 1; probe < SHUNT_VIP_PROBES; probe++) {
		__u32 at = base + ((index + probe) & mask);
		const struct shunt_vip *vip = bpf_map_lookup_elem(&shunt_vips, &at);

		if (!vip || !*(const __u32 *)&vip->port)
			return -1;
		if (vip_is(vip, low, high, key, true))
			return (int)at;
	}
	return -1;
}

/* In the flat table, whose entry at *index is the first to be looked at. */
static __always_inline const struct shunt_vip *vip_find_entry(__u64 low, __u64 high, __u32 key, __u32 *index,
							      bool is_v6)
{
	const struct shunt_vip *vip = bpf_map_lookup_elem(&shunt_vips, index);
	int other;

	if (!vip || !*(const __u32 *)&vip->port)
		return NULL;
	if (!unlikely(!vip_is(vip, low, high, key, is_v6)))
		return vip;
	other = vip_probe(low, high, key, *index);
	return other < 0 ? NULL : bpf_map_lookup_elem(&shunt_vips, &other);
}

/* What the flat table does not have. */
static __always_inline const struct shunt_vip *vip_match(__u64 low, __u64 high, __u32 key, __u32 half)
{
	int index = match_find(low, high, key, half);

	return index < 0 ? NULL : bpf_map_lookup_elem(&shunt_vips, &index);
}

/* is_exact: not in ranges, which take another function's stack. */
static __always_inline const struct shunt_vip *vip_lookup(const __be32 *dst, __be16 port, __u8 proto, bool is_v6,
							  bool is_exact)
{
	__u32 key = vip_key(port, proto, is_v6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4);
	__u64 low = is_v6 ? *(const __u64 *)&dst[0] : dst[0];
	__u64 high = is_v6 ? *(const __u64 *)&dst[2] : 0;
	__u32 slots = knob_vip_slots, half, index;
	const struct shunt_vip *vip;

	/* Read once: the half in force may change at any time, and stays intact until all who saw it are done. Behind the lookup, the index tells it. */
	half = *(const volatile __u32 *)&shunt_control.vip_half & 1;
	index = shunt_vip_slot(low, high, key, shunt_control.vip_multiplier[half], slots - 1) + half * slots;
	vip = vip_find_entry(low, high, key, &index, is_v6);
	if (vip || is_exact || !unlikely(shunt_control.vip_spans[0] | shunt_control.vip_spans[1]))
		return vip;
	return vip_match(low, high, key, index >= slots);
}

/* May a packet that is_exact did not find be in a range? */
static __always_inline bool vip_has_ranges(void)
{
	return shunt_control.vip_spans[0] | shunt_control.vip_spans[1];
}

/* Can it be one host's? IPv6 in ::/32 is unspecified, loopback, IPv4-mapped or reserved (RFC 4291, section 2.4). */
static __always_inline bool is_one_host(const __be32 *addr, bool is_v6)
{
	__u32 first = *(const __u8 *)addr;

	if (is_v6)
		return first != 0xff && addr[0];
	return first - 1 < 223 && first != 127;
}

static __always_inline bool same_address(const __be32 *a, const __be32 *b, bool is_v6)
{
	__be32 differ = a[0] ^ b[0];

	if (is_v6)
		differ |= (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]);
	return !differ;
}

/* No client has such a source; a backend that answered would answer itself, or many (RFC 1122, section 3.2.1.3). */
static __always_inline bool is_martian(const __be32 *src, const __be32 *dst, bool is_v6)
{
	return !is_one_host(src, is_v6) || same_address(src, dst, is_v6);
}

/* The entry of an address, if it is a VIP's. */
static __always_inline const struct shunt_vip *vip_find_address(const __be32 *addr, bool is_v6)
{
	return vip_lookup(addr, 0, is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, is_v6, false);
}

#endif
