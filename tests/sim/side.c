/* SPDX-License-Identifier: GPL-2.0 */
/* Two choices of the table's, measured on their own: where the bucket's bits come from, and where a full bucket's entries go. */
#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "sim.h"

#define ENTRIES (512 * 1024u)
#define BUCKETS (ENTRIES / SHUNT_CONN_WAYS)

static uint32_t home_of(uint64_t hash, bool is_of_tag)
{
	return (is_of_tag ? shunt_flow_tag(hash) * 0x9e3779b1u >> 8 : conn_home(hash)) & (BUCKETS - 1);
}

/* Half full; then other flows ask. Returns how many find somebody's entry. */
static uint32_t count_collisions(uint64_t seed, uint32_t lookups, bool is_of_tag)
{
	struct shunt_bucket *buckets = xcalloc(BUCKETS, sizeof(*buckets));
	uint32_t found = 0;

	for (uint32_t n = 0; n < ENTRIES / 2; n++) {
		uint64_t hash = sim_random(&seed);
		__u64 *way = buckets[home_of(hash, is_of_tag)].entry;

		for (uint32_t i = 0; i < SHUNT_CONN_WAYS; i++)
			if (!way[i]) {
				way[i] = shunt_conn_entry(shunt_flow_tag(hash), 1, SHUNT_CONN_EST, 0);
				break;
			}
	}
	for (uint32_t n = 0; n < lookups; n++) {
		uint64_t hash = sim_random(&seed);
		uint32_t home = home_of(hash, is_of_tag);

		for (uint32_t i = 0; i < 2 * SHUNT_CONN_WAYS; i++)
			found += conn_is_of(buckets[home ^ (i / SHUNT_CONN_WAYS)].entry[i % SHUNT_CONN_WAYS],
					    shunt_flow_tag(hash));
	}
	free(buckets);
	return found;
}

void side_collisions(FILE *out, uint64_t seed, uint32_t lookups)
{
	fprintf(out,
		"\nOf %u flows without an entry, in a table of %uk that is half full, found another's: %u with the "
		"bucket "
		"from bits that the tag does not have, %u with the bucket from the tag's.\n",
		lookups, ENTRIES / 1024, count_collisions(seed, lookups, false), count_collisions(seed, lookups, true));
}

enum second { NO_SECOND, NEIGHBOUR, INDEPENDENT };

/* Filled to a half: how many found no room? */
static double refused(uint64_t seed, enum second second)
{
	uint8_t *used = xcalloc(BUCKETS, 1);
	uint32_t refusals = 0;

	for (uint32_t n = 0; n < ENTRIES / 2; n++) {
		uint64_t hash = sim_random(&seed);
		uint32_t home = conn_home(hash) & (BUCKETS - 1), other = home ^ 1;

		if (second == INDEPENDENT)
			other = (uint32_t)(shunt_mix64(hash) >> 8) & (BUCKETS - 1);
		if (used[home] < SHUNT_CONN_WAYS)
			used[home]++;
		else if (second != NO_SECOND && used[other] < SHUNT_CONN_WAYS)
			used[other]++;
		else
			refusals++;
	}
	free(used);
	return 100.0 * refusals / (ENTRIES / 2.0);
}

void side_refusals(FILE *out, uint64_t seed)
{
	fprintf(out,
		"\nInserts refused until a table is half full: %.3f %% with one bucket, %.3f %% with its neighbour as "
		"the second, "
		"%.4f %% with an independent second one.\n",
		refused(seed, NO_SECOND), refused(seed, NEIGHBOUR), refused(seed, INDEPENDENT));
}
