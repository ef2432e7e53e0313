/* SPDX-License-Identifier: GPL-2.0 */
/* Commands about the daemon and its configuration as a whole. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/config_files.h"
#include "../lib/xalloc.h"
#include "../lib/yaml.h"
#include "apply.h"
#include "change.h"
#include "options.h"
#include "remains.h"
#include "table.h"
#include "views.h"

#define DEFAULT_PIN_DIR "/sys/fs/bpf/shunt"

static void print_interfaces(const json_t *interfaces)
{
	struct table *t = table_new("INTERFACE|ATTACHED|MODE|SHARED|PROGRAM");
	const json_t *interface;
	size_t i;

	json_array_foreach (interfaces, i, interface) {
		bool attached = json_is_true(json_object_get(interface, "attached"));

		table_cell(t, "%s", view_text(interface, "name"));
		table_cell(t, "%s", attached ? "yes" : "NO");
		table_cell(t, "%s", attached ? view_text(interface, "mode") : "-");
		table_cell(t, "%s", json_is_true(json_object_get(interface, "dispatcher")) ? "yes" : "no");
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(interface, "program"));
	}
	table_print(t);
}

static void print_usage(const json_t *usage)
{
	struct table *t = table_new("TABLE|>USED|>LIMIT");
	const char *name;
	json_t *use;

	json_object_foreach ((json_t *)usage, name, use) {
		table_cell(t, "%s", name);
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(use, "used"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(use, "limit"));
	}
	table_print(t);
}

/* "asleep", or of pools "cpu asleep, memory awake"; "-": it is not on demand. */
static char *demand_text(const json_t *service)
{
	char *text = NULL;
	const json_t *unit;
	size_t i;

	json_array_foreach (json_object_get(service, "demand"), i, unit) {
		const char *pool = json_string_value(json_object_get(unit, "pool"));
		char *longer = xasprintf("%s%s%s%s%s", text ? text : "", text ? ", " : "", pool ? pool : "",
					 pool && pool[0] ? " " : "", view_text(unit, "state"));

		free(text);
		text = longer;
	}
	return text ? text : xstrdup("-");
}

static bool any_demand(const json_t *services)
{
	const json_t *service;
	size_t i;

	json_array_foreach (services, i, service)
		if (json_object_get(service, "demand"))
			return true;
	return false;
}

static void print_services(const json_t *services)
{
	bool demands = any_demand(services);
	struct table *t = table_new(demands ? "SERVICE|>VIPS|>UP|>BACKENDS|ON DEMAND" : "SERVICE|>VIPS|>UP|>BACKENDS");
	const json_t *service;
	size_t i;

	json_array_foreach (services, i, service) {
		const json_t *backends = json_object_get(service, "backends");

		table_cell(t, "%s", view_text(service, "name"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(service, "vips"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(backends, "up"));
		table_cell(t, "%" JSON_INTEGER_FORMAT, view_integer(backends, "total"));
		if (demands) {
			char *text = demand_text(service);

			table_cell(t, "%s", text);
			free(text);
		}
	}
	table_print(t);
}

/* Of services whose pools do not serve by their shares. */
static void print_rules(const json_t *services)
{
	const json_t *service;
	size_t i;

	json_array_foreach (services, i, service) {
		const json_t *serving = json_object_get(service, "serving");

		if (strcmp(view_text(serving, "rule"), "shares") != 0)
			printf("%s: %s: %s\n", view_text(service, "name"), view_text(serving, "rule"),
			       view_text(serving, "why"));
	}
}

static void print_status(const json_t *status)
{
	json_int_t up = time(NULL) - view_integer(status, "started");
	char buf[HUMAN_TEXT];
	const json_t *fault;
	size_t i;

	printf("shuntd %s, pid %" JSON_INTEGER_FORMAT ", running for %s, generation %" JSON_INTEGER_FORMAT "\n",
	       view_text(status, "version"), view_integer(status, "pid"), human_duration(up > 0 ? up : 0, buf),
	       view_integer(status, "generation"));
	printf("configuration %s, state %s\n\n", view_text(status, "config_file"), view_text(status, "state_file"));
	json_array_foreach (json_object_get(status, "refused"), i, fault)
		view_refused(fault);
	if (i)
		printf("\n");
	print_interfaces(json_object_get(status, "interfaces"));
	printf("\n");
	print_services(json_object_get(status, "services"));
	print_rules(json_object_get(status, "services"));
	printf("\n");
	print_usage(json_object_get(status, "usage"));
}

/* No daemon: what it has left behind goes on without it, or does not. */
static void say_absent(struct cli *cli, const struct shunt_err *err, const char *pin_dir)
{
	struct remains remains = remains_read(pin_dir);
	json_t *problem = output_problem_of(err);
	char *text = remains_text(&remains, pin_dir, (uint64_t)time(NULL));

	json_object_set_new(problem, "note", json_string(text));
	json_object_set_new(problem, "forwarding",
			    remains.kind == REMAINS_HIDDEN ? json_null()
							   : json_boolean(remains.kind == REMAINS_PROGRAM));
	json_object_set_new(problem, "last_seen",
			    remains.alive ? json_integer((json_int_t)remains.alive) : json_null());
	output_problem(cli->out, problem);
	json_decref(problem);
	free(text);
}

static int status(struct cli *cli, int argc, char **argv)
{
	const char *pin_dir = options_take(&argc, argv, "--pin-dir", DEFAULT_PIN_DIR);
	struct shunt_err err = {0};
	json_t *answer;
	int ret = change_expect_args(cli, "status", argc, argv, 0, NULL);

	if (ret != STATUS_OK)
		return ret;
	ret = client_reach(cli, "/v1/status", &answer, &err);
	if (ret == STATUS_OK)
		output_value(cli->out, answer, print_status);
	else if (ret == STATUS_UNREACHABLE && err.code == ENOENT)
		say_absent(cli, &err, pin_dir);
	else if (ret == STATUS_UNREACHABLE)
		output_error(cli->out, &err);
	return ret;
}

static int detach(struct cli *cli, int argc, char **argv)
{
	struct client_request request = {.method = "POST", .path = "/v1/detach"};
	int ret = change_expect_args(cli, "detach", argc, argv, 0, NULL);

	return ret == STATUS_OK ? change_send(cli, &request) : ret;
}

/* JSON in the place of a text that names files with lists, which are read here. Errors that file and line could be named for are
 * found here, too. False: a list, or the whole, is not valid. */
static bool read_lists(const char *name, char **text, struct client_request *request, struct shunt_err *err)
{
	struct config_source *source = NULL;
	json_t *tree = yaml_load(*text, request->len, name, &source, err);
	int files = tree ? config_read_lists(tree, source, NULL, err) : 0; /* the daemon refuses what is no YAML */
	struct config *config = files > 0 ? config_from_json(tree, source, err) : NULL;

	if (config) {
		free(*text);
		*text = json_dumps(tree, JSON_COMPACT);
		request->type = "application/json";
		request->len = strlen(*text);
	}
	config_free(config);
	json_decref(tree);
	config_source_free(source);
	return !files || config;
}

/* The text goes as it is, with the file's name, so that the daemon's errors name file and line; but see read_lists(). */
int change_put_file(struct cli *cli, const char *file, const char *path_to_name, change_sender *send,
		    const char *if_match)
{
	struct client_request request = {.method = "PUT", .type = "application/yaml", .if_match = if_match};
	const char *name = strcmp(file, "-") == 0 ? "stdin" : file;
	struct shunt_err err = {0};
	char *text, *path;
	int ret;

	text = yaml_read(file, &request.len, &err);
	if (!text || !read_lists(name, &text, &request, &err)) {
		free(text);
		output_error(cli->out, &err);
		return STATUS_REFUSED;
	}
	path = client_path(path_to_name, name);
	request.path = path;
	request.body = text;
	ret = send(cli, &request);
	free(path);
	free(text);
	return ret;
}

int apply_file(struct cli *cli, const char *file, const char *if_match, bool force)
{
	return change_put_file(cli, file, force ? "/v1/config?force=1&name=" : "/v1/config?name=", change_send,
			       if_match);
}

static int apply(struct cli *cli, int argc, char **argv)
{
	const char *if_match = options_take(&argc, argv, "--if-match", NULL);
	bool force = change_take_flag(&argc, argv, "--force");
	int ret = change_expect_args(cli, "apply", argc, argv, 1, "one FILE (\"-\": stdin)");

	return ret == STATUS_OK ? apply_file(cli, argv[0], if_match, force) : ret;
}

static void print_version(const json_t *value)
{
	const json_t *daemon = json_object_get(value, "daemon");

	printf("shunt %s\n", view_text(json_object_get(value, "client"), "version"));
	if (json_is_object(daemon))
		printf("shuntd %s (map format %" JSON_INTEGER_FORMAT ")\n", view_text(daemon, "version"),
		       view_integer(daemon, "format"));
	else
		printf("shuntd not reachable at %s\n", view_text(value, "socket"));
}

static int version(struct cli *cli, int argc, char **argv)
{
	json_t *daemon;
	int ret = change_expect_args(cli, "version", argc, argv, 0, NULL);

	if (ret != STATUS_OK)
		return ret;
	if (!client_try_get(cli, "/v1/version", &daemon))
		daemon = json_null();
	output_value(cli->out,
		     json_pack("{s:{s:s}, s:o, s:s*}", "client", "version", SHUNT_VERSION, "daemon", daemon, "socket",
			       cli->socket),
		     print_version);
	return STATUS_OK;
}

const struct command daemon_commands[] = {
	{"status", NULL, "[--pin-dir DIR]",
	 "show the daemon, its interfaces, services and tables; without a daemon, whether packets are forwarded as it "
	 "left "
	 "them, by the maps in DIR (" DEFAULT_PIN_DIR ")",
	 status},
	{"apply", NULL, "[--if-match ETAG] [--force] FILE",
	 "make FILE (\"-\": stdin) the configuration in force, in place of all that is there; with ETAG, as export "
	 "prints "
	 "it, only if nobody has changed that since; --force: also where services go that have traffic",
	 apply},
	{"detach", NULL, "", "stop forwarding: take the program off all interfaces and end the daemon", detach},
	{"version", NULL, "", "print the versions of this command and of the daemon, if there is one", version},
	{NULL, NULL, NULL, NULL, NULL},
};
