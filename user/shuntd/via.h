/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks through the tunnel: a socket that speaks to the VIP, from this host's own address, and whose packets take the tunnel to one
 * backend. The backend answers directly, as it answers clients, and the answer arrives here as any other packet.
 *
 * What it takes (via_link.h, bpf/probe.bpf.c) is made when the first such check is, and removed when no service has one any more,
 * when the daemon ends, and by --detach. What a killed daemon leaves is removed by the next start.
 */
#ifndef SHUNT_VIA_H
#define SHUNT_VIA_H

#include "../lib/addr.h"
#include "../lib/err.h"
#include "health_probe.h"

struct via;

/* pin_dir: where the daemon's maps are pinned, which says whose the interfaces are; dests: shunt_dests, open. */
int via_open(struct via **via, const char *pin_dir, int dests, struct shunt_err *err);
void via_close(struct via *via);

/* The road to a VIP over a destination, whose backend has this address. On failure it is this host that cannot. */
int via_road(struct via *via, uint32_t dest, const struct shunt_addr *backend, const struct shunt_addr *vip,
	     struct probe_road *road, struct shunt_err *err);
/* No check needs it any more. */
void via_rest(struct via *via);

/* Without a daemon. */
int via_remove(const char *pin_dir, struct shunt_err *err);

#endif
