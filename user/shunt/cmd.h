/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Commands are rows: {noun, verb, arguments, help, handler}, at the bottom of the noun's file; main.c finds and runs them, and
 * prints help from them. Handlers never print: they hand values to the output (output.h), which is text or JSON.
 */
#ifndef SHUNT_CMD_H
#define SHUNT_CMD_H

#include <stdbool.h>

#include "output.h"

/* Exit statuses. */
enum { STATUS_OK = 0, STATUS_REFUSED = 1, STATUS_USAGE = 2, STATUS_UNREACHABLE = 3, STATUS_DIFFERENT = 4 };

struct cli {
	const char *socket; /* the daemon's Unix socket */
	char etag[64];	    /* of the last answer; empty: it had none */
	bool read_only;	    /* the last answer came by the socket for reading, which shows no secrets */
	bool planning;	    /* changes are not to be made, but planned */
	struct output *out;
	const struct command *command; /* the one that runs */
};

struct command {
	const char *noun;				    /* "service"; NULL ends a table */
	const char *verb;				    /* "add"; NULL: the noun alone is the command ("status") */
	const char *args;				    /* for help: "NAME vip=VIP ..." */
	const char *help;				    /* one line */
	int (*run)(struct cli *cli, int argc, char **argv); /* argv: what follows noun and verb; returns a STATUS_ */
};

extern const struct command daemon_commands[]; /* status, apply, version, detach */
extern const struct command files_commands[];  /* check, export, reload */
extern const struct command edit_commands[];
extern const struct command history_commands[]; /* plan, history, diff, rollback */
extern const struct command stats_commands[];
extern const struct command conn_commands[];
extern const struct command events_commands[];
extern const struct command service_commands[];
extern const struct command backend_commands[];
extern const struct command pool_commands[];
extern const struct command demand_commands[]; /* wake, sleep */
extern const struct command register_commands[];
extern const struct command agent_commands[]; /* backend-agent, backend-setup: run on a backend, need no daemon */

#endif
