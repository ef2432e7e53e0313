/* SPDX-License-Identifier: GPL-2.0 */
/* One half of shunt_vips (include/shunt/maps.h), built in memory. Pure. */
#ifndef SHUNT_VIPTABLE_H
#define SHUNT_VIPTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "shunt/maps.h"

/* Entries of one half for a limit of so many VIPs: a power of two, at least four times as many as those and their addresses, so that
 * probes stay short. */
uint32_t viptable_slots(uint32_t vips);

/* Put behind vips[count], where there is room for as many again, the entries of their addresses: SHUNT_VIP_ECHO if one of the VIPs
 * with the address has it. Returns how many there are now. */
size_t viptable_add_addresses(struct shunt_vip *vips, size_t count);

/* Fill table[slots] with vips, which differ in address, port or protocol, and *multiplier with the one for shunt_vip_slot() that
 * puts each within SHUNT_VIP_PROBES entries of its own. A function of vips alone: the same list gives the same table.
 * -ENOSPC: no multiplier does. */
int viptable_build(struct shunt_vip *table, uint32_t slots, const struct shunt_vip *vips, size_t count,
		   uint64_t *multiplier);

#endif
