/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt backend-setup`: options into a request, the plan (setup_plan.c) printed or run. Run on a backend; needs no daemon. */
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "options.h"
#include "setup.h"

struct setup_args {
	const char *ifname, *mode, *pin_dir;
	bool apply;
	struct agent_request request;
};

static int take_option(struct setup_args *args, int letter, const char *option, struct shunt_err *err)
{
	int rc;

	switch (letter) {
	case 'a':
		args->apply = true;
		return 0;
	case 'i':
		args->ifname = optarg;
		return 0;
	case 'm':
		args->mode = optarg;
		return 0;
	default:
		rc = options_request(&args->request, &args->pin_dir, letter, option, err);
		if (rc != -ENOENT)
			return rc;
		return shunt_fail(err, EINVAL, option,
				  "no such option (expected --interface, --mode, " OPTIONS_REQUEST_TEXT ", --apply)");
	}
}

/* The plan is shell lines: nothing may get into them that a shell would take for more than a word. */
static bool is_plain(const char *word, const char *others)
{
	for (const char *c = word; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr(others, *c))
			return false;
	return *word && *word != '-';
}

static int parse_args(struct setup_args *args, int argc, char **argv, struct shunt_err *err)
{
	static const struct option options[] = {
		OPTIONS_REQUEST,
		{"interface", required_argument, NULL, 'i'},
		{"mode", required_argument, NULL, 'm'},
		{"apply", no_argument, NULL, 'a'},
		{NULL, 0, NULL, 0},
	};
	int letter, rc = 0;

	memset(args, 0, sizeof(*args));
	args->mode = "kernel";
	while (!rc && (letter = getopt_long(argc, argv, ":", options, NULL)) != -1)
		rc = take_option(args, letter, argv[optind - 1], err);
	if (rc)
		return rc;
	if (optind < argc)
		return shunt_fail(err, EINVAL, argv[optind], "is not expected (VIPs are given with --vip)");
	if (!args->request.vip_count)
		return shunt_fail(err, EINVAL, "--vip", "is missing (the address that clients use)");
	if (!args->ifname)
		return shunt_fail(err, EINVAL, "--interface", "is missing (the one that balancers reach this host by)");
	if (!is_plain(args->ifname, "_.-@") || strlen(args->ifname) >= IFNAMSIZ)
		return shunt_fail(err, EINVAL, "--interface", "\"%s\" is not the name of an interface", args->ifname);
	if (args->pin_dir && !is_plain(args->pin_dir, "_-/:"))
		return shunt_fail(err, EINVAL, "--pin-dir",
				  "\"%s\" has characters other than letters, digits, _-/:", args->pin_dir);
	if (args->request.reply && !is_plain(args->request.reply, "_.-@"))
		return shunt_fail(err, EINVAL, "--reply", "\"%s\" is not the name of an interface",
				  args->request.reply);
	if (strcmp(args->mode, "kernel") && strcmp(args->mode, "agent"))
		return shunt_fail(err, EINVAL, "--mode", "\"%s\" is not a mode (expected kernel or agent)", args->mode);
	if (!strcmp(args->mode, "kernel") && (args->request.mss || args->request.path_mtu || args->request.reply))
		return shunt_fail(err, EINVAL, "--mss, --path-mtu, --reply", "are the agent's (expected --mode agent)");
	return agent_mss_check(&args->request, err);
}

/* The first tunnel address of each family: a device of each kind has one. */
static void take_locals(struct setup_request *request, const struct agent_rules *rules)
{
	for (size_t i = rules->tunnel_count; i-- > 0;)
		if (rules->addrs[i].family == SHUNT_FAMILY_IPV4)
			request->local4 = rules->addrs[i];
		else
			request->local6 = rules->addrs[i];
}

static const char *own_path(char *buf, size_t size)
{
	ssize_t len = readlink("/proc/self/exe", buf, size - 1);

	if (len < 0)
		return "shunt";
	buf[len] = '\0';
	return buf;
}

static json_t *plan_json(const struct setup_plan *plan)
{
	json_t *list = json_array();

	for (size_t i = 0; i < plan->count; i++)
		json_array_append_new(
			list, json_pack("{s:s?, s:s}", "command", plan->steps[i].command, "why", plan->steps[i].why));
	return list;
}

static void print_plan(const json_t *value)
{
	const json_t *step, *command;
	size_t i;

	json_array_foreach (json_object_get(value, "steps"), i, step) {
		command = json_object_get(step, "command");
		printf("# %s\n", json_string_value(json_object_get(step, "why")));
		if (json_is_string(command))
			printf("%s\n", json_string_value(command));
	}
	if (json_is_true(json_object_get(value, "applied")))
		printf("# all of this has been run\n");
}

static int run_plan(const struct setup_plan *plan, struct shunt_err *err)
{
	for (size_t i = 0; i < plan->count; i++) {
		const char *command = plan->steps[i].command;
		int status = command ? system(command) : 0;

		if (status == -1)
			return shunt_fail(err, errno, command, "cannot be run: %s", strerror(errno));
		if (WIFSIGNALED(status))
			return shunt_fail(err, EINTR, command, "ended by signal %d", WTERMSIG(status));
		if (status)
			return shunt_fail(
				err, EIO, command,
				"failed with status %d; the lines before it were run, those after it were not "
				"(all can be run again)",
				WEXITSTATUS(status));
	}
	return 0;
}

static int run_setup(struct output *out, const struct setup_args *args, const struct agent_rules *rules,
		     struct shunt_err *err)
{
	char path[PATH_MAX];
	struct setup_request request = {
		.ifname = args->ifname,
		.mode = strcmp(args->mode, "agent") ? SETUP_KERNEL : SETUP_AGENT,
		.vips = rules->addrs + rules->tunnel_count,
		.vip_count = rules->vip_count,
		.source_count = rules->source_count,
		.program = own_path(path, sizeof(path)),
		.pin_dir = args->pin_dir,
		.kinds = args->request.kind_count ? rules->kinds : 0,
		.gue_port = rules->gue_port,
		.mss = args->request.mss,
		.path_mtu = args->request.path_mtu,
		.reply = args->request.reply,
	};
	struct setup_plan plan;
	int rc = 0;

	take_locals(&request, rules);
	memcpy(request.sources, rules->sources, sizeof(request.sources));
	setup_plan_make(&plan, &request);
	fflush(stdout);
	if (args->apply)
		rc = run_plan(&plan, err);
	if (!rc)
		output_value(out, json_pack("{s:b, s:o}", "applied", args->apply, "steps", plan_json(&plan)),
			     print_plan);
	setup_plan_free(&plan);
	return rc;
}

int cmd_backend_setup(struct cli *cli, int argc, char **argv)
{
	char **words = options_vector("backend-setup", argc, argv);
	struct shunt_err err = {};
	struct setup_args args;
	struct agent_rules rules = {};
	int status = STATUS_OK;

	if (parse_args(&args, argc + 1, words, &err))
		status = STATUS_USAGE;
	else if (agent_rules_resolve(&rules, &args.request, args.ifname, &err) ||
		 run_setup(cli->out, &args, &rules, &err))
		status = STATUS_REFUSED;
	if (status != STATUS_OK)
		output_error(cli->out, &err);
	agent_rules_free(&rules);
	free(words);
	return status;
}
