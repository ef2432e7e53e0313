/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs of the simulator, beside each other in a table. Without options the short form: a tenth of the traffic and of the entries. Exit
 * status 1 when these rules lost a connection that they promise to keep, or when rules that were broken on purpose lost none.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

#define K 1024u

static const struct sim_case long_cases[] = {
	{.algorithm = SIM_RING},
	{.algorithm = SIM_LRU, .entries = 64 * K},
	{.algorithm = SIM_LRU, .entries = 512 * K},
	{.algorithm = SIM_LRU, .entries = 64 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_LRU, .entries = 512 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_LRU, .entries = 512 * K, .flood = FLOOD_ACK},
	{.algorithm = SIM_LRU_LIMITED, .entries = 64 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_LRU_LIMITED, .entries = 512 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_LRU_LIMITED, .entries = 512 * K, .flood = FLOOD_ACK},
	{.algorithm = SIM_RULES, .entries = 8 * K},
	{.algorithm = SIM_RULES, .entries = 64 * K},
	{.algorithm = SIM_RULES, .entries = 512 * K},
	{.algorithm = SIM_RULES, .entries = 8 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_RULES, .entries = 512 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_RULES, .entries = 8 * K, .flood = FLOOD_ACK},
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_ACK},
	{.algorithm = SIM_RULES, .entries = 512 * K, .flood = FLOOD_ACK},
	{.algorithm = SIM_RULES, .entries = 8 * K, .flood = FLOOD_BOTH},
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_BOTH},
	{.algorithm = SIM_RULES, .entries = 512 * K, .flood = FLOOD_BOTH},
	{.algorithm = SIM_RULES, .entries = 8 * K, .is_in_batches = true},
	{.algorithm = SIM_RULES, .entries = 64 * K, .is_in_batches = true},
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_SYN, .is_in_batches = true},
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_BOTH, .is_in_batches = true},
};

static const struct sim_case short_cases[] = {
	{.algorithm = SIM_RING},
	{.algorithm = SIM_LRU, .entries = 64 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_RULES, .entries = 1 * K},
	{.algorithm = SIM_RULES, .entries = 8 * K},
	{.algorithm = SIM_RULES, .entries = 8 * K, .is_in_batches = true},
	{.algorithm = SIM_RULES, .entries = 1 * K, .flood = FLOOD_BOTH},
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_RULES, .entries = 8 * K, .flood = FLOOD_ACK, .is_in_batches = true},
	{.algorithm = SIM_RULES, .entries = 8 * K, .broken = BREAK_ANCHOR},
	{.algorithm = SIM_RULES, .entries = 1 * K, .broken = BREAK_FAIL},
	{.algorithm = SIM_RULES, .entries = 8 * K, .broken = BREAK_WINDOW},
	{.algorithm = SIM_RULES, .entries = 8 * K, .broken = BREAK_RESTART},
};

struct options {
	const struct sim_case *cases;
	size_t count;
	double scale;
	unsigned int seeds;
	uint64_t seed;
	FILE *trace;
};

/* One row. Returns whether it is as it must be. */
static bool run_case(const struct options *o, const struct sim_case *c, struct sim_result *all)
{
	struct sim_result sum = {0};
	bool has_lost;

	for (unsigned int i = 0; i < o->seeds; i++) {
		struct sim_result run = sim_run(c, o->seed + i, o->scale, c->broken ? NULL : o->trace);

		report_add(&sum, &run);
	}
	report_row(stdout, c, &sum);
	if (c->algorithm != SIM_RULES)
		return true;
	has_lost = report_broken(&sum) != 0;
	if (!c->broken)
		report_add(all, &sum);
	if (has_lost != !!c->broken)
		printf("\n**%s**\n\n", c->broken ? "A broken rule went unnoticed." : "A promise was broken.");
	return has_lost == !!c->broken;
}

static int run_all(const struct options *o)
{
	struct sim_result all = {0};
	bool is_well = true;

	printf("Seeds %lu to %lu, %.0f %% of the traffic.\n\n", o->seed, o->seed + o->seeds - 1, 100 * o->scale);
	report_head(stdout);
	for (size_t i = 0; i < o->count; i++)
		is_well &= run_case(o, &o->cases[i], &all);
	report_apart(stdout, &all);
	if (o->count > 1) {
		side_collisions(stdout, o->seed, (uint32_t)(o->scale * 1e8));
		side_refusals(stdout, o->seed);
	}
	return is_well ? 0 : 1;
}

static int usage(void)
{
	fputs("usage: sim [--long] [--seeds N] [--seed S] [--scale X] [--case ALGORITHM,ENTRIES,FLOOD,BROKEN,BATCHES] "
	      "[--trace]\n"
	      "  --case: one run, by the numbers of the enumerators in tests/sim/sim.h\n"
	      "  --trace: tell of every loss that must not be, on standard error\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"long", 0, NULL, 'l'},  {"seeds", 1, NULL, 'n'}, {"seed", 1, NULL, 's'},
					      {"scale", 1, NULL, 'x'}, {"case", 1, NULL, 'c'},	{"trace", 0, NULL, 't'},
					      {NULL, 0, NULL, 0}};
	struct options o = {short_cases, sizeof(short_cases) / sizeof(*short_cases), 0.1, 1, 1, NULL};
	struct sim_case one;
	unsigned int n[5];
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'l')
			o = (struct options){long_cases, sizeof(long_cases) / sizeof(*long_cases), 1, 3, o.seed,
					     o.trace};
		else if (option == 'n')
			o.seeds = (unsigned int)atoi(optarg);
		else if (option == 's')
			o.seed = strtoull(optarg, NULL, 10);
		else if (option == 'x')
			o.scale = atof(optarg);
		else if (option == 't')
			o.trace = stderr;
		else if (option == 'c' && sscanf(optarg, "%u,%u,%u,%u,%u", &n[0], &n[1], &n[2], &n[3], &n[4]) == 5 &&
			 n[0] <= SIM_LRU_LIMITED && n[2] <= FLOOD_BOTH && n[3] < BREAKS)
			one = (struct sim_case){n[0], n[1], n[2], n[3], n[4]}, o.cases = &one, o.count = 1;
		else
			return usage();
	}
	return optind == argc ? run_all(&o) : usage();
}
