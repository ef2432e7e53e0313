/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What must become of a packet: from its reading, the configuration, and the daemon's own ring and hash. A sound packet for a VIP has one
 * destination and must get there. Of one with several faults any may be the reason, but none that it has not; and what is no
 * VIP's passes, whatever else is wrong with it.
 */
#include <netinet/in.h>
#include <string.h>

#include "packets.h"

enum { ERROR4_MAX = 576, ERROR4_HEADERS = 28, MTU4_MIN = 68, MTU6_MIN = 1280 };

/* One host's address, by RFC 1122 and RFC 4291: such as could have sent the packet. */
static bool is_host(const struct shunt_addr *addr)
{
	static const uint8_t zeros[4]; /* of ::/32 nothing is one: loopback, IPv4-mapped and the like */
	uint8_t byte[16];

	memcpy(byte, addr->word, sizeof(byte));
	if (addr->family == SHUNT_FAMILY_IPV4)
		return byte[0] != 0 && byte[0] != 127 && byte[0] < 224;
	return byte[0] != 0xff && memcmp(byte, zeros, sizeof(zeros));
}

/* May the packet's sender be answered? */
static bool is_answerable(const struct frame *in, const struct reading *r)
{
	bool echo;

	return !(in->byte[0] & 1) && !(in->byte[6] & 1) && is_host(&r->flow.src) && !has_vip(&r->flow.src, &echo);
}

static const struct target *choose(const struct world *w, const struct model_service *service, const struct flow *flow)
{
	int nth = service - w->model->services;
	uint64_t hash = hash_of(&w->keys, nth, service->salt, flow);
	uint32_t index = service->ring->slots[shunt_tag_slot(shunt_flow_tag(hash), service->ring_size)];

	return conns_choice(index == RING_NONE ? NULL : &w->targets[nth][index]);
}

/* RFC 1191, 1812, 8201 and 4443: who is told that the packet is too big, and what would fit. */
static uint64_t too_big(const struct world *w, const struct frame *in, const struct reading *r, bool may_tell,
			struct expectation *e)
{
	uint32_t ip_len = r->end - r->l3;
	int fits = (int)e->target->dest->nexthop.mtu - (int)tunnel_overhead(e->target);

	if (r->flow.proto == IPPROTO_ICMP || r->flow.proto == IPPROTO_ICMPV6)
		return BIT(TOO_BIG);
	if (!w->model->icmp_rate || !is_answerable(in, r))
		return BIT(TOO_BIG);
	if (r->is_v6 ? ip_len <= MTU6_MIN : ip_len < ERROR4_MAX - ERROR4_HEADERS || fits < MTU4_MIN)
		return BIT(TOO_BIG);
	if (!r->is_v6 && (!(in->byte[r->l3 + 6] & 0x40) || r->fragment == FRAGMENT_LATER))
		return BIT(TOO_BIG);
	e->told_mtu = r->is_v6 && fits < MTU6_MIN ? MTU6_MIN : fits;
	return may_tell ? BIT(TOO_BIG_REPLY) : BIT(TOO_BIG_LIMITED);
}

/* What keeps the packet from e->target. */
static uint64_t hindrances(const struct world *w, const struct frame *in, const struct reading *r, bool may_tell,
			   struct expectation *e)
{
	uint64_t reasons = 0;

	if (e->target->soundness == NOT_IN_USE)
		reasons |= BIT(BAD_DEST);
	if (e->target->soundness == UNRESOLVED)
		reasons |= BIT(NO_NEXTHOP);
	if (r->ttl <= 1)
		reasons |= BIT(TTL_EXPIRED);
	if (r->end - r->l3 + tunnel_overhead(e->target) > e->target->dest->nexthop.mtu)
		reasons |= too_big(w, in, r, may_tell, e);
	return reasons;
}

/* r: the packet; flow: its own, or that of the quote in it. */
static struct expectation expect_flow(const struct world *w, const struct frame *in, const struct reading *r,
				      const struct flow *flow, bool may_tell)
{
	const struct model_service *service = world_service(w, &flow->dst, flow->dport, flow->proto);
	struct expectation e = {};

	if (!service)
		return (struct expectation){.reasons = BIT(NOT_VIP)};
	if (in->byte[0] & 1)
		e.reasons |= BIT(TO_GROUP);
	if (!is_host(&flow->src) || addr_equal(&flow->src, &flow->dst))
		e.reasons |= BIT(MARTIAN);
	if (!is_served(service - w->model->services, &flow->src))
		e.reasons |= BIT(SOURCE_DENIED);
	if (e.reasons)
		return e;
	e.target = flow == &r->flow ? quic_target(w, service, in, r) : NULL;
	e.by_cid = e.target;
	if (!e.target)
		e.target = choose(w, service, flow);
	if (!e.target)
		return (struct expectation){.reasons = service->wakes ? BIT(ASLEEP) : BIT(NO_BACKEND)};
	e.reasons = hindrances(w, in, r, may_tell, &e);
	return e;
}

/* To a VIP's address, without faults: it follows the first one of its datagram. */
static struct expectation expect_later(const struct world *w, const struct frame *in, const struct reading *r,
				       bool may_tell)
{
	struct expectation e = {.may_be_early = true};

	if (!fragments_find(w, r, &e.target))
		return (struct expectation){.reasons = BIT(FRAGMENT_EARLY)};
	if (!e.target)
		e.reasons = BIT(NOT_VIP);
	else if (in->byte[0] & 1)
		e.reasons = BIT(TO_GROUP);
	else
		e.reasons = hindrances(w, in, r, may_tell, &e);
	return e;
}

/* Without the ports, a fragment is known by its address. */
static struct expectation expect_fragment(const struct world *w, const struct frame *in, const struct reading *r,
					  bool may_tell)
{
	bool echo, is_icmp = r->flow.proto == (r->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	uint64_t faults = r->faults;

	if (!has_vip(&r->flow.dst, &echo)) {
		faults &= ~(BIT(FRAGMENT_SIZE) | BIT(FRAGMENT_HEADER));
		return (struct expectation){.reasons = faults | BIT(NOT_VIP)};
	}
	if (is_icmp)
		faults = (faults & ~BIT(NOT_TCP_UDP)) | BIT(FRAGMENT);
	if (faults)
		return (struct expectation){.reasons = faults};
	return r->fragment == FRAGMENT_LATER ? expect_later(w, in, r, may_tell)
					     : expect_flow(w, in, r, &r->flow, may_tell);
}

/* To a VIP's address. */
static struct expectation expect_icmp(const struct world *w, const struct frame *in, const struct reading *r, bool echo)
{
	struct reading quote;
	uint8_t type = in->byte[r->l4];
	bool is_error = r->is_v6 ? type >= 1 && type <= 4 : type == 3 || type == 11 || type == 12;

	if (type == (r->is_v6 ? 128 : 8)) {
		bool answer = echo && !r->has_options && is_answerable(in, r);

		return (struct expectation){.reasons = answer ? BIT(ECHO_REPLY) : BIT(ECHO_REFUSED)};
	}
	if (!is_error)
		return (struct expectation){.reasons = BIT(NOT_TCP_UDP)};
	read_quote(in, r, &quote);
	if (quote.faults)
		return (struct expectation){.reasons = quote.faults};
	return expect_flow(w, in, r, &quote.flow, false);
}

/* An ICMP error that is not to a VIP: does it say that an outer packet, sent from where the error is to, was too big? */
static uint64_t expect_report(const struct frame *in, const struct reading *r)
{
	const uint8_t *icmp = in->byte + r->l4, *quote = icmp + 8;
	uint32_t header = r->is_v6 ? IPV6 : IPV4;
	uint8_t proto;

	if (r->l4 + 8 + header > in->len || quote[0] >> 4 != (r->is_v6 ? 6 : 4))
		return BIT(NOT_TCP_UDP);
	if (r->is_v6 ? icmp[0] != 2 : icmp[0] != 3 || icmp[1] != 4)
		return BIT(NOT_TCP_UDP);
	proto = quote[r->is_v6 ? 6 : 9];
	if (proto != IPPROTO_IPIP && proto != IPPROTO_IPV6 && proto != IPPROTO_GRE && proto != IPPROTO_UDP)
		return BIT(NOT_TCP_UDP);
	if (memcmp(quote + (r->is_v6 ? 8 : 12), r->flow.dst.word, r->is_v6 ? 16 : 4))
		return BIT(NOT_TCP_UDP);
	return BIT(PATH_MTU);
}

struct expectation expect(const struct world *w, const struct frame *in, const struct reading *r, bool may_tell)
{
	bool is_icmp = r->flow.proto == (r->is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP), echo = false, known;
	uint64_t not_ours;

	if (!r->is_ip || !r->flow.dst.family)
		return (struct expectation){.reasons = r->faults};
	if (r->fragment)
		return expect_fragment(w, in, r, may_tell);
	known = is_icmp ? has_vip(&r->flow.dst, &echo)
			: r->has_ports && world_service(w, &r->flow.dst, r->flow.dport, r->flow.proto);
	if (is_icmp && !known && !r->faults)
		return (struct expectation){.reasons = expect_report(in, r)};
	not_ours = known ? 0 : is_icmp ? BIT(NOT_TCP_UDP) : BIT(NOT_VIP);
	if (r->faults || not_ours)
		return (struct expectation){.reasons = r->faults | not_ours};
	return is_icmp ? expect_icmp(w, in, r, echo) : expect_flow(w, in, r, &r->flow, may_tell);
}
