/* SPDX-License-Identifier: GPL-2.0 */
/* Stage: out again, by the interface it came in on or another one. */
#ifndef SHUNT_BPF_XMIT_H
#define SHUNT_BPF_XMIT_H

#include "maps.h"
#include "packet.h"

static __always_inline int xmit(const struct packet *pkt, const struct shunt_dest *dest)
{
	if (dest->ifindex == pkt->ctx->ingress_ifindex)
		return XDP_TX;
	return bpf_redirect(dest->ifindex, 0);
}

#endif
