/* SPDX-License-Identifier: GPL-2.0 */
/* Which destination a frame goes to, and which it should, by the hash inputs of its service. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "packet.h"

struct flow {
	__be32 src[4], dst[4];
	uint16_t port[2]; /* as on the wire */
	uint8_t proto;
	bool is_v6;
};

int destination_of(struct fixture *f, const char *hex)
{
	struct frame in;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in.byte);
	struct counts before, after;
	int found = 0;

	unhex(hex, &in);
	opts.data_size_in = in.len;
	read_counts(f, &before);
	if (bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.shunt_xdp), &opts))
		die("test run");
	read_counts(f, &after);
	for (int i = 1; i < DESTS; i++)
		if (after.dest[i].packets != before.dest[i].packets)
			found = i;
	return found;
}

static struct flow flow_of(const char *hex)
{
	struct flow flow = {};
	struct frame in;

	unhex(hex, &in);
	flow.is_v6 = in.byte[12] == 0x86;
	flow.proto = in.byte[flow.is_v6 ? 20 : 23];
	memcpy(flow.src, in.byte + (flow.is_v6 ? 22 : 26), flow.is_v6 ? 16 : 4);
	memcpy(flow.dst, in.byte + (flow.is_v6 ? 38 : 30), flow.is_v6 ? 16 : 4);
	memcpy(flow.port, in.byte + (flow.is_v6 ? 54 : 34), sizeof(flow.port));
	return flow;
}

/* One that no VIP of one port has is in a range, and those are of services that hash the whole flow. */
static const struct shunt_vip *vip_of(const struct fixture *f, const struct flow *flow)
{
	static const struct shunt_vip plain;

	for (uint32_t i = 0; i < f->vip_count; i++)
		if (f->vip[i].proto == flow->proto && f->vip[i].port == flow->port[1] &&
		    !memcmp(f->vip[i].addr, flow->dst, sizeof(flow->dst)))
			return &f->vip[i];
	return &plain;
}

/* Bit by bit: not how the program does it. */
static void keep_bits(uint8_t *bytes, uint32_t len, uint32_t bits)
{
	for (uint32_t bit = bits; bit < len * 8; bit++)
		bytes[bit / 8] &= ~(0x80 >> bit % 8);
}

uint64_t slot_hash(const struct fixture *f, const char *hex)
{
	struct flow flow = flow_of(hex);
	uint32_t inputs = vip_of(f, &flow)->flags & SHUNT_HASH_INPUTS, what = SALT ^ flow.proto, ports;
	struct shunt_hash_keys keys;

	if (inputs)
		flow.port[0] = 0;
	if (inputs == SHUNT_HASH_SOURCE) {
		keep_bits((uint8_t *)flow.src, sizeof(flow.src),
			  vip_of(f, &flow)->hash_prefix >> (flow.is_v6 ? 8 : 0) & 255);
		flow.port[1] = 0;
	}
	if (inputs == SHUNT_HASH_DESTINATION_PORT)
		memset(flow.src, 0, sizeof(flow.src));
	if (inputs == SHUNT_HASH_SOURCE || inputs == SHUNT_HASH_DESTINATION_PORT) {
		memset(flow.dst, 0, sizeof(flow.dst));
		what = SALT;
	}
	memcpy(&ports, flow.port, sizeof(ports));
	shunt_hash_derive(&keys, SEED);
	return shunt_flow_hash(&keys, flow.src, flow.dst, ports, what, flow.is_v6);
}

int destination_by_hash(const struct fixture *f, const char *hex)
{
	uint64_t hash = slot_hash(f, hex);

	return shunt_slot_current(f->rings[MIXED * RING + shunt_tag_slot(shunt_flow_tag(hash), RING)]);
}

/* "NAME|in|in...": not all go to one. */
void choice_run_spread(struct fixture *f, char *line)
{
	char *name = strsep(&line, "|"), *hex = strsep(&line, "|\n");
	int first = destination_of(f, hex);
	bool apart = false;

	while ((hex = strsep(&line, "|\n")) && *hex)
		apart = destination_of(f, hex) != first || apart;
	report(apart && first, name);
}
