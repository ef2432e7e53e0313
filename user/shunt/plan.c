/* SPDX-License-Identifier: GPL-2.0 */
#include "plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/config.h"
#include "../lib/diff.h"
#include "../lib/yaml.h"
#include "change.h"
#include "views.h"

#define VALUE_MAX 200

/* A whole service or backend, as it is written in a file, behind the sign of its line. */
static void print_whole(const json_t *value, char sign)
{
	char *text = yaml_dump(value), *line = text, *end;

	for (; (end = strchr(line, '\n')); line = end + 1)
		printf("%c     %.*s\n", sign, (int)(end - line), line);
	free(text);
}

void plan_print_changes(const json_t *changes)
{
	const json_t *item, *value;
	size_t i;

	json_array_foreach (changes, i, item) {
		char *line = diff_line(item, VALUE_MAX);

		printf("%s\n", line);
		value = json_object_get(item, "value");
		if (line[0] == '+' && (json_is_object(value) || json_is_array(value)))
			print_whole(value, line[0]);
		free(line);
	}
}

static void print_slots(const json_t *service)
{
	json_int_t slots = view_integer(service, "slots"), moved = view_integer(service, "moved");
	const char *change = view_text(service, "change");

	if (strcmp(change, "added") == 0)
		printf("new, %" JSON_INTEGER_FORMAT " slots\n", slots);
	else if (strcmp(change, "removed") == 0)
		printf("goes, with all of its connections\n");
	else
		printf("%" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " slots move (%.1f %%)%s\n", moved, slots,
		       slots ? 100.0 * (double)moved / (double)slots : 0.0,
		       json_is_true(json_object_get(service, "rehashed")) ? "; nearly every flow gets another slot"
									  : "");
}

static void print_tracked(const json_t *tracked)
{
	const json_t *expected = json_object_get(tracked, "expected");

	if (!tracked)
		return;
	printf("  connections that would be tracked: ");
	if (json_is_integer(expected))
		printf("%" JSON_INTEGER_FORMAT " (%s)", json_integer_value(expected), view_text(tracked, "basis"));
	else
		printf("%s", view_text(tracked, "basis"));
	printf("; tracked now: %" JSON_INTEGER_FORMAT "\n", view_integer(tracked, "entries"));
}

static void print_backends(const json_t *backends)
{
	const json_t *backend;
	size_t i;

	json_array_foreach (backends, i, backend)
		printf("  %s%s%s: %" JSON_INTEGER_FORMAT " -> %" JSON_INTEGER_FORMAT " slots\n",
		       view_text(backend, "address"),
		       strcmp(view_text(backend, "pool"), CONFIG_POOL_DEFAULT) ? " in " : "",
		       strcmp(view_text(backend, "pool"), CONFIG_POOL_DEFAULT) ? view_text(backend, "pool") : "",
		       view_integer(backend, "from"), view_integer(backend, "to"));
}

static void print_plan(const json_t *plan)
{
	const json_t *service, *table = json_object_get(plan, "table");
	size_t i;

	if (!json_is_true(json_object_get(plan, "changed"))) {
		printf("nothing would change\n");
		return;
	}
	plan_print_changes(json_object_get(plan, "changes"));
	json_array_foreach (json_object_get(plan, "services"), i, service) {
		printf("\n%s: ", view_text(service, "name"));
		print_slots(service);
		print_backends(json_object_get(service, "backends"));
		print_tracked(json_object_get(service, "tracked"));
	}
	printf("\nconnections tracked now, of all services: %" JSON_INTEGER_FORMAT ", room for %" JSON_INTEGER_FORMAT
	       "\n",
	       view_integer(table, "used"), view_integer(table, "limit"));
	change_print_remarks(plan);
}

int plan_send(struct cli *cli, const struct client_request *request)
{
	json_t *answer;
	int status = client_call(cli, request, &answer);

	if (status != STATUS_OK)
		return status;
	status = json_is_true(json_object_get(answer, "changed")) ? STATUS_DIFFERENT : STATUS_OK;
	output_value(cli->out, answer, print_plan);
	return status;
}
