/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stage: the connection table, for packets whose slot is DIRTY: a change of the ring has moved it a while ago, or is about to. The
 * rules are in include/shunt/conn_rules.h, which is compiled here over the maps; and what a packet says of its connection is told here.
 */
#ifndef SHUNT_BPF_CONN_H
#define SHUNT_BPF_CONN_H

#include "knobs.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"
#include "pick.h"

struct conn_world {
	__u32 service; /* whose packets are counted */
	__u32 picks;   /* as conn_rules.h has them */
	__u32 picked;
};

static __always_inline __u64 conn_load(const __u64 *word)
{
	return *(const volatile __u64 *)word;
}

static __always_inline __u64 conn_cas(__u64 *word, __u64 old, __u64 new)
{
	return __sync_val_compare_and_swap(word, old, new);
}

static __always_inline __u64 conn_or(__u64 *word, __u64 bits)
{
	return __sync_fetch_and_or(word, bits);
}

/* To the verifier, what is mixed with something unknown stays unknown when that is taken out again. */
static __always_inline __u32 conn_opaque(__u32 n, __u64 hash)
{
	__u32 noise = hash & 0x3fff;

	n ^= noise;
	asm volatile("" : "+r"(n));
	return n ^ noise;
}

static __always_inline __u64 *conn_bucket(const struct conn_world *w, __u32 index)
{
	struct shunt_bucket *bucket;

	(void)w;
	index &= knob_conn_buckets - 1;
	bucket = bpf_map_lookup_elem(&shunt_conns, &index);
	return bucket ? bucket->entry : NULL;
}

static __always_inline __u32 conn_dest_state(const struct conn_world *w, __u32 id)
{
	const struct shunt_dest *dest = bpf_map_lookup_elem(&shunt_dests, &id);

	(void)w;
	return dest ? *(const volatile __u8 *)&dest->state : SHUNT_DEST_FREE;
}

static __always_inline __u64 *conn_slot(const struct conn_world *w, __u32 id, __u32 tag)
{
	const struct shunt_dest *dest = bpf_map_lookup_elem(&shunt_dests, &id);
	__u32 slot;

	(void)w;
	if (!dest || !dest->ring_size)
		return NULL;
	slot = dest->ring_base + shunt_tag_slot(tag, dest->ring_size);
	return bpf_map_lookup_elem(&shunt_rings, &slot);
}

static __always_inline __u32 conn_now(const struct conn_world *w)
{
	(void)w;
	return bpf_ktime_get_coarse_ns() >> SHUNT_CONN_TICK_SHIFT & SHUNT_CONN_TIME_MASK;
}

static __always_inline __u32 conn_expiry(const struct conn_world *w)
{
	(void)w;
	return shunt_control.conn_expiry;
}

static __always_inline void conn_count(const struct conn_world *w, enum shunt_conn_count what)
{
	__u32 service = w->service;
	struct shunt_conn_counter *counter = bpf_map_lookup_elem(&shunt_cstat, &service);

	if (counter)
		counter->packets[what]++;
}

static __always_inline int conn_picks(const struct conn_world *w)
{
	return w->picks;
}

static __always_inline __u32 conn_picked(const struct conn_world *w)
{
	return w->picked;
}

static __always_inline void conn_live(const struct conn_world *w, __u32 dest, int by)
{
	(void)w;
	pick_count(dest, by);
}

/* Functions of their own for the verifier, too, which else goes through them again wherever they are called. */
#define CONN_PART __attribute__((noinline))
#include "shunt/conn_rules.h"

/* ---- what a packet says */

#define CONN_TCP_FLAGS_AT 13 /* in the header: the byte of FIN 1, SYN 2, RST 4, ACK 16 */
#define CONN_FIN 1
#define CONN_SYN 2
#define CONN_RST 4
#define CONN_ACK 16

static __always_inline enum conn_kind conn_tcp_kind(__u8 flags)
{
	if (flags & CONN_RST)
		return CONN_RESET;
	if (flags & CONN_FIN)
		return CONN_CLOSE;
	return (flags & (CONN_SYN | CONN_ACK)) == CONN_SYN ? CONN_OPEN : CONN_DATA;
}

/* Services that hash only a part of the flow keep together what has that part: the flows of a client, say. That begins with nobody's
 * SYN and ends with nobody's FIN; a SYN only shows that it would rather have a backend that answers. */
static __always_inline enum conn_kind conn_group_kind(enum conn_kind kind)
{
	if (kind == CONN_OPEN)
		return CONN_KEEP;
	return kind == CONN_KEEP || kind == CONN_TRACK ? kind : CONN_DATA;
}

/* Of UDP without QUIC. The policy that asks for nothing is not the table's: conn_is_rehash(). */
static __always_inline enum conn_kind conn_udp_kind(__u32 vip_flags)
{
	return vip_flags & SHUNT_VIP_UDP_TRACK ? CONN_TRACK : CONN_KEEP;
}

static __always_inline bool conn_is_rehash(__u32 vip_flags, __u8 proto)
{
	return proto == IPPROTO_UDP && vip_flags & SHUNT_VIP_UDP_REHASH;
}

/* conn_choose(), and not a byte more of the plain packet's stack. What is to be picked is in between, so that their stacks do not add up. */
static __noinline __u32 conn_dirty(__u64 *slot, __u64 hash, __u32 kind, const struct shunt_vip *vip)
{
	struct conn_world w = {vip->service, vip->flags & SHUNT_VIP_PICKS, CONN_PICK};
	__u32 dest = conn_choose(&w, slot, hash, kind);

	if (dest != CONN_PICK)
		return dest;
	w.picked = pick(vip->service);
	return conn_choose(&w, slot, hash, kind);
}

#endif
