/* SPDX-License-Identifier: GPL-2.0 */
/* One program among those that run on an interface, in libxdp's dispatcher or alone. */
#ifndef SHUNT_DISPATCHER_H
#define SHUNT_DISPATCHER_H

#include <stdint.h>

#include <xdp/libxdp.h>

/* The program of this id on the interface, within mp, which must outlive it; NULL: not there. */
struct xdp_program *dispatcher_find(struct xdp_multiprog *mp, uint32_t id);

/* Take it off, and leave the others; 0 also if it is not there. */
int dispatcher_leave(uint32_t ifindex, uint32_t id);

#endif
