/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The simulator: clients, backends, what befalls them, and a load balancer between them, in virtual time of milliseconds.
 *
 * Only the world is made up. What chooses a backend is what forwards packets (conn_rules.h), what changes a ring is what the daemon does
 * (anchor_rules.h, ring.c), and flows are hashed as they are hashed (hash.h). Beside it stand what others do: no state at all, and an entry
 * for every flow in a table that forgets the one that was quiet the longest.
 *
 * The workload is a function of the seed: every flow has random numbers of its own, and the script of changes has its own, so that all
 * algorithms are shown the same.
 */
#ifndef SIM_H
#define SIM_H

#include <stdio.h>

#include "../../user/lib/addr.h"
#include "world.h"

#define SIM_SECOND 1000u
#define SIM_MINUTE (60 * SIM_SECOND)
#define SIM_END (90 * SIM_MINUTE)
#define SIM_STILL UINT32_MAX
#define SIM_SMALL 0.5 /* the traffic's scale below which rings and tables are smaller, too */

enum sim_algorithm { SIM_RULES, SIM_RING, SIM_LRU, SIM_LRU_LIMITED };
enum sim_flood { FLOOD_NONE, FLOOD_SYN, FLOOD_ACK, FLOOD_BOTH };

/* Rules broken on purpose, to see that the simulator notices. */
enum sim_break {
	BREAK_NOTHING,
	BREAK_ANCHOR,  /* packets without an entry go to current */
	BREAK_FAIL,    /* FAIL is never set */
	BREAK_WINDOW,  /* windows last a minute */
	BREAK_RESTART, /* a restarted daemon takes windows for over */
	BREAKS
};

struct sim_case {
	enum sim_algorithm algorithm;
	uint32_t entries;
	enum sim_flood flood;
	enum sim_break broken;
	bool is_in_batches; /* changes wait for room in the table */
};

/* What became of flows, and of ICMP errors. The first three are never to happen by these rules. */
#define SIM_LOSSES(X)                                                                         \
	X(ESTABLISHED, "established, backend alive and never reported down")                  \
	X(HANDSHAKE, "handshake, backend alive and never reported down")                      \
	X(GRACE, "TCP, backend alive but reported down, within the grace")                    \
	X(ICMP, "ICMP errors to another backend than the flow's")                             \
	X(COLLISION, "another flow's entry was taken for the flow's own")                     \
	X(REPORTED, "backend alive but reported down for longer than the grace")              \
	X(DIED, "backend really died")                                                        \
	X(DEADLINE, "cut off by the drain deadline")                                          \
	X(SPURIOUS, "SYN sent again although the first had been answered")                    \
	X(HALF_CLOSED, "half-closed and then quiet for 30 to 118 s, in a table without room") \
	X(UDP_DOWN, "UDP `keep` that moved after its backend was reported down")              \
	X(UDP_TRACK, "UDP `track` that moved")
enum sim_loss {
#define X(name, text) LOSS_##name,
	SIM_LOSSES(X)
#undef X
		LOSS_COUNT
};

struct sim_span {
	uint32_t count;
	uint32_t max; /* ms */
	uint64_t sum;
};

struct sim_result {
	uint64_t losses[LOSS_COUNT];
	uint64_t tcp_flows, udp_flows;
	uint64_t packets, flood_packets; /* of flows; of floods */
	uint64_t dirty, read;		 /* packets of flows in dirty slots; those that touched the table */
	uint64_t counts[SHUNT_CONN_COUNT_MAX], flood_counts[SHUNT_CONN_COUNT_MAX];
	uint64_t entries_sum, samples;
	uint32_t entries_max;
	struct sim_span slots_free; /* from a drain's beginning until no slot named the backend */
	struct sim_span drain_over; /* until nothing did */
	uint32_t drains, drains_cut, drains_cancelled;
};

/* From when a backend starts until it dies: connections belong to a life. */
struct sim_life {
	bool has_died;
	uint32_t down, dead,
		cut; /* ms when it was last reported down, held for dead by that, past its deadline; 0: never */
};

/* By destination id. */
struct sim_backend {
	struct shunt_addr addr;
	uint32_t weight;
	uint32_t life;
	uint32_t down_since;
	uint32_t drain_since; /* 0: is not being drained */
	bool is_alive;
	bool is_healthy; /* so it is reported */
	bool is_member;	 /* configured */
	bool is_draining;
	bool is_cut;
	bool slots_are_free;
	bool is_unnamed; /* by the last sweep */
};

struct sim_service {
	uint32_t salt;
	uint32_t idle; /* s */
	uint32_t members[256], member_count;
	uint32_t *wanted; /* by slot: destination */
	uint32_t due;	  /* when slots are looked at again, if that is to come */
	uint32_t prepared, moved;
	uint32_t entries[SHUNT_CONN_STATES]; /* that the sweep met */
	double density;			     /* of them, for a moved slot; 0: not known */
};

struct sim;
struct sim_action {
	uint32_t at;
	uint32_t arg;
	void (*run)(struct sim *sim, uint32_t arg);
};

struct sim_sweep {
	uint32_t epoch; /* of the daemon's process: what an earlier one began is not gone on with */
	uint32_t chunk, entries;
	uint8_t *settled, *met; /* by slot */
	uint8_t *empty;		/* by pair of buckets: sweeps in a row that found it empty, at most 1 */
	uint8_t named[SIM_DESTINATIONS];
};

struct flow;
struct sim_lru;
struct sim {
	struct sim_case c;
	uint64_t seed;
	double scale; /* of the traffic; 1: the long form's */
	uint32_t now; /* ms */
	struct conn_world world;
	struct shunt_hash_keys keys;
	struct sim_backend backends[SIM_DESTINATIONS];
	struct sim_life *lives;
	uint32_t life_count, next_addr;
	struct sim_service services[SIM_SERVICES];
	uint32_t slot_count;
	uint32_t *since; /* by slot: when its preparation or its window began */
	struct sim_sweep sweep;
	struct sim_lru *lru;
	uint32_t limit_second, limit_used;
	struct sim_action *actions;
	uint32_t action_count, action_room;
	uint64_t script_random, flood_random, arrival_random;
	struct flow **wheel; /* by ms: flows that do something then */
	struct flow *spare;
	double arrivals[8]; /* by kind of flow: when the next one comes */
	uint64_t flow_number;
	double flood_due;
	struct sim_result result;
	FILE *trace; /* where losses that must not be are told; NULL: nowhere */
};

static inline uint64_t sim_random(uint64_t *state)
{
	return shunt_mix64(*state += 0x9e3779b97f4a7c15ull);
}

/* 0 to n - 1 */
static inline uint32_t sim_below(uint64_t *state, uint32_t n)
{
	return (uint32_t)((sim_random(state) >> 32) * n >> 32);
}

static inline bool sim_chance(uint64_t *state, double p)
{
	return (double)(sim_random(state) >> 11) * 0x1p-53 < p;
}

double sim_exponential(uint64_t *state, double mean);

/* sim.c */
struct sim_result sim_run(const struct sim_case *c, uint64_t seed, double scale, FILE *trace);
void sim_at(struct sim *sim, uint32_t when, void (*run)(struct sim *sim, uint32_t arg), uint32_t arg);

/* choose.c: a packet's backend, 0 for none. */
void choose_open(struct sim *sim);
void choose_close(struct sim *sim);
__u64 *choose_slot(const struct sim *sim, uint32_t service, uint64_t hash);
uint32_t choose(struct sim *sim, uint32_t service, uint64_t hash, enum conn_kind kind);
uint32_t choose_for_icmp(struct sim *sim, uint32_t service, uint64_t hash, enum conn_kind kind);
bool choose_is_collision(struct sim *sim, uint64_t hash);

/* lru.c: every flow has an entry, until there is no more room; 0: none. */
struct sim_lru *lru_new(uint32_t entries);
void lru_free(struct sim_lru *lru);
uint32_t lru_get(struct sim_lru *lru, uint64_t hash);
void lru_put(struct sim_lru *lru, uint64_t hash, uint32_t dest);
uint32_t lru_used(const struct sim_lru *lru);

/* daemon.c: what is asked of the daemon, and told to it. */
void daemon_open(struct sim *sim);
void daemon_close(struct sim *sim);
uint32_t daemon_add(struct sim *sim, uint32_t service);
void daemon_remove(struct sim *sim, uint32_t id);
void daemon_drain(struct sim *sim, uint32_t id);
void daemon_undrain(struct sim *sim, uint32_t id);
void daemon_report(struct sim *sim, uint32_t id, bool is_healthy);
void daemon_restart(struct sim *sim, uint32_t unused);
uint32_t daemon_new_life(struct sim *sim, uint32_t id);

/* rings.c: make the ring what it now should be; and go on with what takes time. */
void rings_commit(struct sim *sim, uint32_t service);
void rings_step(struct sim *sim, uint32_t service);

/* sweep.c */
void sweep_open(struct sim *sim);
void sweep_close(struct sim *sim);
void sweep_begin(struct sim *sim, uint32_t epoch);

/* script.c */
void script_open(struct sim *sim);

/* traffic.c: arrivals and floods of this millisecond. */
void traffic_open(struct sim *sim);
void traffic_close(struct sim *sim);
void traffic_step(struct sim *sim);

/* side.c: two small experiments on their own. */
void side_collisions(FILE *out, uint64_t seed, uint32_t lookups);
void side_refusals(FILE *out, uint64_t seed);

#endif
