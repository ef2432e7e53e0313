/* SPDX-License-Identifier: GPL-2.0 */
/* Services, and pools, that sleep while nobody needs them: what starts and stops them, and when. */
#ifndef SHUNT_CONFIG_DEMAND_H
#define SHUNT_CONFIG_DEMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "shunt/maps.h"

#define CONFIG_POOL_MAX 32 /* with the final NUL */

/* A command or an HTTP request; of neither: there is none. Texts are owned. */
struct config_hook {
	char **command; /* with its arguments, ends with NULL */
	char *url;
	const char *method; /* of url */
};

/* A time of the week at which something is to be awake. Minutes of the day; to is not in it, and from above to goes over midnight, into the day after. */
struct config_window {
	uint8_t days; /* bits, 1 << tm_wday: those on which it begins */
	uint16_t from, to;
	bool utc; /* else local time */
};

/* What sleeps by itself: a service, or one of its pools. */
struct config_demand {
	char pool[CONFIG_POOL_MAX]; /* "": the service as a whole */
	struct config_hook start, stop;
	uint32_t idle;	  /* ms without a packet, after which it may sleep; 1 s to a week; 10 minutes */
	uint32_t timeout; /* ms, for a hook to end, and then for a check to pass: 100 ms to an hour; 30 s */
	struct config_window *awake;
	size_t awake_count;
};

struct config_service;

static inline bool config_has_hook(const struct config_hook *hook)
{
	return hook->command || hook->url;
}

/* Whose business a backend's pool is; NULL: it never sleeps. */
const struct config_demand *config_demand_of(const struct config_service *service, const char *pool);

/* Is now in one of them? Where clocks go forward, times that there are not are in none; where they go back, those that come twice are so both times. */
bool config_windows_hold(const struct config_window *windows, size_t count, time_t now);

#endif
