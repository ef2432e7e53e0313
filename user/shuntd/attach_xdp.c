/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One interface: what runs on it, and making it run our program without a packet passing by.
 *
 * Nothing there: attached through libxdp, in a dispatcher where the kernel can do that, so that other programs can join it.
 * A dispatcher: the new program joins it, then those of an earlier daemon leave it; libxdp replaces the whole dispatcher
 * atomically each time. Packets may meet both for a moment, which is harmless: the first to encapsulate one also sends it.
 * Our program alone, as where the kernel has no freplace: netlink's REPLACE, which names the program it expects, so that if somebody
 * else was faster it fails. Another's program alone: refused.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>

#include "../lib/log.h"
#include "../xdp/bpflog.h"
#include "../xdp/dispatcher.h"
#include "attach_priv.h"
#include "events.h"
#include "pins.h"

#define DISPATCHER "xdp_dispatcher"
#define MAX_OURS 16 /* more than a dispatcher holds */
#define MAX_MAPS 64

struct view {
	uint32_t main_id; /* 0: nothing runs there */
	char name[BPF_OBJ_NAME_LEN];
	bool generic;
	bool dispatcher;	 /* libxdp's, and it can tell what is in it */
	uint32_t ours[MAX_OURS]; /* ids of our programs there, from this daemon or an earlier one */
	size_t our_count;
};

static int program_info(int fd, struct bpf_prog_info *info, uint32_t map_ids[MAX_MAPS])
{
	uint32_t len = sizeof(*info);

	*info = (struct bpf_prog_info){.nr_map_ids = MAX_MAPS, .map_ids = (uintptr_t)map_ids};
	return bpf_obj_get_info_by_fd(fd, info, &len);
}

static void note_if_ours(const struct attach *attach, int fd, struct view *view)
{
	struct bpf_prog_info info;
	uint32_t map_ids[MAX_MAPS];

	if (program_info(fd, &info, map_ids) || view->our_count == MAX_OURS)
		return;
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAX_MAPS; i++)
		if (map_ids[i] == attach->control_id || map_ids[i] == attach->other_id) {
			view->ours[view->our_count++] = info.id;
			return;
		}
}

static void look_into_dispatcher(const struct attach *attach, uint32_t ifindex, struct view *view)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *prog = NULL;

	if (libxdp_get_error(mp))
		return;
	view->dispatcher = !xdp_multiprog__is_legacy(mp);
	while (view->dispatcher && (prog = xdp_multiprog__next_prog(prog, mp)))
		note_if_ours(attach, xdp_program__fd(prog), view);
	xdp_multiprog__close(mp);
}

static int query(uint32_t ifindex, const char *name, struct view *view, struct shunt_err *err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, found);
	int rc = bpf_xdp_query(ifindex, 0, &found);

	if (rc)
		return shunt_fail(err, -rc, name, "cannot see which XDP program it runs: %s", strerror(-rc));
	*view = (struct view){.main_id = found.drv_prog_id};
	if (!view->main_id) {
		view->main_id = found.skb_prog_id;
		view->generic = view->main_id != 0;
	}
	return 0;
}

static int look(const struct attach *attach, uint32_t ifindex, const char *name, struct view *view,
		struct shunt_err *err)
{
	uint32_t map_ids[MAX_MAPS];
	struct bpf_prog_info info;
	int fd, rc;

	rc = query(ifindex, name, view, err);
	if (rc || !view->main_id)
		return rc;
	fd = bpf_prog_get_fd_by_id(view->main_id);
	if (fd < 0 || program_info(fd, &info, map_ids)) {
		rc = shunt_fail(err, errno, name, "cannot look at its XDP program, id %u: %s", view->main_id,
				strerror(errno));
	} else {
		memcpy(view->name, info.name, sizeof(view->name));
		note_if_ours(attach, fd, view);
	}
	if (fd >= 0)
		close(fd);
	if (!rc && !view->our_count && !strcmp(view->name, DISPATCHER))
		look_into_dispatcher(attach, ifindex, view);
	return rc;
}

static uint32_t plain_id(const struct attach *attach)
{
	struct bpf_prog_info info;
	uint32_t map_ids[MAX_MAPS];

	return program_info(bpf_program__fd(attach->plain->progs.shunt_xdp), &info, map_ids) ? 0 : info.id;
}

/* The program of this daemon among ours there; 0: not there. */
static uint32_t present(const struct attach *attach, const struct view *view)
{
	uint32_t plain = plain_id(attach), part = attach->prog ? xdp_program__id(attach->prog) : 0;

	for (size_t i = 0; i < view->our_count; i++)
		if (view->ours[i] == plain || view->ours[i] == part)
			return view->ours[i];
	return 0;
}

static void drop_part(struct attach *attach)
{
	xdp_program__close(attach->prog);
	shunt_bpf__destroy(attach->part);
	attach->prog = NULL;
	attach->part = NULL;
}

/* The program for libxdp, on the maps of the one that is loaded. */
static int open_part(struct attach *attach, struct shunt_err *err)
{
	struct bpf_map *map, *loaded;
	int rc;

	rc = attach_open_object(&attach->part, &attach->sizes, attach->seed, err);
	if (rc)
		return rc;
	bpf_object__for_each_map(map, attach->part->obj)
	{
		loaded = bpf_object__find_map_by_name(attach->plain->obj, bpf_map__name(map));
		if (!rc && (pins_name(map) || !bpf_map__is_internal(map)))
			rc = bpf_map__reuse_fd(map, bpf_map__fd(loaded));
	}
	if (!rc) {
		attach->prog = xdp_program__from_bpf_obj(attach->part->obj, "xdp.frags");
		rc = libxdp_get_error(attach->prog);
	}
	if (!rc)
		return 0;
	attach->prog = NULL;
	drop_part(attach);
	return bpflog_fail(err, rc, "the XDP program", "cannot be prepared for libxdp");
}

static const char *mode_name(bool generic)
{
	return config_mode_name(generic ? CONFIG_MODE_GENERIC : CONFIG_MODE_NATIVE);
}

static int cannot_run(struct shunt_err *err, int rc, const char *name, bool generic)
{
	char what[64];

	snprintf(what, sizeof(what), "cannot run the XDP program in %s mode", mode_name(generic));
	return bpflog_fail(err, rc, name, what);
}

static int attach_libxdp(struct attach *attach, const struct attach_status *link, bool generic, struct shunt_err *err)
{
	int rc;

	if (!attach->prog) {
		rc = open_part(attach, err);
		if (rc)
			return rc;
	}
	bpflog_forget();
	rc = xdp_program__attach(attach->prog, link->ifindex, generic ? XDP_MODE_SKB : XDP_MODE_NATIVE, 0);
	if (!rc)
		return 0;
	rc = cannot_run(err, rc, link->name, generic);
	if (!xdp_program__id(attach->prog)) /* not even loaded: this object cannot be again */
		drop_part(attach);
	return rc;
}

static __u32 mode_flag(bool generic)
{
	return generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
}

/* Nothing runs there. Kernels from 6.13 (and stable ones since) want a dispatcher to declare that its programs may change packets,
 * which that of libxdp 1.3 does not: then our program does not load as a part of one, and goes alone. */
static int attach_in_mode(struct attach *attach, const struct attach_status *link, bool generic, struct shunt_err *err)
{
	struct shunt_err shared;
	int rc;

	rc = attach_libxdp(attach, link, generic, &shared);
	if (!rc)
		return 0;
	if (attach->prog)
		return shunt_fail(err, -rc, shared.where, "%s", shared.what);
	bpflog_forget();
	rc = bpf_xdp_attach(link->ifindex, bpf_program__fd(attach->plain->progs.shunt_xdp),
			    XDP_FLAGS_UPDATE_IF_NOEXIST | mode_flag(generic), NULL);
	if (rc)
		return cannot_run(err, rc, link->name, generic);
	log_info("%s; so it runs alone, and no other XDP program can join it", shunt_err_text(&shared));
	return 0;
}

/* Nothing of ours runs there yet. */
static int attach_new(struct attach *attach, const struct attach_status *link, enum config_mode mode,
		      struct shunt_err *err)
{
	struct shunt_err native;
	int rc;

	if (mode == CONFIG_MODE_GENERIC)
		return attach_in_mode(attach, link, true, err);
	rc = attach_in_mode(attach, link, false, &native);
	if (!rc)
		return 0;
	if (mode == CONFIG_MODE_AUTO && rc != -EBUSY && rc != -EEXIST && rc != -ENODEV && rc != -EPERM) {
		rc = attach_in_mode(attach, link, true, err);
		if (!rc)
			events_interface(
				link->name, LOG_LEVEL_WARNING,
				"%s; now in generic mode, which costs several times the CPU time per packet, since the "
				"kernel allocates and copies each before the program sees it",
				native.what);
		return rc;
	}
	return shunt_fail(err, -rc, native.where, "%s", native.what);
}

static int replace_alone(struct attach *attach, const struct attach_status *link, const struct view *view,
			 struct shunt_err *err)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int rc;

	opts.old_prog_fd = bpf_prog_get_fd_by_id(view->main_id);
	if (opts.old_prog_fd < 0)
		return shunt_fail(err, errno, link->name, "its XDP program, id %u, has just gone: %s", view->main_id,
				  strerror(errno));
	bpflog_forget();
	rc = bpf_xdp_attach(link->ifindex, bpf_program__fd(attach->plain->progs.shunt_xdp),
			    XDP_FLAGS_REPLACE | mode_flag(view->generic), &opts);
	close(opts.old_prog_fd);
	return rc ? bpflog_fail(err, rc, link->name, "its XDP program, an earlier one of ours, cannot be replaced") : 0;
}

static int take_alone_off(uint32_t ifindex, const struct view *view)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int rc;

	opts.old_prog_fd = bpf_prog_get_fd_by_id(view->main_id);
	if (opts.old_prog_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	rc = bpf_xdp_detach(ifindex, XDP_FLAGS_REPLACE | mode_flag(view->generic), &opts);
	close(opts.old_prog_fd);
	return rc;
}

/* All of ours but keep. */
static int take_off(const struct view *view, uint32_t ifindex, const char *name, uint32_t keep, struct shunt_err *err)
{
	int rc = 0;

	bpflog_forget();
	for (size_t i = 0; !rc && i < view->our_count; i++) {
		if (view->ours[i] == keep)
			continue;
		rc = view->dispatcher ? dispatcher_leave(ifindex, view->ours[i]) : take_alone_off(ifindex, view);
	}
	return rc ? bpflog_fail(err, rc, name, "cannot be rid of our XDP program") : 0;
}

int attach_xdp_take_off(struct attach *attach, uint32_t ifindex, const char *name, struct shunt_err *err)
{
	struct view view;
	int rc = look(attach, ifindex, name, &view, err);

	return rc ? rc : take_off(&view, ifindex, name, 0, err);
}

/* The kernel cannot exchange a native program for a generic one; it must be without for a moment. */
static int change_mode(struct attach *attach, const struct attach_status *link, const struct view *view,
		       enum config_mode mode, struct shunt_err *err)
{
	enum config_mode old = view->generic ? CONFIG_MODE_GENERIC : CONFIG_MODE_NATIVE;
	int rc;

	events_interface(link->name, LOG_LEVEL_WARNING, "from %s to %s mode; for a moment packets pass unbalanced",
			 config_mode_name(old), config_mode_name(mode));
	rc = take_off(view, link->ifindex, link->name, 0, err);
	if (rc)
		return rc;
	rc = attach_new(attach, link, mode, err);
	if (rc && attach_new(attach, link, old, NULL))
		events_interface(link->name, LOG_LEVEL_ERROR,
				 "runs no XDP program any more: neither the new mode nor the old one could be had");
	return rc;
}

static int put(struct attach *attach, const struct attach_status *link, const struct view *view, enum config_mode mode,
	       struct shunt_err *err)
{
	bool other_mode = mode != CONFIG_MODE_AUTO && (mode == CONFIG_MODE_GENERIC) != view->generic;

	if (!view->main_id)
		return attach_new(attach, link, mode, err);
	if (!view->our_count && !view->dispatcher)
		return shunt_fail(
			err, EBUSY, link->name,
			"runs another XDP program, \"%s\" (id %u); if it is not needed: ip link set dev %s %s off",
			view->name, view->main_id, link->name, view->generic ? "xdpgeneric" : "xdp");
	if (!view->our_count && other_mode)
		return shunt_fail(
			err, EBUSY, link->name,
			"runs libxdp's dispatcher in %s mode with the programs of others, expected %s: set the "
			"interface's mode to auto, or take them off: xdp-loader unload %s --all",
			mode_name(view->generic), config_mode_name(mode), link->name);
	if (other_mode)
		return change_mode(attach, link, view, mode, err);
	if (present(attach, view))
		return 0;
	return view->dispatcher ? attach_libxdp(attach, link, view->generic, err)
				: replace_alone(attach, link, view, err);
}

/* Ours is there: note how, and let those of an earlier daemon go. */
static int settle(struct attach *attach, struct attach_link *link, struct shunt_err *err)
{
	struct attach_status *status = &link->status;
	struct view view, now;
	uint32_t id;
	int rc;

	rc = look(attach, status->ifindex, status->name, &view, err);
	if (rc)
		return rc;
	id = present(attach, &view);
	if (!id)
		return shunt_fail(err, EAGAIN, status->name, "somebody else changes its XDP program at the same time");
	rc = take_off(&view, status->ifindex, status->name, id, err);
	if (!rc)
		rc = query(status->ifindex, status->name, &now, err);
	if (rc)
		return rc;
	status->attached = true;
	status->mode = now.generic ? CONFIG_MODE_GENERIC : CONFIG_MODE_NATIVE;
	status->dispatcher = view.dispatcher;
	status->prog_id = id;
	link->main_id = now.main_id;
	return 0;
}

int attach_xdp_put(struct attach *attach, struct attach_link *link, enum config_mode mode, bool *fresh,
		   struct shunt_err *err)
{
	struct attach_status *status = &link->status;
	struct view view;
	int rc;

	*fresh = false;
	/* Nothing new, the usual case. Not only cheap: a look into a dispatcher costs libxdp 1.3 a file descriptor for good. */
	rc = query(status->ifindex, status->name, &view, err);
	if (rc ||
	    (status->attached && view.main_id == link->main_id && (mode == CONFIG_MODE_AUTO || mode == status->mode)))
		return rc;
	rc = look(attach, status->ifindex, status->name, &view, err);
	if (!rc)
		rc = put(attach, status, &view, mode, err);
	if (rc)
		return rc;
	*fresh = !view.our_count;
	return settle(attach, link, err);
}

int attach_xdp_renew(struct attach *attach, uint32_t ifindex, const char *name, struct shunt_err *err)
{
	struct attach_link link = {.status.ifindex = ifindex};
	struct view view;
	int rc = look(attach, ifindex, name, &view, err);

	if (rc || !view.our_count)
		return rc == -ENODEV ? 0 : rc;
	snprintf(link.status.name, sizeof(link.status.name), "%s", name);
	rc = put(attach, &link.status, &view, CONFIG_MODE_AUTO, err);
	return rc ? rc : settle(attach, &link, err);
}
