/* SPDX-License-Identifier: GPL-2.0 */
#include "args.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../lib/config.h"
#include "../lib/xalloc.h"
#include "keys.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The words of one change, without the "+" behind them. */
struct words {
	const char *command; /* "service add", for errors */
	char **argv;
	int argc;
	json_t *changes;
	struct shunt_err *err;
};

/* Puts the argument's name in front of what a setter said. */
static int blame(const struct words *w, const char *argument, int ret)
{
	char where[sizeof(w->err->where)];

	if (ret == 0)
		return 0;
	snprintf(where, sizeof(where), "argument \"%.200s\"", argument);
	return shunt_fail(w->err, EINVAL, where, "%s", w->err->what);
}

static int need(const struct words *w, int count, const char *what)
{
	if (w->argc >= count)
		return 0;
	return shunt_fail(w->err, EINVAL, w->command, "expected %s", what);
}

static int set_pairs(const struct words *w, int from, json_t *object,
		     int (*set)(json_t *object, const char *pair, struct shunt_err *err))
{
	int ret = 0;

	for (int i = from; ret == 0 && i < w->argc; i++)
		ret = blame(w, w->argv[i], set(object, w->argv[i], w->err));
	return ret;
}

/* A name is the daemon's to judge, but must be one that JSON can carry. */
static int check_name(const struct words *w, const char *name)
{
	json_t *text = json_string(name);
	bool good = text && name[0] && !strchr(name, '=');

	json_decref(text);
	return good ? 0 : blame(w, name, shunt_fail(w->err, EINVAL, NULL, "expected the name of a service"));
}

static int service_add(const struct words *w)
{
	json_t *service;
	int ret = need(w, 2, "NAME and at least one vip=ADDRESS:PORT/PROTOCOL");

	if (ret == 0)
		ret = check_name(w, w->argv[0]);
	if (ret)
		return ret;
	service = json_pack("{s:s}", "name", w->argv[0]);
	json_array_append_new(w->changes, json_pack("{s:s, s:o}", "op", "service.add", "service", service));
	return set_pairs(w, 1, service, keys_set_service);
}

static int service_set(const struct words *w)
{
	json_t *set;
	int ret = need(w, 2, "NAME and at least one KEY=VALUE");

	if (ret == 0)
		ret = check_name(w, w->argv[0]);
	if (ret)
		return ret;
	set = json_object();
	json_array_append_new(w->changes,
			      json_pack("{s:s, s:s, s:o}", "op", "service.set", "service", w->argv[0], "set", set));
	return set_pairs(w, 1, set, keys_set_service);
}

static int service_delete(const struct words *w)
{
	int ret = need(w, 1, "NAME...");

	for (int i = 0; ret == 0 && i < w->argc; i++) {
		ret = check_name(w, w->argv[i]);
		json_array_append_new(w->changes,
				      json_pack("{s:s, s:s*}", "op", "service.delete", "service", w->argv[i]));
	}
	return ret;
}

/* SERVICE ADDRESS: both there, and good. */
static int need_backend(const struct words *w, const char *what)
{
	int ret = need(w, 2, what);

	if (ret == 0)
		ret = check_name(w, w->argv[0]);
	return ret ? ret : blame(w, w->argv[1], keys_check_address(w->argv[1], w->err));
}

static int backend_add(const struct words *w)
{
	json_t *backend;
	int ret = need_backend(w, "SERVICE and ADDRESS");

	if (ret)
		return ret;
	backend = json_pack("{s:s}", "address", w->argv[1]);
	json_array_append_new(w->changes, json_pack("{s:s, s:s, s:o}", "op", "backend.add", "service", w->argv[0],
						    "backend", backend));
	return set_pairs(w, 2, backend, keys_set_backend);
}

/* set: taken over. */
static void append_backend_set(const struct words *w, const char *address, json_t *set)
{
	json_array_append_new(w->changes, json_pack("{s:s, s:s, s:s, s:o}", "op", "backend.set", "service", w->argv[0],
						    "address", address, "set", set));
}

static int backend_set(const struct words *w)
{
	json_t *set;
	int ret = need_backend(w, "SERVICE, ADDRESS and at least one KEY=VALUE");

	if (ret == 0)
		ret = need(w, 3, "at least one KEY=VALUE behind the address");
	if (ret)
		return ret;
	set = json_object();
	append_backend_set(w, w->argv[1], set);
	return set_pairs(w, 2, set, keys_set_backend);
}

/* Behind SERVICE, any number of addresses. */
static int each_address(const struct words *w, void (*append_change)(const struct words *w, const char *address))
{
	int ret = need_backend(w, "SERVICE and ADDRESS...");

	for (int i = 1; ret == 0 && i < w->argc; i++) {
		ret = blame(w, w->argv[i], keys_check_address(w->argv[i], w->err));
		if (ret == 0)
			append_change(w, w->argv[i]);
	}
	return ret;
}

static void append_delete(const struct words *w, const char *address)
{
	json_array_append_new(w->changes, json_pack("{s:s, s:s, s:s}", "op", "backend.delete", "service", w->argv[0],
						    "address", address));
}

static void append_state(const struct words *w, const char *address, enum config_admin admin)
{
	append_backend_set(w, address, json_pack("{s:s}", "state", config_admin_name(admin)));
}

static void append_drain(const struct words *w, const char *address)
{
	append_state(w, address, CONFIG_ADMIN_DRAIN);
}

static void append_undrain(const struct words *w, const char *address)
{
	append_state(w, address, CONFIG_ADMIN_UP);
}

static int backend_delete(const struct words *w)
{
	return each_address(w, append_delete);
}

static int backend_drain(const struct words *w)
{
	return each_address(w, append_drain);
}

static int backend_undrain(const struct words *w)
{
	return each_address(w, append_undrain);
}

static const struct {
	const char *noun, *verb;
	int (*parse)(const struct words *w);
} kinds[] = {
	{"service", "add", service_add},       {"service", "set", service_set},
	{"service", "delete", service_delete}, {"backend", "add", backend_add},
	{"backend", "set", backend_set},       {"backend", "delete", backend_delete},
	{"backend", "drain", backend_drain},   {"backend", "undrain", backend_undrain},
};

/* The kind of change that noun and verb name, abbreviated or not. */
static int find_kind(const char *noun, const char *verb, struct shunt_err *err)
{
	const char *words[COUNT(kinds)];
	size_t first, count = 0;
	int found;

	for (size_t i = 0; i < COUNT(kinds); i++)
		words[i] = kinds[i].noun;
	found = words_find(noun, words, COUNT(kinds), "noun of a change", err);
	if (found < 0)
		return found;
	first = found;
	for (size_t i = first; i < COUNT(kinds) && strcmp(kinds[i].noun, kinds[first].noun) == 0; i++)
		words[count++] = kinds[i].verb;
	found = words_find(verb, words, count, "verb of a change", err);
	return found < 0 ? found : (int)first + found;
}

static int count_to_plus(int argc, char **argv)
{
	int count = 0;

	while (count < argc && strcmp(argv[count], "+") != 0)
		count++;
	return count;
}

/* One change and all that are joined to it. */
static int parse_all(const char *noun, const char *verb, int argc, char **argv, json_t *changes, struct shunt_err *err)
{
	while (true) {
		struct words w = {.argc = count_to_plus(argc, argv), .argv = argv, .changes = changes, .err = err};
		int kind = find_kind(noun, verb, err), ret;
		char command[64];

		snprintf(command, sizeof(command), "%.30s %.30s", noun, verb);
		if (kind < 0)
			return shunt_fail(err, EINVAL, command, "%s", err->what);
		snprintf(command, sizeof(command), "%s %s", kinds[kind].noun, kinds[kind].verb);
		w.command = command;
		ret = kinds[kind].parse(&w);
		argc -= w.argc;
		argv += w.argc;
		if (ret || argc == 0)
			return ret;
		if (count_to_plus(argc - 1, argv + 1) < 2)
			return shunt_fail(err, EINVAL, "argument \"+\"", "expected another change behind it");
		noun = argv[1];
		verb = argv[2];
		argc -= 3;
		argv += 3;
	}
}

json_t *args_changes(const char *noun, const char *verb, int argc, char **argv, struct shunt_err *err)
{
	json_t *changes = json_array();

	if (parse_all(noun, verb, argc, argv, changes, err)) {
		json_decref(changes);
		return NULL;
	}
	return changes;
}

static const char *text_of(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* What a backend.set amounts to. */
static const char *set_participle(const json_t *set)
{
	const char *state = text_of(set, "state");

	if (json_object_size(set) != 1 || !state)
		return "changed";
	return strcmp(state, config_admin_name(CONFIG_ADMIN_DRAIN)) == 0 ? "drains" : "undrained";
}

char *args_describe(const json_t *change)
{
	static const char *const participles[][2] = {{"add", "added"}, {"set", "changed"}, {"delete", "deleted"}};
	const char *op = text_of(change, "op"), *participle = "";
	const json_t *service = json_object_get(change, "service"), *backend = json_object_get(change, "backend");
	const char *name = json_is_object(service) ? text_of(service, "name") : json_string_value(service);
	const char *address = backend ? text_of(backend, "address") : text_of(change, "address");

	for (size_t i = 0; i < COUNT(participles); i++) {
		if (strcmp(strchr(op, '.') + 1, participles[i][0]) == 0)
			participle = participles[i][1];
	}
	if (strncmp(op, "pool.", 5) == 0)
		return xasprintf("pool %s of %s %s", text_of(change, "pool"), name, participle);
	if (!address)
		return xasprintf("service %s %s", name, participle);
	if (strcmp(op, "backend.set") == 0)
		participle = set_participle(json_object_get(change, "set"));
	return xasprintf("backend %s of %s %s", address, name, participle);
}
