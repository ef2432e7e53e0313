/* SPDX-License-Identifier: GPL-2.0 */
#include "pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/magic.h>

#include "../lib/xalloc.h"

#define DATA_SECTION ".data." /* what libbpf has in front of the names of maps that are sections */

static int not_had(struct shunt_err *err, int code, const char *dir, const char *what)
{
	return shunt_fail(err, code, dir, "cannot be %s: %s%s", what, strerror(code),
			  code == EACCES || code == EPERM ? "; needs root" : "");
}

static int make_dir(const char *dir, struct shunt_err *err)
{
	char *copy = xstrdup(dir);
	const char *parent = dirname(copy);
	struct statfs fs;
	int rc = 0;

	if (statfs(parent, &fs))
		rc = shunt_fail(err, errno, parent, "%s; expected a mounted bpffs: mount -t bpf bpf /sys/fs/bpf",
				strerror(errno));
	else if (fs.f_type != BPF_FS_MAGIC)
		rc = shunt_fail(err, EINVAL, parent,
				"not on a bpffs, where maps can be pinned: mount -t bpf bpf /sys/fs/bpf");
	else if (mkdir(dir, 0700) && errno != EEXIST)
		rc = not_had(err, errno, dir, "made");
	free(copy);
	return rc;
}

/* Is fd still what dir names? A daemon that detaches removes the directory that it has locked. */
static bool is_there(int fd, const char *dir)
{
	struct stat held, named;

	return !fstat(fd, &held) && !stat(dir, &named) && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

int pins_lock(const char *dir, bool create, struct shunt_err *err)
{
	int fd, rc;

	for (;;) {
		rc = create ? make_dir(dir, err) : 0;
		if (rc)
			return rc;
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return not_had(err, errno, dir, "opened");
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			rc = errno;
			close(fd);
			if (rc == EWOULDBLOCK)
				return shunt_fail(err, EBUSY, dir,
						  "locked by another shuntd; stop that one, or give this one a pin "
						  "directory of its own");
			return not_had(err, rc, dir, "locked");
		}
		if (is_there(fd, dir))
			return fd;
		close(fd);
	}
}

int pins_open(const char *dir, const char *name, struct bpf_map_info *info, struct shunt_err *err)
{
	struct bpf_map_info unused;
	uint32_t len = sizeof(unused);
	char path[PATH_MAX];
	int fd, code;

	if (!info)
		info = &unused;
	memset(info, 0, sizeof(*info));
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return shunt_fail(err, -fd, path, "cannot be opened: %s", strerror(-fd));
	if (!bpf_obj_get_info_by_fd(fd, info, &len))
		return fd;
	code = errno;
	close(fd);
	return shunt_fail(err, code, path, "cannot be looked at: %s", strerror(code));
}

int pins_check_map(const char *dir, const char *name, const struct bpf_map *map, struct shunt_err *err)
{
	char path[PATH_MAX];
	struct bpf_map_info info;
	int fd = pins_open(dir, name, &info, err);

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (fd == -ENOENT)
		return shunt_fail(err, EPROTO, path, "missing, though others are pinned; " PINS_ANEW);
	if (fd < 0)
		return fd;
	close(fd);
	const struct {
		const char *name;
		uint32_t have, want;
	} fields[] = {
		{"map type", info.type, bpf_map__type(map)},
		{"key size", info.key_size, bpf_map__key_size(map)},
		{"value size", info.value_size, bpf_map__value_size(map)},
		{"flags", info.map_flags, bpf_map__map_flags(map)},
		{"number of entries", info.max_entries, bpf_map__max_entries(map)},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].have != fields[i].want)
			return shunt_fail(err, EPROTO, path, "pinned with %s %u, expected %u; " PINS_ANEW,
					  fields[i].name, fields[i].have, fields[i].want);
	return 0;
}

const char *pins_name(const struct bpf_map *map)
{
	const char *name = bpf_map__name(map);

	/* Sections of data are maps to libbpf: those without a name of their own it names after the object file, which is called shunt, too. */
	if (bpf_map__is_internal(map) && strncmp(name, DATA_SECTION, strlen(DATA_SECTION)) != 0)
		return NULL;
	if (bpf_map__is_internal(map))
		name += strlen(DATA_SECTION);
	return strncmp(name, PINS_PREFIX, strlen(PINS_PREFIX)) != 0 ? NULL : name;
}

int pins_check(const char *dir, const struct bpf_object *obj, struct shunt_err *err)
{
	const struct bpf_map *map;
	int rc = 0;

	bpf_object__for_each_map(map, obj)
	{
		if (!rc && pins_name(map))
			rc = pins_check_map(dir, pins_name(map), map, err);
	}
	return rc;
}

int pins_use_map(const char *dir, const char *name, struct bpf_map *map, struct shunt_err *err)
{
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	rc = bpf_map__set_pin_path(map, path);
	return rc ? shunt_fail(err, -rc, path, "cannot be used as a pin: %s", strerror(-rc)) : 0;
}

int pins_use(const char *dir, struct bpf_object *obj, struct shunt_err *err)
{
	struct bpf_map *map;
	int rc = 0;

	bpf_object__for_each_map(map, obj)
	{
		if (!rc && pins_name(map))
			rc = pins_use_map(dir, pins_name(map), map, err);
	}
	return rc;
}

static int pin_next(const char *dir, const struct bpf_map *map, struct shunt_err *err)
{
	char path[PATH_MAX];
	int rc;

	snprintf(path, sizeof(path), "%s/" PINS_NEXT "%s", dir, pins_name(map));
	rc = bpf_obj_pin(bpf_map__fd(map), path);
	return rc ? shunt_fail(err, -rc, path, "cannot be pinned: %s", strerror(-rc)) : 0;
}

int pins_use_next(const char *dir, const struct bpf_object *obj, struct shunt_err *err)
{
	const struct bpf_map *map, *control = bpf_object__find_map_by_name(obj, DATA_SECTION PINS_CONTROL);
	int rc = pin_next(dir, control, err);

	bpf_object__for_each_map(map, obj)
	{
		if (!rc && map != control && pins_name(map) && !bpf_map__pin_path(map))
			rc = pin_next(dir, map, err);
	}
	return rc;
}

static int is_next(const struct dirent *entry)
{
	return !strncmp(entry->d_name, PINS_NEXT PINS_PREFIX, strlen(PINS_NEXT PINS_PREFIX));
}

static int is_ours(const struct dirent *entry)
{
	return is_next(entry) || !strncmp(entry->d_name, PINS_PREFIX, strlen(PINS_PREFIX));
}

/* A step of a walk over pins: with the directory open, and named for errors. */
typedef int (*pin_step)(int dir_fd, const char *dir, const char *name, struct shunt_err *err);

/* Those of a kind: first (unless NULL) before the others, last (likewise) after them, there or not. */
static int for_each_pin(const char *dir, int (*is_meant)(const struct dirent *), const char *first, const char *last,
			pin_step step, struct shunt_err *err)
{
	struct dirent **list;
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int count = dir_fd < 0 ? -1 : scandirat(dir_fd, ".", &list, is_meant, NULL), rc = 0;

	if (count < 0)
		rc = shunt_fail(err, errno, dir, "cannot be read: %s", strerror(errno));
	if (!rc && first)
		rc = step(dir_fd, dir, first, err);
	for (int i = 0; !rc && i < count; i++)
		if ((!first || strcmp(list[i]->d_name, first) != 0) && (!last || strcmp(list[i]->d_name, last) != 0))
			rc = step(dir_fd, dir, list[i]->d_name, err);
	if (!rc && last)
		rc = step(dir_fd, dir, last, err);
	for (int i = 0; i < count; i++)
		free(list[i]);
	if (count >= 0)
		free(list);
	if (dir_fd >= 0)
		close(dir_fd);
	return rc;
}

static int unlink_pin(int dir_fd, const char *dir, const char *name, struct shunt_err *err)
{
	if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
		return 0;
	return shunt_fail(err, errno, dir, "%s cannot be removed: %s", name, strerror(errno));
}

/* bpffs lets a rename take the place of another pin, atomically. */
static int rename_pin(int dir_fd, const char *dir, const char *name, struct shunt_err *err)
{
	if (!renameat(dir_fd, name, dir_fd, name + strlen(PINS_NEXT)))
		return 0;
	return shunt_fail(err, errno, dir, "%s cannot be renamed to %s: %s", name, name + strlen(PINS_NEXT),
			  strerror(errno));
}

int pins_switch(const char *dir, struct shunt_err *err)
{
	return for_each_pin(dir, is_next, PINS_NEXT_CONTROL, NULL, rename_pin, err);
}

int pins_settle(const char *dir, struct shunt_err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" PINS_NEXT_CONTROL, dir);
	if (!access(path, F_OK))
		return 0;
	if (errno != ENOENT)
		return shunt_fail(err, errno, path, "cannot be looked for: %s", strerror(errno));
	return for_each_pin(dir, is_next, NULL, NULL, rename_pin, err);
}

int pins_drop_next(const char *dir, struct shunt_err *err)
{
	return for_each_pin(dir, is_next, NULL, PINS_NEXT_CONTROL, unlink_pin, err);
}

/* shunt_control first: without it a start takes the rest for leftovers, so this may be interrupted. By prefix, not by the names
 * of this version's maps: another version may have pinned them. */
int pins_clear(const char *dir, struct shunt_err *err)
{
	return for_each_pin(dir, is_ours, PINS_CONTROL, NULL, unlink_pin, err);
}
