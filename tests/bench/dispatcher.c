/* SPDX-License-Identifier: GPL-2.0 */
/* What libxdp's dispatcher costs by itself: its own object, with one program in it, which in place of another only says that it is not there. */
#include <linux/bpf.h>
#include <bpf/libbpf.h>
#include <xdp/prog_dispatcher.h>

#include "bench.h"

int dispatcher_open(const char *path)
{
	struct bpf_object *obj = bpf_object__open_file(path, NULL);
	struct xdp_dispatcher_config *conf;
	struct bpf_program *prog, *other;
	size_t size;

	if (!obj)
		die(path);
	prog = bpf_object__find_program_by_name(obj, "xdp_dispatcher");
	conf = (void *)bpf_map__initial_value(find_map(obj, ".rodata"), &size);
	if (!prog || !conf || size < sizeof(*conf))
		die(path);
	conf->num_progs_enabled = 1;
	conf->chain_call_actions[0] = 1u << XDP_PASS; /* as libxdp sets it where nobody says otherwise */
	bpf_object__for_each_program(other, obj) bpf_program__set_autoload(other, other == prog);
	bpf_program__set_flags(prog, BPF_F_XDP_HAS_FRAGS); /* as all that the driver runs */
	if (bpf_object__load(obj))
		die(path);
	return bpf_program__fd(prog);
}
