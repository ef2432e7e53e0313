/* SPDX-License-Identifier: GPL-2.0 */
/* The model: which word a backend gets, what that does to the ring, and that the cache never shows. */
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
	"   \"backends\": [{\"address\": \"2001:db8:1::1\"}, {\"address\": \"2001:db8:1::2\"}]},"
	"  {\"name\": \"empty\", \"vips\": [\"198.51.100.3:80/tcp\"], \"ring_size\": 251}]}";

static struct config *load(void)
{
	json_t *tree = json_loads(text, 0, NULL);
	struct shunt_err err = {0};
	struct config *config = config_from_json(tree, NULL, &err);

	if (!config)
		fail_msg("%s", shunt_err_text(&err));
	json_decref(tree);
	return config;
}

/* The world, by a backend's last byte. */
struct world {
	enum health_state health[8];
	struct nexthop nexthops[8];
	unsigned int asked; /* about health, of a service by name */
};

static uint32_t last_byte(const struct shunt_addr *addr)
{
	uint32_t byte = ntohl(addr->word[addr->family == SHUNT_FAMILY_IPV6 ? 3 : 0]) & 0xff;

	assert_true(byte < 8);
	return byte;
}

static enum health_state world_health(void *arg, const char *service, const struct shunt_addr *backend)
{
	struct world *world = arg;

	world->asked += strcmp(service, backend->family == SHUNT_FAMILY_IPV6 ? "dns" : "web") == 0;
	return world->health[last_byte(backend)];
}

static const struct nexthop *world_nexthop(void *arg, const struct shunt_addr *backend)
{
	return &((struct world *)arg)->nexthops[last_byte(backend)];
}

static struct world good_world(void)
{
	struct world world = {.asked = 0};

	for (uint32_t i = 0; i < 8; i++) {
		world.health[i] = HEALTH_UP;
		world.nexthops[i] = (struct nexthop){.resolved = true, .ifindex = i, .mtu = 1500 + i};
	}
	return world;
}

static struct model *build(const struct config *config, struct world *world, uint64_t seed, struct model_cache *cache)
{
	struct model_inputs inputs = {seed, world_health, world_nexthop, world};

	return model_build(config, &inputs, cache);
}

static struct model *build_once(const struct config *config, struct world *world)
{
	struct model_cache *cache = model_cache_new();
	struct model *model = build(config, world, SEED, cache);

	model_cache_free(cache);
	return model;
}

static uint32_t slots_of(const struct model_service *service, uint32_t dest)
{
	uint32_t n = 0;

	for (uint32_t s = 0; s < service->ring_size; s++)
		n += service->ring[s] == dest;
	return n;
}

static void state_names(void **state)
{
	(void)state;
	assert_string_equal(backend_state_name(BACKEND_UP), "up");
	assert_string_equal(backend_state_name(BACKEND_DRAIN), "drain");
	assert_string_equal(backend_state_name(BACKEND_CHECKING), "checking");
	assert_string_equal(backend_state_name(BACKEND_DOWN), "down");
	assert_string_equal(backend_state_name(BACKEND_UNRESOLVED), "unresolved");
}

/* Every combination of what may be true of a backend, the word for it, and no slot for any word but up. */
static void words(void **state)
{
	static const struct {
		enum config_admin admin;
		bool resolved;
		enum health_state health;
		enum backend_state word;
	} cases[] = {
		{CONFIG_ADMIN_UNSET, true, HEALTH_UP, BACKEND_UP},
		{CONFIG_ADMIN_UP, true, HEALTH_UP, BACKEND_UP},
		{CONFIG_ADMIN_UNSET, true, HEALTH_CHECKING, BACKEND_CHECKING},
		{CONFIG_ADMIN_UP, true, HEALTH_CHECKING, BACKEND_CHECKING},
		{CONFIG_ADMIN_UNSET, true, HEALTH_DOWN, BACKEND_DOWN},
		{CONFIG_ADMIN_UP, true, HEALTH_DOWN, BACKEND_DOWN},
		{CONFIG_ADMIN_UNSET, false, HEALTH_UP, BACKEND_UNRESOLVED},
		{CONFIG_ADMIN_UP, false, HEALTH_CHECKING, BACKEND_UNRESOLVED},
		{CONFIG_ADMIN_UNSET, false, HEALTH_DOWN, BACKEND_UNRESOLVED},
		{CONFIG_ADMIN_DRAIN, true, HEALTH_UP, BACKEND_DRAIN},
		{CONFIG_ADMIN_DRAIN, true, HEALTH_CHECKING, BACKEND_DRAIN},
		{CONFIG_ADMIN_DRAIN, true, HEALTH_DOWN, BACKEND_DRAIN},
		{CONFIG_ADMIN_DRAIN, false, HEALTH_UP, BACKEND_DRAIN},
		{CONFIG_ADMIN_DRAIN, false, HEALTH_DOWN, BACKEND_DRAIN},
	};
	struct config *config = load();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world = good_world();
		struct model_service *web;
		struct model *model;

		config->services[0].backends[0].admin = cases[i].admin;
		world.nexthops[1].resolved = cases[i].resolved;
		world.health[1] = cases[i].health;
		model = build_once(config, &world);
		web = &model->services[0];
		if (web->dests[0].state != cases[i].word)
			fail_msg("case %zu: %s, expected %s", i, backend_state_name(web->dests[0].state),
				 backend_state_name(cases[i].word));
		assert_int_equal(slots_of(web, 0) > 0, cases[i].word == BACKEND_UP);
		assert_int_equal(web->dests[1].state, BACKEND_UP);
		assert_int_equal(slots_of(web, RING_NONE), 0);
		model_free(model);
	}
	config_free(config);
}

/* Weight 0 does not change the word, only the slots, and it is no refuge either. */
/* A service that is not checked: whatever was known of its backends' health no longer counts. */
static void no_check(void **state)
{
	struct config *config = load();
	struct world world = good_world();
	struct model *model;

	(void)state;
	config->services[0].check.type = CONFIG_CHECK_NONE;
	world.health[1] = HEALTH_DOWN;
	model = build_once(config, &world);
	assert_int_equal(model->services[0].dests[0].state, BACKEND_UP);
	assert_int_equal(model->services[1].dests[0].state, BACKEND_DOWN);
	model_free(model);
	config_free(config);
}

static void weight_zero(void **state)
{
	struct config *config = load();
	struct world world = good_world();
	struct model *model = build_once(config, &world);

	(void)state;
	assert_int_equal(model->services[0].dests[2].state, BACKEND_UP);
	assert_int_equal(slots_of(&model->services[0], 2), 0);
	model_free(model);

	world.health[1] = world.health[2] = world.health[4] = HEALTH_DOWN;
	model = build_once(config, &world);
	assert_int_equal(model->services[0].dests[2].state, BACKEND_UP);
	assert_int_equal(slots_of(&model->services[0], RING_NONE), 1009);
	model_free(model);

	world.health[3] = HEALTH_DOWN;
	model = build_once(config, &world);
	assert_int_equal(model->services[0].dests[2].state, BACKEND_DOWN);
	model_free(model);
	config_free(config);
}

/* A model is its own: configuration and cache may go. */
static void copies(void **state)
{
	struct config *config = load(), *same = load();
	struct world world = good_world();
	struct model *model;

	(void)state;
	snprintf(world.nexthops[4].why, sizeof(world.nexthops[4].why), "no route to 10.1.0.4");
	world.nexthops[4].resolved = false;
	model = build_once(config, &world);
	config_free(config);
	memset(world.nexthops, 0xff, sizeof(world.nexthops));

	assert_int_equal(world.asked, 6);
	assert_memory_equal(&model->source4, &same->source4, sizeof(model->source4));
	assert_memory_equal(&model->source6, &same->source6, sizeof(model->source6));
	assert_int_equal(model->service_count, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct config_service *from = &same->services[i];
		const struct model_service *to = &model->services[i];

		assert_string_equal(to->name, from->name);
		assert_int_equal(to->salt, ring_salt(from->name));
		assert_int_equal(to->ring_size, from->ring_size);
		assert_int_equal(to->vip_count, from->vip_count);
		for (size_t k = 0; k < to->vip_count; k++) {
			assert_true(addr_equal(&to->vips[k].addr, &from->vips[k].addr));
			assert_int_equal(to->vips[k].port, from->vips[k].port);
			assert_int_equal(to->vips[k].proto, from->vips[k].proto);
		}
		assert_int_equal(to->dest_count, from->backend_count);
		for (size_t k = 0; k < to->dest_count; k++)
			assert_true(addr_equal(&to->dests[k].addr, &from->backends[k].addr));
	}
	assert_int_equal(model->services[0].dests[1].nexthop.mtu, 1502);
	assert_string_equal(model->services[0].dests[3].nexthop.why, "no route to 10.1.0.4");
	assert_int_equal(slots_of(&model->services[2], RING_NONE), 251);
	model_free(model);
	config_free(same);
}

/* The ring is ring.h's, with the cluster's seed and the service's salt. */
static void rings(void **state)
{
	struct config *config = load();
	const struct config_service *web = &config->services[0];
	struct world world = good_world();
	struct ring_backend backends[4];
	bool available[4] = {true, false, true, true};
	uint32_t base[1009], ring[1009];
	struct model *model;

	(void)state;
	world.health[2] = HEALTH_DOWN;
	model = build_once(config, &world);
	for (size_t i = 0; i < 4; i++)
		backends[i] = (struct ring_backend){web->backends[i].addr, web->backends[i].weight};
	ring_build(base, 1009, backends, 4, SEED, ring_salt("web"));
	ring_resolve(ring, base, 1009, available, 4, SEED, ring_salt("web"));
	assert_memory_equal(model->services[0].ring, ring, sizeof(ring));
	model_free(model);
	config_free(config);
}

static void nobody_to_ask(void **state)
{
	struct model_cache *cache = model_cache_new();
	struct config *config = load();
	struct world world = good_world();
	struct model_inputs inputs = {.seed = SEED};
	struct model *model = model_build(config, &inputs, cache);

	(void)state;
	assert_int_equal(model->services[0].dests[0].state, BACKEND_UNRESOLVED);
	assert_int_equal(model->services[0].dests[0].nexthop.ifindex, 0);
	model_free(model);

	inputs.nexthop = world_nexthop;
	inputs.arg = &world;
	model = model_build(config, &inputs, cache);
	assert_int_equal(model->services[0].dests[0].state, BACKEND_UP);
	model_free(model);
	model_cache_free(cache);
	config_free(config);
}

/* Whatever changes from one build to the next, a cache that has seen the builds before gives what an empty one gives. */
static void assert_cache_does_not_show(const struct config *config, struct world *world, uint64_t seed,
				       struct model_cache *cache)
{
	struct model_cache *empty = model_cache_new();
	struct model *model = build(config, world, seed, cache), *expected = build(config, world, seed, empty);

	for (size_t i = 0; i < config->service_count; i++)
		assert_memory_equal(model->services[i].ring, expected->services[i].ring,
				    expected->services[i].ring_size * sizeof(uint32_t));
	model_free(expected);
	model_free(model);
	model_cache_free(empty);
}

static void swap_services(struct config *config, size_t a, size_t b)
{
	struct config_service t = config->services[a];

	config->services[a] = config->services[b];
	config->services[b] = t;
}

static void cache_does_not_show(void **state)
{
	struct model_cache *cache = model_cache_new();
	struct config *config = load();
	struct config_service *web = &config->services[0];
	struct config_backend backend = web->backends[0];
	struct world world = good_world();

	(void)state;
	assert_cache_does_not_show(config, &world, SEED, cache);
	world.health[1] = HEALTH_DOWN;
	assert_cache_does_not_show(config, &world, SEED, cache); /* the base ring stays */
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	web->backends[1].weight = 77;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	web->backends[2].weight = 1;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	web->backends[0] = web->backends[3];
	web->backends[3] = backend;
	assert_cache_does_not_show(config, &world, SEED + 1, cache); /* the same, in another order */
	web->backends[0].addr.word[0] = htonl(0x0a010007);
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	web->backend_count = 3;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	web->ring_size = 503;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	config->service_count = 1;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	strcpy(web->name, "www"); /* another salt, all else the same */
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	config->service_count = 3;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	swap_services(config, 0, 2);
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	config->service_count = 2; /* www goes, and comes back */
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	config->service_count = 0;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	config->service_count = 3;
	assert_cache_does_not_show(config, &world, SEED + 1, cache);
	model_cache_free(cache);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_names),	 cmocka_unit_test(words),
		cmocka_unit_test(no_check),	 cmocka_unit_test(weight_zero),
		cmocka_unit_test(copies),	 cmocka_unit_test(rings),
		cmocka_unit_test(nobody_to_ask), cmocka_unit_test(cache_does_not_show),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
