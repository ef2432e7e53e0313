/* SPDX-License-Identifier: GPL-2.0 */
/* Flows arrive (Poisson), wait on a wheel of milliseconds for what they do next, and leave. Floods come on top. */
#include <netinet/in.h>
#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "flow.h"

#define TCP_FLOWS 2000000.0
#define KEEP_FLOWS 250000.0
#define KEEP_B_FLOWS 125000.0
#define TRACK_FLOWS 125000.0
#define FLOOD_RATE 50		       /* times the packets of the flows */
#define FLOW_PACKETS_PER_SECOND 5000.0 /* about what the long form has */
#define FLOOD_TIME (2 * SIM_MINUTE)

static const uint32_t flood_starts[] = {20 * SIM_MINUTE, 55 * SIM_MINUTE};

static double mean_interval(const struct sim *sim, enum flow_kind kind)
{
	static const double flows[FLOW_KINDS] = {TCP_FLOWS, KEEP_FLOWS, KEEP_B_FLOWS, TRACK_FLOWS};

	return SIM_END / (flows[kind] * sim->scale);
}

static uint64_t hash_of(const struct sim *sim, uint32_t source, uint16_t port, uint32_t service, uint8_t proto)
{
	__be32 src = __builtin_bswap32(source), dst = __builtin_bswap32(0xc6336400 + service);
	uint32_t ports = __builtin_bswap16(port) | (uint32_t)__builtin_bswap16(443) << 16;

	return shunt_flow_hash(&sim->keys, &src, &dst, ports, sim->services[service].salt ^ proto, 0);
}

static void wait_for(struct sim *sim, struct flow *flow, uint32_t wait)
{
	uint32_t at = sim->now + wait;

	if (!wait || at >= SIM_END) {
		flow->next = sim->spare;
		sim->spare = flow;
		return;
	}
	flow->next = sim->wheel[at];
	sim->wheel[at] = flow;
}

/* Sources of flows are below 2^31, each its own; those of floods are not. */
static void arrive(struct sim *sim, enum flow_kind kind)
{
	uint64_t number = sim->flow_number++, random = shunt_mix64(sim->seed + number * 0x9e3779b97f4a7c15ull);
	struct flow *flow = sim->spare;

	if (flow)
		sim->spare = flow->next;
	else
		flow = xcalloc(1, sizeof(*flow));
	*flow = (struct flow){.random = random};
	flow_open(sim, flow, kind);
	flow->hash = hash_of(sim, (uint32_t)(number * 0x9e3779b1u) & 0x7fffffff, (uint16_t)sim_random(&random),
			     flow_service(flow), kind == FLOW_TCP ? IPPROTO_TCP : IPPROTO_UDP);
	wait_for(sim, flow, flow_run(sim, flow));
}

static bool is_flooded(const struct sim *sim)
{
	for (uint32_t i = 0; i < sizeof(flood_starts) / sizeof(*flood_starts); i++)
		if (sim->now - flood_starts[i] < FLOOD_TIME)
			return true;
	return false;
}

static void flood(struct sim *sim)
{
	uint64_t *r = &sim->flood_random;

	sim->flood_due += FLOOD_RATE * FLOW_PACKETS_PER_SECOND * sim->scale / SIM_SECOND;
	sim->world.counts = sim->result.flood_counts;
	for (; sim->flood_due >= 1; sim->flood_due--) {
		uint64_t draw = sim_random(r);
		uint64_t hash = hash_of(sim, (uint32_t)draw | 1u << 31, (uint16_t)(draw >> 32), 0, IPPROTO_TCP);
		bool is_syn = sim->c.flood == FLOOD_SYN || (sim->c.flood == FLOOD_BOTH && draw >> 63);

		choose(sim, 0, hash, is_syn ? CONN_OPEN : CONN_DATA);
		sim->result.flood_packets++;
	}
	sim->world.counts = sim->result.counts;
}

void traffic_open(struct sim *sim)
{
	sim->wheel = xcalloc(SIM_END, sizeof(*sim->wheel));
	sim->flood_random = shunt_mix64(sim->seed ^ 0xf100d);
	sim->arrival_random = shunt_mix64(sim->seed ^ 0xa221);
	for (int kind = 0; kind < FLOW_KINDS; kind++)
		sim->arrivals[kind] = sim_exponential(&sim->arrival_random, mean_interval(sim, kind));
}

void traffic_close(struct sim *sim)
{
	while (sim->spare) {
		struct flow *flow = sim->spare;

		sim->spare = flow->next;
		free(flow);
	}
	free(sim->wheel);
}

void traffic_step(struct sim *sim)
{
	struct flow *flow = sim->wheel[sim->now];

	if (sim->c.flood != FLOOD_NONE && is_flooded(sim))
		flood(sim);
	for (int kind = 0; kind < FLOW_KINDS; kind++)
		for (; sim->arrivals[kind] < sim->now;
		     sim->arrivals[kind] += sim_exponential(&sim->arrival_random, mean_interval(sim, kind)))
			arrive(sim, kind);
	while (flow) {
		struct flow *next = flow->next;

		wait_for(sim, flow, flow_run(sim, flow));
		flow = next;
	}
}
