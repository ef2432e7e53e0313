/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What befalls backends: about one event a minute, far more than anywhere in production, drawn from the seed alone. A backend dies, or
 * is only said to be down; is drained, one or several at a time, and brought back; weights change; some are added and removed; a third
 * is rebuilt at once; and the daemon is restarted.
 */
#include <string.h>

#include "sim.h"

enum { MEMBERS_A = 48, MEMBERS_B = 16, FIRST_MINUTE = 3, LAST_MINUTE = 88, RESTARTS = 2 };

/* An id may be another's by the time that something is due. */
static uint32_t reference(const struct sim *sim, uint32_t id)
{
	return id | (__builtin_bswap32(sim->backends[id].addr.word[0]) & 0xfffff) << 12;
}

static uint32_t referred(const struct sim *sim, uint32_t ref)
{
	uint32_t id = ref % SIM_DESTINATIONS;

	return sim->world.state[id] != SHUNT_DEST_FREE && reference(sim, id) == ref ? id : 0;
}

static bool is_well(const struct sim_backend *b)
{
	return b->is_alive && b->is_healthy && !b->is_draining;
}

/* A member that takes connections; 0 if too few would be left. */
static uint32_t pick(struct sim *sim, uint32_t service)
{
	struct sim_service *s = &sim->services[service];
	uint32_t well[256], n = 0;

	for (uint32_t i = 0; i < s->member_count; i++)
		if (is_well(&sim->backends[s->members[i]]))
			well[n++] = s->members[i];
	return n > (service ? MEMBERS_B : MEMBERS_A) / 2 ? well[sim_below(&sim->script_random, n)] : 0;
}

/* ---- health */

static void report_up(struct sim *sim, uint32_t ref)
{
	uint32_t id = referred(sim, ref);

	if (id)
		daemon_report(sim, id, true);
}

static void report_down(struct sim *sim, uint32_t ref)
{
	uint32_t id = referred(sim, ref);

	if (id)
		daemon_report(sim, id, false);
}

static void reboot(struct sim *sim, uint32_t ref)
{
	uint32_t id = referred(sim, ref);

	if (!id)
		return;
	daemon_new_life(sim, id);
	sim->backends[id].is_alive = true;
}

/* It is gone for seconds or for minutes, and that is noticed after 2 to 6 s. */
static void crash(struct sim *sim, uint32_t service)
{
	uint32_t id = pick(sim, service), away;
	uint64_t *r = &sim->script_random;

	if (!id)
		return;
	away = sim_chance(r, 0.3) ? 8 * SIM_SECOND + sim_below(r, 8 * SIM_SECOND)
				  : SIM_MINUTE + sim_below(r, 9 * SIM_MINUTE);
	sim->backends[id].is_alive = false;
	sim->lives[sim->backends[id].life].has_died = true;
	sim_at(sim, sim->now + 2 * SIM_SECOND + sim_below(r, 4 * SIM_SECOND), report_down, reference(sim, id));
	sim_at(sim, sim->now + away, reboot, reference(sim, id));
	sim_at(sim, sim->now + away + 2 * SIM_SECOND + sim_below(r, 4 * SIM_SECOND), report_up, reference(sim, id));
}

/* Said to be down, though it is not. */
static void flap(struct sim *sim, uint32_t service, bool is_long)
{
	uint32_t id = pick(sim, service);
	uint64_t *r = &sim->script_random;
	uint32_t away =
		is_long ? 25 * SIM_SECOND + sim_below(r, 2 * SIM_MINUTE) : SIM_SECOND + sim_below(r, 18 * SIM_SECOND);

	if (!id)
		return;
	daemon_report(sim, id, false);
	sim_at(sim, sim->now + away, report_up, reference(sim, id));
	if (!is_long && sim_chance(r, 0.5)) { /* and again */
		sim_at(sim, sim->now + away + 2 * SIM_SECOND, report_down, reference(sim, id));
		sim_at(sim, sim->now + away + 2 * SIM_SECOND + away, report_up, reference(sim, id));
	}
}

static void flap_short(struct sim *sim, uint32_t service)
{
	flap(sim, service, false);
}

static void flap_long(struct sim *sim, uint32_t service)
{
	flap(sim, service, true);
}

/* ---- plans */

static void undrain(struct sim *sim, uint32_t ref)
{
	uint32_t id = referred(sim, ref);

	if (!id || !sim->backends[id].is_member || !sim->backends[id].is_draining)
		return;
	daemon_undrain(sim, id);
	rings_commit(sim, sim->world.service[id]);
}

static void drain(struct sim *sim, uint32_t service)
{
	uint32_t id = pick(sim, service);

	if (!id)
		return;
	daemon_drain(sim, id);
	rings_commit(sim, service);
	/* Sometimes the daemon goes in the midst of it. */
	if (sim_chance(&sim->script_random, 0.05))
		sim_at(sim, sim->now + sim_below(&sim->script_random, 4 * SIM_SECOND), daemon_restart, 0);
	/* A rollback soon, or back after maintenance. */
	if (sim_chance(&sim->script_random, 0.6))
		sim_at(sim, sim->now + sim_below(&sim->script_random, 12 * SIM_MINUTE), undrain, reference(sim, id));
}

static void drain_several(struct sim *sim, uint32_t service)
{
	uint32_t n = 2 + sim_below(&sim->script_random, 3);

	for (uint32_t i = 0; i < n; i++)
		sim_at(sim, sim->now + i * 2500, drain, service);
}

static void add(struct sim *sim, uint32_t service)
{
	for (uint32_t n = 1 + sim_below(&sim->script_random, 2); n; n--)
		daemon_add(sim, service);
	rings_commit(sim, service);
}

static void remove_one(struct sim *sim, uint32_t service)
{
	uint32_t id = pick(sim, service);

	if (!id)
		return;
	daemon_remove(sim, id);
	rings_commit(sim, service);
}

static void weigh_as_before(struct sim *sim, uint32_t ref)
{
	uint32_t id = referred(sim, ref);

	if (!id || !sim->backends[id].is_member)
		return;
	sim->backends[id].weight = 100;
	rings_commit(sim, sim->world.service[id]);
}

static void weigh(struct sim *sim, uint32_t service)
{
	uint32_t id = pick(sim, service);

	if (!id)
		return;
	sim->backends[id].weight = 50 + sim_below(&sim->script_random, 150);
	rings_commit(sim, service);
	if (sim_chance(&sim->script_random, 0.4))
		sim_at(sim, sim->now + sim_below(&sim->script_random, 3 * SIM_MINUTE), weigh_as_before,
		       reference(sim, id));
}

/* A third goes, as many others come. */
static void rebuild(struct sim *sim, uint32_t service)
{
	uint32_t n = sim->services[service].member_count / 3;

	for (uint32_t i = 0; i < n; i++)
		daemon_remove(sim, sim->services[service].members[sim_below(&sim->script_random, n)]);
	for (uint32_t i = 0; i < n; i++)
		daemon_add(sim, service);
	rings_commit(sim, service);
}

/* ---- the whole */

static const struct {
	uint32_t share; /* of 100 */
	void (*run)(struct sim *sim, uint32_t service);
} events[] = {
	{17, drain},	  {9, drain_several}, {12, add},	{13, weigh},  {12, crash},
	{18, flap_short}, {6, flap_long},     {10, remove_one}, {3, rebuild},
};

static void any_event(struct sim *sim, uint32_t service)
{
	uint32_t draw = sim_below(&sim->script_random, 100), i = 0;

	while (draw >= events[i].share)
		draw -= events[i++].share;
	events[i].run(sim, service);
}

void script_open(struct sim *sim)
{
	uint64_t *r = &sim->script_random;

	*r = shunt_mix64(sim->seed ^ 0x5c1);
	for (uint32_t i = 0; i < MEMBERS_A + MEMBERS_B; i++)
		daemon_add(sim, i >= MEMBERS_A);
	for (uint32_t i = 0; i < SIM_SERVICES; i++)
		rings_commit(sim, i);
	for (uint32_t minute = FIRST_MINUTE; minute < LAST_MINUTE; minute++)
		sim_at(sim, minute * SIM_MINUTE + sim_below(r, SIM_MINUTE), any_event, sim_chance(r, 0.25));
	for (uint32_t i = 0; i < RESTARTS; i++)
		sim_at(sim, FIRST_MINUTE * SIM_MINUTE + sim_below(r, SIM_END - FIRST_MINUTE * SIM_MINUTE),
		       daemon_restart, 0);
}
