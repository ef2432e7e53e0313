/* SPDX-License-Identifier: GPL-2.0 */
/* Next hops over VLAN devices: the device below them, and their tags. Skipped where the kernel has no such devices. */
#include "nexthop_bench.h"

#define VLAN_MAC "02:00:00:00:0a:01"

static void need_vlan(void)
{
	if (system("ip link add link eth0 name probe type vlan id 1 2>/dev/null && ip link del probe"))
		skip();
}

/* The same VLAN device on both sides of a link: NAME ends in what both names end in. */
static void add_vlan(const char *below, const char *name, const char *options)
{
	run("ip link add link eth0%s name eth0%s type vlan %s && ip link set eth0%s up", below, name, options, name);
	peer_run("sh -e -c 'ip link add link p0%s name p0%s type vlan %s; ip link set p0%s up'", below, name, options,
		 name);
}

static void add_addresses(const char *name)
{
	run("ip addr add 10.3.0.1/24 dev eth0%s && ip addr add 2001:db8:3::1/64 dev eth0%s nodad", name, name);
	peer_run("sh -e -c 'ip addr add 10.3.0.11/24 dev p0%s; ip addr add 2001:db8:3::11/64 dev p0%s nodad'", name,
		 name);
}

static void assert_tags(const char *text, int tags, struct nexthop_tag outer, struct nexthop_tag inner)
{
	const struct nexthop *hop = get(text);

	assert_int_equal(hop->tags, tags);
	assert_int_equal(hop->tag[0].tpid, outer.tpid);
	assert_int_equal(hop->tag[0].vid, outer.vid);
	assert_int_equal(hop->tag[1].tpid, inner.tpid);
	assert_int_equal(hop->tag[1].vid, inner.vid);
}

static const struct nexthop_tag none;

static void test_one(void **state)
{
	(void)state;
	need_vlan();
	add_vlan("", ".100", "id 100");
	add_addresses(".100");
	run("ip link set eth0.100 address " VLAN_MAC " mtu 1400");
	watch("10.3.0.11", "2001:db8:3::11");
	AWAIT(resolved("10.3.0.11") && resolved("2001:db8:3::11"));
	assert_goes("10.3.0.11", "eth0", VLAN_MAC, P0_MAC, NULL);
	assert_goes("2001:db8:3::11", "eth0", VLAN_MAC, P0_MAC, NULL);
	assert_tags("10.3.0.11", 1, (struct nexthop_tag){0x8100, 100}, none);
	assert_tags("2001:db8:3::11", 1, (struct nexthop_tag){0x8100, 100}, none);
	assert_int_equal(get("10.3.0.11")->mtu, 1400);
	run("ip link set eth0.100 mtu 1500");
	AWAIT(get("10.3.0.11")->mtu == 1500);
	run("ip link del eth0.100");
	AWAIT(!resolved("10.3.0.11"));
	assert_tags("10.3.0.11", 0, none, none);
}

/* Redirection leaves room for one tag beyond the MTU of the device below. */
static void test_two(void **state)
{
	(void)state;
	need_vlan();
	add_vlan("", ".ad", "protocol 802.1ad id 300");
	add_vlan(".ad", ".ad.7", "id 7");
	add_addresses(".ad.7");
	watch("10.3.0.11", NULL);
	AWAIT(resolved("10.3.0.11"));
	assert_goes("10.3.0.11", "eth0", ETH0_MAC, P0_MAC, NULL);
	assert_tags("10.3.0.11", 2, (struct nexthop_tag){0x88a8, 300}, (struct nexthop_tag){0x8100, 7});
	assert_int_equal(get("10.3.0.11")->mtu, 1496);
	run("ip link set eth0 mtu 1600");
	AWAIT(get("10.3.0.11")->mtu == 1500);
}

/* A route that moves to another VLAN of the same interface, with the same neighbour. */
static void test_moves(void **state)
{
	(void)state;
	need_vlan();
	add_vlan("", ".100", "id 100");
	add_vlan("", ".200", "id 200");
	run("ip route add 192.0.2.1 dev eth0.100 && ip neigh add 192.0.2.1 lladdr " NEW_MAC " dev eth0.100 && "
	    "ip neigh add 192.0.2.1 lladdr " NEW_MAC " dev eth0.200");
	watch("192.0.2.1", NULL);
	assert_tags("192.0.2.1", 1, (struct nexthop_tag){0x8100, 100}, none);
	run("ip route replace 192.0.2.1 dev eth0.200");
	AWAIT(get("192.0.2.1")->tag[0].vid == 200);
	assert_true(changes > 0);
}

static void test_refused(void **state)
{
	(void)state;
	need_vlan();
	add_vlan("", ".1", "id 1");
	add_vlan(".1", ".2", "id 2");
	add_vlan(".2", ".3", "id 3");
	run("ip route add 203.0.113.1 dev eth0.3");
	assert_why("203.0.113.1", "eth0.1 would add VLAN tag number 3; expected at most 2");
	run("ip link add br0 type bridge && ip link set br0 up && ip link add link br0 name br0.5 type vlan id 5 && "
	    "ip link set br0.5 up && ip route add 203.0.113.2 dev br0.5");
	assert_why("203.0.113.2", "203.0.113.2 is routed to br0, a bridge device: XDP cannot redirect there");
	run("ip link del br0");
	peer_run("sh -e -c 'ip link add link p0 name p0.5 type vlan id 5; ip link set p0.5 netns %d'", (int)getpid());
	run("ip link set p0.5 up && ip route add 203.0.113.3 dev p0.5");
	assert_why("203.0.113.3", "the device below p0.5 is in another network namespace");
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_one), TEST(test_two), TEST(test_moves), TEST(test_refused)};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("nexthop_vlan", tests, open_namespaces, close_namespaces);
}
