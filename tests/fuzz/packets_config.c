/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A configuration drawn from the seed, in the form that a file has: services of all kinds of tunnel, that share addresses and backends,
 * of which some have a tunnel of their own; and next hops for the backends: some are not resolved, some behind gateways, other
 * interfaces or with tags, and their MTUs differ.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "packets.h"

enum { RING = 251, SERVICE_BACKENDS = 7 };

struct shunt_addr world_backends[BACKENDS], world_addresses[ADDRESSES];
static struct nexthop nexthops[BACKENDS];
static struct tunnel drawn[SERVICES][BACKENDS];

static void draw_addresses(void)
{
	char text[SHUNT_ADDR_TEXT];

	for (int i = 0; i < ADDRESSES; i++) {
		snprintf(text, sizeof(text), i % 2 ? "2001:db8::%x" : "192.0.2.%d", 10 + i);
		addr_parse(text, &world_addresses[i]);
	}
	for (int i = 0; i < BACKENDS; i++) {
		snprintf(text, sizeof(text), i % 2 ? "fd00:1::%x" : "10.1.0.%d", 10 + i);
		addr_parse(text, &world_backends[i]);
	}
}

static void draw_nexthops(void)
{
	static const uint32_t mtus[] = {1500, 1500, 1500, 1400, 1540, 9000, 1280, 3000, 600, 100};

	for (int i = 0; i < BACKENDS; i++) {
		nexthops[i] = (struct nexthop){
			.resolved = !one_in(10),
			.ifindex = one_in(3) ? 2 + below(3) : 1,
			.mtu = ANY(mtus),
			.src_mac = {2, 0, 0, 1, 0, i},
			.dst_mac = {2, 0, 0, 2, below(256), i},
			.tag = {{one_in(2) ? 0x8100 : 0x88a8, 1 + below(4094)}, {0x8100, 1 + below(4094)}},
			.tags = one_in(2) ? below(1 + NEXTHOP_TAGS) : 0,
		};
		if (one_in(4))
			addr_parse("10.254.0.1", &nexthops[i].gateway);
	}
}

const struct nexthop *drawn_nexthop(void *arg, const struct shunt_addr *backend)
{
	(void)arg;
	for (int i = 0; i < BACKENDS; i++)
		if (addr_equal(&world_backends[i], backend))
			return &nexthops[i];
	return NULL;
}

const struct tunnel *drawn_tunnel(const char *service, const struct shunt_addr *backend)
{
	int i = 0;

	while (!addr_equal(&world_backends[i], backend))
		i++;
	return &drawn[atoi(service + 1)][i];
}

/* The services', in turn; backends that have their own have any that carries what the service does. */
static const struct tunnel tunnels[] = {
	{"auto", 0, 0, BEHIND_NOTHING, 0},  {"gue", 0, 0, BEHIND_GUE1, 6080},	 {"gre", 0, 0, BEHIND_GRE, 0},
	{"ipip", 4, 4, BEHIND_NOTHING, 0},  {"ip6ip6", 6, 6, BEHIND_NOTHING, 0}, {"l2dsr", 0, 0, OUTER_NONE, 0},
	{"ipip6", 4, 6, BEHIND_NOTHING, 0}, {"sit", 6, 4, BEHIND_NOTHING, 0},	 {"gue", 0, 0, BEHIND_GUE0, 6080},
};

static const struct tunnel *tunnel_of(int service)
{
	return &tunnels[service % (sizeof(tunnels) / sizeof(tunnels[0]))];
}

static bool is_gue(const struct tunnel *tunnel)
{
	return tunnel->behind == BEHIND_GUE0 || tunnel->behind == BEHIND_GUE1;
}

/* What is the default is said sometimes. */
static json_t *tunnel_json(const struct tunnel *tunnel)
{
	json_t *mapping;

	if (!is_gue(tunnel) || (tunnel->behind == BEHIND_GUE1 && tunnel->port == 6080 && one_in(2)))
		return json_string(tunnel->encap);
	mapping = json_pack("{s:s}", "type", tunnel->encap);
	if (tunnel->behind == BEHIND_GUE0 || one_in(2))
		json_object_set_new(mapping, "variant", json_integer(tunnel->behind == BEHIND_GUE1));
	if (tunnel->port != 6080 || one_in(2))
		json_object_set_new(mapping, "port", json_integer(tunnel->port));
	return mapping;
}

static struct tunnel own_tunnel(int service)
{
	static const uint16_t ports[] = {6080, 1, 65535, 443, 0x1234};
	struct tunnel own;

	do
		own = ANY(tunnels);
	while (own.inside && own.inside != tunnel_of(service)->inside);
	if (is_gue(&own))
		own.port = ANY(ports);
	return own;
}

static bool carries_family(uint8_t which, const struct shunt_addr *addr)
{
	return !which || which == addr->family;
}

bool drawn_carries(int service, const struct shunt_addr *addr)
{
	return carries_family(tunnel_of(service)->inside, addr);
}

bool drawn_echo(int service)
{
	return service % 3 != 0;
}

/* NULL: the tunnel does not lead to such an address. */
static json_t *backend_of(int service, int i)
{
	bool own = one_in(3);
	struct tunnel *tunnel = &drawn[service][i];
	char text[SHUNT_ADDR_TEXT];
	json_t *backend;

	*tunnel = own ? own_tunnel(service) : *tunnel_of(service);
	if (!carries_family(tunnel->outside, &world_backends[i]))
		return NULL;
	backend = json_pack("{s:s, s:i, s:s}", "address", addr_format(&world_backends[i], text), "weight",
			    one_in(4) ? 300 : 100, "state", one_in(8) ? "drain" : "up");
	if (own)
		json_object_set_new(backend, "encap", tunnel_json(tunnel));
	return backend;
}

static json_t *backends_of(int service)
{
	json_t *list = json_array();
	uint32_t count = service == WITHOUT_BACKENDS ? 0 : 1 + below(SERVICE_BACKENDS), first = below(BACKENDS);

	for (uint32_t i = 0; i < BACKENDS && json_array_size(list) < count; i++) {
		json_t *backend = backend_of(service, (first + i * 5) % BACKENDS);

		if (backend)
			json_array_append_new(list, backend);
	}
	return list;
}

/* By server ids long enough that no two backends share one. */
bool drawn_quic(int service)
{
	return service % 7 == 2;
}

static json_t *quic_json(void)
{
	return json_pack("{s:[{s:i, s:i}, {s:i, s:i}]}", "configs", "id", 0, "server_id_length", 6, "id", 5,
			 "server_id_length", 15);
}

json_t *draw_config(uint64_t seed, uint32_t destinations)
{
	static const char *const sources4[] = {"172.16.0.0/12", "172.31.0.0/16", "10.0.0.0/8", "10.9.8.7/32"};
	static const char *const sources6[] = {"fd00:31::/64", "fd00:31::/112", "fd00:31::5/128", "fd00::/8"};
	json_t *services = json_array();
	char name[8];

	draw_addresses();
	draw_nexthops();
	for (int i = 0; i < SERVICES; i++) {
		json_t *service;

		snprintf(name, sizeof(name), "s%d", i);
		service = json_pack("{s:s, s:[], s:o, s:i, s:b, s:{s:s}, s:o}", "name", name, "vips", "encap",
				    tunnel_json(tunnel_of(i)), "ring_size", RING, "echo", drawn_echo(i), "check",
				    "type", "none", "backends", backends_of(i));
		draw_choice(service, i);
		if (drawn_quic(i))
			json_object_set_new(service, "quic", quic_json());
		json_array_append_new(services, service);
	}
	draw_vips(services);
	draw_udp(services);
	return json_pack("{s:[s], s:{s:s, s:s}, s:I, s:{s:i}, s:{s:i, s:i, s:i, s:i, s:i, s:i}, s:o}", "interfaces",
			 "lo", "source", "ipv4", ANY(sources4), "ipv6", ANY(sources6), "seed",
			 (json_int_t)(seed & INT64_MAX), "icmp", "rate", 1000, "limits", "vips", 512, "services",
			 SERVICES, "destinations", destinations, "ring_slots", 2 * SERVICES * RING, "connections", 64,
			 "fragments", 65536, "services", services);
}
