/* SPDX-License-Identifier: GPL-2.0 */
#include "events.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define JOURNAL_EVENTS 8192
#define REASON_TEXT 1024
/* Thousands of backends behind one gateway change together. The journal takes that; a log, which is written line by line while packets
 * wait for the daemon, shall not. */
#define LOGGED_A_SECOND 500

static struct journal *journal;
static struct events_listener *listeners;

const struct journal *events_journal(void)
{
	if (!journal)
		journal = journal_new(JOURNAL_EVENTS);
	return journal;
}

struct journal_event events_of(enum journal_kind kind, enum log_level level, const char *service,
			       const struct shunt_addr *backend)
{
	struct journal_event event = {.kind = kind, .level = level};

	snprintf(event.service, sizeof(event.service), "%s", service ? service : "");
	if (backend)
		event.backend = *backend;
	return event;
}

static void log_event(const struct journal_event *event)
{
	static unsigned int logged;
	static uint64_t second;
	char text[JOURNAL_TEXT];

	if (second != event->time_ms / 1000) {
		second = event->time_ms / 1000;
		logged = 0;
	}
	if (event->level == LOG_LEVEL_DEBUG || logged++ < LOGGED_A_SECOND)
		log_at(event->level, "%s", journal_text(event, text));
	else if (logged == LOGGED_A_SECOND + 1)
		log_warning("more than %u events in this second: `shunt events` has the others", LOGGED_A_SECOND);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What servers and libraries say is in reasons, too. Where it is cut, or is no text in UTF-8, is for who encodes it to see to. */
static void tell(struct journal_event event, const char *fmt, va_list args)
{
	char reason[REASON_TEXT];

	vsnprintf(reason, sizeof(reason), fmt, args);
	for (char *c = reason; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	event.time_ms = now_ms();
	event.reason = reason;
	events_journal();
	log_event(journal_add(journal, &event));
	for (const struct events_listener *listener = listeners; listener; listener = listener->next)
		listener->told(listener->arg);
}

void events_tell(const struct journal_event *event, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell(*event, fmt, args);
	va_end(args);
}

void events_say(enum journal_kind kind, enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	tell((struct journal_event){.kind = kind, .level = level}, fmt, args);
	va_end(args);
}

void events_interface(const char *name, enum log_level level, const char *fmt, ...)
{
	struct journal_event event = {.kind = JOURNAL_INTERFACE, .level = level};
	va_list args;

	snprintf(event.interface, sizeof(event.interface), "%s", name);
	va_start(args, fmt);
	tell(event, fmt, args);
	va_end(args);
}

void events_listen(struct events_listener *listener)
{
	listener->next = listeners;
	listeners = listener;
}

void events_unlisten(struct events_listener *listener)
{
	struct events_listener **at = &listeners;

	while (*at && *at != listener)
		at = &(*at)->next;
	if (*at)
		*at = listener->next;
}
