/* SPDX-License-Identifier: GPL-2.0 */
/* The model's cache: it never shows in what a model says, and it does save the making of rings. */
#include "model_fixture.h"
#include "../../user/lib/xalloc.h"

static void assert_same_ring(const struct model_ring *ring, const struct model_ring *expected)
{
	assert_int_equal(ring->size, expected->size);
	assert_memory_equal(ring->slots, expected->slots, expected->size * sizeof(uint32_t));
}

/* Whatever changes from one build to the next, a cache that has seen the builds before gives what an empty one gives. */
static void assert_cache_does_not_show(const struct config *config, struct world *world, uint64_t seed,
				       struct model_cache *cache)
{
	struct model_cache *empty = model_cache_new();
	struct model *model = build(config, world, seed, cache), *expected = build(config, world, seed, empty);

	for (size_t i = 0; i < config->service_count; i++) {
		assert_same_ring(model->services[i].ring, expected->services[i].ring);
		assert_int_equal(model->services[i].pool_count, config_sources_pools(config->services[i].sources));
		for (size_t j = 0; j < model->services[i].pool_count; j++)
			assert_same_ring(model->services[i].pools[j].ring, expected->services[i].pools[j].ring);
	}
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

/* The same words of backends, the same ring; other words, that of the words. Weights and names change between. */
static void availability_back_and_forth(void **state)
{
	static const uint8_t down[] = {0, 1, 0, 2, 1, 3, 2, 0, 15, 3, 15, 0, 8, 4, 8, 4};
	struct model_cache *cache = model_cache_new();
	struct config *config = load();
	struct config_service *web = &config->services[0];

	(void)state;
	for (size_t i = 0; i < sizeof(down); i++) {
		struct world world = good_world();

		for (uint32_t k = 0; k < 4; k++)
			if (down[i] & 1u << k)
				world.health[k + 1] = HEALTH_DOWN;
		assert_cache_does_not_show(config, &world, SEED, cache);
		web->backends[1].weight++; /* with the availability unchanged */
		assert_cache_does_not_show(config, &world, SEED, cache);
		web->name[0]++;
		assert_cache_does_not_show(config, &world, SEED, cache);
		web->name[0]--;
		assert_cache_does_not_show(config, &world, SEED + i, cache);
		assert_cache_does_not_show(config, &world, SEED, cache);
	}
	model_cache_free(cache);
	config_free(config);
}

/* Backends go from pool to pool, and pools come and go. */
static void pools_in_the_cache(void **state)
{
	static const char *const names[] = {CONFIG_POOL_DEFAULT, "blue", "green"};
	struct model_cache *cache = model_cache_new();
	struct world world = good_world();

	(void)state;
	for (unsigned int i = 0; i < 81; i++) {
		struct config *config = load_pools();
		struct config_service *web = &config->services[0];

		config_own(web);
		strcpy(web->backends[0].pool, names[i % 3]);
		strcpy(web->backends[1].pool, names[i / 3 % 3]);
		strcpy(web->backends[3].pool, names[i / 9 % 3]);
		world.health[1] = i % 2 ? HEALTH_UP : HEALTH_DOWN;
		if (i / 27 == 1) {
			config_sources_release(web->sources);
			web->sources = NULL;
		}
		assert_cache_does_not_show(config, &world, SEED, cache);
		config_free(config);
	}
	model_cache_free(cache);
}

static void set_shares(struct config_service *service, uint32_t fallback, uint32_t green)
{
	struct config_pool pools[] = {{.name = CONFIG_POOL_DEFAULT, .share = fallback},
				      {.name = "green", .share = green}};

	free(service->pools);
	service->pools = xcalloc(2, sizeof(*service->pools));
	memcpy(service->pools, pools, sizeof(pools));
	service->pool_count = 2;
}

/* Shares and names of pools, weights and pools of backends. */
static void shares_in_the_cache(void **state)
{
	struct model_cache *cache = model_cache_new();
	struct config *config = load_pools();
	struct config_service *web = &config->services[0];
	struct world world = good_world();

	(void)state;
	config_own(web);
	assert_cache_does_not_show(config, &world, SEED, cache);
	for (uint32_t i = 0; i < 4; i++) {
		set_shares(web, 10, i % 2 ? i * 10 : 0);
		assert_cache_does_not_show(config, &world, SEED, cache);
		web->pools[1].share += 5; /* alone */
		assert_cache_does_not_show(config, &world, SEED, cache);
		strcpy(web->pools[0].name, "blue");
		assert_cache_does_not_show(config, &world, SEED, cache);
		strcpy(web->backends[0].pool, i % 2 ? "blue" : "green");
		assert_cache_does_not_show(config, &world, SEED, cache);
		web->pool_count = 1;
		assert_cache_does_not_show(config, &world, SEED, cache);
		world.health[1] = i % 2 ? HEALTH_UP : HEALTH_DOWN;
		assert_cache_does_not_show(config, &world, SEED, cache);
		web->pool_count = 0;
		assert_cache_does_not_show(config, &world, SEED, cache);
	}
	model_cache_free(cache);
	config_free(config);
}

static void two_caches(void **state)
{
	struct model_cache *one = model_cache_new(), *other = model_cache_new();
	struct config *config = load(), *swapped = load();
	struct world good = good_world(), bad = good_world();

	(void)state;
	bad.health[1] = HEALTH_DOWN;
	swapped->services[0].backends[1].weight = 1;
	swap_services(swapped, 0, 1);
	for (int i = 0; i < 3; i++) {
		assert_cache_does_not_show(config, &good, SEED, one);
		assert_cache_does_not_show(swapped, &bad, SEED, other);
		assert_cache_does_not_show(config, i % 2 ? &bad : &good, SEED, one);
	}
	model_cache_free(one);
	assert_cache_does_not_show(swapped, &bad, SEED, other);
	model_cache_free(other);
	config_free(swapped);
	config_free(config);
}

/* A change makes the rings that it changes, and no others. */
static void rings_are_shared(void **state)
{
	struct model_cache *cache = model_cache_new();
	struct config *config = load();
	struct world world = good_world();
	struct model *first, *second, *third;

	(void)state;
	config->services[1].backends[1].addr.word[3] = htonl(5);
	world.health[4] = HEALTH_DOWN;
	first = build(config, &world, SEED, cache);
	world.nexthops[1].mtu++;
	second = build(config, &world, SEED, cache);
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(first->services[i].ring, second->services[i].ring);
	world.health[2] = HEALTH_DOWN;
	third = build(config, &world, SEED, cache);
	assert_ptr_not_equal(second->services[0].ring, third->services[0].ring);
	assert_ptr_equal(second->services[1].ring, third->services[1].ring);
	assert_ptr_equal(second->services[2].ring, third->services[2].ring);
	assert_int_equal(first->services[0].ring->holders, 2); /* the models; the cache has the third's */
	model_cache_free(cache);
	model_free(first);
	model_free(third);
	assert_int_equal(slots_of(&second->services[0], 3), 0);
	assert_true(slots_of(&second->services[0], 1) > 0);
	model_free(second);
	config_free(config);
}

/* Found by name wherever they stand: none is made anew when services change their order. */
static void many_services(void **state)
{
	enum { COUNT = 500 };
	struct config_service services[COUNT] = {0};
	struct config_backend backend = {.addr = {.word = {htonl(0x0a010001)}, .family = SHUNT_FAMILY_IPV4},
					 .weight = 1};
	struct config config = {.services = services, .service_count = COUNT};
	struct model_cache *cache = model_cache_new();
	struct world world = good_world();
	struct model *before, *after;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		snprintf(services[i].name, sizeof(services[i].name), "s%zu", i);
		services[i].ring_size = 251;
		services[i].backends = &backend;
		services[i].backend_count = 1;
	}
	before = build(&config, &world, SEED, cache);
	for (size_t i = 0; i < COUNT / 2; i++)
		swap_services(&config, i, COUNT - 1 - i);
	after = build(&config, &world, SEED, cache);
	for (size_t i = 0; i < COUNT; i++) {
		assert_string_equal(before->services[i].name, after->services[COUNT - 1 - i].name);
		assert_ptr_equal(before->services[i].ring, after->services[COUNT - 1 - i].ring);
	}
	model_free(before);
	model_free(after);
	model_cache_free(cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cache_does_not_show), cmocka_unit_test(availability_back_and_forth),
		cmocka_unit_test(pools_in_the_cache),  cmocka_unit_test(shares_in_the_cache),
		cmocka_unit_test(two_caches),	       cmocka_unit_test(rings_are_shared),
		cmocka_unit_test(many_services),
	};

	return cmocka_run_group_tests_name("model cache", tests, NULL, NULL);
}
