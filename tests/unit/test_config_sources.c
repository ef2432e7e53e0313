/* SPDX-License-Identifier: GPL-2.0 */
/* Sources in the configuration, those with a pool of their own among them: every error, with its exact text. */
#include "config_errors.h"

static const struct row errors[] = {
	{SERVICE("sources: [10.0.0.0/8]"),
	 "t.yaml:3: services[web].sources: a list is not a mapping; expected the keys allow, deny or pools"},
	{SERVICE("sources: {drop: []}"),
	 "t.yaml:3: services[web].sources.drop: unknown key; expected allow, deny or pools"},
	{SERVICE("sources: {allow: 10.0.0.0/8}"),
	 "t.yaml:3: services[web].sources.allow: \"10.0.0.0/8\" is not a list; expected prefixes such as 10.8.0.0/16"},
	{SERVICE("sources: {deny: [10.0.0.0/8,\n10.0.0.1/8]}"),
	 "t.yaml:4: services[web].sources.deny[10.0.0.1/8]: \"10.0.0.1/8\" has bits set behind the prefix's length; "
	 "expected them to be 0"},
	{SERVICE("sources: {deny: [10.0.0.0/33]}"),
	 "t.yaml:3: services[web].sources.deny[10.0.0.0/33]: \"10.0.0.0/33\" "
	 "is not a prefix; expected such as 10.8.0.0/16, 2001:db8::/32, or "
	 "an address"},
	{SERVICE("sources: {allow: [10.0.0.1,\n10.0.0.1/32]}"),
	 "t.yaml:4: services[web].sources.allow[10.0.0.1/32]: listed twice; expected each prefix once"},
	{SERVICE("sources: {allow: [10.0.0.0/8],\ndeny: [11.0.0.0/8,\n10.0.0.0/8]}"),
	 "t.yaml:5: services[web].sources.deny[10.0.0.0/8]: allowed and denied; expected each prefix once"},
	{SERVICE("sources: {pools: [10.8.0.0/16]}"), "t.yaml:3: services[web].sources.pools: a list is not a mapping; "
						     "expected names of pools, each with a list of prefixes"},
	{SERVICE("sources: {pools: {green: 10.8.0.0/16}}"),
	 "t.yaml:3: services[web].sources.pools.green: \"10.8.0.0/16\" is not a list; expected prefixes such as "
	 "10.8.0.0/16"},
	{SERVICE("sources: {pools: {green: [10.8.0.0/33]}}"),
	 "t.yaml:3: services[web].sources.pools.green[10.8.0.0/33]: \"10.8.0.0/33\" is not a prefix; expected such as "
	 "10.8.0.0/16, "
	 "2001:db8::/32, or an address"},
	{SERVICE("sources: {pools: {-green: [10.8.0.0/16]}}"),
	 "t.yaml:3: services[web].sources.pools.-green: not a pool's name; expected 1 to 31 letters, digits, '-', '_' "
	 "or '.', a "
	 "letter or digit first"},
	{SERVICE("sources: {pools: {default: [10.8.0.0/16]}}"),
	 "t.yaml:3: services[web].sources.pools.default: the default pool is where sources go that are in no list, or "
	 "in that of "
	 "`allow`"},
	{SERVICE("sources: {pools: {green: [10.8.0.0/16],\nblue: [10.8.0.0/16]}}"),
	 "t.yaml:3: services[web].sources.pools.green[10.8.0.0/16]: sent to pool \"blue\" as well; expected each "
	 "prefix once"},
	{SERVICE("sources: {pools: {green: [10.8.0.0/16]},\ndeny: [10.8.0.0/16]}"),
	 "t.yaml:4: services[web].sources.deny[10.8.0.0/16]: sent to pool \"green\" as well; expected each prefix "
	 "once"},
	{SERVICE("sources: {pools: {green: [10.8.0.0/16,\n10.8.0.0/16]}}"),
	 "t.yaml:4: services[web].sources.pools.green[10.8.0.0/16]: listed twice; expected each prefix once"},
	{SERVICE("sources: {pools: {grene: [10.8.0.0/16]}}, backends: [{address: 10.1.0.1, pool: green}]"),
	 "t.yaml:3: services[web].sources.pools.grene: no backend of service \"web\" is in pool \"grene\"; did you "
	 "mean "
	 "\"green\"?; expected one with `pool: grene`"},
	{SERVICE("sources: {pools: {green: [10.8.0.0/16]}}, backends: [10.1.0.1]"),
	 "t.yaml:3: services[web].sources.pools.green: no backend of service \"web\" is in pool \"green\"; expected "
	 "one with `pool: "
	 "green`"},
	{HEAD "limits: {services: 2}, services: [{name: web, vips: [\"192.0.2.1:80/tcp\"], backends: [{address: "
	      "10.1.0.1, pool: green}, "
	      "{address: 10.1.0.2, pool: blue}], sources: {pools: {green: [10.0.0.1], blue: [10.0.0.2]}}}]}",
	 "t.yaml:2: limits.services: 2 is too small for 3 services and pools that sources are sent to; raise it to 3 "
	 "or more"},
	{HEAD "limits: {ring_slots: 501}, services: [{name: web, ring_size: 251, vips: [\"192.0.2.1:80/tcp\"], "
	      "backends: [{address: "
	      "10.1.0.1, pool: green}], sources: {pools: {green: [10.0.0.1]}}}]}",
	 "t.yaml:2: limits.ring_slots: 501 is too small for 502 ring slots (ring_size of all services, and again for "
	 "each pool that "
	 "sources are sent to); raise it to 502 or more"},
	{HEAD "limits: {sources: 1}, services: [{name: web, vips: [\"192.0.2.1:80/tcp\"], sources: {deny: [10.0.0.1, "
	      "10.0.0.2]}}]}",
	 "t.yaml:2: limits.sources: 1 is too small for 2 source prefixes; raise it to 2 or more"},
};

static void refused(void **state)
{
	(void)state;
	check_rows(errors, COUNT(errors));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("config sources", tests, NULL, NULL);
}
