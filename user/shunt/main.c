/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The command: `shunt [OPTIONS] NOUN [VERB] ARGUMENTS`. Finds the row that is meant (cmd.h) and runs it; help is printed from the
 * same rows. Options of the command itself may also stand behind the noun, where people type them, except the socket's, whose
 * letters mean other things there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/sockets.h"
#include "../lib/xalloc.h"
#include "cmd.h"
#include "words.h"

static const struct command *const tables[] = {daemon_commands, files_commands,	 edit_commands,	    history_commands,
					       stats_commands,	conn_commands,	 events_commands,   service_commands,
					       pool_commands,	demand_commands, register_commands, backend_commands,
					       agent_commands};

/* All rows, in the order of the tables. */
struct rows {
	const struct command **row;
	size_t count;
};

struct invocation {
	struct cli cli;
	bool json, help;
	int argc; /* noun, verb and arguments, options taken out */
	char **argv;
};

static struct rows all_rows(void)
{
	struct rows rows = {0};

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct command *c = tables[i]; c->noun; c++) {
			rows.row = xreallocarray(rows.row, rows.count + 1, sizeof(*rows.row));
			rows.row[rows.count++] = c;
		}
	}
	return rows;
}

static int find_noun(const struct rows *rows, const char *word, struct shunt_err *err)
{
	const char **nouns = xcalloc(rows->count + 1, sizeof(*nouns));
	int found;

	for (size_t i = 0; i < rows->count; i++)
		nouns[i] = rows->row[i]->noun;
	nouns[rows->count] = "help";
	found = words_find(word, nouns, rows->count + 1, "command", err);
	free(nouns);
	return found;
}

/* Rows of one noun stand together, from first on. */
static size_t count_noun(const struct rows *rows, size_t first)
{
	size_t count = 0;

	while (first + count < rows->count && strcmp(rows->row[first + count]->noun, rows->row[first]->noun) == 0)
		count++;
	return count;
}

static int find_verb(const struct rows *rows, size_t first, const char *word, struct shunt_err *err)
{
	size_t count = count_noun(rows, first);
	const char **verbs = xcalloc(count, sizeof(*verbs));
	int found;

	for (size_t i = 0; i < count; i++)
		verbs[i] = rows->row[first + i]->verb;
	found = words_find(word, verbs, count, "verb", err);
	free(verbs);
	return found < 0 ? shunt_fail(err, EINVAL, rows->row[first]->noun, "%s", err->what) : (int)first + found;
}

static json_t *row_json(const struct command *c)
{
	json_t *row = json_pack("{s:s}", "noun", c->noun);

	if (c->verb)
		json_object_set_new(row, "verb", json_string(c->verb));
	json_object_set_new(row, "arguments", json_string(c->args));
	json_object_set_new(row, "help", json_string(c->help));
	return row;
}

/* text behind what stands on the line already (column), broken between words, the next lines indented. */
static void print_wrapped(const char *text, size_t column)
{
	static const size_t width = 100, indent = 8;

	for (size_t len; *text; text += len + (text[len] == ' ')) {
		len = strcspn(text, " ");
		if (column + 1 + len > width) {
			printf("\n%*s", (int)indent, "");
			column = indent;
		} else {
			putchar(' ');
			column++;
		}
		printf("%.*s", (int)len, text);
		column += len;
	}
	putchar('\n');
}

static void print_rows(const json_t *help)
{
	const json_t *row;
	size_t i;

	json_array_foreach (json_object_get(help, "commands"), i, row) {
		const char *verb = json_string_value(json_object_get(row, "verb"));
		int column = printf("  %s%s%s", json_string_value(json_object_get(row, "noun")), verb ? " " : "",
				    verb ? verb : "");

		print_wrapped(json_string_value(json_object_get(row, "arguments")), column);
		printf("       ");
		print_wrapped(json_string_value(json_object_get(row, "help")), 7);
	}
}

static void print_help(const json_t *help)
{
	printf("usage: shunt [-s SOCKET] [--json] COMMAND ARGUMENTS\n"
	       "       shunt help [NOUN]\n\n"
	       "  -s, --socket SOCKET   the daemon's socket (else $SHUNT_SOCKET, else %s)\n"
	       "      --json            results on stdout and errors on stderr, as JSON\n"
	       "  -h, --help            help: for the noun in front of it, if there is one\n"
	       "  -V, --version         the same as the command version\n\n"
	       "commands (may be shortened as long as they are unambiguous):\n",
	       SOCKET_DEFAULT);
	print_rows(help);
	printf("\nChanges of services and backends can be joined by a lone \"+\" into one transaction, all or none:\n"
	       "  shunt backend add web 10.1.0.15 + backend delete web 10.1.0.11\n\n"
	       "exit status: 0 done, 1 refused, 2 wrong usage, 3 daemon not reachable,\n"
	       "             4 something would change (plan) or differs (diff)\n");
}

static int help(const struct invocation *in, const struct rows *rows, int first)
{
	json_t *list = json_array();
	size_t from = first < 0 ? 0 : first, count = first < 0 ? rows->count : count_noun(rows, first);

	for (size_t i = from; i < from + count; i++)
		json_array_append_new(list, row_json(rows->row[i]));
	output_value(in->cli.out, json_pack("{s:o}", "commands", list), first < 0 ? print_help : print_rows);
	return STATUS_OK;
}

/* `shunt help [NOUN]` */
static int help_command(const struct invocation *in, const struct rows *rows, struct shunt_err *err)
{
	int first = -1;

	if (in->argc > 1)
		first = find_noun(rows, in->argv[1], err);
	if (in->argc > 1 && first < 0)
		return STATUS_USAGE;
	return help(in, rows, first == (int)rows->count ? -1 : first);
}

static bool can_be_planned(const struct command *c)
{
	static const char *const nouns[] = {"service", "backend", "pool"};

	for (size_t i = 0; i < sizeof(nouns) / sizeof(nouns[0]); i++)
		if (strcmp(c->noun, nouns[i]) == 0)
			return strcmp(c->verb, "list") != 0 && strcmp(c->verb, "show") != 0;
	return false;
}

/* `shunt plan NOUN VERB ARGUMENTS`: every change has an argument, and a file has none behind it. */
static bool is_plan_of_command(const struct invocation *in, const struct command *c)
{
	return strcmp(c->noun, "plan") == 0 && !in->cli.planning && in->argc > 3 && in->argv[1][0] != '-';
}

/* On STATUS_USAGE *err says why, if nobody has said it yet. */
static int dispatch(struct invocation *in, const struct rows *rows, struct shunt_err *err)
{
	const struct command *c;
	int found, taken = 1;

	if (in->argc == 0 && in->help)
		return help(in, rows, -1);
	if (in->argc == 0) {
		shunt_fail(err, EINVAL, NULL, "expected a command; `shunt help` lists them");
		return STATUS_USAGE;
	}
	found = find_noun(rows, in->argv[0], err);
	if (found < 0)
		return STATUS_USAGE;
	if (found == (int)rows->count)
		return help_command(in, rows, err);
	if (in->help)
		return help(in, rows, found);
	if (is_plan_of_command(in, rows->row[found])) {
		in->cli.planning = true;
		memmove(in->argv, in->argv + 1, --in->argc * sizeof(*in->argv));
		return dispatch(in, rows, err);
	}
	if (rows->row[found]->verb) {
		if (in->argc < 2) {
			shunt_fail(err, EINVAL, rows->row[found]->noun, "expected a verb; `shunt help %s` lists them",
				   rows->row[found]->noun);
			return STATUS_USAGE;
		}
		found = find_verb(rows, found, in->argv[1], err);
		taken = 2;
	}
	if (found < 0)
		return STATUS_USAGE;
	c = rows->row[found];
	if (in->cli.planning && !can_be_planned(c)) {
		shunt_fail(err, EINVAL, "plan",
			   "\"%s%s%s\" is not a change; expected FILE, or a change of services, backends or "
			   "pools",
			   c->noun, c->verb ? " " : "", c->verb ? c->verb : "");
		return STATUS_USAGE;
	}
	in->cli.command = c;
	return c->run(&in->cli, in->argc - taken, in->argv + taken);
}

/* An option that takes a value: in the next word ("": there is none), behind '=', or behind the letter. NULL: another option. */
static const char *value_of(const char *word, const char *option, int *i, int argc, char **argv)
{
	size_t len = strlen(option);

	if (strcmp(word, option) == 0)
		return *i + 1 < argc ? argv[++*i] : "";
	if (strncmp(word, option, len) != 0)
		return NULL;
	if (option[1] != '-')
		return word + len;
	return word[len] == '=' ? word + len + 1 : NULL;
}

/* One option in front of the noun. */
static int take_option(struct invocation *in, int *i, int argc, char **argv, struct shunt_err *err)
{
	const char *word = argv[*i], *socket = value_of(word, "-s", i, argc, argv);

	if (!socket)
		socket = value_of(word, "--socket", i, argc, argv);
	if (socket && !socket[0])
		return shunt_fail(err, EINVAL, word, "expected the path of the daemon's socket behind it");
	if (socket)
		in->cli.socket = socket;
	else if (strcmp(word, "-V") == 0 || strcmp(word, "--version") == 0)
		in->argv[in->argc++] = "version";
	else
		return shunt_fail(err, EINVAL, word, "unknown option, expected -s SOCKET, --json, --help or --version");
	return 0;
}

static int parse_options(struct invocation *in, int argc, char **argv, struct shunt_err *err)
{
	bool ended = false;
	int ret = 0;

	in->argv = xcalloc(argc + 1, sizeof(*in->argv));
	for (int i = 1; ret == 0 && i < argc; i++) {
		if (!ended && strcmp(argv[i], "--json") == 0)
			in->json = true;
		else if (!ended && (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0))
			in->help = true;
		else if (!ended && strcmp(argv[i], "--") == 0)
			ended = true;
		else if (in->argc == 0 && !ended && argv[i][0] == '-')
			ret = take_option(in, &i, argc, argv, err);
		else
			in->argv[in->argc++] = argv[i];
	}
	return ret;
}

/* A full disk behind stdout must not look like success. */
static int finish(struct cli *cli, int status)
{
	struct shunt_err err = {0};

	if (!ferror(stdout) && fflush(stdout) == 0)
		return status;
	shunt_fail(&err, EIO, "stdout", "cannot be written: %s", strerror(errno));
	output_error(cli->out, &err);
	return status == STATUS_OK ? STATUS_REFUSED : status;
}

int main(int argc, char **argv)
{
	const char *from_environment = getenv("SHUNT_SOCKET");
	struct invocation in = {
		.cli.socket = from_environment && from_environment[0] ? from_environment : SOCKET_DEFAULT,
	};
	struct rows rows = all_rows();
	struct shunt_err err = {0};
	int ret = parse_options(&in, argc, argv, &err), status = STATUS_USAGE;

	in.cli.out = output_new(in.json);
	if (ret == 0)
		status = dispatch(&in, &rows, &err);
	if (err.what[0])
		output_error(in.cli.out, &err);
	status = finish(&in.cli, status);
	output_free(in.cli.out);
	free(in.argv);
	free(rows.row);
	return status;
}
