/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Edits work on the canonical tree of the present configuration, and the result is parsed as a file would be. Only at the
 * end: what is wrong half-way (a VIP that moves between two services is in both for a moment) may be right in the whole.
 */
#include "edit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "edit_merge.h"
#include "edit_priv.h"
#include "suggest.h"
#include "xalloc.h"

struct edit {
	json_t *services; /* of the tree that is edited */
	const json_t *change;
	size_t index; /* of change */
	struct shunt_err *err;
};

/* Refuse the change for its member key, or for key NULL as a whole. */
__attribute__((format(printf, 4, 5))) static int edit_fail(struct edit *e, int code, const char *key, const char *fmt,
							   ...)
{
	char where[64];
	char what[sizeof(e->err->what)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(where, sizeof(where), "changes[%zu]%s%s", e->index, key ? "." : "", key ? key : "");
	return shunt_fail(e->err, code, where, "%s", what);
}

/* The change's member as text; NULL with the error filled. */
static const char *text_of(struct edit *e, const char *key, const char *expected)
{
	const char *text = json_string_value(json_object_get(e->change, key));

	if (!text)
		edit_fail(e, EINVAL, key, "expected %s, as a string", expected);
	return text;
}

static ssize_t index_of_service(const json_t *services, const char *name)
{
	json_t *service;
	size_t i;

	json_array_foreach (services, i, service) {
		const char *other = json_string_value(json_object_get(service, "name"));

		if (other && !strcmp(other, name))
			return i;
	}
	return -ENOENT;
}

/* The service that the change names; its index or a negative code with the error filled. */
static ssize_t named_service(struct edit *e)
{
	const char *name = text_of(e, "service", "a service's name");
	struct suggest near = {.word = name};
	char text[SUGGEST_TEXT];
	json_t *service;
	ssize_t found;
	size_t i;

	if (!name)
		return -EINVAL;
	found = index_of_service(e->services, name);
	if (found >= 0)
		return found;
	json_array_foreach (e->services, i, service) {
		const char *other = json_string_value(json_object_get(service, "name"));

		if (other)
			suggest_offer(&near, other);
	}
	return edit_fail(e, ENOENT, "service", "no service \"%s\"%s", name, suggest_text(&near, text));
}

/* A backend is its address, alone or in an object. */
static const char *backend_address(const json_t *backend)
{
	return json_string_value(json_is_object(backend) ? json_object_get(backend, "address") : backend);
}

static ssize_t index_of_backend(const json_t *backends, const struct shunt_addr *addr)
{
	struct shunt_addr other;
	json_t *backend;
	size_t i;

	json_array_foreach (backends, i, backend) {
		const char *text = backend_address(backend);

		if (text && addr_parse(text, &other) == 0 && addr_equal(&other, addr))
			return i;
	}
	return -ENOENT;
}

/* The backend that the change names, and the list it is in. */
static ssize_t named_backend(struct edit *e, json_t **backends)
{
	ssize_t service = named_service(e), found;
	struct shunt_addr addr;
	const char *text;

	if (service < 0)
		return service;
	*backends = json_object_get(json_array_get(e->services, service), "backends");
	text = text_of(e, "address", "a backend's address");
	if (!text)
		return -EINVAL;
	if (addr_parse(text, &addr))
		return edit_fail(e, EINVAL, "address", "\"%s\" is not an address; expected IPv4 or IPv6", text);
	found = index_of_backend(*backends, &addr);
	if (found >= 0)
		return found;
	return edit_fail(e, ENOENT, "address", "no backend %s in service \"%s\"", text,
			 json_string_value(json_object_get(e->change, "service")));
}

/* The members to replace; NULL with the error filled. */
static const json_t *set_of(struct edit *e)
{
	const json_t *set = json_object_get(e->change, "set");

	if (json_is_object(set) && json_object_size(set) > 0)
		return set;
	edit_fail(e, EINVAL, "set", "expected an object with the members to replace");
	return NULL;
}

/* Whose a service is, says where it was read. */
static int keep_file(struct edit *e, const json_t *members, const char *where)
{
	if (!json_object_get(members, "file"))
		return 0;
	return edit_fail(e, EINVAL, where, "a service is in the file that it was read from; put it there instead");
}

static int service_add(struct edit *e)
{
	const json_t *service = json_object_get(e->change, "service");
	const char *name = json_string_value(json_object_get(service, "name"));

	if (!json_is_object(service))
		return edit_fail(e, EINVAL, "service", "expected a whole service, as an object");
	if (name && index_of_service(e->services, name) >= 0)
		return edit_fail(e, EEXIST, "service", "service \"%s\" exists already; change it with service.set",
				 name);
	if (keep_file(e, service, "service.file"))
		return -EINVAL;
	json_array_append_new(e->services, json_deep_copy(service));
	return 0;
}

static bool says(const json_t *object, const char *key, const char *word)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && !strcmp(text, word);
}

static bool says_picks(const json_t *object)
{
	return says(object, "algorithm", "round-robin") || says(object, "algorithm", "least-connections") ||
	       json_integer_value(json_object_get(object, "sticky"));
}

/* The tree has every value written out. What it says of hash and udp because of its algorithm goes when that is replaced, and the other way round;
 * unless it is set, too. */
static void let_algorithm_go(json_t *service, const json_t *set)
{
	bool has_algorithm = json_object_get(set, "algorithm"), has_sticky = json_object_get(set, "sticky");

	if ((has_algorithm || has_sticky) && !json_object_get(set, "udp") && says_picks(service) != says_picks(set))
		json_object_del(service, "udp");
	if (!has_algorithm) {
		if (json_object_get(set, "hash") && !says_picks(service))
			json_object_del(service, "algorithm");
		return;
	}
	if (!json_object_get(set, "hash") &&
	    says(set, "algorithm", "source-hash") != says(service, "algorithm", "source-hash"))
		json_object_del(service, "hash");
}

static int service_set(struct edit *e)
{
	ssize_t index = named_service(e);
	const json_t *set = index < 0 ? NULL : set_of(e);
	json_t *service, *members, *check;

	if (!set)
		return index < 0 ? index : -EINVAL;
	service = json_array_get(e->services, index);
	if (json_object_get(set, "name"))
		return edit_fail(e, EINVAL, "set.name", "a service keeps its name; add one of the new name instead");
	if (keep_file(e, set, "set.file"))
		return -EINVAL;
	if (json_object_get(set, "ring_size") &&
	    !json_equal(json_object_get(set, "ring_size"), json_object_get(service, "ring_size")))
		return edit_fail(e, EINVAL, "set.ring_size",
				 "a ring keeps its size for the service's life, since connections depend on it; "
				 "delete the service and then, in another call, add it again");
	let_algorithm_go(service, set);
	members = json_copy((json_t *)set);
	check = json_object_get(set, "check");
	if (json_is_object(check)) {
		edit_merge_check(service, check);
		json_object_del(members, "check");
	}
	if (json_is_object(json_object_get(set, "pools")))
		json_object_set_new(members, "pools",
				    edit_join_pools(json_object_get(service, "pools"), json_object_get(set, "pools")));
	edit_merge(service, members);
	json_decref(members);
	return 0;
}

static int service_delete(struct edit *e)
{
	ssize_t index = named_service(e);

	return index < 0 ? index : json_array_remove(e->services, index);
}

static int pool_set(struct edit *e)
{
	ssize_t index = named_service(e);
	const char *pool = index < 0 ? NULL : text_of(e, "pool", "a pool's name");
	const json_t *set = pool ? set_of(e) : NULL;

	if (!set)
		return index < 0 ? index : -EINVAL;
	edit_merge_pool(json_array_get(e->services, index), pool, set);
	return 0;
}

static int pool_delete(struct edit *e)
{
	ssize_t index = named_service(e);
	const char *pool = index < 0 ? NULL : text_of(e, "pool", "a pool's name");
	json_t *service;

	if (!pool)
		return index < 0 ? index : -EINVAL;
	service = json_array_get(e->services, index);
	if (edit_delete_pool(service, pool))
		return edit_fail(e, ENOENT, "pool", "no pool \"%s\" in `pools` of service \"%s\"", pool,
				 json_string_value(json_object_get(service, "name")));
	return 0;
}

static int backend_add(struct edit *e)
{
	ssize_t index = named_service(e);
	json_t *backend = json_object_get(e->change, "backend");
	const char *text = backend_address(backend);
	struct shunt_addr addr;
	json_t *service, *backends;

	if (index < 0)
		return index;
	if (!json_is_object(backend) && !json_is_string(backend))
		return edit_fail(e, EINVAL, "backend", "expected an address, or an object with \"address\"");
	service = json_array_get(e->services, index);
	if (!json_object_get(service, "backends"))
		json_object_set_new(service, "backends", json_array());
	backends = json_object_get(service, "backends");
	if (text && addr_parse(text, &addr) == 0 && index_of_backend(backends, &addr) >= 0)
		return edit_fail(e, EEXIST, "backend",
				 "backend %s is in service \"%s\" already; change it with backend.set", text,
				 json_string_value(json_object_get(service, "name")));
	json_array_append_new(backends,
			      json_is_object(backend) ? json_deep_copy(backend) : json_pack("{s:s}", "address", text));
	return 0;
}

static int backend_set(struct edit *e)
{
	json_t *backends = NULL;
	ssize_t index = named_backend(e, &backends);
	const json_t *set = index < 0 ? NULL : set_of(e);

	if (!set)
		return index < 0 ? index : -EINVAL;
	if (json_object_get(set, "address"))
		return edit_fail(e, EINVAL, "set.address", "a backend keeps its address; add another backend instead");
	if (json_is_string(json_array_get(backends, index)))
		json_array_set_new(backends, index, json_pack("{s:O}", "address", json_array_get(backends, index)));
	edit_merge(json_array_get(backends, index), set);
	return 0;
}

static int backend_delete(struct edit *e)
{
	json_t *backends = NULL;
	ssize_t index = named_backend(e, &backends);

	return index < 0 ? index : json_array_remove(backends, index);
}

static const struct op {
	const char *name;
	int (*apply)(struct edit *e);
	const char *keys[5];
} ops[] = {
	{"service.add", service_add, {"op", "service"}},
	{"service.set", service_set, {"op", "service", "set"}},
	{"service.delete", service_delete, {"op", "service"}},
	{"pool.set", pool_set, {"op", "service", "pool", "set"}},
	{"pool.delete", pool_delete, {"op", "service", "pool"}},
	{"backend.add", backend_add, {"op", "service", "backend"}},
	{"backend.set", backend_set, {"op", "service", "address", "set"}},
	{"backend.delete", backend_delete, {"op", "service", "address"}},
};
#define OP_COUNT (sizeof(ops) / sizeof(ops[0]))

static const struct op *find_op(struct edit *e)
{
	const char *name = text_of(e, "op", "an operation such as backend.set");
	struct suggest near = {.word = name};
	char text[SUGGEST_TEXT];

	if (!name)
		return NULL;
	for (size_t i = 0; i < OP_COUNT; i++) {
		if (!strcmp(ops[i].name, name))
			return &ops[i];
		suggest_offer(&near, ops[i].name);
	}
	edit_fail(e, EINVAL, "op",
		  "no operation \"%s\"%s (there are service.add, .set, .delete, pool.set, .delete, backend.add, .set "
		  "and .delete)",
		  name, suggest_text(&near, text));
	return NULL;
}

static int apply_change(struct edit *e)
{
	const struct op *op;
	const char *key;
	json_t *value;

	if (!json_is_object(e->change))
		return edit_fail(e, EINVAL, NULL, "expected an object {\"op\": ...}");
	op = find_op(e);
	if (!op)
		return -EINVAL;
	json_object_foreach ((json_t *)e->change, key, value) {
		struct suggest near = {.word = key};
		char text[SUGGEST_TEXT];
		size_t i = 0;

		for (; op->keys[i] && strcmp(op->keys[i], key); i++)
			suggest_offer(&near, op->keys[i]);
		if (!op->keys[i])
			return edit_fail(e, EINVAL, NULL, "%s has no member \"%s\"%s", op->name, key,
					 suggest_text(&near, text));
	}
	return op->apply(e);
}

json_t *edit_tree(const struct config *config, const json_t *changes, size_t count, struct shunt_err *err)
{
	json_t *tree = config_to_json(config);
	struct edit e = {.services = json_object_get(tree, "services"), .err = err};

	for (e.index = 0; e.index < count; e.index++) {
		e.change = json_array_get(changes, e.index);
		if (apply_change(&e)) {
			json_decref(tree);
			return NULL;
		}
	}
	return tree;
}

static struct config *edit_first(const struct config *config, const json_t *changes, size_t count,
				 struct shunt_err *err)
{
	json_t *tree = edit_tree(config, changes, count, err);
	struct config *next = tree ? config_from_json(tree, NULL, err) : NULL;

	json_decref(tree);
	return next;
}

/* Which change brought this cause about? The first whose result fails in the same way; by halves, as each try costs a parse. */
static size_t find_culprit(const struct config *config, const json_t *changes, const struct shunt_err *cause)
{
	size_t good = 0, bad = json_array_size(changes);

	while (bad - good > 1) {
		size_t middle = good + (bad - good) / 2;
		struct shunt_err err = {};
		struct config *next = edit_first(config, changes, middle, &err);

		if (!next && !strcmp(err.what, cause->what) && !strcmp(err.where, cause->where))
			bad = middle;
		else
			good = middle;
		config_free(next);
	}
	return good;
}

struct config *config_edit(const struct config *config, const json_t *changes, struct shunt_err *err)
{
	struct shunt_err cause = {};
	struct config *next;
	json_t *tree;
	char *where;

	if (!json_is_array(changes)) {
		shunt_fail(err, EINVAL, "changes", "expected a list of changes");
		return NULL;
	}
	next = edit_part(config, changes);
	if (next)
		return next;
	tree = edit_tree(config, changes, json_array_size(changes), err);
	if (!tree)
		return NULL;
	next = config_from_json(tree, NULL, &cause);
	json_decref(tree);
	if (next)
		return next;
	where = xasprintf("changes[%zu]: %s", find_culprit(config, changes, &cause), cause.where);
	shunt_fail(err, cause.code, where, "%s", cause.what);
	free(where);
	return NULL;
}

static void carry_service(struct config_service *next, const struct config_service *present)
{
	for (size_t i = 0; i < next->backend_count; i++) {
		const struct shunt_addr *addr = &next->backends[i].addr;
		const struct config_backend *was =
			next->backends[i].admin == CONFIG_ADMIN_UNSET ? config_find_backend(present, addr) : NULL;

		if (!was || was->admin == CONFIG_ADMIN_UNSET)
			continue;
		config_own(next);
		next->backends[i].admin = was->admin;
	}
}

void config_carry_admin(struct config *next, const struct config *present)
{
	struct config_names *names = config_names_new(present);

	for (size_t i = 0; i < next->service_count; i++) {
		const struct config_service *was = config_names_find(names, next->services[i].name);

		if (was)
			carry_service(&next->services[i], was);
	}
	free(names);
	config_share(next);
}
