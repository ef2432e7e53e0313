/* SPDX-License-Identifier: GPL-2.0 */
#include "dispatcher.h"

#include <errno.h>

struct xdp_program *dispatcher_find(struct xdp_multiprog *mp, uint32_t id)
{
	struct xdp_program *prog = NULL;

	if (xdp_multiprog__is_legacy(mp)) {
		prog = xdp_multiprog__main_prog(mp);
		return prog && xdp_program__id(prog) == id ? prog : NULL;
	}
	while ((prog = xdp_multiprog__next_prog(prog, mp)))
		if (xdp_program__id(prog) == id)
			return prog;
	return NULL;
}

int dispatcher_leave(uint32_t ifindex, uint32_t id)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex(ifindex);
	struct xdp_program *prog;
	int rc = libxdp_get_error(mp);

	if (rc)
		return rc == -ENOENT ? 0 : rc;
	prog = dispatcher_find(mp, id);
	if (prog)
		rc = xdp_program__detach(prog, ifindex, xdp_multiprog__attach_mode(mp), 0);
	xdp_multiprog__close(mp);
	return rc;
}
