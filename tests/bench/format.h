/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs of the benchmark and those who load them agree on. */
#ifndef SHUNT_BENCH_FORMAT_H
#define SHUNT_BENCH_FORMAT_H

#include <linux/types.h>

#define BENCH_FRAME 64 /* bytes written at each run; a longer frame's others stay */

/* In which order flows come by. Each is a function of the run's number. */
enum bench_order {
	BENCH_UNIFORM,	/* drawn at random, all alike */
	BENCH_ZIPF,	/* the nth with a probability of about 1/n: the same within n = 2^k .. 2^(k+1)-1 */
	BENCH_SEQUENCE, /* each once: to be measured later */
};

struct bench_state {
	__u64 runs;	  /* so far */
	__u64 start, end; /* ns, at the beginnings of runs `warm` and `last` */
	__u64 warm, last;
	__u64 first;	 /* added to the run's number where the flow is made of it */
	__u32 frame_len; /* as it must be at each run's start */
	__u32 flows;
	__u32 services; /* each flow is of one of them: what is added to the destination address */
	__u32 is_v6;
	__u32 order;	     /* enum bench_order */
	__u32 octaves;	     /* BENCH_ZIPF: k < octaves */
	__u32 flow, service; /* of the last run */
	__u64 sink;	     /* touched with an atomic, which waits for the store buffer */
	__u64 frame[BENCH_FRAME / 8];
};

/* classic.bpf.c */
struct classic_key {
	__be32 addr[4]; /* IPv4: only [0] */
	__be16 port;
	__u8 proto, pad;
};

struct classic_vip {
	__u32 number; /* its ring begins at number * ring_size */
	__u32 flags;
};

struct classic_flow {
	__be32 src[4], dst[4];
	__be16 ports[2];
	__u32 proto;
};

struct classic_choice {
	__u32 backend;
	__u32 pad;
	__u64 seen; /* ns */
};

struct classic_counter {
	__u64 packets, bytes;
};

enum classic_counters { CLASSIC_ALL, CLASSIC_FOUND, CLASSIC_NEW, CLASSIC_PASSED, CLASSIC_COUNTERS };

#endif
