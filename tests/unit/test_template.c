/* SPDX-License-Identifier: GPL-2.0 */
/* Templates, against bytes built with Scapy: bytes(Ether(src=, dst=, type=) / IP(flags="DF", id=0, proto=0, len=0, chksum=0)) and
 * bytes(Ether() / IPv6(nh=0, plen=0)), and its checksum() of the IPv4 header. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shuntd/model.h"

static struct model_dest dest(const char *addr)
{
	struct model_dest d = {
		.state = BACKEND_UP,
		.nexthop = {.resolved = true,
			    .ifindex = 7,
			    .mtu = 1480,
			    .src_mac = {2, 0, 0, 0, 0, 1},
			    .dst_mac = {2, 0, 0, 0, 0, 2}},
	};

	assert_int_equal(addr_parse(addr, &d.addr), 0);
	return d;
}

static struct shunt_prefix prefix(const char *text)
{
	struct shunt_prefix p;

	assert_int_equal(prefix_parse(text, &p), 0);
	return p;
}

/* Of a buffer full of other things: what the template does not set must be zero. */
static struct shunt_dest template_of(const struct model_dest *d, const char *source)
{
	struct shunt_prefix p = prefix(source);
	struct shunt_dest out;

	memset(&out, 0xa5, sizeof(out));
	model_template(&out, d, &p);
	return out;
}

static void assert_header(const struct shunt_dest *t, const char *hex)
{
	char text[2 * SHUNT_HDR_MAX + 1];

	for (size_t i = 0; i < sizeof(t->hdr); i++)
		sprintf(text + 2 * i, "%02x", t->hdr[i]);
	assert_int_equal(t->hdr_len, strlen(hex) / 2);
	for (size_t i = t->hdr_len; i < sizeof(t->hdr); i++)
		assert_int_equal(t->hdr[i], 0);
	text[2 * t->hdr_len] = 0;
	assert_string_equal(text, hex);
}

static void ipv4(void **state)
{
	struct model_dest d = dest("10.1.0.11");
	struct shunt_dest t = template_of(&d, "10.200.0.0/16");

	(void)state;
	assert_header(&t, "0200000000020200000000010800"
			  "45000000000040004000"
			  "00000ac800000a01000b");
	assert_int_equal(t.state, SHUNT_DEST_UP);
	assert_int_equal(t.outer_family, SHUNT_FAMILY_IPV4);
	assert_int_equal(t.l3_off, 14);
	assert_int_equal(t.ifindex, 7);
	assert_int_equal(t.mtu, 1480);
	assert_int_equal(t.src_mask, htonl(0x0000ffff));
	assert_int_equal(t.csum, (uint16_t)~htons(0x262b));
	assert_int_equal(t.encap, SHUNT_ENCAP_IP);
	assert_int_equal(t.overhead, 20);
	assert_int_equal(t.port, 0);
	for (size_t i = 0; i < sizeof(t.reserved); i++)
		assert_int_equal(t.reserved[i], 0);
}

static void ipv6(void **state)
{
	struct model_dest d = dest("2001:db8:1::11");
	struct shunt_dest t = template_of(&d, "2001:db8:200::/64");

	(void)state;
	assert_header(&t, "02000000000202000000000186dd"
			  "6000000000000040"
			  "20010db8020000000000000000000000"
			  "20010db8000100000000000000000011");
	assert_int_equal(t.outer_family, SHUNT_FAMILY_IPV6);
	assert_int_equal(t.l3_off, 14);
	assert_int_equal(t.src_mask, 0xffffffff);
	assert_int_equal(t.overhead, 40);
	assert_int_equal(t.csum, 0);
}

/* The outer IP header is the same for all tunnels; what is behind it is only counted here. */
static void tunnels(void **state)
{
	static const struct {
		struct config_encap encap;
		enum shunt_encap expected;
		uint16_t port;
		uint8_t overhead4, overhead6;
	} cases[] = {
		{{CONFIG_ENCAP_IPIP, 1, 6080}, SHUNT_ENCAP_IP, 0, 20, 40},
		{{CONFIG_ENCAP_GUE, 0, 6080}, SHUNT_ENCAP_GUE0, 6080, 32, 52},
		{{CONFIG_ENCAP_GUE, 1, 7000}, SHUNT_ENCAP_GUE1, 7000, 28, 48},
		{{CONFIG_ENCAP_GRE, 1, 6080}, SHUNT_ENCAP_GRE, 0, 24, 44},
	};
	struct model_dest four = dest("10.1.0.11"), six = dest("2001:db8:1::11");
	struct shunt_dest plain4 = template_of(&four, "10.200.0.0/16"), plain6 = template_of(&six, "2001:db8:200::/64");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct shunt_dest t4, t6;

		four.encap = six.encap = cases[i].encap;
		t4 = template_of(&four, "10.200.0.0/16");
		t6 = template_of(&six, "2001:db8:200::/64");
		assert_int_equal(t4.encap, cases[i].expected);
		assert_int_equal(t6.encap, cases[i].expected);
		assert_int_equal(t4.port, htons(cases[i].port));
		assert_int_equal(t4.overhead, cases[i].overhead4);
		assert_int_equal(t6.overhead, cases[i].overhead6);
		assert_int_equal(t4.csum, plain4.csum);
		assert_memory_equal(t4.hdr, plain4.hdr, sizeof(t4.hdr));
		assert_memory_equal(t6.hdr, plain6.hdr, sizeof(t6.hdr));
	}
}

/* No outer header, so no source; the EtherType is the packet's. */
static void l2dsr(void **state)
{
	struct model_dest d = dest("10.1.0.11");
	struct shunt_prefix none = {.len = 0};
	struct shunt_dest t;

	(void)state;
	d.encap.type = CONFIG_ENCAP_L2DSR;
	d.nexthop.tags = 1;
	d.nexthop.tag[0] = (struct nexthop_tag){0x8100, 100};
	model_template(&t, &d, &none);
	assert_header(&t, "020000000002020000000001810000640000");
	assert_int_equal(t.encap, SHUNT_ENCAP_L2DSR);
	assert_int_equal(t.l3_off, 18);
	assert_int_equal(t.overhead, 0);
	assert_int_equal(t.src_mask, 0);
	assert_int_equal(t.csum, 0);
}

/* Scapy: Ether() / Dot1Q(vlan=100) / IP(), and Ether() / Dot1AD(vlan=4094) / Dot1Q(vlan=1) / IPv6() */
static void vlan(void **state)
{
	struct model_dest one = dest("10.1.0.11"), two = dest("2001:db8:1::11");
	struct shunt_dest t;

	(void)state;
	one.nexthop.tags = 1;
	one.nexthop.tag[0] = (struct nexthop_tag){0x8100, 100};
	t = template_of(&one, "10.200.0.0/16");
	assert_header(&t, "02000000000202000000000181000064"
			  "0800"
			  "45000000000040004000"
			  "00000ac800000a01000b");
	assert_int_equal(t.l3_off, 18);
	assert_int_equal(t.csum, (uint16_t)~htons(0x262b));
	two.nexthop.tags = 2;
	two.nexthop.tag[0] = (struct nexthop_tag){0x88a8, 4094};
	two.nexthop.tag[1] = (struct nexthop_tag){0x8100, 1};
	t = template_of(&two, "2001:db8:200::/64");
	assert_header(&t, "02000000000202000000000188a80ffe"
			  "81000001"
			  "86dd"
			  "6000000000000040"
			  "20010db8020000000000000000000000"
			  "20010db8000100000000000000000011");
	assert_int_equal(t.l3_off, 22);
}

/* Folded to 16 bits, even where folding the carry gives another one (on little-endian machines, for the second case). */
static void checksum_carries(void **state)
{
	struct model_dest most = dest("254.255.255.255"), twice = dest("255.255.59.255");

	(void)state;
	assert_int_equal(template_of(&most, "255.255.255.254/32").csum, (uint16_t)~htons(0x3c00));
	assert_int_equal(template_of(&twice, "0.0.0.0/32").csum, (uint16_t)~htons(0xfeff));
}

static void source_masks(void **state)
{
	static const struct {
		const char *backend, *source;
		uint32_t mask; /* host order */
	} cases[] = {
		{"10.1.0.11", "10.200.0.1/32", 0},
		{"10.1.0.11", "10.200.0.0/31", 1},
		{"10.1.0.11", "10.200.0.0/24", 0xff},
		{"10.1.0.11", "10.0.0.0/8", 0xffffff},
		{"10.1.0.11", "0.0.0.0/0", 0xffffffff},
		{"2001:db8::1", "2001:db8::1/128", 0},
		{"2001:db8::1", "2001:db8::/127", 1},
		{"2001:db8::1", "2001:db8::/112", 0xffff},
		{"2001:db8::1", "2001:db8::/97", 0x7fffffff},
		{"2001:db8::1", "2001:db8::/96", 0xffffffff},
		{"2001:db8::1", "2001:db8::/32", 0xffffffff},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model_dest d = dest(cases[i].backend);
		struct shunt_dest t = template_of(&d, cases[i].source);

		if (ntohl(t.src_mask) != cases[i].mask)
			fail_msg("%s: mask %#x, expected %#x", cases[i].source, ntohl(t.src_mask), cases[i].mask);
	}
}

static void states(void **state)
{
	static const enum shunt_dest_state expected[] = {
		[BACKEND_PANIC] = SHUNT_DEST_UP,    [BACKEND_UP] = SHUNT_DEST_UP,
		[BACKEND_DRAIN] = SHUNT_DEST_DRAIN, [BACKEND_CHECKING] = SHUNT_DEST_DOWN,
		[BACKEND_DOWN] = SHUNT_DEST_DOWN,   [BACKEND_UNRESOLVED] = SHUNT_DEST_DOWN,
		[BACKEND_ASLEEP] = SHUNT_DEST_DOWN,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct model_dest d = dest("10.1.0.11");
		struct shunt_dest t;

		d.state = (enum backend_state)i;
		t = template_of(&d, "10.200.0.0/16");
		assert_int_equal(t.state, expected[i]);
	}
}

/* Whatever is left of a next hop that has gone: ifindex 0 is how the program knows. */
static void unresolved(void **state)
{
	struct model_dest d = dest("10.1.0.11");
	struct shunt_dest t;

	(void)state;
	d.nexthop.resolved = false;
	t = template_of(&d, "10.200.0.0/16");
	assert_int_equal(t.ifindex, 0);
	assert_int_equal(t.hdr_len, 34);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ipv4),		cmocka_unit_test(ipv6),
		cmocka_unit_test(vlan),		cmocka_unit_test(checksum_carries),
		cmocka_unit_test(source_masks), cmocka_unit_test(states),
		cmocka_unit_test(unresolved),	cmocka_unit_test(tunnels),
		cmocka_unit_test(l2dsr),
	};

	return cmocka_run_group_tests_name("template", tests, NULL, NULL);
}
