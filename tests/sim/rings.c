/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Rings on their way to what is wanted, by anchor_rules.h, as in user/shuntd/datapath_rings.c: what failed is left at once, what moves by
 * intention is prepared first, and as many slots at a time as the table may have room for.
 *
 * Where others than these rules forward, the ring is as wanted at once.
 */
#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/ring.h"
#include "sim.h"

#define PREP_TIME (3 * SIM_SECOND)
#define WAIT_TIME SIM_SECOND
#define DENSITY_GUESS 2.0
#define ROOM_FACTOR 2.5
#define PROGRESS 64

static void want(struct sim *sim, struct sim_service *s, uint32_t size)
{
	struct ring_backend members[256];
	bool available[256];
	uint32_t *base = xcalloc(size, sizeof(*base));

	for (uint32_t i = 0; i < s->member_count; i++) {
		const struct sim_backend *b = &sim->backends[s->members[i]];

		members[i] = (struct ring_backend){b->addr, b->weight, 0};
		available[i] = b->is_healthy && !b->is_draining;
	}
	ring_build(base, size, members, s->member_count, sim->seed, s->salt);
	ring_resolve(s->wanted, base, size, available, s->member_count, sim->seed, s->salt);
	for (uint32_t i = 0; i < size; i++)
		s->wanted[i] = s->wanted[i] == RING_NONE ? 0 : s->members[s->wanted[i]];
	free(base);
}

static void be_due(struct sim *sim, uint32_t service, uint32_t wait)
{
	struct sim_service *s = &sim->services[service];

	if (s->due > sim->now && s->due <= sim->now + wait)
		return;
	s->due = sim->now + wait;
	sim_at(sim, s->due, rings_step, service);
}

static void move(struct sim *sim, uint32_t at, uint32_t to)
{
	__u64 *slot = &sim->world.slots[at], before = anchor_move(&sim->world, slot, to);

	sim->sweep.settled[at] = 0;
	if (anchor_is_moved(*slot) && !anchor_is_moved(before))
		sim->since[at] = sim->now;
}

/* true: it is to be prepared first. */
static bool step_slot(struct sim *sim, uint32_t service, uint32_t at, uint32_t to)
{
	__u64 word = sim->world.slots[at];

	if (shunt_slot_current(word) == to && !(word & SHUNT_SLOT_PREP) &&
	    !conn_is_dead(conn_state_of(&sim->world, shunt_slot_anchor(word))))
		return false;
	if (anchor_wants_prep(&sim->world, word, to)) {
		if (!(word & SHUNT_SLOT_PREP))
			return true;
		if (sim->now - sim->since[at] < PREP_TIME) {
			be_due(sim, service, PREP_TIME - (sim->now - sim->since[at]));
			return false;
		}
	}
	move(sim, at, to);
	return false;
}

static void count_slots(struct sim *sim, uint32_t service)
{
	struct sim_service *s = &sim->services[service];
	const __u64 *slot = &sim->world.slots[sim->world.ring_base[service]];

	s->prepared = s->moved = 0;
	for (uint32_t i = 0; i < sim->world.ring_size[service]; i++) {
		s->prepared += !!(slot[i] & SHUNT_SLOT_PREP);
		s->moved += anchor_is_moved(slot[i]);
	}
}

/* How many slots more there may be room for. */
static uint32_t allowance(const struct sim *sim, const struct sim_service *s)
{
	double need = 0, fixed = 0, room;
	uint32_t underway = 0;

	for (uint32_t i = 0; i < SIM_SERVICES; i++) {
		const struct sim_service *other = &sim->services[i];
		uint32_t slots = other->prepared + other->moved;

		underway += slots;
		need += slots * (other->density > 0 ? other->density : DENSITY_GUESS);
		for (int state = SHUNT_CONN_EST; state < SHUNT_CONN_STATES; state++)
			fixed += other->entries[state];
	}
	if (need < fixed)
		need = fixed;
	room = (sim->c.entries / ROOM_FACTOR - need) / (s->density > 0 ? s->density : DENSITY_GUESS);
	if (room < PROGRESS)
		return underway ? 0 : PROGRESS;
	return room < UINT32_MAX ? (uint32_t)room : UINT32_MAX;
}

static void prepare_some(struct sim *sim, const uint32_t *slots, uint32_t count, uint32_t room)
{
	for (int drains = 1; drains >= 0; drains--)
		for (uint32_t i = 0; i < count && room; i++) {
			__u64 *slot = &sim->world.slots[slots[i]];
			uint32_t state = sim->world.state[shunt_slot_current(*slot)];

			if ((state == SHUNT_DEST_DRAIN) != drains || *slot & SHUNT_SLOT_PREP)
				continue;
			anchor_prepare(slot);
			sim->since[slots[i]] = sim->now;
			sim->sweep.settled[slots[i]] = 0;
			room--;
		}
}

void rings_step(struct sim *sim, uint32_t service)
{
	struct sim_service *s = &sim->services[service];
	uint32_t base = sim->world.ring_base[service], size = sim->world.ring_size[service], count = 0, room;
	uint32_t *slots;

	if (sim->c.algorithm != SIM_RULES)
		return;
	slots = xcalloc(size, sizeof(*slots));
	for (uint32_t i = 0; i < size; i++)
		if (step_slot(sim, service, base + i, s->wanted[i]))
			slots[count++] = base + i;
	if (count) {
		count_slots(sim, service);
		room = sim->c.is_in_batches ? allowance(sim, s) : UINT32_MAX;
		prepare_some(sim, slots, count, room);
		be_due(sim, service, count > room ? WAIT_TIME : PREP_TIME);
		count_slots(sim, service);
	}
	free(slots);
}

void rings_commit(struct sim *sim, uint32_t service)
{
	struct sim_service *s = &sim->services[service];
	uint32_t base = sim->world.ring_base[service], size = sim->world.ring_size[service];

	want(sim, s, size);
	rings_step(sim, service);
	for (uint32_t i = 0; sim->c.algorithm != SIM_RULES && i < size; i++)
		sim->world.slots[base + i] = shunt_slot_clean(s->wanted[i]);
}
