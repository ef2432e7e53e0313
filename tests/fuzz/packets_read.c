/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reader of packets that shares nothing with the program's: from IEEE 802.1Q, RFC 791, 8200, 4302, 9293, 768, 792 and 4443, with the
 * limits that docs/design.md states. It looks on after a fault as long as there is sense in it, and so finds all of them.
 */
#include <netinet/in.h>
#include <string.h>

#include "packets.h"

enum { TAGS_MAX = 2, EXTENSIONS_MAX = 6, EXTENSION_BYTES_MAX = 256 };
enum { ICMP_HEADER = 8, PORTS = 4 };

uint32_t sum_bytes(const uint8_t *at, uint32_t len, uint32_t sum)
{
	for (uint32_t i = 0; i + 1 < len; i += 2)
		sum += get16(at + i);
	return len & 1 ? sum + (at[len - 1] << 8) : sum;
}

uint16_t sum_fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

uint16_t sum_icmp(const uint8_t *ip, uint32_t header_len, uint32_t ip_len)
{
	uint32_t sum = 0, len = ip_len - header_len;

	if (ip[0] >> 4 == 6)
		sum = sum_bytes(ip + 8, 32, len + IPPROTO_ICMPV6);
	return sum_fold(sum_bytes(ip + header_len, len, sum));
}

static void get_addr(struct shunt_addr *addr, const uint8_t *at, bool is_v6)
{
	*addr = (struct shunt_addr){.family = is_v6 ? SHUNT_FAMILY_IPV6 : SHUNT_FAMILY_IPV4};
	memcpy(addr->word, at, is_v6 ? 16 : 4);
}

static void note_fragment(struct reading *r, uint32_t offset, bool more)
{
	r->offset = offset;
	r->more = more;
	r->fragment = offset ? FRAGMENT_LATER : more ? FRAGMENT_FIRST : FRAGMENT_NONE;
}

/* The IPv4 header at l3, of which limit says where it must end at the latest. false: there is no sense in what follows. */
static bool read_ipv4(const struct frame *f, uint32_t limit, struct reading *r)
{
	const uint8_t *ip = f->byte + r->l3;

	if (r->l3 + IPV4 > limit) {
		r->faults |= BIT(TRUNCATED);
		return false;
	}
	if (ip[0] >> 4 != 4 || (ip[0] & 15) < 5) {
		r->faults |= BIT(BAD_HEADER);
		return false;
	}
	r->tos = ip[1];
	r->end = r->l3 + get16(ip + 2);
	r->ttl = ip[8];
	r->flow.proto = ip[9];
	get_addr(&r->flow.src, ip + 12, false);
	get_addr(&r->flow.dst, ip + 16, false);
	r->l4 = r->l3 + (ip[0] & 15) * 4;
	r->has_options = (ip[0] & 15) > 5;
	note_fragment(r, (get16(ip + 6) & 0x1fff) * 8, get16(ip + 6) & 0x2000);
	memcpy(&r->fragment_id, ip + 4, 2);
	r->data = r->l4;
	return true;
}

static bool is_extension(uint8_t proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH || proto == IPPROTO_MH;
}

static uint32_t extension_len(uint8_t proto, const uint8_t *ext)
{
	if (proto == IPPROTO_FRAGMENT)
		return 8;
	return proto == IPPROTO_AH ? (ext[1] + 2) * 4 : (ext[1] + 1) * 8;
}

static uint64_t extension_faults(uint8_t proto, const uint8_t *ext, uint32_t before)
{
	if (proto == IPPROTO_MH || (proto == IPPROTO_HOPOPTS && before))
		return BIT(EXT_HEADER);
	if (proto == IPPROTO_ROUTING && ext[3])
		return BIT(SEGMENTS_LEFT);
	return 0;
}

/* RFC 6946: with neither offset nor more to come it tells nothing. A fragment of a fragment nobody makes. */
static void read_fragment_header(const uint8_t *ext, struct reading *r)
{
	uint16_t word = get16(ext + 2);

	if (!(word & 0xfff9))
		return;
	if (r->fragment)
		r->faults |= BIT(EXT_HEADER);
	note_fragment(r, word & 0xfff8, word & 1);
	memcpy(&r->fragment_id, ext + 4, 4);
	r->data = r->l4 + 8;
}

/* limit: where the bytes end; r->end: where the packet says that it does. */
static bool read_extensions(const struct frame *f, uint32_t limit, struct reading *r)
{
	const uint32_t begin = r->l4;

	for (uint32_t before = 0; is_extension(r->flow.proto); before++) {
		const uint8_t *ext = f->byte + r->l4;

		if (r->l4 + 8 > r->end) /* RFC 7112: nor may a first fragment end there */
			r->faults |= r->fragment ? BIT(FRAGMENT_HEADER) : BIT(BAD_HEADER);
		if (r->l4 + 8 > limit)
			r->faults |= BIT(TRUNCATED);
		if (before == EXTENSIONS_MAX)
			r->faults |= BIT(EXT_LIMIT);
		if (r->l4 + 8 > r->end || r->l4 + 8 > limit)
			return false;
		r->faults |= extension_faults(r->flow.proto, ext, before);
		if (r->flow.proto == IPPROTO_FRAGMENT)
			read_fragment_header(ext, r);
		if (before == EXTENSIONS_MAX)
			return false;
		r->l4 += extension_len(r->flow.proto, ext);
		r->flow.proto = ext[0];
		if (r->l4 - begin > EXTENSION_BYTES_MAX) {
			r->faults |= BIT(EXT_LIMIT);
			return false;
		}
		if (r->fragment == FRAGMENT_LATER)
			break;
	}
	r->has_options = r->l4 != begin;
	return true;
}

static bool read_ipv6(const struct frame *f, uint32_t limit, struct reading *r)
{
	const uint8_t *ip = f->byte + r->l3;

	if (r->l3 + IPV6 > limit) {
		r->faults |= BIT(TRUNCATED);
		return false;
	}
	if (ip[0] >> 4 != 6) {
		r->faults |= BIT(BAD_HEADER);
		return false;
	}
	r->tos = get16(ip) >> 4;
	r->end = r->l3 + IPV6 + get16(ip + 4);
	r->flow.proto = ip[6];
	r->ttl = ip[7];
	get_addr(&r->flow.src, ip + 8, true);
	get_addr(&r->flow.dst, ip + 24, true);
	r->l4 = r->l3 + IPV6;
	return read_extensions(f, limit, r);
}

static void read_ports(const struct frame *f, uint32_t limit, struct reading *r)
{
	r->has_ports = r->l4 + PORTS <= limit;
	if (!r->has_ports)
		return;
	r->flow.sport = get16(f->byte + r->l4);
	r->flow.dport = get16(f->byte + r->l4 + 2);
}

/* RFC 768: its own header at least, and what IP has for it at most; more than a first fragment has, since others follow. */
static void read_udp_len(const struct frame *f, struct reading *r)
{
	uint32_t len;

	if (r->flow.proto != IPPROTO_UDP || r->l4 + 8 > f->len)
		return;
	len = get16(f->byte + r->l4 + 4);
	if (len < 8 || (!r->fragment && r->l4 + len > r->end))
		r->faults |= BIT(BAD_HEADER);
}

/* RFC 1858, 3128, 7112, 8200: what a fragment must be, for its datagram to be put together. */
static void read_fragment(const struct frame *f, struct reading *r)
{
	uint8_t proto = r->flow.proto;
	uint32_t least = proto == IPPROTO_TCP ? 20 : 8;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP && !(r->is_v6 && is_extension(proto)))
		r->faults |= BIT(NOT_TCP_UDP);
	if (r->end > f->len)
		r->faults |= BIT(TRUNCATED);
	if (r->end <= r->data || r->offset + r->end - r->data > 65535 || (r->more && (r->end - r->data) % 8))
		r->faults |= BIT(FRAGMENT_SIZE);
	if (r->fragment == FRAGMENT_FIRST ? r->l4 + least > r->end : proto == IPPROTO_TCP && r->offset < least)
		r->faults |= BIT(FRAGMENT_HEADER);
	if (r->fragment == FRAGMENT_FIRST) {
		read_ports(f, f->len, r);
		read_udp_len(f, r);
	}
}

/* A whole header in the packet, and the whole packet in the frame. */
static void read_carried(const struct frame *f, struct reading *r)
{
	uint32_t least;

	switch (r->flow.proto) {
	case IPPROTO_TCP:
		least = 20;
		break;
	case IPPROTO_UDP:
		least = 8;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		least = ICMP_HEADER;
		if ((r->flow.proto == IPPROTO_ICMPV6) == r->is_v6)
			break;
		/* fallthrough */
	default:
		r->faults |= BIT(NOT_TCP_UDP);
		return;
	}
	if (r->l4 + least > r->end)
		r->faults |= BIT(BAD_HEADER);
	if (r->end > f->len || r->l4 + PORTS > f->len)
		r->faults |= BIT(TRUNCATED);
	if (r->flow.proto == IPPROTO_TCP || r->flow.proto == IPPROTO_UDP)
		read_ports(f, f->len, r);
	read_udp_len(f, r);
}

/* Behind Ethernet and tags; 0: the frame ends there, or there are too many. */
static uint16_t read_ether(const struct frame *f, struct reading *r)
{
	uint16_t type = get16(f->byte + 12);

	r->l3 = ETHER;
	for (int tags = 0; type == 0x8100 || type == 0x88a8; tags++) {
		if (tags == TAGS_MAX)
			r->faults |= BIT(VLAN_DEPTH);
		if (r->l3 + TAG > f->len)
			r->faults |= BIT(TRUNCATED);
		if (r->faults)
			return 0;
		type = get16(f->byte + r->l3 + 2);
		r->l3 += TAG;
	}
	return type;
}

void read_frame(const struct frame *frame, struct reading *out)
{
	uint16_t type;
	bool whole;

	memset(out, 0, sizeof(*out));
	type = read_ether(frame, out);
	if (out->faults)
		return;
	out->is_v6 = type == 0x86dd;
	out->is_ip = out->is_v6 || type == 0x0800;
	if (!out->is_ip) {
		out->faults |= BIT(NOT_IP);
		return;
	}
	whole = out->is_v6 ? read_ipv6(frame, frame->len, out) : read_ipv4(frame, frame->len, out);
	if (out->fragment)
		read_fragment(frame, out);
	else if (whole)
		read_carried(frame, out);
}

/* What stops the reading of a packet stops that of a quote under another name. */
static uint64_t quote_faults(uint64_t faults, bool is_v6)
{
	static const struct {
		uint64_t packet, quote;
	} names[] = {
		{BIT(TRUNCATED), BIT(ICMP_TRUNCATED)},
		{BIT(EXT_HEADER) | BIT(EXT_LIMIT) | BIT(SEGMENTS_LEFT) | BIT(FRAGMENT_HEADER), BIT(ICMP_EXT_HEADER)},
	};
	uint64_t out =
		faults & BIT(BAD_HEADER) ? is_v6 ? BIT(ICMP_EXT_HEADER) | BIT(ICMP_BAD_QUOTE) : BIT(ICMP_BAD_QUOTE) : 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (faults & names[i].packet)
			out |= names[i].quote;
	return out;
}

void read_quote(const struct frame *frame, const struct reading *error, struct reading *out)
{
	struct flow sent;
	bool whole;

	memset(out, 0, sizeof(*out));
	out->is_v6 = error->is_v6;
	out->l3 = error->l4 + ICMP_HEADER;
	whole = out->is_v6 ? read_ipv6(frame, error->end, out) : read_ipv4(frame, error->end, out);
	out->faults = quote_faults(out->faults, out->is_v6);
	if (out->fragment == FRAGMENT_LATER)
		out->faults |= BIT(ICMP_FRAGMENT);
	/* Where the quote ends within extension headers, Ethernet's padding may be read as the rest of them: never as ports. */
	if (out->is_v6 && out->flow.src.family && out->faults & BIT(ICMP_TRUNCATED))
		out->faults |= BIT(ICMP_EXT_HEADER) | BIT(ICMP_FRAGMENT) | BIT(NOT_TCP_UDP);
	if (out->flow.src.family && !addr_equal(&out->flow.src, &error->flow.dst))
		out->faults |= BIT(ICMP_BAD_QUOTE);
	if (!whole || out->fragment == FRAGMENT_LATER) /* the first has the ports */
		return;
	sent = out->flow;
	if (sent.proto != IPPROTO_TCP && sent.proto != IPPROTO_UDP)
		out->faults |= BIT(NOT_TCP_UDP);
	read_ports(frame, error->end, out);
	if (!out->has_ports && !(out->faults & BIT(NOT_TCP_UDP)))
		out->faults |= BIT(ICMP_TRUNCATED);
	out->flow = (struct flow){sent.dst, sent.src, out->flow.dport, out->flow.sport, sent.proto};
}
