/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Loading: the lock, the pinned maps or new ones, the program.
 *
 * New maps are pinned as they are created, one by one; datapath_open() fills them and sets shunt_control's magic last, and nothing
 * is attached before. So pins without that magic are what a killed start has left: they are thrown away. With it, they must be
 * exactly what this program and this configuration ask for, or of a format that can be taken over (attach_migrate.c), or the start is
 * refused.
 */
#include "attach.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../lib/xalloc.h"
#include "attach_priv.h"
#include "../xdp/bpflog.h"
#include "migrate.h"
#include "pins.h"

#define OLDEST_KERNEL "6.1"
#define PRIVILEGES "root, or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN (to open programs by their ids)"

static int load_failed(struct shunt_err *err, int rc)
{
	struct utsname kernel;
	char where[sizeof(kernel.release) + 16];

	if (rc == -EPERM)
		return shunt_fail(err, EPERM, "the XDP program", "may not be loaded: needs " PRIVILEGES);
	uname(&kernel);
	snprintf(where, sizeof(where), "kernel %s", kernel.release);
	return bpflog_fail(err, rc, where, "does not take the XDP program, which needs " OLDEST_KERNEL " or newer");
}

static int set_sizes(struct shunt_bpf *skel, const struct shunt_control *sizes)
{
	const struct {
		struct bpf_map *map;
		uint32_t entries;
	} maps[] = {
		{skel->maps.shunt_vips, 2 * sizes->vip_slots},
		{skel->maps.shunt_rings, sizes->ring_slots},
		{skel->maps.shunt_dests, sizes->destinations},
		{skel->maps.shunt_dstdir, sizes->destinations},
		{skel->maps.shunt_dstat, sizes->destinations},
		{skel->maps.shunt_svcdir, sizes->services},
		{skel->maps.shunt_conns, sizes->conn_buckets},
		{skel->maps.shunt_rstat, SHUNT_REASON_MAX},
		{skel->maps.shunt_spans, 2 * sizes->span_slots},
		{skel->maps.shunt_ranges, 2 * sizes->range_slots},
		{skel->maps.shunt_sources, sizes->sources},
		{skel->maps.shunt_frags, sizes->fragment_buckets},
		{skel->maps.shunt_quic, 2 * sizes->quic_slots},
		{skel->maps.shunt_qstat, sizes->services},
		{skel->maps.shunt_cstat, sizes->services},
		{skel->maps.wake_rings, sizes->services},
		{skel->maps.pick_services, sizes->services},
		{skel->maps.pick_turns, sizes->services},
		{skel->maps.pick_live, sizes->destinations},
		{skel->maps.pick_list, 2 * SHUNT_PICKS_PER_DEST * sizes->destinations},
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof(maps) / sizeof(maps[0]); i++)
		rc = bpf_map__set_max_entries(maps[i].map, maps[i].entries);
	return rc;
}

int attach_open_object(struct shunt_bpf **out, const struct shunt_control *sizes, uint64_t seed, struct shunt_err *err)
{
	struct shunt_bpf *skel = shunt_bpf__open();
	int rc;

	if (!skel)
		return load_failed(err, -errno);
	rc = set_sizes(skel, sizes);
	if (rc) {
		shunt_bpf__destroy(skel);
		return load_failed(err, rc);
	}
	skel->rodata->knob_vip_slots = sizes->vip_slots;
	skel->rodata->knob_conn_buckets = sizes->conn_buckets;
	skel->rodata->knob_fragment_buckets = sizes->fragment_buckets;
	shunt_hash_derive(&skel->rodata->knob_hash_keys, seed);
	*out = skel;
	return 0;
}

int attach_read_control(const char *pin_dir, const char *name, struct shunt_control *out, struct shunt_err *err)
{
	struct bpf_map_info info;
	char path[PATH_MAX];
	uint32_t zero = 0;
	void *value;
	int fd = pins_open(pin_dir, name, &info, err), rc = 0;

	if (fd < 0)
		return fd;
	*out = (struct shunt_control){0};
	snprintf(path, sizeof(path), "%s/%s", pin_dir, name);
	value = xcalloc(1, (info.value_size + 7) & ~7u);
	if (info.type != BPF_MAP_TYPE_ARRAY || info.value_size < offsetof(struct shunt_control, vip_half))
		rc = shunt_fail(
			err, EPROTO, path,
			"has no format: pinned with map type %u and value size %u, expected %u and %zu; " PINS_ANEW,
			info.type, info.value_size, BPF_MAP_TYPE_ARRAY, sizeof(*out));
	else if (bpf_map_lookup_elem(fd, &zero, value))
		rc = shunt_fail(err, errno, path, "cannot be read: %s", strerror(errno));
	else
		memcpy(out, value, info.value_size < sizeof(*out) ? info.value_size : sizeof(*out));
	free(value);
	close(fd);
	return rc;
}

/* 0, too, where there is none: *id is 0 then. */
static int control_id(const char *pin_dir, const char *name, uint32_t *id, struct shunt_err *err)
{
	struct bpf_map_info info;
	int fd = pins_open(pin_dir, name, &info, err);

	*id = 0;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	*id = info.id;
	close(fd);
	return 0;
}

/* Maps that were in use, of this format or of one that can be taken over. */
static int adopt_used(struct attach *attach, const struct config *config, const struct shunt_control *control,
		      struct shunt_err *err)
{
	bool is_earlier = control->magic == SHUNT_MAGIC && control->format == MIGRATE_FROM;
	struct shunt_bpf *skel = NULL;
	int rc;

	attach->adopted = true;
	attach->seed = config->has_seed ? config->seed : control->seed;
	if (!is_earlier) {
		rc = datapath_verify(control, &config->limits, attach->seed, err);
		if (rc)
			return rc;
	}
	rc = attach_open_object(&skel, &attach->sizes, 0, err);
	if (rc)
		return rc;
	rc = is_earlier ? attach_migrate_prepare(attach, skel, control, &config->limits, err)
			: pins_check(attach->pin_dir, skel->obj, err);
	shunt_bpf__destroy(skel);
	return rc ? rc
		  : control_id(attach->pin_dir, is_earlier ? PINS_CONTROL : PINS_NEXT_CONTROL, &attach->other_id, err);
}

/* The pinned maps, if there are any that were ever in use: then attach->seed is theirs. */
static int adopt(struct attach *attach, const struct config *config, struct shunt_err *err)
{
	struct shunt_control control;
	int rc = attach_read_control(attach->pin_dir, PINS_CONTROL, &control, err);

	if (rc == -ENOENT || (!rc && !control.magic))
		return pins_clear(attach->pin_dir, err);
	if (!rc)
		rc = pins_settle(attach->pin_dir, err);
	return rc ? rc : adopt_used(attach, config, &control, err);
}

static int choose_seed(struct attach *attach, const struct config *config, struct shunt_err *err)
{
	if (attach->adopted)
		return 0;
	attach->seed = config->seed;
	if (config->has_seed || getrandom(&attach->seed, sizeof(attach->seed), 0) == sizeof(attach->seed))
		return 0;
	return shunt_fail(err, errno, "seed", "no random one to be had: %s", strerror(errno));
}

struct datapath_fds attach_object_fds(const struct shunt_bpf *skel)
{
	return (struct datapath_fds){
		.control = bpf_map__fd(skel->maps.data_shunt_control),
		.vips = bpf_map__fd(skel->maps.shunt_vips),
		.spans = bpf_map__fd(skel->maps.shunt_spans),
		.ranges = bpf_map__fd(skel->maps.shunt_ranges),
		.rings = bpf_map__fd(skel->maps.shunt_rings),
		.dests = bpf_map__fd(skel->maps.shunt_dests),
		.conns = bpf_map__fd(skel->maps.shunt_conns),
		.frags = bpf_map__fd(skel->maps.shunt_frags),
		.quic = bpf_map__fd(skel->maps.shunt_quic),
		.qstat = bpf_map__fd(skel->maps.shunt_qstat),
		.cstat = bpf_map__fd(skel->maps.shunt_cstat),
		.dstat = bpf_map__fd(skel->maps.shunt_dstat),
		.rstat = bpf_map__fd(skel->maps.shunt_rstat),
		.sources = bpf_map__fd(skel->maps.shunt_sources),
		.svcdir = bpf_map__fd(skel->maps.shunt_svcdir),
		.dstdir = bpf_map__fd(skel->maps.shunt_dstdir),
		.pick_services = bpf_map__fd(skel->maps.pick_services),
		.pick_list = bpf_map__fd(skel->maps.pick_list),
		.pick_live = bpf_map__fd(skel->maps.pick_live),
		.wake_rings = bpf_map__fd(skel->maps.wake_rings),
	};
}

static int map_id(int fd, uint32_t *id, struct shunt_err *err)
{
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(fd, &info, &len))
		return shunt_fail(err, errno, PINS_CONTROL, "its id cannot be read: %s", strerror(errno));
	*id = info.id;
	return 0;
}

/* Needed to see what runs on an interface, and to replace it: better refused now than half-way. */
static int may_open_by_id(int prog_fd, struct shunt_err *err)
{
	struct bpf_prog_info info = {0};
	uint32_t len = sizeof(info);
	int fd;

	if (bpf_obj_get_info_by_fd(prog_fd, &info, &len))
		return shunt_fail(err, errno, "the XDP program", "its id cannot be read: %s", strerror(errno));
	fd = bpf_prog_get_fd_by_id(info.id);
	if (fd < 0)
		return shunt_fail(err, errno, "the XDP program", "cannot be opened by its id: %s; needs " PRIVILEGES,
				  strerror(errno));
	close(fd);
	return 0;
}

static int load(struct attach *attach, struct shunt_err *err)
{
	struct shunt_bpf *skel;
	int rc;

	rc = attach_open_object(&attach->plain, &attach->sizes, attach->seed, err);
	if (rc)
		return rc;
	skel = attach->plain;
	rc = attach->migration ? attach_migrate_use(attach, skel->obj, err) : pins_use(attach->pin_dir, skel->obj, err);
	if (rc)
		return rc;
	bpflog_forget();
	rc = shunt_bpf__load(skel);
	if (rc)
		return load_failed(err, rc);
	attach->fds = attach_object_fds(skel);
	rc = may_open_by_id(bpf_program__fd(skel->progs.shunt_xdp), err);
	return rc ? rc : map_id(attach->fds.control, &attach->control_id, err);
}

static int start(struct attach *attach, const struct config *config, struct shunt_err *err)
{
	int rc;

	attach->lock = pins_lock(attach->pin_dir, true, err);
	if (attach->lock < 0)
		return attach->lock;
	rc = adopt(attach, config, err);
	if (!rc)
		rc = choose_seed(attach, config, err);
	if (rc)
		return rc;
	rc = load(attach, err);
	if (!rc && attach->other_id)
		rc = attach_migrate_finish(attach, err);
	if (rc && !attach->adopted && !pins_clear(attach->pin_dir, NULL))
		rmdir(attach->pin_dir);
	return rc;
}

int attach_open(struct attach **out, const char *pin_dir, const struct config *config, struct shunt_err *err)
{
	struct attach *attach = xcalloc(1, sizeof(*attach));
	int rc;

	bpflog_install();
	attach->pin_dir = xstrdup(pin_dir);
	datapath_sizes(&config->limits, &attach->sizes);
	rc = start(attach, config, err);
	if (rc) {
		attach_close(attach);
		return rc;
	}
	*out = attach;
	return 0;
}

void attach_close(struct attach *attach)
{
	if (!attach)
		return;
	xdp_program__close(attach->prog);
	shunt_bpf__destroy(attach->part);
	shunt_bpf__destroy(attach->plain);
	if (attach->lock >= 0)
		close(attach->lock);
	attach_migration_free(attach->migration);
	free(attach->links);
	free(attach->pin_dir);
	free(attach);
}

const struct datapath_fds *attach_fds(const struct attach *attach)
{
	return &attach->fds;
}

int attach_event_fd(const struct attach *attach)
{
	return bpf_map__fd(attach->plain->maps.event_ring);
}

const char *attach_pin_dir(const struct attach *attach)
{
	return attach->pin_dir;
}

uint64_t attach_seed(const struct attach *attach)
{
	return attach->seed;
}

bool attach_adopted(const struct attach *attach)
{
	return attach->adopted;
}

/* Everything is undone: no program, no pin, no directory. */
int attach_detach(struct attach *attach, struct shunt_err *err)
{
	int rc = attach_links_take_off(attach, err);

	if (!rc)
		rc = pins_clear(attach->pin_dir, err);
	if (!rc && rmdir(attach->pin_dir))
		rc = shunt_fail(err, errno, attach->pin_dir, "cannot be removed: %s", strerror(errno));
	return rc;
}

int attach_remove(const char *pin_dir, struct shunt_err *err)
{
	struct attach *attach = xcalloc(1, sizeof(*attach));
	int rc;

	bpflog_install();
	attach->pin_dir = xstrdup(pin_dir);
	attach->lock = rc = pins_lock(pin_dir, false, err);
	if (rc >= 0)
		rc = control_id(pin_dir, PINS_CONTROL, &attach->control_id, err);
	if (!rc)
		rc = control_id(pin_dir, PINS_NEXT_CONTROL, &attach->other_id, err);
	if (!rc)
		rc = attach_detach(attach, err);
	attach_close(attach);
	return rc;
}
