/* SPDX-License-Identifier: GPL-2.0 */
/* datapath_rings.c against the running kernel's maps: slots are passed over when they are known, and only then. */
#include <errno.h>

#include "datapath_fixture.h"

/* Models come back with the very rings they had, after others had their slots and their ids. */
static void rings_come_back(void **state)
{
	struct model *models[8];
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	opens(&dp, &f);
	for (int i = 0; i < 8; i++)
		models[i] = fixture_random_model();
	for (int round = 0; round < 200; round++) {
		const struct model *m = models[random() % 8];

		applies(dp, m);
		fixture_judge_moving(&f, m);
		rests(dp);
		fixture_judge(&f, m);
	}
	for (int i = 0; i < 8; i++)
		model_free(models[i]);
	datapath_close(dp);
	fixture_close(&f);
}

/* Spoil the first slot of the service with id 0; is it mended by the next apply of m, and what follows? */
static bool is_compared(const struct fixture *f, struct datapath *dp, const struct model *m)
{
	uint64_t *slot = &f->rings[f->svcdir[0].ring_base], right = *slot;
	bool mended;

	*slot = ~right;
	applies(dp, m);
	rests(dp);
	mended = *slot == right;
	*slot = right;
	fixture_judge(f, m);
	return mended;
}

/* What is known to be written is not even read; what is not known is. The same ring means other words when ids differ. */
static void only_known_slots_are_passed_over(void **state)
{
	struct model *m = model_of(1, 13, 1, 3), *too_large = model_of(19, 13, 1, 1);
	struct model_service *s = &m->services[0];
	struct datapath *dp;
	struct fixture f;
	uint32_t *ring = fixture_ring(s);

	(void)state;
	for (uint32_t i = 0; i < s->ring_size; i++)
		ring[i] = i % s->dest_count;
	fixture_open(&f);
	opens(&dp, &f);
	applies(dp, m);
	assert_false(is_compared(&f, dp, m));
	assert_int_equal(datapath_apply(dp, too_large, NULL), -ENOSPC);
	assert_false(is_compared(&f, dp, m)); /* that wrote nothing */
	datapath_close(dp);
	opens(&dp, &f);
	assert_true(is_compared(&f, dp, m));
	assert_false(is_compared(&f, dp, m));
	fixture_dest(&s->dests[1], 77);
	applies(dp, m);
	rests(dp);
	fixture_judge(&f, m);
	fixture_ring(s); /* another one, of no choices */
	applies(dp, m);
	rests(dp);
	fixture_judge(&f, m);
	model_free(too_large);
	model_free(m);
	datapath_close(dp);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_come_back),
		cmocka_unit_test(only_known_slots_are_passed_over),
	};

	srandom(1);
	return cmocka_run_group_tests_name("datapath rings", tests, NULL, NULL);
}
