/* SPDX-License-Identifier: GPL-2.0 */
/* One half of shunt_quic (include/shunt/quic.h), built in memory. Pure. */
#ifndef SHUNT_QUICTABLE_H
#define SHUNT_QUICTABLE_H

#include <stddef.h>
#include <stdint.h>

#include "../lib/config.h"

/* Entries of one half for a limit of so many server ids: a power of two, at least four times as many, so that probes
 * stay short. */
uint32_t quictable_slots(uint32_t ids);

/* The entry of a server id. */
struct shunt_quic_id quictable_entry(const struct config_server_id *id, uint32_t service, uint32_t dest);

/* Fill table[slots] with ids, which differ in service or id, and *multiplier with the one for shunt_vip_slot() that
 * puts each within SHUNT_QUIC_PROBES entries of its own. A function of ids alone. -ENOSPC: no multiplier does. */
int quictable_build(struct shunt_quic_id *table, uint32_t slots, const struct shunt_quic_id *ids, size_t count,
		    uint64_t *multiplier);

#endif
