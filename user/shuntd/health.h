/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Health checks on the loop: one target per (service, backend). health.c owns schedule, counts and state; one file per kind of
 * check (health_tcp.c, health_http.c, ...) runs a single probe and reports once.
 *
 * States: CHECKING until the first result, which decides alone; then UP falls after `fall` consecutive failures and DOWN
 * rises after `rise` consecutive successes. Checks of a target are `interval` apart, or `fast_interval` while the state may
 * be about to change, give or take `jitter` percent, the first within min(interval, 200 ms); a probe that takes longer than
 * `timeout` has failed; there is never more than one at a time.
 */
#ifndef SHUNT_HEALTH_H
#define SHUNT_HEALTH_H

#include <uv.h>

#include "../lib/config.h"

enum health_state { HEALTH_CHECKING, HEALTH_UP, HEALTH_DOWN };

struct health_status {
	enum health_state state;
	uint64_t since;	    /* Unix time, seconds, of the last change of state */
	uint64_t checked;   /* Unix time of the last result; 0: none yet */
	uint32_t successes; /* consecutive, up to now */
	uint32_t failures;
	char reason
		[128]; /* of the last result: "HTTP 503, expected 200 to 399", "connect: Connection refused", "timed out after 1000 ms" */
	bool unasked; /* reason is why it was not asked, which ends without a check: no next hop, or asleep */
};

struct health;

/* changed() is called from the loop after a target's state changed; never from within the calls below. */
int health_open(struct health **health, uv_loop_t *loop,
		void (*changed)(void *arg, const char *service, const struct shunt_addr *backend,
				const struct health_status *status),
		void *arg, struct shunt_err *err);
void health_close(struct health *health);

/*
 * Who knows the way of checks through tunnels: fills in *road, to the VIP on this backend. -EAGAIN: there is none yet, since no next hop is
 * known; other failures are this host's.
 */
struct probe_road;
typedef int health_road_fn(void *arg, const char *service, const struct shunt_addr *backend,
			   const struct shunt_addr *vip, struct probe_road *road, struct shunt_err *err);
void health_set_road(struct health *health, health_road_fn *road, void *arg);

/* Make the targets those of config (all backends of all services). A target that was there keeps its state and counts; its new
 * parameters count from the next check on. New ones start as initial() says (NULL: CHECKING). check type none: UP, never checked. */
void health_sync(struct health *health, const struct config *config,
		 enum health_state (*initial)(void *arg, const char *service, const struct shunt_addr *backend),
		 void *arg);

/* How a target is looked at: by its check's schedule; not at all, since it is known to be away; or often, and until it is there its silence is no failure. */
enum health_mode { HEALTH_WATCH, HEALTH_REST, HEALTH_AWAIT };

/* Every target is watched until it is said otherwise, which lasts as long as the target. */
void health_set_mode(struct health *health, const char *service, const struct shunt_addr *backend,
		     enum health_mode mode);

/* NULL: no such target. */
const struct health_status *health_get(const struct health *health, const char *service,
				       const struct shunt_addr *backend);

const char *health_state_name(enum health_state state); /* "checking", "up", "down" */

#endif
