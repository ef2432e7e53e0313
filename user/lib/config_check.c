/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What takes several values to judge: duplicates, families, limits. Everything is sorted or summed, never compared pair by
 * pair: a configuration of 10,000 services is read on every edit.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "match.h"
#include "xalloc.h"

struct vip_ref {
	const struct config_vip *vip;
	size_t service, index; /* where it stands */
};

struct service_ref {
	const char *name;
	size_t service;
};

struct backend_ref {
	const struct config_backend *backend;
	size_t service, index;
};

struct check {
	const struct config *config;
	const struct tree_place *root;
	struct vip_ref *vips; /* of all services, sorted */
	size_t vip_count;
	bool has_len[129]; /* there is a VIP of a prefix of this length, or of an address of so many bits */
};

/* Refuse element index of a list ("vips", "backends") of a service, or for list NULL the service. */
__attribute__((format(printf, 5, 6))) static int fail_at(const struct check *c, size_t service, const char *list,
							 size_t index, const char *fmt, ...)
{
	struct tree_place services = tree_member(c->root, "services");
	struct tree_place at = tree_element(&services, service);
	struct tree_place member = list ? tree_member(&at, list) : at;
	struct tree_place element = list ? tree_element(&member, index) : at;
	va_list args;
	int err;

	va_start(args, fmt);
	err = tree_vfail(&element, fmt, args);
	va_end(args);
	return err;
}

static const char *family_name(uint8_t family)
{
	return family == SHUNT_FAMILY_IPV4 ? "IPv4" : "IPv6";
}

static int check_limit(const struct check *c, const char *key, uint32_t limit, size_t need, const char *what)
{
	struct tree_place limits = tree_member(c->root, "limits");
	struct tree_place place = tree_member(&limits, key);

	if (need <= limit)
		return 0;
	return tree_fail(&place, "%u is too small for %zu %s; raise it to %zu or more", limit, need, what, need);
}

/* What the VIPs of ranges and prefixes come to. */
static int check_match_limits(const struct check *c)
{
	struct match_vip *vips = xcalloc(c->vip_count, sizeof(*vips));
	const struct config_limits *limits = &c->config->limits;
	struct match match = {};
	int err;

	for (size_t i = 0; i < c->vip_count; i++)
		vips[i] = (struct match_vip){.vip = c->vips[i].vip, .tag = c->vips[i].service};
	err = match_build(&match, vips, c->vip_count, limits->port_ranges);
	free(vips);
	if (err) {
		struct tree_place at = tree_member(c->root, "limits"), place = tree_member(&at, "port_ranges");

		return tree_fail(
			&place,
			"%u is too small for the port ranges of the VIPs; raise it (a prefix within another has "
			"the other's ranges, too)",
			limits->port_ranges);
	}
	err = check_limit(c, "prefixes", limits->prefixes, match.prefix_count,
			  "prefixes and addresses with several ports");
	match_release(&match);
	return err;
}

/* The service's own, and one for each pool that sources are sent to. */
static size_t count_rings(const struct config_service *service)
{
	return 1 + config_sources_pools(service->sources);
}

static int check_limits(const struct check *c)
{
	const struct config_limits *limits = &c->config->limits;
	size_t rings = 0, backends = 0, destinations = 0, slots = 0, sources = 0;
	bool has_pools;

	for (size_t i = 0; i < c->config->service_count; i++) {
		const struct config_service *service = &c->config->services[i];

		rings += count_rings(service);
		slots += count_rings(service) * service->ring_size;
		backends += service->backend_count;
		destinations += config_destinations(service);
		sources += service->sources ? service->sources->count : 0;
	}
	has_pools = rings > c->config->service_count;
	if (check_limit(c, "services", limits->services, rings,
			has_pools ? "services and pools that sources are sent to" : "services") ||
	    check_limit(c, "vips", limits->vips, c->vip_count, "VIPs") ||
	    check_limit(c, "destinations", limits->destinations, destinations,
			destinations > backends
				? "backends (those of a pool that has sources count twice in a service with `pools`)"
				: "backends") ||
	    check_limit(c, "sources", limits->sources, sources, "source prefixes"))
		return -EINVAL;
	if (check_limit(
		    c, "ring_slots", limits->ring_slots, slots,
		    has_pools
			    ? "ring slots (ring_size of all services, and again for each pool that sources are sent to)"
			    : "ring slots (ring_size of all services)"))
		return -EINVAL;
	return check_match_limits(c);
}

static int check_interfaces(const struct check *c)
{
	struct tree_place list = tree_member(c->root, "interfaces");
	const struct config_interface *all = c->config->interfaces;

	/* An edge node has a handful of them. */
	for (size_t i = 1; i < c->config->interface_count; i++) {
		for (size_t j = 0; j < i; j++) {
			struct tree_place element = tree_element(&list, i);

			if (!strcmp(all[i].name, all[j].name))
				return tree_fail(&element, "listed twice; expected each interface once");
		}
	}
	return 0;
}

/* All comparisons end with the order in the file, so that of two equal ones the later is at fault. */
static int by_position(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_services(const void *a, const void *b)
{
	const struct service_ref *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : by_position(x->service, y->service);
}

static int check_names(const struct check *c)
{
	size_t count = c->config->service_count, i;
	struct service_ref *refs = xcalloc(count, sizeof(*refs));
	int err = 0;

	for (i = 0; i < count; i++)
		refs[i] = (struct service_ref){c->config->services[i].name, i};
	qsort(refs, count, sizeof(*refs), compare_services);
	for (i = 1; i < count && !err; i++)
		if (!strcmp(refs[i].name, refs[i - 1].name))
			err = fail_at(c, refs[i].service, NULL, 0,
				      "a second service of this name; expected another name");
	free(refs);
	return err;
}

static int compare_vips(const void *a, const void *b)
{
	const struct vip_ref *x = a, *y = b;
	int order = vip_compare(x->vip, y->vip);

	if (!order)
		order = by_position(x->service, y->service);
	return order ? order : by_position(x->index, y->index);
}

static void collect_vips(struct check *c)
{
	for (size_t i = 0; i < c->config->service_count; i++)
		c->vip_count += c->config->services[i].vip_count;
	c->vips = xcalloc(c->vip_count, sizeof(*c->vips));
	c->vip_count = 0;
	for (size_t i = 0; i < c->config->service_count; i++)
		for (size_t j = 0; j < c->config->services[i].vip_count; j++)
			c->vips[c->vip_count++] = (struct vip_ref){&c->config->services[i].vips[j], i, j};
	qsort(c->vips, c->vip_count, sizeof(*c->vips), compare_vips);
	for (size_t i = 0; i < c->vip_count; i++)
		c->has_len[vip_len(c->vips[i].vip)] = true;
}

static int fail_duplicate(const struct check *c, const struct vip_ref *first, const struct vip_ref *second)
{
	if (first->service == second->service)
		return fail_at(c, second->service, "vips", second->index,
			       "listed twice in service \"%s\"; expected each VIP once",
			       c->config->services[second->service].name);
	return fail_at(c, second->service, "vips", second->index,
		       "a VIP of service \"%s\" already; service \"%s\" needs another address, port or protocol",
		       c->config->services[first->service].name, c->config->services[second->service].name);
}

static int fail_overlap(const struct check *c, const struct vip_ref *first, const struct vip_ref *second)
{
	bool in_order = first->service < second->service;
	const struct vip_ref *earlier = in_order ? first : second, *later = in_order ? second : first;
	char text[SHUNT_ADDR_TEXT];

	return fail_at(c, later->service, "vips", later->index,
		       "overlaps %s of service \"%s\", and neither is more specific; service \"%s\" needs other ports",
		       vip_format(earlier->vip, text), c->config->services[earlier->service].name,
		       c->config->services[later->service].name);
}

/* Of VIPs that are equally specific no packet may have a choice; within a service it makes no difference. In a layer they are
 * sorted by their first port: who overlaps any overlaps the one that has reached furthest. */
static int check_vip_overlaps(const struct check *c)
{
	const struct vip_ref *furthest = c->vips;

	for (size_t i = 1; i < c->vip_count; i++) {
		const struct vip_ref *ref = &c->vips[i];

		if (!vip_compare(ref[-1].vip, ref->vip))
			return fail_duplicate(c, &ref[-1], ref);
		if (!vip_same_layer(furthest->vip, ref->vip)) {
			furthest = ref;
			continue;
		}
		if (ref->vip->port <= vip_last(furthest->vip) && ref->service != furthest->service)
			return fail_overlap(c, furthest, ref);
		if (vip_last(ref->vip) > vip_last(furthest->vip))
			furthest = ref;
	}
	return 0;
}

static int compare_vip_prefix(const void *prefix, const void *ref)
{
	const struct shunt_prefix *wanted = prefix;
	const struct config_vip *vip = ((const struct vip_ref *)ref)->vip;
	int order = addr_compare(&wanted->addr, &vip->addr);

	return order ? order : (int)wanted->len - (int)vip_len(vip);
}

/* A packet encapsulated to a VIP would come back to the balancer, and again. */
static int check_backend_address(const struct check *c, size_t service, size_t index)
{
	const struct shunt_addr *addr = &c->config->services[service].backends[index].addr;

	for (unsigned int len = addr_bits(addr); len; len--) {
		struct shunt_prefix prefix = {*addr, len};
		const struct vip_ref *vip;
		char text[SHUNT_ADDR_TEXT];

		if (!c->has_len[len])
			continue;
		addr_mask(&prefix.addr, len);
		vip = bsearch(&prefix, c->vips, c->vip_count, sizeof(*c->vips), compare_vip_prefix);
		if (vip && len == addr_bits(addr))
			return fail_at(
				c, service, "backends", index,
				"the address of a VIP of service \"%s\"; expected an address of the server's own",
				c->config->services[vip->service].name);
		if (vip)
			return fail_at(c, service, "backends", index,
				       "in %s, a VIP of service \"%s\"; expected an address of the server's own",
				       vip_format(vip->vip, text), c->config->services[vip->service].name);
	}
	return 0;
}

static int check_source(const struct check *c, size_t service, size_t index)
{
	uint8_t family = c->config->services[service].backends[index].addr.family;
	bool is_v4 = family == SHUNT_FAMILY_IPV4;
	const struct shunt_prefix *source = is_v4 ? &c->config->source4 : &c->config->source6;

	if (source->addr.family)
		return 0;
	return fail_at(c, service, "backends", index,
		       "%s packets to it need source.%s, which is not given: the prefix of the outer source address, "
		       "whose host bits vary by flow so that the backend's receive queues share the load; "
		       "give one that nobody uses, e.g. %s",
		       family_name(family), is_v4 ? "ipv4" : "ipv6", is_v4 ? "172.31.0.0/16" : "fd00:31::/64");
}

static int compare_backends(const void *a, const void *b)
{
	const struct backend_ref *x = a, *y = b;
	int order = addr_compare(&x->backend->addr, &y->backend->addr);

	if (!order)
		order = by_position(x->service, y->service);
	return order ? order : by_position(x->index, y->index);
}

/* All backends of all services, sorted. */
static struct backend_ref *collect_backends(const struct check *c, size_t *count)
{
	struct backend_ref *refs;
	size_t n = 0;

	for (size_t i = 0; i < c->config->service_count; i++)
		n += c->config->services[i].backend_count;
	refs = xcalloc(n, sizeof(*refs));
	*count = 0;
	for (size_t i = 0; i < c->config->service_count; i++)
		for (size_t j = 0; j < c->config->services[i].backend_count; j++)
			refs[(*count)++] = (struct backend_ref){&c->config->services[i].backends[j], i, j};
	qsort(refs, n, sizeof(*refs), compare_backends);
	return refs;
}

static const char *mac_words(const struct config_backend *backend, char buf[SHUNT_ADDR_TEXT])
{
	return backend->has_mac ? mac_format(backend->mac, buf) : "not given";
}

/* Next hops are looked up by address, whichever service asks: two answers for one address cannot both hold. */
static int check_same_mac(const struct check *c, const struct backend_ref *first, const struct backend_ref *second)
{
	const struct config_backend *a = first->backend, *b = second->backend;
	char here[SHUNT_ADDR_TEXT], there[SHUNT_ADDR_TEXT];

	if (a->has_mac == b->has_mac && !memcmp(a->mac, b->mac, sizeof(a->mac)))
		return 0;
	return fail_at(
		c, second->service, "backends", second->index,
		"mac %s in service \"%s\", but %s in service \"%s\"; an address has one next hop: give the same mac "
		"in all services that have the backend, or in none, in one change",
		mac_words(b, here), c->config->services[second->service].name, mac_words(a, there),
		c->config->services[first->service].name);
}

static int check_backends(const struct check *c)
{
	size_t count;
	struct backend_ref *refs = collect_backends(c, &count);
	int err = 0;

	for (size_t i = 1; i < count && !err; i++) {
		const struct backend_ref *first = &refs[i - 1], *second = &refs[i];

		if (!addr_equal(&first->backend->addr, &second->backend->addr))
			continue;
		if (first->service == second->service)
			err = fail_at(c, second->service, "backends", second->index,
				      "listed twice; expected each backend once (a weight makes one take more)");
		else
			err = check_same_mac(c, first, second);
	}
	free(refs);
	return err;
}

static int check_family(const struct check *c, size_t service, const char *list, size_t index,
			enum config_encap_type encap, uint8_t is, uint8_t must)
{
	if (!must || is == must)
		return 0;
	return fail_at(c, service, list, index,
		       "%s, but encap %s carries %s in %s; expected an %s address, or encap auto", family_name(is),
		       config_encap_name(encap), family_name(config_encap_inner(encap)),
		       family_name(config_encap_outer(encap)), family_name(must));
}

/* A backend's own tunnel must carry all VIPs of the service. */
static int check_inner(const struct check *c, size_t service, size_t index)
{
	const struct config_service *s = &c->config->services[service];
	enum config_encap_type type = s->backends[index].encap.type;
	uint8_t inner = config_encap_inner(type);

	for (size_t i = 0; i < s->vip_count && s->backends[index].has_encap; i++)
		if (inner && s->vips[i].addr.family != inner)
			return fail_at(
				c, service, "backends", index,
				"encap %s carries %s, but the service has a VIP of %s; expected encap auto, gue, "
				"gre or l2dsr, or VIPs of %s only",
				config_encap_name(type), family_name(inner), family_name(s->vips[i].addr.family),
				family_name(inner));
	return 0;
}

static int check_backend(const struct check *c, size_t service, size_t index)
{
	const struct config_service *s = &c->config->services[service];
	const struct config_backend *backend = &s->backends[index];
	enum config_encap_type type = config_encap_of(s, backend)->type;

	if (check_family(c, service, "backends", index, type, backend->addr.family, config_encap_outer(type)) ||
	    check_inner(c, service, index) || check_backend_address(c, service, index))
		return -EINVAL;
	return type == CONFIG_ENCAP_L2DSR ? 0 : check_source(c, service, index);
}

static int check_service(const struct check *c, size_t service)
{
	const struct config_service *s = &c->config->services[service];
	struct tree_place services = tree_member(c->root, "services"), at = tree_element(&services, service);
	uint8_t inner = config_encap_inner(s->encap.type);

	if (config_check_needs_port(s->check.type) && !config_check_port(s))
		return fail_at(
			c, service, NULL, 0,
			"none of its VIPs is one port; expected check.port, which says where checks go, or check "
			"type none");
	for (size_t i = 0; i < s->vip_count; i++)
		if (check_family(c, service, "vips", i, s->encap.type, s->vips[i].addr.family, inner))
			return -EINVAL;
	for (size_t i = 0; i < s->backend_count; i++)
		if (check_backend(c, service, i))
			return -EINVAL;
	return config_check_pools(s, &at);
}

int config_cross_check(const struct config *config, const struct tree_place *root)
{
	struct check c = {.config = config, .root = root};
	int err;

	collect_vips(&c);
	err = check_interfaces(&c) || check_names(&c) || check_vip_overlaps(&c) ? -EINVAL : 0;
	for (size_t i = 0; i < config->service_count && !err; i++)
		err = check_service(&c, i);
	if (!err)
		err = check_backends(&c);
	if (!err)
		err = check_limits(&c);
	if (!err)
		err = config_check_groups(config, root);
	if (!err)
		err = config_check_quic(config, root);
	free(c.vips);
	return err;
}
