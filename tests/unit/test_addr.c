/* SPDX-License-Identifier: GPL-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "../../user/lib/addr.h"
#include "shunt/maps.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void addresses(void **state)
{
	static const struct {
		const char *text;
		uint8_t family; /* 0: refused */
		const char *canonical;
	} rows[] = {
		{"192.0.2.1", 4, "192.0.2.1"},
		{"0.0.0.0", 4, "0.0.0.0"},
		{"255.255.255.255", 4, "255.255.255.255"},
		{"2001:DB8:0:0:1:0:0:1", 6,
		 "2001:db8::1:0:0:1"}, /* RFC 5952: the first of two equal runs, lower case */
		{"2001:db8:0:1:1:1:1:1", 6, "2001:db8:0:1:1:1:1:1"}, /* a single 0 is not shortened */
		{"2001:0db8::0001", 6, "2001:db8::1"},
		{"::", 6, "::"},
		{"::ffff:192.0.2.1", 6, "::ffff:192.0.2.1"},
		{"", 0, NULL},
		{"192.0.2", 0, NULL},
		{"192.0.2.256", 0, NULL},
		{"192.0.2.01", 0, NULL},
		{"192.0.2.1 ", 0, NULL},
		{" 192.0.2.1", 0, NULL},
		{"192.0.2.1/32", 0, NULL},
		{"0xc0.0.2.1", 0, NULL},
		{"2001:db8::1::2", 0, NULL},
		{"2001:db8::12345", 0, NULL},
		{"[2001:db8::1]", 0, NULL},
		{"fe80::1%eth0", 0, NULL},
		{"localhost", 0, NULL},
	};
	char text[SHUNT_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct shunt_addr addr, kept;

		memset(&addr, 0xaa, sizeof(addr));
		kept = addr;
		print_message("  %s\n", rows[i].text);
		assert_int_equal(addr_parse(rows[i].text, &addr), rows[i].family ? 0 : -EINVAL);
		if (rows[i].family) {
			assert_int_equal(addr.family, rows[i].family);
			assert_string_equal(addr_format(&addr, text), rows[i].canonical);
		} else {
			assert_memory_equal(&addr, &kept, sizeof(addr));
		}
	}
}

/* Compared with memcmp() elsewhere, so what is not used must be 0. */
static void address_bytes(void **state)
{
	struct shunt_addr addr, expected = {.word = {htonl(0xc0000201)}, .family = SHUNT_FAMILY_IPV4};

	(void)state;
	memset(&addr, 0xff, sizeof(addr));
	assert_int_equal(addr_parse("192.0.2.1", &addr), 0);
	assert_memory_equal(&addr, &expected, sizeof(addr));
}

static void prefixes(void **state)
{
	static const struct {
		const char *text;
		int result;
		const char *canonical;
	} rows[] = {
		{"172.31.0.0/16", 0, "172.31.0.0/16"},
		{"0.0.0.0/0", 0, "0.0.0.0/0"},
		{"192.0.2.1/32", 0, "192.0.2.1/32"},
		{"FD00:31:0::/64", 0, "fd00:31::/64"},
		{"2001:db8::1/128", 0, "2001:db8::1/128"},
		{"2001:db8:8000::/33", 0, "2001:db8:8000::/33"},
		{"::/0", 0, "::/0"},
		{"172.31.0.1/16", -ERANGE, NULL},
		{"172.31.128.0/16", -ERANGE, NULL},
		{"128.0.0.0/0", -ERANGE, NULL},
		{"192.0.2.1/31", -ERANGE, NULL},
		{"2001:db8::1/127", -ERANGE, NULL},
		{"2001:db8:8000::/32", -ERANGE, NULL},
		{"fd00::1:0:0/64", -ERANGE, NULL},
		{"172.31.0.0", -EINVAL, NULL},
		{"172.31.0.0/", -EINVAL, NULL},
		{"172.31.0.0/33", -EINVAL, NULL},
		{"172.31.0.0/016", -EINVAL, NULL},
		{"172.31.0.0/-1", -EINVAL, NULL},
		{"172.31.0.0/16 ", -EINVAL, NULL},
		{"172.31/16", -EINVAL, NULL},
		{"fd00::/129", -EINVAL, NULL},
		{"fd00::/4294967360", -EINVAL, NULL},
		{"/16", -EINVAL, NULL},
		{"", -EINVAL, NULL},
		{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8", -EINVAL, NULL},
	};
	char text[SHUNT_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct shunt_prefix prefix = {};

		print_message("  %s\n", rows[i].text);
		assert_int_equal(prefix_parse(rows[i].text, &prefix), rows[i].result);
		if (rows[i].result == 0)
			assert_string_equal(prefix_format(&prefix, text), rows[i].canonical);
	}
}

static void prefix_members(void **state)
{
	static const struct {
		const char *prefix, *addr;
		bool is_in;
	} rows[] = {
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"192.0.2.128/25", "192.0.2.127", false},
		{"192.0.2.128/25", "192.0.2.128", true},
		{"192.0.2.7/32", "192.0.2.7", true},
		{"192.0.2.7/32", "192.0.2.6", false},
		{"0.0.0.0/0", "255.1.2.3", true},
		{"0.0.0.0/0", "::1", false},
		{"::/0", "0.0.0.0", false},
		{"2001:db8::/33", "2001:db8:7fff::1", true},
		{"2001:db8::/33", "2001:db8:8000::1", false},
		{"2001:db8::1/128", "2001:db8::1", true},
		{"2001:db8::1/128", "2001:db8::", false},
	};
	static const struct shunt_prefix none;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shunt_prefix prefix;
		struct shunt_addr addr;

		assert_int_equal(prefix_parse(rows[i].prefix, &prefix), 0);
		assert_int_equal(addr_parse(rows[i].addr, &addr), 0);
		if (prefix_contains(&prefix, &addr) != rows[i].is_in)
			fail_msg("%s in %s", rows[i].addr, rows[i].prefix);
		assert_false(prefix_contains(&none, &addr));
	}
}

static void macs(void **state)
{
	static const char *const bad[] = {"",
					  "02:00:00:00:00",
					  "02:00:00:00:00:1",
					  "02:00:00:00:00:11:",
					  "2:0:0:0:0:11",
					  "02-00-00-00-00-11",
					  "02:00:00:00:00:1g",
					  "02:00:00:00:00:111",
					  "02"};
	static const uint8_t expected[6] = {0x02, 0xab, 0xCD, 0x00, 0xff, 0x11};
	char text[SHUNT_ADDR_TEXT];
	uint8_t mac[6];

	(void)state;
	assert_int_equal(mac_parse("02:aB:Cd:00:FF:11", mac), 0);
	assert_memory_equal(mac, expected, 6);
	assert_string_equal(mac_format(mac, text), "02:ab:cd:00:ff:11");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(mac_parse(bad[i], mac), -EINVAL);
}

static void usable(void **state)
{
	static const char *const good[] = {"10.0.0.1", "192.0.2.1",   "169.254.0.1", "223.255.255.255", "240.0.0.1",
					   "1.0.0.0",  "2001:db8::1", "fd00::1",     "64:ff9b::a00:1",	"fec0::1"};
	static const char *const bad[] = {
		"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255", "224.0.0.1", "239.1.1.1",	      "255.255.255.255",
		"::",	   "::1",     "ff02::1",   "fe80::1",	      "febf::1",   "::ffff:10.0.0.1", "::10.0.0.1"};
	struct shunt_addr addr = {};
	char text[SHUNT_ADDR_TEXT];

	(void)state;
	assert_string_equal(addr_format(&addr, text), "none");
	assert_false(addr_is_usable(&addr));
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(addr_parse(good[i], &addr), 0);
		if (!addr_is_usable(&addr))
			fail_msg("%s should be usable", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(addr_parse(bad[i], &addr), 0);
		if (addr_is_usable(&addr))
			fail_msg("%s should not be usable", bad[i]);
	}
}

/* A prefix is, if all of its addresses are. */
static void usable_prefixes(void **state)
{
	static const char *const good[] = {"10.0.0.0/8",  "192.0.2.1/32",	"126.0.0.0/8",
					   "240.0.0.0/5", "255.255.255.254/32", "2001:db8::/32",
					   "fe00::/9",	  "fec0::/10",		"::1:0:0:0/96"};
	static const char *const bad[] = {
		"0.0.0.0/0",	 "0.0.0.0/8",	  "0.1.0.0/16",	      "126.0.0.0/7", "127.1.0.0/16", "224.0.0.0/4",
		"239.0.0.0/8",	 "192.0.0.0/2",	  "255.255.255.0/24", "::/0",	     "::/96",	     "::1/128",
		"::ffff:0:0/96", "::fffe:0:0/95", "fe00::/8",	      "fe80::/64",   "ff00::/8"};
	struct shunt_prefix prefix = {};

	(void)state;
	assert_false(prefix_is_usable(&prefix));
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_int_equal(prefix_parse(good[i], &prefix), 0);
		if (!prefix_is_usable(&prefix))
			fail_msg("%s should be usable", good[i]);
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_int_equal(prefix_parse(bad[i], &prefix), 0);
		if (prefix_is_usable(&prefix))
			fail_msg("%s should not be usable", bad[i]);
	}
}

static void order(void **state)
{
	static const char *const ascending[] = {"9.255.255.255", "10.0.0.1",   "10.0.0.2",   "10.0.1.0",
						"::1",		 "2001:db8::", "2001:db8::1"};

	(void)state;
	for (size_t i = 0; i < COUNT(ascending); i++) {
		for (size_t j = 0; j < COUNT(ascending); j++) {
			struct shunt_addr a, b;
			int sign;

			addr_parse(ascending[i], &a);
			addr_parse(ascending[j], &b);
			sign = addr_compare(&a, &b);
			assert_int_equal((sign > 0) - (sign < 0), (i > j) - (i < j));
			assert_int_equal(addr_equal(&a, &b), i == j);
		}
	}
}

static void sockaddrs(void **state)
{
	struct sockaddr_storage ss;
	struct shunt_addr addr;
	struct in6_addr in6;

	(void)state;
	addr_parse("192.0.2.1", &addr);
	assert_int_equal(addr_to_sockaddr(&addr, 80, &ss), sizeof(struct sockaddr_in));
	assert_int_equal(ss.ss_family, AF_INET);
	assert_int_equal(((struct sockaddr_in *)&ss)->sin_addr.s_addr, htonl(0xc0000201));
	assert_int_equal(((struct sockaddr_in *)&ss)->sin_port, htons(80));
	addr_parse("2001:db8::1", &addr);
	assert_int_equal(addr_to_sockaddr(&addr, 53, &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(ss.ss_family, AF_INET6);
	inet_pton(AF_INET6, "2001:db8::1", &in6);
	assert_memory_equal(&((struct sockaddr_in6 *)&ss)->sin6_addr, &in6, sizeof(in6));
	assert_int_equal(((struct sockaddr_in6 *)&ss)->sin6_port, htons(53));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(address_bytes),	cmocka_unit_test(prefixes),
		cmocka_unit_test(macs),	     cmocka_unit_test(prefix_members),	cmocka_unit_test(usable),
		cmocka_unit_test(order),     cmocka_unit_test(usable_prefixes), cmocka_unit_test(sockaddrs),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
