/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One thing that sleeps while nobody needs it, a service or one of its pools: when its hooks run, and what state it is in. Pure: the time, in milliseconds of any clock
 * that goes forward, is given, and what it wants done goes through demand_ops. Nothing here waits.
 *
 *   unknown    nothing is known of it yet: if a check passes soon, it is awake, else asleep
 *   asleep     not checked, in no ring; who asks for it (a packet, an operator, a schedule) wakes it
 *   waking     its start hook runs, or has run; awake once a check passes, tried again otherwise
 *   awake      until it had no packets for its idle time
 *   stopping   out of the rings; if packets come all the same it is awake again, else its stop hook runs, and then it is asleep
 */
#ifndef SHUNT_DEMAND_H
#define SHUNT_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

enum demand_state { DEMAND_UNKNOWN, DEMAND_ASLEEP, DEMAND_WAKING, DEMAND_AWAKE, DEMAND_STOPPING, DEMAND_STATES };
enum demand_hook { DEMAND_NO_HOOK, DEMAND_START, DEMAND_STOP };

const char *demand_state_name(enum demand_state state); /* "unknown", "asleep", ... */
enum demand_state demand_state_of(const char *name);	/* DEMAND_STATES: there is none of that name */

#define DEMAND_FIND_MS 2000   /* how long what is unknown is looked for */
#define DEMAND_SETTLE_MS 2000 /* out of the rings, before the stop hook runs */
#define DEMAND_RESUME_MS 1000 /* after a restart, before what was waking is started again */
#define DEMAND_RETRY_MAX_MS 60000
#define DEMAND_PATIENCE_MS \
	130000 /* at least, before nobody is taken to ask any more: so long clients send a SYN again */

struct demand_ops {
	void (*run)(void *arg, enum demand_hook hook); /* demand_ended() follows, perhaps from within */
	void (*kill)(void *arg);		       /* the hook that runs: no demand_ended() follows */
	void (*changed)(void *arg, enum demand_state from, enum demand_state to, const char *why);
	void (*failed)(void *arg, const char *why);
};

struct demand {
	const struct demand_ops *ops;
	void *arg;
	uint32_t idle, timeout; /* ms */
	bool has_stop;		/* there is a stop hook */
	bool checked;		/* it has health checks; else it is awake when the start hook has ended */
	enum demand_state state;
	uint64_t since;
	enum demand_hook hook; /* the one that runs */
	uint64_t deadline;     /* of the hook, or for a check to pass */
	bool started;	       /* waking: the start hook has ended well */
	uint64_t retry_at;     /* 0: nothing to be tried again */
	unsigned int attempts; /* hooks begun in this state */
	bool wanted;	       /* unknown, stopping: somebody asked for it meanwhile */
	bool forced;	       /* stopping: whatever packets say */
	bool in_window;	       /* its schedule wants it awake */
	uint64_t wanted_at;    /* somebody asked last */
	bool counted;	       /* packets is known */
	uint64_t packets;
	uint64_t quiet_since;
};

/* In state unknown. */
void demand_init(struct demand *d, uint64_t now, const struct demand_ops *ops, void *arg);
/* In the state that a daemon before this one has left it in: hooks that ran then may have been killed, or run yet. */
void demand_restore(struct demand *d, uint64_t now, enum demand_state state, bool in_window);

/* Somebody asks for it. by: who, for the reason. */
void demand_want(struct demand *d, uint64_t now, const char *by);
/* Likewise an operator, who does not wait for the next try either. */
void demand_wake(struct demand *d, uint64_t now, const char *by);
/* An operator sends it to sleep; false: it is. */
bool demand_sleep(struct demand *d, uint64_t now, const char *by);
/* Its packets so far. */
void demand_count(struct demand *d, uint64_t now, uint64_t packets);
/* The hook that ran has ended. said: how. */
void demand_ended(struct demand *d, uint64_t now, bool well, const char *said);
/* Time has passed. passes: a check says that it is there. */
void demand_tick(struct demand *d, uint64_t now, bool passes, bool in_window);

/* Are its backends to be left alone, by checks and packets? */
static inline bool demand_rests(const struct demand *d)
{
	return d->state == DEMAND_ASLEEP || (d->state == DEMAND_STOPPING && d->attempts);
}

#endif
