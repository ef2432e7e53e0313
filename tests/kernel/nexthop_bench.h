/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the next hops share. The process moves into a network namespace of its own, where two veth pairs lead to a
 * second one, whose stack answers ARP and neighbour discovery. Both end with the process.
 */
#ifndef SHUNT_NEXTHOP_BENCH_H
#define SHUNT_NEXTHOP_BENCH_H

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
#include "loop_bench.h"

#define ETH0_MAC "02:00:00:00:01:01"
#define ETH1_MAC "02:00:00:00:02:01"
#define P0_MAC "02:00:00:00:01:fe"
#define P1_MAC "02:00:00:00:02:fe"
#define NEW_MAC "02:00:00:00:0e:0e"

static pid_t peer;
static struct nexthops *nexthops;
static int changes;

/* ---- the namespaces ---- */

__attribute__((format(printf, 1, 2))) static inline void run(const char *fmt, ...)
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

static inline void set_sysctl(const char *name, const char *value)
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
static inline void enter_namespace(void)
{
	if (unshare(CLONE_NEWNET)) {
		perror("unshare (this test needs root)");
		exit(1);
	}
	set_sysctl("ipv6/conf/all/accept_dad", "0");
	set_sysctl("ipv6/conf/default/accept_dad", "0");
}

static inline int open_namespaces(void **state)
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

static inline int close_namespaces(void **state)
{
	(void)state;
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
	return 0;
}

static inline void changed_cb(void *arg)
{
	assert_ptr_equal(arg, &loop);
	changes++;
}

/* eth0 to the peer's p0, eth1 to its p1; the peer's .254 and ::fe are the routers. */
static inline int open_links(void **state)
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
	loop_open();
	return nexthops_open(&nexthops, &loop, changed_cb, &loop, &err);
}

static inline int close_links(void **state)
{
	(void)state;
	nexthops_close(nexthops);
	uv_close((uv_handle_t *)&wake, NULL);
	uv_run(&loop, UV_RUN_ONCE);
	assert_int_equal(uv_loop_close(&loop), 0);
	run("ip link del eth0 && ip link del eth1; { ip rule del prio 100; ip -6 rule del prio 100; } 2>/dev/null; :");
	return 0;
}

/* ---- asking ---- */

static inline struct shunt_addr addr(const char *text)
{
	struct shunt_addr parsed;

	if (addr_parse(text, &parsed))
		fail_msg("not an address: %s", text);
	return parsed;
}

static inline void watch(const char *first, const char *second)
{
	struct shunt_addr addrs[2] = {addr(first)};

	if (second)
		addrs[1] = addr(second);
	nexthops_watch(nexthops, addrs, NULL, second ? 2 : 1);
}

static inline const struct nexthop *get(const char *text)
{
	struct shunt_addr parsed = addr(text);

	return nexthops_get(nexthops, &parsed);
}

static inline bool resolved(const char *text)
{
	return get(text)->resolved;
}

static inline bool has_mac(const char *text, const char *mac)
{
	uint8_t wanted[6];

	assert_int_equal(mac_parse(mac, wanted), 0);
	return resolved(text) && !memcmp(get(text)->dst_mac, wanted, sizeof(wanted));
}

static inline void assert_goes(const char *text, const char *dev, const char *src_mac, const char *dst_mac,
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_links, close_links)

static inline void assert_why(const char *text, const char *why)
{
	watch(text, NULL);
	assert_false(resolved(text));
	assert_string_equal(get(text)->why, why);
}

#endif
