/* SPDX-License-Identifier: GPL-2.0 */
#include "drain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/addr.h"
#include "../lib/config.h"
#include "../lib/xalloc.h"
#include "change.h"
#include "holds.h"
#include "views.h"

#define ASK_EVERY_MS 500
#define RESTART_MS 30000 /* how long the daemon may be away meanwhile: it may be restarted */
#define TIMEOUT_MAX 2592000

struct drain_args {
	bool wait;
	unsigned int timeout; /* s; 0: none */
	int argc;	      /* the other words */
	char **argv;
};

/* A backend that is waited for. */
struct target {
	const char *service;
	char address[SHUNT_ADDR_TEXT];
	json_t *seen; /* what was said of it last; NULL: nothing yet */
	bool done;
};

struct drain {
	struct cli *cli;
	struct target *targets;
	size_t count;
	uint64_t deadline; /* ms; UINT64_MAX: none */
};

static uint64_t now_ms(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000ull + time.tv_nsec / 1000000;
}

static void pause_ms(uint64_t ms)
{
	struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* The value of --timeout, in the next word or behind '='. NULL: another word. */
static const char *timeout_value(int *i, int argc, char **argv)
{
	static const char option[] = "--timeout";
	size_t len = strlen(option);

	if (strncmp(argv[*i], option, len) != 0)
		return NULL;
	if (argv[*i][len] == '=')
		return argv[*i] + len + 1;
	if (argv[*i][len])
		return NULL;
	return *i + 1 < argc ? argv[++*i] : "";
}

static int parse_args(struct drain_args *args, int argc, char **argv, struct shunt_err *err)
{
	for (int i = 0; i < argc; i++) {
		const char *value = timeout_value(&i, argc, argv);

		if (value && number_parse(value, 1, TIMEOUT_MAX, &args->timeout))
			return shunt_fail(err, EINVAL, "--timeout", "\"%s\", expected 1 to %d seconds", value,
					  TIMEOUT_MAX);
		if (strcmp(argv[i], "--wait") == 0)
			args->wait = true;
		else if (!value)
			args->argv[args->argc++] = argv[i];
	}
	if (args->timeout && !args->wait)
		return shunt_fail(err, EINVAL, "--timeout", "expected together with --wait");
	return 0;
}

/* As the API spells it. */
static void set_address(struct target *target, const char *text)
{
	struct shunt_addr addr;

	if (addr_parse(text, &addr) == 0)
		addr_format(&addr, target->address);
}

/* changes stay the caller's, for as long as the targets are used. */
static void find_targets(struct drain *drain, const json_t *changes)
{
	const json_t *change;
	size_t i;

	drain->targets = xcalloc(json_array_size(changes) + 1, sizeof(*drain->targets));
	json_array_foreach (changes, i, change) {
		const char *state = json_string_value(json_object_get(json_object_get(change, "set"), "state"));

		if (!state || strcmp(state, config_admin_name(CONFIG_ADMIN_DRAIN)) != 0)
			continue;
		drain->targets[drain->count].service = view_text(change, "service");
		set_address(&drain->targets[drain->count++], view_text(change, "address"));
	}
}

/* As client_get(), but a daemon that is away for a moment is waited for. */
static int ask(const struct drain *drain, const char *prefix, const char *service, json_t **answer)
{
	uint64_t patience = now_ms() + RESTART_MS;
	char *path = client_path(prefix, service);
	json_t *version;
	int status;

	while (!client_try_get(drain->cli, path, answer)) {
		if (client_try_get(drain->cli, "/v1/version", &version) || now_ms() >= patience ||
		    now_ms() >= drain->deadline) {
			json_decref(version);
			status = client_get(drain->cli, path, answer); /* which says what is wrong */
			free(path);
			return status;
		}
		pause_ms(ASK_EVERY_MS);
	}
	free(path);
	return STATUS_OK;
}

/* The element of list with this address. */
static json_t *find(const json_t *list, const char *address)
{
	json_t *element;
	size_t i;

	json_array_foreach (list, i, element) {
		if (strcmp(view_text(element, "address"), address) == 0)
			return element;
	}
	return NULL;
}

static int undone(const struct drain *drain, const struct target *target)
{
	struct shunt_err err = {0};

	shunt_fail(&err, ECANCELED, target->service, "%s does not drain any more: somebody has changed its state",
		   target->address);
	output_error(drain->cli->out, &err);
	return STATUS_REFUSED;
}

/* Of a backend that was deleted meanwhile: it has what it has until it has nothing. */
static int look_removed(const struct drain *drain, const struct target *target, json_t **hold)
{
	json_t *answer;
	int status = ask(drain, "/v1/connections/", target->service, &answer);

	if (status != STATUS_OK)
		return status;
	*hold = json_copy(find(json_object_get(answer, "holds"), target->address));
	json_decref(answer);
	return STATUS_OK;
}

/* What holds the target now; NULL: nothing does. */
static int look(const struct drain *drain, const struct target *target, json_t **hold)
{
	json_t *answer, *backend;
	int status = ask(drain, "/v1/services/", target->service, &answer);

	*hold = NULL;
	if (status != STATUS_OK)
		return status;
	backend = find(json_object_get(answer, "backends"), target->address);
	if (!backend)
		status = look_removed(drain, target, hold);
	else if (strcmp(view_text(backend, "state"), config_admin_name(CONFIG_ADMIN_DRAIN)) != 0)
		status = undone(drain, target);
	else
		*hold = json_copy(json_object_get(backend, "hold"));
	json_decref(answer);
	return status;
}

static void print_progress(const json_t *progress)
{
	char *sentence = hold_sentence(view_text(progress, "address"), progress, 0);

	printf("%s: %s\n", view_text(progress, "service"), sentence);
	free(sentence);
}

/* Without what changes all the time. */
static bool is_news(const json_t *seen, const json_t *hold)
{
	static const char *const members[] = {"state", "slots", "anchors", "entries", "removed"};

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *was = json_object_get(seen, members[i]), *is = json_object_get(hold, members[i]);

		if (was != is && !json_equal(was, is))
			return true;
	}
	return false;
}

/* hold is taken over. */
static void tell(const struct drain *drain, struct target *target, json_t *hold)
{
	if (!hold)
		hold = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i}", "state", config_admin_name(CONFIG_ADMIN_DRAIN),
				 "slots", 0, "anchors", 0, "entries", 0, "for", 0, "ends_in", 0);
	target->done = hold_is_empty(hold);
	if (is_news(target->seen, hold)) {
		json_t *progress = json_pack("{s:s, s:s, s:b}", "service", target->service, "address", target->address,
					     "drained", target->done);

		json_object_update_missing(progress, hold);
		output_value(drain->cli->out, progress, print_progress);
	}
	json_decref(target->seen);
	target->seen = hold;
}

/* One round: STATUS_OK, and *left says how many are left. */
static int look_at_all(struct drain *drain, size_t *left)
{
	*left = 0;
	for (size_t i = 0; i < drain->count; i++) {
		struct target *target = &drain->targets[i];
		json_t *hold;
		int status;

		if (target->done)
			continue;
		status = look(drain, target, &hold);
		if (status != STATUS_OK)
			return status;
		tell(drain, target, hold);
		*left += !target->done;
	}
	return STATUS_OK;
}

static int timed_out(const struct drain *drain)
{
	struct shunt_err err = {0};
	char *list = xstrdup("");

	for (size_t i = 0; i < drain->count; i++) {
		const struct target *target = &drain->targets[i];
		char *left = hold_left(target->seen, 0), *longer;

		if (!target->done) {
			longer = xasprintf("%s%s%s of %s (%s)", list, list[0] ? ", " : "", target->address,
					   target->service, left);
			free(list);
			list = longer;
		}
		free(left);
	}
	shunt_fail(&err, ETIMEDOUT, "backend drain", "not done yet, and goes on; left: %s", list);
	output_error(drain->cli->out, &err);
	free(list);
	return STATUS_REFUSED;
}

static int wait_for(struct drain *drain)
{
	size_t left;
	int status;

	while (true) {
		status = look_at_all(drain, &left);
		if (status != STATUS_OK || !left)
			return status;
		if (now_ms() >= drain->deadline)
			return timed_out(drain);
		pause_ms(ASK_EVERY_MS);
	}
}

static int drain_and_wait(struct cli *cli, json_t *changes, unsigned int timeout)
{
	struct drain drain = {.cli = cli, .deadline = timeout ? now_ms() + timeout * 1000ull : UINT64_MAX};
	int status;

	output_stream(cli->out);
	status = change_send_list(cli, changes, false);
	if (status != STATUS_OK)
		return status;
	find_targets(&drain, changes);
	status = wait_for(&drain);
	for (size_t i = 0; i < drain.count; i++)
		json_decref(drain.targets[i].seen);
	free(drain.targets);
	return status;
}

int drain_run(struct cli *cli, int argc, char **argv)
{
	struct drain_args args = {.argv = xcalloc(argc + 1, sizeof(*argv))};
	struct shunt_err err = {0};
	json_t *changes = NULL;
	int status = STATUS_USAGE;

	if (parse_args(&args, argc, argv, &err))
		output_error(cli->out, &err);
	else
		changes = change_parse(cli, args.argc, args.argv);
	if (changes)
		status = args.wait && !cli->planning ? drain_and_wait(cli, changes, args.timeout)
						     : change_send_list(cli, changes, false);
	json_decref(changes);
	free(args.argv);
	return status;
}
