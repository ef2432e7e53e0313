/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon: what is asked for, reported and told by the clock becomes states of destinations, and these a ring that is wanted. Slots go
 * there in rings.c; the sweep is in sweep.c.
 */
#include <stdlib.h>
#include <string.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/ring.h"
#include "sim.h"

#define GRACE (20 * SIM_SECOND)
#define DRAIN_TIMEOUT (60 * SIM_MINUTE)
#define SWEEP_EVERY (5 * SIM_SECOND)
#define LIVES 65536

static const uint32_t ring_sizes[SIM_SERVICES] = {65537, 16381}, small_sizes[SIM_SERVICES] = {16381, 4093};
static const uint32_t idle_timeouts[SIM_SERVICES] = {900, 120};

void daemon_open(struct sim *sim)
{
	static const char *const names[SIM_SERVICES] = {"web", "voice"};
	const uint32_t *sizes = sim->scale < SIM_SMALL ? small_sizes : ring_sizes;

	for (uint32_t i = 0; i < SIM_SERVICES; i++) {
		sim->services[i].salt = ring_salt(names[i]);
		sim->services[i].idle = idle_timeouts[i];
		sim->services[i].wanted = xcalloc(sizes[i], sizeof(uint32_t));
		sim->world.ring_base[i] = sim->slot_count;
		sim->world.ring_size[i] = sizes[i];
		sim->slot_count += sizes[i];
	}
	sim->world.slots = xcalloc(sim->slot_count, sizeof(*sim->world.slots));
	sim->since = xcalloc(sim->slot_count, sizeof(*sim->since));
	sim->lives = xcalloc(LIVES, sizeof(*sim->lives));
	sim->life_count = 1;
	sweep_open(sim);
	sim_at(sim, SWEEP_EVERY, sweep_begin, 0);
}

void daemon_close(struct sim *sim)
{
	for (uint32_t i = 0; i < SIM_SERVICES; i++)
		free(sim->services[i].wanted);
	free(sim->world.slots);
	free(sim->since);
	free(sim->lives);
	sweep_close(sim);
}

/* ---- destinations */

uint32_t daemon_new_life(struct sim *sim, uint32_t id)
{
	struct sim_life *life = &sim->lives[sim->life_count];

	if (sim->world.state[id] == SHUNT_DEST_DOWN)
		life->down = SIM_STILL;
	if (sim->world.state[id] == SHUNT_DEST_DEAD)
		life->dead = SIM_STILL;
	return sim->backends[id].life = sim->life_count++;
}

static void note(uint32_t *when, bool is_so, uint32_t now)
{
	if (is_so)
		*when = SIM_STILL;
	else if (*when == SIM_STILL)
		*when = now;
}

/* The state follows from what is known. */
static void set_state(struct sim *sim, uint32_t id)
{
	struct sim_backend *b = &sim->backends[id];
	struct sim_life *life = &sim->lives[b->life];
	bool is_down = !b->is_healthy && sim->now < b->down_since + GRACE;
	bool is_dead = !b->is_healthy && !is_down;
	enum shunt_dest_state state = b->is_member && !b->is_draining ? SHUNT_DEST_UP : SHUNT_DEST_DRAIN;

	if (is_down)
		state = SHUNT_DEST_DOWN;
	if (is_dead || b->is_cut)
		state = SHUNT_DEST_DEAD;
	note(&life->down, is_down, sim->now);
	note(&life->dead, is_dead, sim->now);
	note(&life->cut, b->is_cut, sim->now);
	sim->world.state[id] = state;
}

static uint32_t free_id(const struct sim *sim)
{
	uint32_t id = 1;

	while (sim->world.state[id] != SHUNT_DEST_FREE)
		id++;
	return id;
}

uint32_t daemon_add(struct sim *sim, uint32_t service)
{
	struct sim_service *s = &sim->services[service];
	uint32_t id = free_id(sim);
	struct sim_backend *b = &sim->backends[id];

	*b = (struct sim_backend){.weight = 100, .is_alive = true, .is_healthy = true, .is_member = true};
	b->addr.family = SHUNT_FAMILY_IPV4;
	b->addr.word[0] = __builtin_bswap32(0x0a000001 + sim->next_addr++);
	sim->world.service[id] = (uint8_t)service;
	daemon_new_life(sim, id);
	set_state(sim, id);
	s->members[s->member_count++] = id;
	return id;
}

static void drain_deadline(struct sim *sim, uint32_t id)
{
	struct sim_backend *b = &sim->backends[id];

	if (!b->drain_since || b->drain_since == SIM_STILL || sim->now < b->drain_since + DRAIN_TIMEOUT)
		return;
	b->is_cut = true;
	sim->result.drains_cut += sim->world.service[id] == 0 && sim->world.state[id] == SHUNT_DEST_DRAIN;
	set_state(sim, id);
	rings_commit(sim, sim->world.service[id]);
}

static void start_drain(struct sim *sim, uint32_t id)
{
	struct sim_backend *b = &sim->backends[id];

	if (!b->drain_since) {
		b->drain_since = sim->now;
		b->slots_are_free = false;
		sim->result.drains += sim->world.service[id] == 0;
		if (sim->c.algorithm == SIM_RULES)
			sim_at(sim, sim->now + DRAIN_TIMEOUT, drain_deadline, id);
	}
	set_state(sim, id);
}

void daemon_drain(struct sim *sim, uint32_t id)
{
	sim->backends[id].is_draining = true;
	start_drain(sim, id);
}

void daemon_undrain(struct sim *sim, uint32_t id)
{
	struct sim_backend *b = &sim->backends[id];

	if (sim->world.service[id] == 0 && b->drain_since && b->drain_since != SIM_STILL)
		sim->result.drains_cancelled++;
	b->is_draining = b->is_cut = false;
	b->drain_since = 0;
	set_state(sim, id);
}

void daemon_remove(struct sim *sim, uint32_t id)
{
	struct sim_service *s = &sim->services[sim->world.service[id]];
	uint32_t i = 0;

	while (s->members[i] != id)
		i++;
	s->member_count--;
	memmove(&s->members[i], &s->members[i + 1], (s->member_count - i) * sizeof(*s->members));
	sim->backends[id].is_member = false;
	start_drain(sim, id);
}

static void grace_end(struct sim *sim, uint32_t id)
{
	struct sim_backend *b = &sim->backends[id];

	if (b->is_healthy || sim->now < b->down_since + GRACE || sim->world.state[id] != SHUNT_DEST_DOWN)
		return;
	set_state(sim, id);
	rings_commit(sim, sim->world.service[id]);
}

void daemon_report(struct sim *sim, uint32_t id, bool is_healthy)
{
	struct sim_backend *b = &sim->backends[id];

	if (sim->world.state[id] == SHUNT_DEST_FREE || b->is_healthy == is_healthy)
		return;
	b->is_healthy = is_healthy;
	if (!is_healthy) {
		b->down_since = sim->now;
		sim_at(sim, sim->now + GRACE, grace_end, id);
	}
	set_state(sim, id);
	rings_commit(sim, sim->world.service[id]);
}

/* All that was only in its memory is forgotten. */
void daemon_restart(struct sim *sim, uint32_t unused)
{
	(void)unused;
	for (uint32_t i = 0; i < sim->slot_count; i++)
		sim->since[i] = sim->c.broken == BREAK_RESTART ? 0 : sim->now;
	sweep_close(sim);
	sweep_open(sim);
	sim_at(sim, sim->now + SWEEP_EVERY, sweep_begin, sim->sweep.epoch);
	for (uint32_t i = 0; i < SIM_SERVICES; i++) {
		sim->services[i].density = 0;
		rings_step(sim, i);
	}
}
