/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: which destination? The ring alone decides: the slot's word is read with one atomic load.
 *
 * The daemon of this version writes clean slots only (current == anchor), so no packet reads shunt_conns; slots that are
 * DIRTY, and with them the table, come with connection tracking (docs/design.md, "What is not there yet").
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

static __always_inline __u64 ring_flow_hash(const struct packet *pkt, const struct shunt_vip *vip, bool is_v6)
{
	return shunt_flow_hash(&knob_hash_keys, pkt->src, pkt->dst, ring_ports(pkt), vip->salt ^ pkt->proto, is_v6);
}

/* The destination that new connections with this hash have, by the ring that begins here. */
static __always_inline int ring_look_at(struct packet *pkt, __u32 ring_base, __u32 ring_size, __u64 hash)
{
	__u32 slot = ring_base + shunt_tag_slot(shunt_flow_tag(hash), ring_size);
	const volatile __u64 *word = bpf_map_lookup_elem(&shunt_rings, &slot);

	pkt->dest = word ? shunt_slot_current(*word) : 0;
	return pkt->dest ? NEXT : SHUNT_REASON_NO_BACKEND;
}

static __always_inline int ring_look(struct packet *pkt, const struct shunt_vip *vip, __u64 hash)
{
	return ring_look_at(pkt, vip->ring_base, vip->ring_size, hash);
}

static __always_inline int ring_choose(struct packet *pkt, const struct shunt_vip *vip, bool is_v6)
{
	pkt->hash = ring_flow_hash(pkt, vip, is_v6);
	return ring_look(pkt, vip, pkt->hash);
}

#endif
