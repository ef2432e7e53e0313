/* SPDX-License-Identifier: GPL-2.0 */
/* Commands about configuration files: the main one, and those of services beside it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/config_faults.h"
#include "../lib/xalloc.h"
#include "../lib/yaml.h"
#include "apply.h"
#include "change.h"
#include "client.h"
#include "views.h"

static void print_check(const json_t *value)
{
	printf("%s: valid, services %" JSON_INTEGER_FORMAT ", backends %" JSON_INTEGER_FORMAT "\n",
	       view_text(value, "file"), view_integer(value, "services"), view_integer(value, "backends"));
}

static json_t *summary_json(const char *file, const struct config *config)
{
	size_t backends = 0;

	for (size_t i = 0; i < config->service_count; i++)
		backends += config->services[i].backend_count;
	return json_pack("{s:s, s:b, s:I, s:I}", "file", file, "valid", 1, "services",
			 (json_int_t)config->service_count, "backends", (json_int_t)backends);
}

/* One problem, as other commands have it, which is the first, with all of them. */
static void say_faults(struct cli *cli, json_t *faults)
{
	json_t *problem = json_pack("{s:s, s:s}", "type", "about:blank", "title", "Error");

	json_object_update(problem, json_array_get(faults, 0));
	json_object_set(problem, "faults", faults);
	output_problem(cli->out, problem);
	json_decref(problem);
}

/* Needs no daemon. */
static int check(struct cli *cli, int argc, char **argv)
{
	struct config *config;
	json_t *faults;
	char *main_path;
	int ret = change_expect_args(cli, "check", argc, argv, 1, "one FILE (\"-\": stdin) or DIRECTORY");

	if (ret != STATUS_OK)
		return ret;
	faults = json_array();
	config = config_verify(argv[0], faults, &main_path);
	if (json_array_size(faults)) {
		say_faults(cli, faults);
		ret = STATUS_REFUSED;
	} else {
		output_value(cli->out, summary_json(main_path, config), print_check);
	}
	config_free(config);
	json_decref(faults);
	free(main_path);
	return ret;
}

char *export_text(const json_t *config, const char *etag, bool read_only)
{
	char *yaml = yaml_dump(config);
	char *text = yaml;

	if (read_only)
		text = xasprintf("# Without the seed, which is not shown here: not for `shunt apply`.\n%s", yaml);
	else if (etag)
		text = xasprintf("# ETag: %s\n%s", etag, yaml);
	if (text != yaml)
		free(yaml);
	return text;
}

static void print_export(const json_t *value)
{
	char *text = export_text(json_object_get(value, "config"), json_string_value(json_object_get(value, "etag")),
				 json_is_true(json_object_get(value, "read_only")));

	fputs(text, stdout);
	free(text);
}

/* The services that a file has, or for NULL the main one. */
static json_t *services_of(const json_t *config, const char *file)
{
	json_t *services = json_array(), *service;
	size_t i;

	json_array_foreach (json_object_get(config, "services"), i, service) {
		const char *owner = json_string_value(json_object_get(service, "file"));

		if (strcmp(owner ? owner : "", file ? file : ""))
			continue;
		service = json_copy(service);
		json_object_del(service, "file");
		json_array_append_new(services, service);
	}
	return services;
}

/* As that file would have it, or for NULL the main one. */
static json_t *part_of(const json_t *config, const char *file)
{
	json_t *part = file ? json_object() : json_copy((json_t *)config);

	json_object_set_new(part, "services", services_of(config, file));
	return part;
}

static int export(struct cli *cli, int argc, char **argv)
{
	bool is_main = change_take_flag(&argc, argv, "--main");
	const char *file = argc == 1 && !is_main ? argv[0] : NULL;
	json_t *answer;
	int ret = change_expect_args(cli, "export", argc, argv, file ? 1 : 0, "one FILE, or --main, or nothing");

	if (ret == STATUS_OK)
		ret = client_get(cli, "/v1/config", &answer);
	if (ret != STATUS_OK)
		return ret;
	if (file || is_main) {
		json_t *part = part_of(answer, file);

		json_decref(answer);
		answer = part;
	}
	if (!output_is_json(cli->out)) /* the tag is of the whole; a file of services has no seed to miss */
		answer = json_pack("{s:o, s:s*, s:b}", "config", answer, "etag", file || is_main ? NULL : cli->etag,
				   "read_only", cli->read_only && !file);
	output_value(cli->out, answer, print_export);
	return STATUS_OK;
}

static void print_reload(const json_t *answer)
{
	const json_t *fault;
	size_t i;

	change_print(answer);
	json_array_foreach (json_object_get(answer, "refused"), i, fault)
		view_refused(fault);
}

static int reload(struct cli *cli, int argc, char **argv)
{
	bool all = change_take_flag(&argc, argv, "--all"), force = change_take_flag(&argc, argv, "--force");
	struct client_request request = {.method = "POST"};
	json_t *answer;
	char path[64];
	int ret = change_expect_args(cli, "reload", argc, argv, 0, NULL);

	snprintf(path, sizeof(path), "/v1/reload?all=%d&force=%d", all, force);
	request.path = path;
	if (ret == STATUS_OK)
		ret = client_call(cli, &request, &answer);
	if (ret != STATUS_OK)
		return ret;
	if (json_array_size(json_object_get(answer, "refused")))
		ret = STATUS_REFUSED;
	output_value(cli->out, answer, print_reload);
	return ret;
}

const struct command files_commands[] = {
	{"check", NULL, "FILE|DIRECTORY",
	 "check a configuration file (\"-\": stdin), or shunt.yaml in DIRECTORY, with the files of services beside it; "
	 "needs no daemon",
	 check},
	{"export", NULL, "[--main | FILE]",
	 "print the configuration in force, as apply takes it; or what of it the main file has, or FILE of services",
	 export},
	{"reload", NULL, "[--all] [--force]",
	 "make the daemon read its configuration files again and apply those that have changed, or --all; --force: "
	 "delete services that have traffic, too",
	 reload},
	{NULL, NULL, NULL, NULL, NULL},
};
