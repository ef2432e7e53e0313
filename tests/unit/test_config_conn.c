/* SPDX-License-Identifier: GPL-2.0 */
/* What becomes of a service's connections, in the configuration: values, defaults that depend on the VIPs, refusals. */
#include "config_errors.h"

#define UDP(text) HEAD "services: [{name: web, vips: [\"192.0.2.1:443/udp\"],\n" text "}]}"
#define BOTH(text) HEAD "services: [{name: web, vips: [\"192.0.2.1:443/udp\", \"192.0.2.1:443/tcp\"],\n" text "}]}"
#define QUIC "quic: {configs: [{id: 0, server_id_length: 4}]}"

static const struct {
	const char *yaml;
	enum config_udp udp;
	uint32_t idle_timeout, drain_timeout;
} good[] = {
	{SERVICE("echo: true"), CONFIG_UDP_KEEP, 900, 3600},
	{BOTH("echo: true"), CONFIG_UDP_KEEP, 900, 3600},
	{UDP("echo: true"), CONFIG_UDP_KEEP, 120, 3600},
	{UDP(QUIC), CONFIG_UDP_KEEP, 120, 3600},
	{SERVICE("udp: keep"), CONFIG_UDP_KEEP, 900, 3600},
	{UDP("udp: keep, " QUIC), CONFIG_UDP_KEEP, 120, 3600},
	{UDP("udp: keep"), CONFIG_UDP_KEEP, 120, 3600},
	{UDP("udp: rehash"), CONFIG_UDP_REHASH, 120, 3600},
	{BOTH("udp: track"), CONFIG_UDP_TRACK, 900, 3600},
	{SERVICE("idle_timeout: 1"), CONFIG_UDP_KEEP, 1, 3600},
	{SERVICE("idle_timeout: 120"), CONFIG_UDP_KEEP, 120, 3600},
	{UDP("idle_timeout: 900"), CONFIG_UDP_KEEP, 900, 3600},
	{UDP("idle_timeout: 14400"), CONFIG_UDP_KEEP, 14400, 3600},
	{SERVICE("drain_timeout: 0"), CONFIG_UDP_KEEP, 900, 0},
	{SERVICE("drain_timeout: 1"), CONFIG_UDP_KEEP, 900, 1},
	{SERVICE("drain_timeout: 604800"), CONFIG_UDP_KEEP, 900, 604800},
};

static void assert_values(const struct config *config, size_t row)
{
	const struct config_service *service = &config->services[0];

	if (service->udp != good[row].udp || service->idle_timeout != good[row].idle_timeout ||
	    service->drain_timeout != good[row].drain_timeout)
		fail_msg("%s\ngives: udp %s, idle_timeout %u, drain_timeout %u", good[row].yaml,
			 config_udp_name(service->udp), service->idle_timeout, service->drain_timeout);
}

/* As read, as copied, and as read from what is printed, with the numbers in it. */
static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config *config = parse_yaml(good[i].yaml), *copy = config_copy(config), *again;
		json_t *tree = config_to_json(copy), *same;
		const json_t *printed = json_array_get(json_object_get(tree, "services"), 0);

		assert_values(config, i);
		assert_string_equal(json_string_value(json_object_get(printed, "udp")), config_udp_name(good[i].udp));
		assert_int_equal(json_integer_value(json_object_get(printed, "idle_timeout")), good[i].idle_timeout);
		assert_true(json_is_integer(json_object_get(printed, "drain_timeout")));
		assert_int_equal(json_integer_value(json_object_get(printed, "drain_timeout")), good[i].drain_timeout);
		again = config_from_json(tree, NULL, NULL);
		assert_non_null(again);
		assert_values(again, i);
		same = config_to_json(again);
		assert_true(json_equal(tree, same));
		json_decref(same);
		json_decref(tree);
		config_free(again);
		config_free(copy);
		config_free(config);
	}
}

#define AT "t.yaml:3: services[web]."
#define BESIDE_QUIC                                                                                                 \
	", but the service has quic, whose connections have a beginning and are kept; expected keep, or a service " \
	"without quic"
#define WITHOUT_UDP ", but no VIP of the service is UDP; expected keep, or a VIP such as 192.0.2.10:443/udp"

static const struct row bad[] = {
	{UDP("udp: drop"), AT "udp: \"drop\" is not a known word; expected keep, rehash or track"},
	{UDP("udp: 1"), AT "udp: 1 is not a known word; expected keep, rehash or track"},
	{UDP("udp: {}"), AT "udp: a mapping is not a known word; expected keep, rehash or track"},
	{UDP("udp: ~"), AT "udp: empty; expected a known word: keep, rehash or track"},
	{UDP("upd: keep"), AT "upd: unknown key; did you mean \"udp\"?"},
	{SERVICE("udp: rehash"), AT "udp: rehash" WITHOUT_UDP},
	{SERVICE("udp: track"), AT "udp: track" WITHOUT_UDP},
	{UDP("udp: rehash, " QUIC), AT "udp: rehash" BESIDE_QUIC},
	{BOTH(QUIC ", udp: track"), AT "udp: track" BESIDE_QUIC},
	{SERVICE("idle_timeout: 0"), AT "idle_timeout: 0 is out of range; expected 1 to 14400"},
	{SERVICE("idle_timeout: 14401"), AT "idle_timeout: 14401 is out of range; expected 1 to 14400"},
	{SERVICE("idle_timeout: 4294967297"), AT "idle_timeout: 4294967297 is out of range; expected 1 to 14400"},
	{SERVICE("idle_timeout: 15m"), AT "idle_timeout: \"15m\" is not an integer; expected 1 to 14400"},
	{SERVICE("idle_timeout: true"), AT "idle_timeout: true is not an integer; expected 1 to 14400"},
	{SERVICE("idletimeout: 5"), AT "idletimeout: unknown key; did you mean \"idle_timeout\"?"},
	{SERVICE("drain_timeout: -1"), AT "drain_timeout: -1 is out of range; expected 0 to 604800"},
	{SERVICE("drain_timeout: 604801"), AT "drain_timeout: 604801 is out of range; expected 0 to 604800"},
	{SERVICE("drain_timeout: never"), AT "drain_timeout: \"never\" is not an integer; expected 0 to 604800"},
	{SERVICE("drain_timeout: [5]"), AT "drain_timeout: a list is not an integer; expected 0 to 604800"},
};

static void refusals(void **state)
{
	(void)state;
	check_rows(bad, COUNT(bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(refusals),
	};

	return cmocka_run_group_tests_name("config_conn", tests, NULL, NULL);
}
