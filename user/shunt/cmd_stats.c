/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt stats`: counters once, or with --watch their rates, round after round, until SIGINT or until nobody reads stdout. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client.h"
#include "rates.h"
#include "table.h"
#include "views.h"

#define WATCH_MIN 0.1
#define WATCH_MAX 3600.0

struct stats_args {
	bool watch;
	double seconds;
	const char *service; /* NULL: all */
};

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
	(void)signum;
	interrupted = 1;
}

/* Which members hold the numbers: totals, or rates when watching. */
struct columns {
	const char *packets, *bytes;
};

static void add_numbers(struct table *t, const json_t *object, const struct columns *columns)
{
	char buf[HUMAN_TEXT];

	table_cell(t, "%s", human_count(view_integer(object, columns->packets), buf));
	table_cell(t, "%s", human_bytes(view_integer(object, columns->bytes), buf));
}

static void print_services(const json_t *services, const struct columns *columns, bool rates)
{
	struct table *t = table_new(rates ? "SERVICE|POOL|BACKEND|STATE|>PACKETS/S|>BYTES/S"
					  : "SERVICE|POOL|BACKEND|STATE|>PACKETS|>BYTES");
	const json_t *service, *backend;
	size_t i, j;

	json_array_foreach (services, i, service) {
		table_cell(t, "%s", view_text(service, "name"));
		table_cell(t, "all");
		table_cell(t, "all");
		table_cell(t, "-");
		add_numbers(t, service, columns);
		json_array_foreach (json_object_get(service, "backends"), j, backend) {
			table_cell(t, "%s", view_text(service, "name"));
			table_cell(t, "%s", view_text(backend, "pool"));
			table_cell(t, "%s", view_text(backend, "address"));
			table_cell(t, "%s", view_text(backend, "state"));
			add_numbers(t, backend, columns);
		}
	}
	table_print(t);
}

/* How packets used the connection table: only what counts something, which is nothing while no ring changes. */
static void print_conns(const json_t *services, const struct columns *columns, bool rates)
{
	struct table *t = NULL;
	const json_t *service, *count;
	char buf[HUMAN_TEXT];
	size_t i, j;

	json_array_foreach (services, i, service) {
		json_array_foreach (json_object_get(json_object_get(service, "connections"), "counts"), j, count) {
			if (view_integer(count, columns->packets) == 0)
				continue;
			if (!t)
				t = table_new(rates ? "CONNECTIONS OF|COUNT|>PACKETS/S|MEANING"
						    : "CONNECTIONS OF|COUNT|>PACKETS|MEANING");
			table_cell(t, "%s", view_text(service, "name"));
			table_cell(t, "%s", view_text(count, "count"));
			table_cell(t, "%s", human_count(view_integer(count, columns->packets), buf));
			table_cell(t, "%s", view_text(count, "text"));
		}
	}
	if (!t)
		return;
	putchar('\n');
	table_print(t);
}

/* How the backends of QUIC packets were chosen, for services that have it. */
static void print_quic(const json_t *services, const struct columns *columns, bool rates)
{
	struct table *t = NULL;
	const json_t *service, *choice;
	char buf[HUMAN_TEXT];
	size_t i, j;

	json_array_foreach (services, i, service) {
		json_array_foreach (json_object_get(service, "quic"), j, choice) {
			if (!t)
				t = table_new(rates ? "QUIC SERVICE|CHOICE|>PACKETS/S|MEANING"
						    : "QUIC SERVICE|CHOICE|>PACKETS|MEANING");
			table_cell(t, "%s", view_text(service, "name"));
			table_cell(t, "%s", view_text(choice, "choice"));
			table_cell(t, "%s", human_count(view_integer(choice, columns->packets), buf));
			table_cell(t, "%s", view_text(choice, "text"));
		}
	}
	if (!t)
		return;
	putchar('\n');
	table_print(t);
}

/* Only those that count something: the others say nothing. */
static void print_reasons(const json_t *reasons, const struct columns *columns, bool rates)
{
	struct table *t = NULL;
	const json_t *reason;
	size_t i;

	json_array_foreach (reasons, i, reason) {
		if (view_integer(reason, columns->packets) == 0)
			continue;
		if (!t)
			t = table_new(rates ? "REASON|ACTION|>PACKETS/S|>BYTES/S|MEANING"
					    : "REASON|ACTION|>PACKETS|>BYTES|MEANING");
		table_cell(t, "%s", view_text(reason, "reason"));
		table_cell(t, "%s", view_text(reason, "action"));
		add_numbers(t, reason, columns);
		table_cell(t, "%s", view_text(reason, "text"));
	}
	if (!t)
		return;
	printf("\nnot forwarded:\n");
	table_print(t);
}

static void print_stats(const json_t *stats)
{
	static const struct columns total = {"packets", "bytes"}, rate = {"packets_per_second", "bytes_per_second"};
	bool rates = json_object_get(stats, "seconds") != NULL;

	print_services(json_object_get(stats, "services"), rates ? &rate : &total, rates);
	print_quic(json_object_get(stats, "services"), rates ? &rate : &total, rates);
	print_conns(json_object_get(stats, "services"), rates ? &rate : &total, rates);
	print_reasons(json_object_get(stats, "reasons"), rates ? &rate : &total, rates);
}

/* Leave only one service, and neither reasons nor the connection table: those are not any service's. */
static int keep_service(struct cli *cli, json_t *stats, const char *name)
{
	struct shunt_err err = {0};
	json_t *services = json_object_get(stats, "services"), *service;
	size_t i;

	json_array_foreach (services, i, service) {
		if (strcmp(view_text(service, "name"), name) == 0) {
			json_object_set_new(stats, "services", json_pack("[O]", service));
			json_object_del(stats, "reasons");
			json_object_del(stats, "table");
			return STATUS_OK;
		}
	}
	shunt_fail(&err, ENOENT, NULL, "no service \"%s\"", name);
	output_error(cli->out, &err);
	return STATUS_REFUSED;
}

static int read_stats(struct cli *cli, const struct stats_args *args, json_t **stats)
{
	int status = client_get(cli, "/v1/stats", stats);

	if (status == STATUS_OK && args->service) {
		status = keep_service(cli, *stats, args->service);
		if (status != STATUS_OK)
			json_decref(*stats);
	}
	return status;
}

/* false: interrupted, or the reader of stdout has gone. SIGINT is blocked but for the sleep itself, so that it cannot slip in between
 * looking at the flag and sleeping. */
static bool pause_for(double seconds)
{
	struct timespec time = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (time_t)seconds) * 1e9)};
	struct pollfd reader = {.fd = STDOUT_FILENO};
	sigset_t block, before;
	int events = 0;

	sigemptyset(&block);
	sigaddset(&block, SIGINT);
	sigprocmask(SIG_BLOCK, &block, &before);
	if (!interrupted)
		events = ppoll(&reader, 1, &time, &before);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return !interrupted && events <= 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

/* A second SIGINT ends the command at once, should the daemon not answer. */
static int watch(struct cli *cli, const struct stats_args *args)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
	json_t *before, *after;
	double time_before = now(), time_after;
	int status = read_stats(cli, args, &before);

	if (status != STATUS_OK)
		return status;
	sigaction(SIGINT, &action, NULL);
	while (pause_for(args->seconds)) {
		time_after = now();
		status = read_stats(cli, args, &after);
		if (status != STATUS_OK)
			break;
		output_again(cli->out);
		output_value(cli->out, rates_between(before, after, time_after - time_before), print_stats);
		json_decref(before);
		before = after;
		time_before = time_after;
	}
	json_decref(before);
	return status;
}

static bool parse_seconds(const char *text, double *seconds)
{
	char *end;
	double value;

	if (text[0] < '0' || text[0] > '9')
		return false;
	value = strtod(text, &end);
	if (*end != '\0')
		return false;
	*seconds = value;
	return true;
}

static int parse_args(struct stats_args *args, int argc, char **argv, struct shunt_err *err)
{
	char where[sizeof(err->where)];

	*args = (struct stats_args){.seconds = 1};
	for (int i = 0; i < argc; i++) {
		snprintf(where, sizeof(where), "argument \"%.200s\"", argv[i]);
		if (strcmp(argv[i], "--watch") == 0) {
			args->watch = true;
			if (i + 1 < argc && parse_seconds(argv[i + 1], &args->seconds))
				i++;
		} else if (strncmp(argv[i], "--watch=", 8) == 0) {
			args->watch = true;
			if (!parse_seconds(argv[i] + 8, &args->seconds))
				return shunt_fail(err, EINVAL, where, "expected a number of seconds");
		} else if (argv[i][0] == '-' || args->service) {
			return shunt_fail(err, EINVAL, where,
					  "stats takes [--watch [SECONDS]] and at most one SERVICE");
		} else {
			args->service = argv[i];
		}
		if (args->seconds < WATCH_MIN || args->seconds > WATCH_MAX)
			return shunt_fail(err, EINVAL, where, "expected %g to %g seconds", WATCH_MIN, WATCH_MAX);
	}
	return 0;
}

static int stats(struct cli *cli, int argc, char **argv)
{
	struct shunt_err err = {0};
	struct stats_args args;
	json_t *answer;
	int status;

	if (parse_args(&args, argc, argv, &err)) {
		output_error(cli->out, &err);
		return STATUS_USAGE;
	}
	if (args.watch)
		return watch(cli, &args);
	status = read_stats(cli, &args, &answer);
	if (status == STATUS_OK)
		output_value(cli->out, answer, print_stats);
	return status;
}

const struct command stats_commands[] = {
	{"stats", NULL, "[--watch [SECONDS]] [SERVICE]",
	 "packets and bytes by service, backend and reason; --watch: rates, every SECONDS (1)", stats},
	{NULL, NULL, NULL, NULL, NULL},
};
