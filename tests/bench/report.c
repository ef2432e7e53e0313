/* SPDX-License-Identifier: GPL-2.0 */
/* What came out: a table for people, and the same as JSON. */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "bench.h"

static double part(const struct result *r, int quarters)
{
	return r->ns[quarters * (r->rounds - 1) / 4];
}

void report_head(void)
{
	printf("ns a packet, net of the empty program: in the fastest tenth of the runs, and quartiles of all\n");
	printf("%-28s %-8s %8s %8s %8s %8s %8s %6s\n", "workload", "program", "least", "25 %", "median", "75 %",
	       "x floor", "limit");
}

static json_t *to_json(const struct result *r, const struct result *floor)
{
	json_t *json = json_pack("{s:s, s:f, s:f, s:f, s:f}", "program", r->target, "min", r->least, "p25", part(r, 1),
				 "median", part(r, 2), "p75", part(r, 3));

	if (floor)
		json_object_set_new(json, "ratio", json_real(part(r, 2) / part(floor, 2)));
	return json;
}

/* floor: NULL where a ratio means nothing. Ratios are of medians: the floor's least is a difference of two numbers that hardly differ. */
static void print(const struct workload *w, const struct result *r, const struct result *floor)
{
	printf("%-28s %-8s %8.1f %8.1f %8.1f %8.1f", w->name, r->target, r->least, part(r, 1), part(r, 2), part(r, 3));
	if (floor)
		printf(" %8.2f", part(r, 2) / part(floor, 2));
	if (floor && w->limit && !strcmp(r->target, "shunt"))
		printf(" %6g%s", w->limit, part(r, 2) / part(floor, 2) > w->limit ? " missed" : "");
	putchar('\n');
	fflush(stdout);
}

void report(json_t *out, const struct workload *w, const struct curve *curve, const struct result *results, int count,
	    struct result *more)
{
	const struct result *floor = &results[0];
	json_t *programs = json_array(), *row;

	for (int i = 0; i < count; i++) {
		print(w, &results[i], floor);
		json_array_append_new(programs, to_json(&results[i], floor));
	}
	if (more) {
		print(w, more, NULL);
		json_array_append_new(programs, to_json(more, NULL));
	}
	row = json_pack("{s:s, s:i, s:i, s:i, s:i, s:o}", "workload", w->name, "flows", w->flows, "services",
			w->world.services, "backends", w->world.backends, "rounds", results[0].rounds, "programs",
			programs);
	if (w->limit)
		json_object_set_new(row, "limit", json_real(w->limit));
	if (curve)
		json_object_update_new(
			row, json_pack("{s:s, s:s, s:f}", "curve", curve->name, "of", curve->what, "x", w->x));
	json_array_append_new(json_object_get(out, "results"), row);
}

/* The CPU's name, as the kernel has it. */
static void cpu_model(char *out, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(out, size, "unknown");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
			snprintf(out, size, "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n"), strchr(line, ':') + 2);
			break;
		}
	if (f)
		fclose(f);
}

json_t *report_begin(int argc, char **argv)
{
	char cpu[128], command[1024] = "bench";
	struct utsname kernel;
	size_t at = strlen(command);

	for (int i = 1; i < argc && at < sizeof(command); i++)
		at += snprintf(command + at, sizeof(command) - at, " %s", argv[i]);
	uname(&kernel);
	kernel.release[strcspn(kernel.release, "-+")] = '\0'; /* the version; who built it is no matter */
	cpu_model(cpu, sizeof(cpu));
	return json_pack("{s:s, s:s, s:s, s:s, s:[]}", "command", command, "cpu", cpu, "kernel", kernel.release, "unit",
			 "ns a packet, net of the empty program", "results");
}
