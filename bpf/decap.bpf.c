/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The backend's side: strips the outer header that a balancer put in front of a client's packet, in XDP, for backends
 * whose kernel has no tunnel devices or that want to spare their cost. Loaded and attached by `shunt backend-agent`.
 *
 * A decapsulator that takes anything lets whoever can reach it send packets from any source to any address of this host,
 * past the filters at the network's edge. So all of these must hold, or the packet goes up as it came (where the kernel
 * has no tunnel for it either): the outer destination is a tunnel address, the inner one is a VIP. A packet for which both hold
 * is meant for us; if then its outer source is none of the balancers', it is a forgery and is dropped.
 *
 * Every packet comes to one enum shunt_decap_result, and is counted there. Layer-2 direct server return needs nothing stripped:
 * such a packet is only counted. Nothing is reassembled here, and outer options and
 * extension headers are not walked: a balancer writes neither fragments nor options. The inner packet keeps its DSCP
 * and TTL (RFC 2983 pipe model, RFC 2003); ECN follows RFC 6040. Inner checksums are the stack's to verify.
 */
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "csum.h"
#include "decap_maps.h"
#include "decap_tunnel.h"

#define IP_FRAGMENT bpf_htons(0x3fff) /* more fragments, or an offset */
#define IP_OFFSET bpf_htons(0x1fff)

/* The results whose action is DROP, one bit each. */
#define STRIP 0u
#define PASS 0u
#define DROP 1u
#define X(e, name, action, text) | action << SHUNT_DECAP_##e
#define DROPPED (0u SHUNT_DECAP_RESULTS(X))
_Static_assert(SHUNT_DECAP_COUNT <= 32, "DROPPED has a bit for every result");

/* More than all outer headers together can be long; for the verifier, which forgets bounds of what lay on the stack. */
#define OUTER_MASK 0xfff

#define ECN_MASK 3
#define ECN_NOT_ECT 0
#define ECN_ECT_1 1
#define ECN_ECT_0 2
#define ECN_CE 3

static __always_inline int header_sum_wrong(const struct iphdr *ip)
{
	const __u16 *word = (const __u16 *)ip;
	__u32 sum = 0;

#pragma unroll
	for (int i = 0; i < 10; i++)
		sum += word[i];
	return csum_fold(sum) != 0xffff;
}

static __always_inline int outer_flaw4(const struct iphdr *ip, __u32 left)
{
	if (ip->ihl > 5)
		return SHUNT_DECAP_OUTER_OPTIONS;
	if (header_sum_wrong(ip) || bpf_ntohs(ip->tot_len) < sizeof(*ip) || bpf_ntohs(ip->tot_len) > left)
		return SHUNT_DECAP_BAD_OUTER;
	return ip->frag_off & IP_FRAGMENT ? SHUNT_DECAP_OUTER_FRAGMENT : NEXT;
}

static __always_inline int parse_outer4(const struct cursor *c, struct outer *o, const struct shunt_decap_conf *conf)
{
	const struct iphdr *ip = c->at;
	int verdict;

	if ((void *)(ip + 1) > c->end || ip->version != 4 || ip->ihl < 5)
		return SHUNT_DECAP_BAD_OUTER;
	o->src.family = o->dst.family = SHUNT_FAMILY_IPV4;
	o->src.addr[0] = ip->saddr;
	o->dst.addr[0] = ip->daddr;
	o->ecn = ip->tos & ECN_MASK;
	o->proto = ip->protocol;
	o->later = (ip->frag_off & IP_OFFSET) != 0;
	o->len = ip->ihl * 4;
	o->payload = bpf_ntohs(ip->tot_len) - o->len; /* if that is less than nothing, outer_flaw4() says so */
	verdict = parse_tunnel(c, o, conf);
	if (verdict == NEXT)
		o->flaw = outer_flaw4(ip, c->left);
	return verdict;
}

/* An extension header in front of a tunnelled packet is a flaw; in front of anything else it is not our matter. Only the first
 * one is looked at: what hides a tunnel behind two is passed up all the same, as not_tunnel. */
static __always_inline int parse_extension(const struct cursor *c, struct outer *o)
{
	const __u8 *extension = c->at + sizeof(struct ipv6hdr);
	int fragment = o->proto == IPPROTO_FRAGMENT;

	switch (o->proto) {
	case IPPROTO_FRAGMENT:
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		break;
	default:
		return NEXT;
	}
	if ((const void *)(extension + 8) > c->end)
		return SHUNT_DECAP_BAD_OUTER;
	o->flaw = fragment ? SHUNT_DECAP_OUTER_FRAGMENT : SHUNT_DECAP_OUTER_OPTIONS;
	o->later = fragment && (extension[2] || extension[3] & 0xf8);
	o->proto = extension[0];
	o->len += fragment ? 8 : (extension[1] + 1) * 8;
	return NEXT;
}

static __always_inline int parse_outer6(const struct cursor *c, struct outer *o, const struct shunt_decap_conf *conf)
{
	const struct ipv6hdr *ip6 = c->at;
	int verdict;

	if ((void *)(ip6 + 1) > c->end || ip6->version != 6)
		return SHUNT_DECAP_BAD_OUTER;
	o->src.family = o->dst.family = SHUNT_FAMILY_IPV6;
	__builtin_memcpy(o->src.addr, &ip6->saddr, sizeof(o->src.addr));
	__builtin_memcpy(o->dst.addr, &ip6->daddr, sizeof(o->dst.addr));
	o->ecn = ip6->flow_lbl[0] >> 4 & ECN_MASK;
	o->proto = ip6->nexthdr;
	o->later = 0;
	o->len = sizeof(*ip6);
	o->payload = bpf_ntohs(ip6->payload_len);
	o->flaw = sizeof(*ip6) + o->payload > c->left ? SHUNT_DECAP_BAD_OUTER : NEXT;
	verdict = parse_extension(c, o);
	return verdict == NEXT ? parse_tunnel(c, o, conf) : verdict;
}

static __always_inline int parse_outer(struct cursor *c, struct outer *o, const struct shunt_decap_conf *conf)
{
	const struct ethhdr *eth = c->at;

	if ((void *)(eth + 1) > c->end)
		return SHUNT_DECAP_NOT_IP;
	c->at += ETH_LEN;
	c->left -= ETH_LEN;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return parse_outer4(c, o, conf);
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return parse_outer6(c, o, conf);
	return SHUNT_DECAP_NOT_IP;
}

/* Ordinary traffic. What is for a VIP came by its Ethernet address: a balancer on this link sent it (layer-2 direct server return). */
static __always_inline int not_tunnelled(const struct outer *o, const struct shunt_decap_conf *conf)
{
	return conf->kinds & SHUNT_DECAP_KIND_L2DSR && has_role(&o->dst, SHUNT_DECAP_VIP) ? SHUNT_DECAP_L2DSR
											  : SHUNT_DECAP_NOT_TUNNEL;
}

static __always_inline int check_outer(const struct outer *o)
{
	if (!has_role(&o->dst, SHUNT_DECAP_TUNNEL))
		return SHUNT_DECAP_NOT_LOCAL;
	return o->flaw != NEXT ? o->flaw : o->tunnel_flaw;
}

static __always_inline int parse_inner(const struct cursor *c, const struct outer *o, struct shunt_decap_addr *dst)
{
	const struct iphdr *ip = c->at;
	const struct ipv6hdr *ip6 = c->at;

	dst->family = o->inner;
	if (o->inner == SHUNT_FAMILY_IPV4) {
		if ((void *)(ip + 1) > c->end || ip->version != 4 || ip->ihl < 5 ||
		    bpf_ntohs(ip->tot_len) < ip->ihl * 4 || bpf_ntohs(ip->tot_len) > o->payload)
			return SHUNT_DECAP_BAD_INNER;
		dst->addr[0] = ip->daddr;
		return NEXT;
	}
	if ((void *)(ip6 + 1) > c->end || ip6->version != 6 || sizeof(*ip6) + bpf_ntohs(ip6->payload_len) > o->payload)
		return SHUNT_DECAP_BAD_INNER;
	__builtin_memcpy(dst->addr, &ip6->daddr, sizeof(dst->addr));
	return NEXT;
}

static __always_inline int in_prefix(const struct shunt_decap_addr *addr, const struct shunt_decap_source *source)
{
	__be32 differ = 0;

	for (int i = 0; i < 4; i++)
		differ |= (addr->addr[i] & source->mask[i]) ^ source->addr[i];
	return addr->family == source->family && !differ;
}

static __always_inline int check_source(const struct shunt_decap_addr *src, const struct shunt_decap_conf *conf)
{
	if (!conf->sources)
		return NEXT;
	for (__u32 i = 0; i < SHUNT_DECAP_SOURCES && i < conf->sources; i++)
		if (in_prefix(src, &conf->source[i]))
			return NEXT;
	return SHUNT_DECAP_BAD_SOURCE;
}

/* RFC 6040 section 4.2, figure 4: what the inner packet carries on; -1: drop. */
static __always_inline int ecn_combine(__u8 inner, __u8 outer)
{
	if (outer == ECN_CE)
		return inner == ECN_NOT_ECT ? -1 : ECN_CE;
	return outer == ECN_ECT_1 && inner == ECN_ECT_0 ? ECN_ECT_1 : inner;
}

static __always_inline void set_ecn4(struct iphdr *ip, __u8 ecn)
{
	__u16 *word = (__u16 *)ip; /* the first holds the TOS */
	__u32 delta = (__u16) ~*word;

	ip->tos = (ip->tos & ~ECN_MASK) | ecn;
	ip->check = csum_grow(ip->check, delta + *word);
}

static __always_inline int carry_ecn(const struct cursor *c, const struct outer *o)
{
	struct iphdr *ip = c->at;
	struct ipv6hdr *ip6 = c->at;
	__u8 inner;
	int ecn;

	/* parse_inner() saw that either header is whole; the verifier wants to see it again for the one that is written. */
	if (o->inner == SHUNT_FAMILY_IPV4) {
		if ((void *)(ip + 1) > c->end)
			return SHUNT_DECAP_BAD_INNER;
		inner = ip->tos & ECN_MASK;
	} else {
		if ((void *)(ip6 + 1) > c->end)
			return SHUNT_DECAP_BAD_INNER;
		inner = ip6->flow_lbl[0] >> 4 & ECN_MASK;
	}
	ecn = ecn_combine(inner, o->ecn);
	if (ecn < 0)
		return SHUNT_DECAP_BAD_ECN;
	if (ecn == inner)
		return NEXT;
	if (o->inner == SHUNT_FAMILY_IPV4)
		set_ecn4(ip, ecn);
	else
		ip6->flow_lbl[0] = (ip6->flow_lbl[0] & ~(ECN_MASK << 4)) | ecn << 4;
	return NEXT;
}

/* Move the Ethernet header up against the inner packet. */
static __always_inline int strip(struct xdp_md *ctx, const struct outer *o)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr copy;

	if ((void *)(eth + 1) > end)
		return SHUNT_DECAP_NOT_IP;
	copy = *eth;
	copy.h_proto = o->inner == SHUNT_FAMILY_IPV4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (bpf_xdp_adjust_head(ctx, o->len))
		return SHUNT_DECAP_BAD_INNER;
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((void *)(eth + 1) > end)
		return SHUNT_DECAP_BAD_INNER;
	*eth = copy;
	return NEXT;
}

static __always_inline int decap(struct xdp_md *ctx, __u32 len)
{
	struct cursor c = {.at = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end, .left = len};
	const struct shunt_decap_conf *conf = decap_configuration();
	struct shunt_decap_addr dst = {};
	struct outer o = {};
	int result;

	if (!conf) /* never: an array's first entry */
		return SHUNT_DECAP_NOT_TUNNEL;
	result = parse_outer(&c, &o, conf);
	if (result == SHUNT_DECAP_NOT_TUNNEL)
		return not_tunnelled(&o, conf);
	if (result != NEXT)
		return result;
	result = check_outer(&o);
	if (result != NEXT)
		return result;
	c.at += o.len & OUTER_MASK;
	result = parse_inner(&c, &o, &dst);
	if (result != NEXT)
		return result;
	if (!has_role(&dst, SHUNT_DECAP_VIP))
		return SHUNT_DECAP_NOT_VIP;
	result = check_source(&o.src, conf);
	if (result != NEXT)
		return result;
	result = carry_ecn(&c, &o);
	if (result != NEXT)
		return result;
	result = strip(ctx, &o);
	if (result != NEXT)
		return result;
	return stripped_as(&o);
}

SEC("xdp.frags")
int shunt_decap(struct xdp_md *ctx)
{
	__u32 len = bpf_xdp_get_buff_len(ctx);
	__u32 result = decap(ctx, len);

	count(result, len);
	return DROPPED >> result & 1 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
