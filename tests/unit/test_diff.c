/* SPDX-License-Identifier: GPL-2.0 */
/* How two configurations differ: every kind of difference, as objects and as lines. */
#include "config_yaml.h"

#include <stdio.h>
#include <stdlib.h>

#include "../../user/lib/diff.h"
#include "../../user/lib/xalloc.h"

static const char base[] =
	"interfaces: [eth0]\n"
	"source: {ipv4: 172.31.0.0/16}\n"
	"services:\n"
	"  - {name: web, vips: [\"192.0.2.1:80/tcp\", \"192.0.2.1:81/tcp\"], sources: {deny: [10.6.0.0/16]},\n"
	"     backends: [10.1.0.1, {address: 10.1.0.2, weight: 50}]}\n"
	"  - {name: dns, vips: [\"192.0.2.2:53/udp\"], backends: [10.1.0.3]}\n";

static char *replace(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* base with one text replaced: the differences, there and back. */
static json_t *diff_after(const char *from, const char *to, bool back)
{
	char *text = replace(base, from, to);
	struct config *before = parse_yaml(base), *after = parse_yaml(text);
	json_t *diff = back ? config_diff(after, before) : config_diff(before, after);

	assert_int_equal(config_same(before, after), json_array_size(diff) == 0);
	config_free(before);
	config_free(after);
	free(text);
	return diff;
}

static void assert_lines(json_t *diff, const char *expected)
{
	char found[4096] = "";
	json_t *item;
	size_t i;

	json_array_foreach (diff, i, item) {
		char *line = diff_line(item, 30);

		snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s%s", i ? "\n" : "", line);
		free(line);
	}
	assert_string_equal(found, expected);
	json_decref(diff);
}

static void lines(void **state)
{
	static const struct {
		const char *from, *to, *forth, *back;
	} rows[] = {
		{"eth0", "\"eth0\"", "", ""},
		{"weight: 50", "weight: 60", "~ services[web].backends[10.1.0.2].weight: 50 -> 60",
		 "~ services[web].backends[10.1.0.2].weight: 60 -> 50"},
		{"weight: 50", "state: drain, weight: 50", "+ services[web].backends[10.1.0.2].state: drain",
		 "- services[web].backends[10.1.0.2].state: drain"},
		{"[10.1.0.3]", "[10.1.0.3, 10.1.0.4]", "+ services[dns].backends[10.1.0.4]",
		 "- services[dns].backends[10.1.0.4]"},
		{"\"192.0.2.1:81/tcp\"", "\"192.0.2.1:82/tcp\"",
		 "- services[web].vips[192.0.2.1:81/tcp]\n+ services[web].vips[192.0.2.1:82/tcp]",
		 "- services[web].vips[192.0.2.1:82/tcp]\n+ services[web].vips[192.0.2.1:81/tcp]"},
		{"\"192.0.2.1:80/tcp\", \"192.0.2.1:81/tcp\"", "\"192.0.2.1:81/tcp\", \"192.0.2.1:80/tcp\"",
		 "~ services[web].vips: in another order", "~ services[web].vips: in another order"},
		{", sources: {deny: [10.6.0.0/16]}", "", "- services[web].sources", "+ services[web].sources"},
		{"eth0", "eth1", "- interfaces[eth0]\n+ interfaces[eth1]", "- interfaces[eth1]\n+ interfaces[eth0]"},
		{"eth0", "{name: eth0, mode: generic}", "~ interfaces[eth0].mode: auto -> generic",
		 "~ interfaces[eth0].mode: generic -> auto"},
		{"10.6.0.0/16", "10.7.0.0/16",
		 "- services[web].sources.deny[10.6.0.0/16]\n+ services[web].sources.deny[10.7.0.0/16]",
		 "- services[web].sources.deny[10.7.0.0/16]\n+ services[web].sources.deny[10.6.0.0/16]"},
		{"name: dns", "name: dns, encap: {type: gue, port: 7000}",
		 "~ services[dns].encap: auto -> {\"type\":\"gue\",\"variant\":1,\"por...",
		 "~ services[dns].encap: {\"type\":\"gue\",\"variant\":1,\"por... -> auto"},
		{"services:\n", "icmp: {rate: 7}\nservices:\n", "~ icmp.rate: 1000 -> 7", "~ icmp.rate: 7 -> 1000"},
		{"  - {name: dns,", "  - {name: ntp,", "- services[dns]\n+ services[ntp]",
		 "- services[ntp]\n+ services[dns]"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_lines(diff_after(rows[i].from, rows[i].to, false), rows[i].forth);
		assert_lines(diff_after(rows[i].from, rows[i].to, true), rows[i].back);
	}
}

static void assert_json(json_t *diff, const char *expected)
{
	json_t *want = json_loads(expected, 0, NULL);
	char *found = json_dumps(diff, JSON_COMPACT);

	assert_non_null(want);
	if (!json_equal(diff, want))
		fail_msg("%s\nexpected %s", found, expected);
	free(found);
	json_decref(want);
	json_decref(diff);
}

static void objects(void **state)
{
	(void)state;
	assert_json(diff_after("weight: 50", "weight: 60", false),
		    "[{\"change\": \"changed\", \"path\": \"services[web].backends[10.1.0.2].weight\", \"service\": "
		    "\"web\","
		    " \"backend\": \"10.1.0.2\", \"from\": 50, \"to\": 60}]");
	assert_json(diff_after("[10.1.0.3]", "[{address: 10.1.0.4, weight: 7}]", false),
		    "[{\"change\": \"removed\", \"path\": \"services[dns].backends[10.1.0.3]\", \"service\": \"dns\","
		    " \"backend\": \"10.1.0.3\", \"value\": {\"address\": \"10.1.0.3\", \"weight\": 100}},"
		    " {\"change\": \"added\", \"path\": \"services[dns].backends[10.1.0.4]\", \"service\": \"dns\","
		    " \"backend\": \"10.1.0.4\", \"value\": {\"address\": \"10.1.0.4\", \"weight\": 7}}]");
	assert_json(diff_after("\"192.0.2.1:80/tcp\", ", "", false),
		    "[{\"change\": \"removed\", \"path\": \"services[web].vips[192.0.2.1:80/tcp]\", \"service\": "
		    "\"web\"}]");
}

static char *many_prefixes(unsigned int count)
{
	char *text = xstrdup("10.6.0.0/16");

	for (unsigned int i = 0; i < count; i++) {
		char *longer = xasprintf("%s, 11.0.%u.%u", text, i / 256, i % 256);

		free(text);
		text = longer;
	}
	return text;
}

/* Of a list that has become much longer, not all of it. */
static void long_lists(void **state)
{
	char *list = many_prefixes(DIFF_LIST_MAX + 23), *line;
	json_t *diff = diff_after("10.6.0.0/16", list, false);

	(void)state;
	assert_int_equal(json_array_size(diff), DIFF_LIST_MAX + 1);
	line = diff_line(json_array_get(diff, DIFF_LIST_MAX), 10);
	assert_string_equal(line, "+ services[web].sources.deny: 23 more");
	free(line);
	json_decref(diff);
	free(list);

	list = many_prefixes(DIFF_LIST_MAX);
	diff = diff_after("10.6.0.0/16", list, true);
	assert_int_equal(json_array_size(diff), DIFF_LIST_MAX);
	json_decref(diff);
	free(list);
}

static void summaries(void **state)
{
	static const struct {
		const char *from, *to, *expected;
	} rows[] = {
		{"eth0", "\"eth0\"", "nothing changed"},
		{"weight: 50", "weight: 60", "~ services[web].backends[10.1.0.2].weight: 50 -> 60"},
		{"[10.1.0.3]", "[10.1.0.4, 10.1.0.5]", "- services[dns].backends[10.1.0.3], and 2 more"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *diff = diff_after(rows[i].from, rows[i].to, false);
		char *summary = diff_summary(diff);

		assert_string_equal(summary, rows[i].expected);
		free(summary);
		json_decref(diff);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(objects),
		cmocka_unit_test(long_lists),
		cmocka_unit_test(summaries),
	};

	return cmocka_run_group_tests_name("diff", tests, NULL, NULL);
}
