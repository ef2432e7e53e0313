/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a configuration can be committed, and what the maps would say then: everything of a commit that changes nothing. */
#include <errno.h>
#include <stdlib.h>

#include "daemon.h"
#include "discovery.h"

static int check_limits(const struct config_limits *now, const struct config_limits *next, struct shunt_err *err)
{
	const struct {
		const char *name;
		uint32_t now, next;
	} limits[] = {
		{"limits.vips", now->vips, next->vips},
		{"limits.services", now->services, next->services},
		{"limits.destinations", now->destinations, next->destinations},
		{"limits.ring_slots", now->ring_slots, next->ring_slots},
		{"limits.connections", now->connections, next->connections},
		{"limits.prefixes", now->prefixes, next->prefixes},
		{"limits.port_ranges", now->port_ranges, next->port_ranges},
		{"limits.sources", now->sources, next->sources},
		{"limits.fragments", now->fragments, next->fragments},
		{"limits.quic_ids", now->quic_ids, next->quic_ids},
	};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (limits[i].now != limits[i].next)
			return shunt_fail(err, EEXIST, limits[i].name,
					  "cannot change from %u to %u while the maps exist; `shunt detach`, which "
					  "stops forwarding, "
					  "and a start make them anew",
					  limits[i].now, limits[i].next);
	return 0;
}

/* Limits and seed live as long as the pinned maps. */
static int check_fixed(const struct daemon *d, const struct config *next, struct shunt_err *err)
{
	int rc = d->config ? check_limits(&d->config->limits, &next->limits, err) : 0;

	if (rc || !next->has_seed || next->seed == attach_seed(d->attach))
		return rc;
	return shunt_fail(err, EEXIST, "seed",
			  "0x%016llx is not that of the maps in force (0x%016llx), and would move every connection; "
			  "`shunt detach`, which stops forwarding, and a start make them anew",
			  (unsigned long long)next->seed, (unsigned long long)attach_seed(d->attach));
}

int daemon_check_possible(const struct daemon *d, const struct config *next, struct shunt_err *err)
{
	if (d->detached)
		return shunt_fail(err, EBUSY, NULL,
				  "the daemon was detached and is ending; start shuntd for further changes");
	return check_fixed(d, next, err);
}

/* A new backend would be checked first, and moves slots once it is up: that is the change that is asked about. */
static enum health_state likely_health(void *arg, const char *service, const struct shunt_addr *backend)
{
	const struct daemon *d = arg;
	const struct health_status *status = health_get(d->health, service, backend);

	return status ? status->state : HEALTH_UP;
}

static const struct nexthop *likely_nexthop(void *arg, const struct shunt_addr *backend)
{
	static const struct nexthop reachable = {.resolved = true};
	const struct daemon *d = arg;
	const struct nexthop *nexthop = nexthops_get(d->nexthops, backend);

	return nexthop ? nexthop : &reachable;
}

/* A commit wakes nothing. */
static enum demand_view demand_of(void *arg, const char *service, const struct config_demand *demand)
{
	const struct daemon *d = arg;

	return demands_view(d->demands, service, demand);
}

struct model *daemon_preview(struct daemon *d, const struct config *next, struct shunt_err *err)
{
	struct model_inputs inputs = {.seed = attach_seed(d->attach),
				      .health = likely_health,
				      .nexthop = likely_nexthop,
				      .demand = demand_of,
				      .arg = d,
				      .before = d->model,
				      .now = uv_now(d->loop),
				      .settled = true};
	struct model_cache *cache;
	struct config *effective;
	struct model *model;
	int rc;

	rc = daemon_check_possible(d, next, err);
	if (!rc)
		rc = attach_check(d->attach, next->interfaces, next->interface_count, err);
	if (rc)
		return NULL;
	cache = model_cache_copy(d->cache);
	effective = discovery_join(d->discovery, next, false);
	model = model_build(effective, &inputs, cache);
	config_free(effective);
	model_cache_free(cache);
	if (!datapath_check(d->dp, model, err))
		return model;
	model_free(model);
	return NULL;
}
