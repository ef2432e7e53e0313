/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What came out, held to what must come out. Lengths and checksums are computed anew, over the bytes that left.
 */
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>

#include "packets.h"

#define MUST(condition, text)        \
	do {                         \
		if (!(condition))    \
			return text; \
	} while (0)

enum { DONT_FRAGMENT = 0x4000, QUOTE4 = 548, QUOTE6 = 1232, ICMP_HEADER = 8 };

static bool same(const uint8_t *a, const uint8_t *b, uint32_t len)
{
	return !memcmp(a, b, len);
}

static bool is_addr(const uint8_t *at, const struct shunt_addr *addr)
{
	return !memcmp(at, addr->word, addr->family == SHUNT_FAMILY_IPV6 ? 16 : 4);
}

/* ---- forwarded */

/* Ethernet header and tags are the next hop's; *len: theirs. */
static const char *check_ether(const struct target *target, const struct reading *r, const struct frame *out,
			       uint32_t *len)
{
	const struct nexthop *nexthop = &target->dest->nexthop;

	*len = ETHER + nexthop->tags * TAG;
	MUST(out->len >= *len, "too short for its Ethernet header and tags");
	MUST(same(out->byte, nexthop->dst_mac, 6), "not to the next hop's MAC");
	MUST(same(out->byte + 6, nexthop->src_mac, 6), "not from the interface's MAC");
	for (uint32_t i = 0, at = 12; i < nexthop->tags; i++, at += TAG)
		MUST(get16(out->byte + at) == nexthop->tag[i].tpid && get16(out->byte + at + 2) == nexthop->tag[i].vid,
		     "the tags are not the next hop's");
	MUST(get16(out->byte + *len - 2) == tunnel_ethertype(target, r->is_v6),
	     "the EtherType is not that of the header behind it");
	return NULL;
}

static const char *check_outer_ipv4(const struct target *target, const uint8_t *ip, const struct reading *r)
{
	MUST(ip[0] == 0x45, "the outer version or header length is wrong");
	MUST(ip[1] == r->tos, "DSCP and ECN were not copied");
	MUST(get16(ip + 2) == tunnel_overhead(target) + r->end - r->l3, "the outer total length is wrong");
	MUST(get16(ip + 6) == DONT_FRAGMENT, "the outer header is not whole with DF");
	MUST(ip[8] > 1, "the outer TTL is too low");
	MUST(ip[9] == tunnel_protocol(target, r->is_v6), "the outer protocol is not that of what is inside");
	MUST(sum_fold(sum_bytes(ip, IPV4, 0)) == 0xffff, "the outer checksum is wrong");
	MUST(in_prefix(ip + 12, target->source), "the outer source is not of the configured prefix");
	MUST(is_addr(ip + 16, &target->dest->addr), "not to the backend that the flow has");
	return NULL;
}

static const char *check_outer_ipv6(const struct target *target, const uint8_t *ip, const struct reading *r)
{
	MUST(ip[0] >> 4 == 6, "the outer version is wrong");
	MUST((uint8_t)(get16(ip) >> 4) == r->tos, "DSCP and ECN were not copied");
	MUST(get16(ip + 4) == tunnel_overhead(target) - IPV6 + r->end - r->l3, "the outer payload length is wrong");
	MUST(ip[6] == tunnel_protocol(target, r->is_v6), "the outer protocol is not that of what is inside");
	MUST(ip[7] > 1, "the outer hop limit is too low");
	MUST(in_prefix(ip + 8, target->source), "the outer source is not of the configured prefix");
	MUST(is_addr(ip + 24, &target->dest->addr), "not to the backend that the flow has");
	return NULL;
}

/* The packet as it came, but for one hop; a checksum that was wrong is as wrong. len: with what was behind it. */
static const char *check_inner(const uint8_t *came, const uint8_t *went, uint32_t len, const struct reading *r)
{
	uint8_t want[ROOM];
	uint32_t header = (came[0] & 15) * 4;

	memcpy(want, came, len);
	if (r->is_v6) {
		want[7]--;
	} else {
		want[8]--;
		memcpy(want + 10, went + 10, 2);
		MUST(sum_fold(sum_bytes(came, header, 0)) == sum_fold(sum_bytes(went, header, 0)),
		     "the inner checksum is not as right as it was");
	}
	MUST(same(want, went, len), "the inner packet is not as it came");
	return NULL;
}

/* at: behind Ethernet and tags. */
static const char *check_outer(const struct target *target, const uint8_t *at, const struct reading *r)
{
	bool is_v6 = target->dest->addr.family == SHUNT_FAMILY_IPV6;
	const char *wrong;

	if (target->tunnel->behind == OUTER_NONE) {
		MUST(!target->dest->nexthop.gateway.family, "without an outer header to a backend behind a gateway");
		return NULL;
	}
	wrong = is_v6 ? check_outer_ipv6(target, at, r) : check_outer_ipv4(target, at, r);
	return wrong ?: tunnel_check(target, at + (is_v6 ? IPV6 : IPV4), r->is_v6, r->end - r->l3);
}

static const char *check_forwarded(const struct frame *in, const struct reading *r, const struct expectation *e,
				   const struct outcome *got)
{
	const struct nexthop *nexthop = &e->target->dest->nexthop;
	uint32_t l3, outer = tunnel_overhead(e->target), rest = in->len - r->l3;
	const char *wrong;

	MUST(got->action == (nexthop->ifindex == 1 ? XDP_TX : XDP_REDIRECT),
	     "forwarded, but not by the interface of the next hop");
	wrong = check_ether(e->target, r, &got->out, &l3);
	if (wrong)
		return wrong;
	MUST(got->out.len == l3 + outer + rest, "the length of the frame is wrong");
	MUST(outer + r->end - r->l3 <= nexthop->mtu, "larger than the MTU");
	wrong = check_outer(e->target, got->out.byte + l3, r);
	return wrong ?: check_inner(in->byte + r->l3, got->out.byte + l3 + outer, rest, r);
}

/* ---- answered */

/* Back to where it came from, with the tags that it came with. */
static const char *check_turned(const struct frame *in, const struct reading *r, const struct frame *out)
{
	const uint8_t *came = in->byte + r->l3, *went = out->byte + r->l3;
	uint32_t at = r->is_v6 ? 8 : 12, len = r->is_v6 ? 16 : 4;

	MUST(out->len >= r->l3 + (r->is_v6 ? IPV6 : IPV4) + ICMP_HEADER, "an answer without headers");
	MUST(same(in->byte, out->byte + 6, 6) && same(in->byte + 6, out->byte, 6), "the answer's MACs are not swapped");
	MUST(same(in->byte + 12, out->byte + 12, r->l3 - 12), "the answer's tags or EtherType are not the question's");
	MUST(same(came + at, went + at + len, len) && same(came + at + len, went + at, len),
	     "the answer's addresses are not swapped");
	MUST(r->is_v6 || sum_fold(sum_bytes(went, (went[0] & 15) * 4, 0)) == 0xffff ||
		     sum_fold(sum_bytes(came, (came[0] & 15) * 4, 0)) != 0xffff,
	     "the answer's header checksum is wrong");
	return NULL;
}

static const char *check_echo(const struct frame *in, const struct reading *r, const struct frame *out)
{
	uint32_t header = r->l4 - r->l3, ip_len = r->end - r->l3, from = r->is_v6 ? 40 : 20;
	const uint8_t *came = in->byte + r->l3, *went = out->byte + r->l3;
	bool was_right = sum_icmp(came, header, ip_len) == 0xffff;
	const char *wrong = check_turned(in, r, out);

	if (wrong)
		return wrong;
	MUST(in->len == out->len, "an echo reply of another length than its request");
	MUST(went[r->is_v6 ? 7 : 8] == 64, "an echo reply with a TTL that is not 64");
	MUST(same(came, went, r->is_v6 ? 7 : 8), "the beginning of the reply's IP header has changed");
	MUST(r->is_v6 || came[9] == went[9], "the reply is not ICMP");
	MUST(went[from] == (r->is_v6 ? 129 : 0) && went[from + 1] == came[from + 1], "not an echo reply");
	MUST((sum_icmp(went, header, ip_len) == 0xffff) == was_right,
	     "the reply's ICMP checksum is not as right as the request's");
	MUST(same(came + from + 4, went + from + 4, in->len - r->l3 - from - 4),
	     "the reply does not say what the request said");
	return NULL;
}

static const char *check_too_big_header(const struct frame *out, const struct reading *r)
{
	const uint8_t *ip = out->byte + r->l3;
	uint32_t len = out->len - r->l3;

	if (r->is_v6) {
		MUST(ip[0] >> 4 == 6 && get16(ip + 4) == len - IPV6, "the error's version or length is wrong");
		MUST(ip[6] == IPPROTO_ICMPV6 && ip[7] > 1, "the error's next header or hop limit is wrong");
		MUST(ip[IPV6] == 2 && ip[IPV6 + 1] == 0, "not a packet-too-big");
		MUST(sum_icmp(ip, IPV6, len) == 0xffff, "the error's ICMP checksum is wrong");
		return NULL;
	}
	MUST(ip[0] == 0x45 && get16(ip + 2) == len, "the error's version, header length or total length is wrong");
	MUST(!(get16(ip + 6) & 0x3fff) && ip[8] > 1 && ip[9] == IPPROTO_ICMP,
	     "the error's fragment word, TTL or protocol is wrong");
	MUST(sum_fold(sum_bytes(ip, IPV4, 0)) == 0xffff, "the error's header checksum is wrong");
	MUST(ip[IPV4] == 3 && ip[IPV4 + 1] == 4, "not a fragmentation-needed");
	MUST(sum_icmp(ip, IPV4, len) == 0xffff, "the error's ICMP checksum is wrong");
	return NULL;
}

static const char *check_too_big(const struct frame *in, const struct reading *r, const struct frame *out,
				 uint32_t told_mtu)
{
	uint32_t header = (r->is_v6 ? IPV6 : IPV4) + ICMP_HEADER, quote = r->is_v6 ? QUOTE6 : QUOTE4;
	const uint8_t *ip = out->byte + r->l3;
	const char *wrong;

	MUST(out->len == r->l3 + header + quote, "an ICMP error of the wrong size");
	wrong = check_turned(in, r, out);
	if (!wrong)
		wrong = check_too_big_header(out, r);
	if (wrong)
		return wrong;
	MUST(get16(ip + header - 4) == 0 && get16(ip + header - 2) == told_mtu, "the error names another MTU");
	MUST(same(ip + header, in->byte + r->l3, quote), "the quote is not the packet's beginning");
	return NULL;
}

/* ---- all */

static uint32_t action_of(uint32_t reason)
{
	static const uint32_t actions[] = {
#define X(e, name, action, text) XDP_##action,
		SHUNT_REASONS(X)
#undef X
	};

	return actions[reason];
}

const char *check(const struct frame *in, const struct reading *r, const struct expectation *e,
		  const struct outcome *got)
{
	if (got->counter >= DESTINATION) {
		MUST(!e->reasons && e->target, "forwarded, but should not be");
		MUST(got->counter == DESTINATION + e->target->id, "counted at another destination than the flow's");
		return check_forwarded(in, r, e, got);
	}
	MUST(got->counter < SHUNT_REASON_COUNT, "counted under a reason that there is not");
	if (got->counter != SHUNT_REASON_FRAGMENT_EARLY || !e->may_be_early) {
		MUST(e->reasons, "not forwarded, but should be");
		MUST(e->reasons >> got->counter & 1, "counted under a reason that it does not have");
	}
	MUST(got->action == action_of(got->counter), "the action is not that of the reason");
	if (got->action == XDP_PASS)
		MUST(got->out.len == in->len && same(got->out.byte, in->byte, in->len), "passed, but not as it came");
	if (got->counter == SHUNT_REASON_ECHO_REPLY)
		return check_echo(in, r, &got->out);
	if (got->counter == SHUNT_REASON_TOO_BIG_REPLY)
		return check_too_big(in, r, &got->out, e->told_mtu);
	return NULL;
}
