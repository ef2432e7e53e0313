/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a configuration would change, as JSON.
 *
 * How many slots would move is known exactly. How many connections are in them is not: connections of slots at rest are in no table,
 * which is what makes them cheap, so nobody can count them. What is said of them is therefore no more than what the daemon itself
 * goes by when it decides how many slots may move at once: entries that a moved slot of the same ring has come to at earlier
 * changes, where there have been any.
 */
#include <stdlib.h>
#include <string.h>

#include "api_internal.h"
#include "preview.h"

#define UNKNOWN                                                                                                 \
	"not known: connections are counted only in slots that have moved, and none of this service has since " \
	"the daemon began"
#define ESTIMATE                                                                                             \
	"an estimate: slots that would move, times the connections that were tracked for each slot at this " \
	"service's last changes"

static json_t *uint_json(uint64_t value)
{
	return json_integer((json_int_t)value);
}

#define ALL "all connections of this service are in the table already: its algorithm, or sticky, needs that"
#define ALL_NEW                                                                                                  \
	"not known: from then on all connections of this service are tracked, and those that there are now are " \
	"not counted"

static bool picks(const struct config *config, const char *service)
{
	const struct config_service *found = config_find_service(config, service);

	return config_picks(found->algorithm, found->sticky);
}

/* Entries that there will be, with how that is known; NULL: it is not. */
static json_t *expect(const struct datapath_conns *conns, uint64_t moved, const char **basis)
{
	*basis = ESTIMATE;
	if (!moved) {
		*basis = "no slot would move";
		return uint_json(0);
	}
	if (conns->density > 0)
		return uint_json((uint64_t)((double)moved * conns->density + 0.5));
	*basis = UNKNOWN;
	return json_null();
}

/* Of a service that is in force, and will be. */
static json_t *tracked_json(const struct daemon *d, const struct config *next, const char *service, uint64_t moved)
{
	bool picked = picks(d->config, service), will_pick = picks(next, service);
	struct datapath_conns conns = {0};
	const char *basis = ALL_NEW;
	uint64_t entries = 0;
	json_t *expected;

	datapath_service_conns(d->dp, service, &conns);
	for (int state = 0; state < SHUNT_CONN_STATES; state++)
		entries += conns.entries[state];
	if (!will_pick)
		expected = expect(&conns, moved, &basis);
	else
		expected = picked ? uint_json(entries) : json_null();
	if (picked && will_pick)
		basis = ALL;
	return json_pack("{s:o, s:o, s:s}", "entries", uint_json(entries), "expected", expected, "basis", basis);
}

static json_t *table_json(const struct daemon *d)
{
	struct datapath_table table;

	datapath_table(d->dp, &table);
	return json_pack("{s:o, s:o}", "used", uint_json(table.entries), "limit", uint_json(table.entries_max));
}

json_t *api_plan_json(struct daemon *d, const struct config *next, json_t *diff, struct shunt_err *err)
{
	struct model *model = daemon_preview(d, next, err);
	json_t *services, *service;
	size_t i;

	if (!model)
		return NULL;
	services = preview_services(d->model, model);
	model_free(model);
	json_array_foreach (services, i, service) {
		const char *name = json_string_value(json_object_get(service, "name"));

		if (strcmp(json_string_value(json_object_get(service, "change")), "changed") != 0)
			continue;
		json_object_set_new(
			service, "tracked",
			tracked_json(d, next, name, (uint64_t)json_integer_value(json_object_get(service, "moved"))));
	}
	return json_pack("{s:O, s:o, s:o}", "changes", diff, "services", services, "table", table_json(d));
}
