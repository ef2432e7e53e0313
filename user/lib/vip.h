/* SPDX-License-Identifier: GPL-2.0 */
/*
 * VIPs as values: what clients use to reach a service. One address or a prefix; one port, a range of them, or all (1 to 65535);
 * TCP or UDP. Written ADDRESS:PORTS/PROTOCOL in files, API and commands:
 *
 *   192.0.2.10:80/tcp  192.0.2.10:8000-8999/tcp  192.0.2.0/24:443/tcp  [2001:db8::/64]:53/udp
 *
 * with an asterisk for all ports. A range of all ports is that, and a prefix as long as an address is that address: equal VIPs are equal as values, too.
 */
#ifndef SHUNT_VIP_H
#define SHUNT_VIP_H

#include "addr.h"

/* All 0 but the first three: one port of one address, which is what most VIPs are. */
struct config_vip {
	struct shunt_addr addr; /* host bits 0 */
	uint16_t port;		/* host order; the first of a range */
	uint8_t proto;		/* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t len;		/* of a prefix; 0: addr alone */
	uint16_t last;		/* of a range of ports; 0: port alone */
};

/* How specific the ports are: a higher one wins. */
enum vip_ports { VIP_ALL_PORTS, VIP_PORT_RANGE, VIP_ONE_PORT };

/* 0; -EINVAL for what is not wholly such a text; -ERANGE: bits are set behind the prefix's length. */
int vip_parse(const char *text, struct config_vip *vip);

/* Returns buf, of SHUNT_ADDR_TEXT bytes. */
const char *vip_format(const struct config_vip *vip, char *buf);

enum vip_ports vip_ports(const struct config_vip *vip);

static inline bool vip_is_exact(const struct config_vip *vip)
{
	return !vip->len && !vip->last;
}

static inline uint16_t vip_last(const struct config_vip *vip)
{
	return vip->last ? vip->last : vip->port;
}

static inline unsigned int vip_len(const struct config_vip *vip)
{
	return vip->len ? vip->len : addr_bits(&vip->addr);
}

/* Equally specific, for the same addresses and protocol: no packet may have a choice between two that also share a port. */
bool vip_same_layer(const struct config_vip *a, const struct config_vip *b);
bool vip_conflict(const struct config_vip *a, const struct config_vip *b);

/* A total order: address, length of the prefix, protocol, how specific the ports are, first port, last port. */
int vip_compare(const struct config_vip *a, const struct config_vip *b);

#endif
