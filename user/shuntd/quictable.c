/* SPDX-License-Identifier: GPL-2.0 */
#include "quictable.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "shunt/hash.h"

#define SPARE_FACTOR 4
#define ATTEMPTS 256

uint32_t quictable_slots(uint32_t ids)
{
	uint32_t slots = SPARE_FACTOR;

	while (slots < (uint64_t)ids * SPARE_FACTOR && slots < 1u << 31)
		slots <<= 1;
	return slots;
}

struct shunt_quic_id quictable_entry(const struct config_server_id *id, uint32_t service, uint32_t dest)
{
	struct shunt_quic_id entry = {.service = service, .dest = dest};
	uint8_t octet[16] = {0};
	uint64_t part[2];

	memcpy(octet, id->byte, id->len);
	memcpy(part, octet, sizeof(part));
	shunt_quic_key(entry.word, be64toh(part[0]), be64toh(part[1]), id->len);
	return entry;
}

static bool insert(struct shunt_quic_id *table, uint32_t mask, const struct shunt_quic_id *id, uint64_t multiplier)
{
	uint32_t slot = shunt_vip_slot(id->word[0], id->word[1], id->service, multiplier, mask);

	for (uint32_t probe = 0; probe < SHUNT_QUIC_PROBES; probe++, slot = (slot + 1) & mask) {
		if (table[slot].dest)
			continue;
		table[slot] = *id;
		return true;
	}
	return false;
}

int quictable_build(struct shunt_quic_id *table, uint32_t slots, const struct shunt_quic_id *ids, size_t count,
		    uint64_t *multiplier)
{
	for (uint32_t attempt = 0; attempt < ATTEMPTS; attempt++) {
		size_t placed = 0;

		*multiplier = shunt_vip_multiplier(attempt);
		memset(table, 0, slots * sizeof(*table));
		while (placed < count && insert(table, slots - 1, &ids[placed], *multiplier))
			placed++;
		if (placed == count)
			return 0;
	}
	return -ENOSPC;
}
