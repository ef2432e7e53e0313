/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How a service chooses for a beginning when it does not leave that to the ring: in turn, or of two destinations drawn at random the one
 * that has fewer connections (M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", 2001). What it chooses is kept by an entry of the
 * connection table; without room for one, the ring decides after all.
 */
#ifndef SHUNT_BPF_PICK_H
#define SHUNT_BPF_PICK_H

#include "maps.h"

static __always_inline __u32 pick_at(const struct shunt_pick *from, __u32 n)
{
	__u32 at = from->first + n % from->count;
	const __u64 *dest = bpf_map_lookup_elem(&pick_list, &at);

	return dest ? *dest : 0;
}

/* It may have gone, or be on its way out, since the list was written. */
static __always_inline bool pick_is_up(__u32 id)
{
	const struct shunt_dest *dest = bpf_map_lookup_elem(&shunt_dests, &id);

	return id && dest && *(const volatile __u8 *)&dest->state == SHUNT_DEST_UP;
}

static __always_inline __s64 pick_load(__u32 id)
{
	const __s64 *live = bpf_map_lookup_elem(&pick_live, &id);

	return live ? *(const volatile __s64 *)live : 0;
}

static __always_inline __u32 pick_least(const struct shunt_pick *from)
{
	__u32 one = pick_at(from, bpf_get_prandom_u32()), other = pick_at(from, bpf_get_prandom_u32());

	if (!pick_is_up(one))
		return other;
	return pick_is_up(other) && pick_load(other) < pick_load(one) ? other : one;
}

/* Every CPU by itself: each gives every destination its turn. */
static __always_inline __u32 pick_next(const struct shunt_pick *from, __u32 service)
{
	__u32 *turn = bpf_map_lookup_elem(&pick_turns, &service);

	return turn ? pick_at(from, (*turn)++) : 0;
}

/* A destination for a beginning; 0: the ring is to say. */
__noinline __u32 pick(__u32 service)
{
	const __u64 *word = bpf_map_lookup_elem(&pick_services, &service);
	struct shunt_pick from;
	__u64 once;
	__u32 dest;

	if (!word)
		return 0;
	once = *(const volatile __u64 *)word;
	__builtin_memcpy(&from, &once, sizeof(from));
	if (!from.count)
		return 0;
	dest = from.least ? pick_least(&from) : pick_next(&from, service);
	return pick_is_up(dest) ? dest : 0;
}

/* Connections that a destination has: by one more, or one less. */
static __always_inline void pick_count(__u32 id, __s64 by)
{
	__s64 *live = bpf_map_lookup_elem(&pick_live, &id);

	if (live)
		__sync_fetch_and_add(live, by);
}

#endif
