/* SPDX-License-Identifier: GPL-2.0 */
#include "demands.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "daemon.h"
#include "demands_priv.h"
#include "events.h"

#define TICK_MS 250
#define LOOK_MAX_MS 10000 /* between looks at packets; a look costs 1 ms for 4,096 destinations */
#define LOOK_PARTS 20	  /* or a part of the shortest idle time, but a second at least */

/* ---- one of them */

static uint64_t now_of(const struct unit *unit)
{
	return uv_now(unit->of->d->loop);
}

static const struct config_service *service_of(const struct unit *unit)
{
	return config_find_service(unit->of->config, unit->service);
}

/* As it is configured now. */
static const struct config_demand *config_of(const struct unit *unit)
{
	const struct config_service *service = service_of(unit);

	return service ? config_demand_of(service, unit->pool) : NULL;
}

static bool is_its(const struct unit *unit, const struct config_backend *backend)
{
	return !unit->pool[0] || !strcmp(unit->pool, backend->pool);
}

static void set_modes(const struct unit *unit)
{
	const struct config_service *service = service_of(unit);
	bool awaits = unit->demand.state == DEMAND_WAKING || unit->demand.state == DEMAND_UNKNOWN;
	enum health_mode mode = demand_rests(&unit->demand) ? HEALTH_REST : awaits ? HEALTH_AWAIT : HEALTH_WATCH;

	for (size_t i = 0; service && i < service->backend_count; i++)
		if (is_its(unit, &service->backends[i]))
			health_set_mode(unit->of->d->health, unit->service, &service->backends[i].addr, mode);
}

static struct journal_event event_of(const struct unit *unit, enum log_level level)
{
	return events_of(JOURNAL_SERVICE, level, unit->service, NULL);
}

static void changed_cb(void *arg, enum demand_state from, enum demand_state to, const char *why)
{
	struct unit *unit = arg;
	struct journal_event event = event_of(unit, LOG_LEVEL_INFO);

	event.from = demand_state_name(from);
	event.to = demand_state_name(to);
	snprintf(unit->reason, sizeof(unit->reason), "%s", why);
	unit->since = time(NULL);
	events_tell(&event, "%s%s%s%s", unit->pool[0] ? "pool " : "", unit->pool, unit->pool[0] ? ": " : "", why);
	set_modes(unit);
	demands_save(unit->of);
	if (unit->of->d->model)
		model_touch(unit->of->d->model, unit->service);
	daemon_refresh_soon(unit->of->d);
}

static void failed_cb(void *arg, const char *why)
{
	struct unit *unit = arg;
	struct journal_event event = event_of(unit, LOG_LEVEL_WARNING);

	snprintf(unit->reason, sizeof(unit->reason), "%s", why);
	events_tell(&event, "%s%s%s%s", unit->pool[0] ? "pool " : "", unit->pool, unit->pool[0] ? ": " : "", why);
}

static void begun_cb(void *arg)
{
	struct unit *unit = arg;

	unit->demand.deadline = now_of(unit) + unit->demand.timeout;
}

static void done_cb(void *arg, const struct probe_result *result)
{
	struct unit *unit = arg;

	unit->hook = NULL;
	demand_ended(&unit->demand, now_of(unit), result->verdict == PROBE_PASS, result->reason);
}

static void run_cb(void *arg, enum demand_hook which)
{
	struct unit *unit = arg;
	const struct config_demand *config = config_of(unit);
	const struct probe_caller caller = {begun_cb, done_cb, unit};
	struct hook_what what = {.service = unit->service, .pool = unit->pool};
	struct probe_result result = {PROBE_FAIL, "it is not configured any more"};

	set_modes(unit);
	if (config) {
		what.action = which == DEMAND_START ? "start" : "stop";
		what.hook = which == DEMAND_START ? &config->start : &config->stop;
		unit->hook = hook_start(&unit->of->probers, &what, &caller, &result);
	}
	if (!unit->hook)
		done_cb(unit, &result);
	else if (unit->hook->waits) /* for a place: its time has not begun */
		unit->demand.deadline = UINT64_MAX;
}

static void kill_cb(void *arg)
{
	struct unit *unit = arg;

	if (unit->hook)
		probe_cancel(unit->hook);
	unit->hook = NULL;
}

static const struct demand_ops ops = {.run = run_cb, .kill = kill_cb, .changed = changed_cb, .failed = failed_cb};

/* ---- all of them */

static int compare(const char *service, const char *pool, const struct unit *unit)
{
	int order = strcmp(service, unit->service);

	return order ? order : strcmp(pool, unit->pool);
}

static int compare_units(const void *a, const void *b)
{
	const struct unit *unit = *(struct unit *const *)a;

	return compare(unit->service, unit->pool, *(struct unit *const *)b);
}

struct unit *demands_find(const struct demands *demands, const char *service, const char *pool)
{
	size_t low = 0, high = demands->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = compare(service, pool, demands->units[middle]);

		if (!order)
			return demands->units[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static struct unit *unit_new(struct demands *demands, const char *service, const struct config_demand *config)
{
	struct unit *unit = xcalloc(1, sizeof(*unit));

	unit->of = demands;
	strcpy(unit->service, service);
	strcpy(unit->pool, config->pool);
	unit->since = time(NULL);
	strcpy(unit->reason, "nothing is known of it yet");
	demand_init(&unit->demand, now_of(unit), &ops, unit);
	demands_recall(unit);
	return unit;
}

static void unit_free(struct unit *unit)
{
	kill_cb(unit);
	free(unit);
}

static void configure(struct unit *unit, const struct config_service *service, const struct config_demand *config)
{
	unit->kept = true;
	unit->demand.idle = config->idle;
	unit->demand.timeout = config->timeout;
	unit->demand.has_stop = config_has_hook(&config->stop);
	unit->demand.checked = service->check.type != CONFIG_CHECK_NONE;
}

/* What is on demand no more is as all others are: its backends are checked and used. */
static void part_with(struct demands *demands, const struct unit *unit)
{
	const struct config_service *service = config_find_service(demands->config, unit->service);

	for (size_t i = 0; service && i < service->backend_count; i++)
		if (!config_demand_of(service, service->backends[i].pool))
			health_set_mode(demands->d->health, unit->service, &service->backends[i].addr, HEALTH_WATCH);
}

void demands_sync(struct demands *demands, const struct config *config)
{
	struct unit **units, *unit;
	size_t count = 0, at = 0;

	demands->config = config;
	for (size_t i = 0; i < config->service_count; i++)
		count += config->services[i].demand_count;
	units = xcalloc(count + 1, sizeof(*units));
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		for (size_t j = 0; j < service->demand_count; j++) {
			unit = demands_find(demands, service->name, service->demands[j].pool);
			if (!unit)
				unit = unit_new(demands, service->name, &service->demands[j]);
			configure(unit, service, &service->demands[j]);
			units[at++] = unit;
		}
	}
	for (size_t i = 0; i < demands->count; i++) {
		if (demands->units[i]->kept)
			continue;
		part_with(demands, demands->units[i]);
		unit_free(demands->units[i]);
	}
	qsort(units, count, sizeof(struct unit *), compare_units);
	free(demands->units);
	demands->units = units;
	demands->count = count;
	for (size_t i = 0; i < count; i++) {
		units[i]->kept = false;
		set_modes(units[i]);
	}
}

enum demand_view demands_view(const struct demands *demands, const char *service, const struct config_demand *demand)
{
	const struct unit *unit = demands_find(demands, service, demand->pool);

	if (!unit)
		return DEMAND_VIEW_WAKING;
	switch (unit->demand.state) {
	case DEMAND_AWAKE:
		return DEMAND_VIEW_AWAKE;
	case DEMAND_UNKNOWN:
		return DEMAND_VIEW_WAKING;
	case DEMAND_WAKING: /* what is not checked is there when its hook says so */
		return unit->demand.checked ? DEMAND_VIEW_WAKING : DEMAND_VIEW_OUT;
	default:
		return DEMAND_VIEW_OUT;
	}
}

/* ---- time, and packets */

static bool passes(const struct unit *unit)
{
	const struct config_service *service = service_of(unit);

	for (size_t i = 0; service && i < service->backend_count; i++) {
		const struct config_backend *backend = &service->backends[i];
		const struct health_status *status;

		if (!is_its(unit, backend))
			continue;
		status = health_get(unit->of->d->health, unit->service, &backend->addr);
		if (status && status->state == HEALTH_UP)
			return true;
	}
	return false;
}

static uint64_t packets_of(const struct unit *unit)
{
	const struct config_service *service = service_of(unit);
	struct shunt_counter counter;
	uint64_t packets = 0;

	for (size_t i = 0; service && i < service->backend_count; i++)
		if (is_its(unit, &service->backends[i]) &&
		    datapath_dest_counter(unit->of->d->dp, unit->service, &service->backends[i].addr, &counter))
			packets += counter.packets;
	return packets;
}

/* How long from one look at packets to the next; 0: nobody wants to know. */
static uint64_t look_every(const struct demands *demands)
{
	uint64_t every = 0;

	for (size_t i = 0; i < demands->count; i++) {
		const struct demand *demand = &demands->units[i]->demand;
		uint64_t part = demand->idle / LOOK_PARTS;

		if (demand->state != DEMAND_AWAKE && demand->state != DEMAND_STOPPING)
			continue;
		if (part > LOOK_MAX_MS)
			part = LOOK_MAX_MS;
		if (part < 1000 || demand->state == DEMAND_STOPPING)
			part = 1000;
		every = !every || part < every ? part : every;
	}
	return every;
}

static void look(struct demands *demands)
{
	uint64_t now = uv_now(demands->d->loop);

	if (datapath_counters_refresh(demands->d->dp))
		return;
	for (size_t i = 0; i < demands->count; i++)
		demand_count(&demands->units[i]->demand, now, packets_of(demands->units[i]));
	demands->looked = now;
}

static bool in_window(const struct unit *unit)
{
	const struct config_demand *config = config_of(unit);

	return config && config_windows_hold(config->awake, config->awake_count, time(NULL));
}

static void on_tick(uv_timer_t *timer)
{
	struct demands *demands = timer->data;
	uint64_t now = uv_now(demands->d->loop), every;

	if (!demands->count || demands->d->detached)
		return;
	every = look_every(demands);
	if (every && now - demands->looked >= every)
		look(demands);
	for (size_t i = 0; i < demands->count; i++) {
		struct unit *unit = demands->units[i];
		bool was = unit->demand.in_window;

		demand_tick(&unit->demand, now, passes(unit), in_window(unit));
		if (unit->demand.in_window != was)
			demands_save(demands);
	}
}

/* ---- who asks */

/* Has the pool a place in the service's own ring as it is now? */
static bool is_of_own_ring(const struct daemon *d, const struct config_service *service, const char *pool)
{
	size_t at = 0;
	const struct model_service *model = d->model ? model_find_service(d->model, service->name, &at) : NULL;

	if (model && model->rule == MODEL_BACKUP)
		return config_is_backup(service, pool);
	return config_share_of(service, pool) > 0;
}

/* Those of the ring: of a pool's, that pool; of the service's own, all that have a place in it. */
void demands_told(struct demands *demands, const struct shunt_event *event)
{
	struct shunt_addr source = {.family = event->family};
	char text[SHUNT_ADDR_TEXT], by[SHUNT_ADDR_TEXT + 32];
	const struct config_service *service;
	const char *name, *pool;

	if (!demands->config || !datapath_ring_names(demands->d->dp, event->ring_base, &name, &pool))
		return;
	service = config_find_service(demands->config, name);
	memcpy(source.word, event->source, sizeof(source.word));
	snprintf(by, sizeof(by), "a packet from %s", addr_format(&source, text));
	for (size_t i = 0; service && i < service->demand_count; i++) {
		const char *its = service->demands[i].pool;
		struct unit *unit = demands_find(demands, name, its);

		if (unit && (!its[0] || (pool[0] ? !strcmp(its, pool) : is_of_own_ring(demands->d, service, its))))
			demand_want(&unit->demand, uv_now(demands->d->loop), by);
	}
}

/* ---- life */

int demands_open(struct demands **out, struct daemon *d, struct shunt_err *err)
{
	struct demands *demands = xcalloc(1, sizeof(*demands));
	int rc = probers_open(&demands->probers, d->loop, err);

	if (rc) {
		free(demands);
		return rc;
	}
	demands->d = d;
	demands->path = xasprintf("%s.demand", d->state_path);
	demands->kept = demands_load(demands->path);
	uv_timer_init(d->loop, &demands->timer);
	demands->timer.data = demands;
	uv_timer_start(&demands->timer, on_tick, TICK_MS, TICK_MS);
	*out = demands;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct demands *demands = handle->data;

	free(demands->path);
	free(demands);
}

/* A hook that runs is killed: the daemon after this one runs it again, if it is needed by then. */
void demands_close(struct demands *demands)
{
	if (!demands)
		return;
	for (size_t i = 0; i < demands->count; i++)
		unit_free(demands->units[i]);
	free(demands->units);
	json_decref(demands->kept);
	probers_close(&demands->probers);
	uv_close((uv_handle_t *)&demands->timer, on_closed);
}
