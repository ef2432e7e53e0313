// SPDX-License-Identifier: GPL-2.0
/*
 * The benchmark's driver: restores the packet's geometry, writes a fresh header, and tail-calls the program under test through a
 * constant index, which the JIT turns into a direct jump. The clock is read in here, at the first and after the last timed packet of a piece, and
 * here the next program gets its turn, since BPF_PROG_TEST_RUN itself waits for grace periods, which on a busy machine take longer than what
 * is measured. What this costs is measured with an empty program and subtracted.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "format.h"

/* A flow's number: its low bits are added to the source port, the others to the source address's last word. */
enum { PORT_BITS = 14, PORT_MASK = (1 << PORT_BITS) - 1 };
enum { SRC4_AT = 26, DST4_AT = 30, PORT4_AT = 34, SRC6_AT = 34, DST6_AT = 50, PORT6_AT = 54 };

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_state);
} state SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, BENCH_PIECES);
	__type(key, __u32);
	__type(value, struct bench_piece);
} pieces SEC(".maps");

static __always_inline __u64 mix(__u64 n)
{
	n *= 0x9e3779b97f4a7c15ull;
	n ^= n >> 32;
	n *= 0xbf58476d1ce4e5b9ull;
	return n ^ n >> 29;
}

static __always_inline __u32 next_flow(const struct bench_state *s, __u64 run)
{
	__u64 random = mix(run);
	__u32 octave, flow;

	if (s->order == BENCH_SEQUENCE)
		return run % s->flows;
	if (s->order == BENCH_UNIFORM)
		return (random >> 32) * s->flows >> 32;
	octave = (random >> 32) * s->octaves >> 32 & 31;
	flow = (1u << octave) - 1 + ((__u32)random & ((1u << octave) - 1));
	return flow < s->flows ? flow : flow - s->flows;
}

static __always_inline void write_header(void *data, struct bench_state *s)
{
	for (int i = 0; i < BENCH_FRAME / 8; i++)
		((__u64 *)data)[i] = s->frame[i];
	if (s->is_v6) {
		*(__u32 *)(data + SRC6_AT) += bpf_htonl(s->flow >> PORT_BITS);
		*(__u32 *)(data + DST6_AT) += bpf_htonl(s->service);
		*(__u16 *)(data + PORT6_AT) += bpf_htons(s->flow & PORT_MASK);
	} else {
		*(__u32 *)(data + SRC4_AT) += bpf_htonl(s->flow >> PORT_BITS);
		*(__u32 *)(data + DST4_AT) += bpf_htonl(s->service);
		*(__u16 *)(data + PORT4_AT) += bpf_htons(s->flow & PORT_MASK);
	}
}

static __always_inline long frame_len(const struct xdp_md *ctx)
{
	long len = (void *)(long)ctx->data_end - (void *)(long)ctx->data;

	asm volatile("" : "+r"(len)); /* or clang subtracts 32-bit pointers, which the verifier refuses */
	return len;
}

/* A piece is over: what came of its last packet lies in the frame. */
static __always_inline void next_piece(const struct xdp_md *ctx, struct bench_state *s)
{
	const void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 number = s->piece, round;
	struct bench_piece *piece = bpf_map_lookup_elem(&pieces, &number);

	if (!piece || !s->targets)
		return;
	piece->ns = bpf_ktime_get_ns() - s->start;
	piece->len = frame_len(ctx);
	piece->flow = s->flow;
	piece->service = s->service;
	for (int i = 0; i < BENCH_OUT / 8 && data + 8 * (i + 1) <= end; i++)
		piece->out[i] = ((const __u64 *)data)[i];
	number = ++s->piece;
	round = number / s->targets;
	s->target = (round + number % s->targets) % s->targets;
	s->first = (__u64)round * s->last;
	s->at = 0;
}

static __always_inline int restore(struct xdp_md *ctx, struct bench_state *s)
{
	void *data, *end;

	/* Take off what the last program put in front. */
	if (bpf_xdp_adjust_head(ctx, (int)frame_len(ctx) - (int)s->frame_len))
		return -1;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + BENCH_FRAME > end)
		return -1;
	write_header(data, s);
	return 0;
}

#define CALL(n)                                  \
	case n:                                  \
		bpf_tail_call(ctx, &targets, n); \
		break

SEC("xdp.frags")
int bench_driver(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct bench_state *s = bpf_map_lookup_elem(&state, &zero);

	if (!s)
		return XDP_ABORTED;
	if (s->at == s->last)
		next_piece(ctx, s);
	if (s->at == s->warm)
		s->start = bpf_ktime_get_ns();
	s->flow = next_flow(s, s->first + s->at++);
	s->service = (__u64)(s->flow * 0x9e3779b1u) * s->services >> 32;
	if (restore(ctx, s))
		return XDP_ABORTED;
	__sync_fetch_and_add(&s->sink, 1);
	switch (s->target) {
		CALL(0);
		CALL(1);
		CALL(2);
		CALL(3);
		CALL(4);
		CALL(5);
		CALL(6);
		CALL(7);
	}
	return XDP_ABORTED;
}

/* What nothing can beat: a fixed outer header, no lookups. */
SEC("xdp.frags")
int bench_floor(struct xdp_md *ctx)
{
	static const volatile __u64 outer[5] = {1, 2, 3, 4, 5};
	void *data, *end;

	if (bpf_xdp_adjust_head(ctx, -20))
		return XDP_ABORTED;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if (data + 34 > end)
		return XDP_ABORTED;
	for (int i = 0; i < 4; i++)
		((__u64 *)data)[i] = outer[i];
	*(__u16 *)(data + 32) = outer[4];
	return XDP_TX;
}

SEC("xdp.frags")
int bench_empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

char _license[] SEC("license") = "GPL";
