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

#define PREFIX "shunt_"
#define CONTROL "shunt_control"
#define ANEW "`shunt detach`, which stops forwarding, and a start make the maps anew"

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

static int open_pin(const char *dir, const char *name, char path[PATH_MAX], struct bpf_map_info *info)
{
	uint32_t len = sizeof(*info);
	int fd, rc;

	snprintf(path, PATH_MAX, "%s/%s", dir, name);
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	memset(info, 0, sizeof(*info));
	rc = bpf_obj_get_info_by_fd(fd, info, &len);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int pins_control(const char *dir, struct shunt_err *err)
{
	char path[PATH_MAX];
	struct bpf_map_info info;
	int fd = open_pin(dir, CONTROL, path, &info);

	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return shunt_fail(err, -fd, path, "cannot be opened: %s", strerror(-fd));
	return fd;
}

int pins_check_map(const char *dir, const struct bpf_map *map, struct shunt_err *err)
{
	char path[PATH_MAX];
	struct bpf_map_info info;
	int fd = open_pin(dir, bpf_map__name(map), path, &info);

	if (fd == -ENOENT)
		return shunt_fail(err, EPROTO, path, "missing, though others are pinned; " ANEW);
	if (fd < 0)
		return shunt_fail(err, -fd, path, "cannot be opened: %s", strerror(-fd));
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
			return shunt_fail(err, EPROTO, path, "pinned with %s %u, expected %u; " ANEW, fields[i].name,
					  fields[i].have, fields[i].want);
	return 0;
}

bool pins_is_pinned(const struct bpf_map *map)
{
	/* libbpf names its own maps after the object file. */
	return !bpf_map__is_internal(map) && !strncmp(bpf_map__name(map), PREFIX, strlen(PREFIX));
}

int pins_check(const char *dir, const struct bpf_object *obj, struct shunt_err *err)
{
	const struct bpf_map *map;
	int rc = 0;

	bpf_object__for_each_map(map, obj)
	{
		if (!rc && pins_is_pinned(map))
			rc = pins_check_map(dir, map, err);
	}
	return rc;
}

int pins_use(const char *dir, struct bpf_object *obj, struct shunt_err *err)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	int rc;

	bpf_object__for_each_map(map, obj)
	{
		if (!pins_is_pinned(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		rc = bpf_map__set_pin_path(map, path);
		if (rc)
			return shunt_fail(err, -rc, path, "cannot be used as a pin: %s", strerror(-rc));
	}
	return 0;
}

static int unlink_pin(int dir_fd, const char *dir, const char *name, struct shunt_err *err)
{
	if (!unlinkat(dir_fd, name, 0) || errno == ENOENT)
		return 0;
	return shunt_fail(err, errno, dir, "%s cannot be removed: %s", name, strerror(errno));
}

/* shunt_control first: without it a start takes the rest for leftovers, so this may be interrupted. By prefix, not by the names
 * of this version's maps: another version may have pinned them. */
int pins_clear(const char *dir, struct shunt_err *err)
{
	const struct dirent *entry;
	DIR *stream = opendir(dir);
	int rc;

	if (!stream)
		return shunt_fail(err, errno, dir, "cannot be read: %s", strerror(errno));
	rc = unlink_pin(dirfd(stream), dir, CONTROL, err);
	while (!rc && (entry = readdir(stream)))
		if (!strncmp(entry->d_name, PREFIX, strlen(PREFIX)))
			rc = unlink_pin(dirfd(stream), dir, entry->d_name, err);
	closedir(stream);
	return rc;
}
