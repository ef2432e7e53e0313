/* SPDX-License-Identifier: GPL-2.0 */
/* What the flood's program, its loader and the sink agree on. */
#ifndef LIVE_FLOOD_H
#define LIVE_FLOOD_H

#include <linux/types.h>

/* Where floods come from: a prefix that nobody else has, so that the sink can tell. 198.18.0.0/15 and 2001:db8:f10d::/48. */
#define FLOOD_NET4 0xc6120000u
#define FLOOD_MASK4 0xfffe0000u
#define FLOOD_NET6_HIGH 0x20010db8u
#define FLOOD_NET6_LOW 0xf10d0000u
#define FLOOD_MASK6_LOW 0xffff0000u

/* Ethernet, IP, TCP without options; IPv4 is filled up to the 60 bytes of the shortest frame. */
#define FLOOD_FRAME4 60
#define FLOOD_FRAME6 74
#define FLOOD_FRAME_MAX 80 /* in whole words */

struct flood_state {
	__u64 sent;
	__u64 seed;
	__u32 ifindex; /* out of which */
	__u32 is_v6;
	__u32 is_udp;
	__u32 flows;			  /* so many, in turn; 0: each packet is a flow of its own */
	__u64 frame[FLOOD_FRAME_MAX / 8]; /* sources, ports and numbers are filled in */
};

#endif
