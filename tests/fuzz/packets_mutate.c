/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mutation: of fields, at the headers that the packet was made with, and of bytes, anywhere.
 */
#include <string.h>

#include "packets.h"

/* What decides about a packet, and how long it is. */
static const struct field {
	enum part part;
	uint8_t at, len;
} fields[] = {
	{PART_ETHER, 0, 1},	{PART_ETHER, 6, 1},	{PART_ETHER, 12, 2},	{PART_TAG, 0, 2},
	{PART_TAG, 2, 2},	{PART_IPV4, 0, 1},	{PART_IPV4, 0, 1},	{PART_IPV4, 1, 1},
	{PART_IPV4, 2, 2},	{PART_IPV4, 2, 2},	{PART_IPV4, 6, 2},	{PART_IPV4, 8, 1},
	{PART_IPV4, 9, 1},	{PART_IPV4, 10, 2},	{PART_IPV4, 12, 4},	{PART_IPV4, 16, 4},
	{PART_IPV6, 0, 1},	{PART_IPV6, 4, 2},	{PART_IPV6, 4, 2},	{PART_IPV6, 6, 1},
	{PART_IPV6, 7, 1},	{PART_IPV6, 8, 16},	{PART_IPV6, 24, 16},	{PART_EXTENSION, 0, 1},
	{PART_EXTENSION, 1, 1}, {PART_EXTENSION, 2, 2}, {PART_EXTENSION, 3, 1}, {PART_PORTS, 0, 2},
	{PART_PORTS, 2, 2},	{PART_ICMP, 0, 1},	{PART_ICMP, 1, 1},	{PART_ICMP, 2, 2},
	{PART_ICMP, 4, 2},
};

static uint8_t other_byte(uint8_t old)
{
	static const uint8_t values[] = {0,  1,	 2,  4,	 5,  6,	 8,  17,  41,  43,  44,
					 47, 50, 51, 58, 59, 60, 64, 127, 128, 135, 255};

	switch (below(5)) {
	case 0:
		return ANY(values);
	case 1:
		return old + 1;
	case 2:
		return old - 1;
	case 3:
		return old ^ 1 << below(8);
	default:
		return chance();
	}
}

static uint16_t other_word(uint16_t old, uint32_t len)
{
	static const uint16_t values[] = {0,	  1,	  7,	  8,	  19,	  20,	  39,
					  40,	  53,	  80,	  0x0800, 0x86dd, 0x8100, 0x88a8,
					  0x1fff, 0x2000, 0x4000, 0x7fff, 0x8000, 0xffff};

	switch (below(6)) {
	case 0:
		return ANY(values);
	case 1:
		return old + 1 + below(4);
	case 2:
		return old - 1 - below(4);
	case 3:
		return old ^ 1 << below(16);
	case 4:
		return len - below(64); /* of what is left of the frame, about */
	default:
		return chance();
	}
}

static void change_address(uint8_t *at, uint32_t len)
{
	struct shunt_addr addr = make_address(len == 16);

	if (one_in(3))
		at[below(len)] ^= 1 << below(8);
	else
		memcpy(at, addr.word, len);
}

static void mutate_field(struct frame *f, const struct marks *marks)
{
	const struct mark *mark = &marks->mark[below(marks->count)];
	const struct field *field = &ANY(fields);
	uint8_t *at;

	if (mark->part == PART_ETHER && !one_in(4)) /* the rest decides more */
		mark = &marks->mark[below(marks->count)];
	for (int tries = 0; field->part != mark->part && tries < 40; tries++)
		field = &ANY(fields);
	at = f->byte + mark->at + field->at;
	if (field->part != mark->part || mark->at + field->at + field->len > f->len)
		return;
	if (field->len == 1)
		*at = other_byte(*at);
	else if (field->len == 2)
		put16(at, other_word(get16(at), f->len - mark->at));
	else
		change_address(at, field->len);
}

/* Somewhere else in the frame come the bytes from another one, or from another place of this one. */
static void transplant(struct frame *f, const struct frame *other)
{
	uint32_t from = below(other->len), to = below(f->len), len = 1 + below(64);

	if (len > other->len - from)
		len = other->len - from;
	if (len > f->len - to)
		len = f->len - to;
	memmove(f->byte + to, other->byte + from, len);
}

/* Bytes come in, or go out, and what is behind them moves. */
static void shift(struct frame *f)
{
	uint32_t at = below(f->len), len = 1 + below(one_in(4) ? 64 : 8);

	if (one_in(2)) {
		if (f->len + len > FRAME_MAX)
			return;
		memmove(f->byte + at + len, f->byte + at, f->len - at);
		f->len += len;
	} else if (at + len < f->len && f->len - len >= FRAME_MIN) {
		memmove(f->byte + at, f->byte + at + len, f->len - at - len);
		f->len -= len;
	}
}

/* Most often where headers are. */
static void resize(struct frame *f)
{
	uint32_t most = one_in(2) ? 120 : f->len + 64;

	if (most > FRAME_MAX)
		most = FRAME_MAX;
	f->len = one_in(3) ? f->len - 1 - below(4) : FRAME_MIN + below(most - FRAME_MIN + 1);
	if (f->len < FRAME_MIN)
		f->len = FRAME_MIN;
}

static void mutate_bytes(struct frame *f, const struct frame *other)
{
	uint32_t near = f->len < 100 ? f->len : 100;

	switch (below(6)) {
	case 0:
		f->byte[below(near)] ^= 1 << below(8);
		break;
	case 1:
		f->byte[below(near)] = chance();
		break;
	case 2:
		resize(f);
		break;
	case 3:
		transplant(f, other);
		break;
	case 4:
		transplant(f, f);
		break;
	default:
		shift(f);
	}
}

/* Nobody on the way may need it to be right, but what follows from its being right shall not go untested. */
static void mend_sum(struct frame *f, const struct marks *marks)
{
	for (uint32_t i = 0; i < marks->count; i++) {
		uint8_t *ip = f->byte + marks->mark[i].at;
		uint32_t len = (ip[0] & 15) * 4;

		if (marks->mark[i].part != PART_IPV4 || len < IPV4 || marks->mark[i].at + len > f->len)
			continue;
		put16(ip + 10, 0);
		put16(ip + 10, ~sum_fold(sum_bytes(ip, len, 0)));
	}
}

void mutate(struct frame *frame, const struct marks *marks, const struct frame *other)
{
	static const uint32_t counts[] = {1, 1, 1, 1, 2, 2, 3, 5};

	for (uint32_t count = ANY(counts); count; count--) {
		if (marks->count && !one_in(3))
			mutate_field(frame, marks);
		else
			mutate_bytes(frame, other);
	}
	if (one_in(2))
		mend_sum(frame, marks);
}
