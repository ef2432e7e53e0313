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
 * With pools there are two such lists, one behind the other: first of the slot's own pool, then of all. Pools take part by what is configured,
 * never by who is available, so the same promise holds.
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
enum ring_use { RING_PERMUTE = 1, RING_DRAW, RING_RENDEZVOUS, RING_SHARE, RING_TURN };

static uint64_t ring_key(uint64_t seed, uint32_t salt, enum ring_use use)
{
	return shunt_mix64(shunt_mix64(seed ^ 0x676e6972ull) + ((uint64_t)use << 32 | salt));
}

/* hash to 0 .. n-1 */
static uint32_t reduce(uint64_t hash, uint32_t n)
{
	return (uint32_t)((hash >> 32) * n >> 32);
}

/* A backend, or a pool, on its walk through its permutation of the slots: next, next + skip, ... modulo the (prime) size. */
struct walker {
	struct shunt_addr addr; /* a backend's */
	uint32_t index;		/* what its slots are to say */
	uint32_t weight;
	uint32_t next;
	uint32_t skip;
};

static int compare_walkers(const void *a, const void *b)
{
	return addr_compare(&((const struct walker *)a)->addr, &((const struct walker *)b)->addr);
}

static void walker_start(struct walker *w, uint64_t h, uint32_t size)
{
	w->next = reduce(h, size);
	w->skip = 1 + reduce(shunt_mix64(h + GOLDEN), size - 1);
}

static uint64_t hash_addr(uint64_t key, const struct shunt_addr *addr)
{
	uint64_t h = shunt_mix64(key + addr->family);

	for (int i = 0; i < 4; i++)
		h = shunt_mix64((h + GOLDEN) ^ ntohl(addr->word[i]));
	return h;
}

static uint64_t hash_name(uint64_t key, const char *name)
{
	uint64_t h = shunt_mix64(key);

	for (; *name; name++)
		h = shunt_mix64((h + GOLDEN) ^ (uint8_t)*name);
	return h;
}

/* Those of a pool that have a weight, by address. Returns how many. */
static size_t collect_walkers(struct walker *walkers, const struct ring_backend *backends, size_t count, uint32_t pool)
{
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (backends[i].weight && backends[i].pool == pool)
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

/* The first slot of its permutation that says free. There is one: the caller stops when none does. */
static uint32_t walker_take(struct walker *w, const uint32_t *base, uint32_t size, uint32_t free_slot)
{
	uint32_t slot;

	do {
		slot = w->next;
		w->next = size - slot > w->skip ? slot + w->skip : w->skip - (size - slot);
	} while (base[slot] != free_slot);
	return slot;
}

/* The slots that say free, of which there are so many, among n > 0 walkers. */
static void share_out(uint32_t *base, uint32_t size, uint32_t free_slot, uint32_t slots, struct walker *walkers,
		      size_t n)
{
	uint32_t *order = order_turns(walkers, n, slots);

	for (uint32_t turn = 0; turn < slots; turn++) {
		struct walker *w = &walkers[order[turn]];

		base[walker_take(w, base, size, free_slot)] = w->index;
	}
	free(order);
}

/* The same among the backends of a pool; if none has a weight, the slots stay as they are. */
static void share_out_pool(uint32_t *base, uint32_t size, uint32_t free_slot, uint32_t slots,
			   const struct ring_backend *backends, size_t count, uint32_t pool, uint64_t key)
{
	struct walker *walkers = xcalloc(count + 1, sizeof(*walkers));
	size_t n = collect_walkers(walkers, backends, count, pool);

	for (size_t i = 0; i < n; i++)
		walker_start(&walkers[i], hash_addr(key, &walkers[i].addr), size);
	if (n)
		share_out(base, size, free_slot, slots, walkers, n);
	free(walkers);
}

static void clear(uint32_t *base, uint32_t size)
{
	memset(base, 0xff, (size_t)size * sizeof(*base)); /* RING_NONE */
}

void ring_build(uint32_t *base, uint32_t size, const struct ring_backend *backends, size_t count, uint64_t seed,
		uint32_t salt)
{
	clear(base, size);
	share_out_pool(base, size, RING_NONE, size, backends, count, 0, ring_key(seed, salt, RING_PERMUTE));
}

/* What a slot says that is a pool's and no backend's yet: no backend's index, and not that it is nobody's. */
static uint32_t mark_of(size_t pool)
{
	return RING_NONE - 1 - (uint32_t)pool;
}

static bool pool_has_weight(const struct ring_backend *backends, size_t count, size_t pool)
{
	for (size_t i = 0; i < count; i++)
		if (backends[i].pool == pool && backends[i].weight)
			return true;
	return false;
}

/* Mark every slot as one pool's. Whether a pool takes part is of the configuration, like its share: health comes later. */
static void share_among_pools(uint32_t *base, uint32_t size, const struct ring_backend *backends, size_t count,
			      const struct ring_pool *pools, size_t pool_count, uint64_t key)
{
	struct walker *walkers = xcalloc(pool_count + 1, sizeof(*walkers));
	size_t n = 0;

	for (size_t i = 0; i < pool_count; i++) {
		if (!pools[i].share || !pool_has_weight(backends, count, i))
			continue;
		walkers[n].index = mark_of(i);
		walkers[n].weight = pools[i].share;
		walker_start(&walkers[n++], hash_name(key, pools[i].name), size);
	}
	if (n)
		share_out(base, size, RING_NONE, size, walkers, n);
	free(walkers);
}

void ring_build_pools(uint32_t *base, uint32_t size, const struct ring_backend *backends, size_t count,
		      const struct ring_pool *pools, size_t pool_count, uint64_t seed, uint32_t salt)
{
	uint64_t key = ring_key(seed, salt, RING_PERMUTE);

	clear(base, size);
	share_among_pools(base, size, backends, count, pools, pool_count, ring_key(seed, salt, RING_SHARE));
	for (size_t i = 0; i < pool_count; i++) {
		uint32_t slots = 0;

		for (uint32_t slot = 0; slot < size; slot++)
			slots += base[slot] == mark_of(i);
		if (slots)
			share_out_pool(base, size, mark_of(i), slots, backends, count, (uint32_t)i, key);
	}
}

/* An available backend that has base slots: the last resort's candidates. */
struct survivor {
	uint32_t index;
	uint64_t name; /* a hash of its first base slot */
};

/* Whom slots fall to that the available backends of a pool, or of the whole ring, have no owner for. */
struct refuge {
	const uint32_t *base;
	uint32_t size;
	const struct ring_backend *backends; /* NULL: all are of one pool */
	const bool *available;		     /* by backend */
	uint32_t pool;			     /* RING_NONE: any */
	uint32_t slots;			     /* that are the pool's */
	uint64_t key;
	struct survivor *survivors; /* in the order of their first base slots */
	size_t count;
};

static bool is_in(const struct refuge *r, uint32_t backend)
{
	return r->pool == RING_NONE || r->backends[backend].pool == r->pool;
}

/* backends: how many. */
static void refuge_open(struct refuge *r, size_t backends, uint64_t name_key)
{
	bool *seen = xcalloc(backends + 1, sizeof(*seen));

	r->survivors = xcalloc(backends + 1, sizeof(*r->survivors));
	for (uint32_t slot = 0; slot < r->size; slot++) {
		uint32_t i = r->base[slot];

		if (i == RING_NONE || !is_in(r, i))
			continue;
		r->slots++;
		if (!seen[i] && r->available[i])
			r->survivors[r->count++] = (struct survivor){.index = i, .name = shunt_mix64(name_key + slot)};
		seen[i] = true;
	}
	free(seen);
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

/* The first available one in a slot's list, after the slot's own backend. There are survivors. Draws are of all slots, and those that are
 * another pool's are passed over: so a change of shares hardly changes what is drawn. */
static uint32_t next_choice(const struct refuge *r, uint32_t slot)
{
	uint64_t sequence = shunt_mix64(r->key + slot), draws = (uint64_t)RING_DRAWS * (r->size / r->slots);

	for (uint64_t k = 1; k <= draws; k++) {
		uint32_t i = r->base[reduce(shunt_mix64(sequence + k * GOLDEN), r->size)];

		if (r->available[i] && is_in(r, i))
			return i;
	}
	return rendezvous(sequence, r->survivors, r->count);
}

/* Those of a refuge's slots that ring has no available backend for get one, if there is any. */
static void resolve_in(uint32_t *ring, const struct refuge *r)
{
	for (uint32_t slot = 0; slot < r->size && r->count; slot++)
		if (r->base[slot] != RING_NONE && ring[slot] == RING_NONE && is_in(r, r->base[slot]))
			ring[slot] = next_choice(r, slot);
}

/* Every pool by itself, then all that is left. backends: NULL or as in struct refuge. */
static void resolve(uint32_t *ring, struct refuge all, size_t count, size_t pools, uint64_t name_key)
{
	for (uint32_t slot = 0; slot < all.size; slot++) {
		uint32_t i = all.base[slot];

		ring[slot] = i != RING_NONE && all.available[i] ? i : RING_NONE;
	}
	for (size_t pool = 0; pool <= pools; pool++) {
		struct refuge r = all;

		r.pool = pool < pools ? (uint32_t)pool : RING_NONE;
		refuge_open(&r, count, name_key);
		resolve_in(ring, &r);
		free(r.survivors);
	}
}

void ring_resolve(uint32_t *ring, const uint32_t *base, uint32_t size, const bool *available, size_t count,
		  uint64_t seed, uint32_t salt)
{
	const struct refuge all = {
		.base = base, .size = size, .available = available, .key = ring_key(seed, salt, RING_DRAW)};

	resolve(ring, all, count, 0, ring_key(seed, salt, RING_RENDEZVOUS));
}

void ring_resolve_pools(uint32_t *ring, const uint32_t *base, uint32_t size, const bool *available,
			const struct ring_backend *backends, size_t count, uint64_t seed, uint32_t salt)
{
	const struct refuge all = {.base = base,
				   .size = size,
				   .backends = backends,
				   .available = available,
				   .key = ring_key(seed, salt, RING_DRAW)};
	uint32_t pools = 0;

	for (uint32_t slot = 0; slot < size; slot++)
		if (base[slot] != RING_NONE && backends[base[slot]].pool >= pools)
			pools = backends[base[slot]].pool + 1;
	resolve(ring, all, count, pools, ring_key(seed, salt, RING_RENDEZVOUS));
}

uint32_t ring_turn(uint32_t slot, uint64_t seed, uint32_t salt)
{
	return reduce(shunt_mix64(ring_key(seed, salt, RING_TURN) + slot), RING_TURNS);
}

uint32_t ring_salt(const char *service)
{
	uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

	for (; *service; service++)
		h = (h ^ (uint8_t)*service) * 0x100000001b3ull;
	return (uint32_t)(shunt_mix64(h) >> 32);
}
