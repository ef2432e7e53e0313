/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Putting the MSS clamp on the interface that replies leave by, and taking it off.
 *
 * clsact is a place that all share: the qdisc is made where there is none and never removed, since nobody can tell whether somebody
 * counts on it by now, and empty it costs nothing. Within it a filter is named by priority and handle. Ours has the first
 * priority, for a filter before it could end the walk (ours never does); its handle is one that nobody has by accident, and
 * what carries it is ours only if the kernel runs the program there that we have pinned.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../xdp/bpflog.h"
#include "agent_pins.h"
#include "clamp.skel.h"

#define CLAMP_PRIORITY 1
#define CLAMP_HANDLE 0x5348

#define CLAMP_HOOK(name, index) LIBBPF_OPTS(bpf_tc_hook, name, .ifindex = (int)(index), .attach_point = BPF_TC_EGRESS)
#define CLAMP_FILTER(name) LIBBPF_OPTS(bpf_tc_opts, name, .handle = CLAMP_HANDLE, .priority = CLAMP_PRIORITY)

/* The id of the program in our filter's place; 0: none. */
static uint32_t filter_program(uint32_t ifindex)
{
	CLAMP_HOOK(hook, ifindex);
	CLAMP_FILTER(filter);

	return ifindex && !bpf_tc_query(&hook, &filter) ? filter.prog_id : 0;
}

/* Where an earlier run said that its clamp is to run; 0: nowhere. */
static uint32_t pinned_ifindex(const struct agent *agent)
{
	struct agent_rules rules = {};
	struct agent_maps maps;
	uint32_t ifindex;

	if (agent_pinned_maps(agent, &maps, NULL))
		return 0;
	agent_maps_read_rules(&maps, &rules, NULL);
	agent_maps_close(&maps);
	ifindex = rules.mss.ifindex;
	agent_rules_free(&rules);
	return ifindex;
}

uint32_t agent_clamp_where(const struct agent *agent)
{
	uint32_t ifindex = agent->clamp_id ? pinned_ifindex(agent) : 0;

	return ifindex && filter_program(ifindex) == agent->clamp_id ? ifindex : 0;
}

static int take_off(const struct agent *agent, uint32_t ifindex, struct shunt_err *err)
{
	CLAMP_HOOK(hook, ifindex);
	CLAMP_FILTER(filter);
	int rc = bpf_tc_detach(&hook, &filter);

	return rc ? bpflog_fail(err, rc, agent->ifname, "the MSS clamp was not taken off") : 0;
}

int agent_clamp_detach(const struct agent *agent, struct shunt_err *err)
{
	uint32_t ifindex = agent_clamp_where(agent);

	return ifindex ? take_off(agent, ifindex, err) : 0;
}

/* Replaces, in one step, what is in our filter's place if replace is set; else there must be nothing. */
static int put_filter(uint32_t ifindex, int fd, bool replace)
{
	CLAMP_HOOK(hook, ifindex);
	CLAMP_FILTER(filter);
	int rc = bpf_tc_hook_create(&hook);

	if (rc && rc != -EEXIST)
		return rc;
	filter.prog_fd = fd;
	filter.flags = replace ? BPF_TC_F_REPLACE : 0;
	return bpf_tc_attach(&hook, &filter);
}

static int attach(const struct agent_clamp *clamp, const struct agent *agent, int fd, struct shunt_err *err)
{
	bool replace = clamp->new_ifindex == clamp->old_ifindex;
	char name[IF_NAMESIZE] = "";
	int rc = put_filter(clamp->new_ifindex, fd, replace);

	if_indextoname(clamp->new_ifindex, name);
	if (rc == -EEXIST)
		return shunt_fail(
			err, EEXIST, name,
			"the place of the MSS clamp (egress, priority %d, handle %#x) has another's filter; run with "
			"--mss off to do without, or, if it is not needed: tc filter delete dev %s egress pref %d",
			CLAMP_PRIORITY, CLAMP_HANDLE, name, CLAMP_PRIORITY);
	return rc ? bpflog_fail(err, rc, agent->ifname, "the MSS clamp was not attached (--mss off does without)") : 0;
}

int agent_clamp_put(struct agent_clamp *clamp, const struct agent *agent, const struct agent_maps *maps,
		    const struct agent_mss *mss, struct shunt_err *err)
{
	struct clamp_bpf *skel = clamp_bpf__open();
	int rc = skel ? 0 : -ENOMEM;

	*clamp = (struct agent_clamp){.old_ifindex = agent_clamp_where(agent), .new_ifindex = mss->ifindex};
	if (!rc)
		rc = bpf_map__reuse_fd(skel->maps.decap_addrs, maps->addrs);
	if (!rc)
		rc = bpf_map__reuse_fd(skel->maps.decap_conf, maps->conf);
	if (!rc)
		rc = bpf_map__reuse_fd(skel->maps.decap_stats, maps->stats);
	if (!rc)
		rc = clamp_bpf__load(skel);
	if (rc)
		rc = bpflog_fail(err, rc, agent->ifname, "the kernel does not take the MSS clamp");
	else
		rc = agent_pin_new(agent, "clamp", bpf_program__fd(skel->progs.shunt_clamp), err);
	if (!rc && clamp->new_ifindex)
		rc = attach(clamp, agent, bpf_program__fd(skel->progs.shunt_clamp), err);
	if (rc)
		clamp->new_ifindex = 0;
	clamp_bpf__destroy(skel);
	return rc;
}

int agent_clamp_settle(const struct agent_clamp *clamp, const struct agent *agent, struct shunt_err *err)
{
	if (!clamp->old_ifindex || clamp->old_ifindex == clamp->new_ifindex)
		return 0;
	return take_off(agent, clamp->old_ifindex, err);
}

void agent_clamp_undo(const struct agent_clamp *clamp, const struct agent *agent)
{
	int fd;

	if (!clamp->new_ifindex)
		return;
	if (clamp->old_ifindex != clamp->new_ifindex) {
		take_off(agent, clamp->new_ifindex, NULL);
		return;
	}
	fd = agent_pin_get(agent, "clamp");
	if (fd < 0)
		return;
	put_filter(clamp->old_ifindex, fd, true);
	close(fd);
}
