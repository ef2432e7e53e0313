/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Hashes that the XDP program and the daemon must compute alike. Pure; no tables, no I/O.
 *
 * The flow hash is keyed, so that nobody who does not know the seed can aim at one backend. It is NH of RFC 4418
 * (UMAC), which two inputs share with a probability of at most 2^-32 over the keys, followed by a 64-bit bijective
 * finaliser (Stafford's "Mix13" of MurmurHash3's), which spreads every bit over the whole word. NH needs one 32-bit
 * multiplication for two words of input, and eBPF has no 128-bit product; SipHash and jhash cost five times as much.
 */
#ifndef SHUNT_HASH_H
#define SHUNT_HASH_H

#include <linux/types.h>

#define SHUNT_HASH_KEYS 10

struct shunt_hash_keys {
	__u32 word[SHUNT_HASH_KEYS];
	__u64 final;
};

static inline __u64 shunt_mix64(__u64 h)
{
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9ull;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebull;
	h ^= h >> 31;
	return h;
}

/* Derive all keys from the cluster seed (SplitMix64). */
static inline void shunt_hash_derive(struct shunt_hash_keys *keys, __u64 seed)
{
	for (int i = 0; i < SHUNT_HASH_KEYS; i++)
		keys->word[i] = (__u32)(shunt_mix64(seed += 0x9e3779b97f4a7c15ull) >> 32);
	keys->final = shunt_mix64(seed + 0x9e3779b97f4a7c15ull);
}

/*
 * Of the hash of a service's flow, what is the same for all flows of one VIP; the daemon has it in the VIP's entry. dst points to one word (IPv4) or four
 * (IPv6), as on the wire; what is salt ^ protocol. is_v6 should be a constant at the call.
 * keys are volatile because the program's are a knob: without the word, the compiler takes them for the zeros they are compiled as.
 */
static inline __attribute__((always_inline)) __u64 shunt_hash_vip(const volatile struct shunt_hash_keys *keys,
								  const __be32 *dst, __u32 what, int is_v6)
{
	const volatile __u32 *k = keys->word;
	__u64 h = (__u64)(__u32)(dst[0] + k[2]) * (__u32)(what + k[3]);

	if (is_v6)
		h += (__u64)(__u32)(dst[2] + k[8]) * (__u32)(dst[3] + k[9]);
	return h;
}

/* The flow's hash: vip is shunt_hash_vip() of the same address. src as dst there; ports holds the source port in its low half as on the wire. */
static inline __attribute__((always_inline)) __u64 shunt_hash_client(const volatile struct shunt_hash_keys *keys,
								     const __be32 *src, const __be32 *dst, __u32 ports,
								     __u64 vip, int is_v6)
{
	const volatile __u32 *k = keys->word;
	__u64 h = (__u64)(__u32)(src[0] + k[0]) * (__u32)(ports + k[1]);

	if (is_v6) {
		h += (__u64)(__u32)(src[1] + k[4]) * (__u32)(src[2] + k[5]);
		h += (__u64)(__u32)(src[3] + k[6]) * (__u32)(dst[1] + k[7]);
	}
	return shunt_mix64((h + vip) ^ keys->final);
}

/* Hash a flow of a service: both of the above. */
static inline __attribute__((always_inline)) __u64 shunt_flow_hash(const volatile struct shunt_hash_keys *keys,
								   const __be32 *src, const __be32 *dst, __u32 ports,
								   __u32 what, int is_v6)
{
	return shunt_hash_client(keys, src, dst, ports, shunt_hash_vip(keys, dst, what, is_v6), is_v6);
}

/* What of a flow a service hashes, where that is not all of it: at most one bit of struct shunt_vip.flags. */
#define SHUNT_HASH_NO_SOURCE_PORT 8u	/* both addresses, the protocol, the destination port */
#define SHUNT_HASH_SOURCE 16u		/* of the source address the first bits, as many as told */
#define SHUNT_HASH_DESTINATION_PORT 32u /* the destination port */
#define SHUNT_HASH_INPUTS (SHUNT_HASH_NO_SOURCE_PORT | SHUNT_HASH_SOURCE | SHUNT_HASH_DESTINATION_PORT)

/* The destination port's part of a word of ports as shunt_flow_hash() takes it. */
#define SHUNT_HASH_PORT_MASK 0xffff0000u

/* The bits of word n of an address, as it lies in memory, that are within its first len. */
static inline __attribute__((always_inline)) __be32 shunt_prefix_mask(__u32 len, __u32 n)
{
	__u32 bits = len > 32 * n ? len - 32 * n : 0;
	__u32 mask = bits >= 32 ? ~0u : ~(~0u >> (bits & 31)); /* no bits: ~~0 */

	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap32(mask) : mask;
}

/*
 * The hash that decides a flow's slot in a service that hashes these inputs of it. What is not an input is 0, so that a client
 * of a service that hashes sources has one slot for all of the service's VIPs, ports and protocols.
 */
static inline __attribute__((always_inline)) __u64 shunt_input_hash(const volatile struct shunt_hash_keys *keys,
								    const __be32 *src, const __be32 *dst, __u32 ports,
								    __u32 salt, __u8 proto, __u32 inputs,
								    __u32 prefix_len, int is_v6)
{
	__be32 from[4] = {}, to[4] = {};
	__u32 words = is_v6 ? 4 : 1;

	for (__u32 i = 0; i < 4 && i < words; i++) {
		if (inputs == SHUNT_HASH_NO_SOURCE_PORT) {
			from[i] = src[i];
			to[i] = dst[i];
		} else if (inputs == SHUNT_HASH_SOURCE) {
			from[i] = src[i] & shunt_prefix_mask(prefix_len, i);
		}
	}
	ports = inputs == SHUNT_HASH_SOURCE ? 0 : ports & SHUNT_HASH_PORT_MASK;
	return shunt_flow_hash(keys, from, to, ports, inputs == SHUNT_HASH_NO_SOURCE_PORT ? salt ^ proto : salt, is_v6);
}

/* One hash, three uses: tag and slot from the top 28 bits, so that an entry's tag tells its slot; bucket and outer
 * source from the low 32. ring_size < 2^32. */
static inline __u32 shunt_flow_tag(__u64 hash)
{
	return (__u32)(hash >> 36);
}

static inline __u32 shunt_tag_slot(__u32 tag, __u32 ring_size)
{
	return (__u32)((__u64)tag * ring_size >> 28);
}

/*
 * First entry to look at, within a half of shunt_vips, for a VIP. a0, a1: the address's two 64-bit halves as they lie in
 * memory; key: port | proto << 16 | family << 24 as it lies in struct shunt_vip; mask: vip_slots - 1. Another
 * multiplier is another layout: what collided need not collide again.
 *
 * NH again, not a product of the halves: on a little-endian machine the bytes in which IPv6 VIPs differ are the highest
 * of a half, and modulo 2^64 a product keeps their effect to its own highest bits, whatever the multiplier.
 */
static inline __u32 shunt_vip_slot(__u64 a0, __u64 a1, __u32 key, __u64 multiplier, __u32 mask)
{
	__u32 low = (__u32)multiplier, high = (__u32)(multiplier >> 32);
	__u64 h;

	h = (__u64)(__u32)((__u32)a0 + low) * (__u32)((__u32)(a0 >> 32) + high);
	h += (__u64)(__u32)((__u32)a1 + key + ~high) * (__u32)((__u32)(a1 >> 32) + ~low);
	return (__u32)(h ^ h >> 32) & mask;
}

/* The multiplier to try at the n-th attempt to build the table. */
static inline __u64 shunt_vip_multiplier(__u32 attempt)
{
	return shunt_mix64((attempt + 1) * 0x9e3779b97f4a7c15ull) | 1;
}

#endif
