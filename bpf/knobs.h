/* SPDX-License-Identifier: GPL-2.0 */
/* Knobs: constants for the JIT, set through the skeleton between open and load. */
#ifndef SHUNT_BPF_KNOBS_H
#define SHUNT_BPF_KNOBS_H

#include "shunt/hash.h"

const volatile struct shunt_hash_keys knob_hash_keys; /* shunt_hash_derive() of the cluster seed */
const volatile __u32 knob_vip_slots = 1;	      /* entries in one half of shunt_vips, a power of two */
const volatile __u32 knob_conn_buckets = 1;	      /* entries of shunt_conns, a power of two */
const volatile __u32 knob_fragment_buckets = 1;	      /* entries of shunt_frags, a power of two */

#endif
