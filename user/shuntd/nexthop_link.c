/* SPDX-License-Identifier: GPL-2.0 */
/* A link's description (RTM_NEWLINK), read. No sockets: what the kernel of another machine said will do. */
#include "nexthop_netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "nexthop_attr.h"

static void read_vlan(const struct nlattr *data, struct rtnl_link *out)
{
	const struct nlattr *attr;
	uint16_t protocol;

	mnl_attr_for_each_nested(attr, data)
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFLA_VLAN_ID)
			attr_u16(attr, &out->tag.vid);
		else if (type == IFLA_VLAN_PROTOCOL && attr_u16(attr, &protocol))
			out->tag.tpid = ntohs(protocol);
	}
}

/* The kind decides what the data mean, and need not come before them. */
static void read_info(const struct nlattr *info, struct rtnl_link *out)
{
	const struct nlattr *attr, *data = NULL;

	mnl_attr_for_each_nested(attr, info)
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFLA_INFO_KIND)
			attr_text(attr, out->kind, sizeof(out->kind));
		else if (type == IFLA_INFO_DATA)
			data = attr;
	}
	out->is_vlan = !strcmp(out->kind, "vlan");
	if (out->is_vlan && data)
		read_vlan(data, out);
}

static void read_xdp(const struct nlattr *xdp, struct rtnl_link *out)
{
	const struct nlattr *attr;
	uint8_t mode;

	mnl_attr_for_each_nested(attr, xdp)
	{
		if (mnl_attr_get_type(attr) == IFLA_XDP_ATTACHED && attr_u8(attr, &mode))
			out->has_xdp = mode != XDP_ATTACHED_NONE;
	}
}

int rtnl_read_link(const struct nlmsghdr *nlh, struct rtnl_link *out)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	memset(out, 0, sizeof(*out));
	if (nlh->nlmsg_type != RTM_NEWLINK || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return -EBADMSG;
	out->ifindex = ifi->ifi_index;
	out->loopback = ifi->ifi_flags & IFF_LOOPBACK;
	out->running = (ifi->ifi_flags & IFF_UP) && (ifi->ifi_flags & IFF_RUNNING);
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		uint16_t type = mnl_attr_get_type(attr);

		if (type == IFLA_MTU)
			attr_u32(attr, &out->mtu);
		else if (type == IFLA_ADDRESS)
			out->ethernet = ifi->ifi_type == ARPHRD_ETHER && attr_mac(attr, out->mac);
		else if (type == IFLA_IFNAME)
			attr_text(attr, out->name, sizeof(out->name));
		else if (type == IFLA_LINK)
			attr_u32(attr, &out->parent);
		else if (type == IFLA_LINK_NETNSID)
			out->parent_elsewhere = true;
		else if (type == IFLA_LINKINFO)
			read_info(attr, out);
		else if (type == IFLA_XDP)
			read_xdp(attr, out);
	}
	return 0;
}
