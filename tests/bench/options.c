/* SPDX-License-Identifier: GPL-2.0 */
/* The benchmark's command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

enum { RUNS_MAX = 200000, ROUNDS_MAX = BENCH_PIECES / TARGETS_MAX - 1 };

static const char usage[] =
	"usage: bench [OPTION]...\n"
	"  --workload PATTERN  only those whose names match, as file names do\n"
	"  --curve NAME        flows, services, backends, tracked or size instead of the workloads\n"
	"  --object FILE       beside the others another build of shunt.bpf.o\n"
	"  --pinned FILE       beside the others an XDP program that is pinned there, and configured; up to four "
	"times\n"
	"  --pinned-services N what is pinned has so many services, of 1,000 backends each, instead of one of 100\n"
	"  --dispatcher FILE   beside the others libxdp's dispatcher (xdp-dispatcher.o), with a program that does "
	"nothing\n"
	"  --no-classic        without the yardstick of the conventional design\n"
	"  --rounds N          101, at most 1023\n"
	"  --runs N, --warm N  a turn is of 10000 packets, after 20000 that are not timed\n"
	"  --cpu N             which CPU; the last\n"
	"  --json FILE         write all figures there as well\n"
	"  --list              say which workloads there are\n";

/* What getopt_long returns: the option's kind, which says how its argument is read. */
enum { TEXT, NUMBER, FLAG, PINNED };

static int number(const char *name, const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 0 || n > 10000000) {
		fprintf(stderr, "bench: --%s %s: expected 0 to 10000000\n", name, text);
		exit(2);
	}
	return (int)n;
}

static void add_pinned(struct options *opt, const char *path)
{
	if (opt->pinned_count == PINNED_MAX) {
		fprintf(stderr, "bench: --pinned %s: expected at most %d of them\n", path, PINNED_MAX);
		exit(2);
	}
	opt->pinned[opt->pinned_count++] = path;
}

static void check_limits(const struct options *opt)
{
	if (opt->rounds >= 1 && opt->rounds <= ROUNDS_MAX && opt->runs >= 1 && opt->warm + opt->runs <= RUNS_MAX &&
	    opt->pinned_services >= 1)
		return;
	fprintf(stderr,
		"bench: expected --rounds 1 to %d, --pinned-services and --runs at least 1, --runs and --warm at most "
		"%d "
		"together\n",
		ROUNDS_MAX, RUNS_MAX);
	exit(2);
}

void options_parse(struct options *opt, int argc, char **argv)
{
	const struct {
		const char *name;
		void *to;
		int kind;
	} known[] = {
		{"workload", &opt->pattern, TEXT},
		{"curve", &opt->curve, TEXT},
		{"object", &opt->object, TEXT},
		{"pinned", NULL, PINNED},
		{"pinned-services", &opt->pinned_services, NUMBER},
		{"dispatcher", &opt->dispatcher, TEXT},
		{"no-classic", &opt->no_classic, FLAG},
		{"rounds", &opt->rounds, NUMBER},
		{"runs", &opt->runs, NUMBER},
		{"warm", &opt->warm, NUMBER},
		{"cpu", &opt->cpu, NUMBER},
		{"json", &opt->json, TEXT},
		{"list", &opt->list, FLAG},
	};
	enum { KNOWN = sizeof(known) / sizeof(*known) };
	struct option options[KNOWN + 1] = {0};
	int c, at;

	*opt = (struct options){
		.rounds = 101, .runs = 10000, .warm = 20000, .cpu = -1, .pinned_services = 1, .pattern = "*"};
	for (int i = 0; i < KNOWN; i++)
		options[i] = (struct option){known[i].name, known[i].kind != FLAG, NULL, known[i].kind};
	while ((c = getopt_long(argc, argv, "", options, &at)) != -1) {
		if (c == TEXT)
			*(const char **)known[at].to = optarg;
		else if (c == NUMBER)
			*(int *)known[at].to = number(known[at].name, optarg);
		else if (c == FLAG)
			*(bool *)known[at].to = true;
		else if (c == PINNED)
			add_pinned(opt, optarg);
		else {
			fputs(usage, stderr);
			exit(2);
		}
	}
	check_limits(opt);
}
