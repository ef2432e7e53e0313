/* SPDX-License-Identifier: GPL-2.0 */
/* Heartbeats and what becomes of a backend without them, by a clock of the test's own. */
#include "config_yaml.h"

#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/registrations.h"

struct world {
	struct config *config;
	struct discovery *discovery;
	struct registrations *r;
};

static const char yaml[] = "{interfaces: [eth0], source: {ipv4: 172.31.0.0/16}, services: [\n"
			   "  {name: web, registration: true, vips: [\"192.0.2.1:80/tcp\"]},\n"
			   "  {name: dns, vips: [\"192.0.2.1:53/udp\"]}]}";

static int begin(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->config = parse_yaml(yaml);
	w->discovery = discovery_new();
	w->r = registrations_new(w->discovery);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;

	registrations_free(w->r);
	discovery_free(w->discovery);
	config_free(w->config);
	free(w);
	return 0;
}

static struct config_backend backend(const char *address, uint32_t weight)
{
	struct config_backend b = {.weight = weight, .pool = "default"};

	assert_int_equal(addr_parse(address, &b.addr), 0);
	return b;
}

static bool put(struct world *w, const char *address, uint32_t weight, uint32_t ttl, uint64_t now)
{
	struct config_backend b = backend(address, weight);

	return registrations_put(w->r, "web", &b, ttl, now);
}

static void has(struct world *w, const char *expected)
{
	struct config *joined = discovery_join(w->discovery, w->config, true);
	char text[1024] = "", addr[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < joined->services[0].backend_count; i++) {
		const struct config_backend *b = &joined->services[0].backends[i];

		strcat(text, i ? " " : "");
		strcat(text, addr_format(&b->addr, addr));
		strcat(text, b->admin == CONFIG_ADMIN_DRAIN ? "-" : "");
	}
	assert_string_equal(text, expected);
	config_free(joined);
}

/* Milliseconds from 0: what there is then, when to look again, and whether anything changed. */
static void expire(struct world *w, uint64_t now, uint64_t next, bool changes, const char *expected)
{
	bool changed = false;

	assert_int_equal(registrations_expire(w->r, now, &changed), next);
	assert_int_equal(changed, changes);
	has(w, expected);
}

static void heartbeats(void **state)
{
	struct world *w = *state;

	assert_true(put(w, "10.1.0.1", 100, 10, 1000));
	assert_false(put(w, "10.1.0.1", 100, 10, 5000));
	assert_true(put(w, "10.1.0.2", 100, 30, 5000));
	expire(w, 11000, 15000, false, "10.1.0.1 10.1.0.2");
	assert_true(put(w, "10.1.0.1", 50, 10, 12000));
	expire(w, 21999, 22000, false, "10.1.0.1 10.1.0.2");
	expire(w, 22000, 32000, true, "10.1.0.1- 10.1.0.2");
}

static void silence(void **state)
{
	struct world *w = *state;

	put(w, "10.1.0.1", 100, 10, 0);
	expire(w, 9999, 10000, false, "10.1.0.1");
	expire(w, 10000, 20000, true, "10.1.0.1-");
	expire(w, 19999, 20000, false, "10.1.0.1-");
	assert_true(put(w, "10.1.0.1", 100, 10, 19999));
	expire(w, 20000, 29999, false, "10.1.0.1");
	expire(w, 29999, 39999, true, "10.1.0.1-");
	expire(w, 39999, 0, true, "");
}

/* A loop that was busy for long finds both to be due. */
static void late(void **state)
{
	struct world *w = *state;

	put(w, "10.1.0.1", 100, 10, 0);
	put(w, "10.1.0.2", 100, 100, 0);
	expire(w, 90000, 100000, true, "10.1.0.2");
}

static void leaving(void **state)
{
	struct world *w = *state;
	struct config_backend one = backend("10.1.0.1", 0), two = backend("10.1.0.2", 0);

	put(w, "10.1.0.1", 100, 10, 0);
	assert_false(registrations_delete(w->r, "web", &two.addr));
	assert_false(registrations_delete(w->r, "dns", &one.addr));
	assert_true(registrations_delete(w->r, "web", &one.addr));
	expire(w, 0, 0, false, "");
}

/* Nobody is late by the time in which nobody listened; what was on its way out still is. */
static void over_a_restart(void **state)
{
	struct world *w = *state;
	struct discovery *discovery = discovery_new();
	struct world next = {w->config, discovery, registrations_new(discovery)};
	json_t *kept, *bad = json_pack("[{s:s, s:i, s:s}, {}]", "service", "web", "ttl", 5, "backend", "nobody");

	put(w, "10.1.0.1", 100, 10, 0);
	put(w, "10.1.0.2", 7, 40, 0);
	expire(w, 10000, 20000, true, "10.1.0.1- 10.1.0.2");
	kept = registrations_save(w->r);
	registrations_load(next.r, kept, 500);
	registrations_load(next.r, bad, 500);
	expire(&next, 500, 10500, false, "10.1.0.1- 10.1.0.2");
	assert_false(put(&next, "10.1.0.2", 7, 40, 600));
	expire(&next, 10500, 40600, true, "10.1.0.2");
	json_decref(kept);
	json_decref(bad);
	registrations_free(next.r);
	discovery_free(discovery);
}

static void no_longer_allowed(void **state)
{
	struct world *w = *state;

	put(w, "10.1.0.1", 100, 10, 0);
	w->config->services[0].registration = false;
	registrations_prune(w->r, w->config);
	expire(w, 0, 0, false, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(heartbeats, begin, end),
		cmocka_unit_test_setup_teardown(silence, begin, end),
		cmocka_unit_test_setup_teardown(late, begin, end),
		cmocka_unit_test_setup_teardown(leaving, begin, end),
		cmocka_unit_test_setup_teardown(over_a_restart, begin, end),
		cmocka_unit_test_setup_teardown(no_longer_allowed, begin, end),
	};

	return cmocka_run_group_tests_name("registrations", tests, NULL, NULL);
}
