/* SPDX-License-Identifier: GPL-2.0 */
/* One run: the clock, and what is due. */
#include <math.h>
#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "sim.h"

/* So that the time in entries begins anew in the midst of a run. */
#define FIRST_TICK 14000u

double sim_exponential(uint64_t *state, double mean)
{
	return -mean * log(1.0 - (double)(sim_random(state) >> 11) * 0x1p-53);
}

/* ---- actions: a binary heap by time; of the same millisecond, in any order that is always the same */

static bool is_before(const struct sim_action *a, const struct sim_action *b)
{
	return a->at < b->at;
}

static void swap(struct sim_action *a, struct sim_action *b)
{
	struct sim_action t = *a;

	*a = *b;
	*b = t;
}

void sim_at(struct sim *sim, uint32_t when, void (*run)(struct sim *sim, uint32_t arg), uint32_t arg)
{
	struct sim_action *a;
	uint32_t i = sim->action_count++;

	if (sim->action_count > sim->action_room) {
		sim->action_room = 2 * sim->action_count;
		sim->actions = xreallocarray(sim->actions, sim->action_room, sizeof(*sim->actions));
	}
	a = sim->actions;
	a[i] = (struct sim_action){when, arg, run};
	for (; i && is_before(&a[i], &a[(i - 1) / 2]); i = (i - 1) / 2)
		swap(&a[i], &a[(i - 1) / 2]);
}

static struct sim_action take_first(struct sim *sim)
{
	struct sim_action *a = sim->actions, first = a[0];
	uint32_t n = --sim->action_count, i = 0, child;

	a[0] = a[n];
	while ((child = 2 * i + 1) < n) {
		if (child + 1 < n && is_before(&a[child + 1], &a[child]))
			child++;
		if (!is_before(&a[child], &a[i]))
			break;
		swap(&a[i], &a[child]);
		i = child;
	}
	return first;
}

static void set_time(struct sim *sim, uint32_t now)
{
	sim->now = now;
	sim->world.now = FIRST_TICK + (uint32_t)((now + 1000ull) * 1000000 >> SHUNT_CONN_TICK_SHIFT);
}

static void step(struct sim *sim)
{
	while (sim->action_count && sim->actions[0].at <= sim->now) {
		struct sim_action action = take_first(sim);

		action.run(sim, action.arg);
	}
	traffic_step(sim);
}

struct sim_result sim_run(const struct sim_case *c, uint64_t seed, double scale, FILE *trace)
{
	struct sim *sim = xcalloc(1, sizeof(*sim));
	struct sim_result result;

	sim->c = *c;
	sim->seed = seed;
	sim->scale = scale;
	sim->trace = trace;
	shunt_hash_derive(&sim->keys, seed);
	set_time(sim, 0);
	daemon_open(sim);
	choose_open(sim);
	script_open(sim);
	traffic_open(sim);
	for (uint32_t now = 0; now < SIM_END; now++) {
		set_time(sim, now);
		step(sim);
	}
	result = sim->result;
	traffic_close(sim);
	choose_close(sim);
	daemon_close(sim);
	free(sim->actions);
	free(sim);
	return result;
}
