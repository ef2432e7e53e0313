/* SPDX-License-Identifier: GPL-2.0 */
/* Next hops: what an address resolves to, and what is refused. */
#include "nexthop_bench.h"

#define MANY 2000

static void test_on_link(void **state)
{
	(void)state;
	watch("10.1.0.11", "2001:db8:1::11");
	AWAIT(resolved("10.1.0.11") && resolved("2001:db8:1::11"));
	assert_goes("10.1.0.11", "eth0", ETH0_MAC, P0_MAC, NULL);
	assert_goes("2001:db8:1::11", "eth0", ETH0_MAC, P0_MAC, NULL);
	assert_int_equal(get("10.1.0.11")->mtu, 1500);
	assert_true(changes > 0);
	assert_null(get("10.1.0.12"));
}

static void test_gateway(void **state)
{
	(void)state;
	run("ip route add 192.0.2.0/24 via 10.1.0.254 && ip route add 2001:db8:ff::/48 via 2001:db8:2::fe");
	watch("192.0.2.1", "2001:db8:ff::1");
	AWAIT(resolved("192.0.2.1") && resolved("2001:db8:ff::1"));
	assert_goes("192.0.2.1", "eth0", ETH0_MAC, P0_MAC, "10.1.0.254");
	assert_goes("2001:db8:ff::1", "eth1", ETH1_MAC, P1_MAC, "2001:db8:2::fe");
}

static void test_gateway_of_other_family(void **state)
{
	(void)state;
	run("ip route add 192.0.2.0/24 via inet6 2001:db8:2::fe");
	watch("192.0.2.1", NULL);
	AWAIT(resolved("192.0.2.1"));
	assert_goes("192.0.2.1", "eth1", ETH1_MAC, P1_MAC, "2001:db8:2::fe");
}

/* What the neighbour table holds is known when nexthops_watch() returns. */
static void test_known_at_once(void **state)
{
	(void)state;
	run("ip neigh replace 10.1.0.77 lladdr " NEW_MAC " dev eth0 nud stale");
	watch("10.1.0.77", "10.1.0.77");
	assert_goes("10.1.0.77", "eth0", ETH0_MAC, NEW_MAC, NULL);
}

static void test_override(void **state)
{
	struct shunt_addr addrs[2] = {addr("10.1.0.99"), addr("10.1.0.99")};
	uint8_t macs[2][6] = {};

	(void)state;
	assert_int_equal(mac_parse(NEW_MAC, macs[1]), 0);
	nexthops_watch(nexthops, addrs, (const uint8_t(*)[6])macs, 2);
	assert_goes("10.1.0.99", "eth0", ETH0_MAC, NEW_MAC, NULL);
	assert_int_equal(get("10.1.0.99")->mtu, 1500);
	run("ip link set eth0 down");
	AWAIT(!resolved("10.1.0.99"));
	run("ip link set eth0 up");
	AWAIT(resolved("10.1.0.99"));
	/* Without it, the neighbour counts again: there is none. */
	nexthops_watch(nexthops, addrs, NULL, 1);
	assert_false(resolved("10.1.0.99"));
}

static void test_refused(void **state)
{
	(void)state;
	assert_why("10.1.0.1", "10.1.0.1 is an address of this host");
	assert_why("2001:db8:1::1", "2001:db8:1::1 is an address of this host");
	assert_why("10.1.0.255", "10.1.0.255 is not the address of one host (route type 3)");
	assert_why("198.51.100.1", "no route to 198.51.100.1");
	assert_why("2001:db8:ffff::1", "no route to 2001:db8:ffff::1");
	run("ip route add unreachable 203.0.113.1 && ip -6 route add unreachable 2001:db8:f::1 && "
	    "ip route add unicast 203.0.113.9 dev lo");
	assert_why("203.0.113.1", "the route to 203.0.113.1 is of type unreachable");
	assert_why("2001:db8:f::1", "the route to 2001:db8:f::1 is of type unreachable");
	assert_why("203.0.113.9", "the route to 203.0.113.9 leads to the loopback interface");
	run("ip route replace prohibit 203.0.113.1 && ip -6 route del 2001:db8:f::1 && "
	    "ip -6 route add blackhole 2001:db8:f::1");
	assert_why("203.0.113.1", "the route to 203.0.113.1 is of type prohibit");
	assert_why("2001:db8:f::1", "the route to 2001:db8:f::1 is of type blackhole");
	run("ip route replace blackhole 203.0.113.1");
	assert_why("203.0.113.1", "the route to 203.0.113.1 is of type blackhole");
	run("ip route del 203.0.113.1 && ip route del 203.0.113.9 && ip -6 route del 2001:db8:f::1");
}

static void test_on_top(void **state)
{
	(void)state;
	run("ip link add br0 type bridge && ip link set br0 up && ip route add 203.0.113.1 dev br0");
	watch("203.0.113.1", NULL);
	assert_why("203.0.113.1", "203.0.113.1 is routed to br0, a bridge device: XDP cannot redirect there");
	run("ip link del br0");
}

static void test_not_ethernet(void **state)
{
	(void)state;
	run("ip tuntap add tun0 mode tun && ip link set tun0 up && ip route add 203.0.113.1 dev tun0");
	watch("203.0.113.1", NULL);
	assert_false(resolved("203.0.113.1"));
	assert_string_equal(get("203.0.113.1")->why, "203.0.113.1 is routed to tun0, not an Ethernet interface");
	run("ip link del tun0");
}

static void test_mtu(void **state)
{
	(void)state;
	run("ip route add 192.0.2.0/24 via 10.1.0.254 mtu 1300 && "
	    "ip -6 route add 2001:db8:ff::/48 via 2001:db8:1::fe mtu 1400");
	watch("192.0.2.1", "2001:db8:ff::1");
	AWAIT(resolved("192.0.2.1") && resolved("2001:db8:ff::1"));
	assert_int_equal(get("192.0.2.1")->mtu, 1300);
	assert_int_equal(get("2001:db8:ff::1")->mtu, 1400);
	watch("10.1.0.11", "192.0.2.1");
	run("ip link set eth0 mtu 1290");
	AWAIT(get("10.1.0.11")->mtu == 1290 && get("192.0.2.1")->mtu == 1290);
	run("ip link set eth0 mtu 2000");
	AWAIT(get("10.1.0.11")->mtu == 2000 && get("192.0.2.1")->mtu == 1300);
}

/* Many addresses behind one gateway change together, and are told of once. */
static void test_many(void **state)
{
	struct shunt_addr addrs[MANY];
	char text[SHUNT_ADDR_TEXT];
	size_t there = 0;

	(void)state;
	run("ip route add 172.16.0.0/16 via 10.1.0.254 && "
	    "ip neigh replace 10.1.0.254 lladdr " P0_MAC " dev eth0 nud permanent");
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof(text), "172.16.%d.%d", i / 250, i % 250 + 1);
		addrs[MANY - 1 - i] = addr(text);
	}
	nexthops_watch(nexthops, addrs, NULL, MANY);
	for (int i = 0; i < MANY; i++)
		there += nexthops_get(nexthops, &addrs[i])->resolved;
	assert_int_equal(there, MANY);
	run("ip neigh replace 10.1.0.254 lladdr " NEW_MAC " dev eth0 nud permanent");
	AWAIT(changes);
	assert_true(has_mac("172.16.0.1", NEW_MAC) && has_mac("172.16.7.250", NEW_MAC));
	assert_int_equal(changes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_on_link),	  TEST(test_gateway),	   TEST(test_gateway_of_other_family),
		TEST(test_known_at_once), TEST(test_override),	   TEST(test_refused),
		TEST(test_on_top),	  TEST(test_not_ethernet), TEST(test_mtu),
		TEST(test_many),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("nexthop", tests, open_namespaces, close_namespaces);
}
