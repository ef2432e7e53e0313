// SPDX-License-Identifier: GPL-2.0
/* The packet table's part on tunnels: their names in the fixture, and that GUE's source port is the flow's. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "packet.h"
#include "tunnel.h"

enum { PORTS_FIRST = 0xc000, FLOWS = 32 };

static uint16_t ports[DESTS][SOURCES_MAX];
static size_t port_count[DESTS];

bool tunnel_parse(struct config_encap *encap, const char *text)
{
	unsigned int variant, port;

	if (sscanf(text, "gue%u:%u", &variant, &port) == 2)
		*encap = (struct config_encap){CONFIG_ENCAP_GUE, variant, port};
	else if (!strcmp(text, "gre"))
		encap->type = CONFIG_ENCAP_GRE;
	else if (!strcmp(text, "l2dsr"))
		encap->type = CONFIG_ENCAP_L2DSR;
	else
		return false;
	return true;
}

/* The flow's hash as the daemon computes it, from the frame that came in. */
static uint64_t flow_hash(const struct frame *in)
{
	const uint8_t *ip = in->byte + outer_at(in);
	bool is_v6 = ip[0] >> 4 == 6;
	struct shunt_hash_keys keys;
	__be32 src[4], dst[4];
	uint32_t both;

	shunt_hash_derive(&keys, SEED);
	memcpy(src, ip + (is_v6 ? 8 : 12), is_v6 ? 16 : 4);
	memcpy(dst, ip + (is_v6 ? 24 : 16), is_v6 ? 16 : 4);
	memcpy(&both, ip + (is_v6 ? 40 : (ip[0] & 15) * 4), sizeof(both));
	return shunt_flow_hash(&keys, src, dst, both, SALT ^ ip[is_v6 ? 6 : 9], is_v6);
}

static void note(unsigned int dest, uint16_t port)
{
	for (size_t i = 0; i < port_count[dest]; i++)
		if (ports[dest][i] == port)
			return;
	if (port_count[dest] < SOURCES_MAX)
		ports[dest][port_count[dest]++] = port;
}

bool tunnel_check_port(const struct fixture *f, const struct row *row, const struct frame *got)
{
	const uint8_t *ip = got->byte + outer_at(got);
	bool is_v6 = ip[0] >> 4 == 6;
	uint16_t port, expected;
	unsigned int id;

	if (sscanf(row->counter, "dest:%u", &id) != 1 || id >= DESTS || !f->dests[id].port)
		return true;
	memcpy(&port, ip + (is_v6 ? 40 : 20), sizeof(port));
	expected = PORTS_FIRST | (flow_hash(&row->in) & ~PORTS_FIRST);
	note(id, ntohs(port));
	return ntohs(port) == expected ||
	       complain(row, "UDP source port %u, expected %u from the flow's hash", ntohs(port), expected);
}

void tunnel_check_spread(void)
{
	static const unsigned int spread[] = {45, 48, 54, 58};
	char name[96];

	for (size_t i = 0; i < sizeof(spread) / sizeof(spread[0]); i++) {
		snprintf(name, sizeof(name), "%d flows to destination %u came from %zu UDP ports", FLOWS, spread[i],
			 port_count[spread[i]]);
		report(port_count[spread[i]] >= FLOWS - 1, name);
	}
}
