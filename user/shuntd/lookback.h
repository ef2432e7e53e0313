/* SPDX-License-Identifier: GPL-2.0 */
/* What a counter has grown by within the last minute. Pure: who looks, every LOOKBACK_PERIOD_S, says what it found. */
#ifndef SHUNT_LOOKBACK_H
#define SHUNT_LOOKBACK_H

#include <stdbool.h>
#include <stdint.h>

#define LOOKBACK_PERIOD_S 10
#define LOOKBACK_LOOKS (60 / LOOKBACK_PERIOD_S + 1) /* the oldest of so many is a minute old */

struct lookback {
	uint64_t total[LOOKBACK_LOOKS]; /* the newest first */
	unsigned int looks;
};

/* A total that falls is another counter of the same name: what was known of the one before is forgotten. */
void lookback_add(struct lookback *l, uint64_t total);

/* What it has grown by, with total now. *is_minute: in about a minute; else in all of its life, since it is not known for that long. l: NULL,
 * it has not been looked at. */
uint64_t lookback_growth(const struct lookback *l, uint64_t total, bool *is_minute);

#endif
