/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Why a packet was not forwarded, answers to it included. Every packet that shunt sees is counted exactly once: forwarded ones at
 * their destination (struct shunt_counter in shunt_dstat), all others here, at one reason (shunt_rstat).
 *
 * X(ENUMERATOR, name, action, sentence): the enumerator indexes shunt_rstat; the name is what the API, the CLI
 * and the metrics print; the action is what XDP does with the packet (TX: the answer that was made of it goes back); the
 * sentence is for people.
 * Append only: the numbers are part of the pinned maps' format. The map has room for SHUNT_REASON_MAX, so that a build with
 * more reasons takes over the maps of one with fewer.
 */
#ifndef SHUNT_REASONS_H
#define SHUNT_REASONS_H

#define SHUNT_REASONS(X)                                                                                               \
	X(NOT_IP, not_ip, PASS, "not IPv4 or IPv6: ARP, LLDP and the like")                                            \
	X(NOT_TCP_UDP, not_tcp_udp, PASS, "IP, but neither TCP nor UDP, nor ICMP that concerns a VIP")                 \
	X(NOT_VIP, not_vip, PASS, "address, protocol and port are no VIP of any service")                              \
	X(FRAGMENT, fragment, PASS, "a fragment of an ICMP message, such as a large ping, to a VIP")                   \
	X(EXT_HEADER, ext_header, PASS,                                                                                \
	  "IPv6 with mobility, hop-by-hop options that do not come first, or a fragment of a fragment")                \
	X(TRUNCATED, truncated, PASS, "the frame ends before its headers do")                                          \
	X(BAD_HEADER, bad_header, PASS, "a version, header length or total length that cannot be true")                \
	X(TTL_EXPIRED, ttl_expired, DROP, "for a VIP, but its TTL or hop limit would reach zero here")                 \
	X(NO_BACKEND, no_backend, DROP, "for a VIP, but no backend of its service is in the ring")                     \
	X(BAD_DEST, bad_dest, DROP, "the ring names a destination that is not in use: a bug, please report it")        \
	X(NO_NEXTHOP, no_nexthop, DROP, "the backend's next hop (route and neighbour) is not resolved")                \
	X(TOO_BIG, too_big, DROP, "longer than the path to the backend allows once encapsulated")                      \
	X(NO_HEADROOM, no_headroom, DROP, "the driver left no room in front of the packet for the outer header")       \
	X(ECHO_REPLY, echo_reply, TX, "an echo request (ping) to a VIP, answered")                                     \
	X(ECHO_REFUSED, echo_refused, PASS,                                                                            \
	  "an echo request to a VIP: echo is off, it has options, or nobody may be its source")                        \
	X(ICMP_TRUNCATED, icmp_truncated, PASS, "an ICMP error to a VIP whose quote ends before the ports")            \
	X(ICMP_FRAGMENT, icmp_fragment, PASS, "an ICMP error to a VIP that quotes a fragment without ports")           \
	X(ICMP_EXT_HEADER, icmp_ext_header, PASS, "an ICMPv6 error to a VIP that quotes extension headers not walked") \
	X(ICMP_BAD_QUOTE, icmp_bad_quote, PASS,                                                                        \
	  "an ICMP error to a VIP that quotes a packet not from it, or none at all")                                   \
	X(TOO_BIG_REPLY, too_big_reply, TX, "as too_big; the client was told the size that fits")                      \
	X(TOO_BIG_LIMITED, too_big_limited, DROP, "as too_big; the client was not told: more than icmp.rate a second") \
	X(VLAN_DEPTH, vlan_depth, PASS, "more than two VLAN tags")                                                     \
	X(EXT_LIMIT, ext_limit, PASS, "more than 6 IPv6 extension headers, or more than 256 bytes of them")            \
	X(SEGMENTS_LEFT, segments_left, PASS, "its IPv6 routing header names stops after this destination")            \
	X(PATH_MTU, path_mtu, PASS,                                                                                    \
	  "an ICMP error: the path to a backend takes less than was sent; the daemon was told")                        \
	X(MARTIAN, martian, DROP,                                                                                      \
	  "for a VIP, from a source that no client can have: loopback, a group, the VIP itself")                       \
	X(TO_GROUP, to_group, DROP, "for a VIP, in a broadcast or multicast frame")                                    \
	X(SOURCE_DENIED, source_denied, DROP, "for a VIP, but its service does not serve this source")                 \
	X(FRAGMENT_EARLY, fragment_early, DROP,                                                                        \
	  "a fragment to a VIP whose first one has not come, is forgotten, or found no backend")                       \
	X(FRAGMENT_HEADER, fragment_header, DROP,                                                                      \
	  "to a VIP: a first fragment without the whole TCP or UDP header, or a later one that overlaps it")           \
	X(FRAGMENT_SIZE, fragment_size, DROP,                                                                          \
	  "to a VIP: a fragment that is empty, ends beyond 65535, or leaves a gap of less than 8 bytes")               \
	X(ASLEEP, asleep, DROP, "for a VIP whose backends sleep; what begins something wakes them")

/* clang-format off */
enum shunt_reason {
#define X(e, name, action, text) SHUNT_REASON_##e,
	SHUNT_REASONS(X)
#undef X
	SHUNT_REASON_COUNT
};
/* clang-format on */

#define SHUNT_REASON_MAX 64
_Static_assert(SHUNT_REASON_COUNT <= SHUNT_REASON_MAX, "entries of shunt_rstat");

#endif
