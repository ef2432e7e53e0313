/* SPDX-License-Identifier: GPL-2.0 */
/* The packets: those that go in, and what has to come out. */
#include <string.h>

#include <arpa/inet.h>
#include <linux/bpf.h>

#include "bench.h"

enum { ETH = 14, GUE_PORT = 6080, TTL = 64, PORT_BITS = 14, PORT_MASK = (1 << PORT_BITS) - 1 };

/* Service n has the nth address behind this one. */
static const uint8_t vip4[] = {198, 18, 0, 0}, client4[] = {10, 1, 0, 0};
static const uint8_t vip6[16] = {0x20, 1, 0x0d, 0xb8, [13] = 1}, client6[16] = {0x20, 1, 0x0d, 0xb8, 0, 1};
/* Of backends with IPv6 addresses: the IPv4 address follows. */
static const uint8_t backend6[12] = {0x20, 1, 0x0d, 0xb8, 0, 0x0b};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = value >> 8;
	at[1] = (uint8_t)value;
}

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) << 16 | get16(at + 2);
}

uint32_t frame_make(const struct workload *w, uint8_t flags, uint8_t frame[FRAME_MAX], struct bench_state *s)
{
	uint32_t l4 = ETH + (w->is_v6 ? 40 : 20), least = l4 + 20, len = w->frame_len ? w->frame_len : least;

	memset(frame, 0, FRAME_MAX);
	put16(frame + 12, w->is_v6 ? 0x86dd : 0x0800);
	if (w->is_v6) {
		frame[14] = 0x60;
		put16(frame + 18, len - l4);
		frame[20] = w->proto;
		frame[21] = TTL;
		memcpy(frame + 22, client6, sizeof(client6));
		memcpy(frame + 38, vip6, sizeof(vip6));
	} else {
		frame[14] = 0x45;
		put16(frame + 16, len - ETH);
		frame[22] = TTL;
		frame[23] = w->proto;
		memcpy(frame + 26, client4, sizeof(client4));
		memcpy(frame + 30, vip4, sizeof(vip4));
	}
	frame[l4] = 0x20;
	put16(frame + l4 + 2, w->port);
	put16(frame + l4 + 4, len - l4); /* UDP's length; of TCP a part of the sequence number */
	frame[l4 + 12] = 0x50;
	frame[l4 + 13] = flags;
	s->is_v6 = w->is_v6;
	s->frame_len = len < BENCH_FRAME ? BENCH_FRAME : len; /* Ethernet pads */
	memcpy(s->frame, frame, BENCH_FRAME);
	return s->frame_len;
}

/* Others' programs may have the same backends for all services. */
static bool is_backend(const struct workload *w, const struct outcome *o, uint32_t addr)
{
	uint32_t first = BACKEND_NET + 1, own = first + o->service * w->world.backends;

	return addr - own < w->world.backends || (o->is_pinned && addr - first < w->world.backends);
}

static const char *check_outer4(const struct workload *w, const struct outcome *o, const uint8_t *ip, uint32_t len)
{
	uint32_t sum = 0;
	uint8_t proto = w->port == PORT_GUE ? IPPROTO_UDP : w->is_v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;

	for (int i = 0; i < 20; i += 2)
		sum += get16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	if ((sum & 0xffff) + (sum >> 16) != 0xffff)
		return "the outer header's checksum";
	if (ip[0] != 0x45 || ip[9] != proto || get16(ip + 2) != len || ip[8] < 2)
		return "the outer header";
	if (!is_backend(w, o, get32(ip + 16)))
		return "the destination, which is no backend of the service";
	return w->port == PORT_GUE && (get16(ip + 22) != GUE_PORT || get16(ip + 24) != len - 20) ? "GUE's header"
												 : NULL;
}

static const char *check_outer6(const struct workload *w, const struct outcome *o, const uint8_t *ip, uint32_t len)
{
	if (ip[0] >> 4 != 6 || get16(ip + 4) != len - 40 || ip[6] != IPPROTO_IPV6 || ip[7] < 2)
		return "the outer header";
	if (memcmp(ip + 24, backend6, sizeof(backend6)) || !is_backend(w, o, get32(ip + 36)))
		return "the destination, which is no backend of the service";
	return NULL;
}

/* Of what was sent: the driver's frame, with this flow in it. */
static const char *check_inner(const struct workload *w, const struct outcome *o, const struct bench_state *s,
			       const uint8_t *ip)
{
	uint32_t dst = w->is_v6 ? 24 : 16, src = w->is_v6 ? 8 : 12, ports = w->is_v6 ? 40 : 20;
	const uint8_t *sent = (const uint8_t *)s->frame + ETH;
	uint32_t last = w->is_v6 ? 12 : 0;

	if (get32(ip + dst + last) != get32(sent + dst + last) + o->service ||
	    get32(ip + src + last) != get32(sent + src + last) + (o->flow >> PORT_BITS))
		return "the packet's addresses";
	if (get16(ip + ports) != get16(sent + ports) + (o->flow & PORT_MASK) || get16(ip + ports + 2) != w->port)
		return "the packet's ports";
	return NULL;
}

const char *frame_check(const struct workload *w, const struct outcome *o, const struct bench_state *s)
{
	const uint8_t *sent = (const uint8_t *)s->frame, *ip = o->frame + ETH;
	uint32_t inner_len = w->is_v6 ? 40 + get16(sent + 18) : get16(sent + 16);
	bool by_v6 = o->is_pinned && w->is_v6 && get16(o->frame + 12) == 0x86dd;
	uint32_t more = w->port == PORT_NONE ? 0 : by_v6 ? 40 : w->port == PORT_GUE ? 28 : 20;
	const char *wrong = NULL;

	if (o->len != s->frame_len + more)
		return "the length";
	if (more)
		wrong = (by_v6 ? check_outer6 : check_outer4)(w, o, ip, inner_len + more);
	return wrong ? wrong : check_inner(w, o, s, ip + more);
}

const char *frame_check_action(const struct workload *w, uint32_t action)
{
	return action == (w->port == PORT_NONE ? XDP_PASS : XDP_TX) ? NULL : "the action";
}
