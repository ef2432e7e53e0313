/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of connections while rings change, as JSON (docs/connections.md). The same object is a service's in
 * GET /v1/connections and its "connections" in GET /v1/stats, so that whoever watches the one knows the names of the other.
 */
#include <errno.h>
#include <stdlib.h>

#include "../lib/xalloc.h"
#include "api_internal.h"

static json_t *uint_json(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static const char *dest_state_name(enum shunt_dest_state state)
{
	static const char *const names[] = {
		[SHUNT_DEST_FREE] = "free", [SHUNT_DEST_UP] = "up",	[SHUNT_DEST_DRAIN] = "drain",
		[SHUNT_DEST_DOWN] = "down", [SHUNT_DEST_DEAD] = "dead",
	};

	return names[state];
}

json_t *api_conn_table_json(const struct daemon *d)
{
	struct datapath_table table;

	datapath_table(d->dp, &table);
	return json_pack("{s:o, s:o, s:o, s:o}", "used", uint_json(table.entries), "limit",
			 uint_json(table.entries_max), "sweeps", uint_json(table.sweeps), "swept_ms",
			 uint_json(table.swept_ms));
}

static json_t *entries_json(const struct datapath_conns *conns)
{
	static const char *const names[] = {
		[SHUNT_CONN_NEW] = "new",
		[SHUNT_CONN_EST] = "established",
		[SHUNT_CONN_ANCH] = "anchored",
		[SHUNT_CONN_CLOSING] = "closing",
	};
	json_t *object = json_object();

	_Static_assert(sizeof(names) / sizeof(names[0]) == SHUNT_CONN_STATES, "a name for every state");
	for (int i = 0; i < SHUNT_CONN_STATES; i++)
		json_object_set_new(object, names[i], uint_json(conns->entries[i]));
	return object;
}

static json_t *counts_json(const struct datapath_conns *conns)
{
	static const struct {
		const char *name, *text;
	} counts[] = {
#define X(name, text) {#name, text},
		SHUNT_CONN_COUNTS(X)
#undef X
	};
	json_t *array = json_array();

	for (int i = 0; i < SHUNT_CONN_COUNT_MAX; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:o}", "count", counts[i].name, "text",
						       counts[i].text, "packets", uint_json(conns->counts[i])));
	return array;
}

json_t *api_conns_json(const struct daemon *d, const char *service)
{
	struct datapath_conns conns = {0};

	datapath_service_conns(d->dp, service, &conns);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "slots", uint_json(conns.slots), "waiting",
			 uint_json(conns.waiting), "prepared", uint_json(conns.prepared), "moved",
			 uint_json(conns.moved), "dirty", uint_json(conns.dirty), "window_ends",
			 uint_json(conns.window_ends), "entries", entries_json(&conns), "counts", counts_json(&conns));
}

/* Before the first sweep of a daemon it is not known which entries there are. */
static bool has_swept(const struct daemon *d)
{
	struct datapath_table table;

	datapath_table(d->dp, &table);
	return table.sweeps > 0;
}

static json_t *hold_json(const struct daemon *d, const struct datapath_hold *hold)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o}", "state", dest_state_name(hold->state), "slots",
			 uint_json(hold->slots), "anchors", uint_json(hold->anchors), "entries",
			 has_swept(d) ? uint_json(hold->entries) : json_null(), "for", uint_json(hold->for_s),
			 "ends_in", uint_json(hold->ends_in));
}

static bool holds_nothing(const struct daemon *d, const struct datapath_hold *hold)
{
	return has_swept(d) && !hold->slots && !hold->anchors && !hold->entries;
}

/* Only of backends that take no new connections: of the others all slots that name them would have to be counted. */
void api_set_hold(json_t *object, const struct daemon *d, const char *service, const struct config_backend *backend)
{
	enum backend_state state = daemon_backend_state(d, service, backend);
	struct datapath_hold hold;
	bool there;

	if (backend_is_used(state))
		return;
	there = datapath_dest_hold(d->dp, service, &backend->addr, &hold);
	if (there)
		json_object_set_new(object, "hold", hold_json(d, &hold));
	if (state == BACKEND_DRAIN)
		json_object_set_new(object, "drained", json_boolean(!there || holds_nothing(d, &hold)));
}

static json_t *holds_json(const struct daemon *d, const char *service)
{
	size_t count = datapath_holds(d->dp, service, NULL, 0);
	struct datapath_hold *holds = xcalloc(count + 1, sizeof(*holds));
	json_t *array = json_array();

	count = datapath_holds(d->dp, service, holds, count);
	for (size_t i = 0; i < count; i++) {
		char addr[SHUNT_ADDR_TEXT];
		json_t *object = json_pack("{s:s, s:b}", "address", addr_format(&holds[i].addr, addr), "removed",
					   holds[i].removed);

		json_object_update_new(object, hold_json(d, &holds[i]));
		json_array_append_new(array, object);
	}
	free(holds);
	return array;
}

static json_t *service_json(const struct daemon *d, const char *service)
{
	json_t *object = json_pack("{s:s}", "name", service);

	json_object_update_new(object, api_conns_json(d, service));
	json_object_set_new(object, "holds", holds_json(d, service));
	return object;
}

json_t *api_service_connections_json(const struct daemon *d, const char *name, struct shunt_err *err)
{
	if (!config_find_service(d->config, name)) {
		shunt_fail(err, ENOENT, NULL, "no service \"%s\"", name);
		return NULL;
	}
	return service_json(d, name);
}

json_t *api_connections_json(const struct daemon *d)
{
	json_t *services = json_array();

	for (size_t i = 0; i < d->config->service_count; i++)
		json_array_append_new(services, service_json(d, d->config->services[i].name));
	return json_pack("{s:o, s:o}", "table", api_conn_table_json(d), "services", services);
}

/* Of a backend that next does not have any more, and that has connections. */
static json_t *removed_note(const struct daemon *d, const struct config_service *is, const struct shunt_addr *backend)
{
	struct datapath_hold hold;
	char addr[SHUNT_ADDR_TEXT];

	if (!datapath_dest_hold(d->dp, is->name, backend, &hold) || hold.state == SHUNT_DEST_DEAD ||
	    holds_nothing(d, &hold))
		return NULL;
	if (!is->drain_timeout)
		return json_sprintf("services[%s].backends[%s]: gets no new connections; those that it has live on "
				    "until they end (drain_timeout is 0)",
				    is->name, addr_format(backend, addr));
	return json_sprintf("services[%s].backends[%s]: gets no new connections; those that it has live on until they "
			    "end, at most %u s (drain_timeout)",
			    is->name, addr_format(backend, addr), is->drain_timeout);
}

json_t *api_removed_notes(const struct daemon *d, const struct config *next)
{
	json_t *notes = json_array();
	struct config_names *names;
	struct config view[2];

	config_differing(d->config, next, view);
	names = config_names_new(&view[1]);
	for (size_t i = 0; i < view[0].service_count; i++) {
		const struct config_service *was = &view[0].services[i];
		const struct config_service *is = config_names_find(names, was->name);

		for (size_t j = 0; is && j < was->backend_count; j++) {
			json_t *note = NULL;

			if (!config_find_backend(is, &was->backends[j].addr))
				note = removed_note(d, is, &was->backends[j].addr);
			if (note)
				json_array_append_new(notes, note);
		}
	}
	free(names);
	free(view[0].services);
	free(view[1].services);
	return notes;
}
