/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Every slot has one fixed list of choices, which health does not enter into: first the owner of its base slot, then
 * the owners of RING_DRAWS base slots drawn by the slot's own random sequence, then all backends in the slot's own
 * rendezvous order. The ring names, per slot, the first of its list that is available. Nothing else is needed for the
 * promise of ring.h: taking a backend away changes the answer only where it was the answer, bringing it back only
 * where it becomes the answer again, however many others are down and through whichever part of the list they go.
 *
 * The draws follow the weights, since a backend owns base slots by its weight; they cost one hash each, and so much
 * less than a rendezvous over all. But a backend with one slot of the base ring alone available would be found after
 * 65,537 draws on average, so they end. What is left then goes to the few available ones in equal shares.
 *
 * Backends are called by what every node agrees on, their addresses in the base ring and their first base slot
 * after it, never by their index, which is only the order of somebody's file. No floating point: nodes with other
 * compilers and libraries must get the same ring. What comes out here is a wire format in all but name: nodes of
 * different builds serve the same flows, so the golden test may only change with a way to migrate.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "ring.h"
#include "../lib/xalloc.h"
#include "shunt/hash.h"

#define RING_DRAWS 256
#define GOLDEN 0x9e3779b97f4a7c15ull

/* One key for each use of a service's ring, so that draws, orders and permutations are unrelated to each other and to flows. */
enum ring_use { RING_PERMUTE = 1, RING_DRAW, RING_RENDEZVOUS };

static uint64_t ring_key(uint64_t seed, uint32_t salt, enum ring_use use)
{
	return shunt_mix64(shunt_mix64(seed ^ 0x676e6972ull) + ((uint64_t)use << 32 | salt));
}

/* hash to 0 .. n-1 */
static uint32_t reduce(uint64_t hash, uint32_t n)
{
	return (uint32_t)((hash >> 32) * n >> 32);
}

/* A backend on its walk through its permutation of the slots: next, next + skip, ... modulo the (prime) size. */
struct walker {
	struct shunt_addr addr;
	uint32_t index; /* in the caller's backends */
	uint32_t weight;
	uint32_t next;
	uint32_t skip;
};

static int compare_walkers(const void *a, const void *b)
{
	return addr_compare(&((const struct walker *)a)->addr, &((const struct walker *)b)->addr);
}

static void walker_start(struct walker *w, uint64_t key, uint32_t size)
{
	uint64_t h = shunt_mix64(key + w->addr.family);

	for (int i = 0; i < 4; i++)
		h = shunt_mix64((h + GOLDEN) ^ ntohl(w->addr.word[i]));
	w->next = reduce(h, size);
	w->skip = 1 + reduce(shunt_mix64(h + GOLDEN), size - 1);
}

/* Those with a weight, by address. Returns how many. */
static size_t collect_walkers(struct walker *walkers, const struct ring_backend *backends, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (backends[i].weight)
			walkers[n++] = (struct walker){
				.addr = backends[i].addr, .index = (uint32_t)i, .weight = backends[i].weight};
	qsort(walkers, n, sizeof(*walkers), compare_walkers);
	return n;
}

/*
 * Turns. The heaviest backend has one in every round, the others proportionally fewer: turn t (from 0) of a backend is
 * in round floor(t * heaviest / weight). So all have one in round 0: a weight above 0 always means traffic, as long
 * as there are slots; and every share is right to within one slot. Within a round they go by address.
 *
 * Rounds are not played one by one, which would cost backends * slots where one weight towers over the rest: the
 * number of rounds is searched for, and the turns are sorted by counting.
 */
static uint64_t turns_before(const struct walker *walkers, size_t n, uint64_t rounds, uint32_t heaviest)
{
	uint64_t turns = 0;

	for (size_t i = 0; i < n; i++)
		turns += (rounds * walkers[i].weight + heaviest - 1) / heaviest;
	return turns;
}

/* The least number of rounds with at least size turns; size rounds always do. */
static uint32_t rounds_needed(const struct walker *walkers, size_t n, uint32_t heaviest, uint32_t size)
{
	uint32_t low = 1, high = size;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (turns_before(walkers, n, middle, heaviest) >= size)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* floor(t * heaviest / weight) for t = 0, 1, 2, ... without a division each. */
struct pace {
	uint64_t round;
	uint64_t rest;
};

static inline void pace_next(struct pace *p, uint32_t heaviest, uint32_t weight)
{
	p->round += heaviest / weight;
	p->rest += heaviest % weight;
	if (p->rest >= weight) {
		p->rest -= weight;
		p->round++;
	}
}

/* Returns the walkers' numbers in the order of their turns, at least size of them. Owned by the caller. */
static uint32_t *order_turns(const struct walker *walkers, size_t n, uint32_t size)
{
	uint32_t heaviest = 0, rounds, *order, *at;

	for (size_t i = 0; i < n; i++)
		if (walkers[i].weight > heaviest)
			heaviest = walkers[i].weight;
	rounds = rounds_needed(walkers, n, heaviest, size);
	order = xcalloc(turns_before(walkers, n, rounds, heaviest), sizeof(*order));

	/* at[r]: where the next turn of round r goes. */
	at = xcalloc((size_t)rounds + 1, sizeof(*at));
	for (size_t i = 0; i < n; i++)
		for (struct pace p = {0}; p.round < rounds; pace_next(&p, heaviest, walkers[i].weight))
			at[p.round + 1]++;
	for (uint32_t r = 1; r <= rounds; r++)
		at[r] += at[r - 1];
	for (size_t i = 0; i < n; i++)
		for (struct pace p = {0}; p.round < rounds; pace_next(&p, heaviest, walkers[i].weight))
			order[at[p.round]++] = (uint32_t)i;
	free(at);
	return order;
}

/* The first slot of its permutation that nobody has taken. There is one: the caller stops when all are. */
static uint32_t walker_take(struct walker *w, const uint32_t *base, uint32_t size)
{
	uint32_t slot;

	do {
		slot = w->next;
		w->next = size - slot > w->skip ? slot + w->skip : w->skip - (size - slot);
	} while (base[slot] != RING_NONE);
	return slot;
}

void ring_build(uint32_t *base, uint32_t size, const struct ring_backend *backends, size_t count, uint64_t seed,
		uint32_t salt)
{
	struct walker *walkers = xcalloc(count + 1, sizeof(*walkers));
	size_t n = collect_walkers(walkers, backends, count);
	uint64_t key = ring_key(seed, salt, RING_PERMUTE);
	uint32_t *order = NULL;

	memset(base, 0xff, (size_t)size * sizeof(*base)); /* RING_NONE */
	if (n == 0)
		goto out;
	for (size_t i = 0; i < n; i++)
		walker_start(&walkers[i], key, size);
	order = order_turns(walkers, n, size);
	for (uint32_t turn = 0; turn < size; turn++) {
		struct walker *w = &walkers[order[turn]];

		base[walker_take(w, base, size)] = w->index;
	}
out:
	free(order);
	free(walkers);
}

/* An available backend that has base slots: the last resort's candidates. */
struct survivor {
	uint32_t index;
	uint64_t name; /* a hash of its first base slot */
};

/* In the order of their first base slots. Returns how many. */
static size_t find_survivors(struct survivor *survivors, const uint32_t *base, uint32_t size, const bool *available,
			     size_t count, uint64_t key)
{
	bool *seen = xcalloc(count + 1, sizeof(*seen));
	size_t n = 0;

	for (uint32_t slot = 0; slot < size; slot++) {
		uint32_t i = base[slot];

		if (i == RING_NONE || seen[i])
			continue;
		seen[i] = true;
		if (available[i])
			survivors[n++] = (struct survivor){.index = i, .name = shunt_mix64(key + slot)};
	}
	free(seen);
	return n;
}

static uint32_t rendezvous(uint64_t sequence, const struct survivor *survivors, size_t n)
{
	uint64_t best_score = 0;
	uint32_t best = survivors[0].index;

	for (size_t i = 0; i < n; i++) {
		uint64_t score = shunt_mix64(sequence ^ survivors[i].name);

		if (score > best_score) {
			best_score = score;
			best = survivors[i].index;
		}
	}
	return best;
}

/* The first available one in a slot's list, after the slot's own backend. n > 0. */
static uint32_t next_choice(uint32_t slot, const uint32_t *base, uint32_t size, const bool *available, uint64_t key,
			    const struct survivor *survivors, size_t n)
{
	uint64_t sequence = shunt_mix64(key + slot);

	for (uint64_t k = 1; k <= RING_DRAWS; k++) {
		uint32_t i = base[reduce(shunt_mix64(sequence + k * GOLDEN), size)];

		if (available[i])
			return i;
	}
	return rendezvous(sequence, survivors, n);
}

void ring_resolve(uint32_t *ring, const uint32_t *base, uint32_t size, const bool *available, size_t count,
		  uint64_t seed, uint32_t salt)
{
	struct survivor *survivors = xcalloc(count + 1, sizeof(*survivors));
	uint64_t key = ring_key(seed, salt, RING_DRAW);
	size_t n = find_survivors(survivors, base, size, available, count, ring_key(seed, salt, RING_RENDEZVOUS));

	for (uint32_t slot = 0; slot < size; slot++) {
		if (n == 0)
			ring[slot] = RING_NONE;
		else if (available[base[slot]])
			ring[slot] = base[slot];
		else
			ring[slot] = next_choice(slot, base, size, available, key, survivors, n);
	}
	free(survivors);
}

uint32_t ring_salt(const char *service)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *service; service++)
		h = (h ^ (uint8_t)*service) * 0x100000001b3ull;
	return (uint32_t)(shunt_mix64(h) >> 32);
}
