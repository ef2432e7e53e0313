/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of connections: a service whose backends can be told from each other, TCP flows to it through the real program, and
 * the words of slots and entries as the maps have them.
 */
#ifndef TEST_DATAPATH_FLOWS_H
#define TEST_DATAPATH_FLOWS_H

#include "datapath_fixture.h"
#include "../../user/shuntd/datapath_priv.h"

enum { SLOTS = 13, IDLE_S = 30, NOBODY = -1 };
#define WINDOW_MS ((IDLE_S + 16) * 1000u) /* the least that a window may last */
#define SWEEP_MS 5000u
#define PREP_MS 3000u
#define GRACE_MS 20000u

#define SYN 2
#define ACK 16
#define FIN_ACK 17
#define RST 4

struct bench {
	struct config_limits limits;
	struct fixture f;
	struct datapath *dp;
	struct model *m;
	struct shunt_hash_keys keys;
};

/* Maps, a daemon, and a service "x0" of SLOTS slots, applied: slot i is backend i's, modulo the backends. */
void bench_open(struct bench *b, size_t backends);
void bench_open_sized(struct bench *b, size_t backends, uint32_t slots, uint32_t connections);
void bench_close(struct bench *b);
/* Another daemon, which knows what the maps say. */
void bench_restart(struct bench *b);

/* The service's ring to be: every slot as choose says of it. Not applied. */
void ring_to(struct bench *b, uint32_t (*choose)(const struct bench *b, uint32_t slot));
/* As after bench_open(), but without the backends that are not up. */
void ring_of_those_up(struct bench *b);

struct shunt_addr backend_addr(uint32_t backend);
uint32_t id_of(const struct bench *b, uint32_t backend);
uint64_t word_of(const struct bench *b, uint32_t slot);
void set_word(struct bench *b, uint32_t slot, uint64_t word);
/* A moved slot's word, in its window. */
uint64_t moved_word(const struct bench *b, uint32_t current, uint32_t anchor);
uint64_t clean_word(const struct bench *b, uint32_t backend);

/* A packet of the flow from this port, at the time that the daemon has: which backend it is sent to, or NOBODY. */
int sends(struct bench *b, uint16_t port, uint8_t flags);
uint32_t slot_of(const struct bench *b, uint16_t port);
/* A port whose flow is in the slot, the n-th of them. */
uint16_t port_in(const struct bench *b, uint32_t slot, uint32_t n);
/* A flow's entry; NULL: it has none. */
uint64_t *entry_of(const struct bench *b, uint16_t port);
/* Give a flow an entry, made so many ticks ago. */
uint64_t *put_entry(struct bench *b, uint16_t port, uint32_t id, enum shunt_conn_state state, uint32_t age);
/* In the whole table. */
uint64_t count_entries(const struct bench *b);

/* Connections that are alive. */
enum { FLOWS = 60 };
struct flow {
	uint16_t port;
	int backend;
};
/* From this port on. */
void begin_flows(struct bench *b, struct flow *flows, uint16_t first);
/* All are with the backends that they began with. None has an entry in a slot that is clean. */
void flows_go_on(struct bench *b, const struct flow *flows);
/* As flows_go_on(), but those of this backend, which is gone, are now with another. */
void flows_go_on_without(struct bench *b, const struct flow *flows, int backend);

/* Until this is so, for at most max_ms of the daemon's clock; how long it took. */
uint64_t until(struct bench *b, bool (*is_so)(const struct bench *b), uint64_t max_ms);
/* A sweep, from its beginning to its end, now. */
void sweeps(struct bench *b);

#endif
