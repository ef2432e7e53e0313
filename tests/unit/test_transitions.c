/* SPDX-License-Identifier: GPL-2.0 */
/* Which events come of two models that follow on one another, and what is said of two configurations. */
#include "model_fixture.h"

#include "../../user/lib/diff.h"
#include "../../user/shuntd/events.h"
#include "../../user/shuntd/summary.h"
#include "../../user/shuntd/transitions.h"

#define LINES 4096

/* The world of a model: what holds of backends other than "up, and resolved". */
struct odd {
	const char *down, *checking, *unresolved;
};

static bool is_one(const struct shunt_addr *addr, const char *expected)
{
	char buf[SHUNT_ADDR_TEXT];

	return expected && strcmp(addr_format(addr, buf), expected) == 0;
}

static enum health_state health(void *arg, const char *service, const struct shunt_addr *backend)
{
	const struct odd *odd = arg;

	(void)service;
	if (is_one(backend, odd->checking))
		return HEALTH_CHECKING;
	return is_one(backend, odd->down) ? HEALTH_DOWN : HEALTH_UP;
}

static const struct nexthop *nexthop(void *arg, const struct shunt_addr *backend)
{
	static const struct nexthop known = {.resolved = true, .ifindex = 1}, unknown = {.why = "no route"};
	const struct odd *odd = arg;

	return is_one(backend, odd->unresolved) ? &unknown : &known;
}

static const char *checked(void *arg, const char *service, const struct shunt_addr *backend)
{
	(void)arg, (void)service;
	return is_one(backend, "10.1.0.1") ? "HTTP 503" : "";
}

static struct model *made(const struct config *config, struct odd odd)
{
	struct model_inputs inputs = {.seed = SEED, .health = health, .nexthop = nexthop, .arg = &odd};
	struct model_cache *cache = model_cache_new();
	struct model *model = model_build(config, &inputs, cache);

	model_cache_free(cache);
	return model;
}

/* Takes both over. The events as lines, in the order in which they came. */
static void expect_events(struct model *before, struct model *after, const char *expected)
{
	static const struct transitions t = {"SIGHUP", checked, NULL};
	struct journal_cursor cursor = {.seq = journal_last(events_journal())};
	const struct journal_event *event;
	char text_of[JOURNAL_TEXT], lines[LINES] = "";

	transitions_tell(&t, before, after);
	while ((event = journal_next(events_journal(), &cursor, &(struct journal_filter){0}))) {
		size_t len = strlen(lines);

		snprintf(lines + len, sizeof(lines) - len, "%s %s\n", journal_kind_name(event->kind),
			 journal_text(event, text_of));
	}
	assert_string_equal(lines, expected);
	model_free(before);
	model_free(after);
}

static json_t *service_of(json_t *tree, size_t index)
{
	return json_array_get(json_object_get(tree, "services"), index);
}

static json_t *backends_of(json_t *tree, size_t index)
{
	return json_object_get(service_of(tree, index), "backends");
}

static void the_world(void **state)
{
	struct config *config = load();

	(void)state;
	expect_events(made(config, (struct odd){0}), made(config, (struct odd){0}), "");
	expect_events(made(config, (struct odd){0}), made(config, (struct odd){.down = "10.1.0.1"}),
		      "backend service web: backend 10.1.0.1: up -> down: HTTP 503\n");
	expect_events(made(config, (struct odd){.down = "10.1.0.1"}),
		      made(config, (struct odd){.checking = "10.1.0.2", .unresolved = "2001:db8:1::2"}),
		      "backend service web: backend 10.1.0.1: down -> up: HTTP 503\n"
		      "backend service web: backend 10.1.0.2: up -> checking: no check has answered yet\n"
		      "backend service dns: backend 2001:db8:1::2: up -> unresolved: no route\n");
	/* what its state does not say */
	expect_events(made(config, (struct odd){.unresolved = "10.1.0.1"}),
		      made(config, (struct odd){.unresolved = "10.1.0.1", .down = "10.1.0.1"}),
		      "health service web: backend 10.1.0.1: up -> down: HTTP 503\n");
	config_free(config);
}

/* Only what needs somebody to look after it; what is as it is to be, or waits for its first check, is no news. */
static void a_start(void **state)
{
	struct config *config = load();

	(void)state;
	expect_events(NULL, made(config, (struct odd){.checking = "10.1.0.2", .unresolved = "10.1.0.4"}),
		      "backend service web: backend 10.1.0.4: unresolved: no route\n");
	config_free(config);
}

static void operators(void **state)
{
	json_t *tree = json_loads(text, 0, NULL);
	struct config *before = load(), *after;

	(void)state;
	json_object_set_new(json_array_get(backends_of(tree, 0), 1), "state", json_string("drain"));
	json_array_remove(backends_of(tree, 0), 0);
	json_array_insert_new(backends_of(tree, 0), 0, json_pack("{s:s}", "address", "10.1.0.9"));
	json_array_remove(json_object_get(tree, "services"), 2);
	json_array_insert_new(json_object_get(tree, "services"), 0,
			      json_pack("{s:s, s:[s], s:i, s:[s,s]}", "name", "new", "vips", "198.51.100.9:80/tcp",
					"ring_size", 251, "backends", "10.1.0.1", "10.1.0.2"));
	after = config_of_tree(tree);
	expect_events(made(before, (struct odd){0}), made(after, (struct odd){.unresolved = "10.1.0.2"}),
		      "service service new: added: by SIGHUP; backends 2\n"
		      "backend service new: backend 10.1.0.2: unresolved: no route\n"
		      "backend service web: backend 10.1.0.9: up: added by SIGHUP; not checked by this daemon yet\n"
		      "backend service web: backend 10.1.0.2: up -> drain: by SIGHUP\n"
		      "backend service web: backend 10.1.0.1: up -> removed: by SIGHUP\n"
		      "service service empty: removed: by SIGHUP; backends 0\n");
	expect_events(
		made(after, (struct odd){0}), made(before, (struct odd){.down = "10.1.0.2"}),
		"backend service web: backend 10.1.0.1: up: added by SIGHUP; HTTP 503\n"
		"backend service web: backend 10.1.0.2: drain -> down: by SIGHUP; not checked by this daemon yet\n"
		"backend service web: backend 10.1.0.9: up -> removed: by SIGHUP\n"
		"service service empty: added: by SIGHUP; backends 0\n"
		"service service new: removed: by SIGHUP; backends 2\n");
	config_free(before);
	config_free(after);
}

/* The same world as in made(), at a time, behind a model. */
static struct model *made_after(const struct config *config, struct odd odd, const struct model *before, uint64_t now)
{
	struct model_inputs inputs = {
		.seed = SEED, .health = health, .nexthop = nexthop, .arg = &odd, .before = before, .now = now};
	struct model_cache *cache = model_cache_new();
	struct model *model = model_build(config, &inputs, cache);

	model_cache_free(cache);
	return model;
}

/* Which pools serve, and which have failed beside others. */
static void rules(void **state)
{
	json_t *tree = json_loads(text, 0, NULL);
	struct config *config;

	(void)state;
	json_object_set_new(json_array_get(backends_of(tree, 0), 1), "pool", json_string("green"));
	json_object_set_new(json_array_get(backends_of(tree, 0), 3), "pool", json_string("spare"));
	json_object_set_new(service_of(tree, 0), "pools",
			    json_pack("{s:i, s:i, s:{s:b}}", "default", 1, "green", 0, "spare", "backup", 1));
	config = config_of_tree(tree);
	expect_events(made(config, (struct odd){0}), made(config, (struct odd){.down = "10.1.0.1"}),
		      "service service web: shares -> backup: backups serve: pool default has failed: none of its 1 "
		      "backend can be used\n"
		      "service service web: pool default has failed: none of its 1 backend can be used\n"
		      "backend service web: backend 10.1.0.1: up -> down: HTTP 503\n");
	expect_events(made(config, (struct odd){.down = "10.1.0.1"}), made(config, (struct odd){0}),
		      "service service web: backup -> shares: pools serve by their shares again\n"
		      "service service web: pool default can serve again: 1 of 1 backends are healthy\n"
		      "backend service web: backend 10.1.0.1: down -> up: HTTP 503\n");
	expect_events(made(config, (struct odd){0}), made(config, (struct odd){.down = "10.1.0.4"}),
		      "service service web: pool spare has failed: none of its 1 backend can be used\n"
		      "backend service web: backend 10.1.0.4: up -> down: not checked by this daemon yet\n");
	expect_events(NULL, made(config, (struct odd){.unresolved = "10.1.0.1"}),
		      "service service web: backup: backups serve: pool default has failed: none of its 1 backend "
		      "can be used\n"
		      "backend service web: backend 10.1.0.1: unresolved: no route\n");
	expect_events(made(config, (struct odd){.down = "10.1.0.4"}),
		      made(config, (struct odd){.down = "10.1.0.4", .unresolved = "10.1.0.1"}),
		      "service service web: shares -> nobody: no backend can be used: new connections are dropped\n"
		      "service service web: pool default has failed: none of its 1 backend can be used\n"
		      "backend service web: backend 10.1.0.1: up -> unresolved: no route\n");
	config_free(config);
}

static void slow_starts(void **state)
{
	struct config *config = load();
	struct model *down, *begun;

	(void)state;
	config->services[0].slow_start = 10000;
	down = made_after(config, (struct odd){.down = "10.1.0.1"}, NULL, 1);
	begun = made_after(config, (struct odd){0}, down, 2);
	expect_events(down, made_after(config, (struct odd){0}, down, 2),
		      "backend service web: backend 10.1.0.1: down -> up: HTTP 503\n"
		      "backend service web: backend 10.1.0.1: slow start: 10 % of its weight at first\n");
	down = made_after(config, (struct odd){0}, begun, 5000);
	expect_events(begun, made_after(config, (struct odd){0}, begun, 5000), "");
	expect_events(down, made_after(config, (struct odd){0}, down, 10002),
		      "backend service web: backend 10.1.0.1: slow start is over: it has its whole weight\n");
	config_free(config);
}

static void expect_summary(const struct config *before, json_t *tree, const char *expected)
{
	struct config *after = config_of_tree(tree);
	json_t *diff = config_diff(before, after);
	char buf[SUMMARY_TEXT];

	assert_string_equal(summary_of(diff, buf), expected);
	json_decref(diff);
	config_free(after);
}

static void summaries(void **state)
{
	struct config *before = load();
	json_t *tree = json_loads(text, 0, NULL), *backend;

	(void)state;
	expect_summary(before, tree, "only their order or wording");
	tree = json_loads(text, 0, NULL);
	json_array_append(json_object_get(tree, "services"), service_of(tree, 0));
	json_array_remove(json_object_get(tree, "services"), 0);
	expect_summary(before, tree, "only their order or wording");
	tree = json_loads(text, 0, NULL);
	json_array_remove(json_object_get(tree, "services"), 2);
	json_array_remove(backends_of(tree, 0), 0);
	backend = json_array_get(backends_of(tree, 0), 0);
	json_object_set_new(backend, "state", json_string("drain"));
	json_object_set_new(backend, "weight", json_integer(7));
	json_object_set_new(json_array_get(backends_of(tree, 0), 2), "encap", json_string("gue"));
	json_array_append_new(backends_of(tree, 1), json_pack("{s:s}", "address", "2001:db8:1::3"));
	json_object_set_new(service_of(tree, 1), "idle_timeout", json_integer(7));
	json_object_set_new(tree, "icmp", json_pack("{s:i}", "rate", 7));
	expect_summary(
		before, tree,
		"settings of the node changed; service empty: removed; service web: backend 10.1.0.1 removed, "
		"backend 10.1.0.2 weight 7, backend 10.1.0.2 drained, backend 10.1.0.4 changed; service dns: settings "
		"changed, backend 2001:db8:1::3 added");
	config_free(before);
}

/* The other way, with several differences for which there is one word, in a configuration in another order. */
static void summaries_of_several(void **state)
{
	json_t *was = json_loads(text, 0, NULL), *is = json_loads(text, 0, NULL), *backend;
	struct config *before;

	(void)state;
	json_object_set_new(json_array_get(backends_of(was, 0), 1), "state", json_string("drain"));
	json_object_set_new(json_array_get(backends_of(was, 0), 2), "pool", json_string("green"));
	json_object_set_new(json_array_get(backends_of(was, 0), 3), "state", json_string("up"));
	before = config_of_tree(was);
	backend = json_array_get(backends_of(is, 0), 2);
	json_object_set_new(backend, "encap", json_string("gue"));
	json_object_set_new(backend, "mac", json_string("02:00:00:00:00:09"));
	json_object_set_new(service_of(is, 0), "idle_timeout", json_integer(7));
	json_object_set_new(service_of(is, 0), "panic", json_integer(7));
	json_object_set_new(is, "icmp", json_pack("{s:i}", "rate", 7));
	json_object_set_new(is, "resolvers", json_pack("[s]", "192.0.2.53"));
	json_array_append(backends_of(is, 1), json_array_get(backends_of(is, 1), 0));
	json_array_remove(backends_of(is, 1), 0);
	json_array_append(json_object_get(is, "services"), service_of(is, 0));
	json_array_remove(json_object_get(is, "services"), 0);
	expect_summary(before, is,
		       "settings of the node changed; service web: settings changed, backend 10.1.0.2 undrained, "
		       "backend 10.1.0.3 pool default, backend 10.1.0.3 changed");
	config_free(before);
}

/* One that does not fit is counted, and so are those behind it. */
static void long_summaries(void **state)
{
	struct config *before = load();
	json_t *tree = json_loads(text, 0, NULL);
	struct config *after;
	json_t *diff;
	char buf[SUMMARY_TEXT], addr[32];
	unsigned int told = 0, more = 0;

	(void)state;
	for (int i = 1; i <= 200; i++) {
		snprintf(addr, sizeof(addr), "10.2.0.%d", i);
		json_array_append_new(backends_of(tree, 0), json_pack("{s:s}", "address", addr));
	}
	after = config_of_tree(tree);
	diff = config_diff(before, after);
	summary_of(diff, buf);
	for (const char *at = buf; (at = strstr(at, " added")); at++)
		told++;
	assert_non_null(strstr(buf, "; and "));
	assert_int_equal(sscanf(strstr(buf, "; and "), "; and %u more changes", &more), 1);
	assert_int_equal(told + more, 200);
	json_decref(diff);
	config_free(before);
	config_free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules),
		cmocka_unit_test(slow_starts),
		cmocka_unit_test(the_world),
		cmocka_unit_test(a_start),
		cmocka_unit_test(operators),
		cmocka_unit_test(summaries),
		cmocka_unit_test(summaries_of_several),
		cmocka_unit_test(long_summaries),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests_name("transitions", tests, NULL, NULL);
}
