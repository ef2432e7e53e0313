/* SPDX-License-Identifier: GPL-2.0 */
/* Stage: out again, by the interface it came in on or another one. */
#ifndef SHUNT_BPF_XMIT_H
#define SHUNT_BPF_XMIT_H

#include "maps.h"

static __always_inline int xmit(const struct xdp_md *ctx, const struct shunt_dest *dest)
{
	if (dest->ifindex == ctx->ingress_ifindex)
		return XDP_TX;
	return bpf_redirect(dest->ifindex, 0);
}

#endif
