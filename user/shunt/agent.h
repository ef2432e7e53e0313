/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `shunt backend-agent`: the decapsulator's life on one interface. A run makes maps, fills them, loads bpf/decap.bpf.c with
 * them, attaches it (or replaces the one of an earlier run) and pins all of it, then ends; the kernel keeps it running.
 *
 * Pins, in DIR/IFACE: prog, addrs, conf, stats. The pinned program is how a later run knows which of the programs on the
 * interface is ours; programs of others are never touched.
 */
#ifndef SHUNT_AGENT_H
#define SHUNT_AGENT_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "../lib/addr.h"
#include "../lib/err.h"
#include "shunt/decap.h"
#include "shunt/maps.h"

#define AGENT_PIN_DIR "/sys/fs/bpf/shunt-agent"

/* What the decapsulator is told. */
struct agent_rules {
	struct shunt_addr *addrs; /* tunnel addresses, then VIPs */
	size_t tunnel_count, vip_count;
	struct shunt_prefix sources[SHUNT_DECAP_SOURCES];
	size_t source_count;
};

struct agent_maps {
	int addrs, conf, stats;
};
#define AGENT_MAPS_NONE ((struct agent_maps){-1, -1, -1})

/* agent_maps.c: maps for a program of these rules. stats: a pinned map of counters to go on with, or -1. */
int agent_maps_create(struct agent_maps *maps, const struct agent_rules *rules, int stats, struct shunt_err *err);
int agent_maps_read_rules(const struct agent_maps *maps, struct agent_rules *rules, struct shunt_err *err);
int agent_maps_read_counters(const struct agent_maps *maps, struct shunt_counter counters[SHUNT_DECAP_COUNT],
			     struct shunt_err *err);
void agent_maps_close(struct agent_maps *maps);

/* agent_xdp.c */
enum agent_mode { AGENT_DETACHED, AGENT_NATIVE, AGENT_GENERIC };

struct agent {
	char ifname[IFNAMSIZ];
	int ifindex;	    /* 0: there is no such interface now */
	char pin_dir[256];  /* DIR/IFACE */
	int lock_fd;	    /* of pin_dir, held while this process works; -1: no such directory */
	uint32_t pinned_id; /* the pinned program's; 0: none */
};

struct agent_attachment {
	enum agent_mode mode;
	bool dispatcher; /* libxdp's, shared with other programs */
	bool replaced;	 /* by agent_attach(): there was one of an earlier run */
	bool fell_back;	 /* by agent_attach(): the driver refused native mode */
};

/* Look at the interface and, with make_dir, make the pin directory; then lock it. */
int agent_open(struct agent *agent, const char *ifname, const char *pin_root, bool make_dir, struct shunt_err *err);
void agent_close(struct agent *agent);

/* Put a program of these rules on the interface; generic: do not try native mode. */
int agent_attach(struct agent *agent, const struct agent_rules *rules, bool generic, struct agent_attachment *out,
		 struct shunt_err *err);
/* Take ours off and unpin. *was_attached: whether one was there. */
int agent_detach(struct agent *agent, bool *was_attached, struct shunt_err *err);
/* Where is the pinned program attached? */
int agent_query(const struct agent *agent, struct agent_attachment *out, struct shunt_err *err);
/* The pinned maps; -ENOENT: not set up. */
int agent_pinned_maps(const struct agent *agent, struct agent_maps *maps, struct shunt_err *err);

/* agent_rules.c: rules from what the operator said and what the host has. */
struct agent_request {
	const char *vips[256], *locals[64], *sources[SHUNT_DECAP_SOURCES];
	size_t vip_count, local_count, source_count;
};

/* No VIP given: the usable addresses of lo. No tunnel address given: those of ifname. */
int agent_rules_resolve(struct agent_rules *rules, const struct agent_request *request, const char *ifname,
			struct shunt_err *err);
void agent_rules_free(struct agent_rules *rules);

#endif
