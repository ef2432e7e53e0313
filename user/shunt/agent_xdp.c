/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Putting the decapsulator on an interface, and taking it off.
 *
 * A first run attaches through libxdp, so that other XDP programs on the interface live on where the kernel can run
 * its dispatcher with ours in it; where it cannot, the program goes alone. A later run replaces without a gap: alone,
 * by netlink's REPLACE of the very program that was pinned; in the dispatcher, by attaching the new one and then
 * detaching the old (a stripped packet that meets both is no tunnel packet to the second).
 *
 * New pins are made under names of their own before anything is attached and are renamed over the old ones at the end.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>

#include "../xdp/bpflog.h"
#include "../xdp/dispatcher.h"
#include "agent_pins.h"
#include "decap.skel.h"

static struct decap_bpf *open_program(const struct agent_maps *maps)
{
	struct decap_bpf *skel = decap_bpf__open();

	if (!skel)
		return NULL;
	if (!bpf_map__reuse_fd(skel->maps.decap_addrs, maps->addrs) &&
	    !bpf_map__reuse_fd(skel->maps.decap_conf, maps->conf) &&
	    !bpf_map__reuse_fd(skel->maps.decap_stats, maps->stats))
		return skel;
	decap_bpf__destroy(skel);
	return NULL;
}

static enum agent_mode mode_of(enum xdp_attach_mode mode)
{
	return mode == XDP_MODE_SKB ? AGENT_GENERIC : AGENT_NATIVE;
}

int agent_query(const struct agent *agent, struct agent_attachment *out, struct shunt_err *err)
{
	struct xdp_multiprog *mp;
	int rc;

	memset(out, 0, sizeof(*out));
	if (!agent->ifindex || !agent->pinned_id)
		return 0;
	mp = xdp_multiprog__get_from_ifindex(agent->ifindex);
	rc = libxdp_get_error(mp);
	if (rc == -ENOENT)
		return 0;
	if (rc)
		return bpflog_fail(err, rc, agent->ifname, "cannot see which XDP programs it runs");
	if (dispatcher_find(mp, agent->pinned_id)) {
		out->mode = mode_of(xdp_multiprog__attach_mode(mp));
		out->dispatcher = !xdp_multiprog__is_legacy(mp);
	}
	xdp_multiprog__close(mp);
	return 0;
}

/* Where there is none, or in place of the one of an earlier run. */
static int attach_fd(const struct agent *agent, int fd, enum agent_mode mode, bool replace)
{
	__u32 flags = mode == AGENT_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;
	DECLARE_LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	int rc;

	if (!replace)
		return bpf_xdp_attach(agent->ifindex, fd, flags | XDP_FLAGS_UPDATE_IF_NOEXIST, NULL);
	opts.old_prog_fd = agent_pin_get(agent, "prog");
	if (opts.old_prog_fd < 0)
		return opts.old_prog_fd;
	rc = bpf_xdp_attach(agent->ifindex, fd, flags | XDP_FLAGS_REPLACE, &opts);
	close(opts.old_prog_fd);
	return rc;
}

static int attach_alone(const struct agent *agent, const struct agent_maps *maps, enum agent_mode mode, bool replace,
			struct shunt_err *err)
{
	struct decap_bpf *skel = open_program(maps);
	int rc, fd;

	bpflog_forget();
	rc = skel ? decap_bpf__load(skel) : -ENOMEM;
	if (rc) {
		rc = bpflog_fail(err, rc, agent->ifname, "the kernel does not take the program");
		goto out;
	}
	fd = bpf_program__fd(skel->progs.shunt_decap);
	rc = agent_pin_new(agent, "prog", fd, err);
	if (rc)
		goto out;
	rc = attach_fd(agent, fd, mode, replace);
	if (rc)
		rc = bpflog_fail(err, rc, agent->ifname,
				 replace ? "the program in place was not replaced" : "the program was not attached");
out:
	decap_bpf__destroy(skel);
	return rc;
}

/* Through libxdp, which loads the program as what it has to be (an extension of the dispatcher, or plain XDP). */
static int attach_libxdp(const struct agent *agent, const struct agent_maps *maps, enum xdp_attach_mode mode,
			 struct shunt_err *err)
{
	struct decap_bpf *skel = open_program(maps);
	DECLARE_LIBXDP_OPTS(xdp_program_opts, opts, .obj = skel ? skel->obj : NULL, .prog_name = "shunt_decap");
	struct xdp_program *prog = skel ? xdp_program__create(&opts) : NULL;
	int rc = prog ? libxdp_get_error(prog) : -ENOMEM;

	if (!rc)
		rc = xdp_program__attach(prog, agent->ifindex, mode, 0);
	if (rc) {
		bpflog_fail(err, rc, agent->ifname, "the program was not attached");
	} else {
		rc = agent_pin_new(agent, "prog", xdp_program__fd(prog), err);
		if (rc)
			xdp_program__detach(prog, agent->ifindex, mode, 0);
	}
	if (prog && !libxdp_get_error(prog))
		xdp_program__close(prog);
	decap_bpf__destroy(skel);
	return rc;
}

static int fail_busy(const struct agent *agent, struct shunt_err *err)
{
	return shunt_fail(err, EBUSY, agent->ifname,
			  "another XDP program runs on it, and this kernel cannot run two (see it with `bpftool net`; "
			  "take it off with `ip link set dev %s xdp off`)",
			  agent->ifname);
}

static bool may_go_otherwise(int rc)
{
	return rc && rc != -EBUSY && rc != -EEXIST && rc != -EPERM;
}

/* Kernels from 6.13 (and stable ones since) want a dispatcher to declare that its programs may change packets, which that of libxdp
 * 1.3 does not: then the program does not load as a part of one, and goes alone. */
static int attach_in_mode(const struct agent *agent, const struct agent_maps *maps, enum agent_mode mode,
			  struct shunt_err *err)
{
	int rc = attach_libxdp(agent, maps, mode == AGENT_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE, err);

	return may_go_otherwise(rc) ? attach_alone(agent, maps, mode, false, err) : rc;
}

static int attach_new(const struct agent *agent, const struct agent_maps *maps, bool generic,
		      struct agent_attachment *out, struct shunt_err *err)
{
	int rc = -EOPNOTSUPP;

	if (!generic)
		rc = attach_in_mode(agent, maps, AGENT_NATIVE, err);
	out->mode = AGENT_NATIVE;
	if (may_go_otherwise(rc)) {
		out->mode = AGENT_GENERIC;
		out->fell_back = !generic;
		rc = attach_in_mode(agent, maps, AGENT_GENERIC, err);
	}
	return rc == -EBUSY || rc == -EEXIST ? fail_busy(agent, err) : rc;
}

static int swap_in(const struct agent *agent, const struct agent_maps *maps, bool generic, struct agent_attachment *out,
		   struct shunt_err *err)
{
	enum agent_mode mode = out->mode;
	bool shared = out->dispatcher;
	int rc;

	out->replaced = mode != AGENT_DETACHED;
	if (generic && mode == AGENT_NATIVE)
		return shunt_fail(err, EBUSY, agent->ifname,
				  "it runs in native mode; for generic mode run with --detach first");
	if (out->replaced && !shared)
		return attach_alone(agent, maps, mode, true, err);
	rc = attach_new(agent, maps, generic || mode == AGENT_GENERIC, out, err);
	if (!rc && shared)
		rc = dispatcher_leave(agent->ifindex, agent->pinned_id);
	return rc;
}

static int pin_maps(const struct agent *agent, const struct agent_maps *maps, struct shunt_err *err)
{
	int rc = agent_pin_new(agent, "addrs", maps->addrs, err);

	if (!rc)
		rc = agent_pin_new(agent, "conf", maps->conf, err);
	return rc ? rc : agent_pin_new(agent, "stats", maps->stats, err);
}

/* The clamp first, for it can be undone without a trace: what it does is right for the old program, too. */
static int put_programs(const struct agent *agent, const struct agent_maps *maps, const struct agent_rules *rules,
			bool generic, struct agent_attachment *out, struct shunt_err *err)
{
	struct agent_clamp clamp;
	int rc = agent_clamp_put(&clamp, agent, maps, &rules->mss, err);

	if (rc)
		return rc;
	rc = swap_in(agent, maps, generic, out, err);
	if (rc)
		agent_clamp_undo(&clamp, agent);
	else
		rc = agent_clamp_settle(&clamp, agent, err);
	return rc;
}

int agent_attach(struct agent *agent, const struct agent_rules *rules, bool generic, struct agent_attachment *out,
		 struct shunt_err *err)
{
	int stats = agent_pin_get(agent, "stats");
	struct agent_maps maps;
	int rc;

	bpflog_forget();
	rc = agent_maps_create(&maps, rules, stats, err);
	if (!rc)
		rc = agent_query(agent, out, err);
	if (!rc)
		rc = pin_maps(agent, &maps, err);
	if (!rc)
		rc = put_programs(agent, &maps, rules, generic, out, err);
	if (!rc)
		rc = agent_pins_commit(agent, err);
	else
		agent_pins_abort(agent);
	agent_maps_close(&maps);
	if (stats >= 0)
		close(stats);
	return rc;
}

int agent_detach(struct agent *agent, bool *was_attached, struct shunt_err *err)
{
	struct agent_attachment at;
	int rc = agent_query(agent, &at, err);

	if (rc)
		return rc;
	rc = agent_clamp_detach(agent, err);
	if (rc)
		return rc;
	*was_attached = at.mode != AGENT_DETACHED;
	if (*was_attached) {
		rc = dispatcher_leave(agent->ifindex, agent->pinned_id);
		if (rc)
			return bpflog_fail(err, rc, agent->ifname, "the program was not detached");
	}
	return agent_pins_remove(agent, err);
}
