/* SPDX-License-Identifier: GPL-2.0 */
#include "change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "change_demand.h"
#include "plan.h"

void change_print_remarks(const json_t *answer)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(answer, "warnings"), i, item)
		printf("warning: %s\n", json_string_value(item));
	json_array_foreach (json_object_get(answer, "notes"), i, item)
		printf("note: %s\n", json_string_value(item));
}

void change_print(const json_t *answer)
{
	json_int_t generation = json_integer_value(json_object_get(answer, "generation"));
	const json_t *changes = json_object_get(answer, "changes"), *item;
	size_t i;

	if (!json_is_true(json_object_get(answer, "changed"))) {
		printf("nothing to change (generation %" JSON_INTEGER_FORMAT ")\n", generation);
	} else {
		json_array_foreach (changes, i, item) {
			char *text = args_describe(item);

			printf("%s\n", text);
			free(text);
		}
		if (!changes)
			printf("done (generation %" JSON_INTEGER_FORMAT ")\n", generation);
	}
	change_print_remarks(answer);
}

int change_send(struct cli *cli, const struct client_request *request)
{
	json_t *answer;
	int status = client_call(cli, request, &answer);

	if (status == STATUS_OK)
		output_value(cli->out, answer, change_print);
	return status;
}

int change_send_list(struct cli *cli, json_t *changes, bool force)
{
	static const char *const paths[2][2] = {
		{"/v1/changes", "/v1/changes?force=1"},
		{"/v1/changes?plan=1", "/v1/changes?plan=1&force=1"},
	};
	struct client_request request = {
		.method = "POST", .path = paths[cli->planning][force], .type = "application/json"};
	int status = change_complete_demands(cli, changes);
	json_t *wrapped, *answer;
	char *body;

	if (status != STATUS_OK)
		return status;
	wrapped = json_pack("{s:O}", "changes", changes);
	body = json_dumps(wrapped, JSON_COMPACT);
	request.body = body;
	request.len = strlen(body);
	status = cli->planning ? plan_send(cli, &request) : client_call(cli, &request, &answer);

	if (status == STATUS_OK && !cli->planning) {
		json_object_set(answer, "changes", changes);
		output_value(cli->out, answer, change_print);
	}
	free(body);
	json_decref(wrapped);
	return status;
}

json_t *change_parse(struct cli *cli, int argc, char **argv)
{
	struct shunt_err err = {0};
	json_t *changes = args_changes(cli->command->noun, cli->command->verb, argc, argv, &err);

	if (!changes)
		output_error(cli->out, &err);
	return changes;
}

bool change_take_flag(int *argc, char **argv, const char *flag)
{
	int kept = 0;

	for (int i = 0; i < *argc; i++)
		if (strcmp(argv[i], flag))
			argv[kept++] = argv[i];
	if (kept == *argc)
		return false;
	*argc = kept;
	return true;
}

int change_run(struct cli *cli, int argc, char **argv)
{
	bool force = change_take_flag(&argc, argv, "--force");
	json_t *changes = change_parse(cli, argc, argv);
	int status;

	if (!changes)
		return STATUS_USAGE;
	status = change_send_list(cli, changes, force);
	json_decref(changes);
	return status;
}

int change_expect_args(struct cli *cli, const char *command, int argc, char **argv, int expected, const char *args)
{
	struct shunt_err err = {0};
	char where[sizeof(err.where)];

	if (argc == expected)
		return STATUS_OK;
	if (argc > expected) {
		snprintf(where, sizeof(where), "argument \"%.200s\"", argv[expected]);
		shunt_fail(&err, EINVAL, where, "%s takes %s", command, expected ? args : "no arguments");
	} else {
		shunt_fail(&err, EINVAL, command, "expected %s", args);
	}
	output_error(cli->out, &err);
	return STATUS_USAGE;
}
