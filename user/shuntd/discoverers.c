/* SPDX-License-Identifier: GPL-2.0 */
#include "discoverers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/config_found.h"
#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "daemon.h"
#include "discovery.h"
#include "dns_names.h"
#include "events.h"
#include "kept.h"
#include "registrations.h"
#include "target_files.h"

#define APPLY_DELAY_MS 10
#define RETRY_MS 5000 /* of what the maps had no room for */
#define SAVE_DELAY_MS 1000
#define KEPT_FORMAT 1

struct discoverers {
	struct daemon *d;
	struct registrations *registrations;
	struct target_files *files;
	struct dns_names *names;
	uv_timer_t apply_timer, expire_timer, save_timer;
	char *path;
	char *refusal; /* why the maps did not take the last one, as told */
	size_t handles;
};

/* ---- what is kept */

static void save(const struct discoverers *x)
{
	kept_save(x->path,
		  json_pack("{s:i, s:o, s:o}", "format", KEPT_FORMAT, "registrations",
			    registrations_save(x->registrations), "groups", discovery_save(x->d->discovery)),
		  "a restart will wait for the sources of backends");
}

static void on_save(uv_timer_t *timer)
{
	save(timer->data);
}

static void load(struct discoverers *x)
{
	json_t *root = kept_load(x->path, KEPT_FORMAT, "waiting for the sources of backends");

	if (!root)
		return;
	discovery_load(x->d->discovery, json_object_get(root, "groups"));
	registrations_load(x->registrations, json_object_get(root, "registrations"), uv_now(x->d->loop));
	json_decref(root);
}

/* ---- the effective configuration */

/* The maps may be full of what drains. */
static void refused(struct discoverers *x, const struct shunt_err *err)
{
	const char *text = shunt_err_text(err);

	if (!x->refusal || strcmp(x->refusal, text) != 0)
		events_say(JOURNAL_DISCOVERY, LOG_LEVEL_WARNING, "what was discovered cannot be applied yet: %s", text);
	free(x->refusal);
	x->refusal = xstrdup(text);
}

static void on_apply(uv_timer_t *timer)
{
	struct discoverers *x = timer->data;
	struct daemon *d = x->d;
	struct config *effective = discovery_join(d->discovery, d->config, true);
	struct shunt_err err = {0};

	if (discovery_same(effective, d->effective) || d->detached) {
		config_free(effective);
		return;
	}
	daemon_set_cause(d, "discovery");
	if (daemon_take_discovered(d, effective, &err)) {
		config_free(effective);
		refused(x, &err);
		uv_timer_start(timer, on_apply, RETRY_MS, 0);
		return;
	}
	free(x->refusal);
	x->refusal = NULL;
}

static void changed(void *arg)
{
	struct discoverers *x = arg;

	uv_timer_start(&x->apply_timer, on_apply, APPLY_DELAY_MS, 0);
	if (!uv_is_active((uv_handle_t *)&x->save_timer))
		uv_timer_start(&x->save_timer, on_save, SAVE_DELAY_MS, 0);
}

/* ---- registrations */

static void on_expire(uv_timer_t *timer)
{
	struct discoverers *x = timer->data;
	bool any = false;
	uint64_t now = uv_now(x->d->loop), next = registrations_expire(x->registrations, now, &any);

	if (next)
		uv_timer_start(timer, on_expire, next - now, 0);
	else
		uv_timer_stop(timer);
	if (any)
		changed(x);
}

static int check_service(const struct daemon *d, const char *name, struct shunt_err *err)
{
	const struct config_service *service = config_find_service(d->config, name);

	if (d->detached)
		return shunt_fail(err, EBUSY, NULL, "the daemon was detached and is ending");
	if (!service)
		return shunt_fail(err, ENOENT, NULL, "no service \"%s\"", name);
	if (!service->registration)
		return shunt_fail(err, EPERM, NULL,
				  "service \"%s\" takes no registrations; `shunt service set %s registration=true` "
				  "allows them",
				  name, name);
	return 0;
}

/* Would it be one that the configuration could have? Asked before anything is told of it, since who is refused asks
 * again soon. */
static int check_backend(const struct daemon *d, const char *name, const struct config_backend *backend,
			 struct shunt_err *err)
{
	const struct config_service *service = config_find_service(d->effective, name);
	struct config_found found = {service - d->effective->services, backend};
	struct config *copy;
	int ret;

	if (config_find_backend(service, &backend->addr))
		return 0;
	copy = config_copy(d->effective);
	ret = config_add_found(copy, &found, 1, err);
	config_free(copy);
	return ret;
}

int discoverers_register(struct daemon *d, const char *service, const struct config_backend *backend, uint32_t ttl,
			 bool *is_new, struct shunt_err *err)
{
	struct discoverers *x = d->discoverers;
	int ret = check_service(d, service, err);

	if (!ret)
		ret = check_backend(d, service, backend, err);
	if (ret)
		return ret;
	*is_new = registrations_put(x->registrations, service, backend, ttl, uv_now(d->loop));
	uv_timer_start(&x->expire_timer, on_expire, 0, 0);
	if (*is_new)
		changed(x);
	return 0;
}

int discoverers_deregister(struct daemon *d, const char *service, const struct shunt_addr *addr, bool *was_there,
			   struct shunt_err *err)
{
	struct discoverers *x = d->discoverers;
	int ret = check_service(d, service, err);

	if (ret)
		return ret;
	*was_there = registrations_delete(x->registrations, service, addr);
	if (*was_there)
		changed(x);
	return 0;
}

/* ---- life */

struct discoverers *discoverers_open(struct daemon *d)
{
	struct discoverers *x = xcalloc(1, sizeof(*x));
	uv_timer_t *timers[] = {&x->apply_timer, &x->expire_timer, &x->save_timer};

	x->d = d;
	x->path = xasprintf("%s.discovered", d->state_path);
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++, x->handles++) {
		uv_timer_init(d->loop, timers[i]);
		timers[i]->data = x;
	}
	d->discovery = discovery_new();
	x->registrations = registrations_new(d->discovery);
	x->files = target_files_open(d->loop, d->discovery, changed, x);
	x->names = dns_names_open(d->loop, d->discovery, changed, x);
	load(x);
	return x;
}

void discoverers_sync(struct daemon *d)
{
	struct discoverers *x = d->discoverers;

	registrations_prune(x->registrations, d->config);
	discovery_prune(d->discovery, d->config);
	target_files_sync(x->files, d->config);
	dns_names_sync(x->names, d->config);
	uv_timer_start(&x->apply_timer, on_apply, APPLY_DELAY_MS, 0);
	uv_timer_start(&x->expire_timer, on_expire, 0, 0);
}

static void on_closed(uv_handle_t *handle)
{
	struct discoverers *x = handle->data;

	if (--x->handles)
		return;
	free(x->path);
	free(x->refusal);
	free(x);
}

void discoverers_close(struct daemon *d)
{
	struct discoverers *x = d->discoverers;

	if (!x)
		return;
	if (uv_is_active((uv_handle_t *)&x->save_timer))
		save(x);
	target_files_close(x->files);
	dns_names_close(x->names);
	registrations_free(x->registrations);
	discovery_free(d->discovery);
	uv_close((uv_handle_t *)&x->apply_timer, on_closed);
	uv_close((uv_handle_t *)&x->expire_timer, on_closed);
	uv_close((uv_handle_t *)&x->save_timer, on_closed);
}
