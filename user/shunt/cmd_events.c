/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt events`: what changed state, when and why; with --follow also what changes from now on, over restarts of the daemon. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../lib/xalloc.h"
#include "client.h"
#include "options.h"
#include "views.h"

#define RETRY_MS 250

/* As given; NULL: not. */
struct events_args {
	const char *since, *limit, *service, *backend, *kind;
	bool follow;
};

/* How far a reader has come: an event's number, and the daemon that it is of. */
struct position {
	char daemon[32];
	json_int_t seq;
};

struct follow {
	struct cli *cli;
	struct position at;
};

/* ---- an event */

static void print_text(const json_t *event, const char *member, const char *before, const char *after)
{
	const char *text = json_string_value(json_object_get(event, member));

	if (text)
		printf("%s%s%s", before, text, after);
}

static void print_event(const json_t *event)
{
	json_int_t ms = view_integer(event, "time_ms"), lost = view_integer(event, "lost");
	time_t seconds = ms / 1000;
	struct tm utc;
	char when[32];

	gmtime_r(&seconds, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	printf("%s.%03dZ %-11s ", when, (int)(ms % 1000), view_text(event, "kind"));
	print_text(event, "service", "service ", ": ");
	print_text(event, "backend", "backend ", ": ");
	print_text(event, "interface", "", ": ");
	print_text(event, "from", "", " -> ");
	print_text(event, "to", "", ": ");
	if (lost)
		printf("%" JSON_INTEGER_FORMAT " events lost: ", lost);
	printf("%s\n", view_text(event, "reason"));
}

/* libcurl has SIGPIPE ignored while this runs: who reads no more ends the command as it would any other. */
static void show(struct cli *cli, json_t *event)
{
	output_value(cli->out, event, print_event);
	if (ferror(stdout) && errno == EPIPE) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
}

/* ---- what is asked for */

static void add(char **path, const char *key, const char *value)
{
	char *prefix = xasprintf("%s%s%s=", *path, strchr(*path, '?') ? "&" : "?", key);

	free(*path);
	*path = client_path(prefix, value);
	free(prefix);
}

static void add_position(char **path, const struct position *at)
{
	char seq[32];

	snprintf(seq, sizeof(seq), "%" JSON_INTEGER_FORMAT, at->seq);
	add(path, "since", seq);
	add(path, "daemon", at->daemon);
}

/* Without where to begin. */
static char *path_of(const struct events_args *args)
{
	char *path = xstrdup("/v1/events");

	if (args->follow)
		add(&path, "follow", "1");
	if (args->limit)
		add(&path, "limit", args->limit);
	if (args->service)
		add(&path, "service", args->service);
	if (args->backend)
		add(&path, "backend", args->backend);
	if (args->kind)
		add(&path, "kind", args->kind);
	return path;
}

/* ---- a list */

static void show_page(struct cli *cli, const json_t *page)
{
	json_int_t lost = view_integer(page, "lost");
	json_t *event;
	size_t i;

	if (lost)
		show(cli, json_pack("{s:s, s:s, s:I, s:I, s:s}", "daemon", view_text(page, "daemon"), "kind", "lost",
				    "time_ms", (json_int_t)time(NULL) * 1000, "lost", lost, "reason",
				    "newer events took their place"));
	json_array_foreach (json_object_get(page, "events"), i, event)
		show(cli, json_incref(event));
}

static void note_position(struct position *at, const json_t *object, const char *seq)
{
	snprintf(at->daemon, sizeof(at->daemon), "%s", view_text(object, "daemon"));
	at->seq = view_integer(object, seq);
}

static int list(struct cli *cli, const struct events_args *args)
{
	char *path = path_of(args);
	bool more = true;
	int status = STATUS_OK;

	if (args->since)
		add(&path, "since", args->since);
	while (status == STATUS_OK && more) {
		struct position at;
		json_t *page;

		status = client_get(cli, path, &page);
		free(path);
		path = NULL;
		if (status != STATUS_OK)
			break;
		show_page(cli, page);
		more = !args->limit && json_is_true(json_object_get(page, "more"));
		note_position(&at, page, "next");
		json_decref(page);
		path = path_of(args);
		add_position(&path, &at);
	}
	free(path);
	return status;
}

/* ---- a stream */

static bool on_line(void *arg, const char *line)
{
	struct follow *f = arg;
	json_t *event = json_loads(line, 0, NULL);
	const char *daemon = view_text(event, "daemon");
	struct shunt_err err;

	if (!json_is_object(event)) {
		json_decref(event);
		return true;
	}
	if (strcmp(daemon, f->at.daemon) != 0) {
		shunt_fail(&err, ESTALE, f->cli->socket, "another daemon answers: here its events begin");
		output_error(f->cli->out, &err);
		snprintf(f->at.daemon, sizeof(f->at.daemon), "%s", daemon);
		f->at.seq = 0;
	}
	if (json_object_get(event, "seq"))
		f->at.seq = view_integer(event, "seq");
	show(f->cli, event);
	return true;
}

/* Where the daemon is now: from here on nothing is to be missed, whatever becomes of it. */
static int find_position(struct cli *cli, struct position *at)
{
	json_t *page;
	int status = client_get(cli, "/v1/events?limit=1", &page);

	if (status != STATUS_OK)
		return status;
	note_position(at, page, "next");
	json_decref(page);
	return STATUS_OK;
}

/* Every line has been written by then. */
static void on_interrupt(int signum)
{
	(void)signum;
	_exit(STATUS_OK);
}

/* Until the daemon answers again, or for ever. */
static int follow_on(struct follow *f, const struct events_args *args)
{
	const struct timespec pause = {.tv_nsec = RETRY_MS * 1000000L};
	struct events_args again = *args;
	struct shunt_err err;
	bool told = false;
	int status;

	again.limit = NULL;
	do {
		char *path = path_of(&again);

		nanosleep(&pause, NULL);
		add_position(&path, &f->at);
		status = client_stream(f->cli, path, on_line, f, &err);
		free(path);
		if (status == STATUS_UNREACHABLE && !told) {
			shunt_fail(&err, ENOENT, f->cli->socket,
				   "no daemon answers any more; waiting for the next one");
			output_error(f->cli->out, &err);
		}
		told = status == STATUS_UNREACHABLE;
	} while (status != STATUS_REFUSED);
	return status;
}

static int follow(struct cli *cli, const struct events_args *args)
{
	const struct sigaction action = {.sa_handler = on_interrupt};
	struct follow f = {.cli = cli};
	struct shunt_err err;
	int status = find_position(cli, &f.at);
	char *path;

	if (status != STATUS_OK)
		return status;
	sigaction(SIGINT, &action, NULL);
	path = path_of(args);
	if (args->since)
		add(&path, "since", args->since);
	else if (!args->limit)
		add_position(&path, &f.at);
	status = client_stream(cli, path, on_line, &f, &err);
	free(path);
	if (status == STATUS_UNREACHABLE)
		output_error(cli->out, &err);
	return status == STATUS_OK ? follow_on(&f, args) : status;
}

/* ---- the command */

static int parse(struct events_args *args, int argc, char **argv, struct shunt_err *err)
{
	static const struct option longs[] = {
		{"follow", no_argument, NULL, 'f'},
		{"since", required_argument, NULL, 's'},
		{"limit", required_argument, NULL, 'n'},
		{"service", required_argument, NULL, 'S'},
		{"backend", required_argument, NULL, 'b'},
		{"kind", required_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};
	const char **values[] = {['s'] = &args->since,
				 ['n'] = &args->limit,
				 ['S'] = &args->service,
				 ['b'] = &args->backend,
				 ['k'] = &args->kind};
	char **words = options_vector("events", argc, argv), *word = NULL;
	int c, ret = 0;

	while (ret == 0 && (c = getopt_long(argc + 1, words, ":fn:", longs, NULL)) != -1) {
		if (c == 'f')
			args->follow = true;
		else if (c == ':' || c == '?')
			ret = -EINVAL;
		else
			*values[c] = optarg;
	}
	if (ret)
		word = words[optind - 1];
	else if (optind <= argc)
		word = words[optind];
	if (word)
		ret = shunt_fail(err, EINVAL, word,
				 ret && c == ':' ? "needs a value"
						 : "not understood; expected --follow, --since SEQ|AGE, --limit N, "
						   "--service NAME, --backend ADDRESS or --kind KIND[,KIND]");
	free(words);
	return ret;
}

static int events(struct cli *cli, int argc, char **argv)
{
	struct events_args args = {0};
	struct shunt_err err = {0};

	if (parse(&args, argc, argv, &err)) {
		output_error(cli->out, &err);
		return STATUS_USAGE;
	}
	output_stream(cli->out);
	return args.follow ? follow(cli, &args) : list(cli, &args);
}

const struct command events_commands[] = {
	{"events", NULL,
	 "[--follow] [--since SEQ|AGE] [--limit N] [--service NAME] [--backend ADDRESS] [--kind KIND[,KIND]]",
	 "what changed state, when and why; --follow: and what changes from now on; AGE: 30s, 5m, 2h, 1d", events},
	{NULL, NULL, NULL, NULL, NULL},
};
