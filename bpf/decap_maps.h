/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps of a backend's two programs, decap.bpf.c and clamp.bpf.c, which share them (include/shunt/decap.h). The agent writes
 * decap_addrs and decap_conf before a program is attached, never after; the programs write decap_stats.
 */
#ifndef SHUNT_BPF_DECAP_MAPS_H
#define SHUNT_BPF_DECAP_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "shunt/decap.h"
#include "shunt/maps.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHUNT_DECAP_ADDRS);
	__type(key, struct shunt_decap_addr);
	__type(value, __u32); /* SHUNT_DECAP_TUNNEL | SHUNT_DECAP_VIP */
} decap_addrs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct shunt_decap_conf);
} decap_conf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SHUNT_DECAP_COUNT);
	__type(key, __u32);
	__type(value, struct shunt_counter);
} decap_stats SEC(".maps");

static __always_inline const struct shunt_decap_conf *decap_configuration(void)
{
	const __u32 zero = 0;

	return bpf_map_lookup_elem(&decap_conf, &zero);
}

static __always_inline int has_role(const struct shunt_decap_addr *addr, __u32 role)
{
	const __u32 *roles = bpf_map_lookup_elem(&decap_addrs, addr);

	return roles && *roles & role;
}

static __always_inline void count(__u32 result, __u32 bytes)
{
	struct shunt_counter *counter = bpf_map_lookup_elem(&decap_stats, &result);

	if (counter) {
		counter->packets++;
		counter->bytes += bytes;
	}
}

#endif
