/* SPDX-License-Identifier: GPL-2.0 */
/* The built command, run by a shell, for the tests of what it prints where. */
#ifndef SHUNT_TEST_CLI_RUN_H
#define SHUNT_TEST_CLI_RUN_H

#include "api_client.h"

struct cli_result {
	int status;
	char out[65536], err[8192];
};

struct cli_row {
	const char *line;
	int status;
	const char *out, *err; /* what they hold; "": nothing at all */
};

struct cli_json_row {
	const char *line;
	int status;
	const char *member; /* that the value has */
};

/* Before them: the fake daemon, and the names below. stop_fake() follows. */
int start_cli(void **state);

/* A shell line in which $SHUNT is the command and $DIR the fake's directory. */
void cli_run(struct cli_result *r, const char *line);

/* Run each; one that gives something else ends the test. */
void cli_rows(const struct cli_row *rows, size_t count);

/* Each prints one JSON value, and nothing else: on stdout when all is well (0, or 4: something differs), else on stderr. */
void cli_json_rows(const struct cli_json_row *rows, size_t count);

#endif
