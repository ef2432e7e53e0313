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
#include "events.h"

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

static struct attach_link *find_name(const struct attach *attach, const char *name)
{
	for (size_t i = 0; i < attach->link_count; i++)
		if (!strcmp(attach->links[i].status.name, name))
			return &attach->links[i];
	return NULL;
}

static bool is_among(const char *name, const struct config_interface *interfaces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(interfaces[i].name, name))
			return true;
	return false;
}

static struct attach_link *add_link(struct attach *attach, const char *name)
{
	struct attach_link *link;

	attach->links = xreallocarray(attach->links, attach->link_count + 1, sizeof(*attach->links));
	link = &attach->links[attach->link_count++];
	memset(link, 0, sizeof(*link));
	snprintf(link->status.name, sizeof(link->status.name), "%s", name);
	return link;
}

void attach_expect(struct attach *attach, const struct config_interface *interfaces, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!find_name(attach, interfaces[i].name))
			add_link(attach, interfaces[i].name);
}

/* Links for interfaces, with what is known of them already. */
static int make_links(const struct attach *attach, const struct config_interface *interfaces, size_t count,
		      struct attach_link *links, struct shunt_err *err)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t ifindex = if_nametoindex(interfaces[i].name);
		const struct attach_link *known = find_name(attach, interfaces[i].name);

		if (!ifindex && !known)
			return no_such_interface(interfaces[i].name, err);
		if (known && known->status.ifindex == ifindex)
			links[i] = *known;
		links[i].status.ifindex = ifindex;
		links[i].fresh = false;
		snprintf(links[i].status.name, sizeof(links[i].status.name), "%s", interfaces[i].name);
	}
	return 0;
}

static void undo(struct attach *attach, const struct attach_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (links[i].fresh)
			attach_xdp_take_off(attach, links[i].status.ifindex, links[i].status.name, NULL);
}

static int put_all(struct attach *attach, const struct config_interface *interfaces, size_t count,
		   struct attach_link *links, struct shunt_err *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < count; i++)
		if (links[i].status.ifindex)
			rc = attach_xdp_put(attach, &links[i], interfaces[i].mode, &links[i].fresh, err);
	if (rc)
		undo(attach, links, count);
	return rc;
}

/* The new links take the places of the old ones; those of other interfaces stay. */
static void merge_links(struct attach *attach, const struct attach_link *links, size_t count)
{
	for (size_t i = 0; i < attach->link_count; i++)
		attach->links[i].fresh = false;
	for (size_t i = 0; i < count; i++) {
		const struct attach_status *status = &links[i].status;
		struct attach_link *place = find_name(attach, status->name);

		if (!status->ifindex && (!place || !place->status.ifindex))
			events_interface(status->name, LOG_LEVEL_WARNING,
					 "no such interface now; it will run the XDP program once it is there");
		else if (status->ifindex &&
			 (!place || place->status.prog_id != status->prog_id || place->status.mode != status->mode))
			events_interface(status->name, LOG_LEVEL_INFO, "runs the XDP program, id %u, in %s mode%s",
					 status->prog_id, config_mode_name(status->mode),
					 status->dispatcher ? ", in libxdp's dispatcher" : "");
		if (!place)
			place = add_link(attach, status->name);
		*place = links[i];
	}
}

int attach_check(const struct attach *attach, const struct config_interface *interfaces, size_t count,
		 struct shunt_err *err)
{
	struct attach_link *links = xcalloc(count, sizeof(*links));
	int rc = make_links(attach, interfaces, count, links, err);

	free(links);
	return rc;
}

int attach_interfaces(struct attach *attach, const struct config_interface *interfaces, size_t count,
		      struct shunt_err *err)
{
	struct attach_link *links = xcalloc(count, sizeof(*links));
	int rc;

	rc = make_links(attach, interfaces, count, links, err);
	if (!rc)
		rc = put_all(attach, interfaces, count, links, err);
	if (!rc)
		merge_links(attach, links, count);
	free(links);
	return rc;
}

typedef int (*link_step)(struct attach *attach, uint32_t ifindex, const char *name, struct shunt_err *err);

static int for_each_but(struct attach *attach, const struct attach_link *keep, size_t count, link_step step,
			struct shunt_err *err)
{
	struct if_nameindex *all = if_nameindex();
	int rc = 0;

	if (!all)
		return shunt_fail(err, errno, NULL, "interfaces cannot be listed: %s", strerror(errno));
	for (const struct if_nameindex *i = all; !rc && i->if_index; i++)
		if (!find_link(keep, count, i->if_index))
			rc = step(attach, i->if_index, i->if_name, err);
	if_freenameindex(all);
	return rc;
}

void attach_release(struct attach *attach, const struct config_interface *interfaces, size_t count)
{
	struct shunt_err err;
	size_t kept = 0;

	for (size_t i = 0; i < attach->link_count; i++) {
		const struct attach_status *old = &attach->links[i].status;

		if (is_among(old->name, interfaces, count))
			attach->links[kept++] = attach->links[i];
		else if (old->ifindex && attach_xdp_take_off(attach, old->ifindex, old->name, &err))
			events_interface(old->name, LOG_LEVEL_WARNING, "%s", err.what);
		else
			events_interface(old->name, LOG_LEVEL_INFO, "does not run the XDP program any more");
	}
	attach->link_count = kept;
	/* What an earlier daemon left on interfaces that nobody speaks of any more. */
	if (!attach->strays_gone && for_each_but(attach, attach->links, kept, attach_xdp_take_off, &err))
		log_warning("%s", shunt_err_text(&err));
	attach->strays_gone = true;
}

void attach_undo(struct attach *attach)
{
	size_t kept = 0;

	undo(attach, attach->links, attach->link_count);
	for (size_t i = 0; i < attach->link_count; i++)
		if (!attach->links[i].fresh)
			attach->links[kept++] = attach->links[i];
	attach->link_count = kept;
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
		events_interface(before.name, LOG_LEVEL_ERROR,
				 "%s; it runs no XDP program of ours now, which will be tried again", err.what);
	*link = now;
	if (!rc && (fresh || !before.attached))
		events_interface(now.status.name, LOG_LEVEL_WARNING,
				 "had lost the XDP program; it runs again, id %u, in %s mode", now.status.prog_id,
				 config_mode_name(now.status.mode));
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
	return for_each_but(attach, NULL, 0, attach_xdp_take_off, err);
}

int attach_links_renew(struct attach *attach, struct shunt_err *err)
{
	return for_each_but(attach, NULL, 0, attach_xdp_renew, err);
}
