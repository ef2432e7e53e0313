/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's events: whoever sees a state change tells it here, once. From here it goes into the journal, from where the API has it
 * (api_events.c), and into the log, in the same words. Like the log, which it is another form of, it belongs to the process: every
 * part of the daemon may tell something, and none of them knows who listens.
 */
#ifndef SHUNT_EVENTS_H
#define SHUNT_EVENTS_H

#include "journal.h"

/* What happened: number, time and reason are filled in here. A reason is one line; what is not printable in it is replaced. */
__attribute__((format(printf, 2, 3))) void events_tell(const struct journal_event *event, const char *fmt, ...);

/* The same, of no service, backend or interface; and of an interface. */
__attribute__((format(printf, 3, 4))) void events_say(enum journal_kind kind, enum log_level level, const char *fmt,
						      ...);
__attribute__((format(printf, 3, 4))) void events_interface(const char *name, enum log_level level, const char *fmt,
							    ...);

/* An event of a service, or of one of its backends. Both may be NULL. */
struct journal_event events_of(enum journal_kind kind, enum log_level level, const char *service,
			       const struct shunt_addr *backend);

const struct journal *events_journal(void);

/* Who is to know at once that there are new events. told() may come at any time, from within anything: it may only note it. */
struct events_listener {
	void (*told)(void *arg);
	void *arg;
	struct events_listener *next; /* the list's */
};
void events_listen(struct events_listener *listener);
void events_unlisten(struct events_listener *listener); /* one that does not listen is fine */

#endif
