/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of format 1 in format 2: every id, address and number is where it was, and the rings of destinations are found. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../user/shuntd/migrate.h"

#define SERVICES 6
#define DESTS 12
#define SLOTS 40

static struct shunt_control control = {.services = SERVICES, .destinations = DESTS, .ring_slots = SLOTS};
static struct shunt_service_entry svcdir[SERVICES];
static struct migrate_dest_entry_1 dstdir[DESTS];
static uint64_t rings[SLOTS];
static const struct migrate_dests from = {&control, svcdir, dstdir, rings};

static void ring(uint32_t id, const char *name, uint32_t base, uint32_t count, uint32_t owner)
{
	svcdir[id] = (struct shunt_service_entry){.ring_base = base, .ring_size = count, .owner = owner};
	strcpy(svcdir[id].name, name);
}

static void slots(uint32_t first, uint32_t count, uint32_t dest)
{
	for (uint32_t i = first; i < first + count; i++)
		rings[i] = shunt_slot_clean(dest);
}

/* Service 1 has the pools 3 and 0; 5 is another service; 2 and 4 are free. */
static int fill(void **state)
{
	(void)state;
	memset(svcdir, 0, sizeof(svcdir));
	memset(dstdir, 0, sizeof(dstdir));
	memset(rings, 0, sizeof(rings));
	ring(1, "web", 10, 7, 0);
	ring(3, "canary", 20, 7, 2);
	ring(0, "dark", 30, 7, 2);
	ring(5, "dns", 0, 7, 0);
	for (uint32_t id = 1; id <= 7; id++)
		dstdir[id] = (struct migrate_dest_entry_1){{id}, id < 7 ? 1 : 5, id % 2 ? 4 : 6, {0}};
	slots(10, 7, 1);
	slots(20, 3, 2);
	slots(23, 4, 3);
	slots(30, 1, 4);
	slots(0, 7, 7);
	return 0;
}

static void control_keeps_all_but_sizes_of_a_moment(void **state)
{
	uint8_t old[MIGRATE_CONTROL_1_SIZE];
	struct shunt_control out, want;

	(void)state;
	memset(old, 0xa5, sizeof(old));
	memset(&want, 0, sizeof(want));
	memcpy(&want, old, sizeof(old));
	want.format = SHUNT_FORMAT;
	want.conn_buckets = 8;
	want.fragment_buckets = 4;
	want.conn_expiry = 0;
	migrate_control(old, &(struct shunt_control){.conn_buckets = 8, .fragment_buckets = 4}, &out);
	assert_memory_equal(&out, &want, sizeof(out));
}

static void destinations_find_their_rings(void **state)
{
	static const uint32_t want[] = {0, 1, 3, 3, 0, 1, 1, 5};
	struct shunt_dest_entry out[DESTS];

	(void)state;
	memset(out, 0xff, sizeof(out));
	assert_int_equal(migrate_dstdir(&from, 99, out, NULL), 0);
	for (uint32_t id = 0; id < DESTS; id++) {
		struct shunt_dest_entry entry = {{id}, id < 8 ? want[id] : 0, id % 2 ? 4 : 6, {0}, 99};

		if (!id || id > 7)
			entry = (struct shunt_dest_entry){0};
		assert_memory_equal(&out[id], &entry, sizeof(entry));
	}
	assert_int_equal(migrate_guessed(&from, out), 2); /* 5 and 6 */
	memset(&svcdir[0], 0, sizeof(svcdir[0]));
	memset(&svcdir[3], 0, sizeof(svcdir[3]));
	assert_int_equal(migrate_dstdir(&from, 99, out, NULL), 0);
	assert_int_equal(migrate_guessed(&from, out), 0); /* no pools: nothing to guess */
}

/* A slot of a pool names only destinations of its service; whatever else it says is not believed. */
static void odd_slots_mislead_nobody(void **state)
{
	struct shunt_dest_entry out[DESTS];

	(void)state;
	slots(35, 1, 7);
	slots(34, 1, DESTS);
	slots(33, 1, DESTS - 1);
	slots(32, 1, 0);
	assert_int_equal(migrate_dstdir(&from, 99, out, NULL), 0);
	assert_int_equal(out[7].ring, 5);
	assert_int_equal(out[DESTS - 1].family, 0);
}

static void what_is_damaged_is_refused(void **state)
{
	struct shunt_dest_entry out[DESTS];

	(void)state;
	svcdir[3].ring_size = SLOTS;
	assert_int_equal(migrate_dstdir(&from, 1, out, NULL), -EPROTO);
	svcdir[3].ring_size = 7;
	svcdir[3].owner = SERVICES + 1;
	assert_int_equal(migrate_dstdir(&from, 1, out, NULL), -EPROTO);
	svcdir[3].owner = 2;
	dstdir[4].service = SERVICES;
	assert_int_equal(migrate_dstdir(&from, 1, out, NULL), -EPROTO);
	dstdir[4].service = 1;
	assert_int_equal(migrate_dstdir(&from, 1, out, NULL), 0);
}

static void templates_say_their_rings(void **state)
{
	struct shunt_dest dests[DESTS], want;
	struct shunt_dest_entry entries[DESTS];

	(void)state;
	memset(dests, 0x5a, sizeof(dests));
	assert_int_equal(migrate_dstdir(&from, 1, entries, NULL), 0);
	migrate_dests(dests, svcdir, entries, DESTS);
	for (uint32_t id = 0; id < DESTS; id++) {
		memset(&want, 0x5a, sizeof(want));
		if (entries[id].family) {
			want.ring_base = svcdir[entries[id].ring].ring_base;
			want.ring_size = 7;
		}
		assert_memory_equal(&dests[id], &want, sizeof(want));
	}
}

static void maps_that_are_made_anew(void **state)
{
	(void)state;
	assert_true(migrate_is_anew("shunt_control", true) && migrate_is_anew("shunt_control", false));
	assert_true(migrate_is_anew("shunt_conns", false) && !migrate_is_anew("shunt_conns", true));
	assert_false(migrate_is_anew("shunt_rings", false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(control_keeps_all_but_sizes_of_a_moment, fill),
		cmocka_unit_test_setup(destinations_find_their_rings, fill),
		cmocka_unit_test_setup(odd_slots_mislead_nobody, fill),
		cmocka_unit_test_setup(what_is_damaged_is_refused, fill),
		cmocka_unit_test_setup(templates_say_their_rings, fill),
		cmocka_unit_test_setup(maps_that_are_made_anew, fill),
	};

	return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
