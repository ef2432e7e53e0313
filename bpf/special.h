/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage of the slow path: the destination, for services that want more of it than a ring and the whole flow (SHUNT_VIP_SPECIAL).
 *
 * Source lists: who is not to be served is dropped, who is to go to a pool has that pool's ring. An ICMP error's source is that of the
 * flow that it is about.
 *
 * Hash inputs: the slot comes from a part of the flow. The packet's hash, from which the outer source and flow label are, stays
 * that of the whole flow all the same: a backend's receive queues share the load of one client, too.
 */
#ifndef SHUNT_BPF_SPECIAL_H
#define SHUNT_BPF_SPECIAL_H

#include "packet.h"
#include "ring.h"

/* SHUNT_SOURCE_*. */
static __always_inline __u32 source_action(const struct packet *pkt, const struct shunt_vip *vip, bool is_v6)
{
	struct shunt_source_key key = {.prefix_len = 32 + (is_v6 ? 128 : 32), .list = vip->sources + is_v6};
	const __u32 *action;

	key.addr[0] = pkt->src[0];
	if (is_v6)
		__builtin_memcpy(key.addr, pkt->src, sizeof(key.addr));
	action = bpf_map_lookup_elem(&shunt_sources, &key);
	return action ? *action : SHUNT_SOURCE_DENY;
}

/* The hash that its slot is from, of a service that hashes only a part of the flow. */
static __always_inline __u64 special_hash(const struct packet *pkt, const struct shunt_vip *vip, bool is_v6)
{
	return shunt_input_hash(&knob_hash_keys, pkt->src, pkt->dst, ring_ports(pkt), vip->salt, pkt->proto,
				vip->flags & SHUNT_HASH_INPUTS,
				is_v6 ? vip->hash_prefix >> 8 & 255 : vip->hash_prefix & 255, is_v6);
}

/* Which ring, and which hash for it: NEXT, or why the source is not served. */
static __noinline int special_choose(struct slow *s, const struct shunt_vip *vip, bool is_v6)
{
	if (vip->flags & SHUNT_VIP_SOURCES) {
		__u32 action = source_action(&s->pkt, vip, is_v6);

		if (action == SHUNT_SOURCE_DENY)
			return SHUNT_REASON_SOURCE_DENIED;
		if (action >= SHUNT_SOURCE_RING)
			s->ring_base = action - SHUNT_SOURCE_RING;
	}
	if (vip->flags & SHUNT_HASH_INPUTS)
		s->ring_hash = special_hash(&s->pkt, vip, is_v6);
	return NEXT;
}

#endif
