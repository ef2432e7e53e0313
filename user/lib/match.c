/* SPDX-License-Identifier: GPL-2.0 */
#include "match.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "xalloc.h"

#define MAPPED_LEN 96 /* IPv4 addresses lie in ::ffff:0:0/96, where no IPv6 VIP can */
#define DEPTH_MAX 129 /* prefixes around an address */

typedef unsigned __int128 wide_addr;

struct ref {
	const struct match_vip *of;
	wide_addr start, end;
};

/* Sorted, and none overlap. */
struct list {
	struct shunt_range *at;
	size_t count, room;
};

/* What the packets to an address find: all of a span but where it begins. */
struct content {
	uint32_t first[2];
	uint16_t count[2];
	uint32_t vip;
};

struct group {
	wide_addr end;
	struct content content;
};

struct build {
	struct match *match;
	struct list ranges, own, over, under; /* own, over, under: scratch */
	struct group stack[DEPTH_MAX];	      /* the prefixes around the place in hand, the longest last */
	size_t depth, max_ranges;
};

static const struct content nothing = {.vip = SHUNT_SPAN_NONE};

static wide_addr wide(const struct shunt_addr *addr)
{
	wide_addr value = 0;

	if (addr->family == SHUNT_FAMILY_IPV4)
		return (wide_addr)0xffff << 32 | ntohl(addr->word[0]);
	for (int i = 0; i < 4; i++)
		value = value << 32 | ntohl(addr->word[i]);
	return value;
}

static void ref_init(struct ref *ref, const struct match_vip *of)
{
	unsigned int len = vip_len(of->vip) + (of->vip->addr.family == SHUNT_FAMILY_IPV4 ? MAPPED_LEN : 0);

	ref->of = of;
	ref->start = wide(&of->vip->addr);
	ref->end = ref->start | (len < 128 ? ~(wide_addr)0 >> len : 0);
}

/* Prefixes before those within them, and within a prefix by protocol, then the least specific ports first. */
static int compare_refs(const void *a, const void *b)
{
	const struct ref *x = a, *y = b;
	int order;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	if (x->end != y->end)
		return x->end > y->end ? -1 : 1;
	order = vip_compare(x->of->vip, y->of->vip);
	return order ? order : (x->of->tag > y->of->tag) - (x->of->tag < y->of->tag);
}

/* Behind what is there; begin is where the list begins that it belongs to. */
static void add_range(struct list *list, size_t begin, uint32_t first, uint32_t last, uint32_t tag)
{
	struct shunt_range *end = list->at + list->count;

	if (list->count > begin && end[-1].vip == tag && end[-1].last + 1u == first) {
		end[-1].last = last;
		return;
	}
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 64;
		list->at = xreallocarray(list->at, list->room, sizeof(*list->at));
	}
	list->at[list->count++] = (struct shunt_range){.first = first, .last = last, .vip = tag};
}

/* The ranges of top, and where it has none those of bottom, into the empty list out. */
static void lay_over(struct list *out, const struct list *top, const struct shunt_range *bottom, size_t bottoms)
{
	uint32_t covered = 0; /* ports below are decided */
	size_t t = 0;

	for (size_t b = 0; b < bottoms; b++) {
		for (; t < top->count && top->at[t].first <= bottom[b].last; t++) {
			uint32_t from = bottom[b].first > covered ? bottom[b].first : covered;

			if (from < top->at[t].first)
				add_range(out, 0, from, top->at[t].first - 1u, bottom[b].vip);
			add_range(out, 0, top->at[t].first, top->at[t].last, top->at[t].vip);
			covered = top->at[t].last + 1u;
		}
		if (covered < bottom[b].first)
			covered = bottom[b].first;
		if (covered <= bottom[b].last)
			add_range(out, 0, covered, bottom[b].last, bottom[b].vip);
	}
	for (; t < top->count; t++)
		add_range(out, 0, top->at[t].first, top->at[t].last, top->at[t].vip);
}

/* refs: VIPs of one prefix, protocol and class of ports. Those that overlap have the same tag. */
static void layer_of(struct list *list, const struct ref *refs, size_t count)
{
	uint32_t covered = 0;

	list->count = 0;
	for (size_t i = 0; i < count; i++) {
		const struct config_vip *vip = refs[i].of->vip;
		uint32_t from = vip->port > covered ? vip->port : covered;

		if (from > vip_last(vip))
			continue;
		add_range(list, 0, from, vip_last(vip), refs[i].of->tag);
		covered = vip_last(vip) + 1u;
	}
}

static bool same_layer(const struct config_vip *a, const struct config_vip *b)
{
	return a->proto == b->proto && vip_ports(a) == vip_ports(b);
}

static void swap(struct list *a, struct list *b)
{
	struct list old = *a;

	*a = *b;
	*b = old;
}

/* refs: VIPs of one prefix and protocol. Their ranges over those that content has from the prefix around it. */
static int add_ports(struct build *b, const struct ref *refs, size_t count, int proto, struct content *content)
{
	const struct list *all = &b->ranges;
	size_t begin = all->count;

	b->under.count = 0;
	for (size_t i = 0; i < content->count[proto]; i++) {
		const struct shunt_range *from = &all->at[content->first[proto] + i];

		add_range(&b->under, 0, from->first, from->last, from->vip);
	}
	for (size_t i = 0, n; i < count; i += n) {
		for (n = 1; i + n < count && same_layer(refs[i].of->vip, refs[i + n].of->vip); n++)
			;
		layer_of(&b->own, refs + i, n);
		b->over.count = 0;
		lay_over(&b->over, &b->own, b->under.at, b->under.count);
		swap(&b->over, &b->under);
	}
	if (begin + b->under.count > b->max_ranges)
		return -ENOSPC;
	for (size_t i = 0; i < b->under.count; i++)
		add_range(&b->ranges, begin, b->under.at[i].first, b->under.at[i].last, b->under.at[i].vip);
	content->first[proto] = begin;
	content->count[proto] = b->ranges.count - begin;
	return 0;
}

static bool says(const struct shunt_span *span, const struct content *content)
{
	return span->vip == content->vip && !memcmp(span->first, content->first, sizeof(span->first)) &&
	       !memcmp(span->count, content->count, sizeof(span->count));
}

/* From start on it is content. What began at the same place was of no address. */
static void add_span(struct match *match, wide_addr start, const struct content *content)
{
	struct shunt_span span = {.high = start >> 64, .low = (uint64_t)start, .vip = content->vip};
	size_t count = match->span_count;

	memcpy(span.first, content->first, sizeof(span.first));
	memcpy(span.count, content->count, sizeof(span.count));
	if (count && match->spans[count - 1].high == span.high && match->spans[count - 1].low == span.low)
		count--;
	if (!count || !says(&match->spans[count - 1], content))
		match->spans[count++] = span;
	match->span_count = count;
}

static const struct content *innermost(const struct build *b)
{
	return b->depth ? &b->stack[b->depth - 1].content : &nothing;
}

/* Leave the prefixes that end before an address, or with all addresses. */
static void leave(struct build *b, const wide_addr *before)
{
	while (b->depth && (!before || b->stack[b->depth - 1].end < *before)) {
		wide_addr end = b->stack[--b->depth].end;

		if (end + 1)
			add_span(b->match, end + 1, innermost(b));
	}
}

/* refs: VIPs of one prefix. */
static int add_group(struct build *b, const struct ref *refs, size_t count)
{
	struct content content;
	size_t tcp = 0;
	int rc = 0;

	leave(b, &refs->start);
	content = *innermost(b);
	content.vip = refs->of->tag;
	for (size_t i = 0; i < count; i++)
		if (refs[i].of->echo)
			content.vip = refs[i].of->tag;
	while (tcp < count && refs[tcp].of->vip->proto == IPPROTO_TCP)
		tcp++;
	if (tcp)
		rc = add_ports(b, refs, tcp, SHUNT_SPAN_TCP, &content);
	if (!rc && tcp < count)
		rc = add_ports(b, refs + tcp, count - tcp, SHUNT_SPAN_UDP, &content);
	if (rc)
		return rc;
	add_span(b->match, refs->start, &content);
	b->stack[b->depth++] = (struct group){refs->end, content};
	b->match->prefix_count++;
	return 0;
}

static int add_groups(struct build *b, const struct ref *refs, size_t count)
{
	int rc = 0;

	for (size_t i = 0, n; !rc && i < count; i += n) {
		for (n = 1; i + n < count && refs[i + n].start == refs[i].start && refs[i + n].end == refs[i].end; n++)
			;
		rc = add_group(b, refs + i, n);
	}
	leave(b, NULL);
	return rc;
}

int match_build(struct match *match, const struct match_vip *vips, size_t count, size_t max_ranges)
{
	struct build *b = xcalloc(1, sizeof(*b));
	struct ref *refs = xcalloc(count, sizeof(*refs));
	size_t refs_count = 0;
	int rc;

	for (size_t i = 0; i < count; i++)
		if (!vip_is_exact(vips[i].vip))
			ref_init(&refs[refs_count++], &vips[i]);
	qsort(refs, refs_count, sizeof(*refs), compare_refs);
	*match = (struct match){.spans = xcalloc(2 * refs_count, sizeof(*match->spans))};
	b->match = match;
	b->max_ranges = max_ranges;
	rc = add_groups(b, refs, refs_count);
	match->ranges = b->ranges.at;
	match->range_count = b->ranges.count;
	free(b->own.at);
	free(b->over.at);
	free(b->under.at);
	free(b);
	free(refs);
	if (rc)
		match_release(match);
	return rc;
}

void match_release(struct match *match)
{
	free(match->spans);
	free(match->ranges);
	*match = (struct match){.spans = NULL};
}
