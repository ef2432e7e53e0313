/* SPDX-License-Identifier: GPL-2.0 */
/* Next hops: what changes under them, and what must not be lost. */
#include "../../user/shuntd/nexthop_priv.h"
#include "nexthop_bench.h"

#define MANY 200

static void test_late_neighbour(void **state)
{
	(void)state;
	watch("10.1.0.12", NULL);
	assert_false(resolved("10.1.0.12"));
	assert_string_equal(get("10.1.0.12")->why, "neighbour 10.1.0.12 on eth0 has not answered yet");
	/* The kernel gives up; only being asked again finds the one that comes late. */
	AWAIT(!system("ip neigh show 10.1.0.12 dev eth0 | grep -q FAILED"));
	peer_run("ip addr add 10.1.0.12/24 dev p0");
	AWAIT(resolved("10.1.0.12"));
}

static void test_mac_change(void **state)
{
	(void)state;
	run("ip route add 192.0.2.0/24 via 10.1.0.254");
	watch("192.0.2.1", NULL);
	AWAIT(has_mac("192.0.2.1", P0_MAC));
	peer_run("ip link set p0 address " NEW_MAC); /* announces itself */
	AWAIT(has_mac("192.0.2.1", NEW_MAC));
}

static void test_source_mac_change(void **state)
{
	uint8_t wanted[6];

	(void)state;
	watch("10.1.0.11", NULL);
	AWAIT(resolved("10.1.0.11"));
	assert_int_equal(mac_parse(NEW_MAC, wanted), 0);
	run("ip link set eth0 address " NEW_MAC);
	AWAIT(!memcmp(get("10.1.0.11")->src_mac, wanted, sizeof(wanted)));
}

static void test_route_moves(void **state)
{
	(void)state;
	run("ip route add 192.0.2.0/24 via 10.1.0.254");
	watch("192.0.2.1", NULL);
	AWAIT(has_mac("192.0.2.1", P0_MAC));
	run("ip route replace 192.0.2.0/24 via 10.2.0.254");
	AWAIT(has_mac("192.0.2.1", P1_MAC));
	assert_goes("192.0.2.1", "eth1", ETH1_MAC, P1_MAC, "10.2.0.254");
}

static void test_route_goes_and_comes(void **state)
{
	(void)state;
	run("ip route add 192.0.2.0/24 via 10.1.0.254 && ip -6 route add 2001:db8:ff::/48 via 2001:db8:1::fe");
	watch("192.0.2.1", "2001:db8:ff::1");
	AWAIT(resolved("192.0.2.1") && resolved("2001:db8:ff::1"));
	run("ip route del 192.0.2.0/24");
	AWAIT(!resolved("192.0.2.1"));
	run("ip -6 route del 2001:db8:ff::/48");
	AWAIT(!resolved("2001:db8:ff::1"));
	assert_string_equal(get("192.0.2.1")->why, "no route to 192.0.2.1");
	assert_string_equal(get("2001:db8:ff::1")->why, "no route to 2001:db8:ff::1");
	run("ip route add 192.0.2.0/24 via 10.1.0.254 && ip -6 route add 2001:db8:ff::/48 via 2001:db8:1::fe");
	AWAIT(resolved("192.0.2.1") && resolved("2001:db8:ff::1"));
}

static void test_rule(void **state)
{
	(void)state;
	watch("10.1.0.11", "2001:db8:1::11");
	AWAIT(resolved("10.1.0.11") && resolved("2001:db8:1::11"));
	run("ip rule add to 10.1.0.11 prio 100 prohibit");
	AWAIT(!resolved("10.1.0.11"));
	run("ip -6 rule add to 2001:db8:1::11 prio 100 prohibit");
	AWAIT(!resolved("2001:db8:1::11"));
	assert_string_equal(get("10.1.0.11")->why, "the route to 10.1.0.11 is of type prohibit");
	assert_string_equal(get("2001:db8:1::11")->why, "the route to 2001:db8:1::11 is of type prohibit");
	run("ip rule del prio 100 && ip -6 rule del prio 100");
	AWAIT(resolved("10.1.0.11") && resolved("2001:db8:1::11"));
}

static void test_nexthop_object(void **state)
{
	(void)state;
	/* Without this, the kernel tells of the routes as well. */
	set_sysctl("ipv4/nexthop_compat_mode", "0");
	run("ip nexthop add id 7 via 10.1.0.254 dev eth0 && ip route add 192.0.2.0/24 nhid 7");
	watch("192.0.2.1", NULL);
	AWAIT(has_mac("192.0.2.1", P0_MAC));
	run("ip nexthop replace id 7 via 10.2.0.254 dev eth1");
	AWAIT(has_mac("192.0.2.1", P1_MAC));
}

static void test_link_goes_and_comes(void **state)
{
	(void)state;
	watch("10.1.0.11", NULL);
	AWAIT(resolved("10.1.0.11"));
	run("ip link set eth0 down");
	AWAIT(!resolved("10.1.0.11"));
	assert_string_equal(get("10.1.0.11")->why, "no route to 10.1.0.11");
	run("ip link set eth0 up");
	AWAIT(resolved("10.1.0.11"));
}

/* A neighbour that stops answering keeps its MAC; one that is replaced meanwhile is found. */
static void test_failed_keeps_mac(void **state)
{
	(void)state;
	watch("10.1.0.11", NULL);
	AWAIT(has_mac("10.1.0.11", P0_MAC));
	peer_run("ip link set p0 arp off");
	run("ip neigh change 10.1.0.11 dev eth0 nud failed");
	AWAIT(!system("ip neigh show 10.1.0.11 dev eth0 | grep -q FAILED"));
	/* Another change shows that everything has been asked for since. */
	run("ip link set eth0 mtu 1480");
	AWAIT(get("10.1.0.11")->mtu == 1480);
	assert_goes("10.1.0.11", "eth0", ETH0_MAC, P0_MAC, NULL);
	run("ip neigh del 10.1.0.11 dev eth0; ip link set eth0 mtu 1490");
	AWAIT(get("10.1.0.11")->mtu == 1490);
	assert_goes("10.1.0.11", "eth0", ETH0_MAC, P0_MAC, NULL);
	peer_run("ip link set p0 arp on address " NEW_MAC);
	AWAIT(has_mac("10.1.0.11", NEW_MAC));
}

static void test_path_mtu(void **state)
{
	struct shunt_addr v4 = addr("192.0.2.1"), v6 = addr("2001:db8:1::11"), other = addr("192.0.2.2");

	(void)state;
	run("ip route add 192.0.2.0/24 via 10.1.0.254");
	watch("192.0.2.1", "2001:db8:1::11");
	AWAIT(resolved("192.0.2.1") && resolved("2001:db8:1::11"));
	assert_false(nexthops_learn_mtu(nexthops, &other, 1400)); /* not watched */
	assert_false(nexthops_learn_mtu(nexthops, &v4, 575));
	assert_false(nexthops_learn_mtu(nexthops, &v4, 1500)); /* nothing new */
	assert_false(nexthops_learn_mtu(nexthops, &v6, 1279));
	assert_true(nexthops_learn_mtu(nexthops, &v4, 1400));
	assert_true(nexthops_learn_mtu(nexthops, &v6, 1280));
	assert_false(nexthops_learn_mtu(nexthops, &v6, 1280)); /* the same again, before it holds */
	AWAIT(get("192.0.2.1")->mtu == 1400 && get("2001:db8:1::11")->mtu == 1280);
	assert_int_equal(get("192.0.2.1")->path_mtu, 1400);
	assert_false(nexthops_learn_mtu(nexthops, &v4, 1400));
	assert_true(nexthops_learn_mtu(nexthops, &v4, 576));
	AWAIT(get("192.0.2.1")->mtu == 576);
	run("ip link set eth0 mtu 1280"); /* what is less than the path's is not the path's */
	AWAIT(get("2001:db8:1::11")->mtu == 1280 && !get("2001:db8:1::11")->path_mtu);
	assert_int_equal(get("192.0.2.1")->path_mtu, 576);
}

/* More events than the socket can hold: the last of them, lost or not, is acted upon, and so is what comes after. */
static void test_overrun(void **state)
{
	(void)state;
	run("ip route add 192.0.2.0/24 via 10.1.0.254");
	watch("192.0.2.1", NULL);
	AWAIT(has_mac("192.0.2.1", P0_MAC));
	run("(seq -f 'route add 172.20.0.%%g dev eth0' 1 250; seq -f 'route add 172.20.1.%%g dev eth0' 1 250; "
	    "seq -f 'route add 172.20.2.%%g dev eth0' 1 250; seq -f 'route add 172.20.3.%%g dev eth0' 1 250; "
	    "echo route replace 192.0.2.0/24 via 10.2.0.254) | ip -batch -");
	AWAIT(has_mac("192.0.2.1", P1_MAC));
	run("ip route replace 192.0.2.0/24 via 10.1.0.254");
	AWAIT(has_mac("192.0.2.1", P0_MAC));
}

/* Until nothing is asked for any more but now and then. */
static void settle(void)
{
	uint32_t seq;

	do {
		seq = nexthops->nl.seq;
		for (uint64_t end = uv_now(&loop) + 300; uv_now(&loop) < end;)
			uv_run(&loop, UV_RUN_ONCE);
	} while (nexthops->nl.seq - seq > MANY / 4);
}

/* MANY behind p0's router, and 198.51.100.1. */
static void watch_many(void)
{
	struct shunt_addr addrs[MANY + 1];

	for (int i = 0; i < MANY; i++) {
		char text[32];

		snprintf(text, sizeof(text), "192.0.2.%d", i + 1);
		addrs[i] = addr(text);
	}
	addrs[MANY] = addr("198.51.100.1");
	run("ip route add 192.0.2.0/24 via 10.1.0.254; ip route add 198.51.100.0/24 via 10.1.0.254");
	nexthops_watch(nexthops, addrs, NULL, MANY + 1);
	AWAIT(resolved("192.0.2.1") && resolved("192.0.2.200") && resolved("198.51.100.1"));
	settle();
}

/* Of many only those are asked for that an event concerns, however many share a neighbour; and it is right for all. */
static void test_asks_for_few(void **state)
{
	uint32_t before;

	(void)state;
	watch_many();
	before = nexthops->nl.seq;
	run("ip route add 203.0.113.0/24 via 10.1.0.254; ip route replace 198.51.100.0/25 via 10.2.0.254");
	AWAIT(has_mac("198.51.100.1", P1_MAC));
	peer_run("ip link set p0 address " NEW_MAC);
	AWAIT(has_mac("192.0.2.1", NEW_MAC) && has_mac("192.0.2.200", NEW_MAC));
	run("ip route del 198.51.100.0/25");
	AWAIT(has_mac("198.51.100.1", NEW_MAC));
	assert_in_range(nexthops->nl.seq - before, 3, MANY / 2);
	run("ip route replace 192.0.2.0/24 via 10.2.0.254");
	AWAIT(has_mac("192.0.2.1", P1_MAC) && has_mac("192.0.2.200", P1_MAC));
	run("ip route add 192.0.2.128/25 via 10.1.0.254");
	AWAIT(has_mac("192.0.2.200", NEW_MAC) && has_mac("192.0.2.1", P1_MAC));
	run("ip link set eth1 down");
	AWAIT(!resolved("192.0.2.1") && resolved("192.0.2.200"));
}

/* One that is added costs itself; a neighbour of which asking for it tells something is told to the others. */
static void test_adds_one(void **state)
{
	struct shunt_addr addrs[MANY + 2];
	uint64_t whole_at;
	uint32_t before;

	(void)state;
	watch_many();
	for (size_t i = 0; i <= MANY; i++)
		addrs[i] = nexthops->watched[i].addr;
	addrs[MANY + 1] = addr("192.0.2.222");
	before = nexthops->nl.seq;
	nexthops_watch(nexthops, addrs, NULL, MANY + 2);
	assert_true(has_mac("192.0.2.222", P0_MAC) && has_mac("192.0.2.7", P0_MAC));
	AWAIT(!uv_is_active((uv_handle_t *)&nexthops->pass_timer));
	assert_in_range(nexthops->nl.seq - before, 1, MANY / 4);
	settle();
	run("ip neigh replace 10.1.0.254 dev eth0 lladdr " NEW_MAC " nud permanent");
	addrs[MANY + 1] = addr("192.0.2.223");
	nexthops_watch(nexthops, addrs, NULL, MANY + 2);
	assert_true(has_mac("192.0.2.223", NEW_MAC));
	whole_at = nexthops->whole_at;
	AWAIT(has_mac("192.0.2.7", NEW_MAC) && has_mac("198.51.100.1", NEW_MAC));
	assert_int_equal(nexthops->whole_at, whole_at); /* not by the one that comes every half a minute */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_late_neighbour),
		TEST(test_mac_change),
		TEST(test_source_mac_change),
		TEST(test_route_moves),
		TEST(test_route_goes_and_comes),
		TEST(test_rule),
		TEST(test_nexthop_object),
		TEST(test_link_goes_and_comes),
		TEST(test_failed_keeps_mac),
		TEST(test_path_mtu),
		TEST(test_overrun),
		TEST(test_asks_for_few),
		TEST(test_adds_one),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("nexthop_events", tests, open_namespaces, close_namespaces);
}
