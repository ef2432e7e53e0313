// SPDX-License-Identifier: GPL-2.0
/*
 * A guard against programs that grow unseen: loads each, and holds what the kernel says of it to a committed budget (tests/budget/budget.txt).
 *
 *   insns     instructions of the object, as the kernel is given them: the same for all kernels
 *   stack     bytes of the deepest chain of calls, as the verifier counts them; it takes 512
 *   verified  instructions that the verifier went through; it takes a million. Kernels differ much, so each has figures of its own
 *   xlated    instructions after the verifier has left out and put in what it wants
 *
 * A kernel that the budget does not list is held to insns, and to a stack of what verifiers allow. What a program may have more than the budget says is in limits[]. Nothing here
 * depends on time. budget FILE: compare. budget --write FILE: write this kernel's figures and keep the others'.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include <bpf/bpf.h>

#include "../../user/lib/xalloc.h"
#include "../../user/lib/config_internal.h"
#include "../../user/shuntd/attach_priv.h"
#include "clamp.skel.h"
#include "decap.skel.h"
#include "probe.skel.h"

enum { LOG_SIZE = 1 << 16, LOG_STATS = 4, SUBPROGS_MAX = 64, ROWS_MAX = 64, STACK_MAX = 512, FRAME_ROUND = 32 };
enum figure { INSNS, STACK, VERIFIED, XLATED, FIGURES };

static const struct {
	const char *name;
	unsigned percent; /* that are not worth a word */
	bool any_kernel;
} limits[FIGURES] = {
	[INSNS] = {"insns", 2, true},
	[STACK] = {"stack", 0, true},
	[VERIFIED] = {"verified", 10, false},
	[XLATED] = {"xlated", 2, false},
};

struct row {
	char program[32], kernel[16];
	unsigned value[FIGURES];
};

static struct row rows[ROWS_MAX];
static int row_count;
static char kernel[16]; /* major.minor */

static void die(const char *what)
{
	fprintf(stderr, "budget: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- what a program is */

struct chain {
	const struct bpf_insn *insns;
	int count, subprogs;
	int start[SUBPROGS_MAX], depth[SUBPROGS_MAX];
};

static int by_start(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool is_call(const struct bpf_insn *insn)
{
	return insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
}

/* The beginnings of functions, in the order in which the verifier numbers them. */
static void find_subprogs(struct chain *c)
{
	c->start[0] = 0;
	c->subprogs = 1;
	for (int at = 0; at < c->count; at++) {
		int to = at + c->insns[at].imm + 1, known = 0;

		if (!is_call(&c->insns[at]))
			continue;
		while (known < c->subprogs && c->start[known] != to)
			known++;
		if (known < c->subprogs)
			continue;
		if (c->subprogs == SUBPROGS_MAX) {
			errno = E2BIG;
			die("functions");
		}
		c->start[c->subprogs++] = to;
	}
	qsort(c->start, c->subprogs, sizeof(*c->start), by_start);
}

/* Functions do not call themselves: the verifier has seen to that. */
static int deepest(const struct chain *c, int subprog)
{
	int end = subprog + 1 < c->subprogs ? c->start[subprog + 1] : c->count, most = 0;
	int own = c->depth[subprog] > 1 ? c->depth[subprog] : 1;

	for (int at = c->start[subprog]; at < end; at++) {
		int to = at + c->insns[at].imm + 1, callee = 0, depth;

		if (!is_call(&c->insns[at]))
			continue;
		while (c->start[callee] != to)
			callee++;
		depth = deepest(c, callee);
		if (depth > most)
			most = depth;
	}
	return (own + FRAME_ROUND - 1) / FRAME_ROUND * FRAME_ROUND + most;
}

/* log: "stack depth 120+0+64", a number for each function, and "processed 4711 insns". */
static void read_log(struct row *row, const struct bpf_program *prog, const char *log)
{
	struct chain c = {.insns = bpf_program__insns(prog), .count = (int)bpf_program__insn_cnt(prog)};
	const char *stack = strstr(log, "stack depth "), *processed = strstr(log, "processed ");
	char *at;

	if (!stack || !processed) {
		errno = EPROTO;
		die("the verifier's statistics");
	}
	row->value[VERIFIED] = (unsigned)strtoul(processed + strlen("processed "), NULL, 10);
	find_subprogs(&c);
	at = (char *)stack + strlen("stack depth ");
	for (int i = 0; i < c.subprogs; i++) {
		c.depth[i] = (int)strtol(at, &at, 10);
		at += *at == '+';
	}
	row->value[STACK] = deepest(&c, 0);
	row->value[INSNS] = c.count;
}

static void look_at(struct bpf_object *obj, const char *only)
{
	struct bpf_program *prog = bpf_object__find_program_by_name(obj, only);
	struct row *row = &rows[row_count++];
	char *log = xcalloc(1, LOG_SIZE);
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);

	if (!prog)
		die(only);
	bpf_program__set_log_level(prog, LOG_STATS);
	bpf_program__set_log_buf(prog, log, LOG_SIZE);
	if (bpf_object__load(obj) || bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
		die(only);
	snprintf(row->program, sizeof(row->program), "%s", only);
	snprintf(row->kernel, sizeof(row->kernel), "%s", kernel);
	row->value[XLATED] = info.xlated_prog_len / sizeof(struct bpf_insn);
	read_log(row, prog, log);
	bpf_object__close(obj);
	free(log);
}

/* With the limits that a configuration has which names none. */
static struct bpf_object *open_shunt(void)
{
	struct config_limits config = {0};
	struct shunt_control sizes;
	struct shunt_err err;
	struct shunt_bpf *skel;

	for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++)
		*config_limit_of(&config, &config_limit_table[i]) = config_limit_table[i].fallback;
	datapath_sizes(&config, &sizes);
	if (attach_open_object(&skel, &sizes, 1, &err))
		die(shunt_err_text(&err));
	return skel->obj;
}

/* ---- the budget */

static struct row *find_row(struct row *in, int count, const char *program, const char *of_kernel)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(in[i].program, program) && (!of_kernel || !strcmp(in[i].kernel, of_kernel)))
			return &in[i];
	return NULL;
}

static int read_budget(const char *path, struct row *out)
{
	FILE *f = fopen(path, "r");
	char line[256];
	int count = 0;

	if (!f)
		die(path);
	while (count < ROWS_MAX && fgets(line, sizeof(line), f)) {
		struct row *r = &out[count];

		if (*line == '#' || *line == '\n')
			continue;
		if (sscanf(line, "%31s %15s %u %u %u %u", r->program, r->kernel, &r->value[INSNS], &r->value[STACK],
			   &r->value[VERIFIED], &r->value[XLATED]) != 2 + FIGURES) {
			errno = EINVAL;
			die(line);
		}
		count++;
	}
	fclose(f);
	return count;
}

/* 0, or 1 where it is exceeded. */
static int compare(const struct row *have, const struct row *budget, bool is_other_kernel)
{
	int faults = 0;

	for (int i = 0; i < FIGURES; i++) {
		unsigned most = budget->value[i] + budget->value[i] * limits[i].percent / 100;

		if (is_other_kernel && !limits[i].any_kernel)
			continue;
		if (i == STACK && is_other_kernel)
			most = STACK_MAX;
		if (have->value[i] > most && ++faults)
			printf("# %s: %s %u, the budget is %u (%u %% more are let pass); is it worth it? Then: make "
			       "budget\n",
			       have->program, limits[i].name, have->value[i], budget->value[i], limits[i].percent);
	}
	printf("%s - %s: %u instructions, %u bytes of stack, %u verified, %u in the kernel%s\n",
	       faults ? "not ok" : "ok", have->program, have->value[INSNS], have->value[STACK], have->value[VERIFIED],
	       have->value[XLATED], is_other_kernel ? " (this kernel has no budget)" : "");
	return faults;
}

static int check(const char *path)
{
	struct row budget[ROWS_MAX];
	int count = read_budget(path, budget), faults = 0;

	for (int i = 0; i < row_count; i++) {
		const struct row *own = find_row(budget, count, rows[i].program, kernel);
		const struct row *any = own ? own : find_row(budget, count, rows[i].program, NULL);

		if (any) {
			faults += compare(&rows[i], any, !own);
			continue;
		}
		printf("not ok - %s has no budget; make budget gives it one\n", rows[i].program);
		faults++;
	}
	return faults ? 1 : 0;
}

static int write_budget(const char *path)
{
	struct row budget[2 * ROWS_MAX];
	int count = read_budget(path, budget);
	FILE *f;

	for (int i = 0; i < row_count; i++) {
		struct row *old = find_row(budget, count, rows[i].program, kernel);

		*(old ? old : &budget[count++]) = rows[i];
	}
	f = fopen(path, "w");
	if (!f)
		die(path);
	fprintf(f, "# What the programs may take (tests/budget/budget.c says what the columns are). Debian 12's clang. "
		   "make budget\n");
	fprintf(f, "# writes the running kernel's rows.\n");
	fprintf(f, "%-14s %-8s %8s %8s %8s %8s\n", "# program", "kernel", "insns", "stack", "verified", "xlated");
	for (int i = 0; i < count; i++)
		fprintf(f, "%-14s %-8s %8u %8u %8u %8u\n", budget[i].program, budget[i].kernel, budget[i].value[INSNS],
			budget[i].value[STACK], budget[i].value[VERIFIED], budget[i].value[XLATED]);
	if (fclose(f))
		die(path);
	return 0;
}

int main(int argc, char **argv)
{
	bool is_write = argc == 3 && !strcmp(argv[1], "--write");
	unsigned major, minor;
	struct utsname name;

	if (argc != 2 && !is_write) {
		fputs("usage: budget [--write] FILE\n", stderr);
		return 2;
	}
	uname(&name);
	if (sscanf(name.release, "%u.%u", &major, &minor) == 2)
		snprintf(kernel, sizeof(kernel), "%u.%u", major, minor);
	look_at(open_shunt(), "shunt_xdp");
	look_at(decap_bpf__open()->obj, "shunt_decap");
	look_at(clamp_bpf__open()->obj, "shunt_clamp");
	look_at(probe_bpf__open()->obj, "shunt_probe");
	return is_write ? write_budget(argv[2]) : check(argv[1]);
}
