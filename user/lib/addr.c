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

int number_parse(const char *text, unsigned int min, unsigned int max, unsigned int *number)
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

unsigned int addr_bits(const struct shunt_addr *addr)
{
	return addr->family == SHUNT_FAMILY_IPV4 ? 32 : 128;
}

void addr_mask(struct shunt_addr *addr, unsigned int len)
{
	for (unsigned int word = 0; word < 4; word++) {
		unsigned int begin = word * 32;

		if (len <= begin)
			addr->word[word] = 0;
		else if (len < begin + 32)
			addr->word[word] &= htonl(~(UINT32_MAX >> (len - begin)));
	}
}

static bool has_host_bits(const struct shunt_prefix *prefix)
{
	struct shunt_addr masked = prefix->addr;

	addr_mask(&masked, prefix->len);
	return !addr_equal(&masked, &prefix->addr);
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
	if (addr_parse(host, &parsed.addr) || number_parse(slash + 1, 0, addr_bits(&parsed.addr), &len))
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

/* What nobody else can reach, by word: host order, IPv4 in the first. */
static const struct {
	uint32_t word[4];
	uint8_t family, len;
} unusable[] = {
	{{0}, SHUNT_FAMILY_IPV4, 8},		 /* this network */
	{{0x7f000000}, SHUNT_FAMILY_IPV4, 8},	 /* loopback */
	{{0xe0000000}, SHUNT_FAMILY_IPV4, 4},	 /* multicast */
	{{0xffffffff}, SHUNT_FAMILY_IPV4, 32},	 /* broadcast */
	{{0}, SHUNT_FAMILY_IPV6, 96},		 /* unspecified, loopback, IPv4-compatible */
	{{0, 0, 0xffff}, SHUNT_FAMILY_IPV6, 96}, /* IPv4-mapped */
	{{0xfe800000}, SHUNT_FAMILY_IPV6, 10},	 /* link-local */
	{{0xff000000}, SHUNT_FAMILY_IPV6, 8},	 /* multicast */
};

bool prefix_is_usable(const struct shunt_prefix *prefix)
{
	if (!prefix->addr.family)
		return false;
	for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
		struct shunt_addr other = {.family = unusable[i].family}, addr = prefix->addr;
		unsigned int len = prefix->len < unusable[i].len ? prefix->len : unusable[i].len;

		for (int word = 0; word < 4; word++)
			other.word[word] = htonl(unusable[i].word[word]);
		addr_mask(&other, len);
		addr_mask(&addr, len);
		if (addr_equal(&addr, &other))
			return false;
	}
	return true;
}

bool addr_is_usable(const struct shunt_addr *addr)
{
	const struct shunt_prefix all = {*addr, addr_bits(addr)};

	return prefix_is_usable(&all);
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
