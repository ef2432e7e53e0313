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

static __always_inline int ring_choose(struct packet *pkt, const struct shunt_vip *vip, bool is_v6)
{
	__u32 ports = pkt->src_port | (__u32)pkt->dst_port << 16;
	const volatile __u64 *word;
	__u32 slot;

	pkt->hash = shunt_flow_hash(&knob_hash_keys, pkt->src, pkt->dst, ports, vip->salt ^ pkt->proto, is_v6);
	slot = vip->ring_base + shunt_tag_slot(shunt_flow_tag(pkt->hash), vip->ring_size);
	word = bpf_map_lookup_elem(&shunt_rings, &slot);
	pkt->dest = word ? shunt_slot_current(*word) : 0;
	return pkt->dest ? NEXT : SHUNT_REASON_NO_BACKEND;
}

#endif
