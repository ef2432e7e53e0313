/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by health.c, which checks targets, and health_targets.c, which knows which there are. */
#ifndef SHUNT_HEALTH_PRIV_H
#define SHUNT_HEALTH_PRIV_H

#include "health.h"
#include "health_probe.h"

struct target {
	struct health *health;
	char service[SHUNT_NAME_MAX];
	struct shunt_addr addr;
	struct shunt_addr vip; /* that checks speak to; family 0: they speak to addr */
	uint16_t port;
	struct config_check check; /* its texts are this target's */
	struct health_status status;
	enum health_mode mode;
	uv_timer_t timer;
	struct probe *probe;	    /* in flight, if any */
	uint64_t started, deadline; /* loop time, of the present or last probe */
	uint32_t timeout;	    /* ms, of the present probe */
	bool graced;		    /* its deadline was moved once */
	bool scatter;		    /* it began with many others: see check_next() */
	bool kept;		    /* by the present health_sync() */
	struct target *next;	    /* in its chain */
};

/* The targets of a service. */
struct watched_service {
	struct config_shared
		*shared; /* held: what they are targets of; NULL: nobody can say whether that is still the same */
	struct target **targets;
	size_t count;
};

struct health {
	uv_loop_t *loop;
	struct probers probers;
	void (*changed)(void *arg, const char *service, const struct shunt_addr *backend,
			const struct health_status *status);
	void *arg;
	health_road_fn *road;
	void *road_arg;
	struct watched_service *services; /* in the order of the configuration */
	size_t service_count;
	struct target **chains; /* all targets, by service and address */
	size_t chain_mask, target_count;
	size_t open_timers;
	bool closed;
	uint64_t random;
	uint64_t unknown_told; /* loop time; 0: never */
	unsigned int unknown;  /* since then */
};

/* Take over the parameters of the service's check. */
void target_set_check(struct target *t, const struct config_service *service);
struct target *target_new(struct health *health, const struct config_service *service, const struct shunt_addr *addr,
			  enum health_state state);
void target_remove(struct target *t); /* the memory goes later */

/* NULL: there is none. */
struct target *target_find(const struct health *health, const char *service, const struct shunt_addr *addr);
/* Remove all. */
void targets_release(struct health *health);

#endif
