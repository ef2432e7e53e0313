/* SPDX-License-Identifier: GPL-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/yaml.h"
#include "change.h"
#include "table.h"
#include "views.h"

static size_t count_up(const json_t *backends)
{
	const json_t *backend;
	size_t i, up = 0;

	json_array_foreach (backends, i, backend)
		up += strcmp(view_text(backend, "state"), "up") == 0;
	return up;
}

static bool any_file(const json_t *services)
{
	const json_t *service;
	size_t i;

	json_array_foreach (services, i, service)
		if (json_object_get(service, "file"))
			return true;
	return false;
}

static void print_services(const json_t *answer)
{
	bool files = any_file(json_object_get(answer, "services"));
	struct table *t =
		table_new(files ? "NAME|>UP|>BACKENDS|CHECK|ENCAP|FILE|VIPS" : "NAME|>UP|>BACKENDS|CHECK|ENCAP|VIPS");
	const json_t *service;
	size_t i;

	json_array_foreach (json_object_get(answer, "services"), i, service) {
		const json_t *backends = json_object_get(service, "backends"), *vips = json_object_get(service, "vips");
		size_t more = json_array_size(vips) - 1;

		table_cell(t, "%s", view_text(service, "name"));
		table_cell(t, "%zu", count_up(backends));
		table_cell(t, "%zu", json_array_size(backends));
		table_cell(t, "%s", view_text(json_object_get(service, "check"), "type"));
		table_cell(t, "%s", view_encap(service));
		if (files)
			table_cell(t, "%s", view_text(service, "file"));
		if (more)
			table_cell(t, "%s and %zu more", json_string_value(json_array_get(vips, 0)), more);
		else
			table_cell(t, "%s", json_string_value(json_array_get(vips, 0)));
	}
	table_print(t);
}

static int service_list(struct cli *cli, int argc, char **argv)
{
	json_t *answer;
	int status = change_expect_args(cli, "service list", argc, argv, 0, NULL);

	if (status == STATUS_OK)
		status = client_get(cli, "/v1/services", &answer);
	if (status == STATUS_OK)
		output_value(cli->out, answer, print_services);
	return status;
}

/* A pool as a file may have it. */
static json_t *reduced_pool(const json_t *pool)
{
	json_t *reduced;

	if (!json_is_true(json_object_get(pool, "backup")))
		return json_incref(json_object_get(pool, "share"));
	reduced = json_pack("{s:b}", "backup", 1);
	if (view_integer(pool, "share") != 100)
		json_object_set(reduced, "share", json_object_get(pool, "share"));
	return reduced;
}

/* Shares and backups alone: `shunt pool show` has the rest. Nothing where there is but the default pool. */
static void reduce_pools(json_t *service)
{
	json_t *pools = json_object_get(service, "pools"), *shares = json_object(), *pool;
	const char *name;

	json_object_foreach (pools, name, pool)
		if (view_integer(pool, "share"))
			json_object_set_new(shares, name, reduced_pool(pool));
	json_object_del(service, "pools");
	if (json_object_size(shares) > 1 || (json_object_size(shares) && !json_object_get(shares, "default")))
		json_object_set(service, "pools", shares);
	json_decref(shares);
}

/* The configured part as a configuration file has it, then what has become of the backends. */
static void print_service(const json_t *service)
{
	json_t *configured = json_copy((json_t *)service), *list = json_pack("[O]", service);
	const json_t *serving = json_object_get(service, "serving");
	char *text;

	json_object_del(configured, "backends");
	json_object_del(configured, "serving");
	reduce_pools(configured);
	text = yaml_dump(configured);
	printf("%s\n%s: %s\n\n", text, view_text(serving, "rule"), view_text(serving, "why"));
	view_backends(list);
	free(text);
	json_decref(configured);
	json_decref(list);
}

static int service_show(struct cli *cli, int argc, char **argv)
{
	json_t *answer;
	char *path;
	int status = change_expect_args(cli, "service show", argc, argv, 1, "NAME");

	if (status != STATUS_OK)
		return status;
	path = client_path("/v1/services/", argv[0]);
	status = client_get(cli, path, &answer);
	free(path);
	if (status == STATUS_OK)
		output_value(cli->out, answer, print_service);
	return status;
}

const struct command service_commands[] = {
	{"service", "add",
	 "NAME vip=ADDRESS:PORT/PROTOCOL... [backend=ADDRESS[,KEY=VALUE]...] "
	 "[check=TYPE[:PORT][:/PATH]] "
	 "[check.KEY=VALUE...] [encap=ENCAP] [encap.KEY=VALUE...] [ring_size=PRIME] [echo=true|false] "
	 "[algorithm=ALGORITHM] [sticky=SECONDS] [hash=INPUTS[,ipv4=LENGTH][,ipv6=LENGTH]] "
	 "[group=NAME] [quic=ID:LENGTH...] [udp=keep|rehash|track] [idle_timeout=SECONDS] [drain_timeout=SECONDS] "
	 "[panic=PERCENT] [min_healthy=COUNT|PERCENT%] [slow_start=DURATION] [registration=true|false] "
	 "[discover=files:PATTERN|dns:NAME|srv:NAME...] [on_demand.KEY=VALUE...]",
	 "add a service", change_run},
	{"service", "set", "NAME KEY=VALUE...",
	 "change a service; vip= and backend= replace all it had, check.KEY= and on_demand.KEY= only that key",
	 change_run},
	{"service", "delete", "NAME... [--force]",
	 "delete services with all their backends; --force: also those that had packets within the last minute",
	 change_run},
	{"service", "list", "", "list the services", service_list},
	{"service", "show", "NAME", "show a service and its backends", service_show},
	{NULL, NULL, NULL, NULL, NULL},
};
