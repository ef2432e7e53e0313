/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking over maps of an earlier format, while its program forwards.
 *
 * Maps that are as before are used on, by both programs. The others are made anew, pinned as next_NAME and filled (migrate.h), their
 * shunt_control's magic last; then our program, with them, replaces the earlier one on each interface; then they are put in
 * force. Until then nothing is changed in any map that means something to the earlier program, so a packet finds the same whichever it meets.
 *
 * A daemon may be killed between any two of these steps. What the next one finds:
 * - next_shunt_control without magic: no program uses the next maps. Away with them.
 * - with magic: programs may use them, so they stay, are filled again (an earlier daemon may have run meanwhile) and it goes on.
 * - no next_shunt_control: the next maps are in force. What is left is renamed (pins_settle()).
 * Pins in force of our own format, beside next ones, are from a later version that did not come to its end: our program takes
 * all interfaces back, then the next ones go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "attach_priv.h"
#include "migrate.h"
#include "pins.h"

struct attach_migration {
	/* what the next maps are to say */
	struct shunt_control control;
	struct shunt_dest_entry *dstdir;
	uint32_t guessed; /* destinations whose ring cannot be known */
	bool resumed;	  /* the next maps are there */
};

void attach_migration_free(struct attach_migration *migration)
{
	if (migration)
		free(migration->dstdir);
	free(migration);
}

/* A pinned map's memory. */
static const void *map_pin(const char *dir, const char *name, size_t bytes, struct shunt_err *err)
{
	int fd = pins_open(dir, name, NULL, err);
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);

	if (fd < 0)
		return NULL;
	if (at == MAP_FAILED)
		shunt_fail(err, errno, name, "cannot be mapped into memory: %s", strerror(errno));
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static int read_dstdir(struct attach_migration *to, const char *dir, struct shunt_err *err)
{
	const size_t dests = to->control.destinations, services = to->control.services, slots = to->control.ring_slots;
	struct timespec now;
	struct migrate_dests from = {
		.control = &to->control,
		.svcdir = map_pin(dir, "shunt_svcdir", services * sizeof(*from.svcdir), err),
		.dstdir = map_pin(dir, "shunt_dstdir", dests * sizeof(*from.dstdir), err),
		.rings = map_pin(dir, "shunt_rings", slots * sizeof(*from.rings), err),
	};
	int rc = -EPROTO;

	clock_gettime(CLOCK_MONOTONIC, &now);
	to->dstdir = xcalloc(dests, sizeof(*to->dstdir));
	if (from.svcdir && from.dstdir && from.rings)
		rc = migrate_dstdir(&from, now.tv_sec, to->dstdir, err);
	if (!rc)
		to->guessed = migrate_guessed(&from, to->dstdir);
	if (from.svcdir)
		munmap((void *)from.svcdir, services * sizeof(*from.svcdir));
	if (from.dstdir)
		munmap((void *)from.dstdir, dests * sizeof(*from.dstdir));
	if (from.rings)
		munmap((void *)from.rings, slots * sizeof(*from.rings));
	return rc;
}

static bool is_anew(const char *dir, const struct bpf_map *map)
{
	const char *name = pins_name(map);

	return name && migrate_is_anew(name, !pins_check_map(dir, name, map, NULL));
}

/* All that is used on must be as we have it, all that is read as format 1 had it. */
static int check_pins(const char *dir, const struct shunt_bpf *skel, struct shunt_err *err)
{
	struct bpf_map_info info;
	const struct bpf_map *map;
	int fd, rc = 0;

	bpf_object__for_each_map(map, skel->obj)
	{
		if (!rc && pins_name(map) && !is_anew(dir, map))
			rc = pins_check_map(dir, pins_name(map), map, err);
	}
	if (rc)
		return rc;
	fd = pins_open(dir, "shunt_dstdir", &info, err);
	if (fd >= 0)
		close(fd);
	if (fd < 0 || info.type != BPF_MAP_TYPE_ARRAY || info.value_size != sizeof(struct migrate_dest_entry_1) ||
	    info.max_entries != bpf_map__max_entries(skel->maps.shunt_dstdir))
		return shunt_fail(err, EPROTO, dir,
				  "shunt_dstdir is not that of format %u, though shunt_control is; " PINS_ANEW,
				  MIGRATE_FROM);
	return 0;
}

/* Is there a migration that was begun? -EPROTO: by another version, to another format. */
static int look_for_next(struct attach *attach, struct attach_migration *to, const struct shunt_bpf *skel,
			 struct shunt_err *err)
{
	const struct bpf_map *map;
	struct shunt_control next;
	char name[64];
	int rc = attach_read_control(attach->pin_dir, PINS_NEXT_CONTROL, &next, err);

	if (rc == -ENOENT || (!rc && !next.magic))
		return pins_drop_next(attach->pin_dir, err);
	if (rc)
		return rc;
	if (next.format != SHUNT_FORMAT)
		return shunt_fail(
			err, EPROTO, PINS_NEXT_CONTROL,
			"of format %u: a version that has it was killed while it took over maps of format %u, "
			"expected %u; start that one, or " PINS_ANEW,
			next.format, MIGRATE_FROM, SHUNT_FORMAT);
	to->resumed = true;
	bpf_object__for_each_map(map, skel->obj)
	{
		if (rc || !is_anew(attach->pin_dir, map))
			continue;
		snprintf(name, sizeof(name), PINS_NEXT "%s", pins_name(map));
		rc = pins_check_map(attach->pin_dir, name, map, err);
	}
	return rc;
}

int attach_migrate_prepare(struct attach *attach, const struct shunt_bpf *skel, const struct shunt_control *old,
			   const struct config_limits *limits, struct shunt_err *err)
{
	struct attach_migration *to = xcalloc(1, sizeof(*to));
	int rc;

	attach->migration = to;
	migrate_control(old, &attach->sizes, &to->control);
	rc = datapath_verify(&to->control, limits, attach->seed, err);
	if (!rc)
		rc = check_pins(attach->pin_dir, skel, err);
	if (!rc)
		rc = read_dstdir(to, attach->pin_dir, err);
	return rc ? rc : look_for_next(attach, to, skel, err);
}

int attach_migrate_use(struct attach *attach, struct bpf_object *obj, struct shunt_err *err)
{
	char name[64];
	struct bpf_map *map;
	int rc = 0;

	bpf_object__for_each_map(map, obj)
	{
		bool anew = is_anew(attach->pin_dir, map);

		if (rc || !pins_name(map) || (anew && !attach->migration->resumed))
			continue;
		snprintf(name, sizeof(name), "%s%s", anew ? PINS_NEXT : "", pins_name(map));
		rc = pins_use_map(attach->pin_dir, name, map, err);
	}
	return rc;
}

static void *map_fd(int fd, size_t bytes, const char *name, struct shunt_err *err)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at != MAP_FAILED)
		return at;
	shunt_fail(err, errno, name, "cannot be mapped into memory: %s", strerror(errno));
	return NULL;
}

/* Programs may read these maps already, if resumed; then this writes what they say. The magic comes last. */
static int fill(const struct attach *attach, struct shunt_err *err)
{
	const struct attach_migration *from = attach->migration;
	const uint32_t count = from->control.destinations;
	const struct shunt_service_entry *svcdir =
		map_fd(attach->fds.svcdir, from->control.services * sizeof(*svcdir), "shunt_svcdir", err);
	struct shunt_dest *dests = map_fd(attach->fds.dests, count * sizeof(*dests), "shunt_dests", err);
	struct shunt_dest_entry *dstdir = map_fd(attach->fds.dstdir, count * sizeof(*dstdir), "shunt_dstdir", err);
	struct shunt_control *control = map_fd(attach->fds.control, sizeof(*control), "shunt_control", err);
	int rc = svcdir && dests && dstdir && control ? 0 : -ENOMEM;

	if (!rc) {
		migrate_dests(dests, svcdir, from->dstdir, count);
		memcpy(dstdir, from->dstdir, count * sizeof(*dstdir));
		memcpy(&control->format, &from->control.format,
		       sizeof(*control) - offsetof(struct shunt_control, format));
		__atomic_store_n(&control->magic, from->control.magic, __ATOMIC_RELEASE);
	}
	if (svcdir)
		munmap((void *)svcdir, from->control.services * sizeof(*svcdir));
	if (dests)
		munmap(dests, count * sizeof(*dests));
	if (dstdir)
		munmap(dstdir, count * sizeof(*dstdir));
	if (control)
		munmap(control, sizeof(*control));
	return rc;
}

static int put_in_force(struct attach *attach, struct shunt_err *err)
{
	int rc = attach_links_renew(attach, err);

	return rc ? rc : pins_switch(attach->pin_dir, err);
}

/* Nothing uses the next maps before they are filled. */
static int migrate(struct attach *attach, struct shunt_err *err)
{
	const struct attach_migration *migration = attach->migration;
	struct shunt_err why;
	int rc = 0;

	if (!migration->resumed)
		rc = pins_use_next(attach->pin_dir, attach->plain->obj, err);
	if (!rc)
		rc = fill(attach, err);
	if (rc && !migration->resumed)
		pins_drop_next(attach->pin_dir, NULL);
	if (rc)
		return rc;
	rc = put_in_force(attach, &why);
	if (rc)
		return shunt_fail(err, -rc, why.where,
				  "%s; the maps are still of format %u, forwarding goes on, and another start goes on "
				  "from here",
				  why.what, MIGRATE_FROM);
	log_info("the pinned maps were of format %u and are taken over into format %u, with all that they say",
		 MIGRATE_FROM, SHUNT_FORMAT);
	if (migration->guessed)
		log_warning(
			"%u backends in pools were not in use, so the maps of format %u did not tell their pools: what "
			"they have counted is in their services' totals only",
			migration->guessed, MIGRATE_FROM);
	return 0;
}

int attach_migrate_finish(struct attach *attach, struct shunt_err *err)
{
	int rc;

	if (attach->migration) {
		rc = migrate(attach, err);
	} else {
		log_info("another version began to take over the maps and did not finish: taken back");
		rc = attach_links_renew(attach, err);
		if (!rc)
			rc = pins_drop_next(attach->pin_dir, err);
	}
	if (!rc)
		attach->other_id = 0;
	return rc;
}
