/* SPDX-License-Identifier: GPL-2.0 */
#include "vip.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "shunt/maps.h"

/* Cut "HOST:PORTS/PROTO" or "[HOST]:PORTS/PROTO" into its parts, in place; -EINVAL for another form. */
static int vip_split(char *text, char **host, char **ports, char **proto)
{
	char *colon, *slash = strrchr(text, '/');

	if (!slash)
		return -EINVAL;
	*slash = '\0';
	colon = strrchr(text, ':');
	if (!colon || colon == text)
		return -EINVAL;
	*colon = '\0';
	*host = text;
	*ports = colon + 1;
	*proto = slash + 1;
	if (text[0] == '[') {
		if (colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		*host = text + 1;
	}
	return 0;
}

static int parse_host(const char *text, struct config_vip *vip)
{
	struct shunt_prefix prefix;
	int rc;

	if (!strchr(text, '/'))
		return addr_parse(text, &vip->addr);
	rc = prefix_parse(text, &prefix);
	if (rc)
		return rc;
	vip->addr = prefix.addr;
	if (!prefix.len)
		return -EINVAL;
	vip->len = prefix.len < addr_bits(&prefix.addr) ? prefix.len : 0;
	return 0;
}

/* "80", "8000-8999" or "*" */
static int parse_ports(char *text, struct config_vip *vip)
{
	unsigned int first = 1, last = 65535;
	char *dash = strchr(text, '-');

	if (dash)
		*dash = '\0';
	if (strcmp(text, "*") && number_parse(text, 1, 65535, &first))
		return -EINVAL;
	if (dash && (*text == '*' || number_parse(dash + 1, first + 1, 65535, &last)))
		return -EINVAL;
	vip->port = first;
	vip->last = dash || *text == '*' ? last : 0;
	return 0;
}

int vip_parse(const char *text, struct config_vip *vip)
{
	char copy[SHUNT_ADDR_TEXT], *host, *ports, *proto;
	struct config_vip parsed = {};
	int rc;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	if (vip_split(copy, &host, &ports, &proto))
		return -EINVAL;
	if (!strcmp(proto, "tcp"))
		parsed.proto = IPPROTO_TCP;
	else if (!strcmp(proto, "udp"))
		parsed.proto = IPPROTO_UDP;
	else
		return -EINVAL;
	rc = parse_host(host, &parsed);
	if (rc)
		return rc;
	if ((parsed.addr.family == SHUNT_FAMILY_IPV6) != (host != copy) || parse_ports(ports, &parsed))
		return -EINVAL;
	*vip = parsed;
	return 0;
}

enum vip_ports vip_ports(const struct config_vip *vip)
{
	if (!vip->last)
		return VIP_ONE_PORT;
	return vip->port == 1 && vip->last == 65535 ? VIP_ALL_PORTS : VIP_PORT_RANGE;
}

const char *vip_format(const struct config_vip *vip, char *buf)
{
	const struct shunt_prefix prefix = {vip->addr, vip->len};
	bool is_v6 = vip->addr.family == SHUNT_FAMILY_IPV6;
	char host[SHUNT_ADDR_TEXT], ports[16] = "*";

	if (vip->len)
		prefix_format(&prefix, host);
	else
		addr_format(&vip->addr, host);
	if (vip_ports(vip) == VIP_ONE_PORT)
		snprintf(ports, sizeof(ports), "%u", vip->port);
	else if (vip_ports(vip) == VIP_PORT_RANGE)
		snprintf(ports, sizeof(ports), "%u-%u", vip->port, vip->last);
	snprintf(buf, SHUNT_ADDR_TEXT, "%s%.*s%s:%s/%s", is_v6 ? "[" : "", INET6_ADDRSTRLEN + 4, host, is_v6 ? "]" : "",
		 ports, vip->proto == IPPROTO_TCP ? "tcp" : "udp");
	return buf;
}

int vip_compare(const struct config_vip *a, const struct config_vip *b)
{
	int order = addr_compare(&a->addr, &b->addr);

	if (!order)
		order = (int)vip_len(a) - (int)vip_len(b);
	if (!order)
		order = (int)a->proto - b->proto;
	if (!order)
		order = (int)vip_ports(a) - (int)vip_ports(b);
	if (!order)
		order = (int)a->port - b->port;
	return order ? order : (int)a->last - b->last;
}

bool vip_same_layer(const struct config_vip *a, const struct config_vip *b)
{
	return addr_equal(&a->addr, &b->addr) && vip_len(a) == vip_len(b) && a->proto == b->proto &&
	       vip_ports(a) == vip_ports(b);
}

bool vip_conflict(const struct config_vip *a, const struct config_vip *b)
{
	return vip_same_layer(a, b) && a->port <= vip_last(b) && b->port <= vip_last(a);
}
