/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>

#include "change.h"
#include "drain.h"
#include "views.h"

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
	{"backend", "add",
	 "SERVICE ADDRESS [weight=N] [mac=MAC] [state=up|drain] [pool=POOL] [encap=ENCAP] [encap.KEY=VALUE...] "
	 "[server_id=HEX...]",
	 "add a backend to a service", change_run},
	{"backend", "set",
	 "SERVICE ADDRESS [weight=N] [mac=MAC] [state=up|drain] [pool=POOL] [encap=ENCAP] [encap.KEY=VALUE...] "
	 "[server_id=HEX...]",
	 "change a backend", change_run},
	{"backend", "delete", "SERVICE ADDRESS...", "take backends out of a service for good", change_run},
	{"backend", "drain", "SERVICE ADDRESS... [--wait] [--timeout SECONDS]",
	 "send backends no new connections; --wait: until those that they have are gone", drain_run},
	{"backend", "undrain", "SERVICE ADDRESS...", "send drained backends new connections again", change_run},
	{"backend", "list", "[SERVICE]", "list backends with their states", backend_list},
	{NULL, NULL, NULL, NULL, NULL},
};
