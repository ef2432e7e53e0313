/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses as values: parse and print. Printing is canonical (RFC 5952 for IPv6). */
#ifndef SHUNT_ADDR_H
#define SHUNT_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/types.h>

/* family: SHUNT_FAMILY_IPV4, SHUNT_FAMILY_IPV6, or 0 for none. IPv4 in word[0], the other words 0: compare with memcmp. */
struct shunt_addr {
	__be32 word[4];
	uint8_t family;
	uint8_t pad[3];
};

struct shunt_prefix {
	struct shunt_addr addr; /* host bits 0 */
	uint8_t len;
};

/* Room for any of the texts below. */
#define SHUNT_ADDR_TEXT 80

/* All parsers: 0, or -EINVAL for what is not wholly such a text. */
int addr_parse(const char *text, struct shunt_addr *addr);
int prefix_parse(const char *text, struct shunt_prefix *prefix); /* refuses host bits that are set: -ERANGE */
int mac_parse(const char *text, uint8_t mac[6]);

/* A decimal number without sign, blanks or leading zeros, min to max. */
int number_parse(const char *text, unsigned int min, unsigned int max, unsigned int *number);

/* All printers return buf, of SHUNT_ADDR_TEXT bytes. */
const char *addr_format(const struct shunt_addr *addr, char *buf);
const char *prefix_format(const struct shunt_prefix *prefix, char *buf);
const char *mac_format(const uint8_t mac[6], char *buf);

/* False for a prefix of the other family, or of none. */
bool prefix_contains(const struct shunt_prefix *prefix, const struct shunt_addr *addr);
bool addr_equal(const struct shunt_addr *a, const struct shunt_addr *b);
int addr_compare(const struct shunt_addr *a, const struct shunt_addr *b); /* a total order: family, then bytes */

unsigned int addr_bits(const struct shunt_addr *addr);	   /* 32 or 128 */
void addr_mask(struct shunt_addr *addr, unsigned int len); /* clear the bits behind the first len */

/* Is it one that a backend or a VIP can have: not unspecified, loopback, multicast, broadcast, IPv4-mapped, link-local v6? Of a
 * prefix: are all? */
bool addr_is_usable(const struct shunt_addr *addr);
bool prefix_is_usable(const struct shunt_prefix *prefix);

/* Socket address of addr and port (host order) in *ss; returns its length. */
socklen_t addr_to_sockaddr(const struct shunt_addr *addr, uint16_t port, struct sockaddr_storage *ss);

#endif
