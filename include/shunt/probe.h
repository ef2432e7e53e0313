/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon and the program that puts checks into tunnels (bpf/probe.bpf.c) agree on: the mark of a check's packets. Its low bits
 * are the destination id.
 */
#ifndef SHUNT_PROBE_H
#define SHUNT_PROBE_H

#include "maps.h"

#define SHUNT_PROBE_MARK 0x5b100000u
#define SHUNT_PROBE_MARK_MASK 0xfff00000u
_Static_assert((SHUNT_PROBE_MARK & SHUNT_SLOT_DEST_MASK) == 0 && (~SHUNT_PROBE_MARK_MASK) == SHUNT_SLOT_DEST_MASK,
	       "a mark has room for a destination id");

#endif
