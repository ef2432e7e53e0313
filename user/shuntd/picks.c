/* SPDX-License-Identifier: GPL-2.0 */
#include "picks.h"

#include <stdlib.h>

#include "../lib/xalloc.h"

struct place {
	double at; /* from 0 to 1 */
	uint32_t index;
};

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* How often each is in the list, in shares; returns the sum. */
static size_t share_out(const uint32_t *weights, size_t count, uint32_t max, uint32_t *shares)
{
	uint64_t sum = 0, room = 0;
	uint32_t common = 0;
	size_t length = 0;

	for (size_t i = 0; i < count; i++) {
		sum += weights[i];
		room += weights[i] ? max : 0;
		common = common_divisor(common, weights[i]);
	}
	for (size_t i = 0; i < count && sum; i++) {
		if (sum / common <= room)
			shares[i] = weights[i] / common;
		else if (weights[i])
			shares[i] = (uint32_t)((uint64_t)weights[i] * room / sum);
		if (weights[i] && !shares[i])
			shares[i] = 1;
		length += shares[i];
	}
	return length;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

uint32_t *picks_build(const uint32_t *weights, size_t count, uint32_t max, size_t *length)
{
	uint32_t *shares = xcalloc(count + 1, sizeof(*shares)), *list = NULL;
	struct place *places;
	size_t n = 0;

	*length = share_out(weights, count, max, shares);
	if (*length) {
		places = xcalloc(*length, sizeof(*places));
		list = xcalloc(*length, sizeof(*list));
		for (size_t i = 0; i < count; i++)
			for (uint32_t k = 0; k < shares[i]; k++)
				places[n++] = (struct place){(k + 0.5) / shares[i], (uint32_t)i};
		qsort(places, n, sizeof(*places), compare_places);
		for (size_t i = 0; i < n; i++)
			list[i] = places[i].index;
		free(places);
	}
	free(shares);
	return list;
}
