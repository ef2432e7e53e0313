/* SPDX-License-Identifier: GPL-2.0 */
/* Maps of format 1 are taken over with all that they say. What cannot be taken over is left alone. */
#include <errno.h>

#include "migrate_fixture.h"

static void format_1_lives_on(void **state)
{
	struct pins before;
	struct attach *attach;
	uint32_t ran[2];

	(void)state;
	format1_make(dispatcher);
	before = pins_now();
	ran[0] = runs(A);
	ran[1] = runs(B);
	attach = opens();
	assert_true(runs(A) && runs(A) != ran[0] && runs(B) && runs(B) != ran[1]);
	judge_taken_over(attach, &before);
	closes(attach);
	attach = opens_maps_too(); /* now as any */
	assert_null(attach->migration);
	closes(attach);
}

/* The smallest tables of format 1 had one bucket. */
static void tables_of_a_moment_may_change_their_size(void **state)
{
	struct attach *attach;

	(void)state;
	config.limits.connections = config.limits.fragments = 128;
	format1_make(dispatcher);
	config.limits.connections = config.limits.fragments = 64;
	attach = opens();
	assert_non_null(attach->migration);
	closes(attach);
	closes(opens_maps_too());
}

static void refuses(int code, const char *where, const char *what)
{
	struct pins before = pins_now(), after;
	struct attach *attach = NULL;
	uint32_t ran[] = {runs(A), runs(B)};
	struct shunt_err err;

	refused(attach_open(&attach, pin_dir, &config, &err), code, &err, where, what);
	assert_null(attach);
	after = pins_now();
	assert_memory_equal(&before, &after, sizeof(before));
	assert_true(runs(A) == ran[0] && runs(B) == ran[1]);
}

static void what_cannot_be_taken_over_is_refused(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/shunt_rings", pin_dir);
	format1_make(dispatcher);
	format1_look(&size);
	for (uint32_t format = 0; format < 4; format += 3) {
		old.control->format = format;
		refuses(EPROTO, "shunt_control", format ? "format 3 (" : "format 0 (");
	}
	old.control->format = 1;
	old.control->magic++;
	refuses(EPROTO, "shunt_control", "format 1 (magic 0x746e756874), expected 2 (");
	old.control->magic--;
	old.control->seed++;
	refuses(EEXIST, "seed", "0x4d, but");
	old.control->seed--;
	old.dstdir[2].service = size.services;
	refuses(EPROTO, "shunt_dstdir", "entry 2 is damaged");
	old.dstdir[2].service = 0;
	config.limits.ring_slots++;
	refuses(EEXIST, "limits.ring_slots", "entries");
	config.limits.ring_slots--;
	format1_look_away(&size);
	assert_int_equal(unlink(path), 0);
	refuses(EPROTO, path, "missing");
}

/* A later version's start, killed in its takeover of format 1 or of ours: a next control, and a program that uses it. */
static int begun_by_a_later_version(uint32_t format)
{
	struct shunt_control control = {.magic = SHUNT_MAGIC, .format = format};
	uint32_t zero = 0;
	int fd = format1_map("next_shunt_control", BPF_MAP_TYPE_ARRAY, sizeof(control), 1);

	close(format1_map("next_shunt_dests", BPF_MAP_TYPE_ARRAY, 256, 1));
	assert_int_equal(bpf_map_update_elem(fd, &zero, &control, 0), 0);
	return fd;
}

static void what_a_later_version_began_is_left_to_it(void **state)
{
	(void)state;
	format1_make(dispatcher);
	close(begun_by_a_later_version(3));
	refuses(EPROTO, "next_shunt_control", "format 3");
}

/* With our own format still in force, it can be taken back. */
static void what_a_later_version_began_is_taken_back(void **state)
{
	struct bpf_insn insns[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD},
		{.code = 0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	struct pins before, after;
	struct attach *attach;
	int fd, control;

	(void)state;
	attach = opens_maps_too();
	closes(attach);
	before = pins_now();
	control = begun_by_a_later_version(3);
	insns[0].imm = control;
	fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "later", "GPL", insns, 4, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_xdp_attach(if_nametoindex(A), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	close(fd);
	close(control);
	attach = opens();
	after = pins_now();
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(attach_interfaces(attach, both, 1, NULL), 0);
	closes(attach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(format_1_lives_on),
		TEST(tables_of_a_moment_may_change_their_size),
		TEST(what_cannot_be_taken_over_is_refused),
		TEST(what_a_later_version_began_is_left_to_it),
		TEST(what_a_later_version_began_is_taken_back),
	};

	if (!migrate_ready())
		return 1;
	return cmocka_run_group_tests_name("attach_migrate", tests, NULL, NULL);
}
