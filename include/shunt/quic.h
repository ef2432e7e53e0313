/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QUIC connection ids that name a server: what the XDP program and the daemon agree on
 * (draft-ietf-quic-load-balancers-21, the algorithm without a key).
 *
 * The first octet of such an id begins with three bits, the number of the configuration it was made by; 7 says that
 * the id is not routable. The server id follows, as long as that configuration says, then at least four octets that
 * only the server understands. struct shunt_vip.quic has the lengths; shunt_quic has the server ids.
 *
 * shunt_quic is a flat open-addressing table like shunt_vips, with two halves. Half h belongs to half h of
 * shunt_vips: a reader learns from the VIP's entry which it is, so that service and server ids are always of one and
 * the same change.
 */
#ifndef SHUNT_QUIC_H
#define SHUNT_QUIC_H

#include <linux/types.h>

#define SHUNT_QUIC_CONFIGS 7 /* 0 to 6 */
#define SHUNT_QUIC_ID_MAX 15 /* octets of a server id: 20 less the first octet and the nonce */
#define SHUNT_QUIC_NONCE_MIN 4
#define SHUNT_QUIC_PROBES 16

/* struct shunt_vip.quic: four bits for each configuration, the length of its server ids (0: there is no such
 * configuration), and above them the half of shunt_quic. */
#define SHUNT_QUIC_HALF (1u << 28)

static inline __u32 shunt_quic_length(__u32 quic, __u32 config)
{
	return config < SHUNT_QUIC_CONFIGS ? quic >> (4 * config) & 15 : 0;
}

struct shunt_quic_id {
	__u64 word[2]; /* shunt_quic_key() */
	__u32 service; /* index into shunt_svcdir */
	__u32 dest;    /* destination id; 0: the entry is empty */
};
_Static_assert(sizeof(struct shunt_quic_id) == 24, "shunt_quic_id");

/* The key of a server id of len (1 to 15) octets. high, low: 16 octets that begin with it, as big-endian numbers. The
 * last octet, which no id reaches, becomes its length: the same octets are another id under another length. */
static inline void shunt_quic_key(__u64 word[2], __u64 high, __u64 low, __u32 len)
{
	__u32 behind = 8 * (16 - len); /* bits behind the id */

	word[0] = behind > 64 ? high >> ((behind - 64) & 63) << ((behind - 64) & 63) : high;
	word[1] = (behind < 64 ? low >> (behind & 63) << (behind & 63) : 0) | len;
}

/* How the backends of a QUIC service's packets were chosen: shunt_qstat, by service, per CPU. Beside the counters of
 * destinations and reasons, which count each packet once; ICMP errors are not in it. X(name, sentence): append only.
 * */
#define SHUNT_QUIC_CHOICES(X)                                                                                   \
	X(followed, "the connection id names a backend, and it went there")                                     \
	X(opening, "by ring: Initial and 0-RTT packets, and long headers of versions that are not known")       \
	X(unroutable, "by ring: the connection id is short, of no configuration, or of no backend's server id") \
	X(unavailable, "by ring: the connection id names a backend that is down")

/* clang-format off */
enum shunt_quic_choice {
#define X(name, text) SHUNT_QUIC_##name,
	SHUNT_QUIC_CHOICES(X)
#undef X
	SHUNT_QUIC_CHOICE_COUNT
};
/* clang-format on */

struct shunt_quic_counter {
	__u64 packets[8]; /* by enum shunt_quic_choice */
};
_Static_assert(SHUNT_QUIC_CHOICE_COUNT <= 8, "room in shunt_quic_counter");

#endif
