/* SPDX-License-Identifier: GPL-2.0 */
/* What would change, what has changed, and the way back. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/xalloc.h"
#include "change.h"
#include "plan.h"
#include "table.h"
#include "views.h"

#define ANSWERS_DIFFERENT "; exit status 4 if there is anything, 0 if there is not"

static const json_t *list_of(const json_t *answer, const char *member)
{
	return json_object_get(answer, member);
}

static int plan(struct cli *cli, int argc, char **argv)
{
	bool force = change_take_flag(&argc, argv, "--force");
	int ret = change_expect_args(cli, "plan", argc, argv, 1,
				     "one FILE (\"-\": stdin), or a change such as backend drain web 10.1.0.11");

	if (ret != STATUS_OK)
		return ret;
	return change_put_file(cli, argv[0],
			       force ? "/v1/config?plan=1&force=1&name=" : "/v1/config?plan=1&name=", plan_send, NULL);
}

/* Who it was, as far as that is known: a name for the user's number. */
static void user_cell(struct table *t, const json_t *revision)
{
	const json_t *uid = json_object_get(revision, "uid");
	const struct passwd *user = json_is_integer(uid) ? getpwuid((uid_t)json_integer_value(uid)) : NULL;

	if (user)
		table_cell(t, "%s", user->pw_name);
	else if (json_is_integer(uid))
		table_cell(t, "%" JSON_INTEGER_FORMAT, json_integer_value(uid));
	else
		table_cell(t, "-");
}

static void print_history(const json_t *history)
{
	struct table *t = table_new(">REVISION|TIME|USER|BY|SUMMARY");
	const json_t *revision;
	char text[32];
	size_t i;

	json_array_foreach (list_of(history, "revisions"), i, revision) {
		time_t when = (time_t)view_integer(revision, "time");
		struct tm local;

		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", localtime_r(&when, &local));
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(revision, "revision"));
		table_cell(t, "%s", text);
		user_cell(t, revision);
		table_cell(t, "%s", view_text(revision, "by"));
		table_cell(t, "%s", view_text(revision, "summary"));
	}
	table_print(t);
}

static int history(struct cli *cli, int argc, char **argv)
{
	json_t *answer;
	int ret = change_expect_args(cli, "history", argc, argv, 0, NULL);

	if (ret == STATUS_OK)
		ret = client_get(cli, "/v1/history", &answer);
	if (ret == STATUS_OK)
		output_value(cli->out, answer, print_history);
	return ret;
}

static void print_diff(const json_t *diff)
{
	if (json_array_size(list_of(diff, "changes")))
		plan_print_changes(list_of(diff, "changes"));
	else
		printf("no difference\n");
}

/* A revision's number, which becomes a part of a path. */
static int check_number(struct cli *cli, const char *word)
{
	struct shunt_err err = {0};
	char where[sizeof(err.where)];

	if (word[0] >= '1' && word[0] <= '9' && strspn(word, "0123456789") == strlen(word))
		return STATUS_OK;
	snprintf(where, sizeof(where), "argument \"%.200s\"", word);
	shunt_fail(&err, EINVAL, where, "expected the number of a revision; `shunt history` lists them");
	output_error(cli->out, &err);
	return STATUS_USAGE;
}

static int diff(struct cli *cli, int argc, char **argv)
{
	char *path;
	json_t *answer;
	int ret = argc == 2 ? STATUS_OK : change_expect_args(cli, "diff", argc, argv, 1, "N [M], numbers of revisions");

	for (int i = 0; ret == STATUS_OK && i < argc; i++)
		ret = check_number(cli, argv[i]);
	if (ret != STATUS_OK)
		return ret;
	path = xasprintf("/v1/history/%s/diff%s%s", argv[0], argc == 2 ? "?to=" : "", argc == 2 ? argv[1] : "");
	ret = client_get(cli, path, &answer);
	free(path);
	if (ret != STATUS_OK)
		return ret;
	ret = json_array_size(list_of(answer, "changes")) ? STATUS_DIFFERENT : STATUS_OK;
	output_value(cli->out, answer, print_diff);
	return ret;
}

static void print_rollback(const json_t *answer)
{
	json_int_t to = view_integer(answer, "to"), now = view_integer(answer, "revision");

	if (json_is_true(json_object_get(answer, "changed")))
		printf("as in revision %" JSON_INTEGER_FORMAT " again (revision %" JSON_INTEGER_FORMAT
		       ", generation %" JSON_INTEGER_FORMAT ")\n",
		       to, now, view_integer(answer, "generation"));
	else
		printf("nothing to change: revision %" JSON_INTEGER_FORMAT " says what is in force\n", to);
	change_print_remarks(answer);
}

static int rollback(struct cli *cli, int argc, char **argv)
{
	bool force = change_take_flag(&argc, argv, "--force");
	struct client_request request = {
		.method = "POST", .path = force ? "/v1/rollback?force=1" : "/v1/rollback", .type = "application/json"};
	json_t *answer;
	char *body;
	int ret =
		argc ? change_expect_args(cli, "rollback", argc, argv, 1, "[N], the number of a revision") : STATUS_OK;

	if (ret == STATUS_OK && argc)
		ret = check_number(cli, argv[0]);
	if (ret != STATUS_OK)
		return ret;
	body = argc ? xasprintf("{\"to\": %s}", argv[0]) : xstrdup("{}");
	request.body = body;
	request.len = strlen(body);
	ret = client_call(cli, &request, &answer);
	free(body);
	if (ret == STATUS_OK)
		output_value(cli->out, answer, print_rollback);
	return ret;
}

const struct command history_commands[] = {
	{"plan", NULL, "[--force] FILE | service|backend|pool VERB ARGUMENTS",
	 "show what `shunt apply FILE`, or that command, would change, and how many slots would move; changes "
	 "nothing" ANSWERS_DIFFERENT,
	 plan},
	{"history", NULL, "", "list the revisions of the configuration, the last one first", history},
	{"diff", NULL, "N [M]", "show what differs from revision N in M (the one in force)" ANSWERS_DIFFERENT, diff},
	{"rollback", NULL, "[--force] [N]",
	 "put what was in force as revision N (the one before the present) in force again, as a new revision; --force: "
	 "also where services go that have traffic",
	 rollback},
	{NULL, NULL, NULL, NULL, NULL},
};
