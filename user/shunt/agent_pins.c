/* SPDX-License-Identifier: GPL-2.0 */
#include "agent_pins.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../xdp/bpflog.h"

static const char *const pin_names[] = {"prog", "clamp", "addrs", "conf", "stats"};
#define PIN_NAMES (sizeof(pin_names) / sizeof(pin_names[0]))

static void pin_path(const struct agent *agent, const char *name, const char *suffix, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s%s", agent->pin_dir, name, suffix);
}

int agent_pin_get(const struct agent *agent, const char *name)
{
	char path[PATH_MAX];
	int fd;

	pin_path(agent, name, "", path);
	fd = bpf_obj_get(path);
	return fd < 0 ? -errno : fd;
}

int agent_pin_new(const struct agent *agent, const char *name, int fd, struct shunt_err *err)
{
	char path[PATH_MAX];

	pin_path(agent, name, "_new", path);
	unlink(path);
	if (bpf_obj_pin(fd, path))
		return shunt_fail(err, errno, path, "cannot be pinned: %s", strerror(errno));
	return 0;
}

int agent_pins_commit(const struct agent *agent, struct shunt_err *err)
{
	char from[PATH_MAX], to[PATH_MAX];

	for (size_t i = 0; i < PIN_NAMES; i++) {
		pin_path(agent, pin_names[i], "_new", from);
		pin_path(agent, pin_names[i], "", to);
		if (rename(from, to))
			return shunt_fail(err, errno, from, "cannot be renamed to %s: %s", to, strerror(errno));
	}
	return 0;
}

void agent_pins_abort(const struct agent *agent)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < PIN_NAMES; i++) {
		pin_path(agent, pin_names[i], "_new", path);
		unlink(path);
	}
	rmdir(agent->pin_dir); /* only goes if no earlier run's pins are in it */
}

int agent_pins_remove(const struct agent *agent, struct shunt_err *err)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < PIN_NAMES; i++) {
		pin_path(agent, pin_names[i], "", path);
		if (unlink(path) && errno != ENOENT)
			return shunt_fail(err, errno, path, "cannot be removed: %s", strerror(errno));
	}
	agent_pins_abort(agent);
	return 0;
}

int agent_pinned_maps(const struct agent *agent, struct agent_maps *maps, struct shunt_err *err)
{
	maps->addrs = agent_pin_get(agent, "addrs");
	maps->conf = agent_pin_get(agent, "conf");
	maps->stats = agent_pin_get(agent, "stats");
	if (maps->addrs >= 0 && maps->conf >= 0 && maps->stats >= 0)
		return 0;
	agent_maps_close(maps);
	return shunt_fail(err, ENOENT, agent->ifname, "no backend agent was set up on it (nothing is pinned in %s)",
			  agent->pin_dir);
}

/* Like mkdir -p. */
static int make_dirs(const char *path)
{
	char part[PATH_MAX];

	for (const char *slash = path; slash;) {
		slash = strchr(slash + 1, '/');
		snprintf(part, sizeof(part), "%.*s", (int)(slash ? (size_t)(slash - path) : strlen(path)), path);
		if (mkdir(part, 0700) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int lock_dir(struct agent *agent, bool make, struct shunt_err *err)
{
	struct statfs fs;
	int rc = make ? make_dirs(agent->pin_dir) : 0;

	if (!rc) {
		agent->lock_fd = open(agent->pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		rc = agent->lock_fd < 0 ? -errno : 0;
	}
	if (rc == -ENOENT && !make)
		return 0;
	if (rc || fstatfs(agent->lock_fd, &fs) || fs.f_type != BPF_FS_MAGIC) {
		rmdir(agent->pin_dir); /* goes if it is empty: there is no use for it */
		return shunt_fail(err, rc ? -rc : EINVAL, agent->pin_dir,
				  "%s; the directory for pins must be on a bpffs (mount -t bpf bpf /sys/fs/bpf)",
				  rc ? strerror(-rc) : "is not on a bpffs");
	}
	if (flock(agent->lock_fd, LOCK_EX))
		return shunt_fail(err, errno, agent->pin_dir, "cannot be locked: %s", strerror(errno));
	return 0;
}

static uint32_t pinned_program(const struct agent *agent, const char *name)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);
	int fd = agent_pin_get(agent, name);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		info.id = 0;
	close(fd);
	return info.id;
}

int agent_open(struct agent *agent, const char *ifname, const char *pin_root, bool make_dir, struct shunt_err *err)
{
	char name[IFNAMSIZ];
	int rc;

	memset(agent, 0, sizeof(*agent));
	agent->lock_fd = -1;
	if (strlen(ifname) >= IFNAMSIZ || strchr(ifname, '/') || !ifname[0])
		return shunt_fail(err, EINVAL, ifname, "is not the name of an interface (at most %d characters)",
				  IFNAMSIZ - 1);
	strcpy(agent->ifname, ifname);
	agent->ifindex = if_nametoindex(ifname);
	if (make_dir && !agent->ifindex)
		return shunt_fail(err, ENODEV, ifname, "there is no such interface (`ip link` shows all)");
	/* A bpffs refuses names with dots, as of VLAN interfaces; ':' cannot be in an interface's name. */
	strcpy(name, ifname);
	for (char *dot = name; (dot = strchr(dot, '.'));)
		*dot = ':';
	if (pin_root[0] != '/' ||
	    snprintf(agent->pin_dir, sizeof(agent->pin_dir), "%s/%s", pin_root, name) >= (int)sizeof(agent->pin_dir))
		return shunt_fail(err, EINVAL, pin_root, "expected an absolute path of at most %zu characters",
				  sizeof(agent->pin_dir) - IFNAMSIZ - 1);
	bpflog_install();
	rc = lock_dir(agent, make_dir, err);
	if (rc) {
		agent_close(agent);
		return rc;
	}
	agent->pinned_id = pinned_program(agent, "prog");
	agent->clamp_id = pinned_program(agent, "clamp");
	return 0;
}

void agent_close(struct agent *agent)
{
	if (agent->lock_fd >= 0)
		close(agent->lock_fd);
	agent->lock_fd = -1;
}
