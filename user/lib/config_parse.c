/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration's form: one function per object, each refusing what its own values can show to be wrong.
 * config_check.c judges what takes several values, config_probe.c reads health checks.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

#define RING_SIZE_MIN 251
#define RING_SIZE_MAX 4194301
#define RING_SIZE 65537
#define VIP_PREFIX_MIN 8
#define SLOW_START_MIN 10000 /* ms */
#define SLOW_START_MAX 3600000
#define ICMP_RATE_MAX 1000000
#define ICMP_RATE 1000

static bool is_interface_name(const char *name)
{
	if (!*name || strlen(name) >= IFNAMSIZ || !strcmp(name, ".") || !strcmp(name, ".."))
		return false;
	for (; *name; name++)
		if (*name == '/' || *name == ':' || (unsigned char)*name <= ' ' || *name == 0x7f)
			return false;
	return true;
}

static int parse_interface(const struct tree_place *at, void *out)
{
	static const char *const keys[] = {"name", "mode", NULL};
	struct tree_place place = *at;
	struct config_interface *interface = out;
	unsigned int mode = CONFIG_MODE_AUTO;
	const char *name;

	if (!json_is_string(at->value) && !json_is_object(at->value))
		return tree_refuse(at, "an interface", "its name, or a mapping with name and mode");
	if (json_is_object(at->value)) {
		if (tree_object(at, keys) || tree_word(at, "mode", config_mode_words, &mode))
			return -EINVAL;
		place = tree_member(at, "name");
	}
	name = json_string_value(place.value);
	if (!name || !is_interface_name(name))
		return tree_refuse(&place, "an interface's name", "1 to 15 characters without '/', ':' or blanks");
	strcpy(interface->name, name);
	interface->mode = mode;
	return 0;
}

int config_parse_address(const struct tree_place *at, struct shunt_addr *addr)
{
	static const char expected[] = "IPv4 or IPv6, such as 10.1.0.11 or 2001:db8::11";
	const char *text = json_string_value(at->value);

	if (!text || addr_parse(text, addr))
		return tree_refuse(at, "an address", expected);
	if (!addr_is_usable(addr))
		return tree_refuse(
			at, "an address that a server can have",
			"one that is not loopback, multicast, broadcast, unspecified, IPv4-mapped or link-local");
	return 0;
}

/* Whoever asks for more of the address space than that has left out a digit. */
static int check_vip_prefix(const struct tree_place *at, const struct config_vip *vip)
{
	const struct shunt_prefix prefix = {vip->addr, vip_len(vip)};

	if (vip->len && vip->len < VIP_PREFIX_MIN)
		return tree_refuse(at, "a VIP prefix that one node can serve",
				   "one of /8 or longer, such as 192.0.2.0/24:443/tcp");
	if (!prefix_is_usable(&prefix))
		return tree_refuse(at, "a VIP that clients can reach",
				   vip->len ? "a prefix without loopback, multicast, broadcast, unspecified, "
					      "IPv4-mapped or link-local addresses"
					    : "an address that is not loopback, multicast, broadcast, unspecified, "
					      "IPv4-mapped or link-local");
	return 0;
}

static int parse_vip(const struct tree_place *at, void *out)
{
	struct config_vip *vip = out;
	const char *text = json_string_value(at->value);
	int err = text ? vip_parse(text, vip) : -EINVAL;

	if (err == -ERANGE)
		return tree_fail(at, "\"%s\" has bits set behind the prefix's length; expected them to be 0", text);
	if (err)
		return tree_refuse(at, "a VIP",
				   "ADDRESS:PORT/tcp or /udp, such as 192.0.2.10:80/tcp or [2001:db8::10]:80/tcp; PORT "
				   "may be a range such as 8000-8999, or * for all, and ADDRESS a prefix such as "
				   "192.0.2.0/24");
	return check_vip_prefix(at, vip);
}

static int parse_mac(const struct tree_place *at, struct config_backend *backend)
{
	struct tree_place mac = tree_member(at, "mac");
	const char *text = json_string_value(mac.value);
	static const uint8_t zero[6];

	if (!mac.value)
		return 0;
	if (!text || mac_parse(text, backend->mac) || backend->mac[0] & 1 || !memcmp(backend->mac, zero, sizeof(zero)))
		return tree_refuse(&mac, "a MAC address", "a unicast one such as 02:00:00:00:00:11");
	backend->has_mac = true;
	return 0;
}

bool config_is_name(const char *name, size_t size)
{
	static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	if (!*name || !strchr(alnum, *name) || strlen(name) >= size)
		return false;
	while (*name && (strchr(alnum, *name) || strchr("-_.", *name)))
		name++;
	return !*name;
}

int config_parse_pool_name(const struct tree_place *at, const char *key, struct config_backend *backend)
{
	struct tree_place pool = tree_member(at, key);
	const char *name = json_string_value(pool.value);

	if (!pool.value)
		return 0;
	if (!name || !config_is_name(name, sizeof(backend->pool)))
		return tree_refuse(&pool, "a pool's name", CONFIG_POOL_WORDS);
	strcpy(backend->pool, name);
	return 0;
}

int config_parse_backend(const struct tree_place *at, struct config_backend *backend)
{
	static const char *const keys[] = {"address", "weight", "state", "mac", "encap", "server_id", "pool", NULL};
	struct tree_place address;
	unsigned int admin;

	backend->weight = 100;
	strcpy(backend->pool, CONFIG_POOL_DEFAULT);
	if (json_is_string(at->value))
		return config_parse_address(at, &backend->addr);
	if (!json_is_object(at->value))
		return tree_refuse(at, "a backend",
				   "its address, or a mapping with address, weight, state, mac, encap and pool");
	if (tree_object(at, keys))
		return -EINVAL;
	address = tree_member(at, "address");
	if (config_parse_address(&address, &backend->addr) || tree_u32(at, "weight", 0, 65535, &backend->weight) ||
	    tree_word(at, "state", config_admin_words, &admin) || parse_mac(at, backend) ||
	    config_parse_encap(at, &backend->encap, &backend->has_encap) || config_parse_server_ids(at, backend) ||
	    config_parse_pool_name(at, "pool", backend))
		return -EINVAL;
	if (json_object_get(at->value, "state"))
		backend->admin = CONFIG_ADMIN_UP + admin;
	return 0;
}

static int parse_backend(const struct tree_place *at, void *out)
{
	return config_parse_backend(at, out);
}

static bool is_prime(uint32_t n)
{
	if (n % 2 == 0)
		return n == 2;
	for (uint32_t d = 3; d * d <= n; d += 2)
		if (n % d == 0)
			return false;
	return n > 1;
}

/* Both ends of the range are primes, so the nearest ones on either side lie in it. */
static int parse_ring_size(const struct tree_place *at, uint32_t *size)
{
	struct tree_place place = tree_member(at, "ring_size");
	uint32_t below, above;

	*size = RING_SIZE;
	if (tree_u32(at, "ring_size", RING_SIZE_MIN, RING_SIZE_MAX, size))
		return -EINVAL;
	if (is_prime(*size))
		return 0;
	for (below = *size; !is_prime(below); below--)
		;
	for (above = *size; !is_prime(above); above++)
		;
	return tree_fail(&place, "%u is not a prime; the nearest are %u and %u", *size, below, above);
}

/* A step has to reach the ring, which takes some seconds, to be one. */
static int parse_slow_start(const struct tree_place *at, uint32_t *slow_start)
{
	struct tree_place place = tree_member(at, "slow_start");

	if (tree_duration(at, "slow_start", 0, UINT32_MAX, slow_start))
		return -EINVAL;
	if (!*slow_start || (*slow_start >= SLOW_START_MIN && *slow_start <= SLOW_START_MAX))
		return 0;
	return tree_fail(&place, "\"%s\" is out of range; expected 0s, or 10s to 1h", json_string_value(place.value));
}

const char *const config_service_keys[] = {"name",	"vips",		"encap",	"ring_size",	 "echo",
					   "algorithm", "sticky",	"hash",		"sources",	 "pools",
					   "quic",	"udp",		"idle_timeout", "drain_timeout", "check",
					   "panic",	"min_healthy",	"slow_start",	"group",	 "file",
					   "backends",	"registration", "discover",	"on_demand",	 NULL};

static int parse_service(const struct tree_place *at, void *out)
{
	struct config_service *service = out;
	struct tree_place name;
	bool has_encap;
	const char *text;

	if (tree_object(at, config_service_keys))
		return -EINVAL;
	name = tree_member(at, "name");
	text = json_string_value(name.value);
	if (!text || !config_is_name(text, SHUNT_NAME_MAX))
		return tree_refuse(&name, "a service's name",
				   "1 to 63 letters, digits, '-', '_' or '.', a letter or digit first");
	strcpy(service->name, text);
	service->echo = true;
	if (config_parse_owner(at, service) ||
	    tree_list(at, "vips", 1, "at least one VIP such as 192.0.2.10:80/tcp", sizeof(*service->vips), parse_vip,
		      &service->vips, &service->vip_count) ||
	    config_parse_encap(at, &service->encap, &has_encap) || parse_ring_size(at, &service->ring_size) ||
	    tree_bool(at, "echo", &service->echo) || config_parse_hash(at, &service->hash) ||
	    config_parse_algorithm(at, service) || config_parse_sources(at, &service->sources) ||
	    config_parse_pools(at, service) || config_parse_quic(at, service) || config_parse_conn(at, service) ||
	    config_parse_check(at, &service->check) || tree_u32(at, "panic", 0, 100, &service->panic) ||
	    config_parse_min_healthy(at, &service->min_healthy) || parse_slow_start(at, &service->slow_start) ||
	    config_parse_discover(at, service) || config_parse_demand(at, service))
		return -EINVAL;
	return tree_list(at, "backends", 0, "addresses, or mappings with address, weight, state, mac, encap and pool",
			 sizeof(*service->backends), parse_backend, &service->backends, &service->backend_count);
}

static int parse_prefix(const struct tree_place *source, const char *key, uint8_t family, struct shunt_prefix *prefix)
{
	bool is_v4 = family == SHUNT_FAMILY_IPV4;
	const char *kind = is_v4 ? "an IPv4 prefix" : "an IPv6 prefix";
	const char *expected =
		is_v4 ? "one of /8 to /32 such as 172.31.0.0/16" : "one of /8 to /128 such as fd00:31::/64";
	struct tree_place place = tree_member(source, key);
	const char *text = json_string_value(place.value);
	int err;

	if (!place.value)
		return 0;
	err = text ? prefix_parse(text, prefix) : -EINVAL;
	if (err == -ERANGE)
		return tree_fail(&place, "\"%s\" has bits set behind the prefix's length; expected them to be 0", text);
	if (err || prefix->addr.family != family || prefix->len < 8 || !addr_is_usable(&prefix->addr))
		return tree_refuse(&place, kind, expected);
	return 0;
}

static int parse_source(const struct tree_place *root, struct config *config)
{
	static const char *const keys[] = {"ipv4", "ipv6", NULL};
	struct tree_place source = tree_member(root, "source");

	if (!source.value)
		return 0;
	return tree_object(&source, keys) || parse_prefix(&source, "ipv4", SHUNT_FAMILY_IPV4, &config->source4) ||
			       parse_prefix(&source, "ipv6", SHUNT_FAMILY_IPV6, &config->source6)
		       ? -EINVAL
		       : 0;
}

/* 64 bits do not fit a JSON integer's sign, so the canonical form is text. */
static int parse_seed(const struct tree_place *root, struct config *config)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	struct tree_place seed = tree_member(root, "seed");
	const char *text = json_string_value(seed.value);
	size_t digits;

	if (!seed.value)
		return 0;
	config->has_seed = true;
	if (json_is_integer(seed.value) && json_integer_value(seed.value) >= 0) {
		config->seed = json_integer_value(seed.value);
		return 0;
	}
	digits = text && !strncmp(text, "0x", 2) ? strspn(text + 2, hex) : 0;
	if (digits < 1 || digits > 16 || text[2 + digits])
		return tree_refuse(&seed, "a seed", "\"0x\" and 1 to 16 hexadecimal digits, or an integer from 0");
	config->seed = strtoull(text + 2, NULL, 16);
	return 0;
}

static int parse_limits(const struct tree_place *root, struct config_limits *limits)
{
	static const char *const keys[] = {"vips",     "services",    "destinations", "ring_slots", "connections",
					   "prefixes", "port_ranges", "sources",      "fragments",  "quic_ids",
					   NULL};
	struct tree_place place = tree_member(root, "limits");

	for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++)
		*config_limit_of(limits, &config_limit_table[i]) = config_limit_table[i].fallback;
	if (!place.value)
		return 0;
	if (tree_object(&place, keys))
		return -EINVAL;
	for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++) {
		const struct config_limit *limit = &config_limit_table[i];

		if (tree_u32(&place, limit->key, limit->min, limit->max, config_limit_of(limits, limit)))
			return -EINVAL;
	}
	return 0;
}

static int parse_icmp(const struct tree_place *root, struct config *config)
{
	static const char *const keys[] = {"rate", NULL};
	struct tree_place icmp = tree_member(root, "icmp");

	config->icmp_rate = ICMP_RATE;
	if (!icmp.value)
		return 0;
	return tree_object(&icmp, keys) || tree_u32(&icmp, "rate", 0, ICMP_RATE_MAX, &config->icmp_rate) ? -EINVAL : 0;
}

static int parse_root(const struct tree_place *root, struct config *config)
{
	static const char *const keys[] = {"interfaces",   "source", "seed",	  "limits",   "icmp", "resolvers",
					   "services_dir", "groups", "ungrouped", "services", NULL};

	if (tree_object(root, keys) ||
	    tree_list(root, "interfaces", 1, "at least one interface such as eth0", sizeof(*config->interfaces),
		      parse_interface, &config->interfaces, &config->interface_count) ||
	    parse_source(root, config) || parse_seed(root, config) || parse_limits(root, &config->limits) ||
	    parse_icmp(root, config) || config_parse_resolvers(root, config) || config_parse_groups(root, config))
		return -EINVAL;
	return tree_list(root, "services", 0, "mappings with name, vips, backends and so on", sizeof(*config->services),
			 parse_service, &config->services, &config->service_count);
}

struct config *config_from_json_blame(json_t *json, const struct config_source *source, size_t *service,
				      struct shunt_err *err)
{
	const struct tree tree = {.source = source, .err = err, .service = service};
	const struct tree_place root = {.tree = &tree, .value = json};
	struct config *config = xcalloc(1, sizeof(*config));

	*service = SIZE_MAX;
	config_fill_in(json);
	if (parse_root(&root, config) == 0 && config_cross_check(config, &root) == 0) {
		config_share(config);
		return config;
	}
	config_free(config);
	return NULL;
}

struct config *config_from_json(json_t *json, const struct config_source *source, struct shunt_err *err)
{
	size_t service;

	return config_from_json_blame(json, source, &service, err);
}
