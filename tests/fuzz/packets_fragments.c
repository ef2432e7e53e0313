/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the program is expected to remember: where the first fragments of datagrams went. Datagrams whose hashes agree in what the program
 * keeps of them are one datagram to it, and so they are here.
 *
 * The program may forget: its table is full, the fragments came seconds apart. That is why a later fragment of what is remembered
 * here may be early all the same; but never, where nothing is. Before this table is full, both are emptied.
 */
#include <netinet/in.h>
#include <string.h>

#include "packets.h"

enum { MEMORY = 1 << 14, FULL = MEMORY / 4 };

static struct remembered {
	uint64_t key; /* 0: empty */
	const struct target *target;
} memory[MEMORY];
static uint32_t used;

/* RFC 791: addresses, protocol and identification tell datagrams apart; RFC 8200: the addresses and the identification. */
static uint64_t key_of(const struct world *w, const struct reading *r)
{
	uint32_t what = r->is_v6 ? IPPROTO_FRAGMENT : r->flow.proto;
	uint64_t hash = shunt_flow_hash(&w->keys, r->flow.src.word, r->flow.dst.word, r->fragment_id, what, r->is_v6);

	return (uint64_t)shunt_flow_tag(hash) << 32 | ((uint32_t)hash & (w->fragment_buckets - 1)) | 1ull << 63;
}

/* The entry of key, or the empty one that it would have. */
static struct remembered *find(uint64_t key)
{
	uint32_t at = shunt_mix64(key) & (MEMORY - 1);

	while (memory[at].key && memory[at].key != key)
		at = (at + 1) & (MEMORY - 1);
	return &memory[at];
}

void fragments_note(const struct world *w, const struct reading *r, const struct expectation *e)
{
	bool is_no_vip = e->reasons == BIT(NOT_VIP) && !r->faults, echo;
	struct remembered *entry;

	if (r->fragment != FRAGMENT_FIRST || !has_vip(&r->flow.dst, &echo) || (!e->target && !is_no_vip))
		return;
	if (used == FULL) {
		memset(memory, 0, sizeof(memory));
		world_forget_fragments();
		used = 0;
		return;
	}
	entry = find(key_of(w, r));
	used += !entry->key;
	*entry = (struct remembered){key_of(w, r), e->target};
}

bool fragments_find(const struct world *w, const struct reading *r, const struct target **target)
{
	const struct remembered *entry = find(key_of(w, r));

	*target = entry->target;
	return entry->key != 0;
}
