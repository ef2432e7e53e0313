/* SPDX-License-Identifier: GPL-2.0 */
/* What scenarios make their first states of: `now` is empty then. */
#ifndef TEST_CONN_EXPLORE_FIRST_H
#define TEST_CONN_EXPLORE_FIRST_H

#include "explore.h"

enum { W = 1, X, Y, Z };   /* backends: mostly, slots move from Y to Z */
enum { F, G, H, I, J, K }; /* flows */

static inline void all_up(void)
{
	for (int i = W; i <= Z; i++)
		now.states[i] = SHUNT_DEST_UP;
}

static inline void slot(__u32 at, __u32 current, __u32 anchor, __u64 flags)
{
	all_up();
	now.slots[at] = (__u64)current | (__u64)anchor << SHUNT_SLOT_ANCHOR_SHIFT | SHUNT_SLOT_DIRTY | flags;
}

static inline void flow(int at, __u32 in_slot, __u32 home, enum conn_kind kind, __u32 owner)
{
	__u32 tag = conn_tag_of_slot(&world, in_slot) + 1 + (__u32)at;

	now.flows[at] = (struct flow){conn_hash(tag, home), kind, (__u8)owner, owner != 0, 0, now.clock};
}

/* An entry of this age (ticks), of a flow that was seen then, or just now. */
static inline void entry(int way, int of, __u32 dest, enum shunt_conn_state state, __u32 age)
{
	__u32 tag = shunt_flow_tag(now.flows[of].hash);

	now.ways[way] = shunt_conn_entry(tag, dest, state, now.clock - age);
	now.slots[shunt_tag_slot(tag, SLOTS)] |= shunt_slot_filter(tag);
}

static inline void gone(__u32 age)
{
	for (int i = 0; i < WAYS; i++)
		if (!now.ways[i])
			now.ways[i] = shunt_conn_gone(now.clock - age);
}

/* Fill what is left with entries that nobody may take, of flows that nobody watches. */
static inline void full(void)
{
	for (int i = 0; i < WAYS; i++) {
		__u32 tag = conn_tag_of_slot(&world, 1) + 100 + (__u32)i;

		if (now.ways[i])
			continue;
		now.ways[i] = shunt_conn_entry(tag, W, SHUNT_CONN_EST, now.clock);
		now.slots[1] |= shunt_slot_filter(tag);
	}
}

#endif
