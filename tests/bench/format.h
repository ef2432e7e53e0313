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

/* A piece of the run is `last` packets for one program. A round is a piece for each; the program that is first in it rotates. */
struct bench_state {
	/* the plan */
	__u32 targets;
	__u32 warm, last; /* of each piece's packets: from which to which it is timed */
	__u32 frame_len;  /* as it must be before each packet */
	__u32 flows;
	__u32 services; /* each flow is of one of them: what is added to the destination address */
	__u32 is_v6;
	__u32 order;   /* enum bench_order */
	__u32 octaves; /* BENCH_ZIPF: k < octaves */
	/* how far it is */
	__u32 piece, target, at; /* at: in the piece */
	__u32 flow, service;	 /* of the last packet */
	__u64 first;		 /* packets of a program so far */
	__u64 start;		 /* ns, at the beginning of what is timed */
	__u64 sink;		 /* touched with an atomic, which waits for the store buffer */
	__u64 frame[BENCH_FRAME / 8];
};

/* What came of a piece: how long it took, and its last packet. */
#define BENCH_PIECES 8192
#define BENCH_OUT 104
struct bench_piece {
	__u64 ns;
	__u32 len;
	__u32 flow, service;
	__u32 pad;
	__u64 out[BENCH_OUT / 8]; /* its beginning: as many words as it has, at most IPv6 in IPv6 up to the ports */
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
