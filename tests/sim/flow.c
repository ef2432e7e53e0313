/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What clients do. TCP: a handshake, in which packets are lost and sent again after 1 s and 3 s; data, with gaps that may be nearly as
 * long as the idle timeout; an end by FIN or RST, or none; now and then the same four-tuple anew. UDP: only data. Routers send an ICMP error
 * about a flow now and then, always while the flow is quiet.
 */
#include "flow.h"

#define LOSS 0.01 /* of SYNs before and behind the load balancer, of their answers, and of the ACK */
#define TRIES 5

/* Flows live this long and send this often. Means: 70 s for TCP and, of the web service, for UDP. */
static const struct pace {
	double share, life, gap; /* s */
} paces[] = {
	{0.55, 3, 0.6}, {0.30, 30, 4}, {0.12, 300, 20}, {0.03, 0, 40}, /* up to the whole run */
};

static uint32_t ms(double s)
{
	return (uint32_t)(s * SIM_SECOND) + 1;
}

void flow_open(struct sim *sim, struct flow *flow, enum flow_kind kind)
{
	uint64_t *r = &flow->random;
	double share = (sim_random(r) >> 11) * 0x1p-53;
	uint32_t i = 0, life;

	while (i + 1 < sizeof(paces) / sizeof(*paces) && share >= paces[i].share)
		share -= paces[i++].share;
	life = paces[i].life > 0 ? ms(sim_exponential(r, paces[i].life)) : sim_below(r, SIM_END);
	flow->kind = (uint8_t)kind;
	flow->start = sim->now;
	flow->end = sim->now + life;
	flow->mean_gap = ms(paces[i].gap);
	flow->rtt = (uint16_t)(5 + sim_exponential(r, 60));
	if (flow->rtt > 900)
		flow->rtt = 900;
	if (sim_chance(r, 0.001))
		flow->rtt = (uint16_t)(1100 + sim_below(r, 1300));
	flow->step = kind == FLOW_TCP ? STEP_SYN : STEP_DATAGRAM;
	if (kind == FLOW_TCP)
		sim->result.tcp_flows++;
	else
		sim->result.udp_flows++;
}

static uint32_t pass(struct sim *sim, struct flow *flow, enum conn_kind kind)
{
	struct sim_result *result = &sim->result;
	bool is_dirty = *choose_slot(sim, flow_service(flow), flow->hash) & SHUNT_SLOT_DIRTY;

	result->packets++;
	sim->world.has_read = false;
	if (sim->c.algorithm == SIM_RULES) {
		uint32_t dest = choose(sim, flow_service(flow), flow->hash, kind);

		result->dirty += is_dirty;
		result->read += sim->world.has_read;
		return dest;
	}
	result->read += sim->c.algorithm != SIM_RING;
	return choose(sim, flow_service(flow), flow->hash, kind);
}

/* Longest silence, 10 s below the idle timeout. */
static uint32_t longest_gap(const struct sim *sim, const struct flow *flow)
{
	return (sim->services[flow_service(flow)].idle - 10) * SIM_SECOND;
}

static uint32_t gap(struct sim *sim, struct flow *flow)
{
	uint32_t longest = longest_gap(sim, flow), wait;

	if (flow->mean_gap > 10 * SIM_SECOND && sim_chance(&flow->random, 0.06))
		wait = longest / 10 + sim_below(&flow->random, longest - longest / 10);
	else
		wait = 1 + (uint32_t)sim_exponential(&flow->random, flow->mean_gap);
	return wait > longest ? longest : wait;
}

/* ---- TCP */

static uint32_t syn_again(struct flow *flow)
{
	if (flow->tries >= TRIES)
		return 0;
	flow->step = STEP_SYN;
	return SIM_SECOND << (flow->tries++);
}

static uint32_t send_syn(struct sim *sim, struct flow *flow)
{
	uint64_t *r = &flow->random;
	uint32_t dest;

	if (sim_chance(r, LOSS))
		return syn_again(flow);
	dest = pass(sim, flow, CONN_OPEN);
	if (!dest || !sim->backends[dest].is_alive || sim_chance(r, 2 * LOSS))
		return syn_again(flow);
	flow->life = sim->backends[dest].life;
	if (flow->rtt > SIM_SECOND && flow->tries == 0) {
		flow->is_spurious = true;
		flow->step = STEP_SYN_AGAIN;
		return SIM_SECOND;
	}
	flow->step = STEP_ACK;
	/* The ACK may be lost; the server then sends its SYN+ACK again. */
	return flow->rtt + (sim_chance(r, LOSS) ? SIM_SECOND : 0);
}

static uint32_t send_syn_again(struct sim *sim, struct flow *flow)
{
	pass(sim, flow, CONN_OPEN);
	flow->step = STEP_ACK;
	return flow->rtt - SIM_SECOND;
}

/* One in a hundred uses its ports again, soon. */
static uint32_t over(struct sim *sim, struct flow *flow)
{
	uint64_t hash = flow->hash, random = flow->random;

	if (!sim_chance(&random, 0.01))
		return 0;
	*flow = (struct flow){.hash = hash, .random = random};
	flow_open(sim, flow, FLOW_TCP);
	flow->end += 30 * SIM_SECOND;
	return SIM_SECOND + sim_below(&flow->random, 29 * SIM_SECOND);
}

static uint32_t close_flow(struct sim *sim, struct flow *flow)
{
	uint32_t way = sim_below(&flow->random, 100);

	if (way < 10) /* the client is gone */
		return over(sim, flow);
	if (!judge(sim, flow, pass(sim, flow, way < 20 ? CONN_RESET : CONN_CLOSE)))
		return 0;
	if (way < 20)
		return over(sim, flow);
	flow->step = way < 97 ? STEP_LAST_ACK : STEP_HALF_CLOSED;
	flow->tries = 4;
	return flow->rtt;
}

/* Something that the server still has to say takes long: a silence of half a minute to two, which is told apart. */
static uint32_t half_closed(struct sim *sim, struct flow *flow)
{
	if (!judge(sim, flow, pass(sim, flow, CONN_DATA)))
		return 0;
	if (--flow->tries)
		return SIM_SECOND + sim_below(&flow->random, 28 * SIM_SECOND);
	flow->is_half_closed = true;
	flow->step = STEP_LAST_ACK;
	return 30 * SIM_SECOND + sim_below(&flow->random, 88 * SIM_SECOND);
}

static uint32_t send_data(struct sim *sim, struct flow *flow)
{
	uint32_t wait;

	if (!judge(sim, flow, pass(sim, flow, CONN_DATA)))
		return 0;
	flow->is_established = true;
	flow->step = STEP_DATA;
	wait = gap(sim, flow);
	if (wait > SIM_SECOND && sim_chance(&flow->random, 0.01)) {
		flow->step = STEP_ICMP;
		flow->wait = wait / 2;
		return wait - wait / 2;
	}
	return wait;
}

/* ---- UDP */

static uint32_t send_datagram(struct sim *sim, struct flow *flow)
{
	bool is_track = flow->kind == FLOW_TRACK;
	uint32_t dest = pass(sim, flow, is_track ? CONN_TRACK : CONN_KEEP), wait;
	__u64 word = *choose_slot(sim, flow_service(flow), flow->hash);

	/* Where the anchor is reported down and there is no room, its flows go by the ring until it is up again. */
	flow->was_moved_by_report |= sim->world.state[shunt_slot_anchor(word)] == SHUNT_DEST_DOWN;
	if (!dest)
		return 0;
	if (flow->life && !judge(sim, flow, dest))
		flow->start = sim->now;
	flow->life = sim->backends[dest].life;
	wait = gap(sim, flow);
	if (wait > SIM_SECOND && sim_chance(&flow->random, 0.01)) {
		flow->step = STEP_ICMP;
		flow->wait = wait / 2;
		return wait - wait / 2;
	}
	return sim->now >= flow->end ? 0 : wait;
}

static uint32_t send_icmp(struct sim *sim, struct flow *flow)
{
	enum conn_kind kind = flow->kind == FLOW_TCP ? CONN_DATA : flow->kind == FLOW_TRACK ? CONN_TRACK : CONN_KEEP;
	uint32_t dest = choose_for_icmp(sim, flow_service(flow), flow->hash, kind);

	judge_icmp(sim, flow, dest);
	flow->step = flow->kind == FLOW_TCP ? STEP_DATA : STEP_DATAGRAM;
	return flow->wait;
}

uint32_t flow_run(struct sim *sim, struct flow *flow)
{
	switch ((enum flow_step)flow->step) {
	case STEP_SYN:
		return send_syn(sim, flow);
	case STEP_SYN_AGAIN:
		return send_syn_again(sim, flow);
	case STEP_ACK:
		return send_data(sim, flow);
	case STEP_DATA:
		return sim->now < flow->end ? send_data(sim, flow) : close_flow(sim, flow);
	case STEP_ICMP:
		return send_icmp(sim, flow);
	case STEP_LAST_ACK:
		judge(sim, flow, pass(sim, flow, CONN_DATA));
		return over(sim, flow);
	case STEP_HALF_CLOSED:
		return half_closed(sim, flow);
	case STEP_DATAGRAM:
		return send_datagram(sim, flow);
	}
	return 0;
}
