/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt wake`, `shunt sleep`: services, and pools, that are on demand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "change.h"
#include "table.h"
#include "views.h"

/* SERVICE or SERVICE/POOL behind the path; neither name has a slash in it. */
static char *path_of(const char *action, const char *target, bool force)
{
	const char *slash = strchr(target, '/');
	char *name = xasprintf("%.*s", slash ? (int)(slash - target) : (int)strlen(target), target);
	char *front = xasprintf("/v1/%s/", action), *path = client_path(front, name), *next;

	if (slash) {
		next = xasprintf("%s/", path);
		free(path);
		path = client_path(next, slash + 1);
		free(next);
	}
	next = xasprintf("%s%s", path, force ? "?force=1" : "");
	free(path);
	free(front);
	free(name);
	return next;
}

static void print_demand(const json_t *answer)
{
	struct table *t = table_new("POOL|STATE|REASON");
	const json_t *unit;
	size_t i;

	json_array_foreach (json_object_get(answer, "demand"), i, unit) {
		table_cell(t, "%s", view_text(unit, "pool"));
		table_cell(t, "%s", view_text(unit, "state"));
		table_cell(t, "%s", view_text(unit, "reason"));
	}
	table_print(t);
}

static int ask(struct cli *cli, const char *action, const char *target, bool force)
{
	char *path = path_of(action, target, force);
	const struct client_request request = {.method = "POST", .path = path};
	json_t *answer;
	int status = client_call(cli, &request, &answer);

	if (status == STATUS_OK)
		output_value(cli->out, answer, print_demand);
	free(path);
	return status;
}

static int wake_run(struct cli *cli, int argc, char **argv)
{
	int status = change_expect_args(cli, "wake", argc, argv, 1, "SERVICE or SERVICE/POOL");

	return status == STATUS_OK ? ask(cli, "wake", argv[0], false) : status;
}

static int sleep_run(struct cli *cli, int argc, char **argv)
{
	bool force = change_take_flag(&argc, argv, "--force");
	int status = change_expect_args(cli, "sleep", argc, argv, 1, "SERVICE or SERVICE/POOL");

	return status == STATUS_OK ? ask(cli, "sleep", argv[0], force) : status;
}

const struct command demand_commands[] = {
	{"wake", NULL, "SERVICE[/POOL]", "wake what is on demand: run its start hook", wake_run},
	{"sleep", NULL, "SERVICE[/POOL] [--force]",
	 "stop what is on demand, until somebody needs it; --force: also what had packets within its idle time",
	 sleep_run},
	{NULL, NULL, NULL, NULL, NULL},
};
