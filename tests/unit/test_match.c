/* SPDX-License-Identifier: GPL-2.0 */
/* Spans and ranges: searched as the program searches them, they say what a matcher says that tries every VIP. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/lib/match.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define VIPS_MAX 40
#define NONE SHUNT_SPAN_NONE

struct set {
	struct config_vip vip[VIPS_MAX];
	struct match_vip of[VIPS_MAX];
	size_t count;
};

static void add(struct set *set, const char *text, uint32_t tag, bool echo)
{
	struct config_vip *vip = &set->vip[set->count];

	if (vip_parse(text, vip))
		fail_msg("%s", text);
	set->of[set->count++] = (struct match_vip){vip, tag, echo};
}

static void halves(const struct shunt_addr *addr, uint64_t *high, uint64_t *low)
{
	*high = (uint64_t)ntohl(addr->word[0]) << 32 | ntohl(addr->word[1]);
	*low = (uint64_t)ntohl(addr->word[2]) << 32 | ntohl(addr->word[3]);
	if (addr->family == SHUNT_FAMILY_IPV4) {
		*high = 0;
		*low = 0xffffull << 32 | ntohl(addr->word[0]);
	}
}

static const struct shunt_span *find_span(const struct match *m, const struct shunt_addr *addr)
{
	const struct shunt_span *found = NULL;
	uint64_t high, low;

	halves(addr, &high, &low);
	for (size_t i = 0; i < m->span_count; i++)
		if (m->spans[i].high < high || (m->spans[i].high == high && m->spans[i].low <= low))
			found = &m->spans[i];
	return found;
}

static uint32_t find_tag(const struct match *m, const struct shunt_addr *addr, uint8_t proto, uint16_t port)
{
	const struct shunt_span *span = find_span(m, addr);
	int which = proto == IPPROTO_UDP ? SHUNT_SPAN_UDP : SHUNT_SPAN_TCP;

	for (size_t i = 0; span && i < span->count[which]; i++) {
		const struct shunt_range *range = &m->ranges[span->first[which] + i];

		if (range->first <= port && port <= range->last)
			return range->vip;
	}
	return NONE;
}

static bool has_address(const struct config_vip *vip, const struct shunt_addr *addr)
{
	struct shunt_addr masked = *addr;

	addr_mask(&masked, vip_len(vip));
	return addr_equal(&masked, &vip->addr);
}

/* The rule, word by word. VIPs of one port and address are left out: the program has looked for them before. */
static uint32_t naive_tag(const struct set *set, const struct shunt_addr *addr, uint8_t proto, uint16_t port)
{
	const struct match_vip *best = NULL;

	for (size_t i = 0; i < set->count; i++) {
		const struct config_vip *vip = set->of[i].vip;

		if (vip_is_exact(vip) || vip->proto != proto || !has_address(vip, addr) || port < vip->port ||
		    port > vip_last(vip))
			continue;
		if (!best || vip_len(vip) > vip_len(best->vip) ||
		    (vip_len(vip) == vip_len(best->vip) && vip_ports(vip) > vip_ports(best->vip)))
			best = &set->of[i];
	}
	return best ? best->tag : NONE;
}

/* Of the VIPs with the longest prefix: does one want echo? */
static bool naive_echo(const struct set *set, const struct shunt_addr *addr, bool *is_vip)
{
	unsigned int len = 0;
	bool echo = false;

	for (size_t i = 0; i < set->count; i++) {
		const struct config_vip *vip = set->of[i].vip;

		if (vip_is_exact(vip) || !has_address(vip, addr) || vip_len(vip) < len)
			continue;
		echo = set->of[i].echo || (vip_len(vip) == len && echo);
		len = vip_len(vip);
	}
	*is_vip = len;
	return echo;
}

/* The form that the program's searches need. */
static void judge_form(const struct match *m)
{
	for (size_t i = 0; i < m->span_count; i++) {
		const struct shunt_span *s = &m->spans[i];

		assert_true(!i || s[-1].high < s->high || (s[-1].high == s->high && s[-1].low < s->low));
		for (int p = 0; p < 2; p++) {
			assert_true(s->first[p] + s->count[p] <= m->range_count);
			for (uint32_t r = 0; r < s->count[p]; r++) {
				const struct shunt_range *range = &m->ranges[s->first[p] + r];

				assert_true(range->first && range->first <= range->last);
				assert_true(!r || range[-1].last < range->first);
				assert_true(!r || range[-1].last + 1 != range->first || range[-1].vip != range->vip);
			}
		}
	}
	assert_true(m->span_count <= 2 * m->prefix_count);
}

static void judge_at(const struct set *set, const struct match *m, const struct shunt_addr *addr)
{
	const struct shunt_span *span = find_span(m, addr);
	uint16_t ports[6 * VIPS_MAX + 2] = {1, 65535};
	size_t count = 2;
	bool is_vip, echo = naive_echo(set, addr, &is_vip), found = span && span->vip != NONE;

	assert_int_equal(found, is_vip);
	for (size_t i = 0; found && i < set->count; i++)
		if (set->of[i].tag == span->vip && set->of[i].echo)
			found = false;
	assert_int_equal(is_vip && !found, echo);
	for (size_t i = 0; i < set->count; i++) {
		for (int d = -1; d <= 1; d++) {
			ports[count++] = set->vip[i].port + d;
			ports[count++] = vip_last(&set->vip[i]) + d;
		}
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(find_tag(m, addr, IPPROTO_TCP, ports[i]), naive_tag(set, addr, IPPROTO_TCP, ports[i]));
		assert_int_equal(find_tag(m, addr, IPPROTO_UDP, ports[i]), naive_tag(set, addr, IPPROTO_UDP, ports[i]));
	}
}

/* One up (or down) in the order of addresses. */
static struct shunt_addr step(struct shunt_addr addr, int by)
{
	int last = addr.family == SHUNT_FAMILY_IPV4 ? 0 : 3;

	for (int i = last; i >= 0; i--) {
		addr.word[i] = htonl(ntohl(addr.word[i]) + by);
		if (ntohl(addr.word[i]) != (by > 0 ? 0 : UINT32_MAX))
			break;
	}
	return addr;
}

/* At the edges of every VIP's addresses and ports, where alone anything changes. */
static void judge(const struct set *set)
{
	struct match m;

	assert_int_equal(match_build(&m, set->of, set->count, 1 << 20), 0);
	judge_form(&m);
	for (size_t i = 0; i < set->count; i++) {
		struct shunt_addr first = set->vip[i].addr, last = first;
		int words = first.family == SHUNT_FAMILY_IPV4 ? 1 : 4;

		for (int w = 0; w < words; w++) {
			struct shunt_addr host = {.word = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}};

			addr_mask(&host, vip_len(&set->vip[i]));
			last.word[w] |= ~host.word[w];
		}
		judge_at(set, &m, &first);
		judge_at(set, &m, &last);
		first = step(first, -1);
		last = step(last, 1);
		judge_at(set, &m, &first);
		judge_at(set, &m, &last);
	}
	match_release(&m);
}

/* What the documentation says, as written there. */
static void the_longest_prefix_then_the_fewest_ports(void **state)
{
	static const struct {
		const char *packet;
		uint32_t tag;
	} rows[] = {
		{"192.0.2.7:443/tcp", 1},    {"192.0.2.7:444/tcp", 2},	 {"192.0.2.7:80/tcp", 3},
		{"192.0.2.7:80/udp", NONE},  {"192.0.2.10:443/tcp", 4},	 {"192.0.2.10:444/tcp", 4},
		{"192.0.2.10:80/tcp", 3},    {"192.0.2.255:500/tcp", 2}, {"192.0.3.1:443/tcp", 3},
		{"192.0.1.255:1/tcp", NONE}, {"192.0.4.0:1/tcp", NONE},	 {"[2001:db8::9]:53/udp", 5},
	};
	struct set set = {};
	struct match m;

	(void)state;
	add(&set, "192.0.2.0/24:443/tcp", 1, false);
	add(&set, "192.0.2.0/24:400-500/tcp", 2, false);
	add(&set, "192.0.2.0/23:*/tcp", 3, false);
	add(&set, "192.0.2.10:440-450/tcp", 4, false);
	add(&set, "[2001:db8::/64]:*/udp", 5, true);
	assert_int_equal(match_build(&m, set.of, set.count, 100), 0);
	assert_int_equal(m.prefix_count, 4);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_vip packet;

		assert_int_equal(vip_parse(rows[i].packet, &packet), 0);
		print_message("  %s\n", rows[i].packet);
		assert_int_equal(find_tag(&m, &packet.addr, packet.proto, packet.port), rows[i].tag);
	}
	match_release(&m);
	judge(&set);
}

static void edges_of_the_address_space(void **state)
{
	struct set set = {};

	(void)state;
	add(&set, "255.0.0.0/8:*/tcp", 1, false);
	add(&set, "255.255.255.255:1-2/tcp", 2, true);
	add(&set, "[ff00::/8]:*/tcp", 3, false);
	add(&set, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127]:65534-65535/udp", 4, false);
	add(&set, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1-65534/udp", 5, false);
	add(&set, "[8000::/1]:65535/udp", 6, true);
	judge(&set);
}

static void random_vip(struct config_vip *vip)
{
	static const uint8_t len4[] = {0, 0, 0, 24, 28, 29, 30, 31}, len6[] = {0, 0, 32, 63, 64, 65, 120, 126};
	uint32_t near = random() % 16;

	*vip = (struct config_vip){.addr = {.word = {htonl(0xc0000200 + near)}, .family = SHUNT_FAMILY_IPV4}};
	vip->len = len4[random() % 8];
	if (random() % 2) {
		vip->addr = (struct shunt_addr){
			.word = {htonl(0x20010db8), htonl(near & 3), htonl(near << 30), htonl(near)},
			.family = SHUNT_FAMILY_IPV6};
		vip->len = len6[random() % 8];
	}
	addr_mask(&vip->addr, vip_len(vip));
	vip->proto = random() % 2 ? IPPROTO_TCP : IPPROTO_UDP;
	vip->port = random() % 8 ? 1 + random() % 20 : 65530 + random() % 6;
	if (random() % 3 && vip->port < 65535)
		vip->last = vip->port + 1 + random() % (65535 - vip->port > 9 ? 9 : 65535 - vip->port);
	if (random() % 4 == 0) {
		vip->port = 1;
		vip->last = 65535;
	}
}

/* Would a configuration with the VIP be refused? */
static bool is_allowed(const struct set *set, const struct config_vip *vip, uint32_t tag)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct config_vip *other = &set->vip[i];

		if (addr_equal(&other->addr, &vip->addr) && vip_len(other) == vip_len(vip) &&
		    other->proto == vip->proto && vip_ports(other) == vip_ports(vip) && set->of[i].tag != tag &&
		    other->port <= vip_last(vip) && vip->port <= vip_last(other))
			return false;
	}
	return true;
}

static void as_a_naive_matcher(void **state)
{
	(void)state;
	srandom(1);
	for (int round = 0; round < 300; round++) {
		struct set set = {};
		uint32_t tags = 1 + random() % 6, echoes = random();
		int tries = random() % VIPS_MAX;

		for (int i = 0; i < tries; i++) {
			struct config_vip *vip = &set.vip[set.count];
			uint32_t tag = random() % tags;

			random_vip(vip);
			if (is_allowed(&set, vip, tag))
				set.of[set.count++] = (struct match_vip){vip, tag, echoes >> tag & 1};
		}
		judge(&set);
	}
}

/* The same VIPs in another order make the same tables. */
static void order_means_nothing(void **state)
{
	struct set set = {};
	struct match a, b;

	(void)state;
	add(&set, "192.0.2.0/24:*/tcp", 1, true);
	add(&set, "192.0.2.0/24:50-60/tcp", 2, true);
	add(&set, "192.0.2.0/24:55-70/tcp", 2, true);
	add(&set, "192.0.2.0/25:55/udp", 3, false);
	add(&set, "192.0.2.0/25:55-56/tcp", 1, true);
	assert_int_equal(match_build(&a, set.of, set.count, 100), 0);
	for (size_t i = 0; i < set.count / 2; i++) {
		struct match_vip other = set.of[i];

		set.of[i] = set.of[set.count - 1 - i];
		set.of[set.count - 1 - i] = other;
	}
	assert_int_equal(match_build(&b, set.of, set.count, 100), 0);
	assert_int_equal(a.span_count, b.span_count);
	assert_int_equal(a.range_count, b.range_count);
	assert_memory_equal(a.spans, b.spans, a.span_count * sizeof(*a.spans));
	assert_memory_equal(a.ranges, b.ranges, a.range_count * sizeof(*a.ranges));
	match_release(&a);
	match_release(&b);
}

static void only_as_many_as_allowed(void **state)
{
	struct set set = {};
	struct match m;

	(void)state;
	assert_int_equal(match_build(&m, set.of, 0, 0), 0);
	assert_int_equal(m.span_count + m.range_count + m.prefix_count, 0);
	match_release(&m);
	add(&set, "192.0.2.1:80/tcp", 1, false);
	assert_int_equal(match_build(&m, set.of, set.count, 0), 0);
	assert_int_equal(m.span_count, 0);
	match_release(&m);
	add(&set, "192.0.2.0/24:*/tcp", 1, false);
	add(&set, "192.0.2.0/25:80-90/tcp", 2, false); /* and the outer one's on either side: 4 ranges in all */
	assert_int_equal(match_build(&m, set.of, set.count, 3), -ENOSPC);
	assert_int_equal(match_build(&m, set.of, set.count, 4), 0);
	assert_int_equal(m.range_count, 4);
	match_release(&m);
	add(&set, "192.0.2.128/25:80/udp", 2, false); /* of TCP it has what is around it, not a copy */
	assert_int_equal(match_build(&m, set.of, set.count, 5), 0);
	match_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_prefix_then_the_fewest_ports),
		cmocka_unit_test(edges_of_the_address_space),
		cmocka_unit_test(as_a_naive_matcher),
		cmocka_unit_test(order_means_nothing),
		cmocka_unit_test(only_as_many_as_allowed),
	};

	return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
