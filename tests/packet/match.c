// SPDX-License-Identifier: GPL-2.0
/* VIPs of several ports or addresses (match_rows.py). Spans and ranges are the daemon's; which VIP is the right one the rows say. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/match.h"
#include "../../user/shuntd/viptable.h"
#include "packet.h"

enum { SPANS = 64, RANGES = 128, MATCHES = 64 };

static struct config_vip vips[MATCHES];
static struct match_vip matches[MATCHES];
static size_t count;

void match_size(struct shunt_bpf *skel)
{
	bpf_map__set_max_entries(skel->maps.shunt_spans, 2 * SPANS);
	bpf_map__set_max_entries(skel->maps.shunt_ranges, 2 * RANGES);
}

void match_open(struct fixture *f)
{
	f->spans = map_memory(f->skel->maps.shunt_spans);
	f->ranges = map_memory(f->skel->maps.shunt_ranges);
	f->control->span_slots = SPANS;
	f->control->range_slots = RANGES;
}

/* "VIP DEST FLAGS": a service of its own. DEST as in a vip line; FLAGS 1: echo. */
void match_add(struct fixture *f, const char *line)
{
	struct shunt_vip *entry = new_vip(f);
	unsigned int flags;
	char vip[SHUNT_ADDR_TEXT], dest[8];

	if (count == MATCHES || sscanf(line, "%79s %7s %u", vip, dest, &flags) != 3 || vip_parse(vip, &vips[count]))
		die(line);
	*entry = viptable_service(count);
	ring_of(entry, dest);
	entry->flags = flags;
	matches[count] = (struct match_vip){&vips[count], count, flags & SHUNT_VIP_ECHO};
	count++;
}

void match_place(struct fixture *f, uint32_t half, bool in_force)
{
	const struct shunt_vip *table = f->vips + half * VIP_SLOTS;
	uint32_t entry_of[MATCHES] = {0};
	struct match match;

	if (match_build(&match, matches, in_force ? count : 0, RANGES) || match.span_count > SPANS)
		die("more ranges or prefixes than the runner has room for");
	for (uint32_t slot = 0; slot < VIP_SLOTS; slot++)
		if (viptable_is_service(&table[slot]))
			entry_of[table[slot].service] = slot;
	for (size_t i = 0; i < match.span_count; i++) {
		f->spans[half * SPANS + i] = match.spans[i];
		if (match.spans[i].vip != SHUNT_SPAN_NONE)
			f->spans[half * SPANS + i].vip = entry_of[match.spans[i].vip];
	}
	for (size_t i = 0; i < match.range_count; i++) {
		f->ranges[half * RANGES + i] = match.ranges[i];
		f->ranges[half * RANGES + i].vip = entry_of[match.ranges[i].vip];
	}
	f->control->vip_spans[half] = match.span_count;
	match_release(&match);
}
