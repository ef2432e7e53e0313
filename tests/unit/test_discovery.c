/* SPDX-License-Identifier: GPL-2.0 */
/* What was discovered beside what is configured: who is in, who is not and why, and what a source that fails or goes
 * leaves behind. */
#include "config_yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/discovery.h"
#include "../../user/shuntd/events.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TEXT "/t/*.json"

static struct config *configure(const char *more)
{
	char *text = xasprintf("{interfaces: [eth0], source: {ipv4: 172.31.0.0/16}, limits: {destinations: 6},\n"
			       "services: [{name: web, vips: [\"192.0.2.1:80/tcp\"], discover: [{files: " TEXT "}],\n"
			       "  %s backends: [10.1.0.1]},\n"
			       "  {name: dns, vips: [\"192.0.2.2:53/udp\"], check: {type: none}}]}",
			       more);
	struct config *config = parse_yaml(text);

	free(text);
	return config;
}

static struct config_backend backend(const char *address)
{
	struct config_backend b = {.weight = 100, .pool = "default"};

	assert_int_equal(addr_parse(address, &b.addr), 0);
	return b;
}

static struct discovery_key key_of(const char *item)
{
	return (struct discovery_key){"web", CONFIG_DISCOVER_FILES, TEXT, item};
}

/* The file says these addresses, with blanks between. */
static bool says(struct discovery *d, const char *item, const char *addresses)
{
	struct config_backend list[200];
	const struct discovery_key key = key_of(item);
	char *text = xstrdup(addresses), *rest = text, *address;
	size_t count = 0;
	bool changed;

	while ((address = strsep(&rest, " ")))
		if (*address)
			list[count++] = backend(address);
	changed = discovery_set(d, &key, list, count);
	free(text);
	return changed;
}

/* What the service has, joined and recorded. */
static void has(struct discovery *d, const struct config *config, const char *expected)
{
	struct config *joined = discovery_join(d, config, true);
	const struct config_service *web = config_find_service(joined, "web");
	char text[4096] = "", addr[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < web->backend_count; i++) {
		strcat(text, i ? " " : "");
		strcat(text, addr_format(&web->backends[i].addr, addr));
		strcat(text, web->backends[i].admin == CONFIG_ADMIN_DRAIN ? "-" : "");
	}
	assert_string_equal(text, expected);
	config_free(joined);
}

static const char *from(struct discovery *d, const char *address)
{
	static char text[DISCOVERY_TEXT];
	struct config_backend b = backend(address);

	return discovery_from(d, "web", &b.addr, text);
}

/* The last event that has text in it; NULL: none since the given number. */
static const char *told(uint64_t since, const char *text)
{
	struct journal_cursor cursor = {.seq = since};
	const struct journal_filter all = {0};
	const struct journal_event *event;
	const char *found = NULL;

	while ((event = journal_next(events_journal(), &cursor, &all)))
		if (event->kind == JOURNAL_DISCOVERY && strstr(event->reason, text))
			found = event->reason;
	return found;
}

static void joined(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new();

	(void)state;
	has(d, config, "10.1.0.1");
	assert_true(says(d, "/t/a.json", "10.1.0.3 10.1.0.2"));
	assert_false(says(d, "/t/a.json", "10.1.0.2 10.1.0.3"));
	has(d, config, "10.1.0.1 10.1.0.2 10.1.0.3");
	assert_string_equal(from(d, "10.1.0.2"), "file /t/a.json");
	assert_null(from(d, "10.1.0.1"));
	assert_null(from(d, "10.1.0.4"));
	assert_true(says(d, "/t/a.json", "10.1.0.3"));
	has(d, config, "10.1.0.1 10.1.0.3");
	discovery_free(d);
	config_free(config);
}

/* One that is configured wins, with all that is said of it; of two files, the one that had it first, until that lets
 * it go. */
static void whose_it_is(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new();

	(void)state;
	says(d, "/t/b.json", "10.1.0.1 10.1.0.2");
	has(d, config, "10.1.0.1 10.1.0.2");
	says(d, "/t/a.json", "10.1.0.2 10.1.0.5");
	has(d, config, "10.1.0.1 10.1.0.2 10.1.0.5");
	assert_null(from(d, "10.1.0.1"));
	assert_string_equal(from(d, "10.1.0.2"), "file /t/b.json");
	says(d, "/t/b.json", "");
	has(d, config, "10.1.0.1 10.1.0.2 10.1.0.5");
	assert_string_equal(from(d, "10.1.0.2"), "file /t/a.json");
	discovery_free(d);
	config_free(config);
}

static void refused_alone(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new();
	uint64_t before = journal_last(events_journal());

	(void)state;
	says(d, "/t/a.json", "10.1.0.2 192.0.2.1 2001:db8::1 10.1.0.3");
	has(d, config, "10.1.0.1 10.1.0.2 10.1.0.3");
	assert_string_equal(told(before, "refused"),
			    "file /t/a.json: 2 of 4 backends are refused: 192.0.2.1: the address of a VIP of service "
			    "\"web\"; expected an address of the server's own");
	before = journal_last(events_journal());
	has(d, config, "10.1.0.1 10.1.0.2 10.1.0.3");
	assert_null(told(before, "refused"));
	discovery_free(d);
	config_free(config);
}

/* Of too many, those that are in stay; who goes makes room. */
static void too_many(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new();
	uint64_t before = journal_last(events_journal());

	(void)state;
	says(d, "/t/b.json", "10.1.0.7 10.1.0.8 10.1.0.9");
	has(d, config, "10.1.0.1 10.1.0.7 10.1.0.8 10.1.0.9");
	says(d, "/t/a.json", "10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5");
	has(d, config, "10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.7 10.1.0.8 10.1.0.9");
	assert_non_null(told(before, "2 of 4 backends are refused: 10.1.0.4: limits.destinations: 6 is too small for "
				     "7 backends"));
	says(d, "/t/b.json", "10.1.0.9");
	has(d, config, "10.1.0.1 10.1.0.2 10.1.0.3 10.1.0.4 10.1.0.5 10.1.0.9");
	discovery_free(d);
	config_free(config);
}

/* A source that is wrong throughout costs no more than so many looks, and nobody who is in. */
static void wrong_throughout(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new();
	char list[4096] = "", address[32];
	uint64_t before = journal_last(events_journal());

	(void)state;
	says(d, "/t/a.json", "10.1.0.9");
	has(d, config, "10.1.0.1 10.1.0.9");
	for (int i = 0; i < 150; i++) {
		snprintf(address, sizeof(address), " 2001:db8::%x", i + 1);
		strcat(list, address);
	}
	says(d, "/t/b.json", list);
	has(d, config, "10.1.0.1 10.1.0.9");
	assert_non_null(
		told(before, "150 of 150 backends are refused: 2001:db8::1: IPv6 packets to it need source.ipv6"));
	discovery_free(d);
	config_free(config);
}

static void failures(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new();
	const struct discovery_key key = key_of("/t/a.json");
	uint64_t before = journal_last(events_journal());
	json_t *list;

	(void)state;
	says(d, "/t/a.json", "10.1.0.2");
	discovery_fail(d, &key, "torn");
	assert_string_equal(told(before, "torn"), "file /t/a.json: nothing changes: torn");
	before = journal_last(events_journal());
	discovery_fail(d, &key, "torn");
	assert_null(told(before, "torn"));
	has(d, config, "10.1.0.1 10.1.0.2");
	list = discovery_json(d, "web");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "problem")), "torn");
	json_decref(list);
	assert_false(says(d, "/t/a.json", "10.1.0.2"));
	assert_non_null(told(before, "can be used again"));
	discovery_free(d);
	config_free(config);
}

static void files_vanish(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new();
	const struct discovery_key key = key_of("");
	char *items[] = {"/t/b.json"};

	(void)state;
	says(d, "/t/a.json", "10.1.0.2");
	says(d, "/t/b.json", "10.1.0.3");
	assert_true(discovery_keep(d, &key, items, 1));
	assert_false(discovery_keep(d, &key, items, 1));
	has(d, config, "10.1.0.1 10.1.0.3");
	discovery_free(d);
	config_free(config);
}

/* A source that the configuration does not name (any more) counts for nothing, before it is forgotten, too. */
static void not_asked_for(void **state)
{
	struct config *config = configure(""), *open = configure("registration: true,");
	struct discovery *d = discovery_new();
	const struct discovery_key other = {"web", CONFIG_DISCOVER_FILES, "/other/*.json", "/other/a.json"},
				   registered = {"web", DISCOVERY_REGISTRATION, "", ""};
	struct config_backend two = backend("10.1.0.2"), three = backend("10.1.0.3");

	(void)state;
	three.admin = CONFIG_ADMIN_DRAIN;
	discovery_set(d, &other, &two, 1);
	discovery_set(d, &registered, &three, 1);
	has(d, config, "10.1.0.1");
	has(d, open, "10.1.0.1 10.1.0.3-");
	assert_string_equal(from(d, "10.1.0.3"), "registration");
	discovery_prune(d, config);
	has(d, open, "10.1.0.1");
	discovery_free(d);
	config_free(config);
	config_free(open);
}

static void what_is_only_asked_changes_nothing(void **state)
{
	struct config *config = configure(""), *once, *again;
	struct discovery *d = discovery_new();

	(void)state;
	says(d, "/t/a.json", "10.1.0.2");
	once = discovery_join(d, config, false);
	assert_null(from(d, "10.1.0.2"));
	assert_false(discovery_same(once, config));
	again = discovery_join(d, config, true);
	assert_true(discovery_same(once, again));
	config_free(once);
	config_free(again);
	discovery_free(d);
	config_free(config);
}

static void over_a_restart(void **state)
{
	struct config *config = configure("");
	struct discovery *d = discovery_new(), *next = discovery_new();
	json_t *kept, *bad = json_pack("[{s:s}, i]", "service", "web", 1);

	(void)state;
	says(d, "/t/a.json", "10.1.0.2 10.1.0.3");
	kept = discovery_save(d);
	discovery_load(next, bad);
	discovery_load(next, kept);
	has(next, config, "10.1.0.1 10.1.0.2 10.1.0.3");
	assert_false(says(next, "/t/a.json", "10.1.0.2 10.1.0.3"));
	json_decref(kept);
	json_decref(bad);
	discovery_free(d);
	discovery_free(next);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joined),
		cmocka_unit_test(whose_it_is),
		cmocka_unit_test(refused_alone),
		cmocka_unit_test(too_many),
		cmocka_unit_test(wrong_throughout),
		cmocka_unit_test(failures),
		cmocka_unit_test(files_vanish),
		cmocka_unit_test(not_asked_for),
		cmocka_unit_test(what_is_only_asked_changes_nothing),
		cmocka_unit_test(over_a_restart),
	};

	return cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
}
