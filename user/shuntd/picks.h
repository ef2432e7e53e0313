/* SPDX-License-Identifier: GPL-2.0 */
/* The order in which a service that picks goes round its backends. */
#ifndef SHUNT_PICKS_H
#define SHUNT_PICKS_H

#include <stddef.h>
#include <stdint.h>

/*
 * A list of indexes into weights, each as often as its weight asks and as evenly spread as can be: in turn, they are weighted round-robin; drawn at
 * random, each is as probable as its weight asks. Exact if the weights' sum, divided by what they have in common, is at most max for each
 * index with a weight; else to the nearest, and nobody with a weight is left out, so that it may have one more for each of them. NULL and 0: there are no weights. To be freed.
 */
uint32_t *picks_build(const uint32_t *weights, size_t count, uint32_t max, size_t *length);

#endif
