/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The journal: the last events, each a change of state with its reason, in the order in which they came. Pure: a bounded ring in
 * memory, in which a new event takes the oldest one's place.
 *
 * Each event has a number, one more than the one before, from 1. Numbers are never used again, but begin anew with each daemon; so a
 * journal has an id as well, a random one, and both together name an event. Who reads keeps a cursor, which is how a reader that is too
 * slow is told how many events it has missed: nobody waits for it, and nothing is kept for it.
 */
#ifndef SHUNT_JOURNAL_H
#define SHUNT_JOURNAL_H

#include <net/if.h>

#include "../lib/addr.h"
#include "../lib/log.h"
#include "shunt/maps.h"

enum journal_kind {
	JOURNAL_DAEMON,	   /* it started, ends, could not do something */
	JOURNAL_CONFIG,	   /* a configuration was committed */
	JOURNAL_INTERFACE, /* one runs the program, has lost it, has it again */
	JOURNAL_SERVICE,   /* one was added or removed, or other pools of it serve */
	JOURNAL_BACKEND,   /* one has another state */
	JOURNAL_HEALTH, /* a check's verdict changed on a backend whose state it does not decide now, or there is none */
	JOURNAL_NEXTHOP,     /* next hops, or what is known of the path behind them, changed */
	JOURNAL_RING,	     /* slots of a service move to other backends, or have done so */
	JOURNAL_DRAIN,	     /* a drain is over, by itself or by its time limit */
	JOURNAL_CONNECTIONS, /* the connection table had no room */
	JOURNAL_DISCOVERY,   /* a source of backends said something else, or nothing that can be used */
	JOURNAL_KINDS
};
const char *journal_kind_name(enum journal_kind kind); /* "daemon", "config", ... */

struct journal_event {
	uint64_t seq;	  /* the journal's */
	uint64_t time_ms; /* Unix time */
	enum journal_kind kind;
	enum log_level level;
	char service[SHUNT_NAME_MAX]; /* these three: empty where there is none */
	struct shunt_addr backend;
	char interface[IFNAMSIZ];
	const char *from, *to; /* words that outlive the journal; NULL: nothing goes from one state to another */
	char *reason;	       /* the journal's copy */
};

struct journal;
#define JOURNAL_ID_TEXT 17

struct journal *journal_new(size_t capacity);
void journal_free(struct journal *journal);
const char *journal_id(const struct journal *journal);
uint64_t journal_last(const struct journal *journal); /* number of the last event; 0: none yet */

/* event's seq is given, its reason copied. Returns the event as it is in the journal, until the next one is added. */
const struct journal_event *journal_add(struct journal *journal, const struct journal_event *event);

/* What to leave out. */
struct journal_filter {
	uint32_t kinds;		      /* bits, 1 << enum journal_kind; 0: all */
	char service[SHUNT_NAME_MAX]; /* empty: any, or none */
	struct shunt_addr backend;    /* family 0: likewise */
};

struct journal_cursor {
	uint64_t seq;  /* all up to here has been seen, or missed */
	uint64_t lost; /* missed since its owner last set this to 0; some of them the filter might have left out */
};

/* The next event behind the cursor that the filter lets through; the cursor goes there. NULL: there is none, and the cursor is at the
 * end. Until the next one is added. */
const struct journal_event *journal_next(const struct journal *journal, struct journal_cursor *cursor,
					 const struct journal_filter *filter);

/* Where a cursor has to begin so that it meets what is as old as time_ms or newer; what is lost before that is nobody's loss. */
uint64_t journal_since(const struct journal *journal, uint64_t time_ms);
/* Likewise, so that it meets the last count events that the filter lets through. */
uint64_t journal_tail(const struct journal *journal, const struct journal_filter *filter, size_t count);

/* "service web: backend 10.0.2.12: up -> down: connect: Connection refused". Returns buf. */
#define JOURNAL_TEXT 1280
const char *journal_text(const struct journal_event *event, char buf[JOURNAL_TEXT]);

#endif
