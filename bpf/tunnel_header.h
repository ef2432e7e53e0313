/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a tunnel other than IP in IP has between the outer IP header and the packet: for the balancer's program and for that of checks.
 *
 * UDP's source port is the flow's hash, in the dynamic range (RFC 7510, section 3), so that routers and NICs spread flows; it uses
 * bits other than those of an IPv4 source from a /16, which varies as for IP in IP: many NICs hash only the addresses of UDP.
 * UDP's checksum is 0: over IPv4 that is anybody's choice (RFC 768), and over IPv6 that of tunnels (RFC 6935, RFC 6936). It would cover
 * the packet, which has a checksum of its own; what it alone would cover is the outer header, and a packet that this takes to a
 * wrong host finds neither tunnel nor VIP there.
 */
#ifndef SHUNT_BPF_TUNNEL_HEADER_H
#define SHUNT_BPF_TUNNEL_HEADER_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/udp.h>

#include "packet.h"

#define UDP_DYNAMIC 0xc000 /* the first of 2^14 ports */
#define UDP_DYNAMIC_BITS 0x3fff

struct gue0 {
	__u8 variant_len; /* variant, control flag and length of options: all 0 */
	__u8 proto;
	__be16 flags;
};

/* What is behind the outer IP header, at most. */
struct tunnel_gue0 {
	struct udphdr udp;
	struct gue0 gue;
};

static __always_inline __u16 tunnel_ethertype(bool is_v6)
{
	return is_v6 ? ETH_P_IPV6 : ETH_P_IP;
}

static __always_inline __u8 tunnel_inner_proto(bool is_v6)
{
	return is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
}

/* Bytes of it; not for IP in IP, nor for L2DSR. */
static __always_inline __u32 tunnel_more(__u8 encap)
{
	if (encap == SHUNT_ENCAP_GRE)
		return sizeof(__be32);
	return encap == SHUNT_ENCAP_GUE0 ? sizeof(struct tunnel_gue0) : sizeof(struct udphdr);
}

/* The header behind the outer IP's, of more bytes, in front of a packet of ip_len. */
static __always_inline void tunnel_put(struct tunnel_gue0 *at, __u32 ip_len, __u64 hash, const struct shunt_dest *dest,
				       bool is_v6, __u8 encap, __u32 more)
{
	if (encap == SHUNT_ENCAP_GRE) {
		*(__be32 *)at = bpf_htonl(tunnel_ethertype(is_v6));
		return;
	}
	at->udp.source = bpf_htons(UDP_DYNAMIC | ((__u16)hash & UDP_DYNAMIC_BITS));
	at->udp.dest = dest->port;
	at->udp.len = bpf_htons(ip_len + more);
	at->udp.check = 0;
	if (encap == SHUNT_ENCAP_GUE0)
		at->gue = (struct gue0){.proto = tunnel_inner_proto(is_v6)};
}

#endif
