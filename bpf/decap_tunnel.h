/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What may stand between the outer IP header and the inner packet: nothing (IP in IP), UDP and GUE (draft-ietf-intarea-gue),
 * or GRE (RFC 2784). Parsers touch no maps; what they find wrong is told only once the packet is known to be for us.
 *
 * GUE variant 1, the inner packet right behind UDP, is what Linux's fou sends for IPv4 and IPv6, too. The UDP checksum may be zero, in
 * IPv6 as well (RFC 6935, RFC 6936), and one that is not zero is not verified. It would tell little: the inner packet has
 * checksums of its own over all that the stack goes by, and what only the outer one covers, addresses and ports, is compared
 * here with what it has to be. Its price would be a walk over every packet's every byte.
 */
#ifndef SHUNT_BPF_DECAP_TUNNEL_H
#define SHUNT_BPF_DECAP_TUNNEL_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/udp.h>

#include "packet.h"
#include "shunt/decap.h"

struct cursor {
	void *at;
	void *end;  /* of the directly accessible bytes; all headers lie in them */
	__u32 left; /* bytes from at to the frame's end, those in further buffers included */
};

struct outer {
	struct shunt_decap_addr src, dst;
	__u32 len;     /* of all headers outside the inner packet, as far as they are parsed */
	__u32 payload; /* bytes behind them, by their own account */
	int flaw; /* of the IP header: NEXT, or why it cannot be stripped; told only once it is known to be for us */
	int tunnel_flaw; /* likewise, of what follows it */
	__u8 proto;	 /* IPPROTO_* behind the IP header and one extension header */
	__u8 later;	 /* a fragment other than the first: proto's header is not in it */
	__u8 inner;	 /* SHUNT_FAMILY_* of the packet inside */
	__u8 ecn;
};

#define GUE_LEN 4
#define GUE_VARIANT 0xc0
#define GUE_CONTROL 0x20
#define GUE_HLEN 0x1f
#define GRE_LEN 4

static __always_inline __u8 inner_family(__u8 protocol)
{
	if (protocol == IPPROTO_IPIP)
		return SHUNT_FAMILY_IPV4;
	return protocol == IPPROTO_IPV6 ? SHUNT_FAMILY_IPV6 : 0;
}

/* A header of len bytes is behind us; what it says is behind it is checked against what is outside. */
static __always_inline int take_header(struct outer *o, __u32 len)
{
	if (o->payload < len)
		return SHUNT_DECAP_BAD_OUTER;
	o->len += len;
	o->payload -= len;
	return NEXT;
}

/* Flags announce fields that change what the payload means (fragments, encryption, remote checksums). Without flags, words behind
 * the base header are private data between sender and receiver: skipped, as Linux does. */
static __always_inline int gue_flaw(const __u8 *gue, struct outer *o)
{
	if (gue[0] & GUE_VARIANT) { /* 1: its two bits are the first of the inner packet's version */
		o->inner = gue[0] >> 4 == 4 ? SHUNT_FAMILY_IPV4 : gue[0] >> 4 == 6 ? SHUNT_FAMILY_IPV6 : 0;
		return o->inner ? NEXT : SHUNT_DECAP_GUE_OTHER;
	}
	o->inner = inner_family(gue[1]);
	if (gue[0] & GUE_CONTROL || gue[2] || gue[3] || !o->inner)
		return SHUNT_DECAP_GUE_OTHER;
	return take_header(o, GUE_LEN + (gue[0] & GUE_HLEN) * 4);
}

static __always_inline int parse_gue(const struct cursor *c, struct outer *o, __be16 port)
{
	const struct udphdr *udp = c->at + o->len;
	const __u8 *gue = (const void *)(udp + 1);

	if (o->later || (const void *)(udp + 1) > c->end || udp->dest != port)
		return SHUNT_DECAP_NOT_TUNNEL;
	o->tunnel_flaw = SHUNT_DECAP_BAD_OUTER;
	if (gue + GUE_LEN > (const __u8 *)c->end || bpf_ntohs(udp->len) > o->payload)
		return NEXT;
	o->payload = bpf_ntohs(udp->len);
	o->tunnel_flaw = take_header(o, sizeof(*udp));
	if (o->tunnel_flaw == NEXT)
		o->tunnel_flaw = gue_flaw(gue, o);
	return NEXT;
}

/* Only the plain header. A key tells tunnels apart that share addresses, a sequence number puts packets into order, a checksum
 * covers what the inner packet's own ones do: no balancer has a use for them, and to take them unread would be to ignore what
 * whoever wrote them meant. */
static __always_inline int parse_gre(const struct cursor *c, struct outer *o)
{
	const __be16 *gre = c->at + o->len;

	o->tunnel_flaw = SHUNT_DECAP_BAD_OUTER;
	if (o->later || (const void *)(gre + 2) > c->end)
		return NEXT;
	if (gre[1] == bpf_htons(ETH_P_IP))
		o->inner = SHUNT_FAMILY_IPV4;
	else if (gre[1] == bpf_htons(ETH_P_IPV6))
		o->inner = SHUNT_FAMILY_IPV6;
	o->tunnel_flaw = gre[0] || !o->inner ? SHUNT_DECAP_GRE_OTHER : take_header(o, GRE_LEN);
	return NEXT;
}

/* c is at the outer IP header, o knows its length. */
static __always_inline int parse_tunnel(const struct cursor *c, struct outer *o, const struct shunt_decap_conf *conf)
{
	o->tunnel_flaw = NEXT;
	o->inner = inner_family(o->proto);
	if (o->inner)
		return conf->kinds & SHUNT_DECAP_KIND_IPIP ? NEXT : SHUNT_DECAP_NOT_TUNNEL;
	if (o->proto == IPPROTO_UDP && conf->kinds & SHUNT_DECAP_KIND_GUE)
		return parse_gue(c, o, conf->gue_port);
	if (o->proto == IPPROTO_GRE && conf->kinds & SHUNT_DECAP_KIND_GRE)
		return parse_gre(c, o);
	return SHUNT_DECAP_NOT_TUNNEL;
}

static __always_inline int stripped_as(const struct outer *o)
{
	int outside4 = o->src.family == SHUNT_FAMILY_IPV4;

	if (o->proto == IPPROTO_UDP)
		return SHUNT_DECAP_GUE;
	if (o->proto == IPPROTO_GRE)
		return SHUNT_DECAP_GRE;
	if (o->inner == SHUNT_FAMILY_IPV4)
		return outside4 ? SHUNT_DECAP_IPIP : SHUNT_DECAP_IPIP6;
	return outside4 ? SHUNT_DECAP_SIT : SHUNT_DECAP_IP6IP6;
}

#endif
