/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Runs of the simulator, beside each other in a table. Without options the short form: a tenth of the traffic, and an eighth of the
 * entries (and a quarter of the slots, which saves time). Exit status 1 when these rules lost a connection that they promise to keep, or when rules that were broken on purpose lost none.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../user/lib/xalloc.h"

#include "report.h"

#define K 1024u

/* entries: for all of the traffic */
static const struct sim_case long_cases[] = {
	{.algorithm = SIM_RING},
	{.algorithm = SIM_LRU, .entries = 64 * K},
	{.algorithm = SIM_LRU, .entries = 512 * K},
	{.algorithm = SIM_LRU, .entries = 512 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_LRU, .entries = 512 * K, .flood = FLOOD_ACK},
	{.algorithm = SIM_LRU_LIMITED, .entries = 512 * K, .flood = FLOOD_SYN},
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
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_BOTH, .is_in_batches = true},
};

static const struct sim_case short_cases[] = {
	{.algorithm = SIM_RING},
	{.algorithm = SIM_RULES, .entries = 8 * K},
	{.algorithm = SIM_RULES, .entries = 64 * K},
	{.algorithm = SIM_RULES, .entries = 64 * K, .is_in_batches = true},
	{.algorithm = SIM_RULES, .entries = 8 * K, .flood = FLOOD_BOTH},
	{.algorithm = SIM_RULES, .entries = 512 * K, .flood = FLOOD_SYN},
	{.algorithm = SIM_RULES, .entries = 64 * K, .flood = FLOOD_ACK, .is_in_batches = true},
	{.algorithm = SIM_RULES, .entries = 64 * K, .broken = BREAK_ANCHOR},
	{.algorithm = SIM_RULES, .entries = 8 * K, .broken = BREAK_FAIL},
	{.algorithm = SIM_RULES, .entries = 64 * K, .broken = BREAK_WINDOW},
	{.algorithm = SIM_RULES, .entries = 64 * K, .broken = BREAK_RESTART},
};

struct options {
	const struct sim_case *cases;
	size_t count;
	double scale;
	unsigned int seeds, jobs;
	uint64_t seed;
	FILE *trace;
};

/* A case on its way, in a process of its own. */
struct job {
	pid_t pid;
	int from;
};

static struct sim_case scaled(const struct options *o, struct sim_case c)
{
	if (o->scale < SIM_SMALL)
		c.entries /= 8;
	return c;
}

static void run_seeds(const struct options *o, const struct sim_case *c, struct sim_result *sum)
{
	*sum = (struct sim_result){0};
	for (unsigned int i = 0; i < o->seeds; i++) {
		struct sim_result run = sim_run(c, o->seed + i, o->scale, c->broken ? NULL : o->trace);

		report_add(sum, &run);
	}
}

static void die(const char *what)
{
	fprintf(stderr, "sim: %s: %s\n", what, strerror(errno));
	exit(2);
}

static struct job start(const struct options *o, const struct sim_case *c)
{
	struct sim_result sum;
	struct job job;
	int ends[2];

	fflush(stdout);
	if (pipe(ends) || (job.pid = fork()) < 0)
		die("cannot start a process");
	if (!job.pid) {
		run_seeds(o, c, &sum);
		_exit(write(ends[1], &sum, sizeof(sum)) == sizeof(sum) ? 0 : 1);
	}
	close(ends[1]);
	job.from = ends[0];
	return job;
}

static void finish(struct job *job, struct sim_result *sum)
{
	char *to = (char *)sum;
	ssize_t got = 1;

	for (size_t have = 0; have < sizeof(*sum) && got > 0; have += (size_t)got)
		got = read(job->from, to + have, sizeof(*sum) - have);
	if (got <= 0) {
		errno = got ? errno : EPIPE;
		die("a run did not come to its end");
	}
	close(job->from);
	waitpid(job->pid, NULL, 0);
}

/* One row. Returns whether it is as it must be. */
static bool show(const struct sim_case *c, const struct sim_result *sum, struct sim_result *all)
{
	bool has_lost = report_broken(sum) != 0;

	report_row(stdout, c, sum);
	if (c->algorithm != SIM_RULES)
		return true;
	if (!c->broken)
		report_add(all, sum);
	if (has_lost != !!c->broken)
		printf("\n**%s**\n\n", c->broken ? "A broken rule went unnoticed." : "A promise was broken.");
	return has_lost == !!c->broken;
}

static int run_all(const struct options *o)
{
	struct job *jobs = xcalloc(o->count, sizeof(*jobs));
	struct sim_case *cases = xcalloc(o->count, sizeof(*cases));
	struct sim_result all = {0}, sum;
	bool is_well = true;

	printf("Seeds %lu to %lu, %.0f %% of the traffic.\n\n", o->seed, o->seed + o->seeds - 1, 100 * o->scale);
	report_head(stdout);
	for (size_t i = 0; i < o->count; i++)
		cases[i] = scaled(o, o->cases[i]);
	for (size_t started = 0, i = 0; i < o->count; i++) {
		for (; started < o->count && started < i + o->jobs; started++)
			jobs[started] = start(o, &cases[started]);
		finish(&jobs[i], &sum);
		is_well &= show(&cases[i], &sum, &all);
	}
	free(jobs);
	free(cases);
	report_apart(stdout, &all);
	if (o->count > 1) {
		side_collisions(stdout, o->seed, (uint32_t)(o->scale * 1e8));
		side_refusals(stdout, o->seed);
	}
	return is_well ? 0 : 1;
}

static int usage(void)
{
	fputs("usage: sim [--long] [--jobs N] [--seeds N] [--seed S] [--scale X] [--case "
	      "ALGORITHM,ENTRIES,FLOOD,BROKEN,BATCHES] "
	      "[--trace]\n"
	      "  --case: one run, by the numbers of the enumerators in tests/sim/sim.h\n"
	      "  --trace: tell of every loss that must not be, on standard error\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"long", 0, NULL, 'l'},  {"jobs", 1, NULL, 'j'},	{"seeds", 1, NULL, 'n'},
					      {"seed", 1, NULL, 's'},  {"scale", 1, NULL, 'x'}, {"case", 1, NULL, 'c'},
					      {"trace", 0, NULL, 't'}, {NULL, 0, NULL, 0}};
	struct options o = {short_cases, sizeof(short_cases) / sizeof(*short_cases), 0.1, 1, 1, 1, NULL};
	struct sim_case one;
	unsigned int n[5];
	int option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		if (option == 'l')
			o.cases = long_cases, o.count = sizeof(long_cases) / sizeof(*long_cases), o.scale = 1,
			o.seeds = 3;
		else if (option == 'n')
			o.seeds = (unsigned int)atoi(optarg);
		else if (option == 'j')
			o.jobs = (unsigned int)atoi(optarg);
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
