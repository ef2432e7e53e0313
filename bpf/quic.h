/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage of the slow path: which backend does a QUIC packet's connection id name? (draft-ietf-quic-load-balancers-21,
 * server ids in clear; RFC 8999 and 9000 for the headers.)
 *
 * Who made the destination connection id decides. Short headers and Handshake packets carry one that the server made:
 * they follow it, whatever their address, and fall back on the ring when it names no backend that is up or draining.
 * Initial and 0-RTT packets begin with one that the client drew, whose first octets mean a server by chance, or by
 * intent: they go by ring, so that weights, drains and the hash's key decide on new connections. (The draft lets such
 * ids be followed. A client that has seen the server's id still sends Initials, which go by ring too; they reach the
 * same backend as long as the ring's slot has not changed since the first.) So does every long header of a version
 * whose packet types are not known.
 *
 * The second bit of the first octet is not looked at: it may be greased (RFC 9287).
 */
#ifndef SHUNT_BPF_QUIC_H
#define SHUNT_BPF_QUIC_H

#include "maps.h"
#include "packet.h"
#include "slow.h"

#define QUIC_LONG 0x80
#define QUIC_V1 0x00000001u
#define QUIC_V2 0x6b3343cfu /* RFC 9369 */
#define QUIC_CID_MAX 20	    /* of versions 1 and 2 */

/* Where in the UDP payload the connection id is: its first octet. */
#define QUIC_SHORT_CID 1
#define QUIC_LONG_CID 6
#define QUIC_HEAD (QUIC_LONG_CID + 1 + 16) /* all that is ever looked at */
_Static_assert(sizeof(((struct slow *)0)->quic) >= QUIC_HEAD, "room for it");

enum quic_type { QUIC_INITIAL, QUIC_0RTT, QUIC_HANDSHAKE, QUIC_RETRY, QUIC_UNKNOWN };

/* Of a long header. Version 2 numbers the types one higher, modulo 4. */
static __always_inline enum quic_type quic_type(const __u8 *head)
{
	__u32 version = (__u32)head[1] << 24 | (__u32)head[2] << 16 | (__u32)head[3] << 8 | head[4];

	if (version == QUIC_V1)
		return head[0] >> 4 & 3;
	if (version == QUIC_V2)
		return ((head[0] >> 4) - 1) & 3;
	return QUIC_UNKNOWN;
}

/* The payload's first octets, as many as there are, into s->quic; how many octets the payload has, 0: none that can
 * be had. */
static __always_inline __u32 quic_load(struct xdp_md *ctx, struct slow *s)
{
	__u32 at = s->at + sizeof(struct udphdr), len = s->l4_end - at, last;

	if (s->l4_end <= at)
		return 0;
	last = (len < QUIC_HEAD ? len : QUIC_HEAD) - 1;
	/* Bounds that clang knows it leaves out, and the verifier misses; that of 6.1 does not take "not 0" for "1 at
	 * least". */
	asm volatile("" : "+r"(last));
	if (bpf_xdp_load_bytes(ctx, at, s->quic, (last & (sizeof(s->quic) - 1)) + 1))
		return 0;
	return len;
}

/* The server id's key for a packet that should follow its connection id; true: there is one. What lies in s->quic
 * behind the payload is not of this packet, so lengths are judged first. */
static __always_inline bool quic_server_id(const struct slow *s, __u32 len, __u32 lengths, __u64 word[2])
{
	const __u8 *cid = s->quic + QUIC_SHORT_CID;
	__u32 room = len - QUIC_SHORT_CID, id_len;
	__u64 part[2];

	if (s->quic[0] & QUIC_LONG) {
		cid = s->quic + QUIC_LONG_CID;
		room = s->quic[QUIC_LONG_CID - 1];
		if (len < QUIC_LONG_CID || room > len - QUIC_LONG_CID || room > QUIC_CID_MAX)
			return false;
	}
	id_len = shunt_quic_length(lengths, cid[0] >> 5);
	if (!id_len || room < 1 + id_len + SHUNT_QUIC_NONCE_MIN)
		return false;
	__builtin_memcpy(part, cid + 1, sizeof(part));
	shunt_quic_key(word, bpf_be64_to_cpu(part[0]), bpf_be64_to_cpu(part[1]), id_len);
	return true;
}

/* Destination, or 0. */
static __always_inline __u32 quic_find(const struct shunt_vip *vip, const __u64 word[2])
{
	__u32 half = vip->quic & SHUNT_QUIC_HALF ? 1 : 0, base, mask, slot;

	mask = shunt_control.quic_slots - 1;
	base = half * shunt_control.quic_slots;
	slot = shunt_vip_slot(word[0], word[1], vip->service, shunt_control.quic_multiplier[half], mask);
#pragma clang loop unroll(disable)
	for (int probe = 0; probe < SHUNT_QUIC_PROBES; probe++) {
		__u32 index = base + ((slot + probe) & mask);
		const struct shunt_quic_id *id = bpf_map_lookup_elem(&shunt_quic, &index);

		if (!id || !id->dest)
			return 0;
		if (id->word[0] == word[0] && id->word[1] == word[1] && id->service == vip->service)
			return id->dest;
	}
	return 0;
}

/* Draining backends keep their connections. One that is down would not answer; who gets the packet instead can at
 * least reset. */
static __always_inline bool quic_can_take(__u32 id)
{
	const struct shunt_dest *dest = bpf_map_lookup_elem(&shunt_dests, &id);

	return dest && dest->ifindex && (dest->state == SHUNT_DEST_UP || dest->state == SHUNT_DEST_DRAIN);
}

static __always_inline enum shunt_quic_choice quic_follow(struct xdp_md *ctx, struct slow *s,
							  const struct shunt_vip *vip, __u32 *dest)
{
	__u32 len = quic_load(ctx, s), id;
	__u64 word[2];

	if (!len)
		return SHUNT_QUIC_unroutable;
	if (s->quic[0] & QUIC_LONG && (len < QUIC_LONG_CID || quic_type(s->quic) != QUIC_HANDSHAKE))
		return SHUNT_QUIC_opening;
	if (!quic_server_id(s, len, vip->quic, word))
		return SHUNT_QUIC_unroutable;
	id = quic_find(vip, word);
	if (!id)
		return SHUNT_QUIC_unroutable;
	if (!quic_can_take(id))
		return SHUNT_QUIC_unavailable;
	*dest = id;
	return SHUNT_QUIC_followed;
}

/* For a packet of a QUIC service, before the ring is asked: what its connection id says. SHUNT_QUIC_followed: s->pkt.dest is its destination. */
static __noinline int quic_choose(struct xdp_md *ctx, struct slow *s, const struct shunt_vip *vip)
{
	__u32 service = vip->service, dest = 0;
	enum shunt_quic_choice choice = quic_follow(ctx, s, vip, &dest);
	struct shunt_quic_counter *counter = bpf_map_lookup_elem(&shunt_qstat, &service);

	if (counter)
		counter->packets[choice & 7]++;
	s->pkt.dest = dest;
	return choice;
}

#endif
