/* SPDX-License-Identifier: GPL-2.0 */
/*
 * flood: sends packets of one kind to a VIP, from ever new sources or of so many flows in turn, as fast as one CPU makes them, for a while. Frames
 * go straight out of an interface (BPF_PROG_TEST_RUN on live frames; for a veth they arrive at its peer, which must run an XDP program or have
 * GRO). Run it in the interface's network namespace. TCP and UDP checksums are 0: nobody is to get these packets but a balancer.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/addr.h"
#include "flood.h"
#include "flood.skel.h"
#include "shunt/maps.h"

enum { BATCH = 64, CHUNK = 1 << 16, TARGETS = 2 };

static struct {
	struct shunt_addr to[TARGETS];
	unsigned int to_count, port, seconds, packets, seed, flows, ifindex;
	uint8_t mac[6];
	bool is_udp;
	__be32 flags; /* as tcp_flag_word() has them */
} wanted = {.seconds = 1, .packets = UINT32_MAX};

static int usage(void)
{
	fputs("usage: flood --dev IFACE --mac MAC --to ADDR [--to ADDR] --port PORT --kind syn|ack|synack|udp\n"
	      "             [--seconds N] [--packets N] [--seed N] [--flows N]\n"
	      "MAC: of the interface at the other end. Several targets take turns. The flows are those of the seed, "
	      "beginning with the first.\n",
	      stderr);
	return 2;
}

static int kind_parse(const char *text)
{
	if (!strcmp(text, "syn"))
		wanted.flags = TCP_FLAG_SYN;
	else if (!strcmp(text, "ack"))
		wanted.flags = TCP_FLAG_ACK;
	else if (!strcmp(text, "synack"))
		wanted.flags = TCP_FLAG_SYN | TCP_FLAG_ACK;
	else if (!strcmp(text, "udp"))
		wanted.is_udp = true;
	else
		return -EINVAL;
	return 0;
}

static int option_parse(int option, const char *text)
{
	switch (option) {
	case 'd':
		wanted.ifindex = if_nametoindex(text);
		return wanted.ifindex ? 0 : -ENODEV;
	case 'm':
		return mac_parse(text, wanted.mac);
	case 't':
		return wanted.to_count < TARGETS ? addr_parse(text, &wanted.to[wanted.to_count++]) : -EINVAL;
	case 'p':
		return number_parse(text, 1, 65535, &wanted.port);
	case 'k':
		return kind_parse(text);
	case 's':
		return number_parse(text, 1, 3600, &wanted.seconds);
	case 'n':
		return number_parse(text, 1, UINT32_MAX, &wanted.packets);
	case 'r':
		return number_parse(text, 0, UINT32_MAX, &wanted.seed);
	case 'f':
		return number_parse(text, 1, UINT32_MAX, &wanted.flows);
	default:
		return -EINVAL;
	}
}

static int options_parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"dev", required_argument, NULL, 'd'},	   {"mac", required_argument, NULL, 'm'},
		{"to", required_argument, NULL, 't'},	   {"port", required_argument, NULL, 'p'},
		{"kind", required_argument, NULL, 'k'},	   {"seconds", required_argument, NULL, 's'},
		{"packets", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 'r'},
		{"flows", required_argument, NULL, 'f'},   {}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?' || option_parse(option, optarg)) {
			if (option != '?')
				fprintf(stderr, "flood: %s: not a value of its option\n", optarg);
			return -EINVAL;
		}
	}
	return wanted.ifindex && wanted.to_count && wanted.port && (wanted.flags || wanted.is_udp) && optind == argc
		       ? 0
		       : -EINVAL;
}

/* The checksum as the program wants it: with a source of 0.0.0.0, which is what is in the template. */
static uint16_t header_checksum(const struct iphdr *ip)
{
	const uint16_t *word = (const uint16_t *)ip;
	uint32_t sum = 0;

	for (size_t i = 0; i < sizeof(*ip) / 2; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void frame_make(struct flood_state *state, const struct shunt_addr *to)
{
	struct ethhdr eth = {.h_source = {2, 0, 0, 0, 0, 0xf1}};
	struct tcphdr tcp = {.dest = htons((uint16_t)wanted.port), .doff = 5, .window = htons(64240)};
	struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .daddr = to->word[0]};
	struct ip6_hdr ip6 = {.ip6_flow = htonl(6u << 28), .ip6_plen = htons(sizeof(tcp))};
	/* As long as the other: with 12 bytes of payload. */
	struct udphdr udp = {.dest = tcp.dest, .len = ip6.ip6_plen};
	char *at = (char *)state->frame;

	memset(state->frame, 0, sizeof(state->frame));
	memcpy(eth.h_dest, wanted.mac, sizeof(eth.h_dest));
	state->is_udp = wanted.is_udp;
	state->is_v6 = to->family == SHUNT_FAMILY_IPV6;
	eth.h_proto = htons(state->is_v6 ? ETH_P_IPV6 : ETH_P_IP);
	at = mempcpy(at, &eth, sizeof(eth));
	ip.tot_len = htons(sizeof(ip) + sizeof(tcp));
	ip.protocol = ip6.ip6_nxt = wanted.is_udp ? IPPROTO_UDP : IPPROTO_TCP;
	ip.check = header_checksum(&ip);
	ip6.ip6_hlim = 64;
	memcpy(&ip6.ip6_dst, to->word, sizeof(ip6.ip6_dst));
	if (state->is_v6)
		at = mempcpy(at, &ip6, sizeof(ip6));
	else
		at = mempcpy(at, &ip, sizeof(ip));
	tcp_flag_word(&tcp) |= wanted.flags;
	if (wanted.is_udp)
		memcpy(at, &udp, sizeof(udp));
	else
		memcpy(at, &tcp, sizeof(tcp));
}

static double seconds_since(const struct timespec *from)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - from->tv_sec) + (double)(now.tv_nsec - from->tv_nsec) / 1e9;
}

/* Runs chunks until the time or the packets are over. */
static int run(int program, struct flood_state *state)
{
	char frame[FLOOD_FRAME6] = {};
	struct timespec from;
	int error = 0;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (unsigned int turn = 0; !error && state->sent < wanted.packets && seconds_since(&from) < wanted.seconds;
	     turn++) {
		uint64_t left = wanted.packets - state->sent;
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .repeat = (int)(left < CHUNK ? left : CHUNK),
			    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

		frame_make(state, &wanted.to[turn % wanted.to_count]);
		opts.data_size_in = state->is_v6 ? FLOOD_FRAME6 : FLOOD_FRAME4;
		error = bpf_prog_test_run_opts(program, &opts);
	}
	printf("%llu packets in %.6f s\n", (unsigned long long)state->sent, seconds_since(&from));
	return error;
}

int main(int argc, char **argv)
{
	struct flood_bpf *skel;
	struct flood_state *state;
	int error;

	if (options_parse(argc, argv))
		return usage();
	skel = flood_bpf__open_and_load();
	if (!skel) {
		fprintf(stderr, "flood: the program cannot be loaded: %s\n", strerror(errno));
		return 1;
	}
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(skel->maps.state), 0);
	if (state == MAP_FAILED) {
		fprintf(stderr, "flood: mmap: %s\n", strerror(errno));
		flood_bpf__destroy(skel);
		return 1;
	}
	state->ifindex = wanted.ifindex;
	state->seed = wanted.seed;
	state->flows = wanted.flows;
	error = run(bpf_program__fd(skel->progs.flood), state);
	if (error)
		fprintf(stderr, "flood: a run on live frames failed: %s\n", strerror(-error));
	flood_bpf__destroy(skel);
	return error ? 1 : 0;
}
