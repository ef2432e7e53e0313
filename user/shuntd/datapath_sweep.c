/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The sweep: now and then, while any slot is DIRTY, all of the connection table is read. Entries that are over, or needless, are taken
 * out; then slots whose windows are over get their anchors, and those that were met without entries are clean again. The rules are in
 * include/shunt/anchor_rules.h; here is their order, which matters:
 *
 *  1. Write down which slots may settle, and which destinations no slot names.
 *  2. Wait until every packet that was underway has ended. From here on those slots are settled: nobody makes entries in them, or for those destinations.
 *  3. Read the table, in slices between which the daemon does other things. A slot has been met if it has an entry, also one that is taken out.
 *  4. Windows, and slots that may be clean. A slot that was changed since 1 is not settled: whoever changes it, in datapath_rings.c, takes the mark away.
 *  5. Removed destinations that nothing has named from 1 to 3 are free.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "conn_world.h"

#define SWEEP_MS 5000
#define SLICE 4096 /* buckets */
/* A window lasts the idle timeout, the time in which a connection's packets need not stamp its entry, and a sweep. */
#define WINDOW_MORE_MS (16000 + SWEEP_MS)

static uint64_t micros(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

bool datapath_wants_sweep(const struct datapath *dp)
{
	if (dp->sweep.underway)
		return true;
	if (dp->sweep.count && datapath_ms(dp) - dp->sweep.began_ms < SWEEP_MS)
		return false;
	if (!dp->sweep.count || dp->sweep.found) /* what another daemon left, or this one met */
		return true;
	for (uint32_t id = 0; id < dp->control->services; id++)
		if (dp->tracks[id].dirty)
			return true;
	return dp->leftovers;
}

/* Steps 1 and 2. */

/* Where a service picks, no slot is ever settled: entries are needed that say nothing else than the ring. */
static void mark_ring(struct datapath *dp, struct ring_track *track)
{
	if (!track->marks)
		return;
	for (uint32_t slot = 0; slot < track->ring->size; slot++) {
		__u64 word = conn_load(&dp->rings[track->base + slot]);

		track->marks[slot] =
			!track->picks && word & SHUNT_SLOT_DIRTY && anchor_may_settle(word) ? SLOT_MAY_SETTLE : 0;
	}
}

/* Reads only the rings that have such at all. */
void datapath_unmark_named(struct datapath *dp, bool *marks)
{
	bool *looked = xcalloc(dp->control->services, sizeof(*looked));

	for (uint32_t id = 0; id < dp->control->destinations; id++) {
		uint32_t ring = dp->dstdir[id].ring;
		const struct shunt_service_entry *entry = &dp->svcdir[ring];

		if (!marks[id] || looked[ring])
			continue;
		looked[ring] = true;
		for (uint32_t slot = 0; slot < entry->ring_size; slot++) {
			__u64 word = conn_load(&dp->rings[entry->ring_base + slot]);

			marks[shunt_slot_current(word)] = false;
			marks[shunt_slot_anchor(word)] = false;
		}
	}
	free(looked);
}

static void mark_leftovers(struct datapath *dp)
{
	for (uint32_t id = 0; id < dp->control->destinations; id++)
		dp->sweep.unheld[id] = datapath_is_leftover(dp, id);
	datapath_unmark_named(dp, dp->sweep.unheld);
}

static void begin(struct datapath *dp)
{
	struct sweep *sweep = &dp->sweep;

	sweep->began_ms = datapath_ms(dp);
	for (uint32_t id = 0; id < dp->control->services; id++)
		mark_ring(dp, &dp->tracks[id]);
	mark_leftovers(dp);
	if (datapath_wait(dp)) {
		log_warning("the kernel would not wait for running programs: connections are swept later");
		return;
	}
	for (uint32_t id = 0; id < dp->control->services; id++)
		memset(dp->tracks[id].entries, 0, sizeof(dp->tracks[id].entries));
	memset(sweep->named, 0, dp->control->destinations * sizeof(*sweep->named));
	memset(sweep->live, 0, dp->control->destinations * sizeof(*sweep->live));
	sweep->at = 0;
	sweep->entries = 0;
	sweep->took_us = 0;
	sweep->underway = true;
}

/* Step 3. */

static void note_entry(struct datapath *dp, struct ring_track *track, __u64 entry)
{
	track->entries[shunt_conn_state(entry)]++;
	dp->sweep.named[shunt_conn_dest(entry)]++;
	dp->sweep.entries++;
}

static void sweep_entry(struct datapath *dp, __u64 *way)
{
	struct conn_world w = {dp};
	__u64 entry = conn_load(way), *slot;
	__u32 dest = shunt_conn_dest(entry), now = conn_now(&w);
	struct ring_track *track;
	bool settled = false;

	if (!dest)
		return;
	if (dest >= dp->control->destinations || !directory_dest_used(&dp->dir, dest)) {
		anchor_entry_drop(way, entry, now);
		return;
	}
	track = &dp->tracks[dp->dstdir[dest].ring];
	slot = conn_slot(&w, dest, shunt_conn_tag(entry));
	if (slot && track->marks) {
		uint8_t *mark = &track->marks[slot - dp->rings - track->base];

		settled = *mark & SLOT_MAY_SETTLE;
		*mark |= SLOT_MET;
	}
	note_entry(dp, track, entry);
	if (anchor_entry_goes(&w, entry, slot, settled, now, shunt_conn_expiry(track->keep_s)))
		anchor_entry_drop(way, entry, now);
	else
		dp->sweep.live[dest] += shunt_conn_state(entry) != SHUNT_CONN_CLOSING;
}

/* A bucket and its neighbour, whose overflow is each other's. */
static void sweep_pair(struct datapath *dp, uint32_t pair)
{
	__u64 *first = dp->conns[2 * pair].entry, *second = dp->conns[2 * pair + 1].entry;
	uint32_t now = datapath_ticks(dp);
	uint8_t bit = 1u << (pair % 8), *quiet = &dp->sweep.quiet[pair / 8];

	for (uint32_t way = 0; way < SHUNT_CONN_WAYS; way++) {
		sweep_entry(dp, &first[way]);
		sweep_entry(dp, &second[way]);
	}
	if (!anchor_pair_is_empty(first, second)) {
		*quiet &= ~bit;
	} else if (!(*quiet & bit)) {
		*quiet |= bit;
	} else if (conn_load(first) || conn_load(second)) {
		anchor_bucket_reset(first, now);
		anchor_bucket_reset(second, now);
	}
}

/* Steps 4 and 5. */

uint64_t datapath_window_ms(const struct ring_track *track)
{
	return (uint64_t)track->idle_s * 1000 + WINDOW_MORE_MS;
}

static void step_window(struct ring_track *track, uint32_t slot, __u64 *word, uint32_t now)
{
	if (anchor_window_step(word, now - track->since[slot] >= datapath_window_ms(track)) == ANCHOR_RESTARTED)
		track->since[slot] = now;
}

static void finish_slot(struct datapath *dp, struct ring_track *track, uint32_t slot)
{
	__u64 *at = &dp->rings[track->base + slot], word = conn_load(at);

	if (word & SHUNT_SLOT_REANCHOR)
		step_window(track, slot, at, (uint32_t)datapath_ms(dp));
	else if (word & SHUNT_SLOT_DIRTY && track->marks[slot] == SLOT_MAY_SETTLE)
		anchor_clean(at);
}

/* What the entries of slots that moved came to, per slot: what the next slots to move will need. */
static void measure(struct ring_track *track)
{
	uint64_t entries = 0;
	double density;

	for (int state = 0; state < SHUNT_CONN_STATES; state++)
		entries += track->entries[state];
	if (!track->moved || track->picks)
		return;
	density = (double)entries / track->moved;
	if (density < track->density / 2)
		density = track->density / 2;
	track->density = density < 0.25 ? 0.25 : density;
}

static void finish_ring(struct datapath *dp, uint32_t id)
{
	struct ring_track *track = &dp->tracks[id];

	if (!track->marks)
		return;
	measure(track);
	for (uint32_t slot = 0; slot < track->ring->size; slot++)
		finish_slot(dp, track, slot);
	datapath_count_ring(dp, id);
	datapath_tell_moving(dp, id);
	datapath_tell_refused(dp, id);
	if (!track->dirty)
		datapath_forget_slots(track);
}

static void finish(struct datapath *dp)
{
	struct sweep *sweep = &dp->sweep;
	uint32_t *held = sweep->held;

	for (uint32_t id = 0; id < dp->control->services; id++)
		finish_ring(dp, id);
	sweep->held = sweep->named;
	sweep->named = held;
	sweep->found = sweep->entries;
	sweep->count++;
	sweep->underway = false;
	datapath_count_live(dp);
	datapath_tell_drained(dp);
	datapath_free_unheld(dp);
}

void datapath_sweep(struct datapath *dp)
{
	struct sweep *sweep = &dp->sweep;
	uint64_t began = micros();

	if (!sweep->underway)
		begin(dp);
	if (!sweep->underway)
		return;
	for (uint32_t i = 0; i < SLICE && sweep->at < dp->control->conn_buckets; i += 2, sweep->at += 2)
		sweep_pair(dp, sweep->at / 2);
	if (sweep->at >= dp->control->conn_buckets)
		finish(dp);
	sweep->took_us += micros() - began;
}

void datapath_purge(struct datapath *dp, const bool *gone)
{
	uint32_t now = datapath_ticks(dp);

	for (uint32_t i = 0; i < dp->control->conn_buckets; i++)
		for (uint32_t way = 0; way < SHUNT_CONN_WAYS; way++) {
			__u64 *at = &dp->conns[i].entry[way], entry = conn_load(at);
			__u32 dest = shunt_conn_dest(entry);

			if (dest && (dest >= dp->control->destinations || gone[dest]))
				anchor_entry_drop(at, entry, now);
		}
}
