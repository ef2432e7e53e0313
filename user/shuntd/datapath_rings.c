/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings on their way to what is wanted of them. An apply says what each slot's current destination is to be; from then on this takes every slot
 * there by the rules of include/shunt/anchor_rules.h, in steps that the daemon's timer makes:
 *
 * - What failed is left at once. What is moved by intention is marked PREP first, for PREP_MS, in which beginnings get entries; what
 *   has moved already moves on at once, since its beginnings have them anyway.
 * - Moved slots come to need entries in the connection table. If the table would not have room for all, some wait, those that leave a draining
 *   destination the least: a table that is too small makes changes slow and breaks nothing.
 *
 * Slots are compared with what is wanted, so that what another daemon began, and was killed in, is finished whatever it left. A ring that is
 * at rest is passed over: nobody but this process moves its slots, and its ring object, held here, never changes.
 */
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "conn_world.h"

#define PREP_MS 3000
#define WAIT_MS 1000 /* between looks at whether the table has room by now */
/* Entries for a moved slot, before any have been counted, and at least; and how much more room there is to be than is expected to be needed. */
#define DENSITY_GUESS 2.0
#define DENSITY_MIN 0.25
#define ROOM_FACTOR 2.5
/* Slots that move in any case, when none has: a table that is full of other services' entries shall not stop a change for ever. */
#define PROGRESS 64

struct ring_plan {
	uint32_t id;
	uint32_t base;
	const struct model_ring *ring;
	const uint32_t *dest; /* ids: by index in the service's dests */
	bool is_own;	      /* the service's, not a pool's */
};

void datapath_remember_slots(struct datapath *dp, struct ring_track *track, uint32_t size)
{
	uint32_t now = (uint32_t)datapath_ms(dp);

	if (track->marks)
		return;
	track->marks = xcalloc(size, sizeof(*track->marks));
	track->since = xcalloc(size, sizeof(*track->since));
	for (uint32_t i = 0; i < size; i++) /* of what is underway already, another daemon knew */
		track->since[i] = now;
}

void datapath_forget_slots(struct ring_track *track)
{
	free(track->marks);
	free(track->since);
	track->marks = NULL;
	track->since = NULL;
}

static __u32 wanted(const struct ring_track *track, uint32_t slot)
{
	uint32_t choice = track->ring->slots[slot];

	return choice == RING_NONE ? 0 : track->dest[choice];
}

/* Of slots that are neither moved nor prepared, how many may be, as the table's room goes. What has entries anyway needs no more. */
static uint32_t allowance(const struct datapath *dp, const struct ring_track *track)
{
	double room = (double)dp->control->conn_buckets * SHUNT_CONN_WAYS, need = 0, density;
	uint64_t fixed = 0;
	uint32_t underway = 0;

	if (track->picks)
		return UINT32_MAX;
	for (uint32_t id = 0; id < dp->control->services; id++) {
		const struct ring_track *other = &dp->tracks[id];
		uint32_t slots = other->moved + other->prepared;

		underway += slots;
		need += slots * (other->density ? other->density : DENSITY_GUESS);
		for (int state = SHUNT_CONN_EST; state < SHUNT_CONN_STATES; state++)
			fixed += other->entries[state];
	}
	if (need < fixed)
		need = fixed;
	density = track->density ? track->density : DENSITY_GUESS;
	room = (room / ROOM_FACTOR - need) / density;
	if (room < PROGRESS)
		return underway ? 0 : PROGRESS;
	return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

static void move(struct datapath *dp, struct ring_track *track, uint32_t slot, __u32 to)
{
	struct conn_world w = {dp};
	__u64 *word = &dp->rings[track->base + slot], before = anchor_move(&w, word, to), after = conn_load(word);

	if (after & SHUNT_SLOT_DIRTY)
		datapath_remember_slots(dp, track, track->ring->size);
	if (!track->marks)
		return;
	track->marks[slot] = 0;
	if (anchor_is_moved(after) && !anchor_is_moved(before))
		track->since[slot] = (uint32_t)datapath_ms(dp);
}

/* In so many ms at the latest. */
static void be_due(const struct datapath *dp, struct ring_track *track, uint32_t ms)
{
	if (track->due_ms > datapath_ms(dp) + ms)
		track->due_ms = datapath_ms(dp) + ms;
}

/* A slot that is not as wanted, or of which the anchor may have died. true: it is to be prepared first. */
static bool step_slot(struct datapath *dp, struct ring_track *track, uint32_t slot)
{
	struct conn_world w = {dp};
	__u64 word = conn_load(&dp->rings[track->base + slot]);
	__u32 to = wanted(track, slot);
	uint32_t age;

	if (shunt_slot_current(word) == to) {
		if (word & SHUNT_SLOT_PREP ||
		    (anchor_is_moved(word) && conn_is_dead(conn_state_of(&w, shunt_slot_anchor(word)))))
			move(dp, track, slot, to);
		return false;
	}
	if (anchor_wants_prep(&w, word, to)) {
		if (!(word & SHUNT_SLOT_PREP))
			return true;
		datapath_remember_slots(dp, track, track->ring->size);
		age = (uint32_t)datapath_ms(dp) - track->since[slot];
		if (age < PREP_MS) {
			be_due(dp, track, PREP_MS - age);
			return false;
		}
	}
	move(dp, track, slot, to);
	return false;
}

static void prepare(struct datapath *dp, struct ring_track *track, uint32_t slot)
{
	datapath_remember_slots(dp, track, track->ring->size);
	anchor_prepare(&dp->rings[track->base + slot]);
	track->since[slot] = (uint32_t)datapath_ms(dp);
	track->marks[slot] = 0;
	be_due(dp, track, PREP_MS);
}

/* Prepare up to as many of these slots as may be: first those that leave what drains. */
static void prepare_some(struct datapath *dp, struct ring_track *track, uint32_t *slots, uint32_t count, uint32_t room)
{
	struct conn_world w = {dp};

	for (int drains = 1; drains >= 0 && room; drains--)
		for (uint32_t i = 0; i < count && room; i++) {
			__u64 word = conn_load(&dp->rings[track->base + slots[i]]);
			bool leaves = conn_state_of(&w, shunt_slot_current(word)) == SHUNT_DEST_DRAIN;

			if (leaves != drains)
				continue;
			prepare(dp, track, slots[i]);
			room--;
		}
}

void datapath_count_ring(struct datapath *dp, uint32_t ring)
{
	struct ring_track *track = &dp->tracks[ring];
	const struct shunt_service_entry *entry = &dp->svcdir[ring];

	track->prepared = track->moved = track->dirty = 0;
	for (uint32_t slot = 0; slot < entry->ring_size; slot++) {
		__u64 word = conn_load(&dp->rings[entry->ring_base + slot]);

		track->prepared += !!(word & SHUNT_SLOT_PREP);
		track->moved += anchor_is_moved(word);
		track->dirty += !!(word & SHUNT_SLOT_DIRTY);
	}
}

static void keep_dirty(struct datapath *dp, struct ring_track *track)
{
	datapath_remember_slots(dp, track, track->ring->size);
	for (uint32_t slot = 0; slot < track->ring->size; slot++)
		anchor_keep_dirty(&dp->rings[track->base + slot]);
}

static void tell_waiting(const struct datapath *dp, uint32_t id, uint32_t count, uint32_t later)
{
	const char *service = dp->svcdir[directory_service_of(&dp->dir, id)].name;
	struct journal_event event = events_of(JOURNAL_RING, LOG_LEVEL_INFO, service, NULL);

	events_tell(&event,
		    "%u slots are to move, %u of them later: the table of connections (limits.connections %u) may not "
		    "have room for all at once",
		    count, later, dp->limits.connections);
}

static void step_ring(struct datapath *dp, uint32_t id)
{
	struct ring_track *track = &dp->tracks[id];
	uint32_t size = track->ring->size, *slots = xcalloc(size, sizeof(*slots)), count = 0, room;

	track->due_ms = RING_AT_REST;
	for (uint32_t slot = 0; slot < size; slot++)
		if (step_slot(dp, track, slot))
			slots[count++] = slot;
	if (track->picks)
		keep_dirty(dp, track);
	datapath_count_ring(dp, id);
	room = count ? allowance(dp, track) : 0;
	prepare_some(dp, track, slots, count, room);
	if (count > room && !track->waiting)
		tell_waiting(dp, id, count, count - room);
	track->waiting = count > room ? count - room : 0;
	if (track->waiting)
		be_due(dp, track, WAIT_MS);
	free(slots);
	if (count)
		datapath_count_ring(dp, id);
	datapath_tell_moving(dp, id);
}

uint64_t datapath_step_rings(struct datapath *dp)
{
	uint64_t next = RING_AT_REST, now = datapath_ms(dp);

	for (uint32_t id = 0; id < dp->control->services; id++) {
		struct ring_track *track = &dp->tracks[id];

		if (!track->ring)
			continue;
		if (track->due_ms <= now)
			step_ring(dp, id);
		if (track->due_ms < next)
			next = track->due_ms;
	}
	if (next == RING_AT_REST)
		return RING_AT_REST;
	return next > now ? next - now : 0;
}

void datapath_touch_ring(struct datapath *dp, uint32_t ring)
{
	dp->tracks[ring].due_ms = 0;
}

void datapath_forget_ring(struct datapath *dp, uint32_t ring)
{
	struct ring_track *track = &dp->tracks[ring];

	model_ring_release(track->ring);
	free(track->dest);
	datapath_forget_slots(track);
	*track = (struct ring_track){.ring = NULL};
}

static bool is_as_before(const struct ring_track *track, const struct ring_plan *to, size_t dest_count)
{
	return track->ring == to->ring && track->base == to->base && track->dest_count == dest_count &&
	       (!dest_count || !memcmp(track->dest, to->dest, dest_count * sizeof(*track->dest)));
}

static void want_ring(struct datapath *dp, const struct ring_plan *to, const struct model_service *want)
{
	struct ring_track *track = &dp->tracks[to->id];
	bool was_known = track->ring, picks = to->is_own && config_picks(want->algorithm, want->sticky);

	track->idle_s = want->idle_timeout;
	track->keep_s = want->idle_timeout > want->sticky ? want->idle_timeout : want->sticky;
	track->drain_s = want->drain_timeout;
	if (picks && !track->picks)
		track->due_ms = 0;
	track->picks = picks;
	if (is_as_before(track, to, want->dest_count))
		return;
	free(track->dest);
	model_ring_release(track->ring);
	track->ring = model_ring_hold(to->ring);
	track->base = to->base;
	track->dest_count = want->dest_count;
	track->dest = xcalloc(want->dest_count + 1, sizeof(*track->dest));
	if (want->dest_count)
		memcpy(track->dest, to->dest, want->dest_count * sizeof(*track->dest));
	track->due_ms = 0;
	if (was_known)
		return;
	datapath_count_ring(dp, to->id);
	if (track->dirty)
		datapath_remember_slots(dp, track, to->ring->size);
}

void datapath_want_rings(struct datapath *dp, const struct plan *plan, const struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *want = &model->services[i];
		const struct plan_service *service = &plan->services[i];
		const struct ring_plan own = {service->id, service->ring_base, want->ring, service->dest, true};

		want_ring(dp, &own, want);
		for (size_t j = 0; j < want->pool_count; j++) {
			const struct plan_ring *pool = &service->pools[j];

			want_ring(dp, &(struct ring_plan){pool->id, pool->base, want->pools[j].ring, pool->dest, false},
				  want);
		}
	}
	datapath_step_rings(dp);
}
