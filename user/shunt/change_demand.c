/* SPDX-License-Identifier: GPL-2.0 */
#include "change_demand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "demand_join.h"
#include "views.h"

struct completion {
	struct cli *cli;
	json_t *changes;
	json_t *known; /* by service: its on_demand after the changes so far; null: it has none */
};

/* NULL: said already, *status is why. */
static const json_t *present_of(const struct completion *c, const char *service, int *status)
{
	json_t *answer;
	char *path;

	if (json_object_get(c->known, service))
		return json_object_get(c->known, service);
	path = client_path("/v1/services/", service);
	*status = client_get(c->cli, path, &answer);
	free(path);
	if (*status != STATUS_OK)
		return NULL;
	if (json_object_set(c->known, service, json_object_get(answer, "on_demand")))
		json_object_set_new(c->known, service, json_null());
	json_decref(answer);
	return json_object_get(c->known, service);
}

static int refuse(const struct completion *c, const char *service, const char *fmt)
{
	struct shunt_err err = {0};
	char where[sizeof(err.where)], what[sizeof(err.what)];

	snprintf(where, sizeof(where), "services[%.64s].on_demand", service);
	snprintf(what, sizeof(what), fmt, service);
	shunt_fail(&err, EINVAL, where, "%s", what);
	output_error(c->cli->out, &err);
	return STATUS_REFUSED;
}

/* Takes demand over: what the service has from this change on. */
static json_t *note(const struct completion *c, const char *service, json_t *demand)
{
	json_object_set_new(c->known, service, demand);
	return demand;
}

static int complete_service(const struct completion *c, json_t *change)
{
	const char *service = view_text(change, "service");
	json_t *set = json_object_get(change, "set");
	const json_t *given = json_object_get(set, "on_demand"), *present;
	int status = STATUS_OK;

	if (!given)
		return STATUS_OK;
	present = json_is_null(given) ? given : present_of(c, service, &status);
	if (!present)
		return status;
	if (demand_is_of_pools(present))
		return refuse(c, service,
			      "its pools are on demand, each on their own; expected `shunt pool set %s POOL "
			      "on_demand.KEY=VALUE`, or on_demand=none before");
	json_object_set(set, "on_demand", note(c, service, demand_join(present, given)));
	return STATUS_OK;
}

/* It is a member of the service: another change. */
static int complete_pool(const struct completion *c, size_t *at, json_t *change)
{
	const char *service = view_text(change, "service");
	json_t *set = json_object_get(change, "set"), *demand;
	const json_t *given = json_object_get(set, "on_demand"), *present;
	int status;

	if (!given)
		return STATUS_OK;
	present = present_of(c, service, &status);
	if (!present)
		return status;
	if (json_is_object(present) && !demand_is_of_pools(present))
		return refuse(c, service,
			      "it is on demand as a whole; expected `shunt service set %s on_demand=none` before");
	demand = note(c, service, demand_join_pool(present, view_text(change, "pool"), given));
	json_array_insert_new(
		c->changes, *at + 1,
		json_pack("{s:s, s:s, s:{s:O}}", "op", "service.set", "service", service, "set", "on_demand", demand));
	json_object_del(set, "on_demand");
	if (!json_object_size(set))
		json_array_remove(c->changes, *at);
	else
		++*at;
	return STATUS_OK;
}

static void complete_added(const struct completion *c, json_t *service)
{
	const json_t *given = json_object_get(service, "on_demand");
	json_t *demand = note(c, view_text(service, "name"), given ? demand_join(NULL, given) : json_null());

	if (given)
		json_object_set(service, "on_demand", demand);
}

static int complete_change(const struct completion *c, size_t *at)
{
	json_t *change = json_array_get(c->changes, *at);
	const char *op = view_text(change, "op");

	if (strcmp(op, "service.add") == 0)
		complete_added(c, json_object_get(change, "service"));
	else if (strcmp(op, "service.set") == 0)
		return complete_service(c, change);
	else if (strcmp(op, "pool.set") == 0)
		return complete_pool(c, at, change);
	return STATUS_OK;
}

int change_complete_demands(struct cli *cli, json_t *changes)
{
	const struct completion c = {cli, changes, json_object()};
	int status = STATUS_OK;

	for (size_t i = 0; status == STATUS_OK && i < json_array_size(changes); i++)
		status = complete_change(&c, &i);
	json_decref(c.known);
	return status;
}
