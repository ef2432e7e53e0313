/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>

#include "change.h"
#include "views.h"

static int backend_add(struct cli *cli, int argc, char **argv)
{
	return change_run(cli, "backend", "add", argc, argv);
}

static int backend_set(struct cli *cli, int argc, char **argv)
{
	return change_run(cli, "backend", "set", argc, argv);
}

static int backend_delete(struct cli *cli, int argc, char **argv)
{
	return change_run(cli, "backend", "delete", argc, argv);
}

static int backend_drain(struct cli *cli, int argc, char **argv)
{
	return change_run(cli, "backend", "drain", argc, argv);
}

static int backend_undrain(struct cli *cli, int argc, char **argv)
{
	return change_run(cli, "backend", "undrain", argc, argv);
}

static void print_backends(const json_t *answer)
{
	view_backends(json_object_get(answer, "services"));
}

/* The answer's form is the same with and without SERVICE. */
static int backend_list(struct cli *cli, int argc, char **argv)
{
	json_t *answer;
	char *path;
	int status;

	if (argc == 0) {
		status = client_get(cli, "/v1/services", &answer);
	} else {
		status = change_expect_args(cli, "backend list", argc, argv, 1, "at most one SERVICE");
		if (status != STATUS_OK)
			return status;
		path = client_path("/v1/services/", argv[0]);
		status = client_get(cli, path, &answer);
		free(path);
		if (status == STATUS_OK)
			answer = json_pack("{s:[o]}", "services", answer);
	}
	if (status == STATUS_OK)
		output_value(cli->out, answer, print_backends);
	return status;
}

const struct command backend_commands[] = {
	{"backend", "add", "SERVICE ADDRESS [weight=N] [mac=MAC] [state=up|drain]", "add a backend to a service",
	 backend_add},
	{"backend", "set", "SERVICE ADDRESS [weight=N] [mac=MAC] [state=up|drain]", "change a backend", backend_set},
	{"backend", "delete", "SERVICE ADDRESS...", "take backends out of a service for good", backend_delete},
	{"backend", "drain", "SERVICE ADDRESS...", "send backends no new connections", backend_drain},
	{"backend", "undrain", "SERVICE ADDRESS...", "send drained backends new connections again", backend_undrain},
	{"backend", "list", "[SERVICE]", "list backends with their states", backend_list},
	{NULL, NULL, NULL, NULL, NULL},
};
