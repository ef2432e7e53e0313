/* SPDX-License-Identifier: GPL-2.0 */
/* The one exit: every packet is counted once, at its destination or at its reason. */
#ifndef SHUNT_BPF_COUNT_H
#define SHUNT_BPF_COUNT_H

#include "maps.h"

/* Counters are per CPU and XDP does not migrate or nest: plain additions. */
static __always_inline void count(void *map, __u32 *index, __u32 bytes)
{
	struct shunt_counter *counter = bpf_map_lookup_elem(map, index);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}

/* Not forwarded: the action is the reason's, from the table in reasons.h. */
static __always_inline int count_reason(int reason, __u32 frame_len)
{
	const __u64 pass = 0
#define X(e, name, action, text) | (__u64)(XDP_##action == XDP_PASS) << SHUNT_REASON_##e
		SHUNT_REASONS(X)
#undef X
		;
	const __u64 tx = 0
#define X(e, name, action, text) | (__u64)(XDP_##action == XDP_TX) << SHUNT_REASON_##e
		SHUNT_REASONS(X)
#undef X
		;
	_Static_assert(SHUNT_REASON_MAX <= 64, "one bit a reason");

	__u32 index = reason;

	count(&shunt_rstat, &index, frame_len);
	if (pass >> (reason & 63) & 1)
		return XDP_PASS;
	return tx >> (reason & 63) & 1 ? XDP_TX : XDP_DROP;
}

#endif
