/* SPDX-License-Identifier: GPL-2.0 */
/* The vocabulary of the stages: what is known of a packet, and what a stage answers. */
#ifndef SHUNT_BPF_PACKET_H
#define SHUNT_BPF_PACKET_H

#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "shunt/maps.h"
#include "shunt/reasons.h"

/* A stage returns NEXT, or the enum shunt_reason for which the packet goes no further. */
#define NEXT (-1)
/* On the plain path also: the slow one is to decide. Neither NEXT nor a reason. */
#define LEAVE (-2)

#define ETH_LEN 14
#define L2_MAX (ETH_LEN + 8) /* with two tags */
#define L2_MASK 31	     /* no less; verifiers forget the bounds of what was in memory */

/* Where the plain packet does not go: its code is laid out straight. */
#define unlikely(condition) __builtin_expect(!!(condition), 0)

/* Keeps clang from joining the test of value with the one before it into a single word: verifiers of 6.1 do not see there that a
 * pointer, say, was not NULL. */
#define apart(value)                             \
	({                                       \
		__u32 apart_ = (value);          \
		asm volatile("" : "+r"(apart_)); \
		apart_;                          \
	})

/* What the plain path knows of a packet: where its headers are. Hardly anything of them is copied: the compiler keeps in memory what is to outlast a
 * call, and headers are in memory already. */
struct plain {
	const void *frame; /* Ethernet's header */
	const void *ip;	   /* IP's; the ports are behind it, and all of this in the frame's first buffer */
	const void *end;   /* of that buffer */
	__u32 l3_off;	   /* where in the frame IP's header begins: behind Ethernet and VLAN tags */
	__u32 frame_len;   /* of the frame's first buffer, in which the IP packet ends */
	__u32 ip_len;	   /* the IP packet, header included; trailing Ethernet padding not */
	__u32 ports;	   /* as on the wire, the source's in the low half */
	__u8 proto;	   /* IPPROTO_TCP or IPPROTO_UDP */
};

/* What the slow path has found, fields filled by slow.h and icmp.h; addresses and ports as on the wire. */
struct packet {
	__be32 src[4], dst[4]; /* IPv4: only [0] */
	__be16 src_port, dst_port;
	__u8 proto;	 /* IPPROTO_TCP or IPPROTO_UDP */
	__u8 ttl;	 /* TTL or hop limit */
	bool to_group;	 /* the frame is a broadcast or multicast: others have it, too */
	__u32 ip_len;	 /* the IP packet, header included; trailing Ethernet padding not */
	__u32 frame_len; /* as received */
	__u32 l3_off;	 /* as in struct plain */
	__u64 hash;	 /* shunt_flow_hash(); from destination stage on */
	__u32 dest;	 /* destination id; likewise */
};

enum fragment_kind { FRAGMENT_NONE, FRAGMENT_FIRST, FRAGMENT_LATER };

struct fragment {
	__u32 id;     /* identification, as on the wire */
	__u32 at;     /* where in the frame its data begins: behind the IPv4 header, or IPv6's fragment header */
	__u32 offset; /* of the data in the datagram's, in bytes */
	__u8 kind;    /* enum fragment_kind */
	bool more;    /* it is not the last one */
};

/* What the slow path (slow.h) knows besides. Offsets are from the frame's beginning. */
struct slow {
	struct packet pkt;
	__u32 at, end; /* where it has got to; behind the IP packet, Ethernet's padding not counted */
	__u32 l4_end;  /* behind what the UDP header says is its own; where a fragment ends, if that is before */
	struct fragment fragment;
	__u64 ring_hash; /* what the slot is from: of the whole flow, pkt.hash, or of a part of it */
	__u32 ring_base; /* which ring */
	__u32 ring_slot; /* entry of shunt_rings; this and what follows only where it is DIRTY: */
	__u32 service;	 /* of shunt_svcdir */
	__u32 kind;	 /* enum conn_kind */
	__u32 salt, ring_size;
	__u32 sticky; /* ticks; 0: clients do not stick */
	bool picks;   /* beginnings are the service's to pick for: SHUNT_VIP_PICKS, and not in a source's pool */
	bool has_options;
	bool is_v6;
	bool is_icmp;  /* an ICMP error; the addresses and ports are of the flow that it is about */
	__u8 quic[32]; /* first octets of a UDP payload (quic.h) */
};

#endif
