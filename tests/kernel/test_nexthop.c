/* SPDX-License-Identifier: GPL-2.0 */
/*
 * nexthop.c against the kernel it asks: this process moves into a network namespace of its own, where two veth pairs lead to a
 * second one, whose stack answers ARP and neighbour discovery. Both end with the process.
 *
 * What is to happen is awaited on the loop; the deadline only ends a test that has failed.
 */
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/lib/log.h"
#include "../../user/shuntd/nexthop.h"

#define DEADLINE_NS 30000000000ull
#define MANY 2000

#define ETH0_MAC "02:00:00:00:01:01"
#define ETH1_MAC "02:00:00:00:02:01"
#define P0_MAC "02:00:00:00:01:fe"
#define P1_MAC "02:00:00:00:02:fe"
#define NEW_MAC "02:00:00:00:0e:0e"

static pid_t peer;
static uv_loop_t loop;
static uv_timer_t wake; /* so that a loop without events looks at the clock */
static struct nexthops *nexthops;
static int changes;

#define AWAIT(condition)                                                     \
	do {                                                                 \
		uint64_t end_ = uv_hrtime() + DEADLINE_NS;                   \
		while (!(condition)) {                                       \
			if (uv_hrtime() > end_)                              \
				fail_msg("never came true: %s", #condition); \
			uv_run(&loop, UV_RUN_ONCE);                          \
		}                                                            \
	} while (0)

/* ---- the namespaces ---- */

__attribute__((format(printf, 1, 2))) static void run(const char *fmt, ...)
{
	char command[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command))
		fail_msg("failed: %s", command);
}

#define peer_run(fmt, ...) run("nsenter --net=/proc/%d/ns/net " fmt, (int)peer, ##__VA_ARGS__)

static void set_sysctl(const char *name, const char *value)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	file = fopen(path, "w");
	if (!file || fputs(value, file) < 0 || fclose(file)) {
		perror(path);
		exit(1);
	}
}

/* A namespace in which IPv6 addresses can be used at once. */
static void enter_namespace(void)
{
	if (unshare(CLONE_NEWNET)) {
		perror("unshare (this test needs root)");
		exit(1);
	}
	set_sysctl("ipv6/conf/all/accept_dad", "0");
	set_sysctl("ipv6/conf/default/accept_dad", "0");
}

static int open_namespaces(void **state)
{
	int ready[2];
	char byte;

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	peer = fork();
	if (!peer) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		enter_namespace();
		set_sysctl("ipv4/conf/all/arp_notify", "1");
		if (write(ready[1], "", 1) != 1)
			exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	enter_namespace();
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	run("ip link set lo up");
	return 0;
}

static int close_namespaces(void **state)
{
	(void)state;
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	return 0;
}

static void changed_cb(void *arg)
{
	assert_ptr_equal(arg, &loop);
	changes++;
}

static void wake_cb(uv_timer_t *timer)
{
	(void)timer;
}

/* eth0 to the peer's p0, eth1 to its p1; the peer's .254 and ::fe are the routers. */
static int open_links(void **state)
{
	struct shunt_err err;

	(void)state;
	for (int i = 0; i < 2; i++) {
		int net = i + 1;

		run("ip link add eth%d address 02:00:00:00:0%d:01 type veth peer name p%d address 02:00:00:00:0%d:fe "
		    "netns %d",
		    i, net, i, net, (int)peer);
		peer_run("sh -e -c 'ip link set p%d up; ip addr add 10.%d.0.254/24 dev p%d; "
			 "ip addr add 2001:db8:%d::fe/64 dev p%d nodad'",
			 i, net, i, net, i);
		run("ip link set eth%d up; ip addr add 10.%d.0.1/24 brd + dev eth%d && "
		    "ip addr add 2001:db8:%d::1/64 dev eth%d nodad",
		    i, net, i, net, i);
	}
	peer_run("sh -e -c 'ip addr add 10.1.0.11/24 dev p0; ip addr add 2001:db8:1::11/64 dev p0 nodad'");
	set_sysctl("ipv4/neigh/eth0/retrans_time_ms", "100");
	changes = 0;
	uv_loop_init(&loop);
	uv_timer_init(&loop, &wake);
	uv_timer_start(&wake, wake_cb, 50, 50);
	return nexthops_open(&nexthops, &loop, changed_cb, &loop, &err);
}

static int close_links(void **state)
{
	(void)state;
	nexthops_close(nexthops);
	uv_close((uv_handle_t *)&wake, NULL);
	uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(uv_loop_close(&loop), 0);
	run("ip link del eth0 && ip link del eth1");
	return 0;
}

/* ---- asking ---- */

static struct shunt_addr addr(const char *text)
{
	struct shunt_addr parsed;

	if (addr_parse(text, &parsed))
		fail_msg("not an address: %s", text);
	return parsed;
}

static void watch(const char *first, const char *second)
{
	struct shunt_addr addrs[2] = {addr(first)};

	if (second)
		addrs[1] = addr(second);
	nexthops_watch(nexthops, addrs, NULL, second ? 2 : 1);
}

static const struct nexthop *get(const char *text)
{
	struct shunt_addr parsed = addr(text);

	return nexthops_get(nexthops, &parsed);
}

static bool resolved(const char *text)
{
	return get(text)->resolved;
}

static bool has_mac(const char *text, const char *mac)
{
	uint8_t wanted[6];

	assert_int_equal(mac_parse(mac, wanted), 0);
	return resolved(text) && !memcmp(get(text)->dst_mac, wanted, sizeof(wanted));
}

static void assert_goes(const char *text, const char *dev, const char *src_mac, const char *dst_mac,
			const char *gateway)
{
	const struct nexthop *hop = get(text);
	char buf[SHUNT_ADDR_TEXT];

	if (!hop->resolved)
		fail_msg("%s: not resolved: %s", text, hop->why);
	assert_int_equal(hop->ifindex, if_nametoindex(dev));
	assert_string_equal(mac_format(hop->src_mac, buf), src_mac);
	assert_string_equal(mac_format(hop->dst_mac, buf), dst_mac);
	assert_string_equal(hop->why, "");
	if (gateway)
		assert_string_equal(addr_format(&hop->gateway, buf), gateway);
	else
		assert_int_equal(hop->gateway.family, 0);
}

/* ---- the tests ---- */

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
	run("ip rule add to 10.1.0.11 unreachable");
	AWAIT(!resolved("10.1.0.11"));
	run("ip -6 rule add to 2001:db8:1::11 prohibit");
	AWAIT(!resolved("2001:db8:1::11"));
	assert_string_equal(get("10.1.0.11")->why, "the route to 10.1.0.11 is of type unreachable");
	assert_string_equal(get("2001:db8:1::11")->why, "the route to 2001:db8:1::11 is of type prohibit");
	run("ip rule del to 10.1.0.11 unreachable && ip -6 rule del to 2001:db8:1::11 prohibit");
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

static void assert_why(const char *text, const char *why)
{
	watch(text, NULL);
	assert_false(resolved(text));
	assert_string_equal(get(text)->why, why);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_links, close_links)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_on_link),
		TEST(test_gateway),
		TEST(test_gateway_of_other_family),
		TEST(test_known_at_once),
		TEST(test_late_neighbour),
		TEST(test_mac_change),
		TEST(test_source_mac_change),
		TEST(test_route_moves),
		TEST(test_route_goes_and_comes),
		TEST(test_rule),
		TEST(test_nexthop_object),
		TEST(test_link_goes_and_comes),
		TEST(test_failed_keeps_mac),
		TEST(test_override),
		TEST(test_refused),
		TEST(test_not_ethernet),
		TEST(test_mtu),
		TEST(test_many),
		TEST(test_overrun),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("nexthop", tests, open_namespaces, close_namespaces);
}
