/* SPDX-License-Identifier: GPL-2.0 */
/* A program of format 1, as far as a takeover sees: it uses a shunt_control of that size. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct control_1 {
	__u64 word[18];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control_1);
} shunt_control SEC(".maps");

SEC("xdp.frags")
int format1(struct xdp_md *ctx __attribute__((unused)))
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&shunt_control, &zero) ? XDP_PASS : XDP_ABORTED;
}

char _license[] SEC("license") = "GPL";
