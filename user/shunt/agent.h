/* SPDX-License-Identifier: GPL-2.0 */
/*
 * `shunt backend-agent`: the life of a backend's two programs. A run makes maps, fills them, loads bpf/decap.bpf.c and
 * bpf/clamp.bpf.c with them, attaches them (or replaces those of an earlier run) and pins all of it, then ends; the kernel keeps them
 * running.
 *
 * Pins, in DIR/IFACE: prog, clamp, addrs, conf, stats. The pinned programs are how a later run knows which of the programs on the
 * interface are ours; programs of others are never touched.
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

/* The clamp: what a VIP announces at most, by its family; and the interface that replies leave by, 0: no clamp. */
struct agent_mss {
	uint16_t ipv4, ipv6;
	uint32_t ifindex;
};

/* What the programs are told. */
struct agent_rules {
	struct shunt_addr *addrs; /* tunnel addresses, then VIPs */
	size_t tunnel_count, vip_count;
	struct shunt_prefix sources[SHUNT_DECAP_SOURCES];
	size_t source_count;
	uint32_t kinds; /* SHUNT_DECAP_KIND_* */
	uint16_t gue_port;
	struct agent_mss mss;
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
	uint32_t clamp_id;  /* likewise, the clamp's */
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

/* agent_clamp.c: the clamp on the interface that rules name. What agent_clamp_put() did is either completed by agent_clamp_settle(),
 * which takes an earlier run's clamp off where the new rules have none, or undone by agent_clamp_undo(). */
struct agent_clamp {
	uint32_t old_ifindex; /* where an earlier run's runs; 0: nowhere */
	uint32_t new_ifindex; /* where this run's does */
};
int agent_clamp_put(struct agent_clamp *clamp, const struct agent *agent, const struct agent_maps *maps,
		    const struct agent_mss *mss, struct shunt_err *err);
int agent_clamp_settle(const struct agent_clamp *clamp, const struct agent *agent, struct shunt_err *err);
void agent_clamp_undo(const struct agent_clamp *clamp, const struct agent *agent);
/* Where does the pinned clamp run? 0: nowhere. */
uint32_t agent_clamp_where(const struct agent *agent);
int agent_clamp_detach(const struct agent *agent, struct shunt_err *err);

/* agent_rules.c: rules from what the operator said and what the host has. Texts: NULL where nothing was said. */
struct agent_request {
	const char *vips[256], *locals[64], *sources[SHUNT_DECAP_SOURCES], *kinds[8];
	size_t vip_count, local_count, source_count, kind_count;
	const char *gue_port, *mss, *path_mtu, *reply;
};

/* Names of SHUNT_DECAP_KIND_*, bit by bit. */
#define AGENT_KINDS 4
extern const char *const agent_kind_names[AGENT_KINDS];

/* No VIP given: the usable addresses of lo. No tunnel address given: those of ifname. No kind: all. The MSS is left out. */
int agent_rules_resolve(struct agent_rules *rules, const struct agent_request *request, const char *ifname,
			struct shunt_err *err);
void agent_rules_free(struct agent_rules *rules);

/* agent_tunnels.c. Kinds and port; agent_rules_resolve() has called it. */
int agent_tunnels_resolve(struct agent_rules *rules, const struct agent_request *request, struct shunt_err *err);
/* The clamp, for the tunnels of these rules on ifname; and whether its words can be right, without a look at the host. */
int agent_mss_resolve(struct agent_rules *rules, const struct agent_request *request, const char *ifname,
		      struct shunt_err *err);
int agent_mss_check(const struct agent_request *request, struct shunt_err *err);

#endif
