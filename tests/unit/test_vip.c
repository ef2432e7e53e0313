/* SPDX-License-Identifier: GPL-2.0 */
/* VIPs as text and as values. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/lib/vip.h"
#include "shunt/maps.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct config_vip vip_of(const char *text)
{
	struct config_vip vip;

	if (vip_parse(text, &vip))
		fail_msg("%s", text);
	return vip;
}

static void printed_as_read(void **state)
{
	static const char *const good[] = {
		"192.0.2.1:80/tcp",	    "192.0.2.1:65535/udp",
		"[2001:db8::1]:1/udp",	    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535/tcp",
		"192.0.2.10:8000-8999/tcp", "192.0.2.10:1-2/udp",
		"192.0.2.10:2-65535/udp",   "192.0.2.10:1-65534/udp",
		"192.0.2.10:*/udp",	    "192.0.2.0/24:443/tcp",
		"10.0.0.0/8:*/tcp",	    "192.0.2.2/31:7-9/udp",
		"[2001:db8::/64]:*/udp",    "[2001:db8::/127]:53/tcp",
		"[fff0::/12]:53-54/tcp",    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127]:65533-65534/tcp",
	};
	char text[SHUNT_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config_vip vip = vip_of(good[i]);

		assert_string_equal(vip_format(&vip, text), good[i]);
	}
}

/* What is the same has one value and one text. */
static void one_form_each(void **state)
{
	static const char *const rows[][2] = {
		{"192.0.2.10:1-65535/udp", "192.0.2.10:*/udp"},
		{"192.0.2.10/32:80/tcp", "192.0.2.10:80/tcp"},
		{"[2001:DB8:0::1/128]:1-65535/tcp", "[2001:db8::1]:*/tcp"},
	};
	char text[SHUNT_ADDR_TEXT];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_vip a = vip_of(rows[i][0]), b = vip_of(rows[i][1]);

		assert_string_equal(vip_format(&a, text), rows[i][1]);
		assert_memory_equal(&a, &b, sizeof(a));
		assert_int_equal(vip_compare(&a, &b), 0);
	}
}

static void values(void **state)
{
	struct config_vip vip = vip_of("192.0.2.1:258/udp");

	(void)state;
	assert_int_equal(vip.port, 258);
	assert_int_equal(vip.proto, IPPROTO_UDP);
	assert_true(vip_is_exact(&vip));
	assert_int_equal(vip_last(&vip), 258);
	assert_int_equal(vip_len(&vip), 32);
	assert_int_equal(vip_ports(&vip), VIP_ONE_PORT);
	vip = vip_of("[2001:db8::/33]:20-22/tcp");
	assert_int_equal(vip.port, 20);
	assert_int_equal(vip_last(&vip), 22);
	assert_int_equal(vip_len(&vip), 33);
	assert_int_equal(vip_ports(&vip), VIP_PORT_RANGE);
	assert_false(vip_is_exact(&vip));
	vip = vip_of("[2001:db8::]:*/tcp");
	assert_int_equal(vip_len(&vip), 128);
	assert_int_equal(vip_ports(&vip), VIP_ALL_PORTS);
	assert_false(vip_is_exact(&vip));
	vip = vip_of("192.0.2.0/24:1/tcp");
	assert_false(vip_is_exact(&vip));
}

static void refused(void **state)
{
	static const char *const bad[] = {
		"",
		"192.0.2.1",
		"192.0.2.1:80",
		"192.0.2.1/tcp",
		"192.0.2.1:/tcp",
		"192.0.2.1:0/tcp",
		"192.0.2.1:080/tcp",
		"192.0.2.1:65536/tcp",
		"192.0.2.1:99999999999/tcp",
		"192.0.2.1:80/TCP",
		"192.0.2.1:80/sctp",
		"192.0.2.1:80/",
		"192.0.2.1:80/tcp ",
		"192.0.2.1:+80/tcp",
		":80/tcp",
		"[192.0.2.1]:80/tcp",
		"2001:db8::1:80/tcp",
		"[2001:db8::1:80/tcp",
		"2001:db8::1]:80/tcp",
		"[:80/tcp",
		"[]:80/tcp",
		"[2001:db8::1]80/tcp",
		"[2001:db8::1%eth0]:80/tcp",
		"000000000000000000000000000000000000000000000000000000000000000000000000000000:80/tcp",
		"192.0.2.1:80-80/tcp",
		"192.0.2.1:81-80/tcp",
		"192.0.2.1:0-80/tcp",
		"192.0.2.1:80-65536/tcp",
		"192.0.2.1:65535-65536/tcp",
		"192.0.2.1:80-/tcp",
		"192.0.2.1:-80/tcp",
		"192.0.2.1:80-90-100/tcp",
		"192.0.2.1:80--90/tcp",
		"192.0.2.1:*-90/tcp",
		"192.0.2.1:80-*/tcp",
		"192.0.2.1:**/tcp",
		"192.0.2.1:*",
		"*:80/tcp",
		"192.0.2.0/33:80/tcp",
		"192.0.2.0/:80/tcp",
		"192.0.2.0/024:80/tcp",
		"0.0.0.0/0:80/tcp",
		"[::/0]:80/tcp",
		"[2001:db8::/129]:80/tcp",
		"[2001:db8::]/64:80/tcp",
		"2001:db8::/64:80/tcp",
		"[192.0.2.0/24]:80/tcp",
	};
	static const char *const host_bits[] = {"192.0.2.1/24:80/tcp", "[2001:db8::1/64]:*/udp"};
	struct config_vip vip;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		print_message("  %s\n", bad[i]);
		assert_int_equal(vip_parse(bad[i], &vip), -EINVAL);
	}
	for (size_t i = 0; i < COUNT(host_bits); i++)
		assert_int_equal(vip_parse(host_bits[i], &vip), -ERANGE);
}

static void ordered(void **state)
{
	static const char *const ascending[] = {
		"192.0.2.0/24:443/tcp", "192.0.2.0:*/tcp",    "192.0.2.0:1-9/tcp", "192.0.2.0:2-5/tcp",
		"192.0.2.0:2-6/tcp",	"192.0.2.0:1/tcp",    "192.0.2.0:2/tcp",   "192.0.2.0:*/udp",
		"192.0.2.1:1/tcp",	"[2001:db8::]:1/tcp",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(ascending); i++) {
		for (size_t j = 0; j < COUNT(ascending); j++) {
			struct config_vip a = vip_of(ascending[i]), b = vip_of(ascending[j]);
			int order = vip_compare(&a, &b);

			assert_int_equal((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_as_read), cmocka_unit_test(one_form_each), cmocka_unit_test(values),
		cmocka_unit_test(refused),	   cmocka_unit_test(ordered),
	};

	return cmocka_run_group_tests_name("vip", tests, NULL, NULL);
}
