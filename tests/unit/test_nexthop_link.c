/* SPDX-License-Identifier: GPL-2.0 */
/* Links as the kernel describes them: answers of Linux 6.1 to RTM_GETLINK, less the attributes that are of no use here, and answers
 * that no kernel would give. */
#include "../../user/shuntd/nexthop_netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <libmnl/libmnl.h>

/* ip link add eth0 type veth peer name p0 */
static const char eth0[] = "68000000100000000100000084000000000001000300000002100000000000000900030065746830"
			   "0000000008000d00e8030000050011000000000008000400dc0500000a0001007a13f49576780000"
			   "100012000900010076657468000000000800050002000000";
/* ip link add link eth0 name eth0.100 type vlan id 100 */
static const char eth0_100[] = "8c000000100000000100000084000000000001000400000002100000000000000d00030065746830"
			       "2e3130300000000008000d00e8030000050011000000000008000400dc0500000a0001007a13f495"
			       "767800003000120009000100766c616e000000002000020006000500810000000600010064000000"
			       "0c00020001000000ffffffff0800050003000000";
/* ip link add link eth0.100 name eth0.100.200 type vlan id 200 */
static const char eth0_100_200[] = "90000000100000000100000084000000000001000500000002100000000000001100030065746830"
				   "2e3130302e3230300000000008000d00e8030000050011000000000008000400dc0500000a000100"
				   "7a13f495767800003000120009000100766c616e0000000020000200060005008100000006000100"
				   "c80000000c00020001000000ffffffff0800050004000000";
/* ip link add link eth0 name eth0.ad type vlan protocol 802.1ad id 300 */
static const char eth0_ad[] = "88000000100000000100000084000000000001000600000002100000000000000c00030065746830"
			      "2e61640008000d00e8030000050011000000000008000400dc0500000a0001007a13f49576780000"
			      "3000120009000100766c616e00000000200002000600050088a80000060001002c0100000c000200"
			      "01000000ffffffff0800050003000000";

typedef char message[512] __attribute__((aligned(NLMSG_ALIGNTO)));

static struct rtnl_link link_of(const char *hex)
{
	struct rtnl_link link;
	message buf = {};
	unsigned int byte;

	for (size_t i = 0; sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		buf[i] = (char)byte;
	assert_int_equal(((struct nlmsghdr *)buf)->nlmsg_len, strlen(hex) / 2);
	memset(&link, 0xa5, sizeof(link));
	assert_int_equal(rtnl_read_link((struct nlmsghdr *)buf, &link), 0);
	return link;
}

static void assert_vlan(const struct rtnl_link *link, uint32_t parent, uint16_t tpid, uint16_t vid)
{
	assert_true(link->is_vlan);
	assert_string_equal(link->kind, "vlan");
	assert_false(link->parent_elsewhere);
	assert_int_equal(link->parent, parent);
	assert_int_equal(link->tag.tpid, tpid);
	assert_int_equal(link->tag.vid, vid);
}

static void plain(void **state)
{
	static const uint8_t mac[] = {0x7a, 0x13, 0xf4, 0x95, 0x76, 0x78};
	struct rtnl_link link = link_of(eth0);

	(void)state;
	assert_int_equal(link.ifindex, 3);
	assert_int_equal(link.mtu, 1500);
	assert_true(link.ethernet);
	assert_false(link.loopback);
	assert_memory_equal(link.mac, mac, sizeof(mac));
	assert_string_equal(link.name, "eth0");
	assert_string_equal(link.kind, "veth");
	assert_false(link.is_vlan || link.has_xdp);
	assert_int_equal(link.tag.tpid, 0);
}

static void vlan(void **state)
{
	struct rtnl_link link = link_of(eth0_100);

	(void)state;
	assert_int_equal(link.ifindex, 4);
	assert_int_equal(link.mtu, 1500);
	assert_string_equal(link.name, "eth0.100");
	assert_vlan(&link, 3, 0x8100, 100);
	link = link_of(eth0_100_200);
	assert_int_equal(link.ifindex, 5);
	assert_vlan(&link, 4, 0x8100, 200);
	link = link_of(eth0_ad);
	assert_int_equal(link.ifindex, 6);
	assert_vlan(&link, 3, 0x88a8, 300);
}

/* ---- messages made here ---- */

static struct nlmsghdr *begin(message buf)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);

	nlh->nlmsg_type = RTM_NEWLINK;
	((struct ifinfomsg *)mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg)))->ifi_index = 9;
	return nlh;
}

static void put_data(struct nlmsghdr *nlh, uint16_t vid, uint16_t tpid)
{
	struct nlattr *data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);

	mnl_attr_put_u16(nlh, IFLA_VLAN_ID, vid);
	mnl_attr_put_u16(nlh, IFLA_VLAN_PROTOCOL, tpid);
	mnl_attr_nest_end(nlh, data);
}

/* Another order of attributes; data of that kind and of another one. */
static void kind_after_data(void **state)
{
	static const char *const kinds[] = {"vlan", "vxlan"};

	(void)state;
	for (int i = 0; i < 2; i++) {
		message buf = {};
		struct nlmsghdr *nlh = begin(buf);
		struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
		struct rtnl_link link;

		put_data(nlh, 4094, 0x0081);
		mnl_attr_put_strz(nlh, IFLA_INFO_KIND, kinds[i]);
		mnl_attr_nest_end(nlh, info);
		mnl_attr_put_u32(nlh, IFLA_LINK, 8);
		assert_int_equal(rtnl_read_link(nlh, &link), 0);
		if (i == 0)
			assert_vlan(&link, 8, 0x8100, 4094);
		else
			assert_false(link.is_vlan || link.tag.tpid || link.tag.vid);
	}
}

static void parent_elsewhere(void **state)
{
	message buf = {};
	struct nlmsghdr *nlh = begin(buf);
	struct rtnl_link link;

	(void)state;
	mnl_attr_put_u32(nlh, IFLA_LINK, 8);
	mnl_attr_put_u32(nlh, IFLA_LINK_NETNSID, 0);
	assert_int_equal(rtnl_read_link(nlh, &link), 0);
	assert_true(link.parent_elsewhere);
}

static void xdp_program(void **state)
{
	static const uint8_t modes[] = {XDP_ATTACHED_NONE, XDP_ATTACHED_DRV, XDP_ATTACHED_SKB, XDP_ATTACHED_MULTI};

	(void)state;
	for (size_t i = 0; i < sizeof(modes); i++) {
		message buf = {};
		struct nlmsghdr *nlh = begin(buf);
		struct nlattr *xdp = mnl_attr_nest_start(nlh, IFLA_XDP);
		struct rtnl_link link;

		mnl_attr_put_u8(nlh, IFLA_XDP_ATTACHED, modes[i]);
		mnl_attr_nest_end(nlh, xdp);
		assert_int_equal(rtnl_read_link(nlh, &link), 0);
		assert_int_equal(link.has_xdp, modes[i] != XDP_ATTACHED_NONE);
	}
}

/* Values of another size are not read, names that end nowhere neither; what is missing is known to be. */
static void wrong_sizes(void **state)
{
	message buf = {};
	struct nlmsghdr *nlh = begin(buf);
	struct nlattr *info, *data, *xdp;
	struct rtnl_link link;

	(void)state;
	xdp = mnl_attr_nest_start(nlh, IFLA_XDP);
	mnl_attr_put_u32(nlh, IFLA_XDP_ATTACHED, XDP_ATTACHED_DRV);
	mnl_attr_nest_end(nlh, xdp);
	mnl_attr_put_u16(nlh, IFLA_MTU, 1500);
	mnl_attr_put(nlh, IFLA_ADDRESS, 8, "12345678");
	mnl_attr_put(nlh, IFLA_IFNAME, 4, "eth0");
	mnl_attr_put_u16(nlh, IFLA_LINK, 8);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "vlan");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, IFLA_VLAN_ID, 7);
	mnl_attr_put_u32(nlh, IFLA_VLAN_PROTOCOL, 0x0081);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	assert_int_equal(rtnl_read_link(nlh, &link), 0);
	assert_true(link.is_vlan);
	assert_int_equal(link.mtu, 0);
	assert_false(link.ethernet || link.has_xdp);
	assert_string_equal(link.name, "");
	assert_int_equal(link.parent, 0);
	assert_int_equal(link.tag.tpid, 0);
	assert_int_equal(link.tag.vid, 0);
}

static void not_a_link(void **state)
{
	message buf = {};
	struct nlmsghdr *nlh = begin(buf);
	struct rtnl_link link;

	(void)state;
	nlh->nlmsg_type = RTM_NEWADDR;
	assert_int_equal(rtnl_read_link(nlh, &link), -EBADMSG);
	nlh->nlmsg_type = RTM_NEWLINK;
	nlh->nlmsg_len = NLMSG_HDRLEN + sizeof(struct ifinfomsg) - 1;
	assert_int_equal(rtnl_read_link(nlh, &link), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),	   cmocka_unit_test(vlan),
		cmocka_unit_test(kind_after_data), cmocka_unit_test(parent_elsewhere),
		cmocka_unit_test(xdp_program),	   cmocka_unit_test(wrong_sizes),
		cmocka_unit_test(not_a_link),
	};

	return cmocka_run_group_tests_name("nexthop_link", tests, NULL, NULL);
}
