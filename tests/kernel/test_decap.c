/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The backend's two programs, a table of packets through BPF_PROG_TEST_RUN: the rows that tests/packet/decap_rows.py prints, or
 * those in a file. The maps are filled by the agent's own code, which is part of this program. Prints a line per row (TAP).
 * Run from the top directory.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <linux/pkt_cls.h>

#include "clamp.skel.h"
#include "decap.skel.h"
#include "../../user/shunt/agent_maps.c"
#include "../../user/shunt/agent_rules.c"
#include "../../user/shunt/agent_tunnels.c"

#define ROWS_COMMAND "/usr/bin/python3 tests/packet/decap_rows.py"
#define FRAME_MAX 9216
#define ROW_MAX 65536

struct bench {
	struct agent_request request;
	struct agent_maps maps;
	struct decap_bpf *skel;
	struct clamp_bpf *clamp;
	unsigned int number, failed;
};

static const char *const result_names[] = {
#define X(e, name, action, text) #name,
	SHUNT_DECAP_RESULTS(X)
#undef X
};

static void die(const char *what, const struct shunt_err *err)
{
	fprintf(stderr, "test_decap: %s: %s\n", what, err ? shunt_err_text(err) : strerror(errno));
	exit(1);
}

static void set_up(struct bench *bench)
{
	struct agent_rules rules;
	struct shunt_err err;

	if (agent_rules_resolve(&rules, &bench->request, "lo", &err) ||
	    agent_mss_resolve(&rules, &bench->request, "lo", &err) || agent_maps_create(&bench->maps, &rules, -1, &err))
		die("rules", &err);
	agent_rules_free(&rules);
	bench->skel = decap_bpf__open();
	if (!bench->skel || bpf_map__reuse_fd(bench->skel->maps.decap_addrs, bench->maps.addrs) ||
	    bpf_map__reuse_fd(bench->skel->maps.decap_conf, bench->maps.conf) ||
	    bpf_map__reuse_fd(bench->skel->maps.decap_stats, bench->maps.stats) || decap_bpf__load(bench->skel))
		die("loading the program", NULL);
	bench->clamp = clamp_bpf__open();
	if (!bench->clamp || bpf_map__reuse_fd(bench->clamp->maps.decap_addrs, bench->maps.addrs) ||
	    bpf_map__reuse_fd(bench->clamp->maps.decap_conf, bench->maps.conf) ||
	    bpf_map__reuse_fd(bench->clamp->maps.decap_stats, bench->maps.stats) || clamp_bpf__load(bench->clamp))
		die("loading the clamp", NULL);
}

/* Which counter grew since before, by one packet of len bytes; "several" or "none" otherwise. */
static const char *counted(const struct shunt_counter *before, const struct shunt_counter *after, size_t len)
{
	const char *name = "none";

	for (int i = 0; i < SHUNT_DECAP_COUNT; i++) {
		if (after[i].packets == before[i].packets && after[i].bytes == before[i].bytes)
			continue;
		if (strcmp(name, "none") || after[i].packets != before[i].packets + 1 ||
		    after[i].bytes != before[i].bytes + len)
			return "several";
		name = result_names[i];
	}
	return name;
}

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	size_t len = 0;
	unsigned int byte;

	while (len < FRAME_MAX && sscanf(hex + 2 * len, "%2x", &byte) == 1)
		bytes[len++] = byte;
	return len;
}

static void report(struct bench *bench, const char *name, const char *wrong, const char *got, const char *wanted)
{
	bench->number++;
	if (!wrong) {
		printf("ok %u - decap %s\n", bench->number, name);
		return;
	}
	bench->failed++;
	printf("not ok %u - decap %s: %s is %s, expected %s\n", bench->number, name, wrong, got, wanted);
}

static void print_difference(const uint8_t *got, size_t got_len, const uint8_t *want, size_t want_len)
{
	size_t at = 0;

	while (at < got_len && at < want_len && got[at] == want[at])
		at++;
	printf("# lengths: %zu, expected %zu; first difference at byte %zu\n", got_len, want_len, at);
}

static const char *action_name(const char *kind, __u32 action)
{
	if (!strcmp(kind, "clamp"))
		return (int)action == TC_ACT_UNSPEC ? "pass" : "another";
	return action == XDP_PASS ? "pass" : action == XDP_DROP ? "drop" : "another";
}

/* kind: "row", for what comes; "clamp", for what leaves. */
static void run_row(struct bench *bench, const char *kind, const char *name, const char *in_hex, const char *verdict,
		    const char *out_hex, const char *result)
{
	static uint8_t in[FRAME_MAX], out[FRAME_MAX], want[FRAME_MAX];
	struct shunt_counter before[SHUNT_DECAP_COUNT], after[SHUNT_DECAP_COUNT];
	size_t in_len = from_hex(in_hex, in);
	size_t want_len = from_hex(strcmp(out_hex, "=") ? out_hex : in_hex, want);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in, .data_size_in = in_len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);
	const struct bpf_program *prog =
		strcmp(kind, "clamp") ? bench->skel->progs.shunt_decap : bench->clamp->progs.shunt_clamp;
	const char *action, *counter;

	agent_maps_read_counters(&bench->maps, before, NULL);
	if (bpf_prog_test_run_opts(bpf_program__fd(prog), &opts))
		die(name, NULL);
	agent_maps_read_counters(&bench->maps, after, NULL);
	action = action_name(kind, opts.retval);
	counter = counted(before, after, in_len);
	if (strcmp(action, verdict)) {
		report(bench, name, "verdict", action, verdict);
	} else if (strcmp(counter, result)) {
		report(bench, name, "counter", counter, result);
	} else if (opts.data_size_out != want_len || memcmp(out, want, want_len)) {
		report(bench, name, "packet", "another", "the row's");
		print_difference(out, opts.data_size_out, want, want_len);
	} else {
		report(bench, name, NULL, NULL, NULL);
	}
}

static void read_rule(struct agent_request *request, const char *kind, const char *value)
{
	if (!strcmp(kind, "local"))
		request->locals[request->local_count++] = strdup(value);
	else if (!strcmp(kind, "vip"))
		request->vips[request->vip_count++] = strdup(value);
	else if (!strcmp(kind, "from"))
		request->sources[request->source_count++] = strdup(value);
	else if (!strcmp(kind, "mss"))
		request->mss = strdup(value);
	else
		die(kind, NULL);
}

int main(int argc, char **argv)
{
	static char line[ROW_MAX];
	struct bench bench = {};
	FILE *rows = argc > 1 ? fopen(argv[1], "r") : popen(ROWS_COMMAND, "r");
	char *word[6];

	if (!rows)
		die(argc > 1 ? argv[1] : ROWS_COMMAND, NULL);
	while (fgets(line, sizeof(line), rows)) {
		int words = 0;

		for (char *w = strtok(line, " \n"); w && words < 6; w = strtok(NULL, " \n"))
			word[words++] = w;
		if (words == 2)
			read_rule(&bench.request, word[0], word[1]);
		else if (words != 6)
			die("a row with other than 6 words", NULL);
		else if (!bench.skel)
			set_up(&bench);
		if (words == 6)
			run_row(&bench, word[0], word[1], word[2], word[3], word[4], word[5]);
	}
	if (argc > 1 ? fclose(rows) : pclose(rows))
		die("the rows did not come to their end", NULL);
	decap_bpf__destroy(bench.skel);
	clamp_bpf__destroy(bench.clamp);
	printf("1..%u\n", bench.number);
	return bench.failed || !bench.number;
}
