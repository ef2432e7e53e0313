/* SPDX-License-Identifier: GPL-2.0 */
/* The benchmark's parts: what is run (workloads), on what (worlds), by what (targets), and what came out (results). */
#ifndef SHUNT_BENCH_H
#define SHUNT_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <bpf/libbpf.h>
#include <jansson.h>

#include "format.h"

/* What the VIPs of service 0 have on their ports. Other services have only the first. */
enum {
	PORT_PLAIN = 80,
	PORT_NONE = 81,	   /* nothing: not for a VIP */
	PORT_GUE = 82,	   /* the tunnel is GUE */
	PORT_SOURCE = 83,  /* hash: source */
	PORT_MOVED = 84,   /* a part of the ring has moved, and all flows there have their entries */
	PORT_FLOOD = 85,   /* all of the ring has moved, and every packet is a SYN that nobody has seen */
	PORT_TURN = 86,	   /* round-robin: all flows have entries */
	PORT_RANGE = 8080, /* in a range of ports of a prefix */
};

/* Of a workload: what the maps hold. Equal ones are filled once. */
struct world {
	uint32_t services, backends; /* of each */
	uint32_t ring_size;
	uint32_t moved; /* percent of PORT_MOVED's ring */
};

struct workload {
	const char *name;
	struct world world;
	bool is_v6;
	uint8_t proto;
	uint16_t port;
	uint32_t flows;
	uint32_t frame_len; /* 0: as short as can be */
	double limit;	    /* at most so many times the floor; 0: none is set */
	double x;	    /* in a curve */
	bool is_full;	    /* the connection table is, to begin with */
	bool is_zipf;
};

struct curve {
	const char *name, *what; /* what: x is */
	const struct workload *points;
	size_t count;
};

extern const struct workload workloads[];
extern const size_t workload_count;
extern const struct curve curves[];
extern const size_t curve_count;

/* Programs under test. */
struct target {
	const char *name;
	const char *path; /* of an object file, or of a pinned program; NULL: built in */
	int fd;		  /* of the program; -1: it cannot do the workload at hand */
	int (*open)(struct target *t, const struct world *world); /* returns the program's fd; NULL: always the same */
	void (*close)(struct target *t);
	bool (*can)(const struct target *t, const struct workload *w);
	void (*begin)(struct target *t, const struct workload *w); /* before a workload; NULL: nothing is to be done */
	uint64_t (*refused)(const struct target *t); /* packets so far that were not forwarded. NULL: not counted */
	bool checks;				     /* its output is looked at */
	bool is_pinned; /* somebody else's: backends may be the same for all services, and IPv6 may go to IPv6 addresses */
	void *world;	/* its maps */
};

extern const struct target shunt_target, classic_target;
enum { CONN_BUCKETS = 1 << 19 };

/* options.c: the command line. */
enum { TARGETS_MAX = 8, PINNED_MAX = 4 };
struct options {
	int rounds, runs, warm, cpu; /* cpu: -1: the last one */
	const char *pattern, *curve, *json, *object, *pinned[PINNED_MAX], *dispatcher;
	int pinned_count, pinned_services;
	bool no_classic, list;
};
/* Ends the process where an option is not understood. */
void options_parse(struct options *opt, int argc, char **argv);

/* dispatcher.c: the program's fd, of libxdp's object. It lives as long as the process. */
int dispatcher_open(const char *path);

/* frames.c: a frame of the workload; its first BENCH_FRAME bytes also into the driver's state. Returns its length. */
enum { FRAME_MAX = 2048, BACKEND_NET = 10 << 24, TCP_SYN = 2, TCP_ACK = 16 };
uint32_t frame_make(const struct workload *w, uint8_t flags, uint8_t frame[FRAME_MAX], struct bench_state *s);
struct outcome {
	const uint8_t *frame; /* BENCH_OUT bytes of it */
	uint32_t len, flow, service;
	bool is_pinned; /* what others' programs may do: struct target */
};
/* Is it what must come of the frame? NULL, or what is wrong. */
const char *frame_check(const struct workload *w, const struct outcome *o, const struct bench_state *s);
const char *frame_check_action(const struct workload *w, uint32_t action);

/* report.c */
struct result {
	const char *target;
	double *ns; /* of each round, net of the empty program's; sorted */
	int rounds;
	double least; /* in the fastest tenth of its runs, net of the same of the empty program's */
};
void report_head(void);
/* more: of two builds, what the built-in one costs more, by round; NULL: there is no other. */
void report(json_t *out, const struct workload *w, const struct curve *curve, const struct result *results, int count,
	    struct result *more);
json_t *report_begin(int argc, char **argv);

/* world.c */
__attribute__((noreturn)) void die(const char *what);
struct bpf_map *find_map(const struct bpf_object *obj, const char *name);

#endif
