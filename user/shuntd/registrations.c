/* SPDX-License-Identifier: GPL-2.0 */
#include "registrations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/config_found.h"
#include "../lib/xalloc.h"
#include "events.h"

struct registration {
	char service[SHUNT_NAME_MAX];
	struct config_backend backend; /* admin: drain once its time is over */
	uint32_t ttl;
	uint64_t deadline;
};

struct registrations {
	struct discovery *discovery;
	struct registration *list;
	size_t count;
};

struct registrations *registrations_new(struct discovery *discovery)
{
	struct registrations *r = xcalloc(1, sizeof(*r));

	r->discovery = discovery;
	return r;
}

void registrations_free(struct registrations *r)
{
	if (r)
		free(r->list);
	free(r);
}

static struct registration *find(const struct registrations *r, const char *service, const struct shunt_addr *addr)
{
	for (size_t i = 0; i < r->count; i++)
		if (addr_equal(&r->list[i].backend.addr, addr) && !strcmp(r->list[i].service, service))
			return &r->list[i];
	return NULL;
}

/* All of the service, since they are one group. */
static void publish(struct registrations *r, const char *service)
{
	const struct discovery_key key = {service, DISCOVERY_REGISTRATION, "", ""};
	struct config_backend *backends = xcalloc(r->count + 1, sizeof(*backends));
	size_t count = 0;

	for (size_t i = 0; i < r->count; i++)
		if (!strcmp(r->list[i].service, service))
			backends[count++] = r->list[i].backend;
	discovery_set(r->discovery, &key, backends, count);
	free(backends);
}

__attribute__((format(printf, 3, 4))) static void tell(const struct registration *at, enum log_level level,
						       const char *fmt, ...)
{
	struct journal_event event = events_of(JOURNAL_DISCOVERY, level, at->service, &at->backend.addr);
	va_list args;
	char *text;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	events_tell(&event, "registration: %s", text);
	free(text);
}

static struct registration *append(struct registrations *r, const char *service, const struct config_backend *backend)
{
	struct registration *at;

	r->list = xreallocarray(r->list, r->count + 1, sizeof(*r->list));
	at = &r->list[r->count++];
	memset(at, 0, sizeof(*at));
	snprintf(at->service, sizeof(at->service), "%s", service);
	at->backend = *backend;
	return at;
}

bool registrations_put(struct registrations *r, const char *service, const struct config_backend *backend, uint32_t ttl,
		       uint64_t now)
{
	struct registration *at = find(r, service, &backend->addr);
	bool is_new = !at, changed;

	if (is_new)
		at = append(r, service, backend);
	changed = is_new || at->backend.admin != backend->admin || at->backend.weight != backend->weight ||
		  strcmp(at->backend.pool, backend->pool) != 0;
	if (is_new)
		tell(at, LOG_LEVEL_INFO, "new, for %u s", ttl);
	else if (at->backend.admin != backend->admin)
		tell(at, LOG_LEVEL_INFO, "heard of again");
	at->backend = *backend;
	at->ttl = ttl;
	at->deadline = now + ttl * UINT64_C(1000);
	if (changed)
		publish(r, service);
	return changed;
}

static void drop(struct registrations *r, size_t index)
{
	r->list[index] = r->list[--r->count];
}

bool registrations_delete(struct registrations *r, const char *service, const struct shunt_addr *addr)
{
	struct registration *at = find(r, service, addr);

	if (!at)
		return false;
	tell(at, LOG_LEVEL_INFO, "deregistered");
	drop(r, at - r->list);
	publish(r, service);
	return true;
}

/* True: it is there no more. */
static bool expire(struct registration *at)
{
	if (at->backend.admin == CONFIG_ADMIN_DRAIN) {
		tell(at, LOG_LEVEL_WARNING, "no heartbeat for another %u s: removed", at->ttl);
		return true;
	}
	tell(at, LOG_LEVEL_WARNING, "no heartbeat for %u s: drained", at->ttl);
	at->backend.admin = CONFIG_ADMIN_DRAIN;
	at->deadline += at->ttl * UINT64_C(1000);
	return false;
}

uint64_t registrations_expire(struct registrations *r, uint64_t now, bool *changed)
{
	uint64_t next = 0;

	for (size_t i = 0; i < r->count;) {
		struct registration *at = &r->list[i];
		char service[SHUNT_NAME_MAX];

		if (at->deadline > now) {
			next = !next || at->deadline < next ? at->deadline : next;
			i++;
			continue;
		}
		memcpy(service, at->service, sizeof(service));
		if (expire(at))
			drop(r, i);
		publish(r, service);
		*changed = true;
	}
	return next;
}

void registrations_prune(struct registrations *r, const struct config *config)
{
	for (size_t i = r->count; i-- > 0;) {
		const struct config_service *service = config_find_service(config, r->list[i].service);

		if (!service || !service->registration)
			drop(r, i);
	}
}

json_t *registrations_save(const struct registrations *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:o}", "service", r->list[i].service, "ttl",
						      (json_int_t)r->list[i].ttl, "backend",
						      config_found_to_json(&r->list[i].backend)));
	return list;
}

static void load(struct registrations *r, const json_t *json, uint64_t now)
{
	struct config_backend backend;
	struct registration *at;
	const char *service;
	json_int_t ttl;
	json_t *found;

	if (json_unpack((json_t *)json, "{s:s, s:I, s:o}", "service", &service, "ttl", &ttl, "backend", &found) ||
	    strlen(service) >= SHUNT_NAME_MAX || ttl < CONFIG_TTL_MIN || ttl > CONFIG_TTL_MAX ||
	    config_found_from_json(found, &backend, NULL) || find(r, service, &backend.addr))
		return;
	at = append(r, service, &backend);
	at->ttl = (uint32_t)ttl;
	at->deadline = now + ttl * UINT64_C(1000);
	publish(r, service);
}

void registrations_load(struct registrations *r, const json_t *list, uint64_t now)
{
	json_t *json;
	size_t i;

	json_array_foreach (list, i, json)
		load(r, json, now);
}
