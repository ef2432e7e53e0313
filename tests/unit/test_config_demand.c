/* SPDX-License-Identifier: GPL-2.0 */
/* What is on demand, as it is configured; and the windows of its schedule, with clocks that go forward and back. */
#include "config_errors.h"

#include <time.h>

#include "../../user/lib/config_windows.h"

#define DEMAND(text) SERVICE("on_demand: " text ", backends: [{address: 10.1.0.1, pool: cpu}, 10.1.0.2]")
#define START "start: {command: [/bin/start]}"

static const struct row errors[] = {
	{DEMAND("12"), "t.yaml:3: services[web].on_demand: 12 is not a mapping; expected the keys start, stop, idle, "
		       "timeout or awake"},
	{DEMAND("{}"),
	 "t.yaml:3: services[web].on_demand.start: missing; expected what wakes it: a mapping with command "
	 "or url"},
	{DEMAND("{start: {}}"),
	 "t.yaml:3: services[web].on_demand.start: none of command and url; expected one of them"},
	{DEMAND("{start: {command: [/a], url: \"http://a\"}}"),
	 "t.yaml:3: services[web].on_demand.start: both of command and url; expected one of them"},
	{DEMAND("{start: {command: [a]}}"),
	 "t.yaml:3: services[web].on_demand.start.command[a]: \"a\" is not a program; "
	 "expected its path from \"/\" on, such as /usr/local/bin/check"},
	{DEMAND("{start: {command: [/a], method: GET}}"),
	 "t.yaml:3: services[web].on_demand.start.method: a command has no method; remove it, or give a url"},
	{DEMAND("{start: {url: \"ftp://a\"}}"),
	 "t.yaml:3: services[web].on_demand.start.url: \"ftp://a\" is not a URL; expected one such as "
	 "http://10.0.0.5:8080/start, of at most 1023 characters"},
	{DEMAND("{start: {url: \"http://\"}}"),
	 "t.yaml:3: services[web].on_demand.start.url: \"http://\" is not a URL; expected one such as "
	 "http://10.0.0.5:8080/start, of at most 1023 characters"},
	{DEMAND("{start: {url: \"http://a\", method: TRACE}}"),
	 "t.yaml:3: services[web].on_demand.start.method: \"TRACE\" is not a known word; expected POST, PUT, GET, "
	 "DELETE "
	 "or PATCH"},
	{DEMAND("{" START ", idle: 999ms}"),
	 "t.yaml:3: services[web].on_demand.idle: \"999ms\" is out of range; expected 1s to 168h"},
	{DEMAND("{" START ", timeout: 2h}"),
	 "t.yaml:3: services[web].on_demand.timeout: \"2h\" is out of range; expected 100ms to 1h"},
	{DEMAND("{" START ", awake: [mon-fry]}"),
	 "t.yaml:3: services[web].on_demand.awake[mon-fry]: \"mon-fry\" is not a time of the week; expected days, "
	 "times or "
	 "both, "
	 "such as \"mon-fri 07:00-19:00\", \"sat,sun\" or \"22:00-02:00 UTC\""},
	{DEMAND("{" START ", pools: {cpu: {" START "}}}"),
	 "t.yaml:3: services[web].on_demand.start: unknown key; expected pools"},
	{DEMAND("{pools: {}}"), "t.yaml:3: services[web].on_demand.pools: names no pool; expected names of pools, "
				"each with start, stop, idle and so on"},
	{DEMAND("{pools: {gpu: {" START "}}}"),
	 "t.yaml:3: services[web].on_demand.pools.gpu: no backend of service \"web\" is in pool \"gpu\"; did you mean "
	 "\"cpu\"?; expected one with `pool: gpu`"},
};

static void test_errors(void **state)
{
	(void)state;
	check_rows(errors, COUNT(errors));
}

/* What is written is what was read, and a copy is as good. */
static void test_round_trip(void **state)
{
	struct config
		*config = parse_yaml(DEMAND(
			"{pools: {cpu: {start: {url: \"https://a/start\"}, stop: {url: \"http://a/stop\", method: PUT},"
			" idle: 90s, awake: [mon-fri 07:00-19:00, sun]}, default: {" START "}}}")),
		*copy = config_copy(config), *again;
	const struct config_service *service = &copy->services[0];
	json_t *json = config_to_json(config), *other = config_to_json(copy);
	struct shunt_err err = {};

	(void)state;
	config_free(config);
	assert_true(json_equal(json, other));
	again = config_from_json(json, NULL, &err);
	assert_non_null(again);
	json_decref(other);
	other = config_to_json(again);
	assert_true(json_equal(json, other));
	assert_int_equal(service->demand_count, 2);
	assert_string_equal(config_demand_of(service, "cpu")->start.method, "POST");
	assert_int_equal(config_demand_of(service, "cpu")->idle, 90000);
	assert_int_equal(config_demand_of(service, "cpu")->timeout, 30000);
	assert_int_equal(config_demand_of(service, "cpu")->awake_count, 2);
	assert_string_equal(config_demand_of(service, "default")->start.command[0], "/bin/start");
	assert_int_equal(config_demand_of(service, "default")->idle, 600000);
	assert_false(config_has_hook(&config_demand_of(service, "default")->stop));
	assert_null(config_demand_of(service, "memory"));
	json_decref(json);
	json_decref(other);
	config_free(copy);
	config_free(again);
}

static void test_defaults_of_group(void **state)
{
	struct config *config =
		parse_yaml("{interfaces: [eth0], source: {ipv4: 172.31.0.0/16},\n"
			   "groups: {g: {defaults: {on_demand: {" START ", idle: 5m, timeout: 9s}}}},\n"
			   "services: [{name: web, group: g, vips: [\"192.0.2.1:80/tcp\"], on_demand: {idle: 1m}}]}");

	(void)state;
	assert_int_equal(config->services[0].demands[0].idle, 60000);
	assert_int_equal(config->services[0].demands[0].timeout, 9000);
	assert_string_equal(config->services[0].demands[0].start.command[0], "/bin/start");
	config_free(config);
}

static void test_words(void **state)
{
	static const struct {
		const char *text, *form;
	} rows[] = {
		{"mon-fri 07:00-19:00", "mon,tue,wed,thu,fri 07:00-19:00"},
		{"sat,sun", "sat,sun 00:00-24:00"},
		{"fri-mon 22:00-02:00 UTC", "mon,fri,sat,sun 22:00-02:00 UTC"},
		{"00:00-24:00", "mon,tue,wed,thu,fri,sat,sun 00:00-24:00"},
		{"sun UTC", "sun 00:00-24:00 UTC"},
		{"mon,wed-fri 23:59-00:00", "mon,wed,thu,fri 23:59-00:00"},
		{"", NULL},
		{"UTC", NULL},
		{"mon tue", NULL},
		{"mon-", NULL},
		{"mon,", NULL},
		{"monday", NULL},
		{"mon 7:00-19:00", NULL},
		{"mon 07:00-24:01", NULL},
		{"mon 24:00-25:00", NULL},
		{"mon 07:60-08:00", NULL},
		{"mon 07:00-07:00", NULL},
		{"mon 07:00-19:00 CET", NULL},
		{"mon 07:00-19:00 UTC UTC", NULL},
		{"mon  07:00-19:00", NULL},
		{"mon 07:00-19:00 ", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_window window, again;
		char text[CONFIG_WINDOW_TEXT];
		int ret = config_window_parse(rows[i].text, &window);

		if ((ret == 0) != (rows[i].form != NULL))
			fail_msg("\"%s\": %s", rows[i].text, ret ? "refused" : "accepted");
		if (ret)
			continue;
		assert_string_equal(config_window_format(&window, text), rows[i].form);
		assert_int_equal(config_window_parse(text, &again), 0);
		assert_string_equal(config_window_format(&again, text), rows[i].form);
	}
}

/* UTC, as "2026-03-29 00:30". */
static time_t at(const char *text)
{
	struct tm tm = {};

	assert_non_null(strptime(text, "%Y-%m-%d %H:%M", &tm));
	return timegm(&tm);
}

/* In Berlin, where clocks go from 02:00 to 03:00 on 29 March 2026, and on 25 October from 03:00 back to 02:00. */
static void test_windows(void **state)
{
	static const struct {
		const char *window, *utc;
		bool holds;
	} rows[] = {
		/* Winter is one hour ahead, summer two; what is in UTC does not move. */
		{"mon-fri 07:00-19:00", "2026-01-05 05:59", false},
		{"mon-fri 07:00-19:00", "2026-01-05 06:00", true},
		{"mon-fri 07:00-19:00", "2026-01-05 17:59", true},
		{"mon-fri 07:00-19:00", "2026-01-05 18:00", false},
		{"mon-fri 07:00-19:00", "2026-07-06 04:59", false},
		{"mon-fri 07:00-19:00", "2026-07-06 05:00", true},
		{"mon-fri 07:00-19:00", "2026-07-05 12:00", false}, /* a Sunday */
		{"mon-fri 07:00-19:00 UTC", "2026-07-06 06:59", false},
		{"mon-fri 07:00-19:00 UTC", "2026-07-06 07:00", true},
		/* Over midnight, into Saturday; the week's end is no border. */
		{"fri 22:00-06:00", "2026-01-09 20:59", false},
		{"fri 22:00-06:00", "2026-01-09 21:00", true},
		{"fri 22:00-06:00", "2026-01-10 04:59", true},
		{"fri 22:00-06:00", "2026-01-10 05:00", false},
		{"fri 22:00-06:00", "2026-01-10 21:00", false},
		{"sat 22:00-06:00", "2026-01-11 04:00", true},
		{"sun 22:00-06:00", "2026-01-11 04:00", false},
		/* The day is the local one. */
		{"mon", "2026-01-04 23:00", true},
		{"mon", "2026-01-04 22:59", false},
		{"mon", "2026-01-05 22:59", true},
		{"mon", "2026-01-05 23:00", false},
		/* There is no 02:30 on this day: 01:59 is followed by 03:00. */
		{"sun 02:00-03:00", "2026-03-29 00:59", false},
		{"sun 02:00-03:00", "2026-03-29 01:00", false},
		{"sun 02:30-04:00", "2026-03-29 00:59", false},
		{"sun 02:30-04:00", "2026-03-29 01:00", true},
		/* And 02:30 comes twice on this one. */
		{"sun 02:00-03:00", "2026-10-24 23:59", false},
		{"sun 02:00-03:00", "2026-10-25 00:00", true},
		{"sun 02:00-03:00", "2026-10-25 00:30", true},
		{"sun 02:00-03:00", "2026-10-25 01:30", true},
		{"sun 02:00-03:00", "2026-10-25 02:00", false},
	};

	(void)state;
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	tzset();
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config_window window;

		assert_int_equal(config_window_parse(rows[i].window, &window), 0);
		if (config_windows_hold(&window, 1, at(rows[i].utc)) != rows[i].holds)
			fail_msg("%s at %s UTC: expected %s", rows[i].window, rows[i].utc,
				 rows[i].holds ? "to hold" : "not");
	}
	assert_false(config_windows_hold(NULL, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_defaults_of_group),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_windows),
	};

	return cmocka_run_group_tests_name("config_demand", tests, NULL, NULL);
}
