/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel's network is given so that checks can leave through tunnels, by rtnetlink: a pair of interfaces, and for each
 * family a rule by mark and a routing table with a default route into the pair.
 *
 *   a check's socket --mark, rule, table--> shunt-check0 === shunt-check1 --tc ingress: bpf/probe.bpf.c--> the backend's egress
 *
 * No other interface is touched and no other packet pays. The kernel completes checksums and cuts segments before the program sees them, since
 * shunt-check0 offloads nothing, and the MTU leaves room for any tunnel. The pair's alias says whose it is: the pin directory's.
 */
#ifndef SHUNT_VIA_LINK_H
#define SHUNT_VIA_LINK_H

#include "../lib/addr.h"
#include "../lib/err.h"

#define VIA_LINK_NAME "shunt-check0"
#define VIA_LINK_FAR "shunt-check1"

struct mnl_socket;

struct via_link {
	struct mnl_socket *nl;
	uint32_t seq;
	uint32_t near, far; /* interface indices; 0: not made */
};

int via_link_open(struct via_link *link, struct shunt_err *err);
void via_link_close(struct via_link *link);

/* Make the pair, tables and rules; what was left of owner's goes first. -EBUSY: there is another's. */
int via_link_make(struct via_link *link, const char *owner, struct shunt_err *err);
/* Remove what is owner's, or nobody's; 0 also where there is nothing, or another's. */
int via_link_remove(struct via_link *link, const char *owner, struct shunt_err *err);
/* Rules and routes anew: somebody has removed them. */
int via_link_mend(struct via_link *link);

struct via_route {
	uint32_t ifindex;
	bool is_local;		  /* the address is this host's */
	struct shunt_addr source; /* what the kernel would choose; family 0: not told */
};
/* How packets with this mark go to dst. 0, or -errno: -ENETUNREACH and the like. */
int via_link_route(struct via_link *link, const struct shunt_addr *dst, uint32_t mark, struct via_route *route);

#endif
