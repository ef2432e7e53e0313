/* SPDX-License-Identifier: GPL-2.0 */
/* What the decapsulator takes: from the operator's words, or else from the addresses that the host has now. */
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "agent.h"

static void rules_add(struct agent_rules *rules, const struct shunt_addr *addr, size_t *count)
{
	size_t used = rules->tunnel_count + rules->vip_count;

	rules->addrs = xreallocarray(rules->addrs, used + 1, sizeof(*rules->addrs));
	rules->addrs[used] = *addr;
	++*count;
}

static int add_given(struct agent_rules *rules, const char *const *texts, size_t given, const char *option,
		     size_t *count, struct shunt_err *err)
{
	struct shunt_addr addr;

	for (size_t i = 0; i < given; i++) {
		if (addr_parse(texts[i], &addr) || !addr_is_usable(&addr))
			return shunt_fail(err, EINVAL, option,
					  "\"%s\" is not an address that a host can be reached at (expected such as "
					  "192.0.2.10 or "
					  "2001:db8::10)",
					  texts[i]);
		rules_add(rules, &addr, count);
	}
	return 0;
}

static bool addr_from_sockaddr(const struct sockaddr *sa, struct shunt_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (sa && sa->sa_family == AF_INET) {
		addr->family = SHUNT_FAMILY_IPV4;
		memcpy(addr->word, &((const struct sockaddr_in *)sa)->sin_addr, sizeof(struct in_addr));
	} else if (sa && sa->sa_family == AF_INET6) {
		addr->family = SHUNT_FAMILY_IPV6;
		memcpy(addr->word, &((const struct sockaddr_in6 *)sa)->sin6_addr, sizeof(struct in6_addr));
	}
	return addr->family && addr_is_usable(addr);
}

static int add_found(struct agent_rules *rules, const char *ifname, size_t *count, struct shunt_err *err)
{
	struct ifaddrs *all;
	struct shunt_addr addr;

	if (getifaddrs(&all))
		return shunt_fail(err, errno, ifname, "cannot list its addresses: %s", strerror(errno));
	for (struct ifaddrs *ifa = all; ifa; ifa = ifa->ifa_next)
		if (!strcmp(ifa->ifa_name, ifname) && addr_from_sockaddr(ifa->ifa_addr, &addr))
			rules_add(rules, &addr, count);
	freeifaddrs(all);
	return 0;
}

static int add_sources(struct agent_rules *rules, const struct agent_request *request, struct shunt_err *err)
{
	for (size_t i = 0; i < request->source_count; i++)
		if (prefix_parse(request->sources[i], &rules->sources[i]))
			return shunt_fail(err, EINVAL, "--from",
					  "\"%s\" is not a prefix (expected such as 172.31.0.0/16 or fd00:5::/64, "
					  "no bits set behind its length)",
					  request->sources[i]);
	rules->source_count = request->source_count;
	return 0;
}

static int resolve(struct agent_rules *rules, const struct agent_request *request, const char *ifname,
		   struct shunt_err *err)
{
	int rc = add_given(rules, request->locals, request->local_count, "--local", &rules->tunnel_count, err);

	if (!rc && !request->local_count)
		rc = add_found(rules, ifname, &rules->tunnel_count, err);
	if (rc)
		return rc;
	if (!rules->tunnel_count)
		return shunt_fail(err, EADDRNOTAVAIL, ifname,
				  "has no address for balancers to send to (give it one, or name one with --local)");
	rc = add_given(rules, request->vips, request->vip_count, "--vip", &rules->vip_count, err);
	if (!rc && !request->vip_count)
		rc = add_found(rules, "lo", &rules->vip_count, err);
	if (rc)
		return rc;
	if (!rules->vip_count)
		return shunt_fail(
			err, EADDRNOTAVAIL, "lo",
			"has no VIP (give it one: ip address add 192.0.2.10/32 dev lo; or name one with --vip)");
	if (rules->tunnel_count + rules->vip_count > SHUNT_DECAP_ADDRS)
		return shunt_fail(err, ENOSPC, ifname, "%zu addresses, at most %d fit",
				  rules->tunnel_count + rules->vip_count, SHUNT_DECAP_ADDRS);
	rc = agent_tunnels_resolve(rules, request, err);
	return rc ? rc : add_sources(rules, request, err);
}

int agent_rules_resolve(struct agent_rules *rules, const struct agent_request *request, const char *ifname,
			struct shunt_err *err)
{
	int rc;

	memset(rules, 0, sizeof(*rules));
	rc = resolve(rules, request, ifname, err);
	if (rc)
		agent_rules_free(rules);
	return rc;
}

void agent_rules_free(struct agent_rules *rules)
{
	free(rules->addrs);
	memset(rules, 0, sizeof(*rules));
}
