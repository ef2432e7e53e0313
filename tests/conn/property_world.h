/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by property_world.c, in which things happen, and property_watch.c, which looks whether they might. */
#ifndef TEST_CONN_PROPERTY_WORLD_H
#define TEST_CONN_PROPERTY_WORLD_H

#include "property.h"

/* A connection, as its client and its server know it. */
struct flow {
	__u64 hash;
	enum conn_kind kind; /* of its packets in the middle */
	__u32 owner;	     /* 0: there is none, or nothing is promised */
	bool confirmed, closing;
	bool recorded; /* its beginning has an entry */
	bool squeezed; /* there has been no room beside it since its latest packet */
	__u32 seen;    /* tick of that */
};

extern struct property_world {
	struct conn_world world;
	__u64 slots[SLOTS], ways[BUCKETS_MAX * SHUNT_CONN_WAYS];
	__u8 states[DESTS];
	bool configured[DESTS];
	__u32 since[DESTS]; /* of the state */
	__u64 seed;
	struct flow flows[FLOWS];
	/* The daemon's memory. */
	__u32 window[SLOTS], prepared[SLOTS];
	/* What is watched: what was there when it was last looked at, and whose packet it is since (-1: nobody's). */
	__u64 slots_before[SLOTS], ways_before[BUCKETS_MAX * SHUNT_CONN_WAYS];
	int flow;
	enum conn_kind packet;
	__u64 picks;	    /* so many */
	__u32 quiet[SLOTS]; /* tick since when the window has been open and without FAIL */
	char why[200];
} t;

static inline bool is_live(__u32 dest)
{
	return dest && conn_is_live(t.states[dest]);
}

static inline bool is_dead(__u32 dest)
{
	return !dest || conn_is_dead(t.states[dest]);
}

static inline __u32 slot_of(__u32 tag)
{
	return shunt_tag_slot(tag, SLOTS);
}

static inline __u32 way_count(void)
{
	return t.world.buckets * SHUNT_CONN_WAYS;
}

/* t.flow's packet went to dest. */
void delivered(enum conn_kind kind, __u32 dest);
/* Look at what has happened since the last time. */
void watch(void);

#endif
