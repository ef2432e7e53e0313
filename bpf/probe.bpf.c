// SPDX-License-Identifier: GPL-2.0
/*
 * Health checks through the tunnel: a tc program at the far end of the daemon's own pair of interfaces (user/shuntd/via_link.c). What
 * a check sends to the VIP arrives here as a whole frame, one segment, its checksum complete, since that pair offloads nothing. Its mark
 * says to which destination it goes; it leaves for it as the XDP program would send it: the same template, the same bytes, but for
 * the TTL (this packet begins here) and for what the flow's hash fills. Everything else that comes here is dropped.
 *
 * Nothing is counted: a destination's counters are of clients.
 */
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "outer.h"
#include "packet.h"
#include "shunt/hash.h"
#include "shunt/probe.h"
#include "tunnel_header.h"

#define FLOW_LABEL_BITS 0xfffff

/* The XDP program's, pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shunt_dest);
} shunt_dests SEC(".maps");

/* The outer IP header and what a tunnel has behind it. */
struct outer {
	union {
		struct iphdr ip4;
		struct ipv6hdr ip6;
		__u16 words[20];
	};
	struct tunnel_gue0 behind;
};

/* The packet as it is before the outer header comes. */
struct probe {
	__u32 ip_len;
	__u8 tos;
	__u64 hash;
};

/* false: not one that this program can be given. */
static __always_inline bool parse(struct __sk_buff *skb, struct probe *pkt, bool is_v6, __u32 id)
{
	__u32 ports;
	__u8 first[2];

	if (bpf_skb_load_bytes(skb, ETH_LEN, first, sizeof(first)) ||
	    bpf_skb_load_bytes(skb, ETH_LEN + (is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)), &ports,
			       sizeof(ports)))
		return false;
	pkt->tos = is_v6 ? (__u8)(first[0] << 4 | first[1] >> 4) : first[1];
	pkt->ip_len = skb->len - ETH_LEN;
	pkt->hash = shunt_mix64((__u64)id << 32 | ports);
	return true;
}

/* Room, then the header with everything behind it, at l3_off. is_outer6 is a constant at the call. */
static __always_inline bool put_outer(struct __sk_buff *skb, const struct probe *pkt, const struct shunt_dest *dest,
				      bool is_v6, bool is_outer6)
{
	__u32 l3_off = dest->l3_off & L2_MASK, ip_len = is_outer6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u8 encap = *(const volatile __u8 *)&dest->encap; /* once: it may change */
	__u32 more = encap == SHUNT_ENCAP_IP ? 0 : tunnel_more(encap);
	__u8 proto = encap == SHUNT_ENCAP_IP	? tunnel_inner_proto(is_v6)
		     : encap == SHUNT_ENCAP_GRE ? IPPROTO_GRE
						: IPPROTO_UDP;
	__u64 flags = is_outer6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
	struct outer outer = {};

	if (bpf_skb_adjust_room(skb, l3_off - ETH_LEN + ip_len + more, BPF_ADJ_ROOM_MAC, flags))
		return false;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < ip_len / 2; i++)
		outer.words[i] = *(const __u16 *)(dest->hdr + l3_off + 2 * i);
	if (is_outer6)
		outer_ipv6(&outer.ip6, dest, pkt->ip_len, pkt->tos, pkt->hash, proto, more);
	else
		outer_ipv4(&outer.ip4, dest, pkt->ip_len, pkt->tos, pkt->hash, proto, more);
	if (bpf_skb_store_bytes(skb, l3_off, &outer, ip_len, 0))
		return false;
	if (!more)
		return true;
	tunnel_put(&outer.behind, pkt->ip_len, pkt->hash, dest, is_v6, encap, more);
	return !bpf_skb_store_bytes(skb, l3_off + ip_len, &outer.behind, more, 0);
}

/* The template's first bytes: Ethernet's header and tags. */
static __always_inline bool put_ethernet(struct __sk_buff *skb, const struct shunt_dest *dest)
{
	__u32 l3_off = dest->l3_off & L2_MASK;

	return l3_off >= ETH_LEN && !bpf_skb_store_bytes(skb, 0, dest->hdr, l3_off, 0);
}

/* No outer header; the EtherType is the packet's. */
static __always_inline bool put_l2dsr(struct __sk_buff *skb, const struct shunt_dest *dest, bool is_v6)
{
	__be16 type = bpf_htons(tunnel_ethertype(is_v6));
	__u32 l3_off = dest->l3_off & L2_MASK;

	if (l3_off > ETH_LEN && bpf_skb_adjust_room(skb, l3_off - ETH_LEN, BPF_ADJ_ROOM_MAC, 0))
		return false;
	return put_ethernet(skb, dest) && !bpf_skb_store_bytes(skb, l3_off - sizeof(type), &type, sizeof(type), 0);
}

static __always_inline bool put(struct __sk_buff *skb, const struct probe *pkt, const struct shunt_dest *dest,
				bool is_v6)
{
	if (dest->encap == SHUNT_ENCAP_L2DSR)
		return put_l2dsr(skb, dest, is_v6);
	if (dest->outer_family == SHUNT_FAMILY_IPV6)
		return put_outer(skb, pkt, dest, is_v6, true) && put_ethernet(skb, dest);
	return put_outer(skb, pkt, dest, is_v6, false) && put_ethernet(skb, dest);
}

SEC("tc")
int shunt_probe(struct __sk_buff *skb)
{
	bool is_v6 = skb->protocol == bpf_htons(ETH_P_IPV6);
	__u32 id = skb->mark & SHUNT_SLOT_DEST_MASK;
	const struct shunt_dest *dest;
	struct probe pkt = {};

	if ((skb->mark & SHUNT_PROBE_MARK_MASK) != SHUNT_PROBE_MARK || (!is_v6 && skb->protocol != bpf_htons(ETH_P_IP)))
		return TC_ACT_SHOT;
	dest = bpf_map_lookup_elem(&shunt_dests, &id);
	if (!dest || dest->state == SHUNT_DEST_FREE || !dest->ifindex || !parse(skb, &pkt, is_v6, id))
		return TC_ACT_SHOT;
	if (pkt.ip_len + dest->overhead > dest->mtu || !put(skb, &pkt, dest, is_v6))
		return TC_ACT_SHOT;
	return bpf_redirect(dest->ifindex, 0);
}

char _license[] SEC("license") = "GPL";
