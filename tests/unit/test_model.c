/* SPDX-License-Identifier: GPL-2.0 */
/* The model: which word a backend gets, what that does to the ring, and what a model keeps. */
#include "model_fixture.h"

static void state_names(void **state)
{
	(void)state;
	assert_string_equal(backend_state_name(BACKEND_UP), "up");
	assert_string_equal(backend_state_name(BACKEND_DRAIN), "drain");
	assert_string_equal(backend_state_name(BACKEND_CHECKING), "checking");
	assert_string_equal(backend_state_name(BACKEND_DOWN), "down");
	assert_string_equal(backend_state_name(BACKEND_UNRESOLVED), "unresolved");
	assert_string_equal(backend_state_name(BACKEND_PANIC), "panic");
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

/* Weight 0 does not change the word, only the slots, and it is no refuge either. */
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
		assert_int_equal(to->udp, from->udp);
		assert_int_equal(to->idle_timeout, from->idle_timeout);
		assert_int_equal(to->drain_timeout, from->drain_timeout);
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
		backends[i] = (struct ring_backend){web->backends[i].addr, web->backends[i].weight, 0};
	ring_build(base, 1009, backends, 4, SEED, ring_salt("web"));
	ring_resolve(ring, base, 1009, available, 4, SEED, ring_salt("web"));
	assert_memory_equal(model->services[0].ring->slots, ring, sizeof(ring));
	model_free(model);
	config_free(config);
}

/* All up, which takes no resolving, and none up. */
static void whole_and_empty_rings(void **state)
{
	struct config *config = load();
	const struct config_service *web = &config->services[0];
	struct world world = good_world();
	struct ring_backend backends[4];
	bool available[4] = {true, true, true, true};
	uint32_t base[1009], ring[1009];
	struct model *model = build_once(config, &world);

	(void)state;
	for (size_t i = 0; i < 4; i++)
		backends[i] = (struct ring_backend){web->backends[i].addr, web->backends[i].weight, 0};
	ring_build(base, 1009, backends, 4, SEED, ring_salt("web"));
	ring_resolve(ring, base, 1009, available, 4, SEED, ring_salt("web"));
	assert_int_equal(model->services[0].ring->size, 1009);
	assert_memory_equal(model->services[0].ring->slots, ring, sizeof(ring));
	model_free(model);

	for (size_t i = 1; i <= 4; i++)
		world.health[i] = HEALTH_DOWN;
	model = build_once(config, &world);
	assert_int_equal(slots_of(&model->services[0], RING_NONE), 1009);
	model_free(model);
	config_free(config);
}

/* ring is what ring.h makes of the backends first and first + 1 of web alone. */
static void assert_ring_of_two(const struct model_ring *ring, const struct config_service *web, size_t first,
			       const bool *available)
{
	struct ring_backend backends[2] = {{web->backends[first].addr, web->backends[first].weight, 0},
					   {web->backends[first + 1].addr, web->backends[first + 1].weight, 0}};
	uint32_t base[1009], expected[1009];

	ring_build(base, 1009, backends, 2, SEED, ring_salt("web"));
	ring_resolve(expected, base, 1009, available, 2, SEED, ring_salt("web"));
	assert_int_equal(ring->size, 1009);
	for (size_t i = 0; i < 1009; i++)
		assert_int_equal(ring->slots[i], expected[i] == RING_NONE ? RING_NONE : first + expected[i]);
}

/* A pool is a service of its own as far as the ring goes: what becomes of its backends is of no concern to another, and it never takes
 * backends of another. */
static void pools(void **state)
{
	static const bool all[2] = {true, true}, second[2] = {false, true}, none[2] = {false, false};
	struct model_cache *cache = model_cache_new();
	struct config *config = load_pools();
	const struct config_service *web = &config->services[0];
	struct world world = good_world();
	struct model *model = build(config, &world, SEED, cache), *next;

	(void)state;
	assert_int_equal(model->services[0].pool_count, 1);
	assert_string_equal(model->services[0].pools[0].name, "green");
	assert_int_equal(model->services[1].pool_count, 0);
	assert_ring_of_two(model->services[0].ring, web, 0, all);
	assert_ring_of_two(model->services[0].pools[0].ring, web, 2, all);
	config->services[0].backends[2].admin = CONFIG_ADMIN_DRAIN;
	next = build(config, &world, SEED, cache);
	assert_ptr_equal(next->services[0].ring, model->services[0].ring);
	assert_ring_of_two(next->services[0].pools[0].ring, web, 2, second);
	model_free(next);
	world.health[4] = HEALTH_DOWN;
	next = build(config, &world, SEED, cache);
	assert_ptr_equal(next->services[0].ring, model->services[0].ring);
	assert_ring_of_two(next->services[0].pools[0].ring, web, 2, none);
	model_free(next);
	world.health[1] = HEALTH_DOWN;
	next = build(config, &world, SEED, cache);
	assert_ring_of_two(next->services[0].ring, web, 0, second);
	model_free(next);
	model_free(model);
	model_cache_free(cache);
	config_free(config);
}

static uint32_t slots_of_pool(const struct model_service *service, const struct config_service *web, const char *pool)
{
	uint32_t slots = 0;

	for (uint32_t i = 0; i < 4; i++)
		if (!strcmp(web->backends[i].pool, pool))
			slots += slots_of(service, i);
	return slots;
}

/* With shares, the service's own ring is of all pools that have one, the others' backends are in it all the same, and the rings of pools that
 * sources are sent to are what they were. Health does not change what a pool gets, until nobody of it is left. */
static void shares(void **state)
{
	struct config_pool pools[] = {{.name = CONFIG_POOL_DEFAULT, .share = 75}, {.name = "green", .share = 25}};
	struct config *config = load_pools();
	struct config_service *web = &config->services[0];
	struct world world = good_world();
	struct model *before = build_once(config, &world), *model;

	(void)state;
	assert_false(before->services[0].dests[2].in_both);
	web->pools = pools;
	web->pool_count = 2;
	model = build_once(config, &world);
	assert_in_range(slots_of_pool(&model->services[0], web, "green"), 250, 254);
	assert_int_equal(slots_of(&model->services[0], RING_NONE), 0);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(model->services[0].dests[i].pool, i < 2 ? MODEL_POOL_DEFAULT : 0);
		assert_int_equal(model->services[0].dests[i].in_both, i >= 2);
		assert_true(model_dest_is_own(&model->services[0].dests[i]));
	}
	assert_memory_equal(model->services[0].pools[0].ring->slots, before->services[0].pools[0].ring->slots,
			    1009 * sizeof(uint32_t));
	model_free(before);
	model_free(model);
	world.health[3] = world.health[1] = HEALTH_DOWN;
	model = build_once(config, &world);
	assert_in_range(slots_of_pool(&model->services[0], web, "green"), 250, 254);
	assert_in_range(slots_of(&model->services[0], 3), 250, 254);
	model_free(model);
	world.health[4] = HEALTH_DOWN;
	model = build_once(config, &world);
	assert_int_equal(slots_of(&model->services[0], 1), 1009);
	model_free(model);
	pools[1].share = 0;
	world.health[2] = HEALTH_DOWN;
	world.health[3] = world.health[4] = HEALTH_UP;
	model = build_once(config, &world); /* who has no share is no refuge */
	assert_int_equal(slots_of(&model->services[0], RING_NONE), 1009);
	assert_true(model->services[0].dests[2].in_both);
	model_free(model);
	web->pools = NULL;
	web->pool_count = 0;
	config_free(config);
}

/* With fewer than panic says, all that can be reached and are not drained are used. The third has weight 0, and does not count. */
static void panic(void **state)
{
	static const struct {
		uint32_t panic;
		enum health_state health[3]; /* of the backends 1, 2 and 4 */
		bool panics;
	} cases[] = {
		{0, {HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN}, false},
		{1, {HEALTH_DOWN, HEALTH_DOWN, HEALTH_DOWN}, true},
		{33, {HEALTH_DOWN, HEALTH_UP, HEALTH_DOWN}, false},
		{34, {HEALTH_DOWN, HEALTH_UP, HEALTH_DOWN}, true},
		{34, {HEALTH_DOWN, HEALTH_CHECKING, HEALTH_DOWN}, true},
		{50, {HEALTH_CHECKING, HEALTH_CHECKING, HEALTH_DOWN}, false},
		{100, {HEALTH_CHECKING, HEALTH_CHECKING, HEALTH_CHECKING}, false},
		{100, {HEALTH_UP, HEALTH_UP, HEALTH_UP}, false},
		{100, {HEALTH_UP, HEALTH_UP, HEALTH_DOWN}, true},
	};
	static const uint32_t byte[] = {1, 2, 4}, index[] = {0, 1, 3};
	struct config *config = load();

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world world = good_world();
		struct model *model;

		for (size_t k = 0; k < 3; k++)
			world.health[byte[k]] = cases[i].health[k];
		config->services[0].panic = cases[i].panic;
		model = build_once(config, &world);
		assert_int_equal(model->services[0].rule == MODEL_PANIC, cases[i].panics);
		assert_int_equal(model->services[0].asked, 3);
		for (size_t k = 0; k < 3; k++) {
			bool up = cases[i].health[k] == HEALTH_UP, used = up || cases[i].panics;

			assert_int_equal(slots_of(&model->services[0], index[k]) > 0, used);
			if (cases[i].panics)
				assert_int_equal(model->services[0].dests[index[k]].state,
						 up ? BACKEND_UP : BACKEND_PANIC);
		}
		assert_int_not_equal(model->services[1].rule, MODEL_PANIC);
		model_free(model);
	}
	config_free(config);
}

/* Who is drained does not count and is not used; who cannot be reached does count. */
static void panic_has_limits(void **state)
{
	struct config *config = load();
	struct world world = good_world();
	struct model *model;

	(void)state;
	config->services[0].panic = 50;
	config->services[0].backends[0].admin = CONFIG_ADMIN_DRAIN;
	world.health[1] = world.health[2] = HEALTH_DOWN;
	model = build_once(config, &world);
	assert_int_equal(model->services[0].rule, MODEL_SHARES); /* one of two */
	model_free(model);
	world.nexthops[4].resolved = false;
	model = build_once(config, &world);
	assert_int_equal(model->services[0].rule, MODEL_PANIC);
	assert_int_equal(slots_of(&model->services[0], 1), 1009);
	assert_int_equal(model->services[0].dests[0].state, BACKEND_DRAIN);
	assert_int_equal(model->services[0].dests[3].state, BACKEND_UNRESOLVED);
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

/* l2dsr reaches what is on a link; other tunnels do not care. */
static void l2dsr_wants_no_gateway(void **state)
{
	static const enum config_encap_type tunnels[] = {CONFIG_ENCAP_AUTO, CONFIG_ENCAP_GUE, CONFIG_ENCAP_GRE};
	struct config *config = load();
	struct world world = good_world();
	struct model *model;

	(void)state;
	assert_int_equal(addr_parse("10.9.9.9", &world.nexthops[1].gateway), 0);
	for (size_t i = 0; i < sizeof(tunnels) / sizeof(tunnels[0]); i++) {
		config->services[0].encap.type = tunnels[i];
		model = build_once(config, &world);
		assert_int_equal(model->services[0].dests[0].encap.type, tunnels[i]);
		assert_int_equal(model->services[0].dests[0].state, BACKEND_UP);
		model_free(model);
	}
	config->services[0].backends[0].has_encap = config->services[0].backends[1].has_encap = true;
	config->services[0].backends[0].encap.type = config->services[0].backends[1].encap.type = CONFIG_ENCAP_L2DSR;
	model = build_once(config, &world);
	assert_int_equal(model->services[0].dests[0].state, BACKEND_UNRESOLVED);
	assert_false(model->services[0].dests[0].nexthop.resolved);
	assert_int_equal(slots_of(&model->services[0], 0), 0);
	assert_int_equal(model->services[0].dests[1].state, BACKEND_UP);
	assert_int_equal(model->services[0].dests[1].encap.type, CONFIG_ENCAP_L2DSR);
	assert_int_equal(model->services[0].dests[3].encap.type, CONFIG_ENCAP_GRE);
	model_free(model);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state_names),
		cmocka_unit_test(words),
		cmocka_unit_test(no_check),
		cmocka_unit_test(weight_zero),
		cmocka_unit_test(copies),
		cmocka_unit_test(rings),
		cmocka_unit_test(nobody_to_ask),
		cmocka_unit_test(whole_and_empty_rings),
		cmocka_unit_test(l2dsr_wants_no_gateway),
		cmocka_unit_test(pools),
		cmocka_unit_test(shares),
		cmocka_unit_test(panic),
		cmocka_unit_test(panic_has_limits),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
