/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: which destination? The flow's hash gives a slot of the ring, whose word is read with one atomic load. A clean slot decides
 * alone; of one that is DIRTY the connection table is asked (conn.h).
 */
#ifndef SHUNT_BPF_RING_H
#define SHUNT_BPF_RING_H

#include "knobs.h"
#include "maps.h"
#include "packet.h"

static __always_inline __u32 ring_ports(const struct packet *pkt)
{
	return pkt->src_port | (__u32)pkt->dst_port << 16;
}

/* ports: as ring_ports() has them. */
static __always_inline __u64 ring_flow_hash(const __be32 *src, const __be32 *dst, __u32 ports, __u8 proto,
					    const struct shunt_vip *vip, bool is_v6)
{
	__u64 part = vip->hash;

	if (unlikely(!part))
		part = shunt_hash_vip(&knob_hash_keys, dst, vip->salt ^ proto, is_v6);
	return shunt_hash_client(&knob_hash_keys, src, dst, ports, part, is_v6);
}

static __always_inline __u64 *ring_slot(__u32 ring_base, __u32 ring_size, __u64 hash)
{
	__u32 slot = ring_base + shunt_tag_slot(shunt_flow_tag(hash), ring_size);

	return bpf_map_lookup_elem(&shunt_rings, &slot);
}

#endif
