/* SPDX-License-Identifier: GPL-2.0 */
/* The next hop of one address: route, the device that it names, the one below that packets go out by, neighbour; or why there is none. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <linux/rtnetlink.h>

#include "../lib/xalloc.h"
#include "nexthop_priv.h"

#define VLAN_TAG_LEN 4

static const uint8_t no_mac[6];

int nexthop_link(struct nexthops *nh, uint32_t ifindex, struct rtnl_link *out)
{
	int ret;

	for (size_t i = 0; i < nh->link_count; i++) {
		if (nh->links[i].ifindex == ifindex) {
			*out = nh->links[i];
			return 0;
		}
	}
	ret = rtnl_get_link(&nh->nl, ifindex, out);
	if (ret)
		return ret;
	nh->links = xreallocarray(nh->links, nh->link_count + 1, sizeof(*nh->links));
	nh->links[nh->link_count++] = *out;
	return 0;
}

void nexthop_unresolved(struct nexthop *out, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(out->why, sizeof(out->why), fmt, args);
	va_end(args);
}

/* Does the route lead to one other host? The kernel refuses to resolve some types of route and names the others. */
static bool route_is_usable(const struct shunt_addr *addr, const struct rtnl_route *route, int refused,
			    struct nexthop *out)
{
	char text[SHUNT_ADDR_TEXT];

	addr_format(addr, text);
	if (refused == ENETUNREACH)
		nexthop_unresolved(out, "no route to %s", text);
	else if (refused == EHOSTUNREACH)
		nexthop_unresolved(out, "the route to %s is of type unreachable", text);
	else if (refused == EACCES)
		nexthop_unresolved(out, "the route to %s is of type prohibit", text);
	else if (refused == EINVAL)
		nexthop_unresolved(out, "the route to %s is of type blackhole", text);
	else if (refused)
		nexthop_unresolved(out, "no route to %s: %s", text, strerror(refused));
	else if (route->type == RTN_LOCAL)
		nexthop_unresolved(out, "%s is an address of this host", text);
	else if (route->type != RTN_UNICAST)
		nexthop_unresolved(out, "%s is not the address of one host (route type %u)", text, route->type);
	else
		return true;
	return false;
}

/* Devices on top of others, to which native XDP cannot redirect (they have no ndo_xdp_xmit): packets would be lost without a
 * counter of ours. A template that goes out by the device below is what they need. */
static bool is_on_top(const struct rtnl_link *link)
{
	static const char *const kinds[] = {"bridge", "macvlan", "ipvlan", "vxlan", "dummy", "team"};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(link->kind, kinds[i]))
			return true;
	return false;
}

/* A NIC's driver takes redirected packets only while the NIC runs an XDP program itself, since that is when it makes room for them; else
 * it drops them, and the program that redirected them is not told. A bond does as its ports do. Virtual devices do without. */
static bool takes_redirected(const struct rtnl_link *link)
{
	return link->has_xdp || (link->kind[0] && strcmp(link->kind, "bond"));
}

static bool link_is_usable(const struct shunt_addr *addr, const struct rtnl_link *link, struct nexthop *out)
{
	char text[SHUNT_ADDR_TEXT];

	addr_format(addr, text);
	if (link->loopback)
		nexthop_unresolved(out, "the route to %s leads to the loopback interface", text);
	else if (!link->ethernet)
		nexthop_unresolved(out, "%s is routed to %s, not an Ethernet interface", text, link->name);
	else if (is_on_top(link))
		nexthop_unresolved(out, "%s is routed to %s, a %s device: XDP cannot redirect there", text, link->name,
				   link->kind);
	else if (!takes_redirected(link))
		nexthop_unresolved(out,
				   "%s takes no redirected packets without an XDP program: list it under interfaces",
				   link->name);
	else
		return true;
	return false;
}

/* One step down from a VLAN device, with its tag. 0, negative: the kernel could not be asked, or positive: unresolved. */
static int vlan_descend(struct nexthops *nh, struct rtnl_link *link, struct nexthop *out)
{
	const struct rtnl_link upper = *link;
	int ret;

	if (link->parent_elsewhere) {
		nexthop_unresolved(out, "the device below %s is in another network namespace", link->name);
		return EXDEV;
	}
	if (!link->parent || !link->tag.tpid) {
		nexthop_unresolved(out, "the kernel does not say which VLAN of which device %s is", link->name);
		return ENODATA;
	}
	if (out->tags == NEXTHOP_TAGS) {
		nexthop_unresolved(out, "%s would add VLAN tag number %d; expected at most %d", link->name,
				   out->tags + 1, NEXTHOP_TAGS);
		return E2BIG;
	}
	memmove(out->tag + 1, out->tag, (NEXTHOP_TAGS - 1) * sizeof(*out->tag));
	out->tag[0] = upper.tag;
	out->tags++;
	ret = nexthop_link(nh, upper.parent, link);
	if (ret > 0)
		nexthop_unresolved(out, "the device below %s is gone", upper.name);
	return ret;
}

/* The MAC that the packets go to: of the configuration, or of the neighbour. */
static int resolve_mac(struct nexthops *nh, struct watched *w, const struct rtnl_link *link, struct nexthop *out)
{
	const struct shunt_addr *hop = out->gateway.family ? &out->gateway : &w->addr;
	const struct neighbour *n;
	char text[SHUNT_ADDR_TEXT];
	int ret;

	if (memcmp(w->mac, no_mac, sizeof(no_mac))) {
		memcpy(out->dst_mac, w->mac, sizeof(out->dst_mac));
		out->resolved = true;
		return 0;
	}
	ret = neighbour_get(&nh->neighbours, link->ifindex, hop, uv_now(nh->loop), &n);
	if (ret)
		return ret;
	w->hop = *hop;
	w->hop_ifindex = link->ifindex;
	if (n->known)
		w->remembered_ifindex = 0;
	out->resolved = n->known || w->remembered_ifindex == link->ifindex;
	w->asking = !out->resolved && !n->refused;
	addr_format(hop, text);
	if (out->resolved)
		memcpy(out->dst_mac, n->known ? n->mac : w->remembered, sizeof(out->dst_mac));
	else if (n->refused == ENOBUFS)
		nexthop_unresolved(out, "%s on %s: neighbour table full (gc_thresh3)", text, link->name);
	else if (n->refused)
		nexthop_unresolved(out, "neighbour %s on %s: %s", text, link->name, strerror(n->refused));
	else
		nexthop_unresolved(out, "neighbour %s on %s has not answered yet", text, link->name);
	return 0;
}

/* The device that a route names, and the one that packets go out by. As vlan_descend(). */
static int links_ask(struct nexthops *nh, uint32_t ifindex, struct rtnl_link *top, struct rtnl_link *bottom,
		     struct nexthop *out)
{
	int ret = nexthop_link(nh, ifindex, top);

	if (ret > 0)
		nexthop_unresolved(out, "interface %u is gone", ifindex);
	if (ret)
		return ret;
	*bottom = *top;
	while (!ret && bottom->is_vlan)
		ret = vlan_descend(nh, bottom, out);
	return ret;
}

/* Redirection takes frames of the MTU and one tag: a second tag comes out of it, or packets would be lost uncounted. */
static uint32_t mtu_of(const struct rtnl_route *route, const struct rtnl_link *top, const struct rtnl_link *bottom,
		       uint8_t tags)
{
	uint32_t mtu = route->mtu && route->mtu < top->mtu ? route->mtu : top->mtu;
	uint32_t room = bottom->mtu - (tags > 1 ? (tags - 1) * VLAN_TAG_LEN : 0);

	return room < mtu ? room : mtu;
}

static int ask_route(struct nexthops *nh, struct watched *w)
{
	int ret = rtnl_get_route(&nh->nl, &w->addr, &w->route);

	w->asked = ret >= 0;
	w->refused = ret;
	return ret < 0 ? ret : 0;
}

int nexthop_resolve(struct nexthops *nh, struct watched *w, bool anew, struct nexthop *out)
{
	struct rtnl_link top, bottom;
	int ret = anew || !w->asked ? ask_route(nh, w) : 0;

	memset(out, 0, sizeof(*out));
	w->asking = false;
	if (ret)
		return ret;
	if (!route_is_usable(&w->addr, &w->route, w->refused, out))
		return 0;
	ret = links_ask(nh, w->route.ifindex, &top, &bottom, out);
	if (ret)
		return ret < 0 ? ret : 0;
	if (!link_is_usable(&w->addr, &bottom, out))
		return 0;
	out->ifindex = bottom.ifindex;
	out->gateway = w->route.gateway;
	out->mtu = mtu_of(&w->route, &top, &bottom, out->tags);
	if (w->path_mtu && uv_now(nh->loop) >= w->path_until)
		w->path_mtu = 0;
	if (w->path_mtu && w->path_mtu < out->mtu)
		out->mtu = out->path_mtu = w->path_mtu;
	memcpy(out->src_mac, top.mac, sizeof(out->src_mac));
	return resolve_mac(nh, w, &top, out);
}
