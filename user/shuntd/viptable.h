/* SPDX-License-Identifier: GPL-2.0 */
/* One half of shunt_vips (include/shunt/maps.h), built in memory. Pure. */
#ifndef SHUNT_VIPTABLE_H
#define SHUNT_VIPTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shunt/maps.h"

/* Entries of one half for a limit of so many VIPs: a power of two, at least four times as many as those and their addresses, so that
 * probes stay short. */
uint32_t viptable_slots(uint32_t vips);

/* The entry of an address (word: as in struct shunt_vip). */
struct shunt_vip viptable_address(const __be32 word[4], uint8_t family, bool echo);

/* Leave one entry of each address: SHUNT_VIP_ECHO if one of its entries has it. Returns how many there are now. */
size_t viptable_merge_addresses(struct shunt_vip *addrs, size_t count);

/* The entry of a service for its VIPs in shunt_ranges: all but the key is the caller's to fill. */
struct shunt_vip viptable_service(uint32_t service);
bool viptable_is_service(const struct shunt_vip *entry);

/* Fill table[slots] with vips, which differ in address, port or protocol, and *multiplier with the one for shunt_vip_slot() that
 * puts each within SHUNT_VIP_PROBES entries of its own. A function of vips alone: the same list gives the same table.
 * -ENOSPC: no multiplier does. */
int viptable_build(struct shunt_vip *table, uint32_t slots, const struct shunt_vip *vips, size_t count,
		   uint64_t *multiplier);

#endif
