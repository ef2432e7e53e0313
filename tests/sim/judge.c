/* SPDX-License-Identifier: GPL-2.0 */
/* A packet that came to another backend than its flow's: whose fault is that? */
#include "flow.h"

/* Was it so at any time since the flow began? */
static bool was_since(uint32_t when, const struct flow *flow)
{
	return when && when >= flow->start;
}

static enum sim_loss blame_udp(struct sim *sim, struct flow *flow, const struct sim_life *life)
{
	if (flow->kind == FLOW_TRACK)
		return LOSS_UDP_TRACK;
	if (was_since(life->down, flow) || flow->was_moved_by_report) {
		flow->was_moved_by_report = true;
		return LOSS_UDP_DOWN;
	}
	return choose_is_collision(sim, flow->hash) ? LOSS_COLLISION : LOSS_ESTABLISHED;
}

static enum sim_loss blame(struct sim *sim, struct flow *flow)
{
	const struct sim_life *life = &sim->lives[flow->life];

	if (life->has_died)
		return LOSS_DIED;
	if (was_since(life->cut, flow))
		return LOSS_DEADLINE;
	if (was_since(life->dead, flow))
		return LOSS_REPORTED;
	if (flow->kind != FLOW_TCP)
		return blame_udp(sim, flow, life);
	if (flow->is_spurious && !flow->is_established)
		return LOSS_SPURIOUS;
	if (choose_is_collision(sim, flow->hash))
		return LOSS_COLLISION;
	if (flow->is_half_closed)
		return LOSS_HALF_CLOSED;
	if (was_since(life->down, flow))
		return LOSS_GRACE;
	return flow->is_established ? LOSS_ESTABLISHED : LOSS_HANDSHAKE;
}

static const char *const loss_names[] = {
#define X(name, text) #name,
	SIM_LOSSES(X)
#undef X
};

static void tell(struct sim *sim, const struct flow *flow, uint32_t dest, enum sim_loss loss)
{
	const struct sim_backend *b = &sim->backends[dest];
	__u64 word = *choose_slot(sim, flow_service(flow), flow->hash);

	if (!sim->trace || loss > LOSS_COLLISION || sim->c.algorithm != SIM_RULES)
		return;
	fprintf(sim->trace,
		"%s at %.3f s: kind %u, step %u, begun at %.3f s; life %u, sent to %u (life %u, state %u); "
		"slot %u: current %u, anchor %u, flags %x\n",
		loss_names[loss], sim->now / 1e3, flow->kind, flow->step, flow->start / 1e3, flow->life, dest, b->life,
		sim->world.state[dest],
		shunt_tag_slot(shunt_flow_tag(flow->hash), sim->world.ring_size[flow_service(flow)]),
		shunt_slot_current(word), shunt_slot_anchor(word), (unsigned int)(word >> 40 & 15));
}

bool judge(struct sim *sim, struct flow *flow, uint32_t dest)
{
	enum sim_loss loss;

	if (sim->backends[dest].life == flow->life && !sim->lives[flow->life].has_died)
		return true;
	loss = blame(sim, flow);
	tell(sim, flow, dest, loss);
	sim->result.losses[loss]++;
	return false;
}

void judge_icmp(struct sim *sim, struct flow *flow, uint32_t dest)
{
	enum sim_loss loss;

	if (sim->backends[dest].life == flow->life)
		return;
	loss = blame(sim, flow);
	if (loss <= LOSS_GRACE || loss == LOSS_HALF_CLOSED) {
		tell(sim, flow, dest, LOSS_ICMP);
		sim->result.losses[LOSS_ICMP]++;
	}
}
