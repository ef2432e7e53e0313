/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage of the slow path: the destination, for services that want more of it than a ring and the whole flow (SHUNT_VIP_SPECIAL).
 *
 * Hash inputs: the slot comes from a part of the flow. The packet's hash, from which the outer source and flow label are, stays
 * that of the whole flow all the same: a backend's receive queues share the load of one client, too.
 */
#ifndef SHUNT_BPF_SPECIAL_H
#define SHUNT_BPF_SPECIAL_H

#include "packet.h"
#include "ring.h"

static __noinline int special_choose(struct slow *s, const struct shunt_vip *vip, bool is_v6)
{
	struct packet *pkt = &s->pkt;
	__u32 inputs = vip->flags & SHUNT_HASH_INPUTS;
	__u64 hash;

	hash = pkt->hash = ring_flow_hash(pkt, vip, is_v6);
	if (inputs)
		hash = shunt_input_hash(&knob_hash_keys, pkt->src, pkt->dst, ring_ports(pkt), vip->salt, pkt->proto,
					inputs, vip->hash_prefix, is_v6);
	return ring_look(pkt, vip, hash);
}

#endif
