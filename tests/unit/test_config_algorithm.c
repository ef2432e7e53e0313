/* SPDX-License-Identifier: GPL-2.0 */
/* How a service chooses, in the configuration: what follows from the algorithm, and what does not go with it. */
#include "config_errors.h"

#define UDP(text) HEAD "services: [{name: web, vips: [\"192.0.2.1:443/udp\"],\n" text "}]}"
#define BOTH(text) HEAD "services: [{name: web, vips: [\"192.0.2.1:443/udp\", \"192.0.2.1:443/tcp\"],\n" text "}]}"
#define QUIC "quic: {configs: [{id: 0, server_id_length: 4}]}"

static const struct {
	const char *yaml;
	enum config_algorithm algorithm;
	enum config_hash_inputs inputs;
	enum config_udp udp;
} good[] = {
	{SERVICE("echo: true"), CONFIG_ALGORITHM_MAGLEV, CONFIG_HASH_5_TUPLE, CONFIG_UDP_KEEP},
	{SERVICE("algorithm: maglev, hash: destination-port"), CONFIG_ALGORITHM_MAGLEV, CONFIG_HASH_DESTINATION_PORT,
	 CONFIG_UDP_KEEP},
	{SERVICE("algorithm: source-hash"), CONFIG_ALGORITHM_SOURCE_HASH, CONFIG_HASH_SOURCE, CONFIG_UDP_KEEP},
	{SERVICE("hash: source"), CONFIG_ALGORITHM_SOURCE_HASH, CONFIG_HASH_SOURCE, CONFIG_UDP_KEEP},
	{SERVICE("algorithm: source-hash, hash: {inputs: source, ipv4: 24}"), CONFIG_ALGORITHM_SOURCE_HASH,
	 CONFIG_HASH_SOURCE, CONFIG_UDP_KEEP},
	{SERVICE("algorithm: round-robin"), CONFIG_ALGORITHM_ROUND_ROBIN, CONFIG_HASH_5_TUPLE, CONFIG_UDP_KEEP},
	{SERVICE("algorithm: least-connections, hash: 5-tuple, udp: keep"), CONFIG_ALGORITHM_LEAST, CONFIG_HASH_5_TUPLE,
	 CONFIG_UDP_KEEP},
	{UDP("algorithm: round-robin"), CONFIG_ALGORITHM_ROUND_ROBIN, CONFIG_HASH_5_TUPLE, CONFIG_UDP_TRACK},
	{BOTH("algorithm: least-connections, udp: track"), CONFIG_ALGORITHM_LEAST, CONFIG_HASH_5_TUPLE,
	 CONFIG_UDP_TRACK},
	{SERVICE("sticky: 600"), CONFIG_ALGORITHM_MAGLEV, CONFIG_HASH_5_TUPLE, CONFIG_UDP_KEEP},
	{UDP("sticky: 600"), CONFIG_ALGORITHM_MAGLEV, CONFIG_HASH_5_TUPLE, CONFIG_UDP_TRACK},
	{SERVICE("sticky: 14400, algorithm: least-connections"), CONFIG_ALGORITHM_LEAST, CONFIG_HASH_5_TUPLE,
	 CONFIG_UDP_KEEP},
	{SERVICE("sticky: 0, hash: source"), CONFIG_ALGORITHM_SOURCE_HASH, CONFIG_HASH_SOURCE, CONFIG_UDP_KEEP},
	{UDP("algorithm: round-robin, " QUIC), CONFIG_ALGORITHM_ROUND_ROBIN, CONFIG_HASH_5_TUPLE, CONFIG_UDP_KEEP},
};

static const struct row bad[] = {
	{SERVICE("algorithm: roundrobin"),
	 "t.yaml:3: services[web].algorithm: \"roundrobin\" is not a known word; expected maglev, source-hash, "
	 "round-robin or least-connections"},
	{SERVICE("algorithm: maglev,\nhash: source"),
	 "t.yaml:4: services[web].hash: source is algorithm source-hash; expected that, or another hash"},
	{SERVICE("algorithm: source-hash,\nhash: 5-tuple"),
	 "t.yaml:4: services[web].hash: 5-tuple, but algorithm source-hash is by the source; expected source, or no "
	 "hash"},
	{SERVICE("algorithm: round-robin,\nhash: {inputs: source}"),
	 "t.yaml:4: services[web].hash: source, but algorithm round-robin chooses for each connection; expected "
	 "5-tuple, or no hash"},
	{UDP("algorithm: round-robin,\nudp: keep"),
	 "t.yaml:4: services[web].udp: keep, but algorithm round-robin needs a record of each flow; expected track"},
	{SERVICE("sticky: 14401"), "t.yaml:3: services[web].sticky: 14401 is out of range; expected 0 to 14400"},
	{SERVICE("algorithm: source-hash,\nsticky: 60"),
	 "t.yaml:4: services[web].sticky: 60, but with algorithm source-hash a client has one backend anyway; expected "
	 "0, or another algorithm"},
	{SERVICE("sticky: 60,\nhash: destination-port"),
	 "t.yaml:4: services[web].hash: destination-port, but sticky chooses for each connection; expected 5-tuple, or "
	 "no hash"},
	{BOTH("algorithm: least-connections,\nudp: rehash"),
	 "t.yaml:4: services[web].udp: rehash, but algorithm least-connections needs a record of each flow; expected "
	 "track"},
};

static void assert_values(const struct config *config, size_t row)
{
	const struct config_service *service = &config->services[0];

	if (service->algorithm != good[row].algorithm || service->hash.inputs != good[row].inputs ||
	    service->udp != good[row].udp)
		fail_msg("%s\ngives: algorithm %s, hash %s, udp %s", good[row].yaml,
			 config_algorithm_name(service->algorithm), config_hash_name(service->hash.inputs),
			 config_udp_name(service->udp));
}

static void values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct config *config = parse_yaml(good[i].yaml), *again;
		json_t *printed = config_to_json(config);

		assert_values(config, i);
		again = config_from_json(printed, NULL, NULL);
		assert_non_null(again);
		assert_values(again, i);
		json_decref(printed);
		config_free(config);
		config_free(again);
	}
}

static void errors(void **state)
{
	(void)state;
	check_rows(bad, COUNT(bad));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests_name("config_algorithm", tests, NULL, NULL);
}
