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

/* Of a service that is in force. */
static json_t *tracked_json(const struct daemon *d, const char *service, uint64_t moved)
{
	struct datapath_conns conns = {0};
	uint64_t entries = 0;
	json_t *expected;

	datapath_service_conns(d->dp, service, &conns);
	for (int state = 0; state < SHUNT_CONN_STATES; state++)
		entries += conns.entries[state];
	if (!moved)
		expected = uint_json(0);
	else
		expected = conns.density > 0 ? uint_json((uint64_t)((double)moved * conns.density + 0.5)) : json_null();
	return json_pack("{s:o, s:o, s:s}", "entries", uint_json(entries), "expected", expected, "basis",
			 !moved		     ? "no slot would move"
			 : conns.density > 0 ? ESTIMATE
					     : UNKNOWN);
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
			tracked_json(d, name, (uint64_t)json_integer_value(json_object_get(service, "moved"))));
	}
	return json_pack("{s:O, s:o, s:o}", "changes", diff, "services", services, "table", table_json(d));
}
