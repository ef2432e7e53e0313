/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon: what is asked for and reported becomes a ring, and the ring becomes steps on slots, all by anchor_rules.h. Its sweep is in
 * sweep.c. What stands in for it when others than these rules forward: the ring is as wanted at once, and nothing is ever cut off.
 */
#include <stdlib.h>
#include <string.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/ring.h"
#include "sim.h"

#define PREP_TIME (3 * SIM_SECOND)
#define GRACE (20 * SIM_SECOND)
#define DRAIN_TIMEOUT (60 * SIM_MINUTE)
#define SWEEP_EVERY (5 * SIM_SECOND)
#define LIVES 65536

static const uint32_t ring_sizes[SIM_SERVICES] = {65537, 16381};
static const uint32_t idle_timeouts[SIM_SERVICES] = {900, 120};

static bool is_by_rules(const struct sim *sim)
{
	return sim->c.algorithm == SIM_RULES;
}

void daemon_open(struct sim *sim)
{
	static const char *const names[SIM_SERVICES] = {"web", "voice"};

	for (uint32_t i = 0; i < SIM_SERVICES; i++) {
		sim->services[i].salt = ring_salt(names[i]);
		sim->services[i].idle = idle_timeouts[i];
		sim->services[i].wanted = xcalloc(ring_sizes[i], sizeof(uint32_t));
		sim->world.ring_base[i] = sim->slot_count;
		sim->world.ring_size[i] = ring_sizes[i];
		sim->slot_count += ring_sizes[i];
	}
	sim->world.slots = xcalloc(sim->slot_count, sizeof(*sim->world.slots));
	sim->window = xcalloc(sim->slot_count, sizeof(*sim->window));
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
	free(sim->window);
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
	sim->result.drains_cut += sim->world.state[id] == SHUNT_DEST_DRAIN;
	set_state(sim, id);
	daemon_commit(sim, sim->world.service[id]);
}

static void start_drain(struct sim *sim, uint32_t id)
{
	struct sim_backend *b = &sim->backends[id];

	if (!b->drain_since) {
		b->drain_since = sim->now;
		b->slots_are_free = false;
		sim->result.drains++;
		if (is_by_rules(sim))
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

	sim->result.drains_cancelled += b->drain_since && b->drain_since != SIM_STILL;
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
	daemon_commit(sim, sim->world.service[id]);
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
	daemon_commit(sim, sim->world.service[id]);
}

/* ---- slots */

static void want(struct sim *sim, struct sim_service *s, uint32_t size)
{
	struct ring_backend members[256];
	bool available[256];
	uint32_t *base = xcalloc(size, sizeof(*base));

	for (uint32_t i = 0; i < s->member_count; i++) {
		const struct sim_backend *b = &sim->backends[s->members[i]];

		members[i] = (struct ring_backend){b->addr, b->weight};
		available[i] = b->is_healthy && !b->is_draining;
	}
	ring_build(base, size, members, s->member_count, sim->seed, s->salt);
	ring_resolve(s->wanted, base, size, available, s->member_count, sim->seed, s->salt);
	for (uint32_t i = 0; i < size; i++)
		s->wanted[i] = s->wanted[i] == RING_NONE ? 0 : s->members[s->wanted[i]];
	free(base);
}

/* Of a slot whose current is not as wanted: is it to be prepared, or prepared and to wait? */
static bool is_to_wait(struct sim *sim, struct sim_service *s, __u64 *slot, uint32_t wanted, bool *has_begun)
{
	uint32_t current = shunt_slot_current(*slot);

	if (*slot & SHUNT_SLOT_PREP)
		return current != wanted && conn_is_live(conn_state_of(&sim->world, current)) &&
		       sim->now < s->prep_until;
	if (!anchor_wants_prep(&sim->world, *slot, wanted))
		return false;
	anchor_prepare(slot);
	*has_begun = true;
	return true;
}

static void go_to_wanted(struct sim *sim, struct sim_service *s, uint32_t base, uint32_t size, bool *has_begun)
{
	for (uint32_t i = 0; i < size; i++) {
		__u64 *slot = &sim->world.slots[base + i], before;

		if (shunt_slot_current(*slot) == s->wanted[i] && !(*slot & SHUNT_SLOT_PREP) &&
		    !conn_is_dead(conn_state_of(&sim->world, shunt_slot_anchor(*slot))))
			continue;
		sim->sweep.settled[base + i] = 0;
		if (is_to_wait(sim, s, slot, s->wanted[i], has_begun))
			continue;
		before = anchor_move(&sim->world, slot, s->wanted[i]);
		if (!anchor_is_moved(before) && anchor_is_moved(*slot))
			sim->window[base + i] = sim->now;
	}
}

/* Make the ring as it is wanted now: what must wait for its preparation is done in another call. */
void daemon_commit(struct sim *sim, uint32_t service)
{
	struct sim_service *s = &sim->services[service];
	uint32_t base = sim->world.ring_base[service], size = sim->world.ring_size[service];
	bool has_begun = false;

	want(sim, s, size);
	if (!is_by_rules(sim)) {
		for (uint32_t i = 0; i < size; i++)
			sim->world.slots[base + i] = shunt_slot_clean(s->wanted[i]);
		return;
	}
	go_to_wanted(sim, s, base, size, &has_begun);
	if (has_begun) {
		s->prep_until = sim->now + PREP_TIME;
		sim_at(sim, s->prep_until, daemon_commit, service);
	}
}

/* All that was only in its memory is forgotten. */
void daemon_restart(struct sim *sim, uint32_t unused)
{
	(void)unused;
	for (uint32_t i = 0; i < sim->slot_count; i++)
		sim->window[i] = sim->c.broken == BREAK_RESTART ? 0 : sim->now;
	sweep_close(sim);
	sweep_open(sim);
	sim_at(sim, sim->now + SWEEP_EVERY, sweep_begin, sim->sweep.epoch);
	for (uint32_t i = 0; i < SIM_SERVICES; i++) {
		sim->services[i].prep_until = sim->now + PREP_TIME;
		sim_at(sim, sim->services[i].prep_until, daemon_commit, i);
	}
}
