/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the tests of datapath.c: maps as the daemon makes them (not pinned, nothing attached), random models to apply to them, time
 * that passes when a test says so, and a judge, which reads the maps by itself and knows datapath.c only by its contract,
 * include/shunt/maps.h.
 */
#ifndef TEST_DATAPATH_FIXTURE_H
#define TEST_DATAPATH_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <cmocka.h>

#include "../../user/lib/xalloc.h"
#include "../../user/shuntd/attach_priv.h"
#include "../../user/shuntd/datapath.h"
#include "../../user/shuntd/quictable.h"
#include "shunt/hash.h"
#include "shunt.skel.h"

#define SEED 0x5eedull

extern const struct config_limits fixture_limits;

/* Mapped by the test itself. */
struct fixture {
	struct shunt_bpf *skel;
	struct datapath_fds fds;
	const struct config_limits *limits;
	struct shunt_control size; /* the sizes that the limits ask for */
	struct shunt_control *control;
	struct shunt_vip *vips;
	struct shunt_quic_id *quic;
	uint64_t *rings;
	struct shunt_bucket *conns;
	struct shunt_dest *dests;
	struct shunt_service_entry *svcdir;
	struct shunt_dest_entry *dstdir;
};

void *fixture_map(struct bpf_map *map);
void fixture_open(struct fixture *f);
void fixture_open_sized(struct fixture *f, const struct config_limits *limits); /* which stay the caller's */
void fixture_close(struct fixture *f);

void opens(struct datapath **dp, const struct fixture *f);
void applies(struct datapath *dp, const struct model *m);
/* Let the daemon's clock go on, its timer ringing four times a second and a sweep being done at once. The kernel's clock, by which
 * the program stamps entries, does not go along. */
void passes(struct datapath *dp, uint64_t ms);
/* Until nothing is left to be done: every slot is clean, every removed backend's id free, the table found empty. */
void rests(struct datapath *dp);

struct shunt_addr fixture_addr(uint32_t n, bool v6);
struct config_vip fixture_vip(struct shunt_addr addr, uint16_t port, uint8_t proto);
/* Another ring, in place of the one it has; to be filled before it is applied. */
uint32_t *fixture_ring(struct model_service *s);
/* A service that sends everything to none of its backends, yet. */
void fixture_service(struct model_service *s, const char *name, uint32_t ring_size, size_t vips, size_t dests);
void fixture_dest(struct model_dest *d, uint32_t n);
/* A ring for each pool that the sources name. */
void fixture_pools(struct model_service *s);
struct model *fixture_model(size_t services);
/* Services x0, x1 and so on, alike. */
struct model *model_of(size_t services, uint32_t ring_size, size_t vips, size_t dests);
void fixture_random_service(struct model_service *s, char letter);
/* Some of the services a to f, two to an address, in any order, with any backends: there is room for all of them that there can be. */
struct model *fixture_random_model(void);

/* How a packet finds its VIP; NULL: not at all. */
const struct shunt_vip *fixture_lookup(const struct fixture *f, const struct config_vip *vip);
/* The maps say what the model says, all of it and nothing else: no id, no VIP and no template is left over, and every slot is
 * clean. */
void fixture_judge(const struct fixture *f, const struct model *m);
/* The same but for what takes time: slots are on their way, by the rules, and backends that were removed may be there, though they take
 * nothing new. */
void fixture_judge_moving(const struct fixture *f, const struct model *m);
/* The one id that the directory has for a destination in this ring; its template is the model's. */
uint32_t fixture_judge_dest(const struct fixture *f, uint32_t ring, const struct model_dest *want,
			    const struct model *m);
/* Its id in shunt_svcdir. */
uint32_t fixture_pool_id(const struct fixture *f, uint32_t service, const char *pool);

#endif
