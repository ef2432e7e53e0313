/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which of a service's pools serve its new connections. A pool with a share has failed when none of its backends can be used, fewer are healthy
 * than its min_healthy, or fewer of the service than its panic. Then the others have its share; when all have failed, backup pools serve; and when those have nobody, what is left is
 * used: everybody below panic, else whoever is healthy.
 */
#ifndef SHUNT_SERVING_H
#define SHUNT_SERVING_H

#include "model.h"

/* From the states of the service's backends, which in panic become that: counts, standings and rule. */
void serving_judge(struct model_service *service, const struct config_service *config);

/* Has the pool no part of the service's own ring now, though it has a share? */
bool serving_has_failed(const struct model_service *service, const char *pool);

/* What a pool does in words: "serving", "failed", "standby" or "unused"; standing NULL: it has neither share nor backup. */
const char *serving_state(const struct model_service *service, const struct model_standing *standing);
const struct model_standing *serving_find(const struct model_service *service, const char *pool);

/* Why the rule holds, and why a pool has failed. Return buf. */
#define SERVING_TEXT 256
const char *serving_why(const struct model_service *service, char buf[SERVING_TEXT]);
const char *serving_why_failed(const struct model_service *service, const struct model_standing *standing,
			       char buf[SERVING_TEXT]);

#endif
