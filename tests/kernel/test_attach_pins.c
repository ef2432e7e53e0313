/* SPDX-License-Identifier: GPL-2.0 */
/* attach.c's pins: one daemon at a time, nothing half made is used, nothing of another format or size is touched. */
#include <errno.h>

#include <bpf/bpf.h>

#include "attach_fixture.h"

static void a_second_daemon_is_refused(void **state)
{
	struct attach *attach = opens(), *second = NULL;
	struct shunt_err err;

	(void)state;
	refused(attach_open(&second, pin_dir, &config, &err), EBUSY, &err, pin_dir, "another shuntd");
	assert_null(second);
	refused(attach_remove(pin_dir, &err), EBUSY, &err, pin_dir, "another shuntd");
	closes(attach);
	closes(opens());
}

static uint32_t control_map_id(const struct attach *attach)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(attach_fds(attach)->control, &info, &len), 0);
	return info.id;
}

/* A start that was killed before datapath_open() had finished, with all pins made or some: the next begins anew. */
static void half_made_pins_are_made_anew(void **state)
{
	static const char *const lost[] = {NULL, "shunt_dstdir", "shunt_control"};
	struct attach *attach;
	char path[96], next[96];
	uint32_t id;
	int fd;

	(void)state;
	snprintf(next, sizeof(next), "%s/next_shunt_dests", pin_dir);
	for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) {
		attach = opens();
		id = control_map_id(attach);
		closes(attach);
		fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "next", 4, 8, 1, NULL);
		assert_int_equal(bpf_obj_pin(fd, next), 0);
		close(fd);
		snprintf(path, sizeof(path), "%s/%s", pin_dir, lost[i] ? lost[i] : "");
		if (lost[i])
			assert_int_equal(unlink(path), 0);
		attach = opens();
		assert_false(attach_adopted(attach));
		assert_int_not_equal(control_map_id(attach), id);
		assert_int_not_equal(access(next, F_OK), 0);
		closes(attach);
	}
}

static void cannot_open(const struct config *other, int code, const char *where, const char *what)
{
	struct attach *attach = NULL;
	struct shunt_err err;

	refused(attach_open(&attach, pin_dir, other, &err), code, &err, where, what);
	assert_null(attach);
	assert_non_null(strstr(err.what, "shunt detach"));
}

static void other_limits_and_seeds_are_refused(void **state)
{
	struct config other = config;

	(void)state;
	closes(opens_maps_too());
	other.limits.ring_slots++;
	cannot_open(&other, EEXIST, "limits.ring_slots", "601 entries");
	other = config;
	other.seed++;
	cannot_open(&other, EEXIST, "seed", "0x4e");
	other.has_seed = false; /* then that of the maps */
	config.has_seed = false;
	closes(opens());
	config.has_seed = true;
	closes(opens());
}

static void pins_of_another_format_are_refused(void **state)
{
	struct attach *attach = opens_maps_too();
	struct shunt_control control;
	char path[96];
	uint32_t zero = 0;
	int fd;

	(void)state;
	fd = dup(attach_fds(attach)->control);
	closes(attach);
	assert_int_equal(bpf_map_lookup_elem(fd, &zero, &control), 0);
	control.format++;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &control, 0), 0);
	cannot_open(&config, EPROTO, "shunt_control", "format 3 (magic 0x746e756873), expected 2");
	control.format--;
	assert_int_equal(bpf_map_update_elem(fd, &zero, &control, 0), 0);
	close(fd);
	closes(opens());

	snprintf(path, sizeof(path), "%s/shunt_rings", pin_dir);
	assert_int_equal(unlink(path), 0);
	cannot_open(&config, EPROTO, path, "missing");
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_rings", 4, 16, 600, NULL);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	cannot_open(&config, EPROTO, path, "value size 16, expected 8");

	snprintf(path, sizeof(path), "%s/shunt_control", pin_dir);
	assert_int_equal(unlink(path), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_control", 4, 8, 1, NULL);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	cannot_open(&config, EPROTO, path, "value size 8, expected 2 and ");
}

static void pins_need_a_bpffs(void **state)
{
	struct attach *attach = NULL;
	struct shunt_err err;

	(void)state;
	refused(attach_open(&attach, "/run/shunt-test", &config, &err), EINVAL, &err, "/run", "mount -t bpf");
	refused(attach_open(&attach, "/sys/fs/bpf/no/such", &config, &err), ENOENT, &err, "/sys/fs/bpf/no",
		"mount -t bpf");
	refused(attach_remove(pin_dir, &err), ENOENT, &err, pin_dir, "");
	assert_null(attach);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_second_daemon_is_refused),
		TEST(half_made_pins_are_made_anew),
		TEST(other_limits_and_seeds_are_refused),
		TEST(pins_of_another_format_are_refused),
		TEST(pins_need_a_bpffs),
	};

	if (!fixture_ready())
		return 1;
	return cmocka_run_group_tests_name("attach_pins", tests, NULL, NULL);
}
