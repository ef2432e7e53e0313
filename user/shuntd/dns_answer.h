/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a DNS answer says, and what backends it comes to. Pure. c-ares' own readers know no TTL of SRV records, so the
 * records are read here; it expands their names.
 */
#ifndef SHUNT_DNS_ANSWER_H
#define SHUNT_DNS_ANSWER_H

#include "../lib/config.h"

#define DNS_NAME_MAX 256
#define DNS_SRV_MAX 256 /* targets of one name */

struct dns_srv {
	uint16_t priority, weight;
	char target[DNS_NAME_MAX];
};

struct dns_record {
	struct shunt_addr addr; /* of A and AAAA */
	struct dns_srv srv;
};

/* The records of a type (A, AAAA, SRV as ns_t_ has them) among the answers, in *out, the caller's to free, and their
 * number. *ttl: the smallest of all answers, aliases on the way included. -EBADMSG: not a whole answer. */
ssize_t dns_answer_read(const uint8_t *message, size_t len, int type, struct dns_record **out, uint32_t *ttl);

/* Of SRV records those that count: of the lowest priority, each with the weight that it has among them as a backend.
 * Returns how many are left, in front. A target of "." says that there is none. */
size_t dns_srv_choose(struct dns_record *records, size_t count, uint32_t *weights);

#endif
