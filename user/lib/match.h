/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VIPs that are ports or addresses in number, made ready to be searched. Pure.
 *
 * Which VIP does a packet belong to, of all that contain its address, port and protocol? The one with the longest prefix;
 * among those, one port before a range before all ports. So a prefix without a VIP for the packet's port and protocol leaves it
 * to the next shorter one.
 *
 * That is worked out here, not for each packet: addresses are cut into spans that differ in nothing, and each span, for TCP
 * and for UDP, has ranges of ports that do not overlap and name one VIP each. Of prefixes within one another the inner one's
 * ranges are laid over the outer one's. VIPs of one port of one address take no part: shunt_vips has them, is looked at
 * first, and nothing is more specific.
 */
#ifndef SHUNT_MATCH_H
#define SHUNT_MATCH_H

#include "shunt/maps.h"
#include "vip.h"

struct match_vip {
	const struct config_vip *vip;
	uint32_t tag; /* whatever the caller knows it by */
	bool echo;
};

struct match {
	struct shunt_span *spans; /* tags stand where indexes of shunt_vips will, SHUNT_SPAN_NONE stays */
	struct shunt_range *ranges;
	size_t span_count, range_count;
	size_t prefix_count; /* different prefixes and addresses; spans are at most twice as many */
};

/* Of VIPs with the same prefix, protocol and class of ports, those with different tags must not overlap. -ENOSPC: more than
 * max_ranges ranges; else 0, and to be released. A function of the set of vips: their order means nothing. */
int match_build(struct match *match, const struct match_vip *vips, size_t count, size_t max_ranges);
void match_release(struct match *match);

#endif
