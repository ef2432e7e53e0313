/* SPDX-License-Identifier: GPL-2.0 */
/* What is measured: the table of workloads, with the limits that the project has set itself, and the curves. */
#include <netinet/in.h>

#include "bench.h"

#define MAIN_WORLD                 \
	{                          \
		1, 100, 65537, 100 \
	}
#define TCP IPPROTO_TCP
#define UDP IPPROTO_UDP
#define M 1000000

const struct workload workloads[] = {
	{"IPv4 TCP, 1 flow", MAIN_WORLD, false, TCP, PORT_PLAIN, 1, .limit = 7},
	{"IPv4 TCP, 10,000 flows", MAIN_WORLD, false, TCP, PORT_PLAIN, 10000, .limit = 8},
	{"IPv4 TCP, 1M flows", MAIN_WORLD, false, TCP, PORT_PLAIN, M, .limit = 8},
	{"IPv4 TCP, 1M flows, Zipf", MAIN_WORLD, false, TCP, PORT_PLAIN, M, .is_zipf = true},
	{"SYN flood, 16M, clean ring", MAIN_WORLD, false, TCP, PORT_PLAIN, 16 * M, .limit = 8},
	{"IPv6 TCP, 1M flows", MAIN_WORLD, true, TCP, PORT_PLAIN, M, .limit = 10},
	{"IPv4 UDP, 1M flows", MAIN_WORLD, false, UDP, PORT_PLAIN, M, .limit = 8},
	{"not for a VIP", MAIN_WORLD, false, TCP, PORT_NONE, M, .limit = 1.5},
	{"GUE, 1M flows", MAIN_WORLD, false, TCP, PORT_GUE, M, .limit = 9},
	{"every flow tracked, 1M", MAIN_WORLD, false, TCP, PORT_TURN, M, .limit = 62},
	{"SYN flood, dirty ring", MAIN_WORLD, false, TCP, PORT_FLOOD, 16 * M, .limit = 62},
	{"SYN flood, dirty, table full", MAIN_WORLD, false, TCP, PORT_FLOOD, 16 * M, .limit = 62, .is_full = true},
	{"10,000 flows in moved slots", MAIN_WORLD, false, TCP, PORT_MOVED, 10000, .frame_len = 0},
	{"hash: source, 1M flows", MAIN_WORLD, false, TCP, PORT_SOURCE, M, .frame_len = 0},
	{"a prefix, 1 flow", MAIN_WORLD, false, TCP, PORT_RANGE, 1, .frame_len = 0},
	{"a prefix, 1M flows", MAIN_WORLD, false, TCP, PORT_RANGE, M, .frame_len = 0},
	/* "512 services, 1,000 backends" can be read in both ways. */
	{"512 services, 1,024 backends", {512, 2, 65537, 0}, false, TCP, PORT_PLAIN, M, .limit = 28},
	{"512 services x 1,000 backends", {512, 1000, 65537, 0}, false, TCP, PORT_PLAIN, M, .limit = 28},
};
const size_t workload_count = sizeof(workloads) / sizeof(*workloads);

#define FLOWS(label, n)                                              \
	{                                                            \
		label, MAIN_WORLD, false, TCP, PORT_PLAIN, n, .x = n \
	}
static const struct workload by_flows[] = {
	FLOWS("1 flow", 1),	    FLOWS("10 flows", 10),	  FLOWS("100 flows", 100),
	FLOWS("1,000 flows", 1000), FLOWS("10,000 flows", 10000), FLOWS("100,000 flows", 100000),
	FLOWS("1M flows", M),	    FLOWS("4M flows", 4 * M),	  FLOWS("16M flows", 16 * M),
};

#define SERVICES(label, n)                                                  \
	{                                                                   \
		label, {n, 20, 16381, 0}, false, TCP, PORT_PLAIN, M, .x = n \
	}
static const struct workload by_services[] = {
	SERVICES("1 service", 1),	  SERVICES("10 services", 10),	      SERVICES("100 services", 100),
	SERVICES("1,000 services", 1000), SERVICES("10,000 services", 10000),
};

/* With as many slots as keep shares within 1 %: a hundred for each backend. */
#define BACKENDS(label, n, slots)                                          \
	{                                                                  \
		label, {1, n, slots, 0}, false, TCP, PORT_PLAIN, M, .x = n \
	}
static const struct workload by_backends[] = {
	BACKENDS("10 backends", 10, 65537),
	BACKENDS("100 backends", 100, 65537),
	BACKENDS("1,000 backends", 1000, 100003),
	BACKENDS("10,000 backends", 10000, 1000003),
	BACKENDS("100,000 backends", 100000, 4194301),
};

#define MOVED(percent)                                                                                  \
	{                                                                                               \
#percent " % moved", {1, 100, 65537, percent }, false, TCP, PORT_MOVED, M, .x = percent \
	}
static const struct workload by_moved[] = {
	MOVED(0), MOVED(1), MOVED(5), MOVED(10), MOVED(25), MOVED(50), MOVED(75), MOVED(100),
};

#define SIZE(bytes)                                                                       \
	{                                                                                 \
#bytes " bytes", MAIN_WORLD, false, TCP, PORT_PLAIN, M, bytes, .x = bytes \
	}
static const struct workload by_size[] = {
	SIZE(64), SIZE(128), SIZE(256), SIZE(512), SIZE(1024), SIZE(1280), SIZE(1494),
};

#define CURVE(name, what, points)                                      \
	{                                                              \
		name, what, points, sizeof(points) / sizeof(*(points)) \
	}
const struct curve curves[] = {
	CURVE("flows", "flows", by_flows),
	CURVE("services", "services", by_services),
	CURVE("backends", "backends of one service", by_backends),
	CURVE("tracked", "share of flows that are tracked, %", by_moved),
	CURVE("size", "bytes of a frame", by_size),
};
const size_t curve_count = sizeof(curves) / sizeof(*curves);
