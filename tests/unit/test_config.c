/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration: goldens (tests/golden/NAME.yaml gives NAME.json and NAME.canonical.yaml), round trips, defaults, sharing of
 * memory, size. Errors are in test_config_errors.c and others. Run from the top of the tree. With GOLDEN_WRITE set, the goldens'
 * results are written instead of compared: look at the difference before keeping it.
 */
#include "config_yaml.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FULL "tests/golden/full.yaml"

static const char *const goldens[][2] = {
	{"docs/shunt.example.yaml", "tests/golden/example"},
	{"tests/golden/minimal.yaml", "tests/golden/minimal"},
	{FULL, "tests/golden/full"},
	{"tests/golden/seed.yaml", "tests/golden/seed"},
};

static struct config *parse_file(const char *path)
{
	struct config_source *source = NULL;
	struct shunt_err err = {};
	json_t *tree = yaml_load_file(path, &source, &err);
	struct config *config = config_of(tree, source, &err);

	if (!config)
		fail_msg("%s", shunt_err_text(&err));
	return config;
}

static char *read_text(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	if (!in)
		fail_msg("%s cannot be opened: run from the top of the tree", path);
	assert_true(fread(text, 1, (1 << 16) - 1, in) > 0);
	fclose(in);
	return text;
}

static void compare_golden(const char *name, const char *suffix, const char *text)
{
	char path[256], *expected;
	FILE *out;

	snprintf(path, sizeof(path), "%s.%s", name, suffix);
	if (getenv("GOLDEN_WRITE")) {
		out = fopen(path, "w");
		assert_non_null(out);
		fputs(text, out);
		fclose(out);
	}
	expected = read_text(path);
	if (strcmp(text, expected))
		fail_msg("%s differs; now it is:\n%s", path, text);
	free(expected);
}

static void golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goldens); i++) {
		struct config *config = parse_file(goldens[i][0]);
		json_t *tree = config_to_json(config);
		char *yaml = yaml_dump(tree), *json = json_dumps(tree, JSON_INDENT(2)), *line;

		line = malloc(strlen(json) + 2);
		sprintf(line, "%s\n", json);
		compare_golden(goldens[i][1], "json", line);
		compare_golden(goldens[i][1], "canonical.yaml", yaml);
		free(line);
		free(json);
		free(yaml);
		json_decref(tree);
		config_free(config);
	}
}

/* What the canonical forms say is the same configuration, and its own canonical form. */
static void round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goldens); i++) {
		struct config *config = parse_file(goldens[i][0]), *again, *from_yaml;
		json_t *tree = config_to_json(config), *same;
		char path[256];

		again = config_from_json(tree, NULL, NULL);
		assert_non_null(again);
		same = config_to_json(again);
		assert_true(json_equal(tree, same));
		json_decref(same);
		snprintf(path, sizeof(path), "%s.canonical.yaml", goldens[i][1]);
		from_yaml = parse_file(path);
		same = config_to_json(from_yaml);
		assert_true(json_equal(tree, same));
		json_decref(same);
		json_decref(tree);
		config_free(from_yaml);
		config_free(again);
		config_free(config);
	}
}

/* The values themselves, for what printing and parsing could get wrong together. */
static void fields_of_the_node(void **state)
{
	struct config *config = parse_file(FULL);

	(void)state;
	assert_int_equal(config->interface_count, 3);
	assert_string_equal(config->interfaces[1].name, "eth1.100");
	assert_int_equal(config->interfaces[0].mode, CONFIG_MODE_AUTO);
	assert_int_equal(config->interfaces[1].mode, CONFIG_MODE_NATIVE);
	assert_int_equal(config->interfaces[2].mode, CONFIG_MODE_GENERIC);
	assert_int_equal(config->source4.len, 16);
	assert_int_equal(config->source6.len, 96);
	assert_true(config->has_seed);
	assert_int_equal(config->seed, 0xabc);
	assert_int_equal(config->limits.vips, 16);
	assert_int_equal(config->limits.prefixes, 5);
	assert_int_equal(config->limits.port_ranges, 17);
	assert_int_equal(config->limits.services, 13);
	assert_int_equal(config->limits.destinations, 1048575);
	assert_int_equal(config->limits.ring_slots, 5000000);
	assert_int_equal(config->limits.connections, 16);
	assert_int_equal(config->limits.fragments, 16);
	assert_int_equal(config->limits.quic_ids, 100);
	assert_int_equal(config->icmp_rate, 250);
	config_free(config);
}

static void fields_of_a_service(void **state)
{
	struct config *config = parse_file(FULL);
	const struct config_service *s = config_find_service(config, "a.b-c_9");

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->ring_size, 251);
	assert_false(s->echo);
	assert_int_equal(s->udp, CONFIG_UDP_TRACK);
	assert_int_equal(s->idle_timeout, 14400);
	assert_int_equal(s->drain_timeout, 0);
	assert_int_equal(s->vip_count, 2);
	assert_int_equal(s->vips[1].port, 65535);
	assert_int_equal(s->vips[1].proto, IPPROTO_UDP);
	config_free(config);
}

static void fields_of_a_check(void **state)
{
	struct config *config = parse_file(FULL);
	const struct config_check *check = &config_find_service(config, "a.b-c_9")->check;

	(void)state;
	assert_int_equal(check->type, CONFIG_CHECK_HTTPS);
	assert_int_equal(check->port, 8443);
	assert_string_equal(check->path, "/a?b=c%20d");
	assert_string_equal(check->host, "www.example.org");
	assert_int_equal(check->expect_min, 204);
	assert_int_equal(check->expect_max, 204);
	assert_true(check->verify);
	assert_int_equal(check->interval, 3600000);
	assert_int_equal(check->timeout, 60000);
	assert_int_equal(check->rise, 1);
	assert_int_equal(check->fall, 100);
	config_free(config);
}

static void fields_of_backends(void **state)
{
	struct config *config = parse_file(FULL);
	const struct config_service *s = config_find_service(config, "a.b-c_9");
	const uint8_t mac[6] = {0x02, 0, 0x5e, 0, 0, 0x0a};

	(void)state;
	assert_int_equal(s->backend_count, 3);
	assert_int_equal(s->backends[0].admin, CONFIG_ADMIN_UP);
	assert_int_equal(s->backends[0].weight, 0);
	assert_true(s->backends[0].has_mac);
	assert_memory_equal(s->backends[0].mac, mac, 6);
	assert_int_equal(s->backends[1].admin, CONFIG_ADMIN_DRAIN);
	assert_int_equal(s->backends[1].weight, 65535);
	assert_int_equal(s->backends[2].admin, CONFIG_ADMIN_UNSET);
	assert_false(s->backends[2].has_mac);
	config_free(config);
}

static void what_is_found(void **state)
{
	struct config *config = parse_file(FULL);
	const struct config_service *s = config_find_service(config, "a.b-c_9");
	struct shunt_addr addr;

	(void)state;
	assert_int_equal(addr_parse("10.1.0.13", &addr), 0);
	assert_ptr_equal(config_find_backend(s, &addr), &s->backends[2]);
	assert_int_equal(addr_parse("10.1.0.14", &addr), 0);
	assert_null(config_find_backend(s, &addr));
	assert_null(config_find_service(config, "a.b-c_"));
	config_free(config);
}

static void encapsulations(void **state)
{
	struct config *config = parse_file(FULL);
	const struct config_service *s = config_find_service(config, "tunnels");

	(void)state;
	assert_int_equal(config_find_service(config, "v44")->encap.type, CONFIG_ENCAP_IPIP);
	assert_int_equal(config_find_service(config, "v66")->encap.type, CONFIG_ENCAP_IP6IP6);
	assert_int_equal(config_find_service(config, "v46")->encap.type, CONFIG_ENCAP_IPIP6);
	assert_int_equal(config_find_service(config, "v64")->encap.type, CONFIG_ENCAP_SIT);
	assert_int_equal(config_encap_of(s, &s->backends[0])->type, CONFIG_ENCAP_GUE);
	assert_int_equal(config_encap_of(s, &s->backends[0])->variant, 0);
	assert_int_equal(config_encap_of(s, &s->backends[0])->port, 7000);
	assert_int_equal(config_encap_of(s, &s->backends[1])->type, CONFIG_ENCAP_L2DSR);
	assert_int_equal(config_encap_of(s, &s->backends[2])->type, CONFIG_ENCAP_GRE);
	assert_int_equal(config_encap_of(s, &s->backends[3])->variant, 1);
	assert_int_equal(config_encap_of(s, &s->backends[3])->port, 6080);
	config_free(config);
}

static void defaults(void **state)
{
	json_t *tree =
		json_pack("{s:[s], s:{s:s}, s:[{s:s, s:[s], s:[s]}, {s:s, s:[s], s:{s:s}}]}", "interfaces", "eth0",
			  "source", "ipv4", "172.31.0.0/16", "services", "name", "web", "vips", "192.0.2.1:80/tcp",
			  "backends", "10.0.0.1", "name", "http", "vips", "192.0.2.1:81/tcp", "check", "type", "http");
	struct config *config = config_from_json(tree, NULL, NULL);
	const struct config_check *check;

	(void)state;
	assert_non_null(config);
	assert_false(config->has_seed);
	assert_int_equal(config->source6.addr.family, 0);
	assert_int_equal(config->limits.vips, 1024);
	assert_int_equal(config->limits.services, 512);
	assert_int_equal(config->limits.destinations, 4096);
	assert_int_equal(config->limits.ring_slots, 4194368);
	assert_int_equal(config->limits.connections, 65536);
	assert_int_equal(config->limits.prefixes, 256);
	assert_int_equal(config->limits.port_ranges, 4096);
	assert_int_equal(config->limits.fragments, 65536);
	assert_int_equal(config->limits.quic_ids, 1024);
	assert_int_equal(config->icmp_rate, 1000);
	assert_true(config->services[0].echo);
	assert_int_equal(config->services[0].udp, CONFIG_UDP_KEEP);
	assert_int_equal(config->services[0].idle_timeout, 900);
	assert_int_equal(config->services[0].drain_timeout, 3600);
	assert_int_equal(config->services[0].encap.type, CONFIG_ENCAP_AUTO);
	assert_int_equal(config->services[0].ring_size, 65537);
	assert_int_equal(config->services[0].backends[0].weight, 100);
	assert_int_equal(config->services[0].backends[0].admin, CONFIG_ADMIN_UNSET);
	check = &config->services[0].check;
	assert_int_equal(check->type, CONFIG_CHECK_TCP);
	assert_int_equal(check->port, 0);
	assert_int_equal(check->interval, 2000);
	assert_int_equal(check->timeout, 1000);
	assert_int_equal(check->rise, 2);
	assert_int_equal(check->fall, 3);
	assert_null(check->path);
	check = &config->services[1].check;
	assert_string_equal(check->path, "/");
	assert_null(check->host);
	assert_int_equal(check->expect_min, 200);
	assert_int_equal(check->expect_max, 399);
	assert_false(check->verify);
	json_decref(tree);
	config_free(config);
}

/* A copy shares nothing: the sanitizer sees what is freed or read twice. */
static void copies(void **state)
{
	struct config *config = parse_file(FULL), *copy = config_copy(config);
	json_t *tree = config_to_json(config), *same;

	(void)state;
	config_free(config);
	same = config_to_json(copy);
	assert_true(json_equal(tree, same));
	json_decref(same);
	json_decref(tree);
	config_free(copy);
	config_free(NULL);
}

/* 10,000 services of ten backends: what is quadratic here would hang the daemon on every edit, and this test for minutes. */
static void large(void **state)
{
	json_t *services = json_array(), *tree, *again;
	struct shunt_err err = {};
	struct config *config;
	char text[64];

	(void)state;
	for (int i = 0; i < 10000; i++) {
		json_t *service = json_object(), *backends = json_array();

		for (int j = 0; j < 10; j++)
			json_array_append_new(backends, json_sprintf("10.%d.%d.%d", i >> 8, i & 255, j));
		snprintf(text, sizeof(text), "192.0.%d.%d:%d/tcp", i >> 8, i & 255, 1 + i);
		json_object_set_new(service, "name", json_sprintf("s%d", i));
		json_object_set_new(service, "vips", json_pack("[s]", text));
		json_object_set_new(service, "ring_size", json_integer(251));
		json_object_set_new(service, "backends", backends);
		json_array_append_new(services, service);
	}
	tree = json_pack("{s:[s], s:{s:s}, s:{s:i, s:i, s:i}, s:o}", "interfaces", "eth0", "source", "ipv4",
			 "172.31.0.0/16", "limits", "vips", 10000, "services", 10000, "destinations", 100000,
			 "services", services);
	config = config_from_json(tree, NULL, &err);
	if (!config)
		fail_msg("%s", shunt_err_text(&err));
	assert_int_equal(config->service_count, 10000);
	assert_int_equal(config->services[9999].backend_count, 10);
	again = config_to_json(config);
	assert_int_equal(json_array_size(json_object_get(again, "services")), 10000);
	json_decref(again);
	json_decref(tree);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden),
		cmocka_unit_test(round_trip),
		cmocka_unit_test(fields_of_the_node),
		cmocka_unit_test(fields_of_a_service),
		cmocka_unit_test(fields_of_a_check),
		cmocka_unit_test(fields_of_backends),
		cmocka_unit_test(what_is_found),
		cmocka_unit_test(encapsulations),
		cmocka_unit_test(defaults),
		cmocka_unit_test(copies),
		cmocka_unit_test(large),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
