/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests of the model: a configuration, a world to ask, and models of both. */
#ifndef TEST_MODEL_FIXTURE_H
#define TEST_MODEL_FIXTURE_H

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shuntd/model.h"

#define SEED 0xfeedfacecafebeefull

static const char text[] =
	"{\"interfaces\": [{\"name\": \"eth0\"}],"
	" \"source\": {\"ipv4\": \"10.200.0.0/16\", \"ipv6\": \"2001:db8:200::/64\"},"
	" \"services\": ["
	"  {\"name\": \"web\", \"vips\": [\"198.51.100.1:80/tcp\", \"[2001:db8::1]:80/tcp\"], \"ring_size\": 1009,"
	"   \"backends\": [{\"address\": \"10.1.0.1\"}, {\"address\": \"10.1.0.2\", \"weight\": 50},"
	"                  {\"address\": \"10.1.0.3\", \"weight\": 0}, {\"address\": \"10.1.0.4\"}]},"
	"  {\"name\": \"dns\", \"vips\": [\"198.51.100.2:53/udp\"], \"ring_size\": 251,"
	"   \"udp\": \"track\", \"drain_timeout\": 0,"
	"   \"backends\": [{\"address\": \"2001:db8:1::1\"}, {\"address\": \"2001:db8:1::2\"}]},"
	"  {\"name\": \"empty\", \"vips\": [\"198.51.100.3:80/tcp\"], \"ring_size\": 251}]}";

/* Takes tree over. */
static inline struct config *config_of_tree(json_t *tree)
{
	struct shunt_err err = {0};
	struct config *config = config_from_json(tree, NULL, &err);

	if (!config)
		fail_msg("%s", shunt_err_text(&err));
	json_decref(tree);
	return config;
}

static inline struct config *load(void)
{
	return config_of_tree(json_loads(text, 0, NULL));
}

/* The same, with two backends of web in each of the pools default and green, and 10.8.0.0/16 sent to green. */
static inline struct config *load_pools(void)
{
	json_t *tree = json_loads(text, 0, NULL), *web = json_array_get(json_object_get(tree, "services"), 0);
	json_t *backends = json_object_get(web, "backends");

	json_object_set_new(web, "sources", json_pack("{s:{s:[s]}}", "pools", "green", "10.8.0.0/16"));
	json_object_set_new(json_array_get(backends, 2), "pool", json_string("green"));
	json_object_set_new(json_array_get(backends, 2), "weight", json_integer(30));
	json_object_set_new(json_array_get(backends, 3), "pool", json_string("green"));
	return config_of_tree(tree);
}

/* The world, by a backend's last byte. */
struct world {
	enum health_state health[8];
	struct nexthop nexthops[8];
	unsigned int asked; /* about health, of a service by name */
};

static inline uint32_t last_byte(const struct shunt_addr *addr)
{
	uint32_t byte = ntohl(addr->word[addr->family == SHUNT_FAMILY_IPV6 ? 3 : 0]) & 0xff;

	assert_true(byte < 8);
	return byte;
}

static inline enum health_state world_health(void *arg, const char *service, const struct shunt_addr *backend)
{
	struct world *world = arg;

	world->asked += strcmp(service, backend->family == SHUNT_FAMILY_IPV6 ? "dns" : "web") == 0;
	return world->health[last_byte(backend)];
}

static inline const struct nexthop *world_nexthop(void *arg, const struct shunt_addr *backend)
{
	return &((struct world *)arg)->nexthops[last_byte(backend)];
}

static inline struct world good_world(void)
{
	struct world world = {.asked = 0};

	for (uint32_t i = 0; i < 8; i++) {
		world.health[i] = HEALTH_UP;
		world.nexthops[i] = (struct nexthop){.resolved = true, .ifindex = i, .mtu = 1500 + i};
	}
	return world;
}

static inline struct model *build(const struct config *config, struct world *world, uint64_t seed,
				  struct model_cache *cache)
{
	struct model_inputs inputs = {.seed = seed, .health = world_health, .nexthop = world_nexthop, .arg = world};

	return model_build(config, &inputs, cache);
}

static inline struct model *build_once(const struct config *config, struct world *world)
{
	struct model_cache *cache = model_cache_new();
	struct model *model = build(config, world, SEED, cache);

	model_cache_free(cache);
	return model;
}

static inline uint32_t slots_of(const struct model_service *service, uint32_t dest)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < service->ring_size; s++)
		n += service->ring->slots[s] == dest;
	return n;
}

#endif
