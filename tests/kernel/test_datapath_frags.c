/* SPDX-License-Identifier: GPL-2.0 */
/* datapath_frags.c against the running kernel's maps: what is taken away is forgotten before its id is free, the rest is not. */
#include "datapath_fixture.h"

enum { ALL = 2 * 3 };

static uint64_t entry_of(uint32_t dest)
{
	return SHUNT_FRAG_USED | (uint64_t)dest << SHUNT_FRAG_DEST_SHIFT;
}

/* Entries for destination 0, which is none, and for all that there ever are. */
static void remember_all(struct shunt_bucket *table)
{
	for (uint32_t id = 0; id <= ALL; id++)
		table[id / SHUNT_CONN_WAYS].entry[id % SHUNT_CONN_WAYS] = entry_of(id);
}

static void judge_memory(const struct fixture *f, const struct shunt_bucket *table)
{
	for (uint32_t id = 0; id <= ALL; id++) {
		bool stays = !id || f->dstdir[id].family;

		assert_true(table[id / SHUNT_CONN_WAYS].entry[id % SHUNT_CONN_WAYS] == (stays ? entry_of(id) : 0));
	}
}

static void only_what_is_gone_is_forgotten(void **state)
{
	struct model *both = model_of(2, 13, 1, 3), *one = model_of(1, 13, 1, 2);
	struct shunt_bucket *table;
	struct datapath *dp;
	struct fixture f;

	(void)state;
	fixture_open(&f);
	table = fixture_map(f.skel->maps.shunt_frags);
	opens(&dp, &f);
	strcpy(both->services[1].name, "y");
	applies(dp, both);
	remember_all(table);
	applies(dp, both);
	for (uint32_t id = 0; id <= ALL; id++) /* nothing went: nothing was looked at */
		assert_true(table[id / SHUNT_CONN_WAYS].entry[id % SHUNT_CONN_WAYS] == entry_of(id));
	applies(dp, one);
	judge_memory(&f, table);
	assert_true(table[0].entry[3] == entry_of(3)); /* of the one that was taken away from a service that stays */
	rests(dp);
	fixture_judge(&f, one);
	judge_memory(&f, table);
	munmap(table, f.size.fragment_buckets * sizeof(*table));
	model_free(both);
	model_free(one);
	datapath_close(dp);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_what_is_gone_is_forgotten),
	};

	return cmocka_run_group_tests_name("datapath fragments", tests, NULL, NULL);
}
