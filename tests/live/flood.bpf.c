/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The flood: run on live frames, makes each the next packet of the flood and sends it out of an interface. The whole header is written
 * every time, since a frame comes back with what the last ones who had it left there.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "flood.h"

enum { ETH = 14, CSUM4 = ETH + 10, SRC4 = ETH + 12, SRC6 = ETH + 8, L4_IPV4 = ETH + 20, L4_IPV6 = ETH + 40 };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct flood_state);
} state SEC(".maps");

static __always_inline __u64 mix(__u64 h)
{
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9ull;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebull;
	return h ^ h >> 31;
}

/* Source port; TCP's sequence and acknowledgement number. */
static __always_inline void fill_l4(const struct flood_state *s, void *l4, __u64 random)
{
	*(__u16 *)l4 = bpf_htons(1024 + (random & 0x7fff));
	if (s->is_udp)
		return;
	*(__u32 *)(l4 + 4) = random >> 16;
	*(__u32 *)(l4 + 8) = random >> 32;
}

/* The template's checksum is that with a source of 0.0.0.0. */
static __always_inline void fill_ipv4(const struct flood_state *s, void *data, __u64 random)
{
	__u32 source = FLOOD_NET4 | (random >> 40 & ~FLOOD_MASK4), sum;

	*(__u32 *)(data + SRC4) = bpf_htonl(source);
	sum = (__u16)~bpf_ntohs(*(__u16 *)(data + CSUM4)) + (source >> 16) + (source & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	*(__u16 *)(data + CSUM4) = bpf_htons((__u16)~sum);
	fill_l4(s, data + L4_IPV4, random);
}

static __always_inline void fill_ipv6(const struct flood_state *s, void *data, __u64 random)
{
	*(__u32 *)(data + SRC6) = bpf_htonl(FLOOD_NET6_HIGH);
	*(__u32 *)(data + SRC6 + 4) = bpf_htonl(FLOOD_NET6_LOW);
	*(__u64 *)(data + SRC6 + 8) = random;
	fill_l4(s, data + L4_IPV6, random);
}

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 zero = 0;
	struct flood_state *s = bpf_map_lookup_elem(&state, &zero);
	__u64 random, number;

	if (!s || data + FLOOD_FRAME4 > end)
		return XDP_DROP;
	number = s->sent++;
	if (s->flows)
		number %= s->flows;
	random = mix(s->seed + number * 0x9e3779b97f4a7c15ull);
	for (int i = 0; i < FLOOD_FRAME4 / 8; i++)
		((__u64 *)data)[i] = s->frame[i];
	if (!s->is_v6) {
		*(__u32 *)(data + 56) = s->frame[7];
		fill_ipv4(s, data, random);
		return bpf_redirect(s->ifindex, 0);
	}
	if (data + FLOOD_FRAME6 > end)
		return XDP_DROP;
	((__u64 *)data)[7] = s->frame[7];
	((__u64 *)data)[8] = s->frame[8];
	*(__u16 *)(data + 72) = s->frame[9];
	fill_ipv6(s, data, random);
	return bpf_redirect(s->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
