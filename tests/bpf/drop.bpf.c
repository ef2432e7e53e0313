/* SPDX-License-Identifier: GPL-2.0 */
/* For the far end of the benchmark through real devices: what has come so far is counted by the driver, and ends here. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags")
int drop(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
