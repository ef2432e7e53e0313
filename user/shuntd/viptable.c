/* SPDX-License-Identifier: GPL-2.0 */
#include "viptable.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "shunt/hash.h"

/* A quarter full, a table whose hash is fair has a probe longer than 16 about once in 10^5 entries. Every VIP may have an
 * address of its own, which takes an entry more. */
#define SPARE_FACTOR (2 * 4)
#define ATTEMPTS 256

uint32_t viptable_slots(uint32_t vips)
{
	uint32_t slots = SPARE_FACTOR;

	while (slots < (uint64_t)vips * SPARE_FACTOR && slots < 1u << 31)
		slots <<= 1;
	return slots;
}

static int compare_addresses(const void *a, const void *b)
{
	const struct shunt_vip *x = a, *y = b;
	int order = (int)x->family - (int)y->family;

	return order ? order : memcmp(x->addr, y->addr, sizeof(x->addr));
}

struct shunt_vip viptable_address(const __be32 word[4], uint8_t family, bool echo)
{
	struct shunt_vip entry = {.family = family, .flags = echo ? SHUNT_VIP_ECHO : 0};

	entry.proto = family == SHUNT_FAMILY_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	memcpy(entry.addr, word, sizeof(entry.addr));
	return entry;
}

size_t viptable_merge_addresses(struct shunt_vip *addrs, size_t count)
{
	size_t unique = 0;

	qsort(addrs, count, sizeof(*addrs), compare_addresses);
	for (size_t i = 0; i < count; i++) {
		if (unique && !compare_addresses(&addrs[unique - 1], &addrs[i]))
			addrs[unique - 1].flags |= addrs[i].flags;
		else
			addrs[unique++] = addrs[i];
	}
	return unique;
}

struct shunt_vip viptable_service(uint32_t service)
{
	return (struct shunt_vip){.addr = {service}, .family = SHUNT_FAMILY_IPV4, .service = service};
}

bool viptable_is_service(const struct shunt_vip *entry)
{
	return entry->family && !entry->proto;
}

static uint32_t first_slot(const struct shunt_vip *vip, uint64_t multiplier, uint32_t mask)
{
	uint64_t addr[2];
	uint32_t key;

	memcpy(addr, vip->addr, sizeof(addr));
	memcpy(&key, &vip->port, sizeof(key)); /* port, proto, family */
	return shunt_vip_slot(addr[0], addr[1], key, multiplier, mask);
}

static bool insert(struct shunt_vip *table, uint32_t mask, const struct shunt_vip *vip, uint64_t multiplier)
{
	uint32_t slot = first_slot(vip, multiplier, mask);

	for (uint32_t probe = 0; probe < SHUNT_VIP_PROBES; probe++, slot = (slot + 1) & mask) {
		if (table[slot].family)
			continue;
		table[slot] = *vip;
		return true;
	}
	return false;
}

int viptable_build(struct shunt_vip *table, uint32_t slots, const struct shunt_vip *vips, size_t count,
		   uint64_t *multiplier)
{
	for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
		size_t placed = 0;

		*multiplier = shunt_vip_multiplier(attempt);
		memset(table, 0, slots * sizeof(*table));
		while (placed < count && insert(table, slots - 1, &vips[placed], *multiplier))
			placed++;
		if (placed == count)
			return 0;
	}
	return -ENOSPC;
}
