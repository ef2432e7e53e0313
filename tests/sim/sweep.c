/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon's sweep, in steps between which packets come: which slots may settle; a moment later (its RCU wait) the entries, in parts;
 * then the slots and the ids. Other changes may come in between.
 */
#include <stdlib.h>
#include <string.h>

#include "../../user/lib/xalloc.h"
#include "sim.h"

#define DENSITY_MIN 0.25

enum { CHUNKS = 8, RCU_WAIT = 20, CHUNK_TIME = 10, SWEEP_SECONDS = 5 };

void sweep_open(struct sim *sim)
{
	struct sim_sweep *sweep = &sim->sweep;

	*sweep = (struct sim_sweep){.epoch = sweep->epoch};
	sweep->settled = xcalloc(sim->slot_count, 1);
	sweep->met = xcalloc(sim->slot_count, 1);
	sweep->empty = xcalloc(sim->c.entries / SHUNT_CONN_WAYS + 1, 1);
}

void sweep_close(struct sim *sim)
{
	sim->sweep.epoch++;
	free(sim->sweep.settled);
	free(sim->sweep.met);
	free(sim->sweep.empty);
}

/* ---- entries */

static void sweep_entry(struct sim *sim, __u64 *way)
{
	struct sim_sweep *sweep = &sim->sweep;
	struct conn_world *w = &sim->world;
	__u64 entry = conn_load(way), *slot;
	uint32_t dest = shunt_conn_dest(entry), at = 0;

	if (!dest)
		return;
	slot = conn_slot(w, dest, shunt_conn_tag(entry));
	if (slot) {
		at = (uint32_t)(slot - w->slots);
		sweep->met[at] = 1;
	}
	if (anchor_entry_goes(w, entry, slot, sweep->settled[at], conn_now(w),
			      shunt_conn_expiry(sim->services[w->service[dest]].idle))) {
		anchor_entry_drop(way, entry, conn_now(w));
		return;
	}
	sweep->named[dest] = 1;
	sweep->entries++;
	sim->services[w->service[dest]].entries[shunt_conn_state(entry)]++;
}

static void sweep_pair(struct sim *sim, uint32_t pair)
{
	__u64 *way = sim->world.buckets[2 * pair].entry, *neighbour = sim->world.buckets[2 * pair + 1].entry;
	uint8_t *empty = &sim->sweep.empty[pair];

	for (uint32_t i = 0; i < SHUNT_CONN_WAYS; i++) {
		sweep_entry(sim, &way[i]);
		sweep_entry(sim, &neighbour[i]);
	}
	if (!anchor_pair_is_empty(way, neighbour)) {
		*empty = 0;
		return;
	}
	if (*empty) {
		anchor_bucket_reset(way, conn_now(&sim->world));
		anchor_bucket_reset(neighbour, conn_now(&sim->world));
	}
	*empty = 1;
}

/* ---- slots and ids */

static void sweep_slot(struct sim *sim, uint32_t service, uint32_t i)
{
	__u64 *slot = &sim->world.slots[i];
	uint32_t window = (sim->services[service].idle + 16 + SWEEP_SECONDS) * SIM_SECOND;

	if (sim->c.broken == BREAK_WINDOW)
		window = SIM_MINUTE;
	if (*slot & SHUNT_SLOT_REANCHOR) {
		if (anchor_window_step(slot, sim->now - sim->since[i] >= window) == ANCHOR_RESTARTED)
			sim->since[i] = sim->now;
	} else if (*slot & SHUNT_SLOT_DIRTY && sim->sweep.settled[i] && !sim->sweep.met[i] &&
		   anchor_may_settle(*slot)) {
		anchor_clean(slot);
	}
}

static void add_span(struct sim_span *span, uint32_t ms)
{
	span->count++;
	span->sum += ms;
	if (ms > span->max)
		span->max = ms;
}

/* How far is a drain? (Those of the web service are measured.) An id is free when two sweeps in a row found it named by nothing. */
static void sweep_backend(struct sim *sim, uint32_t id, bool has_slots)
{
	struct sim_backend *b = &sim->backends[id];
	bool was_unnamed = b->is_unnamed, is_measured;

	b->is_unnamed = !sim->sweep.named[id];
	if (!b->drain_since || b->drain_since == SIM_STILL)
		return;
	is_measured = sim->world.service[id] == 0 && sim->world.state[id] == SHUNT_DEST_DRAIN;
	if (!has_slots && !b->slots_are_free) {
		b->slots_are_free = true;
		if (is_measured)
			add_span(&sim->result.slots_free, sim->now - b->drain_since);
	}
	if (!b->is_unnamed || !was_unnamed)
		return;
	if (is_measured)
		add_span(&sim->result.drain_over, sim->now - b->drain_since);
	b->drain_since = SIM_STILL;
	if (!b->is_member)
		sim->world.state[id] = SHUNT_DEST_FREE;
}

/* What entries there were for each moved slot: what the next ones will need. */
static void measure(struct sim_service *s)
{
	double density = 0;

	for (int state = 0; state < SHUNT_CONN_STATES; state++)
		density += s->entries[state];
	if (!s->moved)
		return;
	density /= s->moved;
	if (density < s->density / 2)
		density = s->density / 2;
	s->density = density < DENSITY_MIN ? DENSITY_MIN : density;
}

static void sweep_slots(struct sim *sim)
{
	uint8_t *has_slots = xcalloc(SIM_DESTINATIONS, 1);
	struct conn_world *w = &sim->world;

	for (uint32_t service = 0; service < SIM_SERVICES; service++) {
		measure(&sim->services[service]);
		for (uint32_t i = 0; i < w->ring_size[service]; i++) {
			uint32_t at = w->ring_base[service] + i;

			sweep_slot(sim, service, at);
			has_slots[shunt_slot_current(w->slots[at])] = 1;
			has_slots[shunt_slot_anchor(w->slots[at])] = 1;
		}
	}
	for (uint32_t id = 1; id < SIM_DESTINATIONS; id++)
		if (w->state[id] != SHUNT_DEST_FREE) {
			sim->sweep.named[id] |= has_slots[id];
			sweep_backend(sim, id, has_slots[id]);
		}
	free(has_slots);
}

static void sweep_end(struct sim *sim)
{
	struct sim_result *result = &sim->result;

	sweep_slots(sim);
	result->samples++;
	result->entries_sum += sim->sweep.entries;
	if (sim->sweep.entries > result->entries_max)
		result->entries_max = sim->sweep.entries;
	sim_at(sim, sim->now + SWEEP_SECONDS * SIM_SECOND, sweep_begin, sim->sweep.epoch);
}

static void sweep_chunk(struct sim *sim, uint32_t epoch)
{
	struct sim_sweep *sweep = &sim->sweep;
	uint32_t pairs = sim->world.bucket_count / 2;

	if (epoch != sweep->epoch)
		return;
	for (uint32_t i = pairs * sweep->chunk / CHUNKS; i < pairs * (sweep->chunk + 1) / CHUNKS; i++)
		sweep_pair(sim, i);
	if (++sweep->chunk == CHUNKS)
		sweep_end(sim);
	else
		sim_at(sim, sim->now + CHUNK_TIME, sweep_chunk, epoch);
}

void sweep_begin(struct sim *sim, uint32_t epoch)
{
	struct sim_sweep *sweep = &sim->sweep;
	struct sim_result *result = &sim->result;

	if (epoch != sweep->epoch)
		return;
	if (sim->c.algorithm != SIM_RULES) {
		result->samples++;
		result->entries_max = sim->lru ? lru_used(sim->lru) : 0;
		result->entries_sum += result->entries_max;
		sim_at(sim, sim->now + SWEEP_SECONDS * SIM_SECOND, sweep_begin, epoch);
		return;
	}
	memset(sweep->met, 0, sim->slot_count);
	memset(sweep->named, 0, sizeof(sweep->named));
	for (uint32_t i = 0; i < sim->slot_count; i++) {
		__u64 word = sim->world.slots[i];

		sweep->settled[i] = anchor_may_settle(word);
		sweep->named[shunt_slot_current(word)] = 1;
		sweep->named[shunt_slot_anchor(word)] = 1;
	}
	for (uint32_t i = 0; i < SIM_SERVICES; i++)
		memset(sim->services[i].entries, 0, sizeof(sim->services[i].entries));
	sweep->chunk = sweep->entries = 0;
	sim_at(sim, sim->now + RCU_WAIT, sweep_chunk, epoch);
}
