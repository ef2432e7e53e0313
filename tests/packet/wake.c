/* SPDX-License-Identifier: GPL-2.0 */
/* Runs wake_rows.py's frames: what of them the daemon is told, by the ring of events, and how often. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/addr.h"
#include "../../user/lib/xalloc.h"
#include "packet.h"

static struct lines lines;
static uint32_t asleep; /* the ring's first slot */

static struct {
	unsigned int count;
	struct shunt_event last;
} heard;

bool wake_note(const char *line)
{
	return lines_take(&lines, "wakes ", line);
}

static void forget(struct fixture *f)
{
	const uint64_t never = 0;

	if (bpf_map_update_elem(bpf_map__fd(f->skel->maps.wake_rings), &asleep, &never, BPF_ANY))
		die("wake_rings");
}

/* "RING" */
void wake_add(struct fixture *f, const char *line)
{
	asleep = strtoul(line, NULL, 10) * RING;
	memset(&f->rings[asleep], 0, RING * sizeof(*f->rings));
	forget(f);
}

static int hear(void *ctx, void *data, size_t size)
{
	(void)ctx;
	if (size < sizeof(heard.last))
		die("an event is too short");
	memcpy(&heard.last, data, sizeof(heard.last));
	heard.count++;
	return 0;
}

static unsigned int transmit(struct fixture *f, struct ring_buffer *ring, const struct frame *frame)
{
	uint8_t out[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->byte, .data_size_in = frame->len, .data_out = out,
		    .data_size_out = FRAME_MAX);

	heard.count = 0;
	if (bpf_prog_test_run_opts(bpf_program__fd(f->skel->progs.shunt_xdp), &opts))
		die("test run");
	ring_buffer__consume(ring);
	return heard.count;
}

static bool is_told(const char *source)
{
	struct shunt_addr addr;

	return !addr_parse(source, &addr) && heard.last.kind == SHUNT_EVENT_WAKE && heard.last.ring_base == asleep &&
	       heard.last.family == addr.family && !memcmp(heard.last.source, addr.word, sizeof(addr.word));
}

static bool run(struct fixture *f, struct ring_buffer *ring, char *line)
{
	struct row row = {.name = strsep(&line, "|")};
	const char *hex = strsep(&line, "|"), *source = strsep(&line, "\n");
	unsigned int expected = strcmp(source, "-") != 0, count;

	unhex(hex, &row.in);
	forget(f);
	count = transmit(f, ring, &row.in);
	if (count != expected)
		return complain(&row, "told %u times, expected %u", count, expected);
	if (expected && !is_told(source))
		return complain(&row, "told something else than kind %d, ring %u and %s", SHUNT_EVENT_WAKE, asleep,
				source);
	for (int i = 0; i < 100; i++)
		if (transmit(f, ring, &row.in))
			return complain(&row, "told again within the second");
	return true;
}

size_t wake_run(struct fixture *f)
{
	struct ring_buffer *ring = ring_buffer__new(bpf_map__fd(f->skel->maps.event_ring), hear, NULL, NULL);
	size_t count = lines.count;

	if (!ring || !count)
		die("no frames that wake on stdin; expected the output of tests/packet/wake_rows.py");
	ring_buffer__consume(ring);
	for (size_t i = 0; i < count; i++) {
		char *name = xasprintf("%.*s: what is told", (int)strcspn(lines.line[i], "|"), lines.line[i]);

		report(run(f, ring, lines.line[i]), name);
		free(name);
	}
	lines_drop(&lines);
	ring_buffer__free(ring);
	return count;
}
