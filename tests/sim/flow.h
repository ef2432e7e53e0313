/* SPDX-License-Identifier: GPL-2.0 */
/* A client's connection, or its flow of UDP, as the simulator knows it: only what the client sends passes the load balancer. */
#ifndef SIM_FLOW_H
#define SIM_FLOW_H

#include "sim.h"

enum flow_kind { FLOW_TCP, FLOW_KEEP, FLOW_KEEP_B, FLOW_TRACK, FLOW_KINDS };

/* What it does next. */
enum flow_step {
	STEP_SYN,
	STEP_SYN_AGAIN, /* although an answer is underway */
	STEP_ACK,
	STEP_DATA,
	STEP_ICMP,
	STEP_LAST_ACK,
	STEP_HALF_CLOSED,
	STEP_DATAGRAM,
};

struct flow {
	struct flow *next; /* of the same millisecond, or spare */
	uint64_t hash;
	uint64_t random;
	uint32_t start, end; /* ms */
	uint32_t life;	     /* of the backend that has it; 0: none yet */
	uint32_t mean_gap;
	uint32_t wait; /* after this ICMP error */
	uint16_t rtt;
	uint8_t kind; /* enum flow_kind */
	uint8_t step; /* enum flow_step */
	uint8_t tries;
	bool is_established, is_spurious, is_half_closed, was_moved_by_report;
};

static inline uint32_t flow_service(const struct flow *flow)
{
	return flow->kind >= FLOW_KEEP_B;
}

/* flow.c: the packet that is due now. Returns ms until the next one; 0: the flow is over. */
void flow_open(struct sim *sim, struct flow *flow, enum flow_kind kind);
uint32_t flow_run(struct sim *sim, struct flow *flow);

/* judge.c. Did the packet come to the backend that has the flow? If not, it is known why, and counted. */
bool judge(struct sim *sim, struct flow *flow, uint32_t dest);
void judge_icmp(struct sim *sim, struct flow *flow, uint32_t dest);

#endif
