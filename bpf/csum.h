/* SPDX-License-Identifier: GPL-2.0 */
/* Internet checksum arithmetic (RFC 1071, RFC 1624), on 16-bit words as they lie in memory: byte order does not matter
 * to one's complement sums. */
#ifndef SHUNT_BPF_CSUM_H
#define SHUNT_BPF_CSUM_H

#include <linux/types.h>

/* sum < 2^32 - 2^16: then two folds leave 16 bits. */
static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* A header's checksum after its sum of words grew by delta: HC' = ~(~HC + delta), equation 3 of RFC 1624. */
static __always_inline __sum16 csum_grow(__sum16 check, __u32 delta)
{
	return (__sum16)~csum_fold((__u16)~check + delta);
}

#endif
