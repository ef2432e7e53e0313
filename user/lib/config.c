/* SPDX-License-Identifier: GPL-2.0 */
#include "config.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

const char *const config_mode_words[] = {"auto", "native", "generic", NULL};
const char *const config_ungrouped_words[] = {"any", "others", "none", NULL};
const char *const config_encap_words[] = {"auto", "ipip", "ip6ip6", "ipip6", "sit", "gue", "gre", "l2dsr", NULL};
const char *const config_hash_words[] = {"5-tuple", "no-source-port", "source", "destination-port", NULL};
const char *const config_algorithm_words[] = {"maglev", "source-hash", "round-robin", "least-connections", NULL};
const char *const config_udp_words[] = {"keep", "rehash", "track", NULL};
const char *const config_via_words[] = {"direct", "tunnel", NULL};
const char *const config_check_words[] = {"none", "tcp", "http", "https", "dns", "udp", "icmp", "exec", NULL};
const char *const config_record_words[] = {"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT", NULL};
const char *const config_rcode_words[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
					  "NOTIMP",  "REFUSED", "any",	    NULL};
const char *const config_admin_words[] = {"up", "drain", NULL};

/* The upper ends keep every index in 32 bits and one map below 8 GiB. */
const struct config_limit config_limit_table[CONFIG_LIMIT_COUNT] = {
	{"vips", offsetof(struct config_limits, vips), 1, 1u << 20, 1024},
	{"services", offsetof(struct config_limits, services), 1, 1u << 16, 512},
	{"destinations", offsetof(struct config_limits, destinations), 1, (1u << SHUNT_SLOT_DEST_BITS) - 1, 4096},
	{"ring_slots", offsetof(struct config_limits, ring_slots), 251, 1u << 30, 64 * 65537},
	{"connections", offsetof(struct config_limits, connections), 2 * SHUNT_CONN_WAYS, 1u << 30, 65536},
	{"prefixes", offsetof(struct config_limits, prefixes), 1, SHUNT_SPANS_MAX / 2, 256},
	{"port_ranges", offsetof(struct config_limits, port_ranges), 1, 1u << 24, 4096},
	{"sources", offsetof(struct config_limits, sources), 1, 1u << 24, 131072},
	{"fragments", offsetof(struct config_limits, fragments), SHUNT_CONN_WAYS, 1u << 24, 65536},
	{"quic_ids", offsetof(struct config_limits, quic_ids), 1, 1u << 20, 1024},
};

const char *config_ungrouped_name(enum config_ungrouped ungrouped)
{
	return config_ungrouped_words[ungrouped];
}

const char *config_encap_name(enum config_encap_type type)
{
	return config_encap_words[type];
}

const char *config_hash_name(enum config_hash_inputs inputs)
{
	return config_hash_words[inputs];
}

const char *config_algorithm_name(enum config_algorithm algorithm)
{
	return config_algorithm_words[algorithm];
}

const char *config_udp_name(enum config_udp udp)
{
	return config_udp_words[udp];
}

const char *config_check_name(enum config_check_type type)
{
	return config_check_words[type];
}

const char *config_rcode_name(unsigned int rcode)
{
	return rcode < CONFIG_RCODE_ANY ? config_rcode_words[rcode] : NULL;
}

const char *config_admin_name(enum config_admin admin)
{
	return config_admin_words[admin == CONFIG_ADMIN_DRAIN];
}

const char *config_mode_name(enum config_mode mode)
{
	return config_mode_words[mode];
}

uint8_t config_encap_inner(enum config_encap_type type)
{
	if (type == CONFIG_ENCAP_IPIP || type == CONFIG_ENCAP_IPIP6)
		return SHUNT_FAMILY_IPV4;
	return type == CONFIG_ENCAP_IP6IP6 || type == CONFIG_ENCAP_SIT ? SHUNT_FAMILY_IPV6 : 0;
}

uint8_t config_encap_outer(enum config_encap_type type)
{
	if (type == CONFIG_ENCAP_IPIP || type == CONFIG_ENCAP_SIT)
		return SHUNT_FAMILY_IPV4;
	return type == CONFIG_ENCAP_IP6IP6 || type == CONFIG_ENCAP_IPIP6 ? SHUNT_FAMILY_IPV6 : 0;
}

const struct config_encap *config_encap_of(const struct config_service *service, const struct config_backend *backend)
{
	return backend->has_encap ? &backend->encap : &service->encap;
}

const struct config_service *config_find_service(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->service_count; i++)
		if (!strcmp(config->services[i].name, name))
			return &config->services[i];
	return NULL;
}

struct config_names {
	size_t count;
	const struct config_service *sorted[];
};

static int compare_services(const void *a, const void *b)
{
	const struct config_service *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

struct config_names *config_names_new(const struct config *config)
{
	size_t count = config->service_count;
	struct config_names *names = xcalloc(1, sizeof(*names) + count * sizeof(names->sorted[0]));

	names->count = count;
	for (size_t i = 0; i < count; i++)
		names->sorted[i] = &config->services[i];
	qsort(names->sorted, count, sizeof(names->sorted[0]), compare_services);
	return names;
}

static int compare_name(const void *name, const void *service)
{
	return strcmp(name, (*(const struct config_service *const *)service)->name);
}

const struct config_service *config_names_find(const struct config_names *names, const char *name)
{
	const struct config_service *const *found =
		bsearch(name, names->sorted, names->count, sizeof(names->sorted[0]), compare_name);

	return found ? *found : NULL;
}

const struct config_group *config_find_group(const struct config *config, const char *name)
{
	for (size_t i = 0; i < config->group_count; i++)
		if (!strcmp(config->groups[i].name, name))
			return &config->groups[i];
	return NULL;
}

const struct config_backend *config_find_backend(const struct config_service *service, const struct shunt_addr *addr)
{
	for (size_t i = 0; i < service->backend_count; i++)
		if (addr_equal(&service->backends[i].addr, addr))
			return &service->backends[i];
	return NULL;
}

uint16_t config_check_port(const struct config_service *service)
{
	if (service->check.port)
		return service->check.port;
	for (size_t i = 0; i < service->vip_count; i++)
		if (vip_ports(&service->vips[i]) == VIP_ONE_PORT)
			return service->vips[i].port;
	return 0;
}

static int fitness(const struct config_vip *vip, const struct shunt_addr *backend)
{
	return 2 * (vip->addr.family == backend->family) + !vip->len;
}

struct shunt_addr config_check_vip(const struct config_service *service, const struct shunt_addr *backend)
{
	const struct config_vip *best = &service->vips[0];
	struct shunt_addr addr;

	for (size_t i = 1; i < service->vip_count; i++)
		if (fitness(&service->vips[i], backend) > fitness(best, backend))
			best = &service->vips[i];
	addr = best->addr;
	if (vip_len(best) + 1 < addr_bits(&addr))
		addr.word[addr_bits(&addr) / 32 - 1] |= htonl(1);
	return addr;
}

bool config_checks_through_tunnels(const struct config *config)
{
	for (size_t i = 0; i < config->service_count; i++)
		if (config->services[i].check.via == CONFIG_VIA_TUNNEL)
			return true;
	return false;
}
