/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A packet for whom no backend is there. Perhaps those of its ring are asleep: then whatever begins something (a SYN, a UDP packet) is told to
 * the daemon, which wakes them, and the client's own retransmissions find them awake. Nobody is refused meanwhile.
 *
 * The daemon is told of a ring at most once a second, and by a CPU WAKE_RATE times: a flood to what sleeps is no burden.
 */
#ifndef SHUNT_BPF_WAKE_H
#define SHUNT_BPF_WAKE_H

#include <stddef.h>

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "icmp_reply.h"
#include "maps.h"
#include "packet.h"

#define WAKE_RATE 100
#define WAKE_EVERY 1000000000ull /* ns */

#define WAKE_IS_V6 1
#define WAKE_BEGINS 2 /* something, so that it is worth waking for */

/* Is it this packet's to tell? */
static __always_inline bool wake_is_due(__u64 *told_at)
{
	__u64 before = *(volatile __u64 *)told_at, now = bpf_ktime_get_ns();

	if (before && now - before < WAKE_EVERY)
		return false;
	return __sync_val_compare_and_swap(told_at, before, now) == before && take_token(&wake_limit, WAKE_RATE);
}

/* how: WAKE_*. Why the packet goes no further. Apart from its callers for the sake of the stack. */
static __noinline int wake(struct xdp_md *ctx, __u32 ring_base, __u32 l3_off, __u32 how)
{
	__u64 *told_at = bpf_map_lookup_elem(&wake_rings, &ring_base);
	struct shunt_event event = {.kind = SHUNT_EVENT_WAKE, .ring_base = ring_base};
	long rc;

	if (!told_at)
		return SHUNT_REASON_NO_BACKEND;
	if (!(how & WAKE_BEGINS) || !wake_is_due(told_at))
		return SHUNT_REASON_ASLEEP;
	event.family = how & WAKE_IS_V6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4;
	if (how & WAKE_IS_V6)
		rc = bpf_xdp_load_bytes(ctx, l3_off + offsetof(struct ipv6hdr, saddr), event.source, 16);
	else
		rc = bpf_xdp_load_bytes(ctx, l3_off + offsetof(struct iphdr, saddr), event.source, 4);
	if (!rc)
		bpf_ringbuf_output(&event_ring, &event, sizeof(event), 0);
	return SHUNT_REASON_ASLEEP;
}

#endif
