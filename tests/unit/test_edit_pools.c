/* SPDX-License-Identifier: GPL-2.0 */
/* Edits of a service's pools: shares, and what outlives a change of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/lib/edit.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A service of backends in three pools. Single quotes stand for double ones throughout. */
static const char present[] =
	"{'interfaces': ['eth0'], 'source': {'ipv4': '172.31.0.0/16'}, 'services': [{'name': 'web', 'ring_size': 251, "
	"'vips': ['192.0.2.1:80/tcp'], 'backends': ['10.0.0.1', {'address': '10.0.0.8', 'pool': 'spare'}, {'address': "
	"'10.0.0.9', 'pool': 'green'}]}]}";

static json_t *json_of(const char *text)
{
	char copy[1024];
	json_t *value;

	assert_true(strlen(text) < sizeof(copy));
	strcpy(copy, text);
	for (char *c = copy; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(copy, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(value);
	return value;
}

/* Pools of a service after changes, one behind the other. Shares are replaced; what else a pool is stays until somebody speaks of it. */
static void pools_of_edits(void **state)
{
	static const struct {
		const char *change, *pools;
	} steps[] = {
		{"{'op': 'pool.set', 'service': 'web', 'pool': 'spare', 'set': {'backup': true}}",
		 "{'default': {'share': 100}, 'spare': {'share': 100, 'backup': true}}"},
		{"{'op': 'pool.set', 'service': 'web', 'pool': 'default', 'set': {'min_healthy': '50%'}}",
		 "{'default': {'share': 100, 'min_healthy': '50%'}, 'spare': {'share': 100, 'backup': true}}"},
		{"{'op': 'service.set', 'service': 'web', 'set': {'pools': {'green': 100}}}",
		 "{'default': {'share': 0, 'min_healthy': '50%'}, 'green': {'share': 100}, 'spare': {'share': 100, "
		 "'backup': true}}"},
		{"{'op': 'service.set', 'service': 'web', 'set': {'pools': {'green': {'share': 1, 'min_healthy': 1}, "
		 "'default': 3, 'spare': 7}}}",
		 "{'default': {'share': 3, 'min_healthy': '50%'}, 'green': {'share': 1, 'min_healthy': 1}, 'spare': "
		 "{'share': 7, 'backup': true}}"},
		{"{'op': 'pool.set', 'service': 'web', 'pool': 'default', 'set': {'min_healthy': null, 'share': 2}}",
		 "{'default': {'share': 2}, 'green': {'share': 1, 'min_healthy': 1}, 'spare': {'share': 7, 'backup': "
		 "true}}"},
		{"{'op': 'service.set', 'service': 'web', 'set': {'pools': {'default': 1, 'green': 0, 'spare': "
		 "{'share': 0, 'backup': false}}}}",
		 "{'default': {'share': 1}, 'green': {'share': 0, 'min_healthy': 1}, 'spare': {'share': 0}}"},
		{"{'op': 'pool.delete', 'service': 'web', 'pool': 'green'}",
		 "{'default': {'share': 1}, 'spare': {'share': 0}}"},
		{"{'op': 'service.set', 'service': 'web', 'set': {'pools': null}}", NULL},
		{"{'op': 'pool.set', 'service': 'web', 'pool': 'default', 'set': {'share': 7}}",
		 "{'default': {'share': 7}}"},
		{"{'op': 'pool.delete', 'service': 'web', 'pool': 'default'}", NULL},
	};
	struct shunt_err err = {};
	json_t *tree = json_of(present), *changes;
	struct config *config = NULL, *next = config_from_json(tree, NULL, &err);

	(void)state;
	assert_non_null(next);
	json_decref(tree);
	for (size_t i = 0; i < COUNT(steps); i++) {
		json_t *service, *expected = steps[i].pools ? json_of(steps[i].pools) : NULL;

		config_free(config);
		config = next;
		changes = json_array();
		json_array_append_new(changes, json_of(steps[i].change));
		next = config_edit(config, changes, &err);
		if (!next)
			fail_msg("%s: %s", steps[i].change, shunt_err_text(&err));
		service = config_service_to_json(config_find_service(next, "web"));
		if (expected ? !json_equal(json_object_get(service, "pools"), expected)
			     : !!json_object_get(service, "pools"))
			fail_msg("%s gives %s", steps[i].change, json_dumps(service, 0));
		json_decref(expected);
		json_decref(service);
		json_decref(changes);
	}
	config_free(config);
	config_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pools_of_edits),
	};

	return cmocka_run_group_tests_name("edit pools", tests, NULL, NULL);
}
