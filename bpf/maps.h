/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps. Formats are in include/shunt/maps.h; sizes are set by the daemon before load (the 1s here), the same for
 * knobs.h. Those named shunt_* are pinned by name in the daemon's pin directory and live until `shunt detach`; the daemon's
 * user/shuntd/datapath.c is the only one to write those that the program only reads.
 */
#ifndef SHUNT_BPF_MAPS_H
#define SHUNT_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "shunt/maps.h"
#include "packet.h"
#include "shunt/quic.h"
#include "shunt/reasons.h"

#define SHUNT_ARRAY(map, value_type, map_kind, map_flag_bits) \
	struct {                                              \
		__uint(type, map_kind);                       \
		__uint(map_flags, map_flag_bits);             \
		__uint(max_entries, 1);                       \
		__type(key, __u32);                           \
		__type(value, value_type);                    \
	} map SEC(".maps")

/* daemon writes, program reads */
struct shunt_control shunt_control
	SEC(".data.shunt_control"); /* an array of one entry, too, of which programs know the address: no lookup */
SHUNT_ARRAY(shunt_vips, struct shunt_vip, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(shunt_spans, struct shunt_span, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(shunt_ranges, struct shunt_range, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(shunt_dests, struct shunt_dest, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(shunt_quic, struct shunt_quic_id, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, struct shunt_source_key);
	__type(value, __u32); /* enum shunt_source_action */
} shunt_sources SEC(".maps");

/* both write */
SHUNT_ARRAY(shunt_rings, __u64, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(shunt_conns, struct shunt_bucket, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);

/* program writes, daemon forgets destinations before their ids are used again */
SHUNT_ARRAY(shunt_frags, struct shunt_bucket, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);

/* program writes, daemon reads (and clears before a destination's or service's id is used again) */
SHUNT_ARRAY(shunt_dstat, struct shunt_counter, BPF_MAP_TYPE_PERCPU_ARRAY, 0);
SHUNT_ARRAY(shunt_rstat, struct shunt_counter, BPF_MAP_TYPE_PERCPU_ARRAY, 0);
SHUNT_ARRAY(shunt_qstat, struct shunt_quic_counter, BPF_MAP_TYPE_PERCPU_ARRAY, 0);
SHUNT_ARRAY(shunt_cstat, struct shunt_conn_counter, BPF_MAP_TYPE_PERCPU_ARRAY, 0);

/* the program's own memory */
SHUNT_ARRAY(shunt_icmp, __u64, BPF_MAP_TYPE_PERCPU_ARRAY, 0);

/* the program's own memory, which goes with it: not pinned, as the name's beginning tells */
SHUNT_ARRAY(slow_packet, struct slow, BPF_MAP_TYPE_PERCPU_ARRAY, 0);
SHUNT_ARRAY(event_limit, __u64, BPF_MAP_TYPE_PERCPU_ARRAY, 0);

/* how services pick; daemon writes, the program counts */
SHUNT_ARRAY(pick_services, struct shunt_pick, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(pick_list, __u64, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(pick_live, __s64, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(pick_turns, __u32, BPF_MAP_TYPE_PERCPU_ARRAY, 0);

/* program writes, daemon reads at once; goes with the program, too */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SHUNT_EVENT_BYTES);
} event_ring SEC(".maps");

/* daemon makes and deletes entries, program writes; goes with the program */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} wake_rings SEC(".maps");
SHUNT_ARRAY(wake_limit, __u64, BPF_MAP_TYPE_PERCPU_ARRAY, 0);

/* the daemon's own memory */
SHUNT_ARRAY(shunt_svcdir, struct shunt_service_entry, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);
SHUNT_ARRAY(shunt_dstdir, struct shunt_dest_entry, BPF_MAP_TYPE_ARRAY, BPF_F_MMAPABLE);

#endif
