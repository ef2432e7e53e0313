/* SPDX-License-Identifier: GPL-2.0 */
/* The interfaces that are to run our program, as a set: all of them or no change; and no others. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "attach_priv.h"

static int no_such_interface(const char *name, struct shunt_err *err)
{
	struct if_nameindex *all = if_nameindex();
	char there[512] = "";
	size_t len = 0;

	for (const struct if_nameindex *i = all; i && i->if_index && len < sizeof(there) - IFNAMSIZ - 2; i++)
		len += snprintf(there + len, sizeof(there) - len, "%s%s", len ? ", " : "", i->if_name);
	if_freenameindex(all);
	return shunt_fail(err, ENODEV, name, "no such interface; there are: %s", there);
}

static struct attach_link *find_link(const struct attach_link *links, size_t count, uint32_t ifindex)
{
	for (size_t i = 0; i < count; i++)
		if (links[i].status.ifindex == ifindex)
			return (struct attach_link *)&links[i];
	return NULL;
}

/* Links for interfaces, with what is known of them already. */
static int make_links(const struct attach *attach, const struct config_interface *interfaces, size_t count,
		      struct attach_link *links, struct shunt_err *err)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t ifindex = if_nametoindex(interfaces[i].name);
		const struct attach_link *known = find_link(attach->links, attach->link_count, ifindex);

		if (!ifindex)
			return no_such_interface(interfaces[i].name, err);
		if (known)
			links[i] = *known;
		links[i].status.ifindex = ifindex;
		snprintf(links[i].status.name, sizeof(links[i].status.name), "%s", interfaces[i].name);
	}
	return 0;
}

static int put_all(struct attach *attach, const struct config_interface *interfaces, size_t count,
		   struct attach_link *links, struct shunt_err *err)
{
	bool *fresh = xcalloc(count, sizeof(*fresh));
	size_t done = 0;
	int rc = 0;

	for (; !rc && done < count; done++)
		rc = attach_xdp_put(attach, &links[done], interfaces[done].mode, &fresh[done], err);
	while (rc && done--)
		if (fresh[done])
			attach_xdp_take_off(attach, links[done].status.ifindex, links[done].status.name, NULL);
	free(fresh);
	return rc;
}

static void log_changes(const struct attach *attach, const struct attach_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct attach_status *status = &links[i].status;
		const struct attach_link *before = find_link(attach->links, attach->link_count, status->ifindex);

		if (!before || before->status.prog_id != status->prog_id || before->status.mode != status->mode)
			log_info("%s: runs the XDP program, id %u, in %s mode%s", status->name, status->prog_id,
				 config_mode_name(status->mode), status->dispatcher ? ", in libxdp's dispatcher" : "");
	}
}

static int take_off_all_but(struct attach *attach, const struct attach_link *keep, size_t count, struct shunt_err *err)
{
	struct if_nameindex *all = if_nameindex();
	int rc = 0;

	if (!all)
		return shunt_fail(err, errno, NULL, "interfaces cannot be listed: %s", strerror(errno));
	for (const struct if_nameindex *i = all; !rc && i->if_index; i++)
		if (!find_link(keep, count, i->if_index))
			rc = attach_xdp_take_off(attach, i->if_index, i->if_name, err);
	if_freenameindex(all);
	return rc;
}

/* After the new ones are on, so failures are for the log: nothing that was asked for is missing. */
static void let_go_of_others(struct attach *attach, const struct attach_link *links, size_t count)
{
	struct shunt_err err;

	if (!attach->strays_gone) {
		if (take_off_all_but(attach, links, count, &err))
			log_warning("%s", shunt_err_text(&err));
		attach->strays_gone = true;
		return;
	}
	for (size_t i = 0; i < attach->link_count; i++) {
		const struct attach_status *old = &attach->links[i].status;

		if (find_link(links, count, old->ifindex))
			continue;
		if (attach_xdp_take_off(attach, old->ifindex, old->name, &err))
			log_warning("%s", shunt_err_text(&err));
		else
			log_info("%s: does not run the XDP program any more", old->name);
	}
}

int attach_interfaces(struct attach *attach, const struct config_interface *interfaces, size_t count,
		      struct shunt_err *err)
{
	struct attach_link *links = xcalloc(count, sizeof(*links));
	int rc;

	rc = make_links(attach, interfaces, count, links, err);
	if (!rc)
		rc = put_all(attach, interfaces, count, links, err);
	if (rc) {
		free(links);
		return rc;
	}
	log_changes(attach, links, count);
	let_go_of_others(attach, links, count);
	free(attach->links);
	attach->links = links;
	attach->link_count = count;
	return 0;
}

size_t attach_list(const struct attach *attach, struct attach_status *out, size_t max)
{
	for (size_t i = 0; i < attach->link_count && i < max; i++)
		out[i] = attach->links[i].status;
	return attach->link_count;
}

/* true: what *link says has changed. Said once, not every time. */
static bool repair(struct attach *attach, struct attach_link *link, enum config_mode mode)
{
	struct attach_link now = {.status.ifindex = if_nametoindex(link->status.name)};
	const struct attach_status before = link->status;
	struct shunt_err err;
	bool fresh = false;
	int rc;

	if (now.status.ifindex && now.status.ifindex == before.ifindex)
		now = *link;
	memcpy(now.status.name, before.name, sizeof(now.status.name));
	if (!now.status.ifindex)
		rc = shunt_fail(&err, ENODEV, before.name, "the interface is gone");
	else
		rc = attach_xdp_put(attach, &now, mode, &fresh, &err);
	if (rc)
		now.status.attached = false;
	if (rc && before.attached)
		log_error("%s; it runs no XDP program of ours now, which will be tried again", shunt_err_text(&err));
	*link = now;
	if (!rc && (fresh || !before.attached))
		log_warning("%s: had lost the XDP program; it runs again, id %u, in %s mode", now.status.name,
			    now.status.prog_id, config_mode_name(now.status.mode));
	return fresh || now.status.attached != before.attached || now.status.prog_id != before.prog_id ||
	       now.status.ifindex != before.ifindex;
}

bool attach_repair(struct attach *attach, const struct config_interface *interfaces, size_t count)
{
	bool changed = false;

	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < attach->link_count; j++)
			if (!strcmp(attach->links[j].status.name, interfaces[i].name))
				changed |= repair(attach, &attach->links[j], interfaces[i].mode);
	return changed;
}

int attach_links_take_off(struct attach *attach, struct shunt_err *err)
{
	attach->link_count = 0;
	return take_off_all_but(attach, NULL, 0, err);
}
