/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Behind the balancer, on the veth port that its packets arrive at: what comes from a flood's sources (tests/live/flood.h) ends here, once it
 * has been through all of the balancer, and everything else passes. So a flood at full speed costs what the balancer costs and
 * not ten times that in bridges and stacks, and backends never see it. Outer headers are plain IP in IP.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "../live/flood.h"

static __always_inline int sink_inner(void *inner, void *end, __u8 proto)
{
	struct ipv6hdr *ip6 = inner;
	struct iphdr *ip = inner;

	if (proto == IPPROTO_IPIP && (void *)(ip + 1) <= end)
		return (bpf_ntohl(ip->saddr) & FLOOD_MASK4) == FLOOD_NET4 ? XDP_DROP : XDP_PASS;
	if (proto == IPPROTO_IPV6 && (void *)(ip6 + 1) <= end &&
	    bpf_ntohl(ip6->saddr.in6_u.u6_addr32[0]) == FLOOD_NET6_HIGH &&
	    (bpf_ntohl(ip6->saddr.in6_u.u6_addr32[1]) & FLOOD_MASK6_LOW) == FLOOD_NET6_LOW)
		return XDP_DROP;
	return XDP_PASS;
}

SEC("xdp.frags")
int sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct ipv6hdr *ip6 = data + sizeof(*eth);
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return sink_inner(ip + 1, end, ip->protocol);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6) && (void *)(ip6 + 1) <= end)
		return sink_inner(ip6 + 1, end, ip6->nexthdr);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
