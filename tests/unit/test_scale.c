/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Short ways through what is long: an edit of some services, a model made of the one before, a revision that says what differs. Each has to
 * come to what the long way comes to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/lib/edit.h"
#include "../../user/lib/edit_priv.h"
#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/history_delta.h"
#include "../../user/shuntd/model.h"

#define SERVICES 24
#define BACKENDS 5
#define SEED 7

static struct config *load(void)
{
	json_t *services = json_array();
	json_t *tree = json_pack("{s:[s], s:{s:s}, s:o}", "interfaces", "eth0", "source", "ipv4", "172.31.0.0/16",
				 "services", services);
	struct config *config;

	for (int i = 0; i < SERVICES; i++) {
		json_t *backends = json_array();

		for (int j = 0; j < BACKENDS; j++)
			json_array_append_new(backends, json_sprintf("10.1.%d.%d", i, j + 1));
		json_array_append_new(services, json_pack("{s:o, s:[o], s:i, s:o}", "name", json_sprintf("s%d", i),
							  "vips", json_sprintf("192.0.2.%d:80/tcp", i + 1), "ring_size",
							  251, "backends", backends));
	}
	config = config_from_json(tree, NULL, NULL);
	json_decref(tree);
	assert_non_null(config);
	return config;
}

static void assert_same(const struct config *a, const struct config *b)
{
	json_t *x = config_to_json(a), *y = config_to_json(b);

	assert_true(json_equal(x, y));
	json_decref(x);
	json_decref(y);
}

static const char *const edits[] = {
	"[{'op': 'backend.set', 'service': 's3', 'address': '10.1.3.2', 'set': {'weight': 7}}]",
	"[{'op': 'backend.set', 'service': 's0', 'address': '10.1.0.1', 'set': {'state': 'drain'}},"
	" {'op': 'backend.delete', 'service': 's11', 'address': '10.1.11.5'}]",
	"[{'op': 'backend.add', 'service': 's5', 'backend': '10.1.5.9'}]",
	"[{'op': 'service.delete', 'service': 's4'}, {'op': 'service.delete', 'service': 's0'}]",
	"[{'op': 'service.add', 'service': {'name': 'new', 'vips': ['192.0.2.77:80/tcp'], 'ring_size': 251,"
	" 'backends': ['10.9.0.1']}}]",
	"[{'op': 'service.set', 'service': 's7', 'set': {'idle_timeout': 60, 'vips': ['192.0.2.99:80/tcp']}}]",
	/* these take the long way, or are refused */
	"[{'op': 'service.delete', 'service': 's4'}, {'op': 'service.add', 'service': {'name': 's4', 'vips':"
	" ['192.0.2.5:80/tcp'], 'ring_size': 251, 'backends': ['10.1.4.1']}}]",
	"[{'op': 'service.set', 'service': 's7', 'set': {'vips': ['192.0.2.1:80/tcp']}}]",
	"[{'op': 'backend.add', 'service': 's5', 'backend': '192.0.2.3'}]",
	"[{'op': 'backend.add', 'service': 's5', 'backend': {'address': '10.1.6.1', 'mac': '02:00:00:00:00:01'}}]",
};
#define SHORT_EDITS 6
#define EDITS (sizeof(edits) / sizeof(edits[0]))

static json_t *changes_of(size_t i)
{
	char *text = xstrdup(edits[i]);
	json_t *changes;

	for (char *c = text; *c; c++)
		if (*c == '\'')
			*c = '"';
	changes = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(changes);
	return changes;
}

static void edits_come_to_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < EDITS; i++) {
		struct config *config = load(), *part, *edited, *whole;
		json_t *changes = changes_of(i), *tree = edit_tree(config, changes, json_array_size(changes), NULL);
		struct shunt_err err;

		assert_non_null(tree);
		whole = config_from_json(tree, NULL, NULL);
		part = edit_part(config, changes);
		edited = config_edit(config, changes, &err);
		assert_int_equal(part != NULL, i < SHORT_EDITS);
		assert_int_equal(edited != NULL, whole != NULL);
		if (part)
			assert_same(part, whole);
		if (edited)
			assert_same(edited, whole);
		json_decref(tree);
		json_decref(changes);
		config_free(part);
		config_free(edited);
		config_free(whole);
		config_free(config);
	}
}

/* What was not named is a copy, and only what was named is looked at. */
static void others_are_copies(void **state)
{
	struct config *config = load(), *next, view[2];
	json_t *changes = changes_of(0);

	(void)state;
	next = edit_part(config, changes);
	config_differing(config, next, view);
	assert_int_equal(view[0].service_count, 1);
	assert_int_equal(view[1].service_count, 1);
	assert_string_equal(view[1].services[0].name, "s3");
	assert_int_equal(view[1].services[0].backends[1].weight, 7);
	free(view[0].services);
	free(view[1].services);
	json_decref(changes);
	config_free(next);
	config_free(config);
}

static void deltas_come_to_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < SHORT_EDITS; i++) {
		struct config *config = load();
		json_t *changes = changes_of(i), *tree = config_to_json(config), *expected, *delta;
		struct config *next = config_edit(config, changes, NULL);

		delta = delta_make(config, next);
		expected = config_to_json(next);
		assert_non_null(delta);
		assert_int_equal(delta_apply(&tree, delta), 0);
		assert_true(json_equal(tree, expected));
		if (i == 3) /* what is to be removed is not there any more */
			assert_int_not_equal(delta_apply(&tree, delta), 0);
		json_decref(delta);
		json_decref(tree);
		json_decref(expected);
		json_decref(changes);
		config_free(next);
		config_free(config);
	}
}

static void other_orders_have_no_delta(void **state)
{
	struct config *config = load(), *next = config_copy(config);
	const struct config_service first = next->services[0];

	(void)state;
	next->services[0] = next->services[1];
	next->services[1] = first;
	assert_null(delta_make(config, next));
	config_free(next);
	config_free(config);
}

static void adopted(void **state)
{
	struct config *config = load(), *again = load(), view[2];

	(void)state;
	config_own(&again->services[2]);
	again->services[2].backends[0].weight = 3;
	config_adopt(again, config);
	config_differing(config, again, view);
	assert_int_equal(view[1].service_count, 1);
	assert_string_equal(view[1].services[0].name, "s2");
	free(view[0].services);
	free(view[1].services);
	config_free(again);
	config_free(config);
}

/* ---- models: one backend comes and goes */

static const struct shunt_addr *ill;

static enum health_state health(void *arg, const char *service, const struct shunt_addr *backend)
{
	(void)arg;
	(void)service;
	return ill && addr_equal(ill, backend) ? HEALTH_DOWN : HEALTH_UP;
}

static const struct nexthop *nexthop(void *arg, const struct shunt_addr *backend)
{
	static const struct nexthop known = {.resolved = true, .ifindex = 2, .mtu = 1500};

	(void)arg;
	(void)backend;
	return &known;
}

static struct model *build(const struct config *config, const struct model *before, struct model_cache *cache)
{
	struct model_inputs inputs = {
		.seed = SEED, .health = health, .nexthop = nexthop, .before = before, .same_world = true, .now = 1};

	return model_build(config, &inputs, cache);
}

/* Slots of after that are not before's; none of them may have been another's than which's, or be so in the end. */
static size_t moved(const struct model *before, const struct model *after, size_t service, uint32_t which)
{
	size_t count = 0;

	for (size_t i = 0; i < before->service_count; i++) {
		const struct model_ring *was = before->services[i].ring, *is = after->services[i].ring;

		for (uint32_t slot = 0; slot < was->size; slot++) {
			if (was->slots[slot] == is->slots[slot])
				continue;
			assert_int_equal(i, service);
			assert_true(was->slots[slot] == which || is->slots[slot] == which);
			count++;
		}
	}
	return count;
}

static void assert_same_models(const struct model *a, const struct model *b)
{
	assert_int_equal(a->service_count, b->service_count);
	for (size_t i = 0; i < a->service_count; i++) {
		const struct model_service *x = &a->services[i], *y = &b->services[i];

		assert_string_equal(x->name, y->name);
		assert_memory_equal(x->ring->slots, y->ring->slots, x->ring_size * sizeof(x->ring->slots[0]));
		for (size_t j = 0; j < x->dest_count; j++)
			assert_int_equal(x->dests[j].state, y->dests[j].state);
	}
}

/* One backend of all flaps: only its service is built anew, none but its own slots move, and they come back. */
static void flapping_moves_nothing_else(void **state)
{
	struct model_cache *cache = model_cache_new(), *other;
	struct config *config = load();
	struct model *first = build(config, NULL, cache), *model = build(config, first, cache), *next, *whole;
	size_t service = 5;
	uint32_t which = 2;

	(void)state;
	assert_int_equal(model->changed_count, 0);
	for (int second = 0; second < 6; second++) {
		ill = second % 2 ? NULL : &config->services[service].backends[which].addr;
		model_touch(model, config->services[service].name);
		next = build(config, model, cache);
		assert_int_equal(next->changed_count, 1);
		assert_int_equal(next->changed[0], service);
		assert_int_equal(next->follows, model->serial);
		assert_true(moved(model, next, service, which) > 0);
		other = model_cache_new();
		whole = build(config, NULL, other);
		assert_same_models(next, whole);
		model_free(whole);
		model_cache_free(other);
		model_free(model);
		model = next;
	}
	assert_int_equal(moved(first, model, service, which), 0);
	model_free(first);
	model_free(model);
	model_cache_free(cache);
	config_free(config);
}

/* After each edit the model made of the one before is the one made of nothing; what an apply has to allocate for is told. */
static void models_come_to_the_same(void **state)
{
	static const bool follows[SHORT_EDITS] = {true, false, false, false, false, false};

	(void)state;
	ill = NULL;
	for (size_t i = 0; i < SHORT_EDITS; i++) {
		struct model_cache *cache = model_cache_new(), *other = model_cache_new();
		struct config *config = load(), *next;
		json_t *changes = changes_of(i);
		struct model *before = build(config, NULL, cache), *model, *whole;

		next = config_edit(config, changes, NULL);
		model = build(next, before, cache);
		whole = build(next, NULL, other);
		assert_same_models(model, whole);
		assert_int_equal(model->follows != 0, follows[i]);
		assert_true(model->changed_count <= 2);
		json_decref(changes);
		model_free(before);
		model_free(model);
		model_free(whole);
		model_cache_free(cache);
		model_cache_free(other);
		config_free(config);
		config_free(next);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits_come_to_the_same),
		cmocka_unit_test(others_are_copies),
		cmocka_unit_test(deltas_come_to_the_same),
		cmocka_unit_test(other_orders_have_no_delta),
		cmocka_unit_test(adopted),
		cmocka_unit_test(flapping_moves_nothing_else),
		cmocka_unit_test(models_come_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
