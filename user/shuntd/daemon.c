// SPDX-License-Identifier: GPL-2.0
/*
 * The one road to the maps (daemon.h). A commit goes: what may not change is compared; the revision is written into the history, the
 * state file beside the old one (history.c says why in this order); next hops of the new backends are asked for; interfaces are
 * attached; the maps are written; the state file is renamed into place. A failure on the way takes the steps before it back, last
 * first, so the old configuration is in force throughout.
 *
 * Changes of the world (health, next hops, what was discovered) take the same road from the model on, without touching the state file.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "api.h"
#include "daemon.h"
#include "discovery.h"
#include "events.h"
#include "store.h"
#include "via.h"

#define REFRESH_DELAY_MS 10
#define REPAIR_INTERVAL_MS 250
#define STEP_DELAY_MS 50 /* until there is anything to step */
#define ALIVE_INTERVAL_MS 1000
#define DETACH_DELAY_MS 100 /* for the answer to who asked for it */

/* A backend that no check has looked at yet. One that the maps had up, as a daemon before this one left them, stays up until
 * its checks say otherwise. */
static enum health_state initial_health(void *arg, const char *service, const struct shunt_addr *backend)
{
	const struct daemon *d = arg;

	return datapath_dest_state(d->dp, service, backend) == SHUNT_DEST_UP ? HEALTH_UP : HEALTH_CHECKING;
}

void daemon_sync(struct daemon *d, const struct config *config)
{
	health_sync(d->health, config, initial_health, d);
	demands_sync(d->demands, config);
}

static enum health_state health_of(void *arg, const char *service, const struct shunt_addr *backend)
{
	const struct daemon *d = arg;
	const struct health_status *status = health_get(d->health, service, backend);

	return status ? status->state : initial_health(arg, service, backend);
}

static const struct nexthop *nexthop_of(void *arg, const struct shunt_addr *backend)
{
	const struct daemon *d = arg;

	return nexthops_get(d->nexthops, backend);
}

static enum demand_view demand_of(void *arg, const char *service, const struct config_demand *demand)
{
	const struct daemon *d = arg;

	return demands_view(d->demands, service, demand);
}

/* Of backends that the maps alone have still, next hops are wanted as well. moves: some of those of the configuration may be about to
 * become such. */
static struct model *build_model(struct daemon *d, const struct config *config, bool moves)
{
	struct shunt_addr *in_maps;
	size_t count = datapath_addresses(d->dp, !moves, &in_maps);
	struct model_inputs inputs = {.seed = attach_seed(d->attach),
				      .health = health_of,
				      .nexthop = nexthop_of,
				      .demand = demand_of,
				      .arg = d,
				      .leftovers = in_maps,
				      .leftover_count = count,
				      .before = d->model,
				      .same_world = true,
				      .now = uv_now(d->loop)};
	struct model *model = model_build(config, &inputs, d->cache);

	free(in_maps);
	return model;
}

/* Of the configuration, and those that the maps still have connections for. */
static void watch_backends(struct daemon *d, const struct config *config)
{
	struct shunt_addr *addrs, *in_maps;
	size_t in_maps_count = datapath_addresses(d->dp, false, &in_maps), count = in_maps_count, n = 0;
	uint8_t(*macs)[6];

	for (size_t i = 0; i < config->service_count; i++)
		count += config->services[i].backend_count;
	addrs = xcalloc(count + 1, sizeof(*addrs));
	macs = xcalloc(count + 1, sizeof(*macs));
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *svc = &config->services[i];

		for (size_t j = 0; j < svc->backend_count; j++, n++) {
			addrs[n] = svc->backends[j].addr;
			if (svc->backends[j].has_mac)
				memcpy(macs[n], svc->backends[j].mac, sizeof(macs[n]));
		}
	}
	if (in_maps_count)
		memcpy(addrs + n, in_maps, in_maps_count * sizeof(*addrs));
	nexthops_watch(d->nexthops, addrs, macs, count);
	free(in_maps);
	free(addrs);
	free(macs);
}

/* At a takeover: next hops as the maps have them, until the neighbours answer. Forwarding has not stopped, nor shall it now. */
static void remember_nexthops(struct daemon *d, const struct config *config)
{
	uint8_t mac[6];
	uint32_t ifindex;

	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *svc = &config->services[i];

		for (size_t j = 0; j < svc->backend_count; j++)
			if (datapath_dest_egress(d->dp, svc->name, &svc->backends[j].addr, &ifindex, mac))
				nexthops_remember(d->nexthops, &svc->backends[j].addr, ifindex, mac);
	}
}

static void refresh(uv_timer_t *timer);

/* And when backends that start slowly are to have more, the next one. */
static void take_model(struct daemon *d, struct model *model)
{
	uint64_t now = uv_now(d->loop), next = model->next_step;

	daemon_take_model(d, model);
	if (next)
		uv_timer_start(&d->slow_timer, refresh, next > now ? next - now : 0, 0);
	else
		uv_timer_stop(&d->slow_timer);
}

static int apply_maps(struct daemon *d, const struct config *config, struct shunt_err *err)
{
	bool moves = !d->model || !config_same_addresses(config, d->effective);
	struct model *model;
	int rc;

	if (moves)
		watch_backends(d, config);
	if (!d->config)
		remember_nexthops(d, config);
	model = build_model(d, config, moves);
	rc = datapath_apply(d->dp, model, err);
	if (rc) {
		model_free(model);
		if (d->effective && moves)
			watch_backends(d, d->effective);
		return rc;
	}
	take_model(d, model);
	return 0;
}

/*
 * Interfaces and maps as config says; on failure as they were. Interfaces come first, since a missing one must change nothing;
 * but maps that were just made come first themselves, so that the first packet the program sees finds its VIP. Interfaces that
 * config does not name are let go only once all else has succeeded: attach_release().
 */
static int make_true(struct daemon *d, const struct config *config, const struct config *effective,
		     struct shunt_err *err)
{
	bool maps_first = !d->config && !attach_adopted(d->attach);
	int rc = maps_first ? apply_maps(d, effective, err) : 0;

	if (!rc)
		rc = attach_interfaces(d->attach, config->interfaces, config->interface_count, err);
	if (rc || maps_first)
		return rc;
	rc = apply_maps(d, effective, err);
	if (rc)
		attach_undo(d->attach);
	return rc;
}

/* What is not in force leaves no trace. */
static void abort_files(struct daemon *d)
{
	store_abort(d->state_path);
	history_abort(d->history);
}

/* effective: next and what was discovered. Both are taken over on success. origin->diff: what is other. */
static int commit_both(struct daemon *d, struct config *next, struct config *effective, uint64_t file_hash,
		       json_t *files, const struct history_origin *origin, struct shunt_err *err)
{
	struct store_state state = {next, file_hash, datapath_generation(d->dp) + 1, 0, files};
	int rc;

	rc = daemon_check_possible(d, next, err);
	if (!rc)
		rc = daemon_record(d, next, origin, &state.revision, err);
	if (rc)
		return rc;
	if (history_differs(d->history, state.revision))
		state.config = NULL;
	rc = store_prepare(d->state_path, &state, err);
	if (rc) {
		history_abort(d->history);
		return rc;
	}
	if (!d->config) /* before the maps say anything new of the backends that they had */
		daemon_sync(d, effective);
	rc = make_true(d, next, effective, err);
	if (rc) {
		abort_files(d);
		return rc;
	}
	rc = store_commit(d->state_path, err);
	if (rc) {
		abort_files(d);
		attach_undo(d->attach);
		if (d->effective && apply_maps(d, d->effective, NULL))
			events_say(JOURNAL_DAEMON, LOG_LEVEL_ERROR,
				   "the maps could not be set back to the configuration in force; run `shunt reload`");
		return rc;
	}
	history_commit(d->history);
	attach_release(d->attach, next->interfaces, next->interface_count);
	daemon_tell_commit(d, origin->diff);
	config_free(d->config);
	config_free(d->effective);
	d->config = next;
	d->effective = effective;
	d->file_hash = file_hash;
	json_incref(files);
	json_decref(d->files);
	d->files = files;
	daemon_sync(d, effective);
	daemon_settle_via(d, next);
	discoverers_sync(d);
	return 0;
}

int daemon_commit_files(struct daemon *d, struct config *next, uint64_t file_hash, json_t *files,
			const struct history_origin *origin, struct shunt_err *err)
{
	struct config *effective = discovery_join(d->discovery, next, false);
	json_t *diff = daemon_differences(d, next, origin);
	const struct history_origin known = {origin->by, origin->uid, origin->pid, diff};
	int rc = commit_both(d, next, effective, file_hash, files, &known, err);

	json_decref(diff);
	if (rc)
		config_free(effective);
	return rc;
}

int daemon_commit(struct daemon *d, struct config *next, const struct history_origin *origin, struct shunt_err *err)
{
	return daemon_commit_files(d, next, d->file_hash, d->files, origin, err);
}

int daemon_take_discovered(struct daemon *d, struct config *effective, struct shunt_err *err)
{
	int rc = apply_maps(d, effective, err);

	if (rc)
		return rc;
	config_free(d->effective);
	d->effective = effective;
	daemon_sync(d, effective);
	return 0;
}

/* Same configuration, changed world. */
static void refresh(uv_timer_t *timer)
{
	struct daemon *d = timer->data;
	struct model *model = build_model(d, d->effective, false);
	struct shunt_err err;

	if (datapath_apply(d->dp, model, &err)) {
		events_say(JOURNAL_DAEMON, LOG_LEVEL_ERROR, "maps not brought up to date: %s", shunt_err_text(&err));
		model_free(model);
		return;
	}
	take_model(d, model);
}

/* Rings and connections move on. */
static void step(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	uv_timer_start(timer, step, d->config ? datapath_tick(d->dp) : STEP_DELAY_MS, 0);
}

void daemon_refresh_soon(struct daemon *d)
{
	if (d->config && !d->detached && !uv_is_active((uv_handle_t *)&d->refresh_timer))
		uv_timer_start(&d->refresh_timer, refresh, REFRESH_DELAY_MS, 0);
}

static void nexthops_changed(void *arg)
{
	struct daemon *d = arg;
	size_t count;
	const struct shunt_addr *addrs = nexthops_changes(d->nexthops, &count);

	if (d->model)
		model_touch_addrs(d->model, addrs, count);
	daemon_refresh_soon(d);
}

static void health_changed(void *arg, const char *service, const struct shunt_addr *backend,
			   const struct health_status *status)
{
	struct daemon *d = arg;

	(void)backend;
	(void)status;
	if (d->model)
		model_touch(d->model, service);
	daemon_refresh_soon(d);
}

static void repair(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	if (!attach_repair(d->attach, d->config->interfaces, d->config->interface_count))
		return;
	if (d->model)
		model_touch_all(d->model);
	daemon_refresh_soon(d);
}

static void alive(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	datapath_alive(d->dp);
}

int daemon_open(struct daemon *d, struct shunt_err *err)
{
	int rc;

	d->started = (uint64_t)time(NULL);
	d->cache = model_cache_new();
	uv_timer_init(d->loop, &d->refresh_timer);
	uv_timer_init(d->loop, &d->slow_timer);
	uv_timer_init(d->loop, &d->repair_timer);
	uv_timer_init(d->loop, &d->step_timer);
	uv_timer_init(d->loop, &d->alive_timer);
	d->refresh_timer.data = d;
	d->slow_timer.data = d;
	d->repair_timer.data = d;
	d->step_timer.data = d;
	d->alive_timer.data = d;
	d->discoverers = discoverers_open(d);
	rc = nexthops_open(&d->nexthops, d->loop, nexthops_changed, d, err);
	if (rc)
		return rc;
	rc = health_open(&d->health, d->loop, health_changed, d, err);
	if (rc)
		return rc;
	rc = demands_open(&d->demands, d, err);
	if (rc)
		return rc;
	rc = daemon_open_via(d, err);
	if (rc)
		return rc;
	rc = told_open(&d->told, d->loop, attach_event_fd(d->attach), daemon_told, d, err);
	if (rc)
		return rc;
	rc = traffic_open(&d->traffic, d, err);
	if (rc)
		return rc;
	uv_timer_start(&d->repair_timer, repair, REPAIR_INTERVAL_MS, REPAIR_INTERVAL_MS);
	uv_timer_start(&d->step_timer, step, STEP_DELAY_MS, 0);
	uv_timer_start(&d->alive_timer, alive, 0, ALIVE_INTERVAL_MS);
	return 0;
}

void daemon_close(struct daemon *d)
{
	uv_close((uv_handle_t *)&d->alive_timer, NULL);
	uv_close((uv_handle_t *)&d->repair_timer, NULL);
	uv_close((uv_handle_t *)&d->step_timer, NULL);
	uv_close((uv_handle_t *)&d->refresh_timer, NULL);
	uv_close((uv_handle_t *)&d->slow_timer, NULL);
	traffic_close(d->traffic);
	if (d->told)
		told_close(d->told);
	demands_close(d->demands);
	if (d->health)
		health_close(d->health);
	via_close(d->via);
	if (d->nexthops)
		nexthops_close(d->nexthops);
	discoverers_close(d);
	model_free(d->model);
	model_cache_free(d->cache);
	config_free(d->config);
	config_free(d->effective);
}

static void stop(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

int daemon_detach(struct daemon *d, struct shunt_err *err)
{
	int rc = attach_detach(d->attach, err);

	if (rc)
		return rc;
	d->detached = true;
	events_say(JOURNAL_DAEMON, LOG_LEVEL_WARNING, "detached: nothing is forwarded any more");
	uv_timer_stop(&d->repair_timer);
	uv_timer_stop(&d->step_timer);
	uv_timer_stop(&d->slow_timer);
	uv_timer_stop(&d->refresh_timer);
	uv_timer_start(&d->refresh_timer, stop, DETACH_DELAY_MS, 0);
	return 0;
}

enum backend_state daemon_backend_state(const struct daemon *d, const char *service,
					const struct config_backend *backend)
{
	const struct model_dest *dest = model_find_dest(d->model, service, &backend->addr);

	return dest ? dest->state : BACKEND_UNRESOLVED;
}
