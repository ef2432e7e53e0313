// SPDX-License-Identifier: GPL-2.0
/*
 * A yardstick: a load balancer as they are conventionally written. The service is looked up in a hash map, the flow in an LRU hash map of the CPU's
 * own, and if that does not know it in the service's consistent-hash ring; every packet is counted in five counters. The outer header is
 * put together from parts. Correct, and with care, but with none of what shunt does otherwise.
 */
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "format.h"

const volatile __u32 ring_size = 65537;

#define TABLE(map, kind, key_type, value_type) \
	struct {                               \
		__uint(type, kind);            \
		__uint(max_entries, 1);        \
		__type(key, key_type);         \
		__type(value, value_type);     \
	} map SEC(".maps")

TABLE(classic_vips, BPF_MAP_TYPE_HASH, struct classic_key, struct classic_vip);
TABLE(classic_rings, BPF_MAP_TYPE_ARRAY, __u32, __u32);
TABLE(classic_backends, BPF_MAP_TYPE_ARRAY, __u32, __be32);
TABLE(classic_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct classic_counter);
TABLE(classic_vip_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct classic_counter);
TABLE(classic_backend_counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct classic_counter);

struct flows {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct classic_flow)); /* clang writes no types for inner maps */
	__uint(value_size, sizeof(struct classic_choice));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 256);
	__type(key, __u32);
	__array(values, struct flows);
} classic_flows SEC(".maps");

static __always_inline void count(void *map, __u32 index, __u32 bytes)
{
	struct classic_counter *counter = bpf_map_lookup_elem(map, &index);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}

static __always_inline __u32 length(const struct xdp_md *ctx)
{
	long len = (void *)(long)ctx->data_end - (void *)(long)ctx->data;

	asm volatile("" : "+r"(len)); /* or clang subtracts 32-bit pointers, which the verifier refuses */
	return len;
}

static __always_inline __u32 rotate(__u32 word, int by)
{
	return word << by | word >> (32 - by);
}

/* Three words in, as Bob Jenkins' lookup3 mixes them. */
static __always_inline void stir(__u32 *a, __u32 *b, __u32 *c)
{
	*a -= *c, *a ^= rotate(*c, 4), *c += *b;
	*b -= *a, *b ^= rotate(*a, 6), *a += *c;
	*c -= *b, *c ^= rotate(*b, 8), *b += *a;
	*a -= *c, *a ^= rotate(*c, 16), *c += *b;
	*b -= *a, *b ^= rotate(*a, 19), *a += *c;
	*c -= *b, *c ^= rotate(*b, 4), *b += *a;
}

static __always_inline __u32 flow_hash(const struct classic_flow *flow)
{
	__u32 a = 0xdeadbeef, b = a, c = a, ports;

	__builtin_memcpy(&ports, flow->ports, sizeof(ports));
	a += flow->src[0], b += flow->src[1], c += flow->src[2];
	stir(&a, &b, &c);
	a += flow->src[3], b += ports, c += flow->proto;
	stir(&a, &b, &c);
	return c ^ rotate(b, 14);
}

/* By the table of this CPU, or by the ring; a new flow is put into the table. */
static __always_inline __u32 choose(const struct classic_flow *flow, const struct classic_vip *vip, __u32 bytes)
{
	__u32 cpu = bpf_get_smp_processor_id(), slot;
	void *table = bpf_map_lookup_elem(&classic_flows, &cpu);
	struct classic_choice *known, fresh = {};
	__u32 *backend;

	if (!table)
		return 0;
	known = bpf_map_lookup_elem(table, flow);
	if (known) {
		count(&classic_counters, CLASSIC_FOUND, bytes);
		known->seen = bpf_ktime_get_ns();
		return known->backend;
	}
	count(&classic_counters, CLASSIC_NEW, bytes);
	slot = vip->number * ring_size + flow_hash(flow) % ring_size;
	backend = bpf_map_lookup_elem(&classic_rings, &slot);
	if (!backend)
		return 0;
	fresh.backend = *backend;
	fresh.seen = bpf_ktime_get_ns();
	bpf_map_update_elem(table, flow, &fresh, BPF_ANY);
	return fresh.backend;
}

static __always_inline int encapsulate(struct xdp_md *ctx, const struct classic_flow *flow, __be32 to, __u8 proto,
				       __u32 len)
{
	__u32 sum = 0;
	__u8 mac[ETH_ALEN];
	struct ethhdr *eth;
	struct iphdr *ip;

	if (bpf_xdp_adjust_head(ctx, -(int)sizeof(*ip)))
		return XDP_DROP;
	eth = (void *)(long)ctx->data;
	ip = (void *)(eth + 1);
	if ((void *)(ip + 1) + sizeof(*eth) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memcpy(mac, (void *)eth + sizeof(*ip), sizeof(mac));
	__builtin_memcpy(eth->h_source, mac, sizeof(mac));
	__builtin_memset(eth->h_dest, 2, sizeof(eth->h_dest));
	eth->h_proto = bpf_htons(ETH_P_IP);
	*ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = proto, .daddr = to};
	ip->tot_len = bpf_htons(len + sizeof(*ip));
	ip->saddr = bpf_htonl(0xac1f0000) | (__be32)(flow->ports[0] ^ (flow->src[0] >> 16)) << 16;
	for (int i = 0; i < 10; i++)
		sum += ((__u16 *)ip)[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (__u16) ~((sum & 0xffff) + (sum >> 16));
	return XDP_TX;
}

/* Into *flow; false: not one that is balanced. */
static __always_inline bool parse(const struct xdp_md *ctx, struct classic_flow *flow, bool *is_v6, __u32 *ip_len)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end, *l4;
	const struct ethhdr *eth = data;
	const struct ipv6hdr *ip6 = (void *)(eth + 1);
	const struct iphdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > end)
		return false;
	*is_v6 = eth->h_proto == bpf_htons(ETH_P_IPV6);
	if (*is_v6) {
		if ((void *)(ip6 + 1) > end)
			return false;
		__builtin_memcpy(flow->src, &ip6->saddr, sizeof(flow->src));
		__builtin_memcpy(flow->dst, &ip6->daddr, sizeof(flow->dst));
		flow->proto = ip6->nexthdr;
		*ip_len = bpf_ntohs(ip6->payload_len) + sizeof(*ip6);
		l4 = (void *)(ip6 + 1);
	} else {
		if (eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
			return false;
		flow->src[0] = ip->saddr;
		flow->dst[0] = ip->daddr;
		flow->proto = ip->protocol;
		*ip_len = bpf_ntohs(ip->tot_len);
		l4 = (void *)(ip + 1);
	}
	if ((flow->proto != IPPROTO_TCP && flow->proto != IPPROTO_UDP) || l4 + 8 > end)
		return false;
	__builtin_memcpy(flow->ports, l4, sizeof(flow->ports));
	return true;
}

SEC("xdp.frags")
int classic(struct xdp_md *ctx)
{
	__u32 bytes = length(ctx), backend, ip_len;
	struct classic_flow flow = {};
	struct classic_key key = {};
	struct classic_vip *vip;
	__be32 *addr;
	bool is_v6;

	if (!parse(ctx, &flow, &is_v6, &ip_len))
		return XDP_PASS;
	__builtin_memcpy(key.addr, flow.dst, sizeof(key.addr));
	key.port = flow.ports[1];
	key.proto = flow.proto;
	count(&classic_counters, CLASSIC_ALL, bytes);
	vip = bpf_map_lookup_elem(&classic_vips, &key);
	if (!vip) {
		count(&classic_counters, CLASSIC_PASSED, bytes);
		return XDP_PASS;
	}
	backend = choose(&flow, vip, bytes);
	addr = bpf_map_lookup_elem(&classic_backends, &backend);
	if (!addr || !backend)
		return XDP_DROP;
	count(&classic_vip_counters, vip->number, bytes);
	count(&classic_backend_counters, backend, bytes);
	return encapsulate(ctx, &flow, *addr, is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP, ip_len);
}

char _license[] SEC("license") = "GPL";
