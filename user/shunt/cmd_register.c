/* SPDX-License-Identifier: GPL-2.0 */
/* Backends that add themselves to a service, and stay as long as somebody says that they are there. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../lib/config_found.h"
#include "../lib/xalloc.h"
#include "client.h"
#include "keys.h"
#include "options.h"
#include "views.h"

struct registering {
	char *path;
	char *body;
	uint32_t ttl;
	bool keep, until_eof;
};

/* ---- the command line */

/* Takes the option out of the arguments, if it is there. */
static bool take_flag(int *argc, char **argv, const char *flag)
{
	int kept = 0, given = 0;

	for (int i = 0; i < *argc; i++) {
		if (strcmp(argv[i], flag) == 0)
			given++;
		else
			argv[kept++] = argv[i];
	}
	*argc = kept;
	return given;
}

static int parse_number(const char *option, const char *text, unsigned int min, unsigned int max, const char *member,
			json_t *body, struct shunt_err *err)
{
	unsigned int number;

	if (!text)
		return 0;
	if (number_parse(text, min, max, &number))
		return shunt_fail(err, EINVAL, option, "\"%s\" is out of range; expected %u to %u", text, min, max);
	json_object_set_new(body, member, json_integer(number));
	return 0;
}

static char *path_of(const char *service, const char *address)
{
	char *front = client_path("/v1/registrations/", service), *middle = xasprintf("%s/", front);
	char *path = client_path(middle, address);

	free(front);
	free(middle);
	return path;
}

static int parse_target(struct registering *r, int argc, char **argv, struct shunt_err *err)
{
	struct shunt_err why = {0};

	if (argc > 2)
		return shunt_fail(err, EINVAL, argv[2], "not understood; expected SERVICE ADDRESS");
	if (argc < 2)
		return shunt_fail(err, EINVAL, NULL, "expected SERVICE ADDRESS");
	if (keys_check_address(argv[1], &why))
		return shunt_fail(err, EINVAL, argv[1], "%s", why.what);
	r->path = path_of(argv[0], argv[1]);
	return 0;
}

static int parse(struct registering *r, int argc, char **argv, struct shunt_err *err)
{
	json_t *body = json_object();
	const char *ttl = options_take(&argc, argv, "--ttl", NULL);
	const char *weight = options_take(&argc, argv, "--weight", NULL);
	const char *pool = options_take(&argc, argv, "--pool", NULL);
	int ret;

	r->until_eof = take_flag(&argc, argv, "--until-eof");
	r->keep = take_flag(&argc, argv, "--keep") || r->until_eof;
	ret = parse_number("--ttl", ttl, CONFIG_TTL_MIN, CONFIG_TTL_MAX, "ttl", body, err);
	if (!ret)
		ret = parse_number("--weight", weight, 0, 65535, "weight", body, err);
	if (!ret)
		ret = parse_target(r, argc, argv, err);
	if (pool)
		json_object_set_new(body, "pool", json_string(pool));
	r->ttl = ttl && !ret ? (uint32_t)atoi(ttl) : CONFIG_TTL;
	r->body = json_dumps(body, JSON_COMPACT);
	json_decref(body);
	return ret;
}

/* ---- heartbeats */

static volatile sig_atomic_t ended;

static void on_signal(int signum)
{
	(void)signum;
	ended = 1;
}

static void print_registered(const json_t *answer)
{
	printf("%s, for %" JSON_INTEGER_FORMAT " s\n",
	       json_is_true(json_object_get(answer, "changed")) ? "registered" : "registered as before",
	       view_integer(answer, "ttl"));
}

static int beat(struct cli *cli, const struct registering *r, json_t **answer)
{
	const struct client_request request = {
		.method = "PUT", .path = r->path, .type = "application/json", .body = r->body, .len = strlen(r->body)};

	return client_call(cli, &request, answer);
}

static int leave(struct cli *cli, const char *path)
{
	const struct client_request request = {.method = "DELETE", .path = path};
	json_t *answer;
	int status = client_call(cli, &request, &answer);

	if (status == STATUS_OK)
		json_decref(answer);
	return status;
}

/* Until the next heartbeat is due, a signal came, or whoever holds the other end of stdin is gone: false then. */
static bool wait_for_next(const struct registering *r, const sigset_t *unblocked)
{
	struct pollfd in = {.fd = r->until_eof ? STDIN_FILENO : -1, .events = POLLIN};
	const struct timespec third = {.tv_sec = r->ttl / 3, .tv_nsec = r->ttl % 3 * 333333333L};
	char said[256];

	if (ppoll(&in, 1, &third, unblocked) > 0 && read(STDIN_FILENO, said, sizeof(said)) <= 0)
		return false;
	return true;
}

/* A daemon that does not answer is being restarted; one that refuses is not going to think better of it. */
static int keep(struct cli *cli, const struct registering *r)
{
	const struct sigaction action = {.sa_handler = on_signal};
	sigset_t blocked, before;
	json_t *answer;
	int status;

	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &before);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	for (;;) {
		if (!wait_for_next(r, &before))
			return STATUS_OK; /* not a word from whom it is about: its time runs out */
		if (ended)
			return leave(cli, r->path);
		status = beat(cli, r, &answer);
		if (status == STATUS_OK)
			json_decref(answer);
		else if (status != STATUS_UNREACHABLE)
			return status;
	}
}

static int register_run(struct cli *cli, int argc, char **argv)
{
	struct registering r = {0};
	struct shunt_err err = {0};
	json_t *answer;
	int status = parse(&r, argc, argv, &err) ? STATUS_USAGE : STATUS_OK;

	if (status != STATUS_OK)
		output_error(cli->out, &err);
	else
		status = beat(cli, &r, &answer);
	if (status == STATUS_OK) {
		output_value(cli->out, answer, print_registered);
		fflush(stdout);
		if (r.keep)
			status = keep(cli, &r);
	}
	free(r.path);
	free(r.body);
	return status;
}

static void print_left(const json_t *answer)
{
	printf("%s\n", json_is_true(json_object_get(answer, "changed")) ? "deregistered" : "was not registered");
}

static int deregister_run(struct cli *cli, int argc, char **argv)
{
	struct registering r = {0};
	struct shunt_err err = {0};
	json_t *answer;
	int status = STATUS_USAGE;

	if (parse_target(&r, argc, argv, &err)) {
		output_error(cli->out, &err);
	} else {
		const struct client_request request = {.method = "DELETE", .path = r.path};

		status = client_call(cli, &request, &answer);
		if (status == STATUS_OK)
			output_value(cli->out, answer, print_left);
	}
	free(r.path);
	return status;
}

const struct command register_commands[] = {
	{"register", NULL, "SERVICE ADDRESS [--ttl SECONDS] [--weight N] [--pool POOL] [--keep] [--until-eof]",
	 "add a backend for as long as it is said to be there; --keep: say so until a signal ends this, then take it "
	 "back; "
	 "--until-eof: or until stdin ends",
	 register_run},
	{"deregister", NULL, "SERVICE ADDRESS", "take a backend back that was registered", deregister_run},
	{NULL, NULL, NULL, NULL, NULL},
};
