/* SPDX-License-Identifier: GPL-2.0 */
/* Runs probe_rows.py's rows through the program of health checks, with the destinations that the other rows' program has. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "packet.h"
#include "probe.skel.h"

static struct lines lines;

bool probe_note(const char *line)
{
	return lines_take(&lines, "probe ", line);
}

static bool run(struct probe_bpf *skel, const struct row *row)
{
	struct __sk_buff skb = {.mark = strtoul(row->counter, NULL, 16)};
	struct frame got;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = row->in.byte, .data_size_in = row->in.len, .data_out = got.byte,
		    .data_size_out = FRAME_MAX, .ctx_in = &skb, .ctx_size_in = sizeof(skb));
	uint32_t expected = strcmp(row->action, "DROP") ? TC_ACT_REDIRECT : TC_ACT_SHOT;

	if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.shunt_probe), &opts))
		return complain(row, "test run: %s", strerror(errno));
	got.len = opts.data_size_out;
	if (opts.retval != expected)
		return complain(row, "tc action %u, expected %u", opts.retval, expected);
	return !row->has_out || check_bytes(row, &got);
}

size_t probe_run(struct fixture *f)
{
	struct probe_bpf *skel = probe_bpf__open();
	size_t count = lines.count;

	if (!count)
		die("no checks on stdin; expected the output of tests/packet/probe_rows.py");
	if (!skel || bpf_map__reuse_fd(skel->maps.shunt_dests, bpf_map__fd(f->skel->maps.shunt_dests)) ||
	    probe_bpf__load(skel))
		die("the program of health checks");
	for (size_t i = 0; i < lines.count; i++) {
		struct row row;

		parse_row(lines.line[i], &row);
		report(run(skel, &row), row.name);
	}
	lines_drop(&lines);
	probe_bpf__destroy(skel);
	return count;
}
