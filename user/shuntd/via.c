// SPDX-License-Identifier: GPL-2.0
#include "via.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "../xdp/bpflog.h"
#include "shunt/probe.h"
#include "probe.skel.h"
#include "via_link.h"

struct via {
	struct via_link link;
	char *owner;
	int dests;
	struct probe_bpf *skel; /* NULL: at rest */
};

/* What a daemon that was killed has left is removed, if it was this one's. */
int via_open(struct via **out, const char *pin_dir, int dests, struct shunt_err *err)
{
	struct via *via = xcalloc(1, sizeof(*via));
	struct shunt_err left;
	int rc = via_link_open(&via->link, err);

	if (rc) {
		free(via);
		return rc;
	}
	via->owner = xstrdup(pin_dir);
	via->dests = dests;
	if (via_link_remove(&via->link, via->owner, &left))
		log_warning("%s", shunt_err_text(&left));
	*out = via;
	return 0;
}

void via_rest(struct via *via)
{
	struct shunt_err err;

	if (!via->skel)
		return;
	if (via_link_remove(&via->link, via->owner, &err))
		log_warning("%s", shunt_err_text(&err));
	probe_bpf__destroy(via->skel);
	via->skel = NULL;
}

void via_close(struct via *via)
{
	if (!via)
		return;
	via_rest(via);
	via_link_close(&via->link);
	free(via->owner);
	free(via);
}

int via_remove(const char *pin_dir, struct shunt_err *err)
{
	struct via_link link;
	int rc = via_link_open(&link, err);

	if (rc)
		return rc;
	rc = via_link_remove(&link, pin_dir, err);
	via_link_close(&link);
	return rc;
}

static int load(struct via *via, struct shunt_err *err)
{
	struct probe_bpf *skel = probe_bpf__open();
	int rc;

	if (!skel)
		return bpflog_fail(err, -errno, "checks through tunnels", "their program cannot be opened");
	rc = bpf_map__reuse_fd(skel->maps.shunt_dests, via->dests);
	if (!rc) {
		bpflog_forget();
		rc = probe_bpf__load(skel);
	}
	if (rc) {
		probe_bpf__destroy(skel);
		return bpflog_fail(err, rc, "checks through tunnels", "the kernel does not take their program");
	}
	via->skel = skel;
	return 0;
}

static int attach(struct via *via, struct shunt_err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = via->link.far, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = 1, .priority = 1,
		    .prog_fd = bpf_program__fd(via->skel->progs.shunt_probe));
	int rc;

	bpflog_forget();
	rc = bpf_tc_hook_create(&hook);
	if (!rc)
		rc = bpf_tc_attach(&hook, &opts);
	return rc ? bpflog_fail(err, rc, VIA_LINK_FAR, "does not take the program of checks through tunnels") : 0;
}

/* At the first check; after a failure, at the next. */
static int wake(struct via *via, struct shunt_err *err)
{
	int rc;

	if (via->skel)
		return 0;
	rc = load(via, err);
	if (rc)
		return rc;
	rc = via_link_make(&via->link, via->owner, err);
	if (!rc)
		rc = attach(via, err);
	if (rc)
		via_rest(via);
	return rc;
}

/*
 * Do marked packets take our interface? Whoever manages the host's network may have removed rule, route or interface; then they are
 * made again, and only if that does not help is there no road. A check must not fail for it.
 */
static int look(struct via *via, const struct shunt_addr *vip, uint32_t mark, struct shunt_err *err)
{
	char text[SHUNT_ADDR_TEXT];
	struct via_route route;
	int rc = via_link_route(&via->link, vip, mark, &route);

	if (!rc && route.is_local)
		return shunt_fail(err, EADDRINUSE, addr_format(vip, text),
				  "is this host's own address, so checks cannot leave for it; expected it on backends "
				  "only, or via: direct");
	if (!rc && route.ifindex == via->link.near)
		return 0;
	return shunt_fail(err, rc ? -rc : ENETUNREACH, addr_format(vip, text),
			  "no route through " VIA_LINK_NAME " (has somebody changed its rule or its table?)");
}

static int look_and_mend(struct via *via, const struct shunt_addr *vip, uint32_t mark, struct shunt_err *err)
{
	int rc = look(via, vip, mark, err);

	if (!rc || rc == -EADDRINUSE)
		return rc;
	if (via_link_mend(&via->link)) {
		via_rest(via);
		rc = wake(via, err);
		if (rc)
			return rc;
	}
	return look(via, vip, mark, err);
}

/*
 * The address that this host has towards the backend, so that the answer finds its way back as that of a direct check would. If the backend's is of the
 * other family, that towards the VIP; if there is none, the kernel's choice.
 */
static struct shunt_addr source_for(struct via *via, const struct shunt_addr *backend, const struct shunt_addr *vip)
{
	struct via_route route;

	if (via_link_route(&via->link, backend->family == vip->family ? backend : vip, 0, &route))
		return (struct shunt_addr){0};
	return route.source;
}

int via_road(struct via *via, uint32_t dest, const struct shunt_addr *backend, const struct shunt_addr *vip,
	     struct probe_road *road, struct shunt_err *err)
{
	uint32_t mark = SHUNT_PROBE_MARK | dest;
	int rc = wake(via, err);

	if (!rc)
		rc = look_and_mend(via, vip, mark, err);
	if (rc)
		return rc;
	*road = (struct probe_road){.to = *vip, .from = source_for(via, backend, vip), .mark = mark};
	return 0;
}
