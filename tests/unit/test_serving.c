/* SPDX-License-Identifier: GPL-2.0 */
/* Which pools of a service serve: shares, min_healthy, backups and panic, and what is said of it. */
#include "model_fixture.h"

#include "../../user/shuntd/serving.h"

/* 10.1.0.1 to .6: two each of the pools default, green and spare. */
#define BACKENDS                                                                                               \
	"\"backends\": [\"10.1.0.1\", \"10.1.0.2\", {\"address\": \"10.1.0.3\", \"pool\": \"green\"},"         \
	" {\"address\": \"10.1.0.4\", \"pool\": \"green\"}, {\"address\": \"10.1.0.5\", \"pool\": \"spare\"}," \
	" {\"address\": \"10.1.0.6\", \"pool\": \"spare\"}]"

static struct config *config_with(const char *members)
{
	char yaml[1024];

	snprintf(yaml, sizeof(yaml),
		 "{\"interfaces\": [{\"name\": \"eth0\"}], \"source\": {\"ipv4\": \"10.200.0.0/16\"},"
		 " \"services\": [{\"name\": \"web\", \"vips\": [\"198.51.100.1:80/tcp\"], \"ring_size\": 1009, %s,"
		 " %s}]}",
		 members, BACKENDS);
	return config_of_tree(json_loads(yaml, 0, NULL));
}

/* One letter for each backend: up, down, checking, drained by an operator. */
static struct world world_of(struct config *config, const char *states)
{
	struct world world = good_world();

	for (uint32_t i = 0; i < 6; i++) {
		world.health[i + 1] = states[i] == 'd' ? HEALTH_DOWN : states[i] == 'c' ? HEALTH_CHECKING : HEALTH_UP;
		config->services[0].backends[i].admin = states[i] == 'o' ? CONFIG_ADMIN_DRAIN : CONFIG_ADMIN_UNSET;
	}
	return world;
}

#define SPARE "\"pools\": {\"default\": 3, \"green\": 1, \"spare\": {\"backup\": true}}"
#define NEEDS SPARE ", \"min_healthy\": 2"
#define NO_SPARE "\"pools\": {\"default\": 3, \"green\": 1}"

static const struct {
	const char *members, *states;
	enum model_rule rule;
	const char *serve; /* those that have slots */
	const char *why;
} cases[] = {
	{SPARE, "uuuuuu", MODEL_SHARES, "1234", "no pool has failed"},
	{SPARE, "uudduu", MODEL_SHARES, "12", "pool green has failed: none of its 2 backends can be used"},
	{SPARE, "dudduu", MODEL_SHARES, "2", "pool green has failed: none of its 2 backends can be used"},
	{SPARE, "dddduu", MODEL_BACKUP, "56",
	 "backups serve: pool default has failed: none of its 2 backends can be used"},
	{SPARE, "ooddud", MODEL_BACKUP, "5",
	 "backups serve: pool default has failed: none of its 0 backends can be used"},
	{SPARE, "dddddd", MODEL_NOBODY, "", "no backend can be used: new connections are dropped"},
	{SPARE, "cccccc", MODEL_SHARES, "", "pool default has failed: none of its 2 backends can be used"},
	{NEEDS, "uuuuuu", MODEL_SHARES, "1234", "no pool has failed"},
	{NEEDS, "uduuuu", MODEL_SHARES, "34", "pool default has failed: 1 of 2 backends is healthy, min_healthy is 2"},
	{NEEDS, "uouuuu", MODEL_SHARES, "34", "pool default has failed: 1 of 1 backend is healthy, min_healthy is 2"},
	{NEEDS, "ucuuuu", MODEL_SHARES, "134", "no pool has failed"},
	{NEEDS, "ududud", MODEL_BACKUP, "5",
	 "backups serve: pool default has failed: 1 of 2 backends is healthy, min_healthy is 2"},
	{NEEDS, "ududdd", MODEL_HEALTHY, "13",
	 "no other pool can serve, so whoever is healthy does: pool default has failed: 1 of 2 backends is healthy, "
	 "min_healthy is 2"},
	{"\"pools\": {\"default\": {\"share\": 1, \"min_healthy\": \"50%\"}, \"spare\": {\"backup\": true}}", "udddud",
	 MODEL_SHARES, "1", "no pool has failed"},
	{"\"pools\": {\"default\": {\"share\": 1, \"min_healthy\": \"51%\"}, \"spare\": {\"backup\": true}}", "udddud",
	 MODEL_BACKUP, "5", "backups serve: pool default has failed: 1 of 2 backends is healthy, min_healthy is 51%"},
	/* a pool's own goes before the service's */
	{"\"pools\": {\"default\": {\"share\": 1, \"min_healthy\": 0}, \"spare\": {\"backup\": true}}, "
	 "\"min_healthy\": 2",
	 "uddduu", MODEL_SHARES, "1", "no pool has failed"},
	{"\"panic\": 50, " SPARE, "uduuuu", MODEL_SHARES, "134", "no pool has failed"},
	{"\"panic\": 50, " SPARE, "udddud", MODEL_BACKUP, "5",
	 "backups serve: pool default has failed: of the service 1 of 4 backends is healthy, fewer than `panic` asks "
	 "for"},
	{"\"panic\": 50, " SPARE, "uddddd", MODEL_PANIC, "1234",
	 "only 1 of 4 backends are healthy, fewer than `panic` asks for: all that can be reached are used"},
	/* spares that have failed are none of those that panic counts */
	{"\"panic\": 50, " NEEDS, "ududdd", MODEL_HEALTHY, "13", NULL},
	{"\"panic\": 60, " NEEDS, "ududdd", MODEL_PANIC, "1234", NULL},
	{"\"panic\": 50, " NO_SPARE, "udddud", MODEL_PANIC, "1234", NULL},
	/* no pools at all: it has nobody to leave its share to */
	{"\"min_healthy\": 2, \"panic\": 0", "uduudd", MODEL_HEALTHY, "1", NULL},
	{"\"min_healthy\": 2, \"panic\": 0", "dduuuu", MODEL_NOBODY, "", NULL},
	/* those that pick do so as well */
	{"\"algorithm\": \"round-robin\", \"pools\": {\"spare\": {\"backup\": true}}", "uuuuuu", MODEL_SHARES, "12",
	 NULL},
	{"\"algorithm\": \"round-robin\", \"pools\": {\"spare\": {\"backup\": true}}", "dduuuu", MODEL_BACKUP, "56",
	 NULL},
	{"\"algorithm\": \"least-connections\", \"pools\": {\"green\": 1, \"spare\": {\"backup\": true}}", "uuuduu",
	 MODEL_SHARES, "3", NULL},
};

static bool is_picked(const struct model_service *service, uint32_t dest)
{
	for (size_t i = 0; i < service->pick_count; i++)
		if (service->picks[i] == dest)
			return true;
	return false;
}

static void rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config *config = config_with(cases[i].members);
		struct world world = world_of(config, cases[i].states);
		struct model *model = build_once(config, &world);
		const struct model_service *web = &model->services[0];
		char why[SERVING_TEXT];

		if (web->rule != cases[i].rule)
			fail_msg("case %zu: %s, expected %s", i, model_rule_name(web->rule),
				 model_rule_name(cases[i].rule));
		for (uint32_t k = 0; k < 6; k++) {
			bool serves = strchr(cases[i].serve, '1' + (int)k);

			if ((slots_of(web, k) > 0) != serves || (web->picks && is_picked(web, k) != serves))
				fail_msg("case %zu: backend %u has %u slots", i, k + 1, slots_of(web, k));
		}
		if (cases[i].why)
			assert_string_equal(serving_why(web, why), cases[i].why);
		model_free(model);
		config_free(config);
	}
}

/* What pools do, in words. */
static void states_of_pools(void **state)
{
	static const struct {
		const char *members, *states, *pools[3]; /* default, green, spare */
	} rows[] = {
		{SPARE, "uuuuuu", {"serving", "serving", "standby"}},
		{SPARE, "uudduu", {"serving", "failed", "standby"}},
		{SPARE, "uuuudd", {"serving", "serving", "failed"}},
		{SPARE, "dddduu", {"failed", "failed", "serving"}},
		{NEEDS, "ududdd", {"serving", "serving", "failed"}},
		{NEEDS, "udddud", {"failed", "failed", "serving"}},
		{NEEDS, "uddddd", {"serving", "failed", "failed"}},
		{SPARE, "dddddd", {"failed", "failed", "failed"}},
		{"\"panic\": 50, " SPARE, "uddddd", {"serving", "serving", "failed"}},
		{"\"pools\": {\"default\": 1}", "uuuuuu", {"serving", "unused", "unused"}},
	};
	static const char *const names[] = {CONFIG_POOL_DEFAULT, "green", "spare"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct config *config = config_with(rows[i].members);
		struct world world = world_of(config, rows[i].states);
		struct model *model = build_once(config, &world);
		const struct model_service *web = &model->services[0];

		for (size_t k = 0; k < 3; k++)
			if (strcmp(serving_state(web, serving_find(web, names[k])), rows[i].pools[k]) != 0)
				fail_msg("row %zu: %s is %s", i, names[k],
					 serving_state(web, serving_find(web, names[k])));
		model_free(model);
		config_free(config);
	}
}

/* Backups come and go without a trace: the ring is the one that it was, the same object, never made anew. And shares among several of them hold. */
static void back_again(void **state)
{
	struct model_cache *cache = model_cache_new();
	struct config *config = config_with("\"pools\": {\"default\": 1, \"green\": {\"backup\": true, \"share\": 1}, "
					    "\"spare\": {\"backup\": true, \"share\": 3}}");
	struct world good = world_of(config, "uuuuuu"), bad = world_of(config, "dduuuu");
	struct model *first = build(config, &good, SEED, cache), *second = build(config, &bad, SEED, cache);
	struct model *third = build(config, &good, SEED, cache);
	uint32_t spare = slots_of(&second->services[0], 4) + slots_of(&second->services[0], 5);

	(void)state;
	assert_ptr_equal(third->services[0].ring, first->services[0].ring);
	assert_int_equal(second->services[0].rule, MODEL_BACKUP);
	assert_in_range(spare, 756, 758);
	assert_int_equal(slots_of(&second->services[0], RING_NONE), 0);
	model_free(first);
	model_free(second);
	model_free(third);
	config_free(config);
	model_cache_free(cache);
}

/* Sources that are sent to a pool are not served by backups, nor by others. */
static void pinned(void **state)
{
	struct config *config = config_with(SPARE ", \"sources\": {\"pools\": {\"green\": [\"10.8.0.0/16\"]}}");
	struct world world = world_of(config, "dddduu");
	struct model *model = build_once(config, &world);

	(void)state;
	assert_int_equal(model->services[0].rule, MODEL_BACKUP);
	for (uint32_t slot = 0; slot < 1009; slot++)
		assert_int_equal(model->services[0].pools[0].ring->slots[slot], RING_NONE);
	model_free(model);
	config_free(config);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(model_rule_name(MODEL_SHARES), "shares");
	assert_string_equal(model_rule_name(MODEL_BACKUP), "backup");
	assert_string_equal(model_rule_name(MODEL_HEALTHY), "healthy");
	assert_string_equal(model_rule_name(MODEL_PANIC), "panic");
	assert_string_equal(model_rule_name(MODEL_NOBODY), "nobody");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),  cmocka_unit_test(states_of_pools), cmocka_unit_test(back_again),
		cmocka_unit_test(pinned), cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("serving", tests, NULL, NULL);
}
