/* SPDX-License-Identifier: GPL-2.0 */
/* Which slots move between two models, against counts made slot by slot; and that looking leaves no trace in the cache. */
#include "model_fixture.h"

#include "../../user/shuntd/preview.h"

/* web as it was and as it is. */
struct two {
	struct model *before, *after;
};

static struct two build_two(struct config *before, struct config *after)
{
	struct world world = good_world();
	struct two two = {build_once(before, &world), build_once(after, &world)};

	config_free(before);
	config_free(after);
	return two;
}

static void release(struct two *two, json_t *list)
{
	model_free(two->before);
	model_free(two->after);
	json_decref(list);
}

static json_int_t number(const json_t *object, const char *member)
{
	assert_true(json_is_integer(json_object_get(object, member)));
	return json_integer_value(json_object_get(object, member));
}

static const char *word(const json_t *object, const char *member)
{
	return json_string_value(json_object_get(object, member));
}

/* By the backends' addresses, whatever their indexes are. */
static uint32_t count_moved(const struct model_service *a, const struct model_ring *was, const struct model_service *b,
			    const struct model_ring *is)
{
	uint32_t moved = 0;

	for (uint32_t slot = 0; slot < was->size; slot++)
		moved += was->slots[slot] != RING_NONE &&
			 (is->slots[slot] == RING_NONE ||
			  !addr_equal(&a->dests[was->slots[slot]].addr, &b->dests[is->slots[slot]].addr));
	return moved;
}

/* What the list says of each backend: from one number of slots to another. */
static void assert_backend(const json_t *service, const char *address, uint32_t from, uint32_t to)
{
	const json_t *backend;
	size_t i;

	json_array_foreach (json_object_get(service, "backends"), i, backend) {
		if (strcmp(word(backend, "address"), address) != 0)
			continue;
		assert_int_equal(number(backend, "from"), from);
		assert_int_equal(number(backend, "to"), to);
		return;
	}
	fail_msg("nothing of %s", address);
}

static void nothing(void **state)
{
	struct two two = build_two(load(), load());
	json_t *list = preview_services(two.before, two.after);

	(void)state;
	assert_int_equal(json_array_size(list), 0);
	release(&two, list);
}

/* One goes, and the others move up one index: only slots of the one move. */
static void backend_removed(void **state)
{
	struct config *after = load();
	struct config_service *web = &after->services[0];
	const struct model_service *was, *is;
	json_t *list, *service;
	struct two two;

	(void)state;
	memmove(web->backends, web->backends + 1, 3 * sizeof(*web->backends));
	web->backend_count = 3;
	two = build_two(load(), after);
	was = &two.before->services[0];
	is = &two.after->services[0];
	list = preview_services(two.before, two.after);
	assert_int_equal(json_array_size(list), 1);
	service = json_array_get(list, 0);
	assert_string_equal(word(service, "name"), "web");
	assert_string_equal(word(service, "change"), "changed");
	assert_int_equal(number(service, "slots"), 1009);
	assert_int_equal(number(service, "moved"), count_moved(was, was->ring, is, is->ring));
	assert_in_range(number(service, "moved"), slots_of(was, 0), 1009 / 2);
	assert_false(json_is_true(json_object_get(service, "rehashed")));
	assert_backend(service, "10.1.0.1", slots_of(was, 0), 0);
	assert_backend(service, "10.1.0.2", slots_of(was, 1), slots_of(is, 0));
	assert_backend(service, "10.1.0.4", slots_of(was, 3), slots_of(is, 2));
	assert_int_equal(json_array_size(json_object_get(service, "backends")), 3); /* 10.1.0.3 has no weight */
	release(&two, list);
}

static void drained(void **state)
{
	struct config *after = load();
	const struct model_service *was, *is;
	json_t *list;
	struct two two;

	(void)state;
	after->services[0].backends[1].admin = CONFIG_ADMIN_DRAIN;
	two = build_two(load(), after);
	was = &two.before->services[0];
	is = &two.after->services[0];
	list = preview_services(two.before, two.after);
	assert_int_equal(number(json_array_get(list, 0), "moved"), slots_of(was, 1));
	assert_backend(json_array_get(list, 0), "10.1.0.2", slots_of(was, 1), 0);
	assert_backend(json_array_get(list, 0), "10.1.0.1", slots_of(was, 0), slots_of(is, 0));
	release(&two, list);
}

/* Slots that had nobody move from nobody. */
static void filled(void **state)
{
	struct config *before = load();
	json_t *list;
	struct two two;

	(void)state;
	for (int i = 0; i < 4; i++)
		before->services[0].backends[i].admin = CONFIG_ADMIN_DRAIN;
	two = build_two(before, load());
	list = preview_services(two.before, two.after);
	assert_int_equal(number(json_array_get(list, 0), "moved"), 0);
	assert_backend(json_array_get(list, 0), "10.1.0.1", 0, slots_of(&two.after->services[0], 0));
	release(&two, list);
}

static void services_come_and_go(void **state)
{
	struct config *before = load(), *after = load();
	struct two two;
	json_t *list;

	(void)state;
	strcpy(after->services[0].name, "www");
	two = build_two(before, after);
	list = preview_services(two.before, two.after);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(word(json_array_get(list, 0), "name"), "www");
	assert_string_equal(word(json_array_get(list, 0), "change"), "added");
	assert_int_equal(number(json_array_get(list, 0), "slots"), 1009);
	assert_int_equal(number(json_array_get(list, 0), "moved"), 0);
	assert_backend(json_array_get(list, 0), "10.1.0.1", 0, slots_of(&two.after->services[0], 0));
	assert_string_equal(word(json_array_get(list, 1), "name"), "web");
	assert_string_equal(word(json_array_get(list, 1), "change"), "removed");
	assert_int_equal(number(json_array_get(list, 1), "slots"), 1009);
	assert_backend(json_array_get(list, 1), "10.1.0.1", slots_of(&two.before->services[0], 0), 0);
	release(&two, list);
}

static void another_order(void **state)
{
	struct config *after = load();
	struct config_service web = after->services[0];
	struct two two;
	json_t *list;

	(void)state;
	after->services[0] = after->services[2];
	after->services[2] = web;
	two = build_two(load(), after);
	list = preview_services(two.before, two.after);
	assert_int_equal(json_array_size(list), 0);
	release(&two, list);
}

static void rehashed(void **state)
{
	struct config *after = load();
	struct two two;
	json_t *list;

	(void)state;
	after->services[0].hash.inputs = CONFIG_HASH_NO_SOURCE_PORT;
	two = build_two(load(), after);
	list = preview_services(two.before, two.after);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(number(json_array_get(list, 0), "moved"), 0);
	assert_true(json_is_true(json_object_get(json_array_get(list, 0), "rehashed")));
	release(&two, list);
}

/* The same ring, which from then on no beginning goes by. */
static void picked(void **state)
{
	struct config *after = load();
	struct two two;
	json_t *list;

	(void)state;
	after->services[0].algorithm = CONFIG_ALGORITHM_ROUND_ROBIN;
	two = build_two(load(), after);
	list = preview_services(two.before, two.after);
	assert_int_equal(json_array_size(list), 1);
	assert_int_equal(number(json_array_get(list, 0), "moved"), 0);
	release(&two, list);
}

/* A backend that changes its pool leaves one ring and is in another. */
static void pools(void **state)
{
	struct config *after = load_pools();
	const struct model_service *was, *is;
	json_t *list, *service;
	struct two two;

	(void)state;
	strcpy(after->services[0].backends[1].pool, "green");
	two = build_two(load_pools(), after);
	was = &two.before->services[0];
	is = &two.after->services[0];
	list = preview_services(two.before, two.after);
	service = json_array_get(list, 0);
	assert_int_equal(number(service, "slots"), 2 * 1009);
	assert_int_equal(number(service, "moved"), count_moved(was, was->ring, is, is->ring) +
							   count_moved(was, was->pools[0].ring, is, is->pools[0].ring));
	release(&two, list);

	two = build_two(load_pools(), load()); /* the pool's ring goes */
	list = preview_services(two.before, two.after);
	assert_int_equal(number(json_array_get(list, 0), "slots"), 1009);
	release(&two, list);
}

/* A model of another configuration, made with a copy, is what it would be; the cache itself still knows what it knew. */
static void the_cache_stays(void **state)
{
	struct model_cache *cache = model_cache_new(), *copy;
	struct config *config = load_pools(), *other = load();
	struct world world = good_world();
	struct model *model = build(config, &world, SEED, cache), *looked, *expected, *again;

	(void)state;
	other->services[0].backends[1].weight = 7;
	copy = model_cache_copy(cache);
	looked = build(other, &world, SEED, copy);
	model_cache_free(copy);
	expected = build_once(other, &world);
	assert_memory_equal(looked->services[0].ring->slots, expected->services[0].ring->slots,
			    1009 * sizeof(uint32_t));
	assert_ptr_equal(looked->services[1].ring, model->services[1].ring); /* not made again */
	again = build(config, &world, SEED, cache);
	assert_ptr_equal(again->services[0].ring, model->services[0].ring);
	assert_ptr_equal(again->services[0].pools[0].ring, model->services[0].pools[0].ring);
	model_free(model);
	model_free(looked);
	model_free(expected);
	model_free(again);
	model_cache_free(cache);
	config_free(config);
	config_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),
		cmocka_unit_test(backend_removed),
		cmocka_unit_test(drained),
		cmocka_unit_test(filled),
		cmocka_unit_test(services_come_and_go),
		cmocka_unit_test(another_order),
		cmocka_unit_test(rehashed),
		cmocka_unit_test(picked),
		cmocka_unit_test(pools),
		cmocka_unit_test(the_cache_stays),
	};

	return cmocka_run_group_tests_name("preview", tests, NULL, NULL);
}
