/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the packet fuzzer's parts share. A packet's way through them: made (packets_flow.c, packets_make.c), mutated (packets_mutate.c),
 * run through the loaded program (packets_world.c), read anew from the RFCs (packets_read.c); from that and the configuration follows what
 * must become of it (packets_expect.c), to which what came out is held (packets_check.c).
 *
 * A new header is made and read; a new reason is a fault in the reading, or an expectation; a new tunnel is a row of tunnels[] in
 * packets_config.c and a case in packets_tunnel.c; a new kind of VIP is drawn and found in packets_vips.c, what services
 * say of clients in packets_choice.c. What the program must remember from packet to packet, the expectation must remember, too
 * (packets_fragments.c). What others have told it before, of connections, is told anew for each packet (packets_conns.c).
 */
#ifndef SHUNT_TESTS_FUZZ_PACKETS_H
#define SHUNT_TESTS_FUZZ_PACKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "../../user/shuntd/model.h"
#include "shunt/hash.h"
#include "shunt/maps.h"
#include "shunt/reasons.h"

enum { ETHER = 14, TAG = 4, IPV4 = 20, IPV6 = 40 };			      /* header lengths */
enum { FRAME_MIN = ETHER, BUFFER_MAX = 3500, FRAME_MAX = 9200, ROOM = 9800 }; /* longer ones are in several buffers */

struct frame {
	uint8_t byte[ROOM];
	uint32_t len;
};

static inline uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

static inline void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

/* ---- randomness: all of it from one seed (packets_flow.c) */

void chance_seed(uint64_t seed);
uint64_t chance(void);

static inline uint32_t below(uint32_t n)
{
	return (chance() >> 32) * n >> 32;
}

static inline bool one_in(uint32_t n)
{
	return !below(n);
}

#define ANY(array) ((array)[below(sizeof(array) / sizeof((array)[0]))])

/* ---- the world: a configuration, the tables that the daemon's own code makes of it, and the program that reads them */

/* What follows the outer IP header. OUTER_NONE: there is not even that. */
enum behind { BEHIND_NOTHING, BEHIND_GUE0, BEHIND_GUE1, BEHIND_GRE, OUTER_NONE, BEHIND_COUNT };

/* A tunnel as the configuration asks for it, whatever the daemon's code makes of that. */
struct tunnel {
	const char *encap;	 /* its word there */
	uint8_t inside, outside; /* IPv4, IPv6 or (0) both */
	enum behind behind;
	uint16_t port; /* UDP */
};

/* What a destination's table entry says; all but SOUND are written over what the daemon wrote, which it would not do. */
enum soundness { SOUND, UNRESOLVED, NOT_IN_USE };

struct target {
	uint32_t id;
	enum soundness soundness;
	const struct model_dest *dest;
	const struct shunt_prefix *source;
	const struct tunnel *tunnel;
	bool is_open; /* its service's */
};

struct world {
	const struct model *model;
	struct target **targets; /* by service and backend, as in the model */
	struct shunt_hash_keys keys;
	uint32_t fragment_buckets; /* of the program's tables */
	uint32_t conn_buckets;
	uint64_t *rings, *conns; /* shared with the program: slots, and the entries of all buckets */
	struct shunt_dest *dests;
	uint32_t *ring_base; /* by service, as in the model */
};

enum { WITHOUT_BACKENDS = 1, WITHOUT_IPV4 = 9 }; /* services */
enum { SERVICES = 18, VIPS = 512, BACKENDS = 24, ADDRESSES = 10, DESTINATIONS = 128 };
extern struct shunt_addr world_backends[BACKENDS], world_addresses[ADDRESSES]; /* the latter: of VIPs */

/* packets_config.c. A tree for config_from_json(); destinations: its limit of them. The nexthop of struct model_inputs. */
json_t *draw_config(uint64_t seed, uint32_t destinations);
const struct nexthop *drawn_nexthop(void *arg, const struct shunt_addr *backend);
/* service: its name. */
const struct tunnel *drawn_tunnel(const char *service, const struct shunt_addr *backend);

/* packets_vips.c. VIPs as they are drawn, whatever the daemon's code makes of them: an address is a prefix of all its bits. */
struct drawn_vip {
	struct shunt_prefix prefix;
	uint16_t first, last; /* ports */
	uint8_t proto;
	int service;
};
extern struct drawn_vip drawn_vips[VIPS];
extern uint32_t drawn_vip_count;
void draw_vips(json_t *services);
bool drawn_quic(int service);					/* by connection id? */
bool drawn_echo(int service);					/* does it answer? */
bool drawn_carries(int service, const struct shunt_addr *addr); /* may it have such a VIP? */
const struct drawn_vip *find_vip(const struct shunt_addr *addr, uint16_t port, uint8_t proto); /* NULL: nobody's */
bool in_prefix(const uint8_t *at, const struct shunt_prefix *prefix);

const struct world *world_open(uint64_t seed); /* ends the process if it cannot */
bool world_unchanged(void);		       /* what only the daemon writes is still what it wrote */
void world_forget_fragments(void);	       /* as if no first fragment had ever come */
void world_sleeps(bool asleep);		       /* where nobody is there, somebody might wake; at first not */
void world_close(void);

const struct model_service *world_service(const struct world *w, const struct shunt_addr *addr, uint16_t port,
					  uint8_t proto);
const struct target *world_target(uint32_t id); /* NULL: there is none */
/* Is it the address of a VIP? *echo: of a service that answers. */
bool has_vip(const struct shunt_addr *addr, bool *echo);

/* packets_choice.c. Services by number. */
struct flow {
	struct shunt_addr src, dst;
	uint16_t sport, dport;
	uint8_t proto;
};
void draw_choice(json_t *object, int service); /* its hash and its sources */
bool is_open(int service);		       /* serves all, by the whole flow */
bool hashes_part(int service);		       /* only a part of the flow */
bool is_served(int service, const struct shunt_addr *source);
uint64_t hash_of(const struct shunt_hash_keys *keys, int service, uint32_t salt, const struct flow *flow);

/* What the program did. counter: SHUNT_REASON_*, or DESTINATION + id. */
#define DESTINATION 1000u
struct outcome {
	uint32_t action, counter;
	struct frame out;
};
/* may_tell: is there room for an ICMP error in the rate limit? NULL, or what is wrong with the counters. */
const char *world_run(const struct frame *in, bool may_tell, struct outcome *outcome);
const char *counter_name(uint32_t counter);

/* ---- making packets */

/* Where the headers begin; of those in an ICMP error's quote, too. */
enum part { PART_ETHER, PART_TAG, PART_IPV4, PART_IPV6, PART_EXTENSION, PART_PORTS, PART_ICMP };
struct marks {
	struct mark {
		enum part part;
		uint32_t at;
	} mark[40];
	uint32_t count;
};

void make_packet(const struct world *w, struct frame *frame, struct marks *marks);
struct shunt_addr make_address(bool is_v6); /* of anybody: VIPs, backends, clients, nobody */
struct flow make_flow(bool is_v6);	    /* of a client to a VIP, nearly always */
void mutate(struct frame *frame, const struct marks *marks, const struct frame *other);

/* ---- the oracle */

#define BIT(reason) (1ull << SHUNT_REASON_##reason)

enum fragment_kind { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_LATER };

/* faults: every reason for which the packet may be let go that its bytes give, whatever the order in which they are found. What is
 * behind a fault may be unread. */
struct reading {
	uint64_t faults;
	bool is_ip, is_v6, has_ports, has_options;
	uint32_t l3, l4, end; /* where in the frame; end: of the IP packet */
	uint8_t tos, ttl;
	struct flow flow;
	enum fragment_kind fragment;
	bool more;	       /* fragments are to come */
	uint32_t offset, data; /* in the datagram, and in the frame, where the fragment's data begins */
	uint32_t fragment_id;  /* as on the wire */
};
void read_frame(const struct frame *frame, struct reading *out);
/* The flow that the ICMP error, already read, is about. */
void read_quote(const struct frame *frame, const struct reading *error, struct reading *out);

/* Not folded: the one's complement sum of bytes, an odd one as if a zero followed. */
uint32_t sum_bytes(const uint8_t *at, uint32_t len, uint32_t sum);
uint16_t sum_fold(uint32_t sum);
/* Of an ICMP message with its pseudo-header, if it has one: 0xffff when its checksum is right. */
uint16_t sum_icmp(const uint8_t *ip, uint32_t header_len, uint32_t ip_len);

/* To be forwarded to target, if there is one; else counted under one of reasons. */
struct expectation {
	uint64_t reasons;
	const struct target *target;
	uint32_t told_mtu; /* if too_big_reply is among the reasons */
	bool by_cid;	   /* target: the one that a QUIC connection id names */
	bool may_be_early; /* a later fragment, whose first may be forgotten */
};
struct expectation expect(const struct world *w, const struct frame *in, const struct reading *r, bool may_tell);

/* packets_quic.c: whom the connection id of a UDP packet names, if he can take it; else NULL. */
const struct target *quic_target(const struct world *w, const struct model_service *service, const struct frame *in,
				 const struct reading *r);

/* packets_fragments.c: remember where a packet that fared as expected went, if it is a first fragment; is the first one of this
 * fragment's datagram remembered? *target: NULL if it went to no VIP. */
void fragments_note(const struct world *w, const struct reading *r, const struct expectation *e);
bool fragments_find(const struct world *w, const struct reading *r, const struct target **target);

/* packets_conns.c: what the slot and the entries of a packet's flow are, and where it may go for that. */
void draw_udp(json_t *services);							    /* after their VIPs */
void conns_prepare(const struct world *w, const struct frame *in, const struct reading *r); /* before it is run */
uint32_t conns_choices(const struct world *w); /* after that: how many there are */
void conns_try(uint32_t which);		       /* the one that the expectation is to name */
const struct target *conns_choice(const struct target *by_ring);
const char *conns_check(const struct world *w, bool is_forwarded); /* NULL, or what is wrong with slots and entries */
/* Another packet of the flow, that must go where this one went; false: there is none. */
bool conns_next(const struct frame *in, const struct reading *r, struct frame *next);
int conns_summary(bool enough); /* how much of what becomes of connections has not come up */
void conns_explain(void);	/* prints what was done before the packet */
void conns_restore(const struct world *w);

/* What putting it into the tunnel adds to an IP packet; the EtherType and the outer header's protocol that say what follows. */
uint32_t tunnel_overhead(const struct target *target);
uint16_t tunnel_ethertype(const struct target *target, bool carries_v6);
uint8_t tunnel_protocol(const struct target *target, bool carries_v6);
/* What is between the outer header and an IP packet of ip_len bytes: NULL, or what is wrong with it. */
const char *tunnel_check(const struct target *target, const uint8_t *at, bool carries_v6, uint32_t ip_len);
bool tunnel_ports_spread(void); /* UDP's source ports differed in all bits of the dynamic range, if there were any */

/* NULL, or what is wrong. */
const char *check(const struct frame *in, const struct reading *r, const struct expectation *e,
		  const struct outcome *got);

#endif
