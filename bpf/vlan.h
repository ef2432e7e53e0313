/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Parsing: VLAN tags (802.1Q, 802.1ad), one or two, in any order. They say how the frame came; whom it is for does not depend on
 * them, so all that is kept is where the IP header begins: VID, priority and DEI are not looked at, a priority tag (VID 0) is a
 * tag like any other. Where a driver has taken a tag out of the frame already, there is none to see here.
 */
#ifndef SHUNT_BPF_VLAN_H
#define SHUNT_BPF_VLAN_H

#include <linux/if_ether.h>

#include "packet.h"

#define VLAN_TAGS 2

struct vlan_tag { /* what follows a tag's EtherType */
	__be16 control, next;
};

/* What vlan_walk() found: at most 16 bits each, so that it is never negative. */
#define VLAN_FOUND(l3_off, proto) ((int)(l3_off) << 16 | (proto))
#define VLAN_FOUND_L3_OFF(found) ((__u32)(found) >> 16 & 31)
#define VLAN_FOUND_PROTO(found) ((__be16)(found))

static __always_inline bool vlan_is_tag(__be16 proto)
{
	return proto == bpf_htons(ETH_P_8021Q) || proto == bpf_htons(ETH_P_8021AD);
}

/* For a frame that holds an Ethernet header: VLAN_FOUND, or the reason's complement, which is negative. Untagged frames
 * never come here: scalars in and out keep their struct packet in registers. */
static __noinline int vlan_walk(const struct xdp_md *ctx)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct vlan_tag *tag = data + ETH_LEN;
	__be16 proto;

	if ((const void *)tag > end)
		return ~SHUNT_REASON_TRUNCATED;
	proto = ((const struct ethhdr *)data)->h_proto;
#pragma clang loop unroll(full)
	for (int tags = 0; tags <= VLAN_TAGS; tags++) {
		if (!vlan_is_tag(proto))
			return VLAN_FOUND(ETH_LEN + tags * sizeof(*tag), proto);
		if ((const void *)(tag + 1) > end)
			return ~SHUNT_REASON_TRUNCATED;
		proto = tag->next;
		tag++;
	}
	return ~SHUNT_REASON_VLAN_DEPTH;
}

#endif
