/* SPDX-License-Identifier: GPL-2.0 */
/* Commands that change what the daemon does. */
#ifndef SHUNT_CHANGE_H
#define SHUNT_CHANGE_H

#include "client.h"

/* The handler of all changes of services and backends: send the command, its arguments, and what is joined to them by "+", as one
 * transaction. */
int change_run(struct cli *cli, int argc, char **argv);

/* Its two halves. NULL: wrong usage, said already. */
json_t *change_parse(struct cli *cli, int argc, char **argv);
int change_send_list(struct cli *cli, json_t *changes, bool force);

/* Is the flag among the arguments? It is taken out. */
bool change_take_flag(int *argc, char **argv, const char *flag);

/* What came of a change, as text. */
void change_print(const json_t *answer);

/* Send a request whose answer is {"changed", "generation", ...}, and say what came of it. */
int change_send(struct cli *cli, const struct client_request *request);

/* The same with the configuration in a file ("-": stdin) as the body of a PUT; path_to_name: the path up to the file's name. if_match: as
 * apply_file() has it. */
typedef int change_sender(struct cli *cli, const struct client_request *request);
int change_put_file(struct cli *cli, const char *file, const char *path_to_name, change_sender *send,
		    const char *if_match);

/* What an answer says besides: warnings and notes, a line each. */
void change_print_remarks(const json_t *answer);

/* Is there an argument too many, or one missing? STATUS_USAGE then, said already. */
int change_expect_args(struct cli *cli, const char *command, int argc, char **argv, int expected, const char *args);

#endif
