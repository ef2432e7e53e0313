/* SPDX-License-Identifier: GPL-2.0 */
/* datapath_frags.c against the running kernel's maps: what is taken away is forgotten before its id is free, the rest is not. */
#include "datapath_fixture.h"

static uint64_t entry_of(uint32_t dest)
{
	return SHUNT_FRAG_USED | (uint64_t)dest << SHUNT_FRAG_DEST_SHIFT;
}

/* Entries for destinations 0 to 40, in use or not. */
static void remember_all(struct shunt_bucket *table)
{
	for (uint32_t id = 0; id <= 40; id++)
		table[id / SHUNT_CONN_WAYS].entry[id % SHUNT_CONN_WAYS] = entry_of(id);
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
	for (uint32_t id = 0; id <= 40; id++) /* nothing went: nothing was looked at */
		assert_true(table[id / SHUNT_CONN_WAYS].entry[id % SHUNT_CONN_WAYS] == entry_of(id));
	applies(dp, one);
	fixture_judge(&f, one);
	for (uint32_t id = 0; id <= 40; id++) {
		bool stays = !id || f.dstdir[id].family;

		assert_true(table[id / SHUNT_CONN_WAYS].entry[id % SHUNT_CONN_WAYS] == (stays ? entry_of(id) : 0));
	}
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
