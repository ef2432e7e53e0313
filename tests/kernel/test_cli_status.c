/* SPDX-License-Identifier: GPL-2.0 */
/* What `shunt status` says when no daemon is there: of pinned maps, and of a program that uses them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <cmocka.h>
#include <linux/bpf.h>

#include "cli_run.h"
#include "shunt/maps.h"

static char pins[128], pin[160];

static int make_control(uint32_t value_size, uint64_t alive)
{
	struct shunt_control control = {.magic = SHUNT_MAGIC, .format = SHUNT_FORMAT, .alive = alive};
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_control", 4, value_size, 1, NULL);
	uint32_t zero = 0;

	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &zero, &control, BPF_ANY), 0);
	assert_int_equal(bpf_obj_pin(fd, pin), 0);
	return fd;
}

/* One that uses the map and lets packets pass. */
static int load_program(int map)
{
	const struct bpf_insn insns[] = {
		{.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1, .src_reg = BPF_PSEUDO_MAP_FD, .imm = map},
		{0},
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "test_status", "GPL", insns, COUNT(insns), NULL);

	assert_true(fd >= 0);
	return fd;
}

static void expect_status(const char *said, const char *json)
{
	const struct cli_row rows[] = {
		{"$SHUNT -s $DIR/none status --pin-dir $PINS", 3, "", said},
		{"$SHUNT -s $DIR/none --json status --pin-dir=$PINS", 3, "", json},
		{"$SHUNT -s $DIR/none status --pin-dir $PINS", 3, "", "/none: no daemon answers here"},
	};

	cli_rows(rows, COUNT(rows));
}

static void no_pins(void **state)
{
	(void)state;
	expect_status("shunt: nothing is forwarded: no maps are pinned in /sys/fs/bpf/shunt-test-",
		      "\"forwarding\": false,\n  \"last_seen\": null");
}

static void maps_alone(void **state)
{
	int control = make_control(sizeof(struct shunt_control), 1700000000);

	(void)state;
	expect_status("2023-11-14 22:13:20 UTC), and nothing is forwarded: no program uses the maps in /sys",
		      "\"forwarding\": false,\n  \"last_seen\": 1700000000");
	close(control);
	unlink(pin);
}

static void forwarding(void **state)
{
	int control = make_control(sizeof(struct shunt_control), 1700000000), program = load_program(control);
	struct cli_result r;

	(void)state;
	expect_status("2023-11-14 22:13:20 UTC); packets are forwarded as it left them: health checks, drains and "
		      "windows stand still\n",
		      "\"forwarding\": true,\n  \"last_seen\": 1700000000");
	/* a daemon that answers is what counts */
	cli_run(&r, "$SHUNT status --pin-dir $PINS");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.err, "");
	close(program);
	close(control);
	unlink(pin);
}

/* Its maps are not ours to read; but that a program uses them can be told. */
static void other_version(void **state)
{
	int control = make_control(sizeof(struct shunt_control) + 8, 1700000000), program = load_program(control);

	(void)state;
	expect_status("shunt: shuntd is not running; packets are forwarded as it left them",
		      "\"forwarding\": true,\n  \"last_seen\": null");
	close(program);
	close(control);
	unlink(pin);
}

static void usage(void **state)
{
	static const struct cli_row rows[] = {
		{"$SHUNT -s $DIR/none status --pin-dir", 2, "", "argument \"--pin-dir\""},
		{"$SHUNT help status", 0, "  status [--pin-dir DIR]\n", ""},
	};

	(void)state;
	cli_rows(rows, COUNT(rows));
}

static int start(void **state)
{
	snprintf(pins, sizeof(pins), "/sys/fs/bpf/shunt-test-%d", getpid());
	snprintf(pin, sizeof(pin), "%s/shunt_control", pins);
	setenv("PINS", pins, 1);
	setenv("TZ", "UTC", 1);
	return mkdir(pins, 0700) || start_cli(state);
}

static int stop(void **state)
{
	unlink(pin);
	rmdir(pins);
	return stop_fake(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_pins),	 cmocka_unit_test(maps_alone), cmocka_unit_test(forwarding),
		cmocka_unit_test(other_version), cmocka_unit_test(usage),
	};

	return cmocka_run_group_tests_name("cli-status", tests, start, stop);
}
