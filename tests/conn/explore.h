/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Explores every interleaving of a few actors: CPUs that handle packets, and the daemon. Each access to what they share is a step.
 *
 * An actor is a plain function. What it does next depends only on what its accesses gave so far, so its state is that list: to make
 * its next step it is called again from the beginning, is given the list, makes one access more, and is left by longjmp() at the next.
 * The search goes depth first, remembers states by a hash of memory, of what is watched and of the actors' lists, and looks at the
 * invariants after every step.
 */
#ifndef TEST_CONN_EXPLORE_H
#define TEST_CONN_EXPLORE_H

#ifndef SHUNT_CONN_WAYS
#define SHUNT_CONN_WAYS 2
#endif
#define CONN_STEPS
#include "sweep.h"

#define SLOTS 2
#define BUCKETS 2
#define WAYS (BUCKETS * SHUNT_CONN_WAYS)
#define DESTS 8
#define FLOWS 6
#define ACTORS 4
#define EXPIRY shunt_conn_expiry(60)
#define START (SHUNT_CONN_TIME_MASK - 2) /* the clock's: stamps wrap soon */
#define NEVER (~0u)

/* A connection that is watched. */
struct flow {
	__u64 hash;
	__u8 kind;	/* of its packets in the middle: CONN_DATA, CONN_KEEP or CONN_TRACK */
	__u8 owner;	/* destination that has it; 0: nobody yet, or nobody is to care any more */
	__u8 confirmed; /* more than its beginning was delivered */
	__u8 limbo;	/* its beginning was delivered to two backends: which one it is, the client decides */
	__u32 seen;	/* tick of the latest delivery */
};

struct actor {
	__u64 hash;    /* of the list */
	__u32 length;  /* of the list */
	__u16 packets; /* that have ended */
	__u8 done, underway;
};

/* All that a step can change. */
struct state {
	__u64 slots[SLOTS], ways[WAYS];
	__u8 states[DESTS];
	struct flow flows[FLOWS];
	struct actor actors[ACTORS];
	__u16 awaited[ACTORS]; /* packets that must have ended before the RCU wait does */
	__u32 quiet[SLOTS];    /* tick since when the slot's window has been without FAIL, or NEVER */
	__u32 clock, phase;    /* phase: for scenarios in which one actor waits for another */
};

struct scenario {
	const char *name;
	void (*begin)(void); /* makes the first state of an empty one */
	void (*actors[ACTORS])(void);
	bool limbo; /* a beginning that is sent twice may get to two backends */
};

/* explore_scenarios.c; the long ones only with LONG in the environment. */
extern const struct scenario scenarios[], long_scenarios[];
extern const int scenario_count, long_scenario_count;

extern struct state now;
extern struct conn_world world;

/* The states that there are, or -1 if one is wrong; then that is printed, with a shortest way there. */
long explore(const struct scenario *scenario);

/* Something is wrong in this state. */
void fault(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What actors do, beside what the rules do. */
void packet(int flow, enum conn_kind kind);
void rcu_wait(void);
void pass(__u32 ticks); /* of time: more than one only while no packet is underway */
void set_state(__u32 dest, enum shunt_dest_state state);
void await(__u32 phase); /* until another has said so */
void announce(__u32 phase);
void forget(void);	/* the actor's variables do not matter any more */
void sweep(__u32 over); /* the daemon's */

/* ---- between the search and what it watches (explore_watch.c) */

/* A packet's flow and kind while one of its steps is made. */
struct watched {
	int flow; /* -1: the daemon's step */
	enum conn_kind kind;
};

void watch_begin(void);
void watch_delivered(const struct scenario *scenario, int flow, enum conn_kind kind, __u32 dest);
void watch_step(const struct state *before, struct watched by);

#endif
