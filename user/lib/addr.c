/* SPDX-License-Identifier: GPL-2.0 */
#include "addr.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "shunt/maps.h"

int addr_parse(const char *text, struct shunt_addr *addr)
{
	struct shunt_addr parsed = {};

	if (inet_pton(AF_INET, text, parsed.word) == 1)
		parsed.family = SHUNT_FAMILY_IPV4;
	else if (inet_pton(AF_INET6, text, parsed.word) == 1)
		parsed.family = SHUNT_FAMILY_IPV6;
	else
		return -EINVAL;
	*addr = parsed;
	return 0;
}

/* A decimal number without sign, blanks or leading zeros, min to max; -EINVAL for anything else. */
static int number_parse(const char *text, unsigned int min, unsigned int max, unsigned int *number)
{
	unsigned int value = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (!isdigit((unsigned char)*text))
			return -EINVAL;
		value = value * 10 + (*text - '0');
		if (value > max)
			return -EINVAL;
	}
	if (value < min)
		return -EINVAL;
	*number = value;
	return 0;
}

static unsigned int family_bits(uint8_t family)
{
	return family == SHUNT_FAMILY_IPV4 ? 32 : 128;
}

static bool has_host_bits(const struct shunt_prefix *prefix)
{
	unsigned int bits = family_bits(prefix->addr.family);

	for (unsigned int word = 0; word < bits / 32; word++) {
		unsigned int begin = word * 32;
		uint32_t host;

		if (prefix->len >= begin + 32)
			continue;
		host = prefix->len <= begin ? UINT32_MAX : UINT32_MAX >> (prefix->len - begin);
		if (ntohl(prefix->addr.word[word]) & host)
			return true;
	}
	return false;
}

int prefix_parse(const char *text, struct shunt_prefix *prefix)
{
	struct shunt_prefix parsed = {};
	char host[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	unsigned int len;

	if (!slash || (size_t)(slash - text) >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, slash - text);
	host[slash - text] = '\0';
	if (addr_parse(host, &parsed.addr) || number_parse(slash + 1, 0, family_bits(parsed.addr.family), &len))
		return -EINVAL;
	parsed.len = len;
	if (has_host_bits(&parsed))
		return -ERANGE;
	*prefix = parsed;
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int mac_parse(const char *text, uint8_t mac[6])
{
	uint8_t parsed[6];

	for (int i = 0; i < 6; i++, text += 3) {
		int high = hex_digit(text[0]);
		int low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		parsed[i] = high << 4 | low;
	}
	memcpy(mac, parsed, sizeof(parsed));
	return 0;
}

/* Cut "HOST:PORT/PROTO" or "[HOST]:PORT/PROTO" into its parts, in place; -EINVAL for another form. */
static int vip_split(char *text, char **host, char **port, char **proto)
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
	*port = colon + 1;
	*proto = slash + 1;
	if (text[0] == '[') {
		if (colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		*host = text + 1;
	}
	return 0;
}

int vip_parse(const char *text, struct shunt_addr *addr, uint16_t *port, uint8_t *proto)
{
	char copy[SHUNT_ADDR_TEXT], *host, *port_text, *proto_text;
	struct shunt_addr parsed;
	unsigned int number;
	uint8_t parsed_proto;

	if (strlen(text) >= sizeof(copy))
		return -EINVAL;
	strcpy(copy, text);
	if (vip_split(copy, &host, &port_text, &proto_text) || addr_parse(host, &parsed) ||
	    (parsed.family == SHUNT_FAMILY_IPV6) != (host != copy) || number_parse(port_text, 1, 65535, &number))
		return -EINVAL;
	if (!strcmp(proto_text, "tcp"))
		parsed_proto = IPPROTO_TCP;
	else if (!strcmp(proto_text, "udp"))
		parsed_proto = IPPROTO_UDP;
	else
		return -EINVAL;
	*addr = parsed;
	*port = number;
	*proto = parsed_proto;
	return 0;
}

/* inet_ntop() is canonical already, but for the IPv4-compatible addresses (::/96) that nothing uses any more. */
const char *addr_format(const struct shunt_addr *addr, char *buf)
{
	if (addr->family)
		inet_ntop(addr->family == SHUNT_FAMILY_IPV4 ? AF_INET : AF_INET6, addr->word, buf, SHUNT_ADDR_TEXT);
	else
		strcpy(buf, "none");
	return buf;
}

const char *prefix_format(const struct shunt_prefix *prefix, char *buf)
{
	size_t len = strlen(addr_format(&prefix->addr, buf));

	snprintf(buf + len, SHUNT_ADDR_TEXT - len, "/%u", prefix->len);
	return buf;
}

const char *mac_format(const uint8_t mac[6], char *buf)
{
	snprintf(buf, SHUNT_ADDR_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}

const char *vip_format(const struct shunt_addr *addr, uint16_t port, uint8_t proto, char *buf)
{
	bool is_v6 = addr->family == SHUNT_FAMILY_IPV6;
	char host[SHUNT_ADDR_TEXT];

	addr_format(addr, host);
	snprintf(buf, SHUNT_ADDR_TEXT, "%s%.*s%s:%u/%s", is_v6 ? "[" : "", INET6_ADDRSTRLEN, host, is_v6 ? "]" : "",
		 port, proto == IPPROTO_TCP ? "tcp" : "udp");
	return buf;
}

bool prefix_contains(const struct shunt_prefix *prefix, const struct shunt_addr *addr)
{
	uint8_t whole = prefix->len / 8, rest = prefix->len % 8;
	const uint8_t *a = (const uint8_t *)prefix->addr.word, *b = (const uint8_t *)addr->word;

	if (!prefix->addr.family || prefix->addr.family != addr->family || memcmp(a, b, whole))
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

bool addr_equal(const struct shunt_addr *a, const struct shunt_addr *b)
{
	return addr_compare(a, b) == 0;
}

int addr_compare(const struct shunt_addr *a, const struct shunt_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->word, b->word, sizeof(a->word));
}

static bool ipv4_is_usable(uint32_t host_order)
{
	return host_order >> 24 != 0 && host_order >> 24 != 127 && !IN_MULTICAST(host_order) &&
	       host_order != INADDR_BROADCAST;
}

static bool ipv6_is_usable(const struct in6_addr *addr)
{
	return !IN6_IS_ADDR_UNSPECIFIED(addr) && !IN6_IS_ADDR_LOOPBACK(addr) && !IN6_IS_ADDR_MULTICAST(addr) &&
	       !IN6_IS_ADDR_V4MAPPED(addr) && !IN6_IS_ADDR_V4COMPAT(addr) && !IN6_IS_ADDR_LINKLOCAL(addr);
}

bool addr_is_usable(const struct shunt_addr *addr)
{
	struct in6_addr in6;

	if (addr->family == SHUNT_FAMILY_IPV4)
		return ipv4_is_usable(ntohl(addr->word[0]));
	memcpy(&in6, addr->word, sizeof(in6));
	return addr->family == SHUNT_FAMILY_IPV6 && ipv6_is_usable(&in6);
}

socklen_t addr_to_sockaddr(const struct shunt_addr *addr, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};

	memset(ss, 0, sizeof(*ss));
	if (addr->family == SHUNT_FAMILY_IPV4) {
		in.sin_addr.s_addr = addr->word[0];
		memcpy(ss, &in, sizeof(in));
		return sizeof(in);
	}
	memcpy(&in6.sin6_addr, addr->word, sizeof(in6.sin6_addr));
	memcpy(ss, &in6, sizeof(in6));
	return sizeof(in6);
}
