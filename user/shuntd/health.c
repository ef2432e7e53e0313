/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Health checks: schedule, counts and state of each target. How a probe is made is the business of one file
 * for each kind, through health_probe.h.
 *
 * Each target has one timer, which waits either for the next check or for the present one's timeout, never both. What a
 * probe could not find out because of this host (descriptors, ports, memory) is logged and changes nothing: a balancer in
 * trouble must not conclude that its backends are.
 */
#include "health.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "events.h"
#include "health_priv.h"
#include "shunt/hash.h"

/* Milliseconds. */
#define FIRST_WITHIN 200
#define JITTER_MAX 50 /* percent */
#define UNKNOWN_INTERVAL 10000
#define AWAIT_INTERVAL 200

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {
		[HEALTH_CHECKING] = "checking",
		[HEALTH_UP] = "up",
		[HEALTH_DOWN] = "down",
	};

	return names[state];
}

/* Evenly from 0 to below limit (SplitMix64). */
static uint64_t draw(struct health *health, uint64_t limit)
{
	health->random += 0x9e3779b97f4a7c15ull;
	return shunt_mix64(health->random) % limit;
}

/* ---- results ---- */

static void tell_unknown(const struct target *t, const struct probe_result *result)
{
	struct journal_event event = events_of(JOURNAL_HEALTH, LOG_LEVEL_WARNING, t->service, &t->addr);
	struct health *health = t->health;
	uint64_t now = uv_now(health->loop);

	health->unknown++;
	if (health->unknown_told && now < health->unknown_told + UNKNOWN_INTERVAL)
		return;
	events_tell(&event,
		    "%u health checks could not be made by this host and count for nothing, this one the last: %s",
		    health->unknown, result->reason);
	health->unknown = 0;
	health->unknown_told = now;
}

/* The state's change; the caller tells. What it comes to for the backend is an event of the model (transitions.c). */
static void set_state(struct target *t, enum health_state state)
{
	t->status.state = state;
	t->status.since = time(NULL);
}

static void set_reason(struct target *t, const char *reason, bool unasked)
{
	snprintf(t->status.reason, sizeof(t->status.reason), "%s", reason);
	t->status.unasked = unasked;
}

static enum health_state next_state(const struct target *t)
{
	const struct health_status *status = &t->status;
	const struct config_check *check = &t->check;

	switch (status->state) {
	case HEALTH_CHECKING:
		if (status->failures)
			return t->mode == HEALTH_AWAIT ? HEALTH_CHECKING : HEALTH_DOWN;
		return HEALTH_UP;
	case HEALTH_UP:
		return status->failures >= check->fall ? HEALTH_DOWN : HEALTH_UP;
	default:
		return status->successes >= check->rise ? HEALTH_UP : HEALTH_DOWN;
	}
}

/* Is it on its way to another state? Then it is looked at more often, where the check says so. */
static bool is_changing(const struct health_status *status)
{
	switch (status->state) {
	case HEALTH_CHECKING:
		return true;
	case HEALTH_UP:
		return status->failures > 0;
	default:
		return status->successes > 0;
	}
}

static void check_cb(uv_timer_t *timer);

/* Targets that a start, or a change, has checked all within FIRST_WITHIN would stay that close: the second check scatters them. */
static void check_next(struct target *t)
{
	const struct config_check *check = &t->check;
	bool fast = check->fast_interval && is_changing(&t->status);
	uint64_t interval = fast ? check->fast_interval : check->interval, now = uv_now(t->health->loop);
	uint64_t spread = interval * (t->scatter ? JITTER_MAX : check->jitter) / 100;
	uint64_t next = t->started + interval - spread + draw(t->health, 2 * spread + 1);

	if (t->mode == HEALTH_AWAIT && t->status.state == HEALTH_CHECKING && interval > AWAIT_INTERVAL)
		next = t->started + AWAIT_INTERVAL;

	t->scatter = false;
	uv_timer_start(&t->timer, check_cb, next > now ? next - now : 0, 0);
}

/* Of no weight, but what stands in the way of a first result is worth telling. */
static void take_unknown(struct target *t, const struct probe_result *result)
{
	tell_unknown(t, result);
	if (!t->status.checked)
		set_reason(t, result->reason, false);
	check_next(t);
}

static void take_result(struct target *t, const struct probe_result *result, bool unasked)
{
	struct health *health = t->health;
	enum health_state state;

	if (result->verdict == PROBE_UNKNOWN) {
		take_unknown(t, result);
		return;
	}
	t->status.checked = time(NULL);
	set_reason(t, result->reason, unasked);
	t->status.successes = result->verdict == PROBE_PASS ? t->status.successes + 1 : 0;
	t->status.failures = result->verdict == PROBE_PASS ? 0 : t->status.failures + 1;
	state = next_state(t);
	if (state == t->status.state) {
		check_next(t);
		return;
	}
	set_state(t, state);
	check_next(t);
	health->changed(health->arg, t->service, &t->addr, &t->status); /* may remove t */
}

static void result_cb(void *arg, const struct probe_result *result)
{
	struct target *t = arg;

	t->probe = NULL;
	take_result(t, result, false);
}

/* ---- schedule ---- */

static void cancel(struct target *t)
{
	if (t->probe)
		probe_cancel(t->probe);
	t->probe = NULL;
}

/*
 * The loop runs timers before it looks at sockets, so after the daemon has been busy an answer may be lying there unread.
 * The time that it was late by is given back, at least one turn of the loop, before the silence is held against the backend.
 */
static void timeout_cb(uv_timer_t *timer)
{
	struct target *t = timer->data;
	uint64_t now = uv_now(t->health->loop);
	struct probe_result result;

	if (!t->graced) {
		t->graced = true;
		uv_timer_start(timer, timeout_cb, now > t->deadline ? now - t->deadline : 1, 0);
		return;
	}
	cancel(t);
	if (t->vip.family) /* a port that pings do not go to is there for the VIPs' sake */
		probe_result_silence(&result, &t->vip, t->check.type == CONFIG_CHECK_ICMP ? 0 : t->port, t->timeout);
	else
		probe_result_set(&result, PROBE_FAIL, "timed out after %u ms", t->timeout);
	take_result(t, &result, false);
}

/* From now on time counts. */
static void begun_cb(void *arg)
{
	struct target *t = arg;

	t->started = uv_now(t->health->loop);
	t->timeout = t->check.timeout;
	t->deadline = t->started + t->timeout;
	t->graced = false;
	uv_timer_start(&t->timer, timeout_cb, t->timeout, 0);
}

/* The next probe's; else *result says why there is none. */
static int find_road(const struct target *t, struct probe_road *road, struct probe_result *result)
{
	const struct health *health = t->health;
	struct shunt_err err;
	int rc;

	*road = (struct probe_road){.to = t->addr};
	if (!t->vip.family)
		return 0;
	rc = health->road ? health->road(health->road_arg, t->service, &t->addr, &t->vip, road, &err)
			  : shunt_fail(&err, ENOSYS, NULL, "no checks through tunnels here");
	if (rc)
		probe_result_set(result, rc == -EAGAIN ? PROBE_FAIL : PROBE_UNKNOWN, "%s", shunt_err_text(&err));
	return rc;
}

/* A neighbour that was never asked for answers in a moment; that it has not yet is no first result. */
static void await_road(struct target *t, const struct probe_result *result)
{
	set_reason(t, result->reason, true);
	uv_timer_start(&t->timer, check_cb, FIRST_WITHIN, 0);
}

/* Without a timer while the probe waits for its turn. */
static void check_cb(uv_timer_t *timer)
{
	struct target *t = timer->data;
	const struct probe_caller caller = {.begun = begun_cb, .done = result_cb, .arg = t};
	struct probe_target what = {
		.service = t->service,
		.backend = &t->addr,
		.port = t->port,
		.check = &t->check,
	};
	struct probe_result result;
	int rc = find_road(t, &what.road, &result);

	t->started = uv_now(t->health->loop);
	if (rc == -EAGAIN && t->status.state == HEALTH_CHECKING) {
		await_road(t, &result);
		return;
	}
	if (rc) {
		take_result(t, &result, rc == -EAGAIN);
		return;
	}
	t->probe = probe_start(&t->health->probers, &what, &caller, &result);
	if (!t->probe)
		result_cb(t, &result);
	else if (!t->probe->waits)
		begun_cb(t);
}

static void check_soon(struct target *t)
{
	uint64_t within = t->check.interval < FIRST_WITHIN ? t->check.interval : FIRST_WITHIN;

	t->scatter = true;
	uv_timer_start(&t->timer, check_cb, draw(t->health, within + 1), 0);
}

/* ---- targets ---- */

/* Take over the parameters of the service's check. They count from the next check on, which is soon: whoever changed them
 * wants to see what they do, and the old interval may have been an hour. */
void target_set_check(struct target *t, const struct config_service *service)
{
	const struct config_check *check = &service->check;
	uint16_t port = config_check_port(service);
	struct shunt_addr vip = {0};

	if (check->via == CONFIG_VIA_TUNNEL)
		vip = config_check_vip(service, &t->addr);
	if (t->port == port && addr_equal(&t->vip, &vip) && config_check_equal(&t->check, check))
		return;
	if (!addr_equal(&t->vip, &vip)) /* its road may go at once */
		cancel(t);
	t->vip = vip;
	config_check_clear(&t->check);
	config_check_copy(&t->check, check);
	t->port = port;
	if (check->type != CONFIG_CHECK_NONE) {
		if (!t->probe && t->mode != HEALTH_REST)
			check_soon(t);
		return;
	}
	cancel(t);
	uv_timer_stop(&t->timer);
	set_reason(t, "not checked", false);
	if (t->status.state != HEALTH_UP)
		set_state(t, HEALTH_UP);
}

struct target *target_new(struct health *health, const struct config_service *service, const struct shunt_addr *addr,
			  enum health_state state)
{
	struct target *t = xcalloc(1, sizeof(*t));

	t->health = health;
	strcpy(t->service, service->name);
	t->addr = *addr;
	t->status.state = service->check.type == CONFIG_CHECK_NONE ? HEALTH_UP : state;
	t->status.since = time(NULL);
	uv_timer_init(health->loop, &t->timer);
	t->timer.data = t;
	health->open_timers++;
	target_set_check(t, service);
	return t;
}

static void health_free(struct health *health)
{
	if (health->open_timers || !health->closed)
		return;
	free(health);
}

static void target_closed_cb(uv_handle_t *handle)
{
	struct target *t = handle->data;
	struct health *health = t->health;

	config_check_clear(&t->check);
	free(t);
	health->open_timers--;
	health_free(health);
}

void target_remove(struct target *t)
{
	cancel(t);
	uv_close((uv_handle_t *)&t->timer, target_closed_cb);
}

/* ---- what health.h offers ---- */

void health_set_road(struct health *health, health_road_fn *road, void *arg)
{
	health->road = road;
	health->road_arg = arg;
}

/* What is to be seen of it from now on is not what it was when it went. */
static void forget_state(struct target *t, const char *why)
{
	t->status.successes = t->status.failures = 0;
	set_reason(t, why, true);
	if (t->status.state != HEALTH_CHECKING)
		set_state(t, HEALTH_CHECKING);
}

void health_set_mode(struct health *health, const char *service, const struct shunt_addr *backend,
		     enum health_mode mode)
{
	struct target *t = target_find(health, service, backend);
	enum health_mode before;

	if (!t || t->mode == mode)
		return;
	before = t->mode;
	t->mode = mode;
	if (t->check.type == CONFIG_CHECK_NONE)
		return;
	if (mode == HEALTH_REST) {
		cancel(t);
		uv_timer_stop(&t->timer);
		forget_state(t, "asleep: not checked");
	} else if (before == HEALTH_REST || (mode == HEALTH_AWAIT && !t->probe)) {
		check_soon(t);
	}
}

int health_open(struct health **out, uv_loop_t *loop,
		void (*changed)(void *arg, const char *service, const struct shunt_addr *backend,
				const struct health_status *status),
		void *arg, struct shunt_err *err)
{
	struct health *health = xcalloc(1, sizeof(*health));
	int ret = probers_open(&health->probers, loop, err);

	*out = NULL;
	if (ret) {
		free(health);
		return ret;
	}
	health->loop = loop;
	health->changed = changed;
	health->arg = arg;
	if (!probe_random(&health->random, sizeof(health->random)))
		health->random = uv_hrtime();
	/* libcurl with CURLOPT_NOSIGNAL leaves it to the process that a TLS peer which hangs up does not end it. */
	signal(SIGPIPE, SIG_IGN);
	*out = health;
	return 0;
}

void health_close(struct health *health)
{
	if (!health)
		return;
	targets_release(health);
	health->closed = true;
	probers_close(&health->probers);
	health_free(health);
}
