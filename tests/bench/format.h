/* SPDX-License-Identifier: GPL-2.0 */
/* What bench.c and driver.bpf.c agree on. */
#ifndef SHUNT_BENCH_FORMAT_H
#define SHUNT_BENCH_FORMAT_H

#include <linux/types.h>

#define BENCH_FRAME 64 /* bytes written at each run; an IPv6 frame is longer, its tail stays */

struct bench_state {
	__u64 runs;	  /* so far */
	__u64 start, end; /* ns, at the start of runs 0 and `measured` */
	__u64 measured;	  /* how many runs are timed */
	__u32 frame_len;  /* as it must be at each run's start */
	__u32 flows;	  /* flow number = a permutation of the run's number, modulo this */
	__u32 is_v6;
	__u32 first; /* added to the run's number where the flow is made of it */
	__u64 sink;  /* touched with an atomic, which waits for the store buffer */
	__u64 frame[BENCH_FRAME / 8];
};

#endif
