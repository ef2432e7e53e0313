/* SPDX-License-Identifier: GPL-2.0 */
/* For the far ends of veth pairs: what XDP sends out of a veth only arrives where the peer runs an XDP program, too. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* Frags, so that it may stand on an interface of any MTU. */
SEC("xdp.frags")
int pass(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
