/* SPDX-License-Identifier: GPL-2.0 */
#include "dns_names.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/config_found.h"
#include "../lib/xalloc.h"
#include "resolution.h"

#define RETRY_MS 1000 /* after the first failure; twice that after the second, and so on */
#define RETRY_MAX_MS 60000
#define JITTER 10 /* percent: nodes that start together shall not ask together for ever */

struct name {
	struct name *next;
	struct dns_names *names;
	char *service, *text;
	struct config_discover source; /* its text is the one above */
	uv_timer_t timer;	       /* until it is asked for */
	struct resolution *resolution; /* NULL: it is not asked for now */
	unsigned int failures;	       /* since it was last resolved */
	bool kept;
};

struct dns_names {
	uv_loop_t *loop;
	struct discovery *discovery;
	void (*changed)(void *arg);
	void *arg;
	const struct config *config;
	struct name *list;
	size_t handles;
	bool closed;
};

static void ask(uv_timer_t *timer);

static void ask_in(struct name *name, uint64_t ms)
{
	uint32_t random = 0;

	uv_random(NULL, NULL, &random, sizeof(random), 0, NULL);
	uv_timer_start(&name->timer, ask, ms + random % (ms * JITTER / 100 + 1), 0);
}

static uint64_t retry_after(unsigned int failures)
{
	return failures > 6 ? RETRY_MAX_MS : (uint64_t)RETRY_MS << (failures - 1);
}

static uint64_t good_for(const struct config_discover *source, uint32_t ttl)
{
	uint64_t ms = ttl * UINT64_C(1000);

	if (ms < source->min_ttl)
		return source->min_ttl;
	return ms > source->max_ttl ? source->max_ttl : ms;
}

static void on_resolved(void *arg, const char *error, const struct config_backend *backends, size_t count, uint32_t ttl)
{
	struct name *name = arg;
	struct dns_names *names = name->names;
	const struct discovery_key key = {name->service, name->source.kind, name->text, name->text};
	struct config_backend *list;
	bool changed;

	name->resolution = NULL;
	if (error) {
		discovery_fail(names->discovery, &key, "%s", error);
		ask_in(name, retry_after(++name->failures));
		return;
	}
	name->failures = 0;
	list = xcalloc(count + 1, sizeof(*list));
	memcpy(list, backends, count * sizeof(*list));
	changed = discovery_set(names->discovery, &key, list, config_found_tidy(list, count));
	free(list);
	ask_in(name, good_for(&name->source, ttl));
	if (changed)
		names->changed(names->arg);
}

static void ask(uv_timer_t *timer)
{
	struct name *name = timer->data;

	name->resolution = resolution_start(name->names->loop, name->names->config, &name->source, on_resolved, name);
}

static void cancel(struct name *name)
{
	if (name->resolution)
		resolution_cancel(name->resolution);
	name->resolution = NULL;
}

/* ---- which names */

static bool same_source(const struct config_discover *a, const struct config_discover *b)
{
	return a->family == b->family && a->min_ttl == b->min_ttl && a->max_ttl == b->max_ttl &&
	       !strcmp(a->pool, b->pool);
}

static struct name *find(struct dns_names *names, const char *service, const struct config_discover *source)
{
	struct name *name = names->list;

	while (name && (name->source.kind != source->kind || strcmp(name->service, service) != 0 ||
			strcmp(name->text, source->text) != 0))
		name = name->next;
	return name;
}

static struct name *add(struct dns_names *names, const char *service, const struct config_discover *source)
{
	struct name *name = xcalloc(1, sizeof(*name));

	name->names = names;
	name->service = xstrdup(service);
	name->text = xstrdup(source->text);
	uv_timer_init(names->loop, &name->timer);
	name->timer.data = name;
	names->handles++;
	name->next = names->list;
	names->list = name;
	return name;
}

/* What is asked for otherwise than before is asked for now. */
static void sync_source(struct dns_names *names, const char *service, const struct config_discover *source)
{
	struct name *name = find(names, service, source);

	if (!name || !same_source(&name->source, source)) {
		if (!name)
			name = add(names, service, source);
		name->source = *source;
		name->source.text = name->text;
		cancel(name);
		uv_timer_start(&name->timer, ask, 0, 0);
	}
	name->kept = true;
}

static void maybe_free(struct dns_names *names)
{
	if (names->closed && !names->handles)
		free(names);
}

static void on_closed(uv_handle_t *handle)
{
	struct name *name = handle->data;
	struct dns_names *names = name->names;

	free(name->service);
	free(name->text);
	free(name);
	names->handles--;
	maybe_free(names);
}

static void remove_others(struct dns_names *names)
{
	struct name **at = &names->list;

	while (*at) {
		struct name *name = *at;

		if (name->kept) {
			at = &name->next;
			continue;
		}
		*at = name->next;
		cancel(name);
		uv_close((uv_handle_t *)&name->timer, on_closed);
	}
}

void dns_names_sync(struct dns_names *names, const struct config *config)
{
	names->config = config;
	for (struct name *name = names->list; name; name = name->next)
		name->kept = false;
	for (size_t i = 0; i < config->service_count; i++) {
		const struct config_service *service = &config->services[i];

		for (size_t j = 0; j < service->discover_count; j++)
			if (service->discover[j].kind != CONFIG_DISCOVER_FILES)
				sync_source(names, service->name, &service->discover[j]);
	}
	remove_others(names);
}

struct dns_names *dns_names_open(uv_loop_t *loop, struct discovery *discovery, void (*changed)(void *arg), void *arg)
{
	struct dns_names *names = xcalloc(1, sizeof(*names));

	names->loop = loop;
	names->discovery = discovery;
	names->changed = changed;
	names->arg = arg;
	return names;
}

void dns_names_close(struct dns_names *names)
{
	if (!names)
		return;
	for (struct name *name = names->list; name; name = name->next)
		name->kept = false;
	remove_others(names);
	names->closed = true;
	maybe_free(names);
}
