/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt backend-agent`, run on a backend; it needs no daemon. The work is in agent_*.c, backend-setup in setup.c. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "cmd.h"
#include "options.h"
#include "setup.h"

struct agent_args {
	const char *ifname, *pin_dir;
	bool generic, detach, status;
	struct agent_request request;
};

static int take_option(struct agent_args *args, int letter, const char *option, struct shunt_err *err)
{
	int rc;

	switch (letter) {
	case 'g':
		args->generic = true;
		return 0;
	case 'd':
		args->detach = true;
		return 0;
	case 's':
		args->status = true;
		return 0;
	default:
		rc = options_request(&args->request, &args->pin_dir, letter, option, err);
		if (rc != -ENOENT)
			return rc;
		return shunt_fail(err, EINVAL, option,
				  "no such option (expected " OPTIONS_REQUEST_TEXT ", --generic, --status, --detach)");
	}
}

static int parse_args(struct agent_args *args, int argc, char **argv, struct shunt_err *err)
{
	static const struct option options[] = {
		OPTIONS_REQUEST,
		{"generic", no_argument, NULL, 'g'},
		{"status", no_argument, NULL, 's'},
		{"detach", no_argument, NULL, 'd'},
		{NULL, 0, NULL, 0},
	};
	int letter, rc = 0;

	memset(args, 0, sizeof(*args));
	args->pin_dir = AGENT_PIN_DIR;
	while (!rc && (letter = getopt_long(argc, argv, ":", options, NULL)) != -1)
		rc = take_option(args, letter, argv[optind - 1], err);
	if (rc)
		return rc;
	if (optind != argc - 1)
		return shunt_fail(err, EINVAL, "backend-agent", "expected one interface, got %d", argc - optind);
	args->ifname = argv[optind];
	if (args->detach && args->status)
		return shunt_fail(err, EINVAL, "--detach, --status", "cannot be given together");
	return 0;
}

static const char *mode_name(enum agent_mode mode)
{
	return mode == AGENT_DETACHED ? "detached" : mode == AGENT_GENERIC ? "generic" : "native";
}

static json_t *addrs_json(const struct shunt_addr *addrs, size_t count)
{
	json_t *list = json_array();
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(addr_format(&addrs[i], text)));
	return list;
}

static json_t *sources_json(const struct agent_rules *rules)
{
	json_t *list = json_array();
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < rules->source_count; i++)
		json_array_append_new(list, json_string(prefix_format(&rules->sources[i], text)));
	return list;
}

static json_t *kinds_json(uint32_t kinds)
{
	json_t *list = json_array();

	for (int i = 0; i < AGENT_KINDS; i++)
		if (kinds & 1u << i)
			json_array_append_new(list, json_string(agent_kind_names[i]));
	return list;
}

/* null: off. */
static json_t *mss_json(const struct agent *agent, const struct agent_mss *mss)
{
	char name[IF_NAMESIZE] = "";

	if (!mss->ifindex)
		return json_null();
	if_indextoname(mss->ifindex, name); /* the interface may have gone */
	return json_pack("{s:s, s:b, s:i, s:i}", "interface", name, "attached",
			 agent_clamp_where(agent) == mss->ifindex, "ipv4", mss->ipv4, "ipv6", mss->ipv6);
}

static json_t *counters_json(const struct shunt_counter counters[SHUNT_DECAP_COUNT])
{
	static const struct {
		const char *name, *action, *text;
	} results[] = {
#define STRIP "strip"
#define PASS "pass"
#define DROP "drop"
#define X(e, name, action, text) {#name, action, text},
		SHUNT_DECAP_RESULTS(X)
#undef X
#undef DROP
#undef PASS
#undef STRIP
	};
	json_t *list = json_array();

	for (int i = 0; i < SHUNT_DECAP_COUNT; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:s}", "result", results[i].name, "action",
						      results[i].action, "packets", (json_int_t)counters[i].packets,
						      "bytes", (json_int_t)counters[i].bytes, "text", results[i].text));
	return list;
}

static void print_list(const json_t *status, const char *key, const char *title, const char *none)
{
	const json_t *list = json_object_get(status, key), *item;
	size_t i;

	printf("  %-18s", title);
	json_array_foreach (list, i, item)
		printf("%s%s", i ? ", " : "", json_string_value(item));
	printf("%s\n", json_array_size(list) ? "" : none);
}

static void print_mss(const json_t *mss)
{
	if (json_is_null(mss))
		printf("  %-18soff\n", "MSS clamp");
	else
		printf("  %-18s%" JSON_INTEGER_FORMAT " (IPv4), %" JSON_INTEGER_FORMAT
		       " (IPv6) in SYNs leaving by %s%s\n",
		       "MSS clamp", json_integer_value(json_object_get(mss, "ipv4")),
		       json_integer_value(json_object_get(mss, "ipv6")),
		       json_string_value(json_object_get(mss, "interface")),
		       json_is_true(json_object_get(mss, "attached")) ? "" : ", but its filter is gone: run again");
}

static void print_status(const json_t *status)
{
	const json_t *item;
	size_t i;

	printf("%s: %s%s\n", json_string_value(json_object_get(status, "interface")),
	       json_string_value(json_object_get(status, "mode")),
	       json_is_true(json_object_get(status, "dispatcher")) ? ", beside other XDP programs" : "");
	print_list(status, "tunnel_addresses", "tunnel addresses", "none");
	print_list(status, "vips", "VIPs", "none");
	print_list(status, "from", "balancers", "any source");
	print_list(status, "tunnels", "tunnels", "none");
	printf("  %-18s%" JSON_INTEGER_FORMAT "\n", "GUE port",
	       json_integer_value(json_object_get(status, "gue_port")));
	print_mss(json_object_get(status, "mss"));
	printf("\n  %-16s %12s %14s\n", "RESULT", "PACKETS", "BYTES");
	json_array_foreach (json_object_get(status, "counters"), i, item)
		printf("  %-16s %12" JSON_INTEGER_FORMAT " %14" JSON_INTEGER_FORMAT "  %-5s  %s\n",
		       json_string_value(json_object_get(item, "result")),
		       json_integer_value(json_object_get(item, "packets")),
		       json_integer_value(json_object_get(item, "bytes")),
		       json_string_value(json_object_get(item, "action")),
		       json_string_value(json_object_get(item, "text")));
}

static json_t *status_json(const struct agent *agent, const struct agent_attachment *at, const struct agent_maps *maps,
			   struct shunt_err *err)
{
	struct shunt_counter counters[SHUNT_DECAP_COUNT];
	struct agent_rules rules;
	json_t *status = NULL;

	if (!agent_maps_read_rules(maps, &rules, err) && !agent_maps_read_counters(maps, counters, err))
		status = json_pack("{s:s, s:s, s:b, s:i, s:o, s:o, s:o, s:o, s:i, s:o, s:o}", "interface",
				   agent->ifname, "mode", mode_name(at->mode), "dispatcher", at->dispatcher, "program",
				   (int)agent->pinned_id, "tunnel_addresses",
				   addrs_json(rules.addrs, rules.tunnel_count), "vips",
				   addrs_json(rules.addrs + rules.tunnel_count, rules.vip_count), "from",
				   sources_json(&rules), "tunnels", kinds_json(rules.kinds), "gue_port", rules.gue_port,
				   "mss", mss_json(agent, &rules.mss), "counters", counters_json(counters));
	agent_rules_free(&rules);
	return status;
}

static int run_status(struct output *out, const struct agent *agent, struct shunt_err *err)
{
	struct agent_attachment at;
	struct agent_maps maps;
	json_t *status;
	int rc = agent_pinned_maps(agent, &maps, err);

	if (rc)
		return rc;
	rc = agent_query(agent, &at, err);
	status = rc ? NULL : status_json(agent, &at, &maps, err);
	agent_maps_close(&maps);
	if (!status)
		return -EIO;
	output_value(out, status, print_status);
	return 0;
}

static int run_detach(struct output *out, struct agent *agent, struct shunt_err *err)
{
	bool was_attached = false;
	int rc = agent_detach(agent, &was_attached, err);

	if (!rc)
		output_message(out, "%s: %s", agent->ifname,
			       was_attached ? "decapsulation is off" : "nothing was attached");
	return rc;
}

static int run_attach(struct output *out, struct agent *agent, const struct agent_args *args, struct shunt_err *err)
{
	struct agent_attachment at;
	struct agent_rules rules;
	int rc = agent_rules_resolve(&rules, &args->request, args->ifname, err);

	if (rc)
		return rc;
	rc = agent_mss_resolve(&rules, &args->request, args->ifname, err);
	if (!rc)
		rc = agent_attach(agent, &rules, args->generic, &at, err);
	if (!rc)
		output_message(out, "%s: %s for %zu VIP%s at %zu tunnel address%s, %s mode%s", agent->ifname,
			       at.replaced ? "decapsulation replaced," : "decapsulating", rules.vip_count,
			       rules.vip_count == 1 ? "" : "s", rules.tunnel_count, rules.tunnel_count == 1 ? "" : "es",
			       mode_name(at.mode),
			       at.fell_back ? " (the driver refused native mode: expect less speed)" : "");
	agent_rules_free(&rules);
	return rc;
}

static int run_args(struct output *out, const struct agent_args *args, struct shunt_err *err)
{
	struct agent agent;
	int rc = agent_open(&agent, args->ifname, args->pin_dir, !args->detach && !args->status, err);

	if (rc)
		return rc;
	if (args->detach)
		rc = run_detach(out, &agent, err);
	else if (args->status)
		rc = run_status(out, &agent, err);
	else
		rc = run_attach(out, &agent, args, err);
	agent_close(&agent);
	return rc;
}

static int cmd_backend_agent(struct cli *cli, int argc, char **argv)
{
	char **words = options_vector("backend-agent", argc, argv);
	struct shunt_err err = {};
	struct agent_args args;
	int status = STATUS_OK;

	if (parse_args(&args, argc + 1, words, &err))
		status = STATUS_USAGE;
	else if (run_args(cli->out, &args, &err))
		status = STATUS_REFUSED;
	if (status != STATUS_OK)
		output_error(cli->out, &err);
	free(words);
	return status;
}

const struct command agent_commands[] = {
	{"backend-agent", NULL, "IFACE [--vip ADDR]... " OPTIONS_REQUEST_HELP " [--generic] [--status] [--detach]",
	 "strip the balancers' outer headers on IFACE (default: for the VIPs on lo, at IFACE's addresses), and clamp "
	 "the MSS",
	 cmd_backend_agent},
	{"backend-setup", NULL,
	 "--vip ADDR... --interface IFACE [--mode kernel|agent] " OPTIONS_REQUEST_HELP " [--apply]",
	 "print, and with --apply run, what a backend needs", cmd_backend_setup},
	{NULL, NULL, NULL, NULL, NULL},
};
