/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random sequences of operations on a small service, one after the other: packets, changes, failures, time, sweeps, restarts of the
 * daemon. After each one it is looked whether connections that are promised to stay would, and at the invariants.
 */
#ifndef TEST_CONN_PROPERTY_H
#define TEST_CONN_PROPERTY_H

#define SHUNT_CONN_WAYS 2
#include "sweep.h"

#define SLOTS 5
#define BUCKETS_MAX 8
#define DESTS 7 /* ids 1 to 6 */
#define FLOWS 16
#define IDLE 200
#define EXPIRY shunt_conn_expiry(IDLE)
#define GRACE SHUNT_CONN_TICKS(20)
#define NEVER (~0u)

enum operation {
	OP_OPEN, /* packets, of the flow a */
	OP_DATA,
	OP_CLOSE,
	OP_RESET,
	OP_END, /* its server ends the connection: no packet is seen */
	OP_ADD, /* of backend a */
	OP_REMOVE,
	OP_FAIL,
	OP_RECOVER,
	OP_DEADLINE, /* of a drain */
	OP_GIVE_UP,  /* the wish for a planned change is withdrawn: a becomes what it was */
	OP_TIME,     /* a: how long */
	OP_LIVE,     /* time passes while connections send packets, which bits of a and b say, and the daemon sweeps */
	OP_SWEEP,
	OP_BUCKETS, /* a sweep of the buckets */
	OP_RESTART,
	OPERATIONS
};

struct step {
	__u8 operation, a, b;
};

/* Runs steps in a new world; the number of steps until it failed, or 0. Then *why says it. */
unsigned property_run(__u64 seed, const struct step *steps, unsigned count, const char **why);

/* How often something happened in all runs, so that it can be seen that it does. */
enum property_event {
	SEEN_CLOSED,
	SEEN_RESTARTED,
	SEEN_CLEANED,
	SEEN_FREED,
	SEEN_DISPLACED,
	SEEN_REFUSED,
	SEEN_RESET,
	SEEN_PREPARED,
	SEEN_EVENTS
};
extern unsigned long property_seen[SEEN_EVENTS];

#endif
