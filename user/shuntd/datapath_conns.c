/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What time does to destinations, and the timer's one way in. A destination that is down for DOWN_S is dead: who had a connection there
 * is better off with a reset. One that drains is dead when its service's drain_timeout is over. What a configuration says in
 * the meantime comes by datapath_apply(). Here too: what is shown of all this.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "conn_world.h"

#define DOWN_S 20
#define TICK_MS 250	/* when nothing is to be done but to look */
#define TICK_SWEEP_MS 1 /* between slices */

uint64_t datapath_ms(const struct datapath *dp)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000 + dp->ahead_ms;
}

uint32_t datapath_ticks(const struct datapath *dp)
{
	return datapath_ms(dp) * 1000000 >> SHUNT_CONN_TICK_SHIFT & SHUNT_CONN_TIME_MASK;
}

/* Seconds that a destination may stay as it is; 0: for ever. */
static uint32_t patience(const struct datapath *dp, uint32_t id)
{
	switch (dp->dests[id].state) {
	case SHUNT_DEST_DOWN:
		return DOWN_S;
	case SHUNT_DEST_DRAIN:
		return dp->tracks[dp->dstdir[id].ring].drain_s;
	default:
		return 0;
	}
}

static uint32_t age_s(const struct datapath *dp, uint32_t id)
{
	uint64_t now = datapath_ms(dp) / 1000, since = dp->dstdir[id].since;

	if (dp->dests[id].state == SHUNT_DEST_DRAIN && dp->drains_s[id])
		since = dp->drains_s[id];

	return now > since ? now - since : 0;
}

static void end_what_is_over(struct datapath *dp)
{
	for (uint32_t id = 0; id < dp->control->destinations; id++) {
		uint32_t limit;

		if (!directory_dest_used(&dp->dir, id))
			continue;
		limit = patience(dp, id);
		if (!limit || age_s(dp, id) < limit)
			continue;
		datapath_tell_cut_off(dp, id, limit);
		datapath_set_state(dp, id, SHUNT_DEST_DEAD);
	}
}

uint32_t datapath_tick(struct datapath *dp)
{
	uint64_t next;

	if (datapath_ms(dp) - dp->checked_ms >= 1000) {
		dp->checked_ms = datapath_ms(dp);
		end_what_is_over(dp);
	}
	next = datapath_step_rings(dp);
	if (datapath_wants_sweep(dp))
		datapath_sweep(dp);
	if (dp->sweep.underway)
		return TICK_SWEEP_MS;
	return next < TICK_MS ? next : TICK_MS;
}

static bool is_unheld(const struct datapath *dp, uint32_t id)
{
	return datapath_is_leftover(dp, id) && dp->sweep.unheld[id] && !dp->sweep.held[id];
}

/* Fragments remember destinations, too; and a packet may have read the template. */
static int part_with(struct datapath *dp, const bool *gone)
{
	int rc = datapath_forget_fragments(dp, gone);

	return rc ? rc : datapath_wait(dp);
}

static int free_leftover(struct datapath *dp, uint32_t id)
{
	struct journal_event event = datapath_dest_event(dp, id, JOURNAL_DRAIN, LOG_LEVEL_INFO);
	int rc = datapath_free_dest(dp, id);

	if (rc)
		return rc;
	dp->leftovers--;
	event.from = "removed";
	event.to = "gone";
	events_tell(&event, "nothing holds it any more: it may be switched off");
	return 0;
}

void datapath_free_unheld(struct datapath *dp)
{
	bool *gone = xcalloc(dp->control->destinations, sizeof(*gone)), any = false;
	int rc = 0;

	for (uint32_t id = 0; id < dp->control->destinations; id++)
		any |= gone[id] = is_unheld(dp, id);
	if (any)
		rc = part_with(dp, gone);
	for (uint32_t id = 0; !rc && any && id < dp->control->destinations; id++)
		if (gone[id])
			rc = free_leftover(dp, id);
	if (rc)
		log_warning("ids of removed backends are not free yet: %s; the next sweep tries again", strerror(-rc));
	if (any)
		directory_reindex(&dp->dir);
	free(gone);
}

/* ---- what is shown */

static uint32_t window_left(const struct datapath *dp, const struct ring_track *track, uint32_t slot)
{
	uint64_t window = datapath_window_ms(track);
	uint32_t age = (uint32_t)datapath_ms(dp) - track->since[slot];

	return age < window ? (window - age + 999) / 1000 : 1;
}

static void add_ring(struct datapath *dp, uint32_t ring, struct datapath_conns *out)
{
	const struct ring_track *track = &dp->tracks[ring];

	datapath_count_ring(dp, ring);
	out->slots += dp->svcdir[ring].ring_size;
	out->waiting += track->waiting;
	out->prepared += track->prepared;
	out->moved += track->moved;
	out->dirty += track->dirty;
	if (track->density > out->density)
		out->density = track->density;
	for (int state = 0; state < SHUNT_CONN_STATES; state++)
		out->entries[state] += track->entries[state];
	for (uint32_t slot = 0; track->marks && slot < track->ring->size; slot++) {
		uint32_t left;

		if (!(conn_load(&dp->rings[track->base + slot]) & SHUNT_SLOT_REANCHOR))
			continue;
		left = window_left(dp, track, slot);
		if (left > out->window_ends)
			out->window_ends = left;
	}
}

bool datapath_service_conns(struct datapath *dp, const char *service, struct datapath_conns *out)
{
	uint64_t sums[DATAPATH_WORDS(struct shunt_conn_counter)];
	uint32_t id = directory_service(&dp->dir, service);

	*out = (struct datapath_conns){0};
	if (id == DIRECTORY_NONE)
		return false;
	datapath_read_percpu(dp->fds.cstat, id, sums, DATAPATH_WORDS(sums));
	memcpy(out->counts, sums, sizeof(out->counts));
	for (uint32_t ring = DIRECTORY_NONE; (ring = directory_ring_after(&dp->dir, id, ring)) != DIRECTORY_NONE;)
		add_ring(dp, ring, out);
	return true;
}

static struct datapath_hold hold_of(const struct datapath *dp, uint32_t id)
{
	const struct shunt_dest_entry *entry = &dp->dstdir[id];
	uint32_t limit = patience(dp, id), age = age_s(dp, id);
	const struct shunt_service_entry *ring = &dp->svcdir[entry->ring];
	struct datapath_hold hold = {
		.addr.family = entry->family,
		.state = dp->dests[id].state,
		.removed = !dp->named[id],
		.entries = dp->sweep.held[id],
		.for_s = age,
		.ends_in = limit > age ? limit - age : 0,
	};

	memcpy(hold.addr.word, entry->addr, sizeof(hold.addr.word));
	for (uint32_t slot = 0; slot < ring->ring_size; slot++) {
		__u64 word = conn_load(&dp->rings[ring->ring_base + slot]);

		hold.slots += shunt_slot_current(word) == id;
		hold.anchors += shunt_slot_anchor(word) == id;
	}
	return hold;
}

/* One backend's holds in two rings. Of what it is in, the one that is further from its end. */
static void join_holds(struct datapath_hold *hold, const struct datapath_hold *other)
{
	if (other->state < hold->state) {
		hold->state = other->state;
		hold->for_s = other->for_s;
		hold->ends_in = other->ends_in;
	} else if (other->state == hold->state) {
		hold->for_s = other->for_s > hold->for_s ? other->for_s : hold->for_s;
		hold->ends_in = other->ends_in > hold->ends_in ? other->ends_in : hold->ends_in;
	}
	hold->slots += other->slots;
	hold->anchors += other->anchors;
	hold->entries += other->entries;
}

/* From id on, which is the first. */
static struct datapath_hold hold_from(const struct datapath *dp, uint32_t id)
{
	struct datapath_hold hold = hold_of(dp, id), other;

	while ((id = datapath_next_dest(dp, id)) != DIRECTORY_NONE) {
		other = hold_of(dp, id);
		join_holds(&hold, &other);
	}
	return hold;
}

bool datapath_dest_hold(struct datapath *dp, const char *service, const struct shunt_addr *backend,
			struct datapath_hold *out)
{
	uint32_t id = datapath_first_dest(dp, service, backend);

	if (id == DIRECTORY_NONE)
		return false;
	*out = hold_from(dp, id);
	return true;
}

/* Is a backend not told of by an id before this one, in the order in which datapath_next_dest() goes? */
static bool is_first(const struct datapath *dp, uint32_t service, uint32_t id)
{
	struct shunt_addr addr = {.family = dp->dstdir[id].family};
	uint32_t first;

	memcpy(addr.word, dp->dstdir[id].addr, sizeof(addr.word));
	first = directory_dest_first(&dp->dir, service, &addr);
	while (first != DIRECTORY_NONE && first != id && dp->named[first] != dp->named[id])
		first = directory_dest_next(&dp->dir, first);
	return first == id;
}

size_t datapath_holds(struct datapath *dp, const char *service, struct datapath_hold *out, size_t max)
{
	uint32_t service_id = directory_service(&dp->dir, service), id = DIRECTORY_NONE;
	size_t count = 0;

	if (service_id == DIRECTORY_NONE)
		return 0;
	while ((id = directory_dest_after(&dp->dir, service_id, id)) != DIRECTORY_NONE) {
		if (dp->dests[id].state == SHUNT_DEST_UP || !is_first(dp, service_id, id))
			continue;
		if (count < max)
			out[count] = hold_from(dp, id);
		count++;
	}
	return count;
}

/* Ids of a service lie close together, mostly: what is counted is from the lowest to the highest. */
bool datapath_own_slots(const struct datapath *dp, const struct config_service *service, uint32_t *slots)
{
	uint32_t ring = directory_service(&dp->dir, service->name), low = UINT32_MAX, high = 0, *by_id;

	if (ring == DIRECTORY_NONE)
		return false;
	for (size_t i = 0; i < service->backend_count; i++) {
		slots[i] = directory_dest(&dp->dir, ring, &service->backends[i].addr); /* the id, for now */
		if (slots[i] == DIRECTORY_NONE)
			continue;
		low = slots[i] < low ? slots[i] : low;
		high = slots[i] > high ? slots[i] : high;
	}
	by_id = xcalloc(high < low ? 1 : (size_t)high - low + 1, sizeof(*by_id));
	for (uint32_t slot = 0; slot < dp->svcdir[ring].ring_size; slot++) {
		uint32_t id = shunt_slot_current(conn_load(&dp->rings[dp->svcdir[ring].ring_base + slot]));

		if (id >= low && id <= high)
			by_id[id - low]++;
	}
	for (size_t i = 0; i < service->backend_count; i++)
		slots[i] = slots[i] == DIRECTORY_NONE ? 0 : by_id[slots[i] - low];
	free(by_id);
	return true;
}

void datapath_table(const struct datapath *dp, struct datapath_table *out)
{
	*out = (struct datapath_table){
		.entries = dp->sweep.found,
		.entries_max = (uint64_t)dp->control->conn_buckets * SHUNT_CONN_WAYS,
		.sweeps = dp->sweep.count,
		.swept_ms = dp->sweep.took_us / 1000,
	};
}

size_t datapath_addresses(const struct datapath *dp, bool only_removed, struct shunt_addr **out)
{
	size_t count = 0;

	*out = xcalloc(only_removed ? dp->leftovers + 1 : dp->control->destinations, sizeof(**out));
	if (only_removed && !dp->leftovers)
		return 0;
	for (uint32_t id = 0; id < dp->control->destinations; id++) {
		if (only_removed ? !datapath_is_leftover(dp, id) : !directory_dest_used(&dp->dir, id))
			continue;
		(*out)[count].family = dp->dstdir[id].family;
		memcpy((*out)[count++].word, dp->dstdir[id].addr, sizeof(dp->dstdir[id].addr));
	}
	return count;
}
