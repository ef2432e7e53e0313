/* SPDX-License-Identifier: GPL-2.0 */
/* What time and packets do to connections, told as events: drains that end, slots that move, a table without room. */
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "conn_world.h"
#include "events.h"

#define REFUSED_TELL_MS 60000

static const char *service_of(const struct datapath *dp, uint32_t ring)
{
	return dp->svcdir[directory_service_of(&dp->dir, ring)].name;
}

struct journal_event datapath_dest_event(const struct datapath *dp, uint32_t id, enum journal_kind kind,
					 enum log_level level)
{
	const struct shunt_dest_entry *entry = &dp->dstdir[id];
	struct shunt_addr addr = {.family = entry->family};

	memcpy(addr.word, entry->addr, sizeof(addr.word));
	return events_of(kind, level, service_of(dp, entry->ring), &addr);
}

/* ---- drains */

static bool is_drain_told(const struct datapath *dp, uint32_t id)
{
	return dp->drain_told_s[id] == dp->drains_s[id];
}

/* One that had nothing any more has lost nothing now. */
void datapath_tell_cut_off(const struct datapath *dp, uint32_t id, uint32_t after_s)
{
	bool drains = dp->dests[id].state == SHUNT_DEST_DRAIN;
	struct journal_event event =
		datapath_dest_event(dp, id, drains ? JOURNAL_DRAIN : JOURNAL_CONNECTIONS, LOG_LEVEL_WARNING);

	if (drains && is_drain_told(dp, id))
		return;
	event.from = drains ? "drain" : "down";
	event.to = "dead";
	if (drains)
		events_tell(&event, "cut off after %u s (drain_timeout): connections that it still had go elsewhere",
			    after_s);
	else
		events_tell(&event, "for %u s: connections that it had go elsewhere", after_s);
}

void datapath_tell_drained(struct datapath *dp)
{
	bool *over = xcalloc(dp->control->destinations, sizeof(*over)), any = false;

	for (uint32_t id = 0; id < dp->control->destinations; id++)
		any |= over[id] = dp->named[id] && dp->drains_s[id] && !is_drain_told(dp, id) && !dp->sweep.held[id];
	if (any)
		datapath_unmark_named(dp, over);
	for (uint32_t id = 0; any && id < dp->control->destinations; id++) {
		struct journal_event event;

		if (!over[id])
			continue;
		event = datapath_dest_event(dp, id, JOURNAL_DRAIN, LOG_LEVEL_INFO);
		event.from = "drain";
		event.to = "drained";
		events_tell(&event, "nothing holds it any more: it may be switched off");
		dp->drain_told_s[id] = dp->drains_s[id];
	}
	free(over);
}

/* ---- slots */

void datapath_tell_moving(struct datapath *dp, uint32_t ring)
{
	struct ring_track *track = &dp->tracks[ring];
	struct journal_event event = events_of(JOURNAL_RING, LOG_LEVEL_DEBUG, service_of(dp, ring), NULL);
	uint32_t moving = track->waiting + track->prepared + track->moved;

	if (!moving == !track->told_moving)
		return;
	track->told_moving = moving;
	event.from = moving ? "at rest" : "moving";
	event.to = moving ? "moving" : "at rest";
	if (moving)
		events_tell(&event, "%u of %u slots go to other backends, and keep the connections that they have",
			    moving, track->ring->size);
	else
		events_tell(&event, "every slot's connections are where its new ones go");
}

/* ---- the table */

static uint64_t refused(const struct datapath *dp, uint32_t service)
{
	uint64_t sums[DATAPATH_WORDS(struct shunt_conn_counter)];

	datapath_read_percpu(dp->fds.cstat, service, sums, DATAPATH_WORDS(sums));
	return sums[SHUNT_CONN_refused];
}

void datapath_note_refused(struct datapath *dp)
{
	for (uint32_t id = 0; id < dp->control->services; id++)
		if (directory_service_used(&dp->dir, id) && directory_service_of(&dp->dir, id) == id)
			dp->refusals[id].told = refused(dp, id);
}

/* What is refused goes on being so, packet after packet: a minute's worth is one event. */
void datapath_tell_refused(struct datapath *dp, uint32_t ring)
{
	uint32_t service = directory_service_of(&dp->dir, ring);
	struct refusals *r = &dp->refusals[service];
	struct journal_event event = events_of(JOURNAL_CONNECTIONS, LOG_LEVEL_WARNING, service_of(dp, ring), NULL);
	uint64_t count = refused(dp, service), now = datapath_ms(dp);

	if (count < r->told) /* another service had this id */
		r->told = 0;
	if (count == r->told || (r->told_ms && now - r->told_ms < REFUSED_TELL_MS))
		return;
	events_tell(&event,
		    "%llu entries found no room in the connection table (limits.connections %u): their slots wait for "
		    "another window",
		    (unsigned long long)(count - r->told), dp->limits.connections);
	r->told = count;
	r->told_ms = now;
}
