/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The VIP table to be. VIPs of one port of one address are entries of their own; for all others their service has one, and spans
 * and ranges (user/lib/match.h) lead to it. Both are in force together: they are halves that one word chooses.
 */
#include "datapath_plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/xalloc.h"
#include "shunt/hash.h"
#include "viptable.h"

#define ANEW DATAPATH_ANEW

static size_t count_vips(const struct model *model)
{
	size_t count = 0;

	for (size_t i = 0; i < model->service_count; i++)
		count += model->services[i].vip_count;
	return count;
}

/* The prefixes' lengths of both families: the entry of a service's ranges is for both. */
static void fill_hash(struct shunt_vip *entry, const struct config_hash *hash)
{
	static const uint32_t flags[] = {
		[CONFIG_HASH_NO_SOURCE_PORT] = SHUNT_VIP_SPECIAL | SHUNT_HASH_NO_SOURCE_PORT,
		[CONFIG_HASH_SOURCE] = SHUNT_VIP_SPECIAL | SHUNT_HASH_SOURCE,
		[CONFIG_HASH_DESTINATION_PORT] = SHUNT_VIP_SPECIAL | SHUNT_HASH_DESTINATION_PORT,
	};

	entry->flags |= flags[hash->inputs];
	if (hash->inputs == CONFIG_HASH_SOURCE)
		entry->hash_prefix = hash->ipv4 | hash->ipv6 << 8;
}

/* What an entry says of its service. */
static void fill_service(struct shunt_vip *entry, const struct plan_service *service, const struct model_service *want,
			 uint32_t half)
{
	entry->service = service->id;
	entry->ring_base = service->ring_base;
	entry->ring_size = want->ring_size;
	entry->salt = service->salt;
	entry->flags = want->echo ? SHUNT_VIP_ECHO : 0;
	entry->sources = service->list;
	if (service->list)
		entry->flags |= SHUNT_VIP_SPECIAL | SHUNT_VIP_SOURCES;
	if (want->udp == CONFIG_UDP_REHASH)
		entry->flags |= SHUNT_VIP_UDP_REHASH;
	if (want->udp == CONFIG_UDP_TRACK)
		entry->flags |= SHUNT_VIP_UDP_TRACK;
	if (config_picks(want->algorithm, want->sticky))
		entry->flags |= SHUNT_VIP_PICKS;
	if (want->sticky) {
		entry->flags |= SHUNT_VIP_SPECIAL | SHUNT_VIP_STICKY;
		entry->sticky = SHUNT_CONN_TICKS(want->sticky) + 1;
	}
	fill_hash(entry, &want->hash);
	if (want->quic && entry->proto != IPPROTO_TCP) { /* of a whole service: UDP among others */
		entry->flags |= SHUNT_VIP_SPECIAL | SHUNT_VIP_QUIC;
		entry->quic = want->quic | half * SHUNT_QUIC_HALF;
	}
}

static struct shunt_vip vip_entry(const struct config_vip *vip)
{
	struct shunt_vip entry = {.port = htons(vip->port), .proto = vip->proto, .family = vip->addr.family};

	memcpy(entry.addr, vip->addr.word, sizeof(entry.addr));
	return entry;
}

/* A service's entries: of its VIPs of one port and address, and one for all others. Returns behind the last. */
static struct shunt_vip *list_service(struct shunt_vip *out, const struct plan_service *service,
				      const struct model_service *want, uint32_t half,
				      const struct shunt_hash_keys *keys)
{
	bool has_others = false;

	for (size_t i = 0; i < want->vip_count; i++) {
		if (!vip_is_exact(&want->vips[i])) {
			has_others = true;
			continue;
		}
		*out = vip_entry(&want->vips[i]);
		fill_service(out, service, want, half);
		out->hash = shunt_hash_vip(keys, out->addr, out->salt ^ out->proto, out->family == SHUNT_FAMILY_IPV6);
		out++;
	}
	if (has_others) {
		*out = viptable_service(service->id);
		fill_service(out++, service, want, half);
	}
	return out;
}

/* All entries, in a list with room for count VIPs and their addresses. */
static struct shunt_vip *list_entries(const struct plan *plan, const struct plan_inputs *in, const struct model *model,
				      size_t count, size_t *entries)
{
	struct shunt_vip *list = xcalloc(2 * count, sizeof(*list)), *end = list, *addrs;
	struct shunt_hash_keys keys;

	shunt_hash_derive(&keys, in->control->seed);
	for (size_t i = 0; i < model->service_count; i++)
		end = list_service(end, &plan->services[i], &model->services[i], in->control->vip_half, &keys);
	addrs = end;
	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *want = &model->services[i];

		for (size_t j = 0; j < want->vip_count; j++)
			if (!want->vips[j].len)
				*end++ = viptable_address(want->vips[j].addr.word, want->vips[j].addr.family,
							  want->echo);
	}
	*entries = addrs - list + viptable_merge_addresses(addrs, end - addrs);
	return list;
}

static int plan_table(struct plan *plan, const struct plan_inputs *in, const struct model *model, size_t count)
{
	struct shunt_vip *list;
	size_t entries;
	int rc;

	if (count > in->limits->vips)
		return -ENOSPC;
	list = list_entries(plan, in, model, count, &entries);
	rc = viptable_build(plan->vips, in->control->vip_slots, list, entries, &plan->vip_multiplier);
	free(list);
	return rc;
}

static int build_match(struct plan *plan, const struct plan_inputs *in, const struct model *model, size_t count)
{
	struct match_vip *vips = xcalloc(count, sizeof(*vips));
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < model->service_count; i++) {
		const struct model_service *want = &model->services[i];

		for (size_t j = 0; j < want->vip_count; j++)
			vips[n++] = (struct match_vip){&want->vips[j], plan->services[i].id, want->echo};
	}
	rc = match_build(&plan->match, vips, n, in->control->range_slots);
	free(vips);
	return rc;
}

/* From services' ids to where in the table their entries are. */
static void name_entries(struct plan *plan, const struct plan_inputs *in)
{
	uint32_t *entry_of = xcalloc(in->dir->service_max, sizeof(*entry_of));

	for (uint32_t slot = 0; slot < in->control->vip_slots; slot++)
		if (viptable_is_service(&plan->vips[slot]))
			entry_of[plan->vips[slot].service] = slot;
	for (size_t i = 0; i < plan->match.span_count; i++)
		if (plan->match.spans[i].vip != SHUNT_SPAN_NONE)
			plan->match.spans[i].vip = entry_of[plan->match.spans[i].vip];
	for (size_t i = 0; i < plan->match.range_count; i++)
		plan->match.ranges[i].vip = entry_of[plan->match.ranges[i].vip];
	free(entry_of);
}

static int plan_match(struct plan *plan, const struct plan_inputs *in, const struct model *model, size_t count,
		      struct shunt_err *err)
{
	int rc = build_match(plan, in, model, count);

	if (rc)
		return shunt_fail(err, -rc, "limits.port_ranges",
				  "%u are too few for the port ranges of the VIPs: raise the limit (" ANEW ")",
				  in->limits->port_ranges);
	if (plan->match.prefix_count > in->limits->prefixes) /* spans are at most twice as many */
		return shunt_fail(err, ENOSPC, "limits.prefixes",
				  "%zu prefixes and addresses with several ports do not fit %u: raise the limit (" ANEW
				  ")",
				  plan->match.prefix_count, in->limits->prefixes);
	name_entries(plan, in);
	return 0;
}

/* memcmp(), for lists that may be of nothing and nowhere. */
static bool differ(const void *a, const void *b, size_t bytes)
{
	return bytes && memcmp(a, b, bytes) != 0;
}

static bool vips_differ(const struct plan *plan, const struct plan_inputs *in)
{
	const struct shunt_control *control = in->control;
	const struct match *match = &plan->match;
	uint32_t half = control->vip_half;

	return plan->vip_multiplier != control->vip_multiplier[half] || plan->vip_count != control->vip_count[half] ||
	       match->span_count != control->vip_spans[half] || match->range_count != control->vip_ranges[half] ||
	       differ(plan->vips, in->vips, control->vip_slots * sizeof(*plan->vips)) ||
	       differ(match->spans, in->spans, match->span_count * sizeof(*match->spans)) ||
	       differ(match->ranges, in->ranges, match->range_count * sizeof(*match->ranges));
}

int plan_vips(struct plan *plan, const struct plan_inputs *in, const struct model *model, struct shunt_err *err)
{
	size_t count = count_vips(model);
	int rc;

	plan->vips = xcalloc(in->control->vip_slots, sizeof(*plan->vips));
	rc = plan_table(plan, in, model, count);
	if (rc)
		return shunt_fail(err, -rc, "limits.vips",
				  "%zu VIPs do not fit a table for %u: raise the limit (" ANEW ")", count,
				  in->limits->vips);
	rc = plan_match(plan, in, model, count, err);
	if (rc)
		return rc;
	plan->vip_count = count;
	plan->vips_differ = vips_differ(plan, in);
	return 0;
}
