/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt conn`: what becomes of connections while rings change (docs/connections.md). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "holds.h"
#include "table.h"
#include "views.h"

static void add_integer(struct table *t, const json_t *object, const char *member)
{
	table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(object, member));
}

static json_int_t count_of(const json_t *service, const char *name)
{
	const json_t *count;
	size_t i;

	json_array_foreach (json_object_get(service, "counts"), i, count) {
		if (strcmp(view_text(count, "count"), name) == 0)
			return view_integer(count, "packets");
	}
	return 0;
}

static void add_service(struct table *t, const json_t *service)
{
	static const char *const slots[] = {"slots", "waiting", "prepared", "moved", "dirty"};
	static const char *const states[] = {"new", "established", "anchored", "closing"};
	json_int_t window = view_integer(service, "window_ends");
	char buf[HUMAN_TEXT];

	table_cell(t, "%s", view_text(service, "name"));
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		add_integer(t, service, slots[i]);
	table_cell(t, "%s", window ? human_duration(window, buf) : "-");
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		add_integer(t, json_object_get(service, "entries"), states[i]);
	table_cell(t, "%s", human_count(count_of(service, "refused"), buf));
}

static void print_services(const json_t *services)
{
	struct table *t = table_new("SERVICE|>SLOTS|>WAITING|>PREPARED|>MOVED|>DIRTY|>WINDOW|>NEW|>ESTABLISHED|"
				    ">ANCHORED|>CLOSING|>REFUSED");
	const json_t *service;
	size_t i;

	json_array_foreach (services, i, service)
		add_service(t, service);
	table_print(t);
}

/* "web: 40 slots waiting until ..."; nothing where there are none. */
static void print_slots(const json_t *service, const char *member, const char *what, const char *more)
{
	json_int_t count = view_integer(service, member);

	if (count)
		printf("%s: %" JSON_INTEGER_FORMAT " slot%s %s%s\n", view_text(service, "name"), count,
		       count == 1 ? "" : "s", what, more);
}

/* What goes on with slots. */
static void print_moves(const json_t *service)
{
	json_int_t window = view_integer(service, "window_ends");
	char buf[HUMAN_TEXT], more[64] = "";

	if (window)
		snprintf(more, sizeof(more), ", for another %s at least", human_duration(window, buf));
	print_slots(service, "waiting", "waiting until the connection table has room", "");
	print_slots(service, "prepared", "about to move", "");
	print_slots(service, "moved", "moved and recording their connections", more);
}

static void print_holds(const json_t *service)
{
	const json_t *hold;
	size_t i;

	json_array_foreach (json_object_get(service, "holds"), i, hold) {
		char *sentence = hold_sentence(view_text(hold, "address"), hold, view_integer(service, "window_ends"));

		printf("%s: %s\n", view_text(service, "name"), sentence);
		free(sentence);
	}
}

static bool is_at_rest(const json_t *service)
{
	return !view_integer(service, "waiting") && !view_integer(service, "prepared") &&
	       !view_integer(service, "moved") && !json_array_size(json_object_get(service, "holds"));
}

static void print_connections(const json_t *answer)
{
	const json_t *table = json_object_get(answer, "table"), *services = json_object_get(answer, "services"),
		     *service;
	size_t i;

	if (table)
		printf("connection table: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
		       " entries in use; the last sweep took %" JSON_INTEGER_FORMAT " ms\n\n",
		       view_integer(table, "used"), view_integer(table, "limit"), view_integer(table, "swept_ms"));
	print_services(services);
	json_array_foreach (services, i, service) {
		if (is_at_rest(service))
			continue;
		putchar('\n');
		print_moves(service);
		print_holds(service);
	}
}

/* The answer's form is the same with and without SERVICE, but for the table, which is all services'. */
static int conn(struct cli *cli, int argc, char **argv)
{
	json_t *answer;
	char *path;
	int status;

	if (argc == 0) {
		status = client_get(cli, "/v1/connections", &answer);
	} else {
		status = change_expect_args(cli, "conn", argc, argv, 1, "at most one SERVICE");
		if (status != STATUS_OK)
			return status;
		path = client_path("/v1/connections/", argv[0]);
		status = client_get(cli, path, &answer);
		free(path);
		if (status == STATUS_OK)
			answer = json_pack("{s:[o]}", "services", answer);
	}
	if (status == STATUS_OK)
		output_value(cli->out, answer, print_connections);
	return status;
}

const struct command conn_commands[] = {
	{"conn", NULL, "[SERVICE]",
	 "what becomes of connections while backends change: slots, entries, windows, drains", conn},
	{NULL, NULL, NULL, NULL, NULL},
};
