/* SPDX-License-Identifier: GPL-2.0 */
#include "remains.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "shunt/maps.h"

#define CONTROL "shunt_control"
#define NEXT "next_" CONTROL /* of a daemon that was killed while it took over maps of another format */
#define MAPS_MAX 64

static bool program_uses(int fd, uint32_t map)
{
	uint32_t map_ids[MAPS_MAX], len = sizeof(struct bpf_prog_info);
	struct bpf_prog_info info = {.nr_map_ids = MAPS_MAX, .map_ids = (uintptr_t)map_ids};

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return false;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++) {
		if (map_ids[i] == map)
			return true;
	}
	return false;
}

/* Nothing pins our programs: with no daemon, one that is loaded is so because an interface runs it, alone or in a dispatcher. */
static int find_program(uint32_t map, bool *found)
{
	uint32_t id = 0;

	*found = false;
	while (!*found && bpf_prog_get_next_id(id, &id) == 0) {
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0 && errno == ENOENT) /* gone meanwhile */
			continue;
		if (fd < 0)
			return -errno;
		*found = program_uses(fd, map);
		close(fd);
	}
	return *found || errno == ENOENT ? 0 : -errno;
}

/* Maps of another version may have other sizes: then it is not known when they were last looked after. */
static uint64_t read_alive(int fd, const struct bpf_map_info *info)
{
	struct shunt_control control;
	uint32_t zero = 0;

	if (info->value_size != sizeof(control) || bpf_map_lookup_elem(fd, &zero, &control) ||
	    control.magic != SHUNT_MAGIC || control.format != SHUNT_FORMAT)
		return 0;
	return control.alive;
}

static int open_control(const char *pin_dir, const char *name, struct bpf_map_info *info)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = BPF_F_RDONLY);
	uint32_t len = sizeof(*info);
	char path[PATH_MAX];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	fd = bpf_obj_get_opts(path, &opts);
	if (fd < 0)
		return -errno;
	rc = bpf_obj_get_info_by_fd(fd, info, &len);
	if (rc)
		close(fd);
	return rc ? rc : fd;
}

struct remains remains_read(const char *pin_dir)
{
	struct bpf_map_info info = {0};
	struct remains remains = {.kind = REMAINS_NOTHING};
	int fd = open_control(pin_dir, CONTROL, &info), next, rc;
	bool found;

	if (fd < 0) {
		remains.error = -fd;
		remains.kind = fd == -ENOENT || fd == -ENOTDIR ? REMAINS_NOTHING : REMAINS_HIDDEN;
		return remains;
	}
	remains.alive = read_alive(fd, &info);
	rc = find_program(info.id, &found);
	next = rc || found ? -1 : open_control(pin_dir, NEXT, &info);
	if (next >= 0) {
		rc = find_program(info.id, &found);
		close(next);
	}
	remains.error = -rc;
	remains.kind = rc ? REMAINS_HIDDEN : found ? REMAINS_PROGRAM : REMAINS_MAPS;
	close(fd);
	return remains;
}
