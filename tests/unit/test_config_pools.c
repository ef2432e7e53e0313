/* SPDX-License-Identifier: GPL-2.0 */
/* Shares of pools in the configuration: what is refused, and what becomes of what is not. */
#include "config_errors.h"

#define GREEN "backends: [10.1.0.1, {address: 10.1.0.2, pool: green}, {address: 10.1.0.3, pool: green}],\n"
#define POOLS(text) SERVICE(GREEN "pools: " text)

static const struct row errors[] = {
	{POOLS("[green]"),
	 "t.yaml:4: services[web].pools: a list is not a mapping; expected names of pools, each with its "
	 "share, such as {blue: 80, green: 20}"},
	{POOLS("~"),
	 "t.yaml:4: services[web].pools: empty; expected a mapping: names of pools, each with its share, such as "
	 "{blue: 80, green: 20}"},
	{POOLS("{}"),
	 "t.yaml:4: services[web].pools: no pool has a share, so that nobody would be served; expected one above 0"},
	{POOLS("{green: 0}"),
	 "t.yaml:4: services[web].pools: no pool has a share, so that nobody would be served; expected one above 0"},
	{POOLS("{green: 65536}"), "t.yaml:4: services[web].pools.green: 65536 is out of range; expected 0 to 65535"},
	{POOLS("{green: -1}"), "t.yaml:4: services[web].pools.green: -1 is out of range; expected 0 to 65535"},
	{POOLS("{green: 20%}"), "t.yaml:4: services[web].pools.green: \"20%\" is not an integer; expected 0 to 65535"},
	{POOLS("{green: ~}"), "t.yaml:4: services[web].pools.green: empty; expected an integer: 0 to 65535"},
	/* A pool of this name is no group: null means nothing here. */
	{POOLS("{group: 1, green: ~}"), "t.yaml:4: services[web].pools.green: empty; expected an integer: 0 to 65535"},
	{POOLS("{green: {}}"),
	 "t.yaml:4: services[web].pools.green.share: missing; expected a share: 0 to 65535, or backup: "
	 "true"},
	{POOLS("{green: {share: x}}"),
	 "t.yaml:4: services[web].pools.green.share: \"x\" is not an integer; expected 0 to 65535"},
	{POOLS("{green: {share: 65536}}"),
	 "t.yaml:4: services[web].pools.green.share: 65536 is out of range; expected 0 to 65535"},
	{POOLS("{green: {shares: 1}}"),
	 "t.yaml:4: services[web].pools.green.shares: unknown key; did you mean \"share\"?"},
	{POOLS("{-green: 1}"), "t.yaml:4: services[web].pools.-green: not a pool's name; expected 1 to 31 letters, "
			       "digits, '-', '_' or '.', a "
			       "letter or digit first"},
	{POOLS("{default: 1,\ngren: 1}"),
	 "t.yaml:5: services[web].pools.gren: no backend of service \"web\" is in pool \"gren\"; did you mean "
	 "\"green\"?; expected one with `pool: gren`"},
	{POOLS("{green: 1, blue: 0}"), "t.yaml:4: services[web].pools.blue: no backend of service \"web\" is in pool "
				       "\"blue\"; expected one with `pool: blue`"},
	{SERVICE(GREEN "algorithm: round-robin,\npools: {green: 1, default: 1}"),
	 "t.yaml:5: services[web].pools: shares are of the ring, and algorithm round-robin does not go by it; expected "
	 "another algorithm, or one pool with a share, and at most one backup"},
	{SERVICE(GREEN "algorithm: least-connections,\npools: {green: 1, default: 1}"),
	 "t.yaml:5: services[web].pools: shares are of the ring, and algorithm least-connections does not go by it; "
	 "expected another algorithm, or one pool with a share, and at most one backup"},
	{POOLS("{green: {backup: true}, default: {backup: true}}"),
	 "t.yaml:4: services[web].pools: no pool has a share, so that nobody would be served; expected one above 0 "
	 "that is no backup"},
	{POOLS("{green: {backup: true}, default: 0}"),
	 "t.yaml:4: services[web].pools: no pool has a share, so that nobody would be served; expected one above 0 "
	 "that is no backup"},
	{POOLS("{green: {backup: 1}}"),
	 "t.yaml:4: services[web].pools.green.backup: 1 is not a boolean; expected true or false"},
	{POOLS("{green: {backup: true, min_healthy: 1}}"),
	 "t.yaml:4: services[web].pools.green.min_healthy: of a backup pool, behind which nobody serves; expected it "
	 "of other pools"},
	{POOLS("{green: {share: 1, min_healthy: 0%}}"),
	 "t.yaml:4: services[web].pools.green.min_healthy: \"0%\" is not a number of backends; expected 0 to 65535, "
	 "or 1% to 100% of them"},
	{SERVICE("min_healthy: 101%"), "t.yaml:3: services[web].min_healthy: \"101%\" is not a number of backends; "
				       "expected 0 to 65535, or 1% to 100% of them"},
	{SERVICE("min_healthy: -1"), "t.yaml:3: services[web].min_healthy: -1 is not a number of backends; expected 0 "
				     "to 65535, or 1% to 100% of them"},
	{SERVICE("min_healthy: 50 %"), "t.yaml:3: services[web].min_healthy: \"50 %\" is not a number of backends; "
				       "expected 0 to 65535, or 1% to 100% of them"},
	{SERVICE("slow_start: 9s"),
	 "t.yaml:3: services[web].slow_start: \"9s\" is out of range; expected 0s, or 10s to 1h"},
	{SERVICE("slow_start: 2h"),
	 "t.yaml:3: services[web].slow_start: \"2h\" is out of range; expected 0s, or 10s to 1h"},
	{SERVICE("slow_start: 30"), "t.yaml:3: services[web].slow_start: 30 has no unit; say \"30s\" (or ms, m, h)"},
	{"{interfaces: [eth0], source: {ipv4: 172.31.0.0/16}, limits: {destinations: 4},\n"
	 "services: [{name: web, vips: [\"192.0.2.1:80/tcp\"], " GREEN
	 "pools: {green: 1}, sources: {pools: {green: [10.0.0.1]}}}]}",
	 "t.yaml:1: limits.destinations: 4 is too small for 5 backends (those of a pool that has sources count twice "
	 "in a "
	 "service with `pools`); raise it to 5 or more"},
};

static const struct row panic_errors[] = {
	{SERVICE("panic: 101"), "t.yaml:3: services[web].panic: 101 is out of range; expected 0 to 100"},
	{SERVICE("panic: -1"), "t.yaml:3: services[web].panic: -1 is out of range; expected 0 to 100"},
	{SERVICE("panic: 50%"), "t.yaml:3: services[web].panic: \"50%\" is not an integer; expected 0 to 100"},
};

static void refused(void **state)
{
	(void)state;
	check_rows(errors, COUNT(errors));
	check_rows(panic_errors, COUNT(panic_errors));
}

/* In the order of their names, and the same in a copy. */
static void read_and_copied(void **state)
{
	struct config *config = parse_yaml(POOLS("{green: {share: 65535}, default: 7}")), *copy = config_copy(config);

	(void)state;
	config_free(config);
	assert_int_equal(copy->services[0].pool_count, 2);
	assert_string_equal(copy->services[0].pools[0].name, "default");
	assert_int_equal(copy->services[0].pools[0].share, 7);
	assert_string_equal(copy->services[0].pools[1].name, "green");
	assert_int_equal(copy->services[0].pools[1].share, 65535);
	assert_int_equal(config_share_of(&copy->services[0], "green"), 65535);
	assert_int_equal(config_share_of(&copy->services[0], "other"), 0);
	config_free(copy);
}

static void without_shares(void **state)
{
	struct config *config = parse_yaml(SERVICE(GREEN "sources: {pools: {green: [10.8.0.0/16]}}"));
	const struct config_service *web = &config->services[0];

	(void)state;
	assert_int_equal(web->pool_count, 0);
	assert_int_equal(config_share_of(web, CONFIG_POOL_DEFAULT), 100);
	assert_int_equal(config_share_of(web, "green"), 0);
	assert_false(config_is_pinned(web, &web->backends[0]));
	assert_true(config_is_pinned(web, &web->backends[1]));
	assert_int_equal(config_destinations(web), 3);
	config_free(config);
}

/* A pool may have a share and sources; the default one as well as others, since it is where all go no longer. */
static void shares_and_sources(void **state)
{
	struct config *config =
		parse_yaml(POOLS("{green: 80}, sources: {pools: {green: [10.8.0.0/16], default: [10.9.0.0/16]}}"));
	const struct config_service *web = &config->services[0];

	(void)state;
	assert_int_equal(config_share_of(web, CONFIG_POOL_DEFAULT), 0);
	assert_true(config_is_pinned(web, &web->backends[0]));
	assert_int_equal(config_destinations(web), 6);
	config_free(config);
}

/* Where only backups are named, the others are in the default pool. What a pool says goes before what its service says. */
static void backups(void **state)
{
	struct config *config = parse_yaml(POOLS("{green: {backup: true}}, min_healthy: 50%"));
	const struct config_service *web = &config->services[0];
	char text[CONFIG_MIN_HEALTHY_TEXT];

	(void)state;
	assert_int_equal(web->pool_count, 2);
	assert_string_equal(web->pools[0].name, CONFIG_POOL_DEFAULT);
	assert_int_equal(web->pools[0].share, 100);
	assert_int_equal(web->pools[1].share, 100);
	assert_true(config_is_backup(web, "green"));
	assert_false(config_is_backup(web, CONFIG_POOL_DEFAULT));
	assert_true(config_has_backup(web));
	assert_string_equal(config_min_healthy_format(&web->min_healthy, text), "50%");
	assert_true(config_min_healthy_of(web, CONFIG_POOL_DEFAULT).percent);
	config_free(config);
	config = parse_yaml(POOLS("{green: {share: 1, min_healthy: 0}, default: 1}, min_healthy: 3, slow_start: 1m"));
	web = &config->services[0];
	assert_false(config_has_backup(web));
	assert_int_equal(config_min_healthy_of(web, "green").least, 0);
	assert_int_equal(config_min_healthy_of(web, CONFIG_POOL_DEFAULT).least, 3);
	assert_int_equal(web->slow_start, 60000);
	config_free(config);
}

/* What picks goes round one pool, or, when that has failed, another. */
static void picked_pools(void **state)
{
	(void)state;
	config_free(parse_yaml(POOLS("{green: 1}, algorithm: round-robin")));
	config_free(parse_yaml(POOLS("{green: {backup: true}}, algorithm: least-connections")));
	config_free(parse_yaml(POOLS("{green: 0, default: 1}, algorithm: round-robin")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),	  cmocka_unit_test(read_and_copied),
		cmocka_unit_test(without_shares), cmocka_unit_test(shares_and_sources),
		cmocka_unit_test(backups),	  cmocka_unit_test(picked_pools),
	};

	return cmocka_run_group_tests_name("config pools", tests, NULL, NULL);
}
