/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the XDP program on a backend (bpf/decap.bpf.c) and `shunt backend-agent` agree on.
 *
 * The agent makes the maps, fills them, loads the program with them and pins all of it in a directory of the
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

/* decap_conf: one entry. */
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
};
_Static_assert(sizeof(struct shunt_decap_conf) == 296, "shunt_decap_conf");

/*
 * decap_stats, by enum shunt_decap_result, struct shunt_counter per CPU: every packet the program sees is counted once.
 * X(ENUMERATOR, name, action, sentence), as in reasons.h. The first four, named as `ip tunnel` and the configuration's
 * encap name them, were stripped; all others that pass do so untouched. Append only.
 */
#define SHUNT_DECAP_RESULTS(X)                                                                                    \
	X(IPIP, ipip, STRIP, "IPv4 in IPv4, stripped and passed up")                                              \
	X(IP6IP6, ip6ip6, STRIP, "IPv6 in IPv6, stripped and passed up")                                          \
	X(IPIP6, ipip6, STRIP, "IPv4 in IPv6, stripped and passed up")                                            \
	X(SIT, sit, STRIP, "IPv6 in IPv4, stripped and passed up")                                                \
	X(NOT_IP, not_ip, PASS, "not IPv4 or IPv6: ARP, VLAN-tagged, LLDP and the like")                          \
	X(NOT_TUNNEL, not_tunnel, PASS, "IP with neither IPv4 nor IPv6 inside: ordinary traffic")                 \
	X(NOT_LOCAL, not_local, PASS, "a tunnel packet for an address that is not one of the tunnel addresses")   \
	X(OUTER_FRAGMENT, outer_fragment, PASS, "the outer packet is a fragment: raise the MTU towards backends") \
	X(OUTER_OPTIONS, outer_options, PASS, "IP options or extension headers outside: no balancer writes them") \
	X(BAD_OUTER, bad_outer, PASS, "an outer version, length or checksum that cannot be true")                 \
	X(BAD_INNER, bad_inner, PASS, "an inner version or length that cannot be true")                           \
	X(NOT_VIP, not_vip, PASS, "the inner destination is not one of this backend's VIPs")                      \
	X(BAD_SOURCE, bad_source, DROP, "for a VIP, but not from one of the balancers' source prefixes")          \
	X(BAD_ECN, bad_ecn, DROP, "congestion marked outside, no ECN inside: the mark would be lost (RFC 6040)")

/* clang-format off */
enum shunt_decap_result {
#define X(e, name, action, text) SHUNT_DECAP_##e,
	SHUNT_DECAP_RESULTS(X)
#undef X
	SHUNT_DECAP_COUNT
};
/* clang-format on */

#endif
