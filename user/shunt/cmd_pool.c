/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `shunt pool`: which pools of a service get which share of its new connections. What is sent is service.set with the whole of
 * "pools"; what an operator would be surprised by is refused here, by what the service is at the moment.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "keys.h"
#include "table.h"
#include "views.h"

static bool is_backup(const json_t *pool)
{
	return json_is_true(json_object_get(pool, "backup"));
}

/* Of those that are no backups. */
static json_int_t sum_shares(const json_t *pools)
{
	json_int_t sum = 0;
	const json_t *pool;
	const char *name;

	json_object_foreach ((json_t *)pools, name, pool)
		sum += is_backup(pool) ? 0 : view_integer(pool, "share");
	return sum;
}

static void percent_cell(struct table *t, json_int_t part, json_int_t whole)
{
	if (whole > 0)
		table_cell(t, "%.2f %%", (double)part * 100 / (double)whole);
	else
		table_cell(t, "-");
}

/* How many are to be healthy. */
static void needs_cell(struct table *t, const json_t *min)
{
	if (json_is_integer(min))
		table_cell(t, "%" JSON_INTEGER_FORMAT, json_integer_value(min));
	else
		table_cell(t, "%s", min ? json_string_value(min) : "-");
}

static void add_pools(struct table *t, const json_t *service)
{
	const json_t *pools = json_object_get(service, "pools"), *pool;
	json_int_t shares = sum_shares(pools);
	const char *name;

	json_object_foreach ((json_t *)pools, name, pool) {
		const json_t *backends = json_object_get(pool, "backends");
		json_int_t sources = view_integer(pool, "sources");

		table_cell(t, "%s", view_text(service, "name"));
		table_cell(t, "%s", name);
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(pool, "share"));
		if (is_backup(pool))
			table_cell(t, "backup");
		else
			percent_cell(t, view_integer(pool, "share"), shares);
		percent_cell(t, view_integer(pool, "slots"), view_integer(service, "ring_size"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(backends, "up"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(backends, "total"));
		needs_cell(t, json_object_get(pool, "min_healthy"));
		if (sources)
			table_cell(t, "%" JSON_INTEGER_FORMAT, sources);
		else
			table_cell(t, "-");
		table_cell(t, "%s", view_text(pool, "state"));
	}
}

static void print_pools(const json_t *answer)
{
	struct table *t = table_new("SERVICE|POOL|>SHARE|>ASKED|>NOW|>UP|>BACKENDS|>NEEDS|>SOURCES|STATE");
	const json_t *service;
	size_t i;

	json_array_foreach (json_object_get(answer, "services"), i, service)
		add_pools(t, service);
	table_print(t);
}

static int pool_list(struct cli *cli, int argc, char **argv)
{
	json_t *answer;
	int status = change_expect_args(cli, "pool list", argc, argv, 0, NULL);

	if (status == STATUS_OK)
		status = client_get(cli, "/v1/services", &answer);
	if (status == STATUS_OK)
		output_value(cli->out, answer, print_pools);
	return status;
}

static int get_service(struct cli *cli, const char *name, json_t **service)
{
	char *path = client_path("/v1/services/", name);
	int status = client_get(cli, path, service);

	free(path);
	return status;
}

static void print_service(const json_t *answer)
{
	const json_t *serving = json_object_get(json_array_get(json_object_get(answer, "services"), 0), "serving");

	print_pools(answer);
	printf("\n%s: %s\n\n", view_text(serving, "rule"), view_text(serving, "why"));
	view_backends(json_object_get(answer, "services"));
}

static int pool_show(struct cli *cli, int argc, char **argv)
{
	json_t *service;
	int status = change_expect_args(cli, "pool show", argc, argv, 1, "SERVICE");

	if (status == STATUS_OK)
		status = get_service(cli, argv[0], &service);
	if (status == STATUS_OK)
		output_value(cli->out, json_pack("{s:[o]}", "services", service), print_service);
	return status;
}

__attribute__((format(printf, 4, 5))) static int refuse(struct cli *cli, int status, const char *where, const char *fmt,
							...)
{
	struct shunt_err err = {0};
	char what[sizeof(err.what)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	shunt_fail(&err, EINVAL, where, "%s", what);
	output_error(cli->out, &err);
	return status;
}

/* Takes pools over. */
static int set_pools(struct cli *cli, const char *service, json_t *pools)
{
	json_t *changes =
		json_pack("[{s:s, s:s, s:{s:o}}]", "op", "service.set", "service", service, "set", "pools", pools);
	int status = change_send_list(cli, changes, false);

	json_decref(changes);
	return status;
}

/* POOL=SHARE. What a share may be is the daemon's to judge. */
static int add_share(struct cli *cli, json_t *pools, const char *argument)
{
	const char *equals = strchr(argument, '='), *share = equals ? equals + 1 : "";
	char where[300], name[64];

	snprintf(where, sizeof(where), "argument \"%.200s\"", argument);
	if (!equals || equals == argument || (size_t)(equals - argument) >= sizeof(name) || !share[0] ||
	    strspn(share, "0123456789") != strlen(share) || strlen(share) > 18)
		return refuse(cli, STATUS_USAGE, where, "expected POOL=SHARE, such as green=20");
	snprintf(name, sizeof(name), "%.*s", (int)(equals - argument), argument);
	if (json_object_get(pools, name))
		return refuse(cli, STATUS_USAGE, where, "given twice");
	if (json_object_set_new(pools, name, json_pack("{s:I}", "share", (json_int_t)atoll(share))))
		return refuse(cli, STATUS_USAGE, where, "expected a pool's name in UTF-8");
	return STATUS_OK;
}

/* "canary=20" beside nothing else would be all of it. Who has a share now is to be named, so that nobody loses theirs unawares. */
static int check_all_named(struct cli *cli, const char *service, const json_t *pools)
{
	json_t *present;
	const json_t *pool, *unnamed = NULL;
	const char *name, *other = NULL;
	int status = get_service(cli, service, &present);

	if (status != STATUS_OK)
		return status;
	json_object_foreach (json_object_get(present, "pools"), name, pool) {
		if (view_integer(pool, "share") && !is_backup(pool) && !json_object_get(pools, name)) {
			unnamed = pool;
			other = name;
		}
	}
	if (unnamed)
		status = refuse(cli, STATUS_REFUSED, "pool share",
				"pool \"%s\" has a share now (%" JSON_INTEGER_FORMAT
				") and is not named; expected %s=SHARE as well (0: no new connections)",
				other, view_integer(unnamed, "share"), other);
	json_decref(present);
	return status;
}

static int pool_share(struct cli *cli, int argc, char **argv)
{
	json_t *pools;
	int status = STATUS_OK;

	if (argc < 2)
		return refuse(cli, STATUS_USAGE, "pool share", "expected SERVICE and POOL=SHARE...");
	pools = json_object();
	for (int i = 1; status == STATUS_OK && i < argc; i++)
		status = add_share(cli, pools, argv[i]);
	if (status == STATUS_OK)
		status = check_all_named(cli, argv[0], pools);
	if (status == STATUS_OK)
		return set_pools(cli, argv[0], pools);
	json_decref(pools);
	return status;
}

/* Of the pool's backends, how many may get new connections. */
static size_t count_available(const json_t *service, const char *pool)
{
	const json_t *backend;
	size_t i, available = 0;

	json_array_foreach (json_object_get(service, "backends"), i, backend)
		available += strcmp(view_text(backend, "pool"), pool) == 0 &&
			     strcmp(view_text(backend, "state"), "up") == 0 && view_integer(backend, "weight") > 0;
	return available;
}

/* A pool that does not exist is the daemon's to refuse, force or not. */
static int check_available(struct cli *cli, const char *service, const char *pool)
{
	json_t *present;
	int status = get_service(cli, service, &present);

	if (status != STATUS_OK)
		return status;
	if (json_object_get(json_object_get(present, "pools"), pool) && !count_available(present, pool))
		status = refuse(cli, STATUS_REFUSED, "pool switch",
				"no backend of pool \"%s\" is available, so that new connections would be dropped "
				"(`shunt backend list %s` says why); expected --force to switch all the same",
				pool, service);
	json_decref(present);
	return status;
}

static int pool_switch(struct cli *cli, int argc, char **argv)
{
	bool force = false;
	int count = 0, status;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--force") == 0)
			force = true;
		else
			argv[count++] = argv[i];
	}
	status = change_expect_args(cli, "pool switch", count, argv, 2, "SERVICE and POOL");
	if (status == STATUS_OK && !force)
		status = check_available(cli, argv[0], argv[1]);
	if (status != STATUS_OK)
		return status;
	return set_pools(cli, argv[0], json_pack("{s:{s:i}}", argv[1], "share", 100));
}

static int pool_set(struct cli *cli, int argc, char **argv)
{
	json_t *set = json_object(), *changes;
	struct shunt_err err = {0};
	int status = STATUS_OK;

	if (argc < 3)
		status = refuse(cli, STATUS_USAGE, "pool set", "expected SERVICE, POOL and KEY=VALUE...");
	for (int i = 2; status == STATUS_OK && i < argc; i++) {
		char where[300];

		snprintf(where, sizeof(where), "argument \"%.200s\"", argv[i]);
		if (keys_set_pool(set, argv[i], &err))
			status = refuse(cli, STATUS_USAGE, where, "%s", err.what);
	}
	if (status == STATUS_OK) {
		changes = json_pack("[{s:s, s:s, s:s, s:O}]", "op", "pool.set", "service", argv[0], "pool", argv[1],
				    "set", set);
		status = changes ? change_send_list(cli, changes, false)
				 : refuse(cli, STATUS_USAGE, "pool set", "expected names in UTF-8");
		json_decref(changes);
	}
	json_decref(set);
	return status;
}

static int pool_delete(struct cli *cli, int argc, char **argv)
{
	json_t *changes;
	int status = change_expect_args(cli, "pool delete", argc, argv, 2, "SERVICE and POOL");

	if (status != STATUS_OK)
		return status;
	changes = json_pack("[{s:s, s:s, s:s}]", "op", "pool.delete", "service", argv[0], "pool", argv[1]);
	status = changes ? change_send_list(cli, changes, false)
			 : refuse(cli, STATUS_USAGE, "pool delete", "expected names in UTF-8");
	json_decref(changes);
	return status;
}

const struct command pool_commands[] = {
	{"pool", "share", "SERVICE POOL=SHARE...",
	 "divide a service's new connections among pools; all that have a share are to be named, the sum may be any",
	 pool_share},
	{"pool", "switch", "SERVICE POOL [--force]",
	 "send all new connections to one pool; --force: though none of its backends is available", pool_switch},
	{"pool", "set",
	 "SERVICE POOL [share=SHARE] [backup=true|false] [min_healthy=COUNT|PERCENT%] "
	 "[on_demand.KEY=VALUE...]",
	 "change one pool: whether it serves only when the others have failed, when it has failed itself, and whether "
	 "it may sleep",
	 pool_set},
	{"pool", "delete", "SERVICE POOL", "forget what was set of a pool; its backends stay, and have no share",
	 pool_delete},
	{"pool", "show", "SERVICE", "show a service's pools and their backends", pool_show},
	{"pool", "list", "", "list the pools of all services: shares asked for, and what the rings give now",
	 pool_list},
	{NULL, NULL, NULL, NULL, NULL},
};
