/* SPDX-License-Identifier: GPL-2.0 */
#include "journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "../lib/xalloc.h"

struct journal {
	char id[JOURNAL_ID_TEXT];
	uint64_t last;
	size_t capacity;
	struct journal_event ring[]; /* event seq is at seq % capacity */
};

const char *journal_kind_name(enum journal_kind kind)
{
	static const char *const names[] = {
		[JOURNAL_DAEMON] = "daemon",	   [JOURNAL_CONFIG] = "config",
		[JOURNAL_INTERFACE] = "interface", [JOURNAL_SERVICE] = "service",
		[JOURNAL_BACKEND] = "backend",	   [JOURNAL_HEALTH] = "health",
		[JOURNAL_NEXTHOP] = "nexthop",	   [JOURNAL_RING] = "ring",
		[JOURNAL_DRAIN] = "drain",	   [JOURNAL_CONNECTIONS] = "connections",
		[JOURNAL_DISCOVERY] = "discovery",
	};

	_Static_assert(sizeof(names) / sizeof(names[0]) == JOURNAL_KINDS, "every kind has a name");
	return names[kind];
}

struct journal *journal_new(size_t capacity)
{
	struct journal *journal = xcalloc(1, sizeof(*journal) + capacity * sizeof(journal->ring[0]));
	uint64_t id;

	if (getrandom(&id, sizeof(id), GRND_NONBLOCK) != sizeof(id)) { /* soon after boot: two starts differ in time */
		struct timespec now;

		clock_gettime(CLOCK_REALTIME, &now);
		id = (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	}
	snprintf(journal->id, sizeof(journal->id), "%016" PRIx64, id);
	journal->capacity = capacity;
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	for (size_t i = 0; i < journal->capacity; i++)
		free(journal->ring[i].reason);
	free(journal);
}

const char *journal_id(const struct journal *journal)
{
	return journal->id;
}

uint64_t journal_last(const struct journal *journal)
{
	return journal->last;
}

const struct journal_event *journal_add(struct journal *journal, const struct journal_event *event)
{
	struct journal_event *place = &journal->ring[++journal->last % journal->capacity];
	char *reason = xstrdup(event->reason);

	free(place->reason);
	*place = *event;
	place->seq = journal->last;
	place->reason = reason;
	return place;
}

static const struct journal_event *event_of(const struct journal *journal, uint64_t seq)
{
	return &journal->ring[seq % journal->capacity];
}

/* The number before the oldest event that is still there. */
static uint64_t forgotten(const struct journal *journal)
{
	return journal->last > journal->capacity ? journal->last - journal->capacity : 0;
}

static bool passes(const struct journal_filter *filter, const struct journal_event *event)
{
	if (filter->kinds && !(filter->kinds & 1u << event->kind))
		return false;
	if (filter->service[0] && strcmp(filter->service, event->service) != 0)
		return false;
	return !filter->backend.family || addr_equal(&filter->backend, &event->backend);
}

const struct journal_event *journal_next(const struct journal *journal, struct journal_cursor *cursor,
					 const struct journal_filter *filter)
{
	uint64_t first = forgotten(journal);

	if (cursor->seq < first) {
		cursor->lost += first - cursor->seq;
		cursor->seq = first;
	}
	while (cursor->seq < journal->last) {
		const struct journal_event *event = event_of(journal, ++cursor->seq);

		if (passes(filter, event))
			return event;
	}
	return NULL;
}

/* From the newest backwards, since clocks can be set: what came after the first event that is too old is as new as they say. */
uint64_t journal_since(const struct journal *journal, uint64_t time_ms)
{
	uint64_t seq = journal->last, first = forgotten(journal);

	while (seq > first && event_of(journal, seq)->time_ms >= time_ms)
		seq--;
	return seq;
}

uint64_t journal_tail(const struct journal *journal, const struct journal_filter *filter, size_t count)
{
	uint64_t seq = journal->last, first = forgotten(journal);

	for (; seq > first && count; seq--)
		count -= passes(filter, event_of(journal, seq));
	return seq;
}

const char *journal_text(const struct journal_event *event, char buf[JOURNAL_TEXT])
{
	char addr[SHUNT_ADDR_TEXT] = "";
	const char *backend = event->backend.family ? addr_format(&event->backend, addr) : "";

	snprintf(buf, JOURNAL_TEXT, "%s%s%s%s%s%s%s%s%s%s%s%s%s", event->service[0] ? "service " : "", event->service,
		 event->service[0] ? ": " : "", backend[0] ? "backend " : "", backend, backend[0] ? ": " : "",
		 event->interface, event->interface[0] ? ": " : "", event->from ? event->from : "",
		 event->from ? " -> " : "", event->to ? event->to : "", event->to ? ": " : "", event->reason);
	return buf;
}
