/* SPDX-License-Identifier: GPL-2.0 */
/* Sources of backends in the configuration; target files and registrations as they are read. */
#include "config_errors.h"

#include "../../user/lib/config_found.h"
#include "../../user/lib/xalloc.h"

#define FILES_WORDS "an absolute one that ends in .json, such as /etc/shunt/targets.d/*.json"
#define PLACE "t.yaml:3: services[web].discover[0]"

static const struct row errors[] = {
	{SERVICE("registration: 1"),
	 "t.yaml:3: services[web].registration: 1 is not a boolean; expected true or false"},
	{SERVICE("discover: /x.json"),
	 "t.yaml:3: services[web].discover: \"/x.json\" is not a list; expected mappings such as {files: "
	 "/etc/shunt/targets.d/*.json}"},
	{SERVICE("discover: [{}]"), PLACE ": none of files, dns and srv; expected one of them"},
	{SERVICE("discover: [{dns: a, srv: b}]"), PLACE ": several of files, dns and srv; expected one of them"},
	{SERVICE("discover: [{files: /x.json, pool: a}]"),
	 PLACE ": family, pool, min_ttl and max_ttl are of names; expected files alone"},
	{SERVICE("discover: [{dns: \"a b\"}]"),
	 PLACE ".dns: \"a b\" is not a domain name; expected one such as web.example.org"},
	{SERVICE("discover: [{srv: .}]"),
	 PLACE ".srv: \".\" is not a domain name; expected one such as _http._tcp.example.org"},
	{SERVICE("discover: [{dns: a, family: ipv5}]"),
	 PLACE ".family: \"ipv5\" is not a known word; expected any, ipv4 or ipv6"},
	{SERVICE("discover: [{dns: a, min_ttl: 500ms}]"),
	 PLACE ".min_ttl: \"500ms\" is out of range; expected 1s to 24h"},
	{SERVICE("discover: [{dns: a, max_ttl: 4s}]"),
	 PLACE ".max_ttl: is shorter than min_ttl; expected min_ttl or more"},
	{HEAD "resolvers: 10.0.0.53}",
	 "t.yaml:2: resolvers: \"10.0.0.53\" is not a list; expected addresses of resolvers, such as 10.0.0.53"},
	{HEAD "resolvers: [10.0.0.53, ns.example.org]}", "t.yaml:2: resolvers[ns.example.org]: \"ns.example.org\" is "
							 "not a resolver; expected an address, and a port or "
							 "none, such as 10.0.0.53 or [2001:db8::53]:5353"},
	{HEAD "resolvers: [1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1,1.1.1.1]}",
	 "t.yaml:2: resolvers: 9 resolvers; expected at most 8"},
	{SERVICE("discover: [{file: /x.json}]"), PLACE ".file: unknown key; did you mean \"files\"?"},
	{SERVICE("discover: [{files: x.json}]"),
	 PLACE ".files: \"x.json\" is not a path of target files; expected " FILES_WORDS},
	{SERVICE("discover: [{files: /x.yaml}]"),
	 PLACE ".files: \"/x.yaml\" is not a path of target files; expected " FILES_WORDS},
	{SERVICE("discover: [{files: /etc/.json}]"),
	 PLACE ".files: \"/etc/.json\" is not a path of target files; expected " FILES_WORDS},
	{SERVICE("discover: [{files: /*/x.json}]"),
	 PLACE ".files: \"/*/x.json\" is not a path of target files; expected a pattern in its last part only, such as "
	       "/etc/shunt/targets.d/*.json"},
	{SERVICE("discover: [{files: /x.json}, {files: /x.json}]"),
	 "t.yaml:3: services[web].discover[1]: listed twice; expected each source of backends once"},
};

static void refused(void **state)
{
	(void)state;
	check_rows(errors, COUNT(errors));
}

/* Their backends come when they come. */
static void pools_may_be_empty(void **state)
{
	(void)state;
	config_free(
		parse_yaml(SERVICE("pools: {blue: 1}, sources: {pools: {green: [10.0.0.0/8]}}, registration: true")));
}

/* "10.1.0.1=100,default 10.1.0.2=..." */
static const struct {
	const char *json, *backends;
} files[] = {
	{"[]", ""},
	{"[{\"targets\": []}]", ""},
	{"[{\"targets\": [\"10.1.0.2:80\", \"10.1.0.1\", \"[2001:db8::1]:80\", \"2001:db8::2\", \"[2001:db8::3]\"]}]",
	 "10.1.0.1=100,default 10.1.0.2=100,default 2001:db8::1=100,default 2001:db8::2=100,default "
	 "2001:db8::3=100,default"},
	{"[{\"targets\": [\"10.1.0.1:80\"], \"labels\": {\"__shunt_weight\": \"7\", \"__shunt_pool\": \"blue\", "
	 "\"weight\": \"heavy\", \"pool\": [1], \"__meta_x\": \"\"}}, {\"targets\": [\"10.1.0.2\"]}]",
	 "10.1.0.1=7,blue 10.1.0.2=100,default"},
	{"[{\"targets\": [\"10.1.0.1:80\", \"10.1.0.1:9100\"]}, {\"labels\": {\"__shunt_weight\": \"3\"}, \"targets\": "
	 "[\"10.1.0.1\"]}]",
	 "10.1.0.1=3,default"},
	{"[{\"labels\": {\"emoji\": \"\\ud83d\\ude00\"}, \"targets\": [\"10.1.0.1\"]}]", "10.1.0.1=100,default"},
};

static void read_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct config_backend *list;
		struct shunt_err err = {};
		size_t count;
		char text[1024] = "", addr[SHUNT_ADDR_TEXT];

		if (config_targets(files[i].json, strlen(files[i].json), "t.json", &list, &count, &err))
			fail_msg("%s", shunt_err_text(&err));
		for (size_t j = 0; j < count; j++)
			sprintf(text + strlen(text), "%s%s=%u,%s", j ? " " : "", addr_format(&list[j].addr, addr),
				list[j].weight, list[j].pool);
		assert_string_equal(text, files[i].backends);
		free(list);
	}
}

#define TARGET_WORDS \
	" is not a target; expected an address, and a port or none, such as 10.1.0.11:80 or [2001:db8::11]:80"
static const struct row file_errors[] = {
	{"", "t.json:1: not JSON: '[' or '{' expected near end of file"},
	{"[\n{\"targets\": [\"10.1.0.1\",\n", "t.json:3: not JSON: ']' expected near end of file"},
	{"{}", "t.json:1: a mapping is not a list; expected groups such as {\"targets\": [\"10.1.0.11:80\"]}"},
	{"[\n1]", "t.json:2: [0]: 1 is not a group of targets; expected a mapping with targets and labels"},
	{"[{}]", "t.json:1: [0].targets: missing; expected a list: targets such as 10.1.0.11:80"},
	{"[{\"targets\": [\n\n\"www.example.org:80\"]}]",
	 "t.json:3: [0].targets[www.example.org:80]: \"www.example.org:80\"" TARGET_WORDS},
	{"[{\"targets\": [\"10.1.0.1:0\"]}]", "t.json:1: [0].targets[10.1.0.1:0]: \"10.1.0.1:0\"" TARGET_WORDS},
	{"[{\"targets\": [\"[2001:db8::1]80\"]}]",
	 "t.json:1: [0].targets[[2001:db8::1]80]: \"[2001:db8::1]80\"" TARGET_WORDS},
	{"[{\"targets\": [5]}]", "t.json:1: [0].targets[0]: 5" TARGET_WORDS},
	{"[{\"targets\": [\"127.0.0.1:80\"]}]",
	 "t.json:1: [0].targets[127.0.0.1]: \"127.0.0.1\" is not an address that a server can have; expected one that "
	 "is "
	 "not loopback, multicast, broadcast, unspecified, IPv4-mapped or link-local"},
	{"[{\"targets\": [], \"labels\": []}]",
	 "t.json:1: [0].labels: a list is not a mapping; expected labels, such as {\"__shunt_weight\": \"50\"}"},
	{"[{\"targets\": [], \"labels\": {\n\"__shunt_weight\": 50}}]",
	 "t.json:2: [0].labels.__shunt_weight: 50 is not a weight; expected \"0\" to \"65535\", as a text"},
	{"[{\"targets\": [], \"labels\": {\"__shunt_wieght\": \"50\"}}]",
	 "t.json:1: [0].labels.__shunt_wieght: unknown label; expected __shunt_weight or __shunt_pool"},
	{"[{\"targets\": [], \"labels\": {\"__shunt_pool\": \"a b\"}}]",
	 "t.json:1: [0].labels.__shunt_pool: \"a b\" is not a pool's name; expected 1 to 31 letters, digits, '-', '_' "
	 "or "
	 "'.', a letter or digit first"},
};

static void refused_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(file_errors); i++) {
		struct config_backend *list;
		struct shunt_err err = {};
		size_t count;

		if (!config_targets(file_errors[i].yaml, strlen(file_errors[i].yaml), "t.json", &list, &count, &err))
			fail_msg("accepted: %s", file_errors[i].yaml);
		assert_string_equal(shunt_err_text(&err), file_errors[i].error);
	}
}

/* All prefixes of a file but the whole are torn, and none is anything else. */
static void torn_files(void **state)
{
	static const char text[] = "[{\"targets\": [\"10.1.0.1:80\"], \"labels\": {\"__shunt_weight\": \"7\"}}]";

	(void)state;
	for (size_t len = 0; len < strlen(text); len++) {
		struct config_backend *list;
		struct shunt_err err = {};
		size_t count;

		assert_int_not_equal(config_targets(text, len, "t.json", &list, &count, &err), 0);
		assert_non_null(strstr(err.what, "not JSON"));
	}
}

static void registrations(void **state)
{
	static const struct row rows[] = {
		{"{\"ttl\": 1}", "ttl: 1 is out of range; expected 2 to 86400"},
		{"{\"weight\": 65536}", "weight: 65536 is out of range; expected 0 to 65535"},
		{"{\"pool\": \"\"}",
		 "pool: \"\" is not a pool's name; expected 1 to 31 letters, digits, '-', '_' or '.', "
		 "a letter or digit first"},
		{"[]", "a list is not a mapping; expected the keys ttl, weight or pool"},
	};
	struct config_backend backend;
	struct shunt_err err = {};
	json_t *body = json_object();
	uint32_t ttl;

	(void)state;
	assert_int_equal(config_registration(body, "10.1.0.1", &backend, &ttl, &err), 0);
	assert_int_equal(ttl, 30);
	assert_int_equal(backend.weight, 100);
	assert_string_equal(backend.pool, "default");
	assert_int_not_equal(config_registration(body, "10.1.0", &backend, &ttl, &err), 0);
	assert_string_equal(shunt_err_text(&err),
			    "address: \"10.1.0\" is not an address; expected IPv4 or IPv6, such as "
			    "10.1.0.11 or 2001:db8::11");
	json_decref(body);
	for (size_t i = 0; i < COUNT(rows); i++) {
		body = json_loads(rows[i].yaml, 0, NULL);
		assert_int_not_equal(config_registration(body, "10.1.0.1", &backend, &ttl, &err), 0);
		assert_string_equal(shunt_err_text(&err), rows[i].error);
		json_decref(body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),	 cmocka_unit_test(pools_may_be_empty), cmocka_unit_test(read_files),
		cmocka_unit_test(refused_files), cmocka_unit_test(torn_files),	       cmocka_unit_test(registrations),
	};

	return cmocka_run_group_tests_name("config found", tests, NULL, NULL);
}
