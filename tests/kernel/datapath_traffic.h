/* SPDX-License-Identifier: GPL-2.0 */
/* Packets through the real program while a test changes the maps under it. */
#ifndef TEST_DATAPATH_TRAFFIC_H
#define TEST_DATAPATH_TRAFFIC_H

#include <pthread.h>

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/udp.h>

#include "datapath_fixture.h"

static inline void make_packet(uint8_t frame[64], const struct shunt_addr *to, uint16_t from_port)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 50, 0, 0, 0, 0, 64, 6};
	static const uint8_t tcp[] = {0, 80, 0, 0, 0, 0, 0, 0, 0, 0, 0x50, 2};
	uint16_t port = htons(from_port);

	memset(frame, 0, 64);
	memcpy(frame, head, sizeof(head));
	memcpy(frame + 26, "\xc6\x33\x64\x01", 4);
	memcpy(frame + 30, &to->word[0], 4);
	memcpy(frame + 34, &port, 2);
	memcpy(frame + 36, tcp, sizeof(tcp));
}

struct udp_frame {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	uint8_t rest[22];
} __attribute__((packed));

/* To the first VIP of the fixture's models, from source, in host order. */
static inline struct udp_frame udp_from(uint32_t source)
{
	struct udp_frame frame = {
		.eth.h_proto = htons(ETH_P_IP),
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP, .tot_len = htons(50)},
		.udp = {.source = htons(9), .dest = htons(1), .len = htons(30)},
	};

	frame.ip.saddr = htonl(source);
	frame.ip.daddr = fixture_addr(0, false).word[0];
	return frame;
}

/* Runs the real program without end, in a thread of its own. */
struct traffic {
	const struct fixture *f;
	struct shunt_addr to;
	bool stop; /* atomic */
	uint64_t sent, forwarded;
};

static inline void *run_traffic(void *arg)
{
	struct traffic *t = arg;
	uint8_t in[64], out[256];
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = sizeof(in), .data_out = out);

	while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) {
		make_packet(in, &t->to, 1024 + t->sent);
		run.data_size_out = sizeof(out);
		if (bpf_prog_test_run_opts(bpf_program__fd(t->f->skel->progs.shunt_xdp), &run))
			break;
		t->sent++;
		t->forwarded += run.retval == XDP_TX || run.retval == XDP_REDIRECT;
	}
	return NULL;
}

#endif
