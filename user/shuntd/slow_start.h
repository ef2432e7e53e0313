/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Slow start: a backend that begins to take new connections has a tenth of its weight at first, and the rest in nine steps over its service's slow_start.
 * It begins when it recovers, is undrained, or joins a service that is there. Not with its service, or the daemon, nor where nobody of its pool has the
 * whole of theirs: what there is has to be borne by those who are there. Each model says when its backends began, from the one before it, so nothing
 * else remembers; a daemon that was killed begins with everybody at full weight.
 */
#ifndef SHUNT_SLOW_START_H
#define SHUNT_SLOW_START_H

#include "model.h"

/* Fill in takes, fresh, began and level of the service's backends, by their states and what they were; and its next_step. before: NULL if the
 * service was not there. */
void slow_start(struct model_service *service, const struct config_service *config, const struct model_service *before,
		const struct model_inputs *inputs);

#endif
