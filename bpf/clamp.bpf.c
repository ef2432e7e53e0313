/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The backend's other program: lowers the MSS that a VIP announces, so that clients' segments fit through the tunnel that the
 * balancer puts them into. With direct server return no balancer ever sees a SYN-ACK; here it leaves. A tc classifier at
 * clsact's egress, on the interface that replies leave by; loaded and attached by `shunt backend-agent`, with the maps of decap.bpf.c.
 *
 * It only ever lowers, adds no option, and touches nothing but SYN and SYN-ACK from a VIP. Its answer is always "go on with the
 * next filter", so filters of others decide as they would without it.
 *
 * Most packets here come from the local stack, with a checksum of the pseudo-header alone that the device (or, where it cannot, the
 * kernel behind this hook) completes over the bytes as they are then. bpf_l4_csum_replace() knows: without BPF_F_PSEUDO_HDR it leaves
 * such a one alone and updates a finished one. An skb->csum over the whole packet stays true, too: the option and
 * the checksum change by opposite sums.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>

#include "decap_maps.h"

#define NOT_OURS (-1)
#define IP_OFFSET bpf_htons(0x1fff)
#define TCP_OPTIONS_MAX 40

#define OPTION_END 0
#define OPTION_NOP 1
#define OPTION_MSS 2
#define OPTION_MSS_LEN 4

struct syn {
	struct shunt_decap_addr src;
	__u32 tcp; /* where in the frame its header begins */
	__u16 mss; /* what it may announce at most */
};

/* load_bytes rather than direct access: what was forwarded to here may have its headers in further buffers. */
static __always_inline int parse_ip4(struct __sk_buff *skb, struct syn *syn)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof(ip)) || ip.protocol != IPPROTO_TCP || ip.frag_off & IP_OFFSET)
		return NOT_OURS;
	syn->src.family = SHUNT_FAMILY_IPV4;
	syn->src.addr[0] = ip.saddr;
	syn->tcp = ETH_HLEN + ip.ihl * 4;
	return 0;
}

static __always_inline int parse_ip6(struct __sk_buff *skb, struct syn *syn)
{
	struct ipv6hdr ip6;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip6, sizeof(ip6)) || ip6.nexthdr != IPPROTO_TCP)
		return NOT_OURS;
	syn->src.family = SHUNT_FAMILY_IPV6;
	__builtin_memcpy(syn->src.addr, &ip6.saddr, sizeof(syn->src.addr));
	syn->tcp = ETH_HLEN + sizeof(ip6);
	return 0;
}

static __always_inline int parse(struct __sk_buff *skb, const struct shunt_decap_conf *conf, struct syn *syn)
{
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		syn->mss = conf->mss4;
		return syn->mss ? parse_ip4(skb, syn) : NOT_OURS;
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		syn->mss = conf->mss6;
		return syn->mss ? parse_ip6(skb, syn) : NOT_OURS;
	}
	return NOT_OURS;
}

/* Where among len bytes of options the MSS option begins; -1: nowhere, or options that end within one. */
static __always_inline int find_mss(const __u8 *option, __u32 len)
{
	__u32 at = 0;

	for (int n = 0; n < TCP_OPTIONS_MAX; n++) {
		if (at > TCP_OPTIONS_MAX - OPTION_MSS_LEN || at + OPTION_MSS_LEN > len || option[at] == OPTION_END)
			return -1;
		if (option[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (option[at] == OPTION_MSS)
			return option[at + 1] == OPTION_MSS_LEN ? (int)at : -1;
		if (option[at + 1] < 2)
			return -1;
		at += option[at + 1];
	}
	return -1;
}

/* The checksum is over 16-bit words: of a value at an odd place both bytes weigh the other way round. */
static __always_inline __be16 as_summed(__be16 value, __u32 at)
{
	return at & 1 ? __builtin_bswap16(value) : value;
}

/* Lower the MSS at offset at of the TCP header. */
static __always_inline int lower(struct __sk_buff *skb, const struct syn *syn, __u32 at)
{
	__be16 old, new = bpf_htons(syn->mss);

	if (bpf_skb_load_bytes(skb, syn->tcp + at, &old, sizeof(old)) || bpf_ntohs(old) <= syn->mss)
		return SHUNT_DECAP_MSS_KEPT;
	if (bpf_l4_csum_replace(skb, syn->tcp + offsetof(struct tcphdr, check), as_summed(old, at), as_summed(new, at),
				sizeof(new)) ||
	    bpf_skb_store_bytes(skb, syn->tcp + at, &new, sizeof(new), 0))
		return SHUNT_DECAP_MSS_KEPT;
	return SHUNT_DECAP_MSS_CLAMPED;
}

static __noinline int clamp(struct __sk_buff *skb, const struct syn *syn)
{
	__u8 options[TCP_OPTIONS_MAX] = {};
	struct tcphdr tcp;
	__u32 len;
	int at;

	if (!syn || bpf_skb_load_bytes(skb, syn->tcp, &tcp, sizeof(tcp)) || !tcp.syn)
		return NOT_OURS;
	if (!has_role(&syn->src, SHUNT_DECAP_VIP))
		return NOT_OURS;
	len = tcp.doff * 4 - sizeof(tcp);
	if (len < OPTION_MSS_LEN)
		return SHUNT_DECAP_MSS_KEPT;
	barrier_var(len); /* or clang makes one comparison of both, from which the verifier of 6.1 learns no bounds */
	if (len > sizeof(options) || bpf_skb_load_bytes(skb, syn->tcp + sizeof(tcp), options, len))
		return SHUNT_DECAP_MSS_KEPT;
	at = find_mss(options, len);
	return at < 0 ? SHUNT_DECAP_MSS_KEPT : lower(skb, syn, sizeof(tcp) + at + 2);
}

SEC("tc")
int shunt_clamp(struct __sk_buff *skb)
{
	const struct shunt_decap_conf *conf = decap_configuration();
	struct syn syn = {};
	int result;

	if (!conf || parse(skb, conf, &syn))
		return TC_ACT_UNSPEC;
	result = clamp(skb, &syn);
	if (result != NOT_OURS)
		count(result, skb->len);
	return TC_ACT_UNSPEC;
}

char _license[] SEC("license") = "GPL";
