/* SPDX-License-Identifier: GPL-2.0 */
#include "views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/xalloc.h"
#include "holds.h"
#include "table.h"

const char *view_text(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text && text[0] ? text : "-";
}

json_int_t view_integer(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

const char *view_encap(const json_t *object)
{
	const json_t *encap = json_object_get(object, "encap");

	return json_is_object(encap) ? view_text(encap, "type") : view_text(object, "encap");
}

/* What an operator's drain has come to. The caller's. */
static char *drain_text(const json_t *backend)
{
	char *left = hold_left(json_object_get(backend, "hold"), 0);
	char *text = xasprintf("drained by an operator: %s", left[0] ? left : "nothing holds it any more");

	free(left);
	return text;
}

/* Why a backend is in its state, in the words of whoever decided. */
static const char *reason_of(const json_t *backend)
{
	const char *state = view_text(backend, "state");

	if (strcmp(state, "unresolved") == 0)
		return view_text(json_object_get(backend, "nexthop"), "why");
	if (view_integer(backend, "weight") == 0)
		return "weight 0: no new connections";
	return view_text(json_object_get(backend, "health"), "reason");
}

static void add_reason(struct table *t, const json_t *backend)
{
	json_int_t part = view_integer(backend, "slow_start");

	if (part)
		table_cell(t, "slow start, at %" JSON_INTEGER_FORMAT " %% of its weight: %s", part, reason_of(backend));
	else
		table_cell(t, "%s", reason_of(backend));
}

static const char *age_of(const json_t *health, char *buf)
{
	json_int_t since = view_integer(health, "since"), now = time(NULL);

	return since > 0 && since <= now ? human_duration(now - since, buf) : "-";
}

static void add_backend(struct table *t, const json_t *service, const json_t *backend)
{
	const json_t *health = json_object_get(backend, "health"), *nexthop = json_object_get(backend, "nexthop");
	char age[HUMAN_TEXT], packets[HUMAN_TEXT], bytes[HUMAN_TEXT], *reason;

	table_cell(t, "%s", view_text(service, "name"));
	table_cell(t, "%s", view_text(backend, "pool"));
	table_cell(t, "%s", view_text(backend, "address"));
	table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(backend, "weight"));
	table_cell(t, "%s", view_text(backend, "state"));
	table_cell(t, "%s", view_text(health, "state"));
	table_cell(t, "%s", age_of(health, age));
	table_cell(t, "%s", view_encap(backend));
	table_cell(t, "%s", view_text(nexthop, "interface"));
	table_cell(t, "%s", view_text(backend, "from"));
	table_cell(t, "%s", human_count(view_integer(backend, "packets"), packets));
	table_cell(t, "%s", human_bytes(view_integer(backend, "bytes"), bytes));
	if (strcmp(view_text(backend, "state"), "drain") == 0) {
		reason = drain_text(backend);
		table_cell(t, "%s", reason);
		free(reason);
	} else {
		add_reason(t, backend);
	}
}

void view_backends(const json_t *services)
{
	struct table *t =
		table_new("SERVICE|POOL|BACKEND|>WEIGHT|STATE|HEALTH|>FOR|ENCAP|VIA|FROM|>PACKETS|>BYTES|REASON");
	const json_t *service, *backend;
	size_t i, j;

	json_array_foreach (services, i, service) {
		json_array_foreach (json_object_get(service, "backends"), j, backend)
			add_backend(t, service, backend);
	}
	table_print(t);
}

void view_refused(const json_t *fault)
{
	const char *where = json_string_value(json_object_get(fault, "where"));

	printf("NOT APPLIED: %s: %s\n", where ? where : view_text(fault, "file"), view_text(fault, "detail"));
}
