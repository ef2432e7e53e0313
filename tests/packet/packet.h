/* SPDX-License-Identifier: GPL-2.0 */
/* What the runner's parts share. */
#ifndef SHUNT_TESTS_PACKET_H
#define SHUNT_TESTS_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "lines.h"
#include "shunt/hash.h"
#include "shunt/maps.h"
#include "shunt/quic.h"
#include "shunt/reasons.h"
#include "shunt.skel.h" /* after the formats that its knobs and maps are made of */

enum { VIP_SLOTS = 512, RING = 251, DESTS = 64, SEED = 0x5eed, FRAME_MAX = 9216, SOURCES_MAX = 64, LAYOUTS = 4 };
enum { SOURCE_ENTRIES = 64 };
/* MIXED: a ring of destinations 1 to 4. ICMP_RATE: more than are ever sent. */
enum { MIXED = DESTS - 1, SALT = 0x1234, FRAGMENT_BUCKETS = 32, ICMP_RATE = 1000000 };
enum { QUIC_SLOTS = 256, QUIC_SERVICES = 16, CONN_BUCKETS = 8 };

struct frame {
	uint8_t byte[FRAME_MAX];
	size_t len;
};

struct row {
	char *name, *action, *counter;
	char *quic;		    /* how its backend is chosen by its connection id; NULL: not at all */
	struct frame in, out, mask; /* mask: bits that are not compared */
	bool has_out;
};

struct fixture {
	struct shunt_bpf *skel;
	struct shunt_control *control;
	struct shunt_vip *vips;
	struct shunt_dest *dests;
	uint64_t *rings;
	uint64_t *frags; /* entries, bucket by bucket */
	uint64_t *conns; /* likewise */
	uint32_t vip_count;
	struct shunt_vip vip[VIP_SLOTS];
	struct shunt_span *spans;
	struct shunt_range *ranges;
	struct shunt_quic_id *quic;
	struct shunt_quic_id quic_id[QUIC_SLOTS];
	size_t quic_id_count;
	/* per destination: outer sources and flow labels seen */
	uint64_t source[DESTS][SOURCES_MAX];
	size_t source_count[DESTS];
};

struct counts {
	struct shunt_counter dest[DESTS], reason[SHUNT_REASON_COUNT];
	uint64_t quic[SHUNT_QUIC_CHOICE_COUNT];
};

/* Say why the row fails; false. */
__attribute__((format(printf, 2, 3))) bool complain(const struct row *row, const char *fmt, ...);
void report(bool ok, const char *name); /* a test that is no row */
void die(const char *what);

/* fixture.c */
void fixture_load(struct fixture *f);
bool fixture_line(struct fixture *f, const char *line);			 /* is it one of the fixture's? */
uint32_t fixture_place(struct fixture *f, int layout, uint32_t attempt); /* the tables; returns the next attempt */
void *map_memory(const struct bpf_map *map);
struct shunt_vip *new_vip(struct fixture *f); /* room for an entry */
void ring_of(struct shunt_vip *vip, const char *dest);

/* packet.c */
size_t outer_at(const struct frame *frame); /* where its outer IP header begins */
void unhex(const char *text, struct frame *frame);
void parse_row(char *line, struct row *row); /* line: behind "row "; row points into it */
bool run_row(struct fixture *f, const struct row *row);
bool check_bytes(const struct row *row, const struct frame *got);
void read_counts(const struct fixture *f, struct counts *out);

/* match.c */
void match_size(struct shunt_bpf *skel);			   /* before it is loaded */
void match_open(struct fixture *f);				   /* after */
void match_add(struct fixture *f, const char *line);		   /* line: behind "match " */
void match_place(struct fixture *f, uint32_t half, bool in_force); /* after the VIPs; not in force: nothing */

/* fragment.c */
bool fragment_note(const char *line);	/* is it one of those that fragment_run() will run? */
size_t fragment_run(struct fixture *f); /* how many rows it has run */

/* conn.c */
bool conn_note(const char *line); /* is it one of those that conn_run() will run? */
void conn_size_maps(struct fixture *f);
void conn_open(struct fixture *f);
void conn_add_service(struct fixture *f, const char *line);
size_t conn_run(struct fixture *f); /* how many rows it has run */

/* probe.c */
bool probe_note(const char *line); /* is it one of those that probe_run() will run? */
size_t probe_run(struct fixture *f);

/* wake.c */
bool wake_note(const char *line); /* is it one of those that wake_run() will run? */
void wake_add(struct fixture *f, const char *line);
size_t wake_run(struct fixture *f);

/* quic.c */
void quic_size_maps(struct fixture *f); /* before they are loaded */
void quic_open(struct fixture *f);
void quic_add_service(struct fixture *f, const char *line);
void quic_add_id(struct fixture *f, const char *line);
void quic_place(struct fixture *f, uint32_t half);
void quic_read(const struct fixture *f, uint64_t choice[SHUNT_QUIC_CHOICE_COUNT]);
bool quic_check(const struct row *row, const uint64_t *before, const uint64_t *after);

/* icmp.c */
bool icmp_check_sum(const struct row *row, const struct frame *got);
void icmp_run_pairs(struct fixture *f, const struct lines *lines);
void icmp_check_limit(struct fixture *f, const char *line);

/* choice.c */
int destination_of(struct fixture *f, const char *hex);	      /* which one counts the frame; 0: none */
uint64_t slot_hash(const struct fixture *f, const char *hex); /* which its slot is from, as the daemon computes it */
/* Which one the flow's hash says, as the daemon computes it from the seed. A frame without options or extension headers. */
int destination_by_hash(const struct fixture *f, const char *hex);
void choice_run_spread(struct fixture *f, char *line);

#endif
