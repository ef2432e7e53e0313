// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet costs: shunt's program beside an empty one, a floor (a fixed outer header, no lookups), a balancer of the conventional design
 * (classic.bpf.c), and whatever else is named, in one process, program by program in turn, round after round. Costs are
 * net of the empty program's in the same round. Fails when what came out is not what must come out; never because of a time.
 *
 * Each run begins with packets that are not timed, so that what the program before left in the caches is no part of it. All is on
 * one CPU. `make bench`, root; not part of scripts/check.
 */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../../user/lib/xalloc.h"
#include "bench.h"
#include "driver.skel.h"

enum { EMPTY, FLOOR, SHUNT, TARGETS_MAX = 8 };
/* How many flows are made known to the programs before they are measured: all of an established workload's, if they are not more. */
enum { KNOWN_MAX = 2000000, TABLE_ENTRIES = 8 * CONN_BUCKETS };

static struct {
	int rounds, runs, warm, cpu;
	const char *pattern, *curve, *json, *object, *pinned, *dispatcher;
	bool no_classic, list;
} opt = {.rounds = 101, .runs = 10000, .warm = 20000, .cpu = -1, .pattern = "*"};

static struct driver_bpf *driver;
static struct bench_state *state;
static struct target targets[TARGETS_MAX];
static int target_count;
static struct world present; /* what the targets' maps hold */

/* One run of the target that is plugged in: as many packets as in last, of flows from first on. Those before warm are not timed. */
static void run(const struct workload *w, const struct target *t, enum bench_order order, uint8_t flags, uint64_t first,
		uint32_t warm, uint32_t last)
{
	uint8_t frame[FRAME_MAX], out[FRAME_MAX];
	const char *wrong;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out, .data_size_out = sizeof(out),
		    .repeat = (int)last + 1);

	memset(state, 0, sizeof(*state));
	state->warm = warm;
	state->last = last;
	state->first = first;
	state->flows = w->flows;
	state->services = w->world.services;
	state->order = order;
	while (order == BENCH_ZIPF && w->flows >> state->octaves)
		state->octaves++;
	opts.data_size_in = frame_make(w, flags, frame, state);
	if (bpf_prog_test_run_opts(bpf_program__fd(driver->progs.bench_driver), &opts))
		die("test run");
	wrong = t->checks ? frame_check(w, state, out, opts.data_size_out, opts.retval) : NULL;
	if (!wrong)
		return;
	fprintf(stderr, "bench: %s, %s: %s is wrong (flow %u, action %u, %u bytes)\n", w->name, t->name, wrong,
		state->flow, opts.retval, opts.data_size_out);
	exit(1);
}

static void plug_in(const struct target *t)
{
	uint32_t zero = 0;

	if (!bpf_map_update_elem(bpf_map__fd(driver->maps.target), &zero, &t->fd, BPF_ANY))
		return;
	fprintf(stderr,
		"bench: %s: cannot be run beside the others: %s (expected: a JITed XDP program that takes frames in "
		"several buffers)\n",
		t->name, strerror(errno));
	exit(1);
}

/* Every packet counts once: those that came out are those that went in. */
static void check_refused(const struct workload *w, const struct target *t, uint64_t before, uint32_t packets)
{
	uint64_t refused = t->refused ? t->refused(t) - before : 0;

	if (!t->refused || refused == (w->port == PORT_NONE ? packets : 0))
		return;
	fprintf(stderr, "bench: %s, %s: of %u packets %llu were not forwarded\n", w->name, t->name, packets,
		(unsigned long long)refused);
	exit(1);
}

/* ns a packet */
static double timed(const struct workload *w, struct target *t, int round)
{
	uint8_t flags = w->port == PORT_FLOOD || w->flows > KNOWN_MAX ? TCP_SYN : TCP_ACK;
	uint32_t packets = (uint32_t)(opt.warm + opt.runs);
	uint64_t refused;

	if (t->before)
		t->before(t, w);
	plug_in(t);
	refused = t->refused ? t->refused(t) : 0;
	run(w, t, w->is_zipf ? BENCH_ZIPF : BENCH_UNIFORM, flags, (uint64_t)packets * round, opt.warm, packets);
	check_refused(w, t, refused, packets + 1);
	return (double)(state->end - state->start) / opt.runs;
}

/* So that what is measured is established. */
static void prepare(const struct workload *w, struct target *t)
{
	if (t->begin)
		t->begin(t, w);
	if (!t->checks)
		return;
	plug_in(t);
	if (w->is_full)
		run(w, t, BENCH_SEQUENCE, TCP_SYN, 0, 0, 2 * TABLE_ENTRIES);
	if (w->port == PORT_TURN)
		run(w, t, BENCH_SEQUENCE, TCP_SYN, 0, 0, w->flows);
	if (w->port != PORT_FLOOD && w->flows <= KNOWN_MAX)
		run(w, t, BENCH_SEQUENCE, TCP_ACK, 0, 0, w->flows);
}

static void enter(const struct world *world)
{
	if (!memcmp(world, &present, sizeof(present)))
		return;
	for (int i = 0; i < target_count; i++)
		if (targets[i].world)
			targets[i].close(&targets[i]);
	for (int i = 0; i < target_count; i++)
		if (targets[i].open)
			targets[i].fd = targets[i].open(&targets[i], world);
	present = *world;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The mean of the fastest tenth of the runs: on a machine that others use, what the program costs when it is left alone. */
static double least(const double *ns)
{
	int tenth = (opt.rounds + 9) / 10;
	double *sorted = xcalloc(opt.rounds, sizeof(*sorted)), sum = 0;

	memcpy(sorted, ns, opt.rounds * sizeof(*sorted));
	qsort(sorted, opt.rounds, sizeof(*sorted), by_value);
	for (int i = 0; i < tenth; i++)
		sum += sorted[i];
	free(sorted);
	return sum / tenth;
}

/* Within a round the machine is the same: differences of a round say more than differences of medians. */
static void take_off(double *ns, const double *base)
{
	for (int round = 0; round < opt.rounds; round++)
		ns[round] -= base[round];
}

/* What the built-in program costs more than another build of it. */
static struct result compare(double *const ns[], const struct result *results, int other)
{
	struct result more = {"more", xcalloc(opt.rounds, sizeof(double)), opt.rounds, 0};

	memcpy(more.ns, ns[SHUNT], opt.rounds * sizeof(double));
	take_off(more.ns, ns[other]);
	qsort(more.ns, opt.rounds, sizeof(double), by_value);
	more.least = results[SHUNT].least - results[other].least;
	return more;
}

/* The targets that can, prepared: how many. *other: which of them is another build; 0: none. */
static int gather(const struct workload *w, struct target *here[TARGETS_MAX], int *other)
{
	int count = 0;

	*other = 0;
	for (int i = 0; i < target_count; i++) {
		if (targets[i].can && !targets[i].can(&targets[i], w))
			continue;
		prepare(w, &targets[i]);
		if (targets[i].path && targets[i].open)
			*other = count;
		here[count++] = &targets[i];
	}
	return count;
}

static void measure(json_t *out, const struct workload *w, const struct curve *curve)
{
	struct result results[TARGETS_MAX], more = {0};
	struct target *here[TARGETS_MAX];
	double *ns[TARGETS_MAX];
	int count, other;

	enter(&w->world);
	count = gather(w, here, &other);
	for (int t = 0; t < count; t++)
		ns[t] = xcalloc(opt.rounds, sizeof(double));
	for (int round = 0; round < opt.rounds; round++)
		for (int i = 0; i < count; i++)
			ns[(round + i) % count][round] = timed(w, here[(round + i) % count], round);
	for (int t = 0; t < count; t++)
		results[t] = (struct result){here[t]->name, ns[t], opt.rounds, least(ns[t]) - least(ns[EMPTY])};
	if (other)
		more = compare(ns, results, other);
	for (int t = count - 1; t > EMPTY; t--) {
		take_off(ns[t], ns[EMPTY]);
		qsort(ns[t], opt.rounds, sizeof(double), by_value);
	}
	report(out, w, curve, results + FLOOR, count - FLOOR, more.ns ? &more : NULL);
	for (int t = 0; t < count; t++)
		free(ns[t]);
	free(more.ns);
}

/* ---- the command */

static void add_target(const struct target *t, const char *name, const char *path, int fd)
{
	targets[target_count] = *t;
	targets[target_count].fd = fd;
	targets[target_count].path = path;
	targets[target_count++].name = name;
}

/* Loaded and configured by others: for one service of 100 backends. */
static bool pinned_can(const struct target *t, const struct workload *w)
{
	(void)t;
	return (w->port == PORT_PLAIN || w->port == PORT_NONE) && w->world.services == 1 && w->world.backends == 100;
}

static void add_targets(void)
{
	struct target bare = {0}, pinned = {.can = pinned_can, .checks = true};

	driver = driver_bpf__open_and_load();
	if (!driver)
		die("load driver");
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(driver->maps.state), 0);
	if (state == MAP_FAILED)
		die("the driver's state");
	add_target(&bare, "empty", NULL, bpf_program__fd(driver->progs.bench_empty));
	add_target(&bare, "floor", NULL, bpf_program__fd(driver->progs.bench_floor));
	add_target(&shunt_target, "shunt", NULL, -1);
	if (!opt.no_classic)
		add_target(&classic_target, "classic", NULL, -1);
	if (opt.object)
		add_target(&shunt_target, "other", opt.object, -1);
	if (opt.dispatcher)
		add_target(&bare, "libxdp", NULL, dispatcher_open(opt.dispatcher));
	if (!opt.pinned)
		return;
	add_target(&pinned, "pinned", opt.pinned, bpf_obj_get(opt.pinned));
	if (targets[target_count - 1].fd < 0)
		die(opt.pinned);
}

static void stay_on_cpu(void)
{
	cpu_set_t set;

	if (opt.cpu < 0)
		opt.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	CPU_ZERO(&set);
	CPU_SET(opt.cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("--cpu");
}

static void measure_curve(json_t *out)
{
	for (size_t i = 0; i < curve_count; i++) {
		if (strcmp(opt.curve, curves[i].name))
			continue;
		for (size_t point = 0; point < curves[i].count; point++)
			measure(out, &curves[i].points[point], &curves[i]);
		return;
	}
	fprintf(stderr, "bench: --curve %s: no such curve (expected:", opt.curve);
	for (size_t i = 0; i < curve_count; i++)
		fprintf(stderr, " %s", curves[i].name);
	fprintf(stderr, ")\n");
	exit(2);
}

static void measure_workloads(json_t *out)
{
	int count = 0;

	for (size_t i = 0; i < workload_count; i++)
		if (!fnmatch(opt.pattern, workloads[i].name, 0)) {
			measure(out, &workloads[i], NULL);
			count++;
		}
	if (count)
		return;
	fprintf(stderr, "bench: --workload %s: none is called so; --list says which there are\n", opt.pattern);
	exit(2);
}

static const char usage[] =
	"usage: bench [OPTION]...\n"
	"  --workload PATTERN  only those whose names match, as file names do\n"
	"  --curve NAME        flows, services, backends, tracked or size instead of the workloads\n"
	"  --object FILE       beside the others another build of shunt.bpf.o\n"
	"  --pinned FILE       beside the others an XDP program that is pinned there, and configured\n"
	"  --dispatcher FILE   beside the others libxdp's dispatcher (xdp-dispatcher.o), with a program that does "
	"nothing\n"
	"  --no-classic        without the yardstick of the conventional design\n"
	"  --rounds N          101\n"
	"  --runs N, --warm N  a run is of 10000 packets, after 20000 that are not timed\n"
	"  --cpu N             which CPU; the last\n"
	"  --json FILE         write all figures there as well\n"
	"  --list              say which workloads there are\n";

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

static void parse_options(int argc, char **argv)
{
	enum { WORKLOAD, CURVE, OBJECT, PINNED, DISPATCHER, NO_CLASSIC, ROUNDS, RUNS, WARM, CPU, JSON, LIST };
	static const struct option options[] = {{"workload", 1, NULL, WORKLOAD},
						{"curve", 1, NULL, CURVE},
						{"object", 1, NULL, OBJECT},
						{"pinned", 1, NULL, PINNED},
						{"dispatcher", 1, NULL, DISPATCHER},
						{"no-classic", 0, NULL, NO_CLASSIC},
						{"rounds", 1, NULL, ROUNDS},
						{"runs", 1, NULL, RUNS},
						{"warm", 1, NULL, WARM},
						{"cpu", 1, NULL, CPU},
						{"json", 1, NULL, JSON},
						{"list", 0, NULL, LIST},
						{0}};
	const char **texts[] = {[WORKLOAD] = &opt.pattern, [CURVE] = &opt.curve,	   [OBJECT] = &opt.object,
				[PINNED] = &opt.pinned,	   [DISPATCHER] = &opt.dispatcher, [JSON] = &opt.json};
	int *numbers[] = {[ROUNDS] = &opt.rounds, [RUNS] = &opt.runs, [WARM] = &opt.warm, [CPU] = &opt.cpu}, c;
	bool *flags[] = {[NO_CLASSIC] = &opt.no_classic, [LIST] = &opt.list};

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case WORKLOAD:
		case CURVE:
		case OBJECT:
		case PINNED:
		case DISPATCHER:
		case JSON:
			*texts[c] = optarg;
			break;
		case ROUNDS:
		case RUNS:
		case WARM:
		case CPU:
			*numbers[c] = number(options[c].name, optarg);
			break;
		case NO_CLASSIC:
		case LIST:
			*flags[c] = true;
			break;
		default:
			fputs(usage, stderr);
			exit(2);
		}
	}
	if (opt.rounds < 1 || opt.runs < 1) {
		fputs("bench: --rounds, --runs: expected at least 1\n", stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	json_t *out;

	parse_options(argc, argv);
	if (opt.list) {
		for (size_t i = 0; i < workload_count; i++)
			puts(workloads[i].name);
		return 0;
	}
	out = report_begin(argc, argv);
	stay_on_cpu();
	add_targets();
	report_head();
	if (opt.curve)
		measure_curve(out);
	else
		measure_workloads(out);
	if (opt.json && json_dump_file(out, opt.json, JSON_INDENT(2)))
		die(opt.json);
	json_decref(out);
	return 0;
}
