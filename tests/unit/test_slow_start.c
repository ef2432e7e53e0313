/* SPDX-License-Identifier: GPL-2.0 */
/* Slow start: who starts slowly and who does not, how far they are at which time, and which slots that moves. */
#include "model_fixture.h"

#define SLOW 90000 /* ms */

struct story {
	struct config *config;
	struct model_cache *cache;
	struct world world;
	struct model *model;
	uint64_t now;
};

/* web's four backends have weights 100, 50, 0 and 100. */
static void story_begin(struct story *story)
{
	*story = (struct story){.config = load(), .cache = model_cache_new(), .world = good_world(), .now = 1000};
	story->config->services[0].slow_start = SLOW;
}

static void story_end(struct story *story)
{
	model_free(story->model);
	model_cache_free(story->cache);
	config_free(story->config);
}

/* The next model, so many ms later. */
static const struct model_service *go_on(struct story *story, uint64_t ms)
{
	struct model_inputs inputs = {.seed = SEED,
				      .health = world_health,
				      .nexthop = world_nexthop,
				      .arg = &story->world,
				      .before = story->model,
				      .now = story->now + ms};
	struct model *next = model_build(story->config, &inputs, story->cache);

	model_free(story->model);
	story->model = next;
	story->now += ms;
	return &next->services[0];
}

static void assert_levels(const struct model_service *service, uint8_t first, uint8_t second, uint8_t fourth)
{
	assert_int_equal(service->dests[0].level, first);
	assert_int_equal(service->dests[1].level, second);
	assert_int_equal(service->dests[3].level, fourth);
}

/* A tenth at once, and a tenth more after each ninth of the time; each step says when the next one is. */
static void steps(void **state)
{
	struct story story;
	const struct model_service *web;

	(void)state;
	story_begin(&story);
	assert_levels(go_on(&story, 0), 10, 10, 10);
	story.world.health[1] = HEALTH_DOWN;
	web = go_on(&story, 10);
	assert_int_equal(web->next_step, 0);
	story.world.health[1] = HEALTH_UP;
	for (uint8_t level = 1; level <= 9; level++) {
		web = go_on(&story, level == 1 ? 500 : SLOW / 9);
		assert_levels(web, level, 10, 10);
		assert_int_equal(web->next_step, story.now + SLOW / 9);
		assert_int_equal(story.model->next_step, web->next_step);
		assert_levels(go_on(&story, 0), level, 10, 10); /* others look in between */
	}
	web = go_on(&story, SLOW / 9);
	assert_levels(web, 10, 10, 10);
	assert_int_equal(web->next_step, 0);
	story_end(&story);
}

/* Each step moves slots to the backend, each of them once, and none between others; and it has its part of them, to a percent or two. */
static void slots(void **state)
{
	struct model_ring *before;
	struct story story;
	const struct model_service *web;
	uint32_t whole, size;

	(void)state;
	story_begin(&story);
	story.config->services[0].ring_size = size = 65537;
	web = go_on(&story, 0);
	whole = slots_of(web, 0);
	before = model_ring_new(size);
	story.world.health[1] = HEALTH_DOWN;
	web = go_on(&story, 1);
	memcpy(before->slots, web->ring->slots, size * sizeof(*before->slots));
	story.world.health[1] = HEALTH_UP;
	for (uint32_t level = 1; level <= 10; level++) {
		web = go_on(&story, level == 1 ? 1 : SLOW / 9);
		for (uint32_t slot = 0; slot < size; slot++)
			if (web->ring->slots[slot] != before->slots[slot])
				assert_int_equal(web->ring->slots[slot], 0);
		assert_in_range(slots_of(web, 0), whole * level / 10 - whole / 50, whole * level / 10 + whole / 50);
		memcpy(before->slots, web->ring->slots, size * sizeof(*before->slots));
	}
	assert_int_equal(slots_of(web, 0), whole);
	model_ring_release(before);
	story_end(&story);
}

/* While one starts, another one's failure moves its slots alone, and only the part of them that is the starter's goes there. */
static void failure_meanwhile(void **state)
{
	uint32_t before[1009], fell = 0, to_starter = 0;
	const struct model_service *web;
	struct story story;

	(void)state;
	story_begin(&story);
	story.world.health[1] = HEALTH_DOWN;
	go_on(&story, 0);
	story.world.health[1] = HEALTH_UP;
	web = go_on(&story, 1);
	memcpy(before, web->ring->slots, sizeof(before));
	story.world.health[4] = HEALTH_DOWN;
	web = go_on(&story, 1);
	assert_levels(web, 1, 10, 10);
	for (uint32_t slot = 0; slot < 1009; slot++) {
		if (web->ring->slots[slot] == before[slot])
			continue;
		assert_int_equal(before[slot], 3);
		fell++;
		to_starter += web->ring->slots[slot] == 0;
	}
	assert_true(fell > 300);
	assert_in_range(to_starter, 1, fell / 5);
	story_end(&story);
}

/* A start, a service that comes with its backends, and the first checks of either. */
static void not_at_a_start(void **state)
{
	struct story story;

	(void)state;
	story_begin(&story);
	for (int i = 1; i <= 4; i++)
		story.world.health[i] = HEALTH_CHECKING;
	story.world.nexthops[4].resolved = false;
	go_on(&story, 0);
	story.world.health[1] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story.world.health[2] = story.world.health[4] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story.world.nexthops[4].resolved = true;
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story_end(&story);
}

/* One whose first check failed recovers like any other. */
static void late_at_a_start(void **state)
{
	struct story story;

	(void)state;
	story_begin(&story);
	story.world.health[1] = HEALTH_CHECKING;
	go_on(&story, 0);
	story.world.health[1] = HEALTH_DOWN;
	go_on(&story, 5);
	story.world.health[1] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 1, 10, 10);
	story_end(&story);
}

static void who_else(void **state)
{
	struct story story;

	(void)state;
	story_begin(&story);
	story.config->services[0].backends[0].admin = CONFIG_ADMIN_DRAIN;
	go_on(&story, 0);
	story.config->services[0].backends[0].admin = CONFIG_ADMIN_UNSET; /* undrained */
	story.config->services[0].backends[1].weight = 0;
	assert_levels(go_on(&story, 5), 1, 10, 10);
	story.config->services[0].backends[1].weight = 50; /* a weight again */
	assert_levels(go_on(&story, 5), 1, 1, 10);
	story.config->services[0].backends[3].addr.word[0] =
		htonl(0x0a010006); /* and a new one: nobody else is whole */
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story_end(&story);
	story_begin(&story);
	go_on(&story, 0);
	story.config->services[0].backends[3].addr.word[0] = htonl(0x0a010006);
	assert_levels(go_on(&story, 5), 10, 10, 1);
	story.config->services[0].slow_start = 0;
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story_end(&story);
}

/* Weights are relative: with nobody at full weight, all are; and nobody falls back later. */
static void nobody_to_compare_with(void **state)
{
	struct story story;

	(void)state;
	story_begin(&story);
	go_on(&story, 0);
	for (int i = 1; i <= 4; i++)
		story.world.health[i] = HEALTH_DOWN;
	go_on(&story, 5);
	story.world.health[1] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story.world.health[2] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 10, 1, 10);
	story.world.health[1] = HEALTH_DOWN;
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story.world.health[1] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 1, 10, 10);
	story_end(&story);
}

/* In panic all that there is is used, and who recovers in it is used already. */
static void not_in_panic(void **state)
{
	struct story story;

	(void)state;
	story_begin(&story);
	story.config->services[0].panic = 50;
	go_on(&story, 0);
	story.world.health[1] = HEALTH_DOWN;
	go_on(&story, 5);
	story.world.health[2] = HEALTH_DOWN;
	assert_int_equal(go_on(&story, 5)->rule, MODEL_PANIC);
	assert_levels(&story.model->services[0], 10, 10, 10);
	story.world.health[1] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 10, 10, 10);
	story_end(&story);
}

/* A pool is compared with itself: one that comes back whole does so at once. */
static void by_pool(void **state)
{
	struct story story;

	(void)state;
	story_begin(&story);
	config_free(story.config);
	story.config = load_pools(); /* the last two are green */
	story.config->services[0].slow_start = SLOW;
	go_on(&story, 0);
	story.world.health[4] = story.world.health[3] = story.world.health[2] = HEALTH_DOWN;
	go_on(&story, 5);
	story.world.health[4] = story.world.health[3] = story.world.health[2] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 10, 1, 10);
	story_end(&story);
}

static size_t count_picks(const struct model_service *service, uint32_t dest)
{
	size_t count = 0;

	for (size_t i = 0; i < service->pick_count; i++)
		count += service->picks[i] == dest;
	return count;
}

/* Lists to pick from, by weights. */
static void picks(void **state)
{
	const struct model_service *web;
	struct story story;

	(void)state;
	story_begin(&story);
	story.config->services[0].algorithm = CONFIG_ALGORITHM_ROUND_ROBIN;
	web = go_on(&story, 0);
	assert_int_equal(count_picks(web, 0), count_picks(web, 3));
	story.world.health[1] = HEALTH_DOWN;
	go_on(&story, 5);
	story.world.health[1] = HEALTH_UP;
	web = go_on(&story, 5);
	assert_int_equal(count_picks(web, 0) * 10, count_picks(web, 3));
	assert_int_equal(count_picks(web, 0) * 5, count_picks(web, 1));
	web = go_on(&story, SLOW * 4 / 9);
	assert_int_equal(count_picks(web, 0) * 2, count_picks(web, 3));
	story_end(&story);
}

/* As a plan shows it: those that start go on, who comes is there. */
static void settled(void **state)
{
	struct model_inputs inputs = {.seed = SEED, .health = world_health, .nexthop = world_nexthop};
	struct story story;
	struct model *model;

	(void)state;
	story_begin(&story);
	story.world.health[1] = story.world.health[2] = HEALTH_DOWN;
	go_on(&story, 0);
	story.world.health[1] = HEALTH_UP;
	assert_levels(go_on(&story, 5), 1, 10, 10);
	story.world.health[2] = HEALTH_UP;
	inputs.arg = &story.world;
	inputs.before = story.model;
	inputs.now = story.now;
	inputs.settled = true;
	model = model_build(story.config, &inputs, story.cache);
	assert_levels(&model->services[0], 1, 10, 10);
	model_free(model);
	story_end(&story);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(steps),	   cmocka_unit_test(slots),    cmocka_unit_test(failure_meanwhile),
		cmocka_unit_test(not_at_a_start),  cmocka_unit_test(who_else), cmocka_unit_test(nobody_to_compare_with),
		cmocka_unit_test(late_at_a_start), cmocka_unit_test(by_pool),  cmocka_unit_test(not_in_panic),
		cmocka_unit_test(picks),	   cmocka_unit_test(settled),
	};

	return cmocka_run_group_tests_name("slow start", tests, NULL, NULL);
}
