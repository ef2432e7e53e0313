/* SPDX-License-Identifier: GPL-2.0 */
/* Health checks of all kinds as configuration: every error, and a check as a value. */
#include "config_errors.h"

#include <errno.h>

#include "../../user/lib/config_internal.h"
#include "../../user/lib/xalloc.h"

#define AT "t.yaml:3: services[web].check."
#define X63 "x12345678901234567890123456789012345678901234567890123456789012"
#define DOMAIN " is not a domain name; expected what to ask for, such as www.example.org, or \".\" for the root"
#define OCTETS                                                                                                      \
	" is not the content of a datagram; expected a text, or \"0x\" and two hexadecimal digits for each octet; " \
	"1 to 1024 octets, in quotes"
#define FILES " is not a file; expected its path from \"/\" on, at most 1023 characters, such as /etc/shunt/ca.pem"
#define PROGRAM " is not a program; expected its path from \"/\" on, such as /usr/local/bin/check"

static const struct row errors[] = {
	{CHECK("type: dns"), AT "query: missing; expected a domain name: what to ask for, such as www.example.org, or "
				"\".\" for the root"},
	{CHECK("type: dns, query: \"\""), AT "query: \"\"" DOMAIN},
	{CHECK("type: dns, query: a..b"), AT "query: \"a..b\"" DOMAIN},
	{CHECK("type: dns, query: .a"), AT "query: \".a\"" DOMAIN},
	{CHECK("type: dns, query: a b"), AT "query: \"a b\"" DOMAIN},
	{CHECK("type: dns, query: 7"), AT "query: 7" DOMAIN},
	{CHECK("type: dns, query: " X63 "xx"),
	 AT "query: \"x123456789012345678901234567890123456789012345678901234567890...\"" DOMAIN},
	{CHECK("type: dns, query: a, record: a"),
	 AT "record: \"a\" is not a known word; expected A, AAAA, CNAME, MX, NS, PTR, SOA, SRV or TXT"},
	{CHECK("type: dns, query: a, expect: 200"), AT "expect: 200 is not a known word; expected NOERROR, FORMERR, "
						       "SERVFAIL, NXDOMAIN, NOTIMP, REFUSED or any"},
	{CHECK("type: dns, query: a, path: /"),
	 AT "path: a check of type dns has no such key; remove it, or use type http or https"},
	{CHECK("type: udp"), AT "send: missing; expected the content of a datagram: a text, or \"0x\" and two "
				"hexadecimal digits for each octet; 1 to 1024 octets, in quotes"},
	{CHECK("type: udp, send: \"\""), AT "send: \"\"" OCTETS},
	{CHECK("type: udp, send: 1"), AT "send: 1" OCTETS},
	{CHECK("type: udp, send: \"0x\""), AT "send: \"0x\"" OCTETS},
	{CHECK("type: udp, send: \"0x123\""), AT "send: \"0x123\"" OCTETS},
	{CHECK("type: udp, send: \"0x1g\""), AT "send: \"0x1g\"" OCTETS},
	{CHECK("type: udp, send: a, expect: 200"), AT "expect: 200" OCTETS},
	{CHECK("type: udp, send: a, expect: ~"),
	 AT "expect: empty; expected the content of a datagram: a text, or \"0x\" and two hexadecimal digits for each "
	    "octet; 1 to 1024 octets, in quotes"},
	{CHECK("type: tcp, send: a"), AT "send: a check of type tcp has no such key; remove it, or use type udp"},
	{CHECK("type: icmp, port: 7"),
	 AT "port: a check of type icmp has no such key; remove it, or use type tcp, http, https, dns, udp or exec"},
	{CHECK("type: exec"),
	 AT "command: missing; expected a list: a program and its arguments, such as [/usr/local/bin/check, --quick]"},
	{CHECK("type: exec, command: /bin/true"), AT "command: \"/bin/true\" is not a list; expected a program and its "
						     "arguments, such as [/usr/local/bin/check, --quick]"},
	{CHECK("type: exec, command: []"),
	 AT "command: an empty list; expected a program and its arguments, such as [/usr/local/bin/check, --quick]"},
	{CHECK("type: exec, command: [true.sh]"), AT "command[true.sh]: \"true.sh\"" PROGRAM},
	{CHECK("type: exec, command: [/bin/x, 7]"),
	 AT "command[1]: 7 is not an argument; expected a text of at most 1023 octets; numbers in quotes"},
	{CHECK("type: https, verify: true, ca: ca.pem"), AT "ca: \"ca.pem\"" FILES},
	{CHECK("type: https, verify: true, ca: 1"), AT "ca: 1" FILES},
	{CHECK("type: https, ca: /ca.pem"),
	 AT "ca: has no effect: certificates are not checked; remove it, or add verify: true"},
	{CHECK("type: http, ca: /ca.pem"), AT "ca: a check of type http has no such key; remove it, or use type https"},
	{CHECK("fast_interval: 99ms"), AT "fast_interval: \"99ms\" is out of range; expected 100ms to 1h"},
	{CHECK("fast_interval: 3s"), AT "fast_interval: \"3s\" is longer than the interval; expected 100ms to 2s, or a "
					"longer interval"},
	{CHECK("via: tunel"), AT "via: \"tunel\" is not a known word; expected direct or tunnel"},
	{CHECK("type: exec, command: [/bin/x], via: direct"),
	 AT "via: a check of type exec has no such key; remove it, or use type tcp, http, https, dns, udp or icmp"},
	{CHECK("jitter: 51"), AT "jitter: 51 is out of range; expected 0 to 50"},
	{CHECK("jitter: 5%"), AT "jitter: \"5%\" is not an integer; expected 0 to 50"},
	{HEAD "services: [{name: web, vips: [\"192.0.2.1:*/udp\"], check: {type: udp, send: a}}]}",
	 "t.yaml:2: services[web]: none of its VIPs is one port; expected check.port, which says where checks go, or "
	 "check type none"},
};

static void all_errors(void **state)
{
	(void)state;
	check_rows(errors, COUNT(errors));
}

/* What no test of the errors shows: that the longest are taken, and that some need no port. */
static void accepted(void **state)
{
	static const char *const checks[] = {
		CHECK("type: dns, query: " X63 "." X63 "." X63 ".x.example.org."),
		CHECK("type: dns, query: _sip._udp.example.org, record: SRV, expect: any"),
		CHECK("type: exec, command: [/bin/x, \"\"]"),
		CHECK("fast_interval: 2s, jitter: 50"),
		HEAD "services: [{name: web, vips: [\"192.0.2.1:*/udp\"], check: {type: icmp}}]}",
		HEAD "services: [{name: web, vips: [\"192.0.2.1:*/udp\"], check: {type: exec, command: [/x]}}]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(checks); i++)
		config_free(parse_yaml(checks[i]));
}

/* Which VIP a check through the tunnel speaks to, on a backend of each family. */
static void vips(void **state)
{
	static const struct {
		const char *vips, *of4, *of6;
	} rows[] = {
		{"\"192.0.2.1:80/tcp\", \"192.0.2.2:80/tcp\"", "192.0.2.1", "192.0.2.1"},
		{"\"192.0.2.1:80/tcp\", \"[2001:db8::1]:80/tcp\", \"[2001:db8::2]:80/tcp\"", "192.0.2.1",
		 "2001:db8::1"},
		{"\"[2001:db8::1]:80/tcp\", \"192.0.2.1:80/tcp\"", "192.0.2.1", "2001:db8::1"},
		{"\"192.0.2.0/24:80/tcp\", \"192.0.3.1:80/tcp\", \"[2001:db8::/64]:80/tcp\"", "192.0.3.1",
		 "2001:db8::1"},
		{"\"192.0.2.0/24:80/tcp\", \"[2001:db8::/64]:80/tcp\"", "192.0.2.1", "2001:db8::1"},
		{"\"192.0.2.4/30:80/tcp\", \"[2001:db8::4/126]:80/tcp\"", "192.0.2.5", "2001:db8::5"},
		{"\"192.0.2.4/31:80/tcp\", \"[2001:db8::4/127]:80/tcp\"", "192.0.2.4", "2001:db8::4"},
	};
	struct shunt_addr backend4, backend6, got4, got6;
	char text4[SHUNT_ADDR_TEXT], text6[SHUNT_ADDR_TEXT];

	(void)state;
	addr_parse("10.0.0.1", &backend4);
	addr_parse("fd00::1", &backend6);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *yaml = xasprintf(HEAD "services: [{name: web, vips: [%s]}]}", rows[i].vips);
		struct config *config = parse_yaml(yaml);

		got4 = config_check_vip(&config->services[0], &backend4);
		got6 = config_check_vip(&config->services[0], &backend6);
		assert_string_equal(addr_format(&got4, text4), rows[i].of4);
		assert_string_equal(addr_format(&got6, text6), rows[i].of6);
		config_free(config);
		free(yaml);
	}
}

static void octets(void **state)
{
	uint8_t out[CONFIG_OCTETS_MAX];
	char *text = xcalloc(1, 2 * CONFIG_OCTETS_MAX + 5);

	(void)state;
	assert_int_equal(config_octets("0x00fFa9", out), 3);
	assert_memory_equal(out, "\x00\xff\xa9", 3);
	assert_int_equal(config_octets("0X00", out), 4);
	assert_int_equal(config_octets("a\n", out), 2);
	assert_memory_equal(out, "a\n", 2);
	memset(text, 'x', CONFIG_OCTETS_MAX);
	assert_int_equal(config_octets(text, out), CONFIG_OCTETS_MAX);
	text[CONFIG_OCTETS_MAX] = 'x';
	assert_int_equal(config_octets(text, out), -EINVAL);
	memset(text, '0', 2 * CONFIG_OCTETS_MAX + 2);
	text[1] = 'x';
	assert_int_equal(config_octets(text, out), CONFIG_OCTETS_MAX);
	text[2 * CONFIG_OCTETS_MAX + 2] = text[2 * CONFIG_OCTETS_MAX + 3] = '0';
	assert_int_equal(config_octets(text, out), -EINVAL);
	free(text);
}

/* Every member counts: of two checks that differ in one alone, neither equals the other, and a copy equals its own. */
static void as_a_value(void **state)
{
	static const char *const checks[] = {
		CHECK(""),
		CHECK("port: 7"),
		CHECK("interval: 3s"),
		CHECK("fast_interval: 1s"),
		CHECK("jitter: 1"),
		CHECK("timeout: 2s"),
		CHECK("rise: 1"),
		CHECK("fall: 1"),
		CHECK("type: none"),
		CHECK("type: icmp"),
		CHECK("type: http"),
		CHECK("type: http, path: /x"),
		CHECK("type: http, host: x"),
		CHECK("type: http, expect: 200-398"),
		CHECK("type: http, expect: 201-399"),
		CHECK("type: https"),
		CHECK("type: https, verify: true"),
		CHECK("type: https, verify: true, ca: /x"),
		CHECK("type: dns, query: x"),
		CHECK("type: dns, query: y"),
		CHECK("type: dns, query: x, record: NS"),
		CHECK("type: dns, query: x, expect: any"),
		CHECK("type: udp, send: x"),
		CHECK("type: udp, send: y"),
		CHECK("type: udp, send: x, expect: x"),
		CHECK("type: exec, command: [/x]"),
		CHECK("type: exec, command: [/y]"),
		CHECK("type: exec, command: [/x, y]"),
	};
	struct config *all[COUNT(checks)], *copy;

	(void)state;
	for (size_t i = 0; i < COUNT(checks); i++)
		all[i] = parse_yaml(checks[i]);
	for (size_t i = 0; i < COUNT(checks); i++) {
		copy = config_copy(all[i]);
		for (size_t j = 0; j < COUNT(checks); j++)
			if (config_check_equal(&copy->services->check, &all[j]->services->check) != (i == j))
				fail_msg("%s\nand\n%s", checks[i], checks[j]);
		config_free(copy);
	}
	for (size_t i = 0; i < COUNT(checks); i++)
		config_free(all[i]);
}

static void keeps(void **state)
{
	(void)state;
	assert_true(config_check_keeps("http", "https", "expect"));
	assert_false(config_check_keeps("http", "dns", "expect"));
	assert_false(config_check_keeps("udp", "dns", "expect"));
	assert_false(config_check_keeps("https", "http", "ca"));
	assert_true(config_check_keeps("tcp", "icmp", "jitter"));
	assert_false(config_check_keeps("tcp", "icmp", "port"));
	assert_true(config_check_keeps("tcp", "exec", "port"));
	assert_true(config_check_keeps("tcp", "htpt", "port"));
	assert_true(config_check_keeps("tcp", "http", "colour"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_errors), cmocka_unit_test(accepted),   cmocka_unit_test(vips),
		cmocka_unit_test(octets),     cmocka_unit_test(as_a_value), cmocka_unit_test(keeps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
