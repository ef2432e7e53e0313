/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program says itself, in a VIP's name: echo replies, and to a client whose packet does not fit the path to its backend
 * the size that does (RFC 1191, RFC 8201). Either is made of the packet that asked for it and goes back by the interface and to
 * the neighbour that it came from, with the tags it came with, so nothing has to be looked up.
 *
 * Nobody is answered who could not have asked (RFC 1122 section 3.2.2, RFC 4443 section 2.4): no broadcast or multicast, no
 * address that is not one host's, no VIP. Errors are limited in rate, and never made of errors.
 */
#ifndef SHUNT_BPF_ICMP_REPLY_H
#define SHUNT_BPF_ICMP_REPLY_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include "csum.h"
#include "maps.h"
#include "packet.h"
#include "parse.h"
#include "service.h"

/* linux/icmp.h draws in the C library. */
#define ICMP4_ECHO_REPLY 0
#define ICMP4_UNREACHABLE 3
#define ICMP4_FRAG_NEEDED 4 /* a code of it */
#define ICMP4_ECHO_REQUEST 8
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAMETER 12
#define ICMP6_UNREACHABLE 1
#define ICMP6_TOO_BIG 2
#define ICMP6_PARAMETER 4
#define ICMP6_ECHO_REQUEST 128
#define ICMP6_ECHO_REPLY 129

struct icmp_header {
	__u8 type, code;
	__sum16 check;
	__be32 rest; /* of "too big", both families: the MTU */
};

#define REPLY_TTL 64
#define REPLY_TOS 0xc0 /* internetwork control, as RFC 1812 section 4.3.2.5 wants of errors */
#define IPV4_DF 0x4000
#define IPV4_MTU_MIN 68	  /* RFC 791 */
#define IPV6_MTU_MIN 1280 /* RFC 8200 */

struct ipv4_icmp {
	struct iphdr ip;
	struct icmp_header icmp;
};

struct ipv6_icmp {
	struct ipv6hdr ip;
	struct icmp_header icmp;
};

struct pseudo6 {
	struct in6_addr src, dst;
	__be32 len, next;
};

/* Quotes are as long as the whole error may be: 576 bytes (RFC 1812), 1280 (RFC 4443). bpf_csum_diff() takes 512 at a time. */
#define QUOTE4 (576 - sizeof(struct ipv4_icmp))
#define QUOTE6 (IPV6_MTU_MIN - sizeof(struct ipv6_icmp))
#define CSUM_STEP 512
_Static_assert(QUOTE4 % 4 == 0 && QUOTE6 % 4 == 0, "sums are of whole 32-bit words");

/* Is the source a VIP's address? To be asked before an answer is made: not from there, since stacks of functions that call one
 * another add up. */
static __noinline bool from_vip(const struct slow *s, bool is_v6)
{
	return vip_find_address(s->pkt.src, is_v6);
}

/* May src, the source of a packet with this Ethernet header, be answered, if it is no VIP's? */
static __always_inline bool may_reply(const struct ethhdr *eth, const __be32 *src, bool is_v6)
{
	return !((eth->h_dest[0] | eth->h_source[0]) & 1) && is_one_host(src, is_v6);
}

static __always_inline void swap_macs(struct ethhdr *eth)
{
	struct ethhdr old = *eth;

	__builtin_memcpy(eth->h_dest, old.h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, old.h_dest, ETH_ALEN);
}

static __always_inline void *ip_header(const struct xdp_md *ctx, const struct packet *pkt)
{
	return (void *)(long)ctx->data + (pkt->l3_off & L2_MASK);
}

/* ---- echo */

/* A sum that was right stays right, one that was wrong stays wrong. 0xffff says the same as 0, which is wrong only for a message of
 * zeros: such is the reply to an empty request with identifier and number 0. */
static __always_inline __sum16 echo_csum(__sum16 check, __u32 delta)
{
	return csum_grow(check, delta) ?: 0xffff;
}

/* Swapped addresses leave all sums as they were. */
static __always_inline int echo_ipv4(struct ethhdr *eth, struct ipv4_icmp *request, void *end)
{
	__be32 src[1];
	__u16 *ttl_word;
	__u32 delta;

	if ((void *)(eth + 1) > end || (void *)(request + 1) > end)
		return SHUNT_REASON_TRUNCATED;
	src[0] = request->ip.saddr;
	if (!may_reply(eth, src, false))
		return SHUNT_REASON_ECHO_REFUSED;
	swap_macs(eth);
	request->ip.saddr = request->ip.daddr;
	request->ip.daddr = src[0];
	ttl_word = (__u16 *)&request->ip.ttl;
	delta = (__u16) ~*ttl_word;
	request->ip.ttl = REPLY_TTL;
	request->ip.check = csum_grow(request->ip.check, delta + *ttl_word);
	request->icmp.type = ICMP4_ECHO_REPLY;
	request->icmp.check = echo_csum(request->icmp.check, (__u16)~bpf_htons(ICMP4_ECHO_REQUEST << 8));
	return SHUNT_REASON_ECHO_REPLY;
}

static __always_inline int echo_ipv6(struct ethhdr *eth, struct ipv6_icmp *request, void *end)
{
	struct in6_addr src;

	if ((void *)(eth + 1) > end || (void *)(request + 1) > end)
		return SHUNT_REASON_TRUNCATED;
	src = request->ip.saddr;
	if (!may_reply(eth, src.in6_u.u6_addr32, true))
		return SHUNT_REASON_ECHO_REFUSED;
	swap_macs(eth);
	request->ip.saddr = request->ip.daddr;
	request->ip.daddr = src;
	request->ip.hop_limit = REPLY_TTL;
	request->icmp.type = ICMP6_ECHO_REPLY;
	request->icmp.check = echo_csum(request->icmp.check, bpf_htons((ICMP6_ECHO_REPLY - ICMP6_ECHO_REQUEST) << 8));
	return SHUNT_REASON_ECHO_REPLY;
}

/* A whole echo request without options, not from_vip(), for a VIP that answers. */
static __always_inline int icmp_echo(const struct xdp_md *ctx, const struct packet *pkt, bool is_v6)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	return is_v6 ? echo_ipv6(data, ip_header(ctx, pkt), end) : echo_ipv4(data, ip_header(ctx, pkt), end);
}

/* ---- too big */

/* Take a token from this CPU's bucket: see shunt_icmp in shunt/maps.h. */
static __always_inline bool take_token(void *bucket, __u32 rate)
{
	__u32 zero = 0;
	__u64 *full_at = bpf_map_lookup_elem(bucket, &zero), now = bpf_ktime_get_ns(), next;

	if (!full_at)
		return false;
	next = (*full_at > now ? *full_at : now) + SHUNT_ICMP_BUCKET / rate;
	if (next > now + SHUNT_ICMP_BUCKET)
		return false;
	*full_at = next;
	return true;
}

static __always_inline __u32 csum_add(__u32 sum, const void *words, __u32 len)
{
	return bpf_csum_diff(NULL, 0, (void *)words, len, sum);
}

/* The checksum of a message whose header and pseudo-header sum to sum. len is a constant; the caller has checked that so much is
 * there. */
static __always_inline __sum16 error_csum(__u32 sum, const void *quote, __u32 len)
{
	__u32 at = 0;

#pragma clang loop unroll(full)
	for (; at + CSUM_STEP <= len; at += CSUM_STEP)
		sum = csum_add(sum, quote + at, CSUM_STEP);
	return (__sum16)~csum_fold(csum_add(sum, quote + at, len - at));
}

static __always_inline int error_ipv4(const struct iphdr *ip, __u32 mtu, struct ipv4_icmp *out)
{
	out->ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(out->ip) / 4,
		.tos = REPLY_TOS,
		.tot_len = bpf_htons(sizeof(*out) + QUOTE4),
		.frag_off = bpf_htons(IPV4_DF),
		.ttl = REPLY_TTL,
		.protocol = IPPROTO_ICMP,
		.saddr = ip->daddr,
		.daddr = ip->saddr,
	};
	out->ip.check = (__sum16)~csum_fold(csum_add(0, &out->ip, sizeof(out->ip)));
	out->icmp.type = ICMP4_UNREACHABLE;
	out->icmp.code = ICMP4_FRAG_NEEDED;
	out->icmp.rest = bpf_htonl(mtu);
	out->icmp.check = error_csum(csum_add(0, &out->icmp, sizeof(out->icmp)), ip, QUOTE4);
	return SHUNT_REASON_TOO_BIG_REPLY;
}

static __always_inline int error_ipv6(const struct ipv6hdr *ip, __u32 mtu, struct ipv6_icmp *out)
{
	struct pseudo6 pseudo = {
		.src = ip->daddr,
		.dst = ip->saddr,
		.len = bpf_htonl(sizeof(out->icmp) + QUOTE6),
		.next = bpf_htonl(IPPROTO_ICMPV6),
	};
	__u32 sum = csum_add(0, &pseudo, sizeof(pseudo));

	out->ip = (struct ipv6hdr){
		.version = 6,
		.priority = REPLY_TOS >> 4,
		.payload_len = bpf_htons(sizeof(out->icmp) + QUOTE6),
		.nexthdr = IPPROTO_ICMPV6,
		.hop_limit = REPLY_TTL,
		.saddr = pseudo.src,
		.daddr = pseudo.dst,
	};
	out->icmp.type = ICMP6_TOO_BIG;
	out->icmp.rest = bpf_htonl(mtu);
	out->icmp.check = error_csum(csum_add(sum, &out->icmp, sizeof(out->icmp)), ip, QUOTE6);
	return SHUNT_REASON_TOO_BIG_REPLY;
}

/* A packet shorter than its quote is too big only for a path with an MTU below 576, such as no link has in our time. */
static __always_inline int too_big_ipv4(const struct xdp_md *ctx, const struct packet *pkt, int mtu, __u32 rate,
					struct ipv4_icmp *out)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct iphdr *ip = ip_header(ctx, pkt);
	void *end = (void *)(long)ctx->data_end;
	__be32 src[1];

	if ((void *)(eth + 1) > end || (void *)ip + QUOTE4 > end || pkt->ip_len < QUOTE4 || mtu < IPV4_MTU_MIN)
		return SHUNT_REASON_TOO_BIG;
	src[0] = ip->saddr;
	if (!(ip->frag_off & bpf_htons(IPV4_DF)) || ip->frag_off & bpf_htons(IPV4_OFFSET_BITS) ||
	    !may_reply(eth, src, false))
		return SHUNT_REASON_TOO_BIG;
	return take_token(&shunt_icmp, rate) ? error_ipv4(ip, mtu, out) : SHUNT_REASON_TOO_BIG_LIMITED;
}

/* No IPv6 host makes packets of 1280 bytes smaller, and none must be told of less (RFC 8200 section 5, RFC 8201 section 4). */
static __always_inline int too_big_ipv6(const struct xdp_md *ctx, const struct packet *pkt, int mtu, __u32 rate,
					struct ipv6_icmp *out)
{
	const struct ethhdr *eth = (void *)(long)ctx->data;
	const struct ipv6hdr *ip = ip_header(ctx, pkt);
	void *end = (void *)(long)ctx->data_end;
	struct in6_addr src;

	if ((void *)(eth + 1) > end || (void *)ip + QUOTE6 > end || pkt->ip_len <= IPV6_MTU_MIN)
		return SHUNT_REASON_TOO_BIG;
	src = ip->saddr;
	if (!may_reply(eth, src.in6_u.u6_addr32, true))
		return SHUNT_REASON_TOO_BIG;
	if (!take_token(&shunt_icmp, rate))
		return SHUNT_REASON_TOO_BIG_LIMITED;
	return error_ipv6(ip, mtu < IPV6_MTU_MIN ? IPV6_MTU_MIN : mtu, out);
}

/* The frame becomes its Ethernet header and tags, the headers, and as much of what was there as they quote. */
static __always_inline int send_error(struct xdp_md *ctx, const struct packet *pkt, __u32 quote, void *headers,
				      __u32 len)
{
	__u8 l2[L2_MAX];

	if (bpf_xdp_adjust_tail(ctx, (int)(pkt->l3_off + quote) - (int)pkt->frame_len))
		return SHUNT_REASON_TOO_BIG;
	if (bpf_xdp_load_bytes(ctx, 0, l2, sizeof(l2)) || bpf_xdp_adjust_head(ctx, -(int)len))
		return SHUNT_REASON_NO_HEADROOM;
	swap_macs((struct ethhdr *)l2);
	/* What was behind a header without tags goes into the place that the new headers take. */
	if (bpf_xdp_store_bytes(ctx, 0, l2, sizeof(l2)) || bpf_xdp_store_bytes(ctx, pkt->l3_off, headers, len))
		return SHUNT_REASON_NO_HEADROOM;
	return SHUNT_REASON_TOO_BIG_REPLY;
}

/* A TCP or UDP packet, not from_vip(), for a destination to which no more than mtu would fit. */
static __noinline int too_big(struct xdp_md *ctx, const struct packet *pkt, int mtu, bool is_v6)
{
	__u32 rate = *(const volatile __u32 *)&shunt_control.icmp_rate;
	union {
		struct ipv4_icmp v4;
		struct ipv6_icmp v6;
	} error = {};
	int reason;

	if (!rate)
		return SHUNT_REASON_TOO_BIG;
	reason = is_v6 ? too_big_ipv6(ctx, pkt, mtu, rate, &error.v6) : too_big_ipv4(ctx, pkt, mtu, rate, &error.v4);
	if (reason != SHUNT_REASON_TOO_BIG_REPLY)
		return reason;
	return is_v6 ? send_error(ctx, pkt, QUOTE6, &error, sizeof(error.v6))
		     : send_error(ctx, pkt, QUOTE4, &error, sizeof(error.v4));
}

#endif
