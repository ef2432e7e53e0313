/* SPDX-License-Identifier: GPL-2.0 */
/* QUIC in the configuration: which server ids a backend answers to, and every refusal. */
#include "config_yaml.h"

#include <stdio.h>

static struct config *parse(const char *service, struct shunt_err *err)
{
	char text[2048];

	snprintf(text, sizeof(text),
		 "interfaces: [eth0]\nsource: {ipv4: 172.31.0.0/16, ipv6: \"fd00:31::/64\"}\nlimits: {quic_ids: "
		 "4}\nservices:\n"
		 "- {name: q, %s}\n",
		 service);
	return try_yaml(text, err);
}

static const char *ids_of(const struct config_service *service, size_t backend, char *text)
{
	struct config_server_id ids[CONFIG_SERVER_IDS_ALL];
	size_t count = config_server_ids(service, &service->backends[backend], ids);
	char id[CONFIG_SERVER_ID_TEXT], *at = text;

	*text = '\0';
	for (size_t i = 0; i < count; i++)
		at += sprintf(at, "%s%s", i ? " " : "", config_server_id_format(&ids[i], id));
	return text;
}

#define UDP "vips: [\"192.0.2.1:443/udp\"], "

static void ids_in_effect(void **state)
{
	static const struct {
		const char *service, *ids; /* of the first backend */
	} rows[] = {
		{UDP "backends: [10.1.2.3]", ""},
		{UDP "quic: {configs: [{id: 0, server_id_length: 4}]}, backends: [10.1.2.3]", "0x0a010203"},
		{UDP "quic: {configs: [{id: 0, server_id_length: 2}]}, backends: [10.1.2.3]", "0x0203"},
		{UDP "quic: {configs: [{id: 6, server_id_length: 6}]}, backends: [10.1.2.3]", "0x00000a010203"},
		{UDP "quic: {configs: [{id: 6, server_id_length: 15}]}, backends: [\"2001:db8::1:ff\"]",
		 "0x010db80000000000000000000100ff"},
		{UDP "quic: {configs: [{id: 6, server_id_length: 1}]}, backends: [\"2001:db8::1:ff\"]", "0xff"},
		/* given ones; of lengths in use only; those of the same length serve all its configurations */
		{UDP "quic: {configs: [{id: 1, server_id_length: 2}, {id: 3, server_id_length: 2}]}, "
		     "backends: [{address: 10.1.2.3, server_id: 0x0A0b}]",
		 "0x0a0b"},
		{UDP "quic: {configs: [{id: 1, server_id_length: 2}, {id: 3, server_id_length: 1}]}, "
		     "backends: [{address: 10.1.2.3, server_id: [0x0a0b, 0x0c0d, 0x010203]}]",
		 "0x0a0b 0x0c0d 0x03"},
		{"vips: [\"192.0.2.1:443/tcp\", \"192.0.2.1:443/udp\"], quic: {configs: [{id: 0, server_id_length: "
		 "1}]}, "
		 "backends: [10.1.2.3, 10.1.2.4]",
		 "0x03"},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shunt_err err = {0};
		struct config *config = parse(rows[i].service, &err), *copy;
		json_t *tree, *again;

		if (!config)
			fail_msg("%s: %s", rows[i].service, shunt_err_text(&err));
		assert_string_equal(ids_of(&config->services[0], 0, text), rows[i].ids);
		/* the canonical form says the same */
		tree = config_to_json(config);
		copy = config_from_json(tree, NULL, &err);
		assert_non_null(copy);
		again = config_to_json(copy);
		assert_true(json_equal(tree, again));
		assert_string_equal(ids_of(&copy->services[0], 0, text), rows[i].ids);
		json_decref(tree);
		json_decref(again);
		config_free(copy);
		config_free(config);
	}
}

#define ONE UDP "quic: {configs: [{id: 0, server_id_length: 1}]}, "
#define AT "t.yaml:5: services[q]"

static void refusals(void **state)
{
	static const char *const rows[][2] = {
		{UDP "quic: 4", AT ".quic: 4 is not a mapping; expected the key configs"},
		{UDP "quic: {}",
		 AT ".quic.configs: missing; expected a list: at least one configuration such as {id: 0, "
		    "server_id_length: 4}"},
		{UDP "quic: {configs: []}",
		 AT ".quic.configs: an empty list; expected at least one configuration such as "
		    "{id: 0, server_id_length: 4}"},
		{UDP "quic: {configs: [5]}", AT ".quic.configs[0]: 5 is not a mapping; expected the keys id or "
						"server_id_length"},
		{UDP "quic: {configs: [{id: 0}]}", AT ".quic.configs[0].server_id_length: missing; expected 1 to 15"},
		{UDP "quic: {configs: [{server_id_length: 1}]}", AT ".quic.configs[0].id: missing; expected 0 to 6"},
		{UDP "quic: {configs: [{id: 7, server_id_length: 1}]}",
		 AT ".quic.configs[0].id: 7 is out of range; expected 0 to 6"},
		{UDP "quic: {configs: [{id: 0, server_id_length: 0}]}",
		 AT ".quic.configs[0].server_id_length: 0 is out of range; expected 1 to 15"},
		{UDP "quic: {configs: [{id: 0, server_id_length: 16}]}",
		 AT ".quic.configs[0].server_id_length: 16 is out of range; expected 1 to 15"},
		{UDP "quic: {configs: [{id: 2, server_id_length: 1}, {id: 2, server_id_length: 3}]}",
		 AT ".quic.configs[1]: a second configuration of id 2; expected each id once"},
		{"vips: [\"192.0.2.1:443/tcp\"], quic: {configs: [{id: 0, server_id_length: 1}]}",
		 AT ".quic: no VIP of the service is UDP; expected one such as 192.0.2.10:443/udp"},
		{UDP "backends: [{address: 10.1.2.3, server_id: 0x01}]",
		 AT ".backends[10.1.2.3]: has a server_id, but its service has no quic; add that, or leave the id out"},
		{ONE "backends: [{address: 10.1.2.3, server_id: 12}]", AT
		 ".backends[10.1.2.3].server_id: 12 is not a server id; expected \"0x\" and two hexadecimal digits for "
		 "each of 1 to 15 octets, such as 0x0a0b0c"},
		{ONE "backends: [{address: 10.1.2.3, server_id: 0x1}]",
		 AT ".backends[10.1.2.3].server_id: \"0x1\" is not a server id; expected \"0x\" and two hexadecimal "
		    "digits "
		    "for each of 1 to 15 octets, such as 0x0a0b0c"},
		{ONE "backends: [{address: 10.1.2.3, server_id: [0x00112233445566778899aabbccddeeff]}]",
		 AT ".backends[10.1.2.3].server_id[0x00112233445566778899aabbccddeeff]: "
		    "\"0x00112233445566778899aabbccddeeff\" is not a server id; expected \"0x\" and two hexadecimal "
		    "digits "
		    "for each of 1 to 15 octets, such as 0x0a0b0c"},
		{ONE
		 "backends: [{address: 10.1.2.3, server_id: [0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09]}]",
		 AT ".backends[10.1.2.3].server_id[0x09]: one server id too many; expected at most 8"},
		{ONE "backends: [{address: 10.1.2.3, server_id: [0x01, 0x01]}]",
		 AT ".backends[10.1.2.3]: server id 0x01 is given twice; expected each once"},
		{ONE "backends: [10.1.2.3, 10.1.3.3]", AT
		 ".backends[10.1.3.3]: server id 0x03, derived from its address for 10.1.3.3, is that of 10.1.2.3 too, "
		 "derived from its address; expected ids that differ: give one of them another server_id"},
		{ONE "backends: [10.1.2.3, {address: 10.1.2.4, server_id: 0x03}]", AT
		 ".backends[10.1.2.4]: server id 0x03, given for 10.1.2.4, is that of 10.1.2.3 too, derived from its "
		 "address; expected ids that differ: give one of them another server_id"},
		{ONE "backends: [10.1.2.3, 10.1.2.4, 10.1.2.5, 10.1.2.6, 10.1.2.7]",
		 "t.yaml:3: limits.quic_ids: 4 is too small for 5 QUIC server ids; raise it to 5 or more"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct shunt_err err = {0};

		assert_null(parse(rows[i][0], &err));
		assert_string_equal(shunt_err_text(&err), rows[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_in_effect),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("config_quic", tests, NULL, NULL);
}
