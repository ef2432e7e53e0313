/* SPDX-License-Identifier: GPL-2.0 */
/* Rates from two answers of GET /v1/stats. Pure. */
#ifndef SHUNT_RATES_H
#define SHUNT_RATES_H

#include <jansson.h>

/* Like after, but with "packets_per_second" and "bytes_per_second" where counters were, and "seconds". What was not in before counts
 * from 0; a counter that fell (the maps were made anew) does as well. */
json_t *rates_between(const json_t *before, const json_t *after, double seconds);

#endif
