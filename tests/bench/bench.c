// SPDX-License-Identifier: GPL-2.0
/*
 * What a packet costs: shunt's program beside an empty one, a floor (a fixed outer header, no lookups), a balancer of the conventional design
 * (classic.bpf.c), and whatever else is named, program by program in turn, round after round, in one call. Costs are
 * net of the empty program's in the same round. Fails when what came out is not what must come out; never because of a time.
 *
 * Each turn begins with packets that are not timed, so that what the program before left in the caches is no part of it. All is on
 * one CPU. `make bench`, root; not part of scripts/check.
 */
#include <errno.h>
#include <fnmatch.h>
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

enum { EMPTY, FLOOR, SHUNT };
/* How many flows are made known to the programs before they are measured: all of an established workload's, if they are not more. */
enum {
	KNOWN_MAX = 2000000,
	TABLE_ENTRIES = 8 * CONN_BUCKETS,
	SINGLES = 16,
};

static struct options opt;
static struct driver_bpf *driver;
static struct bench_state *state;
static struct bench_piece *pieces;
static struct target targets[TARGETS_MAX];
static int target_count;
static struct world present; /* what the targets' maps hold */

struct plan {
	enum bench_order order;
	uint8_t flags;	     /* TCP's */
	int count, rounds;   /* how many programs are plugged in, for how many turns; 0: one packet of the first one */
	uint32_t warm, last; /* struct bench_state */
	uint64_t first;	     /* where the flows begin */
};

/* What became of the last packet is in out; returns the action. */
static uint32_t run(const struct workload *w, const struct plan *p, uint8_t out[FRAME_MAX], uint32_t *out_len)
{
	uint8_t frame[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_out = out, .data_size_out = FRAME_MAX);

	memset(state, 0, sizeof(*state));
	state->targets = p->count;
	state->warm = p->warm;
	state->last = p->last;
	state->first = p->first;
	state->flows = w->flows;
	state->services = w->world.services;
	state->order = p->order;
	while (p->order == BENCH_ZIPF && w->flows >> state->octaves)
		state->octaves++;
	opts.data_size_in = frame_make(w, p->flags, frame, state);
	/* The packet after the last piece ends it. */
	opts.repeat = p->rounds ? (int)(p->last * p->count * p->rounds + 1) : 1;
	if (bpf_prog_test_run_opts(bpf_program__fd(driver->progs.bench_driver), &opts))
		die("test run");
	*out_len = opts.data_size_out;
	return opts.retval;
}

static void plug_in(const struct target *t, uint32_t at)
{
	if (!bpf_map_update_elem(bpf_map__fd(driver->maps.targets), &at, &t->fd, BPF_ANY))
		return;
	fprintf(stderr,
		"bench: %s: cannot be run beside the others: %s (expected: a JITed XDP program that takes frames in "
		"several buffers)\n",
		t->name, strerror(errno));
	exit(1);
}

static void refuse(const struct workload *w, const struct target *t, const char *wrong, uint32_t flow)
{
	if (!wrong)
		return;
	fprintf(stderr, "bench: %s, %s: %s is wrong (flow %u)\n", w->name, t->name, wrong, flow);
	exit(1);
}

/* Packets by themselves: what comes of them, the action too, which the driver does not see. */
static void check_some(const struct workload *w, const struct target *t, uint8_t flags)
{
	uint8_t out[FRAME_MAX];

	for (uint32_t i = 0; i < SINGLES && t->checks; i++) {
		const struct plan one = {.flags = flags, .count = 1, .last = UINT32_MAX, .first = i};
		uint32_t len, action = run(w, &one, out, &len);
		struct outcome o = {out, len, state->flow, state->service, t->is_pinned};

		refuse(w, t, frame_check(w, &o, state), state->flow);
		refuse(w, t, frame_check_action(w, action), state->flow);
	}
}

/* Every packet counts once: those that came out are those that went in. */
static void check_refused(const struct workload *w, const struct target *t, uint64_t before, uint64_t packets)
{
	uint64_t refused = t->refused ? t->refused(t) - before : 0;

	/* One packet more ends the last piece; it is some program's. */
	if (!t->refused || (w->port == PORT_NONE ? refused - packets <= 1 : !refused))
		return;
	fprintf(stderr, "bench: %s, %s: of %llu packets %llu were not forwarded\n", w->name, t->name,
		(unsigned long long)packets, (unsigned long long)refused);
	exit(1);
}

/* All flows, each once, or so many packets. */
static void pass_by(const struct workload *w, uint8_t flags, uint32_t packets)
{
	const struct plan all = {BENCH_SEQUENCE, flags, 1, 1, 0, packets, 0};
	uint8_t out[FRAME_MAX];
	uint32_t len;

	run(w, &all, out, &len);
}

/* So that what is measured is established. */
static void prepare(const struct workload *w, struct target *t, uint8_t flags)
{
	if (t->begin)
		t->begin(t, w);
	if (!t->checks)
		return;
	plug_in(t, 0);
	check_some(w, t, flags);
	if (w->is_full)
		pass_by(w, TCP_SYN, 2 * TABLE_ENTRIES);
	if (w->port == PORT_TURN)
		pass_by(w, TCP_SYN, w->flows);
	if (w->port != PORT_FLOOD && w->flows <= KNOWN_MAX)
		pass_by(w, TCP_ACK, w->flows);
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
static int gather(const struct workload *w, uint8_t flags, struct target *here[TARGETS_MAX], int *other)
{
	int count = 0;

	*other = 0;
	for (int i = 0; i < target_count; i++) {
		if (targets[i].can && !targets[i].can(&targets[i], w))
			continue;
		prepare(w, &targets[i], flags);
		if (targets[i].path && targets[i].open)
			*other = count;
		here[count++] = &targets[i];
	}
	return count;
}

/* All rounds at once: ns[target][round]. */
static void run_rounds(const struct workload *w, uint8_t flags, struct target *const here[], int count,
		       double *const ns[])
{
	const struct plan plan = {
		w->is_zipf ? BENCH_ZIPF : BENCH_UNIFORM, flags, count, opt.rounds, opt.warm, opt.warm + opt.runs, 0};
	uint32_t len;
	uint64_t refused[TARGETS_MAX] = {0};
	uint8_t out[FRAME_MAX];

	for (int t = 0; t < count; t++) {
		plug_in(here[t], t);
		refused[t] = here[t]->refused ? here[t]->refused(here[t]) : 0;
	}
	run(w, &plan, out, &len);
	for (int t = 0; t < count; t++)
		check_refused(w, here[t], refused[t], (uint64_t)plan.last * opt.rounds);
	for (int number = 0; number < opt.rounds * count; number++) {
		int round = number / count, t = (round + number % count) % count;
		const struct bench_piece *piece = &pieces[number];
		struct outcome o = {(const uint8_t *)piece->out, piece->len, piece->flow, piece->service,
				    here[t]->is_pinned};

		if (here[t]->checks)
			refuse(w, here[t], frame_check(w, &o, state), piece->flow);
		ns[t][round] = (double)piece->ns / opt.runs;
	}
}

static void measure(json_t *out, const struct workload *w, const struct curve *curve)
{
	uint8_t flags = w->port == PORT_FLOOD || w->flows > KNOWN_MAX ? TCP_SYN : TCP_ACK;
	struct result results[TARGETS_MAX], more = {0};
	struct target *here[TARGETS_MAX];
	double *ns[TARGETS_MAX];
	int count, other;

	enter(&w->world);
	count = gather(w, flags, here, &other);
	for (int t = 0; t < count; t++)
		ns[t] = xcalloc(opt.rounds, sizeof(double));
	run_rounds(w, flags, here, count, ns);
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

/* Loaded and configured by others: for one service of 100 backends, or for more of 1,000 each. */
static bool pinned_can(const struct target *t, const struct workload *w)
{
	(void)t;
	return (w->port == PORT_PLAIN || w->port == PORT_NONE) && (int)w->world.services == opt.pinned_services &&
	       w->world.backends == (opt.pinned_services == 1 ? 100 : 1000);
}

static void add_pinned(const char *path)
{
	const struct target pinned = {.can = pinned_can, .checks = true, .is_pinned = true};
	const char *slash = strrchr(path, '/');
	int fd = bpf_obj_get(path);

	if (fd < 0)
		die(path);
	add_target(&pinned, slash ? slash + 1 : path, path, fd);
}

static void add_targets(void)
{
	struct target bare = {0};

	driver = driver_bpf__open_and_load();
	if (!driver)
		die("load driver");
	state = mmap(NULL, sizeof(*state), PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(driver->maps.state), 0);
	if (state == MAP_FAILED)
		die("the driver's state");
	pieces = mmap(NULL, BENCH_PIECES * sizeof(*pieces), PROT_READ, MAP_SHARED, bpf_map__fd(driver->maps.pieces), 0);
	if (pieces == MAP_FAILED)
		die("the driver's results");
	add_target(&bare, "empty", NULL, bpf_program__fd(driver->progs.bench_empty));
	add_target(&bare, "floor", NULL, bpf_program__fd(driver->progs.bench_floor));
	add_target(&shunt_target, "shunt", NULL, -1);
	if (!opt.no_classic)
		add_target(&classic_target, "classic", NULL, -1);
	if (opt.object)
		add_target(&shunt_target, "other", opt.object, -1);
	if (opt.dispatcher)
		add_target(&bare, "libxdp", NULL, dispatcher_open(opt.dispatcher));
	for (int i = 0; i < opt.pinned_count; i++) {
		if (target_count == TARGETS_MAX) {
			fprintf(stderr, "bench: --pinned %s: one too many (expected at most %d programs in all)\n",
				opt.pinned[i], TARGETS_MAX);
			exit(2);
		}
		add_pinned(opt.pinned[i]);
	}
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

int main(int argc, char **argv)
{
	json_t *out;

	options_parse(&opt, argc, argv);
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
