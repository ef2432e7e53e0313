// SPDX-License-Identifier: GPL-2.0
/*
 * Every ten seconds the packets of all services so far, kept for a minute by the service's name. Ten, because a look costs what it takes
 * to copy the counters of all destinations from all CPUs, in use or not: on two CPUs 1 ms for 4,096 of them, 47 ms for 200,000. A minute is thus
 * up to seventy seconds.
 *
 * Nothing of it outlives the daemon, and what is not known counts as traffic: for its first minute a new daemon takes every service that
 * ever had a packet for one in use. The counters are in the maps, so one that never had any is known to be free at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "daemon.h"
#include "lookback.h"
#include "traffic.h"

struct service {
	char name[SHUNT_NAME_MAX];
	struct lookback packets;
};

struct traffic {
	struct daemon *d;
	uv_timer_t timer;
	struct service *services; /* by name */
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct service *)a)->name, ((const struct service *)b)->name);
}

static struct service *find(const struct traffic *t, const char *name)
{
	struct service key = {0};

	strcpy(key.name, name);
	return t->count ? bsearch(&key, t->services, t->count, sizeof(key), compare) : NULL;
}

static void look(uv_timer_t *timer)
{
	struct traffic *t = timer->data;
	const struct config *config = t->d->config;
	struct service *services;
	int rc;

	if (!config)
		return;
	rc = datapath_counters_refresh(t->d->dp);
	if (rc) {
		log_warning("traffic: counters cannot be read: %s", strerror(-rc));
		return;
	}
	datapath_count_services(t->d->dp);
	services = xcalloc(config->service_count + 1, sizeof(*services));
	for (size_t i = 0; i < config->service_count; i++) {
		const char *name = config->services[i].name;
		const struct service *before = find(t, name);

		strcpy(services[i].name, name);
		if (before)
			services[i].packets = before->packets;
		lookback_add(&services[i].packets, datapath_service_packets(t->d->dp, name));
	}
	qsort(services, config->service_count, sizeof(*services), compare);
	free(t->services);
	t->services = services;
	t->count = config->service_count;
}

int traffic_open(struct traffic **traffic, struct daemon *d, struct shunt_err *err)
{
	struct traffic *t = xcalloc(1, sizeof(*t));
	int rc = uv_timer_init(d->loop, &t->timer);

	t->d = d;
	t->timer.data = t;
	*traffic = t;
	if (!rc)
		rc = uv_timer_start(&t->timer, look, 0, LOOKBACK_PERIOD_S * 1000);
	return rc ? shunt_fail(err, -rc, "traffic", "cannot start a timer: %s", uv_strerror(rc)) : 0;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void traffic_close(struct traffic *t)
{
	if (!t)
		return;
	free(t->services);
	uv_close((uv_handle_t *)&t->timer, on_closed);
}

int traffic_may_go(const struct daemon *d, const char *name, struct shunt_err *err)
{
	static const char mend[] = "add --force (by the API: ?force=1) to delete it all the same";
	const struct service *service = find(d->traffic, name);
	uint64_t now = datapath_service_packets(d->dp, name), seen;
	bool is_minute;
	char where[SHUNT_NAME_MAX + 16];

	seen = lookback_growth(service ? &service->packets : NULL, now, &is_minute);
	if (!seen)
		return 0;
	snprintf(where, sizeof(where), "services[%s]", name);
	if (is_minute)
		return shunt_fail(err, EBUSY, where, "had %llu packets within the last minute; %s",
				  (unsigned long long)seen, mend);
	return shunt_fail(
		err, EBUSY, where,
		"had %llu packets, and has been watched for less than a minute, so that nobody knows when; %s",
		(unsigned long long)seen, mend);
}

int traffic_read(const struct daemon *d, struct shunt_err *err)
{
	int rc = datapath_counters_refresh(d->dp);

	if (rc)
		return shunt_fail(err, -rc, "traffic", "counters cannot be read: %s", strerror(-rc));
	datapath_count_services(d->dp);
	return 0;
}

int traffic_may_commit(const struct daemon *d, const struct config *next, json_t *warnings, struct shunt_err *err)
{
	struct config_names *names;
	struct config view[2];
	bool is_read = false;
	int rc = 0;

	config_differing(d->config, next, view);
	names = config_names_new(&view[1]);
	for (size_t i = 0; !rc && i < view[0].service_count; i++) {
		const char *name = view[0].services[i].name;

		if (config_names_find(names, name))
			continue;
		rc = is_read ? 0 : traffic_read(d, err);
		is_read = true;
		if (!rc)
			rc = traffic_may_go(d, name, err);
		if (rc != -EBUSY || !warnings)
			continue;
		json_array_append_new(warnings, json_string(shunt_err_text(err)));
		rc = 0;
	}
	free(names);
	free(view[0].services);
	free(view[1].services);
	return rc;
}
