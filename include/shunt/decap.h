/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the programs on a backend (bpf/decap.bpf.c in XDP, bpf/clamp.bpf.c in tc) and `shunt backend-agent` agree on.
 *
 * The agent makes the maps, fills them, loads the programs with them and pins all of it in a directory of the
 * interface's name; then it ends. Addresses and configuration are made anew by every run and never change while a program
 * uses them, so a run's settings come into force together; the counters live on from run to run.
 */
#ifndef SHUNT_DECAP_H
#define SHUNT_DECAP_H

#include <linux/types.h>

#define SHUNT_DECAP_FORMAT 1u

/* decap_addrs: a hash of addresses to what they are to this backend. */
#define SHUNT_DECAP_ADDRS 4096

#define SHUNT_DECAP_TUNNEL 1u /* outer headers with this destination may be stripped */
#define SHUNT_DECAP_VIP 2u    /* inner packets with this destination may come out */

struct shunt_decap_addr {
	__be32 addr[4]; /* IPv4 in addr[0], the rest 0 */
	__u32 family;	/* SHUNT_FAMILY_* (maps.h) */
};
_Static_assert(sizeof(struct shunt_decap_addr) == 20, "shunt_decap_addr");

/* decap_conf: one entry. Kinds of tunnels, named as the configuration's encap names them; ipip stands for all four of its family. */
#define SHUNT_DECAP_KIND_IPIP 1u
#define SHUNT_DECAP_KIND_GUE 2u
#define SHUNT_DECAP_KIND_GRE 4u
#define SHUNT_DECAP_KIND_L2DSR 8u
#define SHUNT_DECAP_KINDS_ALL 15u

#define SHUNT_DECAP_GUE_PORT 6080 /* unless told otherwise; the one that IANA gave to GUE */

#define SHUNT_DECAP_SOURCES 8

struct shunt_decap_source {
	__be32 addr[4]; /* address & mask */
	__be32 mask[4];
	__u32 family; /* SHUNT_FAMILY_* */
};
_Static_assert(sizeof(struct shunt_decap_source) == 36, "shunt_decap_source");

struct shunt_decap_conf {
	__u32 format;  /* SHUNT_DECAP_FORMAT */
	__u32 sources; /* entries of source in use; 0: outer packets may come from anywhere */
	struct shunt_decap_source source[SHUNT_DECAP_SOURCES];
	__u32 kinds;	 /* SHUNT_DECAP_KIND_*: what is stripped, or counted */
	__be16 gue_port; /* UDP destination port */
	__u16 mss4;	 /* the largest that a SYN from an IPv4 VIP may announce, host order; 0: any */
	__u16 mss6;	 /* likewise, IPv6 */
	__u16 pad;
	__u32 reply_ifindex; /* the interface whose leaving SYNs are clamped; 0: none */
};
_Static_assert(sizeof(struct shunt_decap_conf) == 312, "shunt_decap_conf");

/*
 * decap_stats, by enum shunt_decap_result, struct shunt_counter per CPU: every packet that the XDP program sees is counted
 * once, and every leaving SYN under one of the mss_ results.
 * X(ENUMERATOR, name, action, sentence), as in reasons.h. Those of action STRIP, named as `ip tunnel` and
 * the configuration's encap name them, were stripped; all others that pass do so untouched. Append only.
 */
#define SHUNT_DECAP_RESULTS(X)                                                                                        \
	X(IPIP, ipip, STRIP, "IPv4 in IPv4, stripped and passed up")                                                  \
	X(IP6IP6, ip6ip6, STRIP, "IPv6 in IPv6, stripped and passed up")                                              \
	X(IPIP6, ipip6, STRIP, "IPv4 in IPv6, stripped and passed up")                                                \
	X(SIT, sit, STRIP, "IPv6 in IPv4, stripped and passed up")                                                    \
	X(NOT_IP, not_ip, PASS, "not IPv4 or IPv6: ARP, VLAN-tagged, LLDP and the like")                              \
	X(NOT_TUNNEL, not_tunnel, PASS, "none of the tunnels inside: ordinary traffic")                               \
	X(NOT_LOCAL, not_local, PASS, "a tunnel packet for an address that is not one of the tunnel addresses")       \
	X(OUTER_FRAGMENT, outer_fragment, PASS, "the outer packet is a fragment: raise the MTU towards backends")     \
	X(OUTER_OPTIONS, outer_options, PASS, "IP options or extension headers outside: no balancer writes them")     \
	X(BAD_OUTER, bad_outer, PASS, "an outer version, length or checksum that cannot be true")                     \
	X(BAD_INNER, bad_inner, PASS, "an inner version or length that cannot be true")                               \
	X(NOT_VIP, not_vip, PASS, "the inner destination is not one of this backend's VIPs")                          \
	X(BAD_SOURCE, bad_source, DROP, "for a VIP, but not from one of the balancers' source prefixes")              \
	X(BAD_ECN, bad_ecn, DROP, "congestion marked outside, no ECN inside: the mark would be lost (RFC 6040)")      \
	X(GUE, gue, STRIP, "IPv4 or IPv6 in UDP (GUE variants 0 and 1, FOU), stripped and passed up")                 \
	X(GRE, gre, STRIP, "IPv4 or IPv6 in GRE, stripped and passed up")                                             \
	X(L2DSR, l2dsr, PASS, "for a VIP and in no tunnel: layer-2 direct server return")                             \
	X(GUE_OTHER, gue_other, PASS, "GUE that is not stripped: control, flags, neither IPv4 nor IPv6 inside")       \
	X(GRE_OTHER, gre_other, PASS, "GRE that is not stripped: key, checksum, sequence, version, another protocol") \
	X(MSS_CLAMPED, mss_clamped, PASS, "a SYN that left a VIP, its MSS lowered to what fits the tunnel")           \
	X(MSS_KEPT, mss_kept, PASS, "a SYN that left a VIP, its MSS small enough, or none in it")

/* clang-format off */
enum shunt_decap_result {
#define X(e, name, action, text) SHUNT_DECAP_##e,
	SHUNT_DECAP_RESULTS(X)
#undef X
	SHUNT_DECAP_COUNT
};
/* clang-format on */

#endif
