/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Well-formed packets, each with all its lengths and the checksums that anybody looks at: Ethernet, tags, IPv4 with options, IPv6 with
 * extension headers, TCP, UDP, echo, ICMP errors with the packet that they are about. Most are for VIPs, and sizes are often
 * such that a packet just fits its backend's path, or just does not. Payload is what lay in the buffer before.
 */
#include <netinet/in.h>
#include <string.h>

#include "packets.h"

struct maker {
	uint8_t *byte;
	uint32_t at;
	struct made_fragment {
		bool is;
		uint16_t offset; /* in bytes */
		bool more;
		uint32_t id;
	} fragment;
	const struct config_server_id *server_id; /* NULL, or for QUIC */
	struct marks *marks;
};

static void mark(struct maker *m, enum part part, uint32_t at)
{
	if (m->marks->count < sizeof(m->marks->mark) / sizeof(m->marks->mark[0]))
		m->marks->mark[m->marks->count++] = (struct mark){part, at};
}

static uint8_t *put(struct maker *m, uint32_t len)
{
	uint8_t *at = m->byte + m->at;

	m->at += len;
	return at;
}

static void put_random(uint8_t *at, uint32_t len)
{
	for (uint32_t i = 0; i < len; i += 8) {
		uint64_t word = chance();

		memcpy(at + i, &word, len - i < 8 ? len - i : 8);
	}
}

static void put_addr(uint8_t *at, const struct shunt_addr *addr)
{
	memcpy(at, addr->word, addr->family == SHUNT_FAMILY_IPV6 ? 16 : 4);
}

/* ---- what IP carries */

/* Of few datagrams, so that others of the same come. Most are sound. */
static void draw_fragment(struct maker *m, struct flow *flow)
{
	m->fragment = (struct made_fragment){.is = true, .more = !one_in(3), .id = below(2)};
	if (one_in(2))
		m->fragment.offset = one_in(4) ? 8 * below(8192) : 8 * (1 + below(4));
	else
		m->fragment.more = m->fragment.more || !one_in(8);
	if (flow->src.family == SHUNT_FAMILY_IPV6)
		((uint8_t *)flow->src.word)[15] &= 7;
	else
		((uint8_t *)flow->src.word)[3] &= 7;
}

/* The data begins at data; all but the last have a multiple of 8 bytes. */
static void pad_fragment(struct maker *m, uint32_t data)
{
	if (m->fragment.is && m->fragment.more && !one_in(16))
		put(m, (8 - (m->at - data) % 8) % 8);
}

/* How long the payload is that follows what has been made so far: the IP packet began at l3. */
static uint32_t payload_len(const struct maker *m, uint32_t l3)
{
	static const uint32_t mtus[] = {1500, 1400, 1540, 1280, 3000, 600, 576};
	uint32_t used = m->at - l3, len;

	switch (below(8)) {
	case 0:
	case 1:
		len = ANY(mtus) - below(15) * 4 + below(5) - 2;
		return len > used ? len - used : 0;
	case 2:
		return below(1500);
	case 3:
		return !one_in(4) ? 0 : below(one_in(16) ? FRAME_MAX - 400 : BUFFER_MAX - 400);
	default:
		return below(64);
	}
}

static void put_payload(struct maker *m, uint32_t l3)
{
	uint32_t len = payload_len(m, l3);

	if (m->at + len > FRAME_MAX)
		len = m->at < FRAME_MAX ? FRAME_MAX - m->at : 0;
	put(m, len);
}

static void put_ports(struct maker *m, const struct flow *flow)
{
	uint32_t len = flow->proto == IPPROTO_TCP ? 20 : 8, begin = m->at;
	uint8_t *at = put(m, len);

	mark(m, PART_PORTS, begin);
	put_random(at, len);
	put16(at, flow->sport);
	put16(at + 2, flow->dport);
	if (flow->proto == IPPROTO_TCP)
		at[12] = 0x50;
}

/* Only the checksum is missing: of what follows, too. */
static void put_echo(struct maker *m, bool is_v6)
{
	uint8_t *at = put(m, 8);

	mark(m, PART_ICMP, m->at - 8);
	put_random(at, 8);
	at[0] = is_v6 ? 128 : 8;
	at[1] = 0;
	if (one_in(8))
		memset(at + 4, 0, 4);
}

static void put_ip(struct maker *m, const struct flow *flow, bool is_quote);

/* About a packet that the VIP sent to the client. */
static void put_error(struct maker *m, const struct flow *flow, bool is_v6)
{
	static const uint8_t types4[] = {3, 3, 3, 11, 12, 4, 5, 0, 13}, types6[] = {1, 2, 2, 3, 4, 0, 5, 127, 135};
	static const uint8_t tunnels[] = {IPPROTO_IPIP, IPPROTO_IPV6, IPPROTO_GRE,
					  IPPROTO_UDP,	IPPROTO_TCP,  IPPROTO_ESP};
	struct flow quoted = {flow->dst, flow->src, flow->dport, flow->sport, flow->proto};
	uint8_t *at = put(m, 8);
	uint32_t begin = m->at;

	mark(m, PART_ICMP, m->at - 8);
	put_random(at, 8);
	at[0] = is_v6 ? ANY(types6) : ANY(types4);
	if (one_in(10))
		quoted.src = make_address(is_v6);
	if (one_in(10))
		quoted.dst = make_address(is_v6);
	if (one_in(4)) { /* "fragmentation needed", about an outer packet perhaps */
		at[0] = is_v6 ? 2 : 3;
		at[1] = is_v6 ? at[1] : 4;
		quoted.proto = ANY(tunnels);
	}
	put_ip(m, &quoted, true);
	if (one_in(3)) /* RFC 792: 8 bytes behind the header; the minimum */
		m->at = begin + (is_v6 ? 40 : (m->byte[begin] & 15) * 4) + 8;
	else if (one_in(8))
		m->at = begin + below(m->at - begin);
}

/* It begins at l4. Seldom a lie; of a fragment, longer than it is. */
static void put_udp_len(struct maker *m, uint32_t l4)
{
	uint32_t len = m->at - l4;

	if (m->fragment.is)
		len += below(2000);
	if (one_in(24))
		len = one_in(2) ? below(9) : len + below(9);
	put16(m->byte + l4 + 4, len);
}

/* Over the payload, which begins at: headers of which many are for the server that the connection id names. */
static void put_quic(struct maker *m, uint32_t at)
{
	static const uint8_t versions[][4] = {{0, 0, 0, 1}, {0x6b, 0x33, 0x43, 0xcf}, {0, 0, 0, 2}};
	const struct config_server_id *id = m->server_id;
	uint8_t *byte = m->byte + at, *cid = byte + 1;
	bool is_long = one_in(2);

	if (m->at < at + 32)
		m->at = at + 32;
	byte[0] = (chance() & 0x7f) | (is_long ? 0x80 : 0);
	if (is_long) {
		memcpy(byte + 1, ANY(versions), 4);
		byte[5] = one_in(8) ? chance() : 20;
		cid = byte + 6;
	}
	put_random(cid, 20);
	cid[0] = (cid[0] & 31) | (one_in(8) ? chance() & 0xe0 : id->len == 15 ? 5 << 5 : 0);
	memcpy(cid + 1, id->byte, id->len);
	if (one_in(6))
		m->at = at + below(32);
}

/* If the flow is of a service with QUIC. */
static void draw_server_id(struct maker *m, const struct world *w, const struct flow *flow)
{
	const struct model_service *service = world_service(w, &flow->dst, flow->dport, flow->proto);
	const struct model_dest *dest;

	if (!service || !service->quic || !service->dest_count || flow->proto != IPPROTO_UDP || one_in(4))
		return;
	dest = &service->dests[below(service->dest_count)];
	m->server_id = &dest->server_ids[below(dest->server_id_count)];
}

enum carried { CARRY_PORTS, CARRY_ECHO, CARRY_ERROR, CARRY_OTHER };

static void put_carried(struct maker *m, const struct flow *flow, enum carried what, uint32_t l3, uint32_t l4)
{
	bool is_v6 = m->byte[l3] >> 4 == 6;
	uint8_t *ip = m->byte + l3;

	if (what == CARRY_ERROR)
		put_error(m, flow, is_v6);
	else if (what == CARRY_ECHO)
		put_echo(m, is_v6);
	else if (what == CARRY_PORTS && !m->fragment.offset)
		put_ports(m, flow);
	if (what != CARRY_ERROR || one_in(8))
		put_payload(m, l3);
	if (m->server_id && what == CARRY_PORTS && !m->fragment.offset)
		put_quic(m, l4 + 8);
	pad_fragment(m, l4);
	if (what == CARRY_PORTS && flow->proto == IPPROTO_UDP && !m->fragment.offset)
		put_udp_len(m, l4);
	if (is_v6)
		put16(ip + 4, m->at - l3 - IPV6);
	else
		put16(ip + 2, m->at - l3);
	if (what == CARRY_ECHO || what == CARRY_ERROR) {
		put16(m->byte + l4 + 2, 0);
		put16(m->byte + l4 + 2, ~sum_icmp(ip, l4 - l3, m->at - l3));
	}
}

static uint8_t proto_of(const struct flow *flow, enum carried what, bool is_v6)
{
	if (what == CARRY_PORTS)
		return flow->proto;
	return what == CARRY_OTHER ? chance() : is_v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}

static void put_ipv4(struct maker *m, const struct flow *flow, enum carried what)
{
	uint32_t l3 = m->at, options = one_in(8) ? 4 * (1 + below(10)) : 0;
	uint8_t *ip = put(m, IPV4 + options);

	mark(m, PART_IPV4, l3);
	put_random(ip, IPV4 + options);
	ip[0] = 0x45 + options / 4;
	put16(ip + 6, one_in(3) ? 0 : 0x4000);
	if (one_in(12))
		put16(ip + 6, chance());
	if (m->fragment.is) {
		put16(ip + 4, m->fragment.id);
		put16(ip + 6, m->fragment.offset / 8 | (m->fragment.more ? 0x2000 : 0) | (one_in(8) ? 0x4000 : 0));
	}
	ip[8] = one_in(12) ? below(3) : 64;
	ip[9] = proto_of(flow, what, false);
	put16(ip + 10, 0);
	put_addr(ip + 12, &flow->src);
	put_addr(ip + 16, &flow->dst);
	put_carried(m, flow, what, l3, m->at);
	put16(ip + 10, ~sum_fold(sum_bytes(ip, IPV4 + options, 0)));
}

/* next: where the type of the first one goes. Returns where that of what follows them goes. */
static uint8_t *put_extensions(struct maker *m, uint8_t *next)
{
	static const uint8_t types[] = {60, 60, 43, 43, 51, 51, 60, 0, 44, 135};
	uint32_t count = one_in(16) ? 1 + below(9) : 1 + below(3);

	for (uint32_t i = 0; i < count && m->at < FRAME_MAX / 2; i++) {
		uint8_t type = !i && one_in(3) ? 0 : ANY(types), units = one_in(20) ? below(40) : below(4);
		uint32_t len = type == IPPROTO_AH ? (units + 2) * 4 : (units + 1) * 8;
		uint8_t *at;

		if (type == IPPROTO_AH && !units) /* RFC 4302 has none so short */
			continue;
		mark(m, PART_EXTENSION, m->at);
		at = put(m, len);
		put_random(at, len);
		*next = type;
		at[1] = units;
		if (type == IPPROTO_FRAGMENT) {
			m->at = at + 8 - m->byte;
			put16(at + 2, one_in(2) ? 0 : chance());
		} else if (type == IPPROTO_ROUTING && !one_in(6)) {
			at[3] = 0;
		}
		next = at;
	}
	return next;
}

static uint8_t *put_fragment(struct maker *m, uint8_t *next)
{
	uint8_t *at = put(m, 8);

	mark(m, PART_EXTENSION, m->at - 8);
	*next = IPPROTO_FRAGMENT;
	at[1] = chance(); /* reserved */
	put16(at + 2, m->fragment.offset | m->fragment.more);
	put16(at + 4, 0);
	put16(at + 6, m->fragment.id);
	return at;
}

static void put_ipv6(struct maker *m, const struct flow *flow, enum carried what)
{
	uint32_t l3 = m->at;
	uint8_t *ip = put(m, IPV6), *next = ip + 6;

	mark(m, PART_IPV6, l3);
	put_random(ip, 8);
	ip[0] = 0x60 | (ip[0] & 15);
	ip[7] = one_in(12) ? below(3) : 64;
	put_addr(ip + 8, &flow->src);
	put_addr(ip + 24, &flow->dst);
	if (one_in(6))
		next = put_extensions(m, next);
	if (m->fragment.is)
		next = put_fragment(m, next);
	*next = proto_of(flow, what, true);
	put_carried(m, flow, what, l3, m->at);
}

static void put_ip(struct maker *m, const struct flow *flow, bool is_quote)
{
	static const enum carried kinds[] = {CARRY_PORTS, CARRY_PORTS, CARRY_PORTS, CARRY_PORTS,
					     CARRY_PORTS, CARRY_PORTS, CARRY_PORTS, CARRY_PORTS,
					     CARRY_ECHO,  CARRY_ERROR, CARRY_ERROR, CARRY_OTHER};
	enum carried what = is_quote && !one_in(16) ? CARRY_PORTS : ANY(kinds);

	if (is_quote && what == CARRY_ERROR)
		what = CARRY_OTHER;
	if (flow->dst.family == SHUNT_FAMILY_IPV6)
		put_ipv6(m, flow, what);
	else
		put_ipv4(m, flow, what);
}

/* ---- the frame */

static void put_tags(struct maker *m)
{
	static const uint32_t counts[] = {1, 1, 1, 2, 2, 3};

	for (uint32_t count = one_in(5) ? ANY(counts) : 0; count; count--) {
		uint8_t *at = put(m, TAG);

		mark(m, PART_TAG, m->at - TAG);
		put16(at - 2, one_in(2) ? 0x8100 : 0x88a8);
		put_random(at, 2);
	}
}

static void put_ether(struct maker *m)
{
	static const uint8_t macs[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9};
	uint8_t *at = put(m, ETHER);

	mark(m, PART_ETHER, 0);
	memcpy(at, macs, sizeof(macs));
	if (one_in(40))
		at[0] |= 1;
	if (one_in(40))
		at[6] |= 1;
	put_tags(m);
}

void make_packet(const struct world *w, struct frame *frame, struct marks *marks)
{
	struct maker m = {.byte = frame->byte, .marks = marks};
	bool is_v6 = one_in(2);
	struct flow flow = make_flow(is_v6);

	marks->count = 0;
	if (one_in(8))
		draw_fragment(&m, &flow);
	draw_server_id(&m, w, &flow);
	put_ether(&m);
	if (one_in(40)) {
		put_random(m.byte + m.at - 2, 2 + 40);
		m.at += 40;
	} else {
		put16(m.byte + m.at - 2, is_v6 ? 0x86dd : 0x0800);
		put_ip(&m, &flow, false);
	}
	if (m.at < 60 && one_in(2))
		m.at = 60;
	else if (one_in(16))
		m.at += below(32);
	frame->len = m.at < FRAME_MAX ? m.at : FRAME_MAX;
}
