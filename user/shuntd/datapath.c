/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only writer of maps. A change is planned whole in memory (datapath_plan.c), then written, each step before those that
 * lead readers to it: directory entries, destinations, rings, the idle half of the VIP table, the flip. Services that the model no longer
 * names are freed last, after an RCU wait; backends, when nothing names them any more (datapath_sweep.c). The wait is an update of a map of maps, which returns only when all programs that were running have
 * ended (the kernel promises it so that the old inner map can be forgotten).
 *
 * The daemon may be killed between any two stores, so there is no other memory than the maps, and nothing has to be undone: an
 * apply compares the maps themselves with what it wants, slots in steps of time (datapath_rings.c). What holds at every moment, which is all it
 * builds on:
 * - An id is in use if and only if its directory entry has a name (service) or a family (destination), which one store sets
 *   after all other fields and one store clears first. A ring extent is in use because a service's entry says so: an id or
 *   extent cannot leak, since what is in use and not in the next model is freed by the next apply, whoever began it.
 * - A destination not in use has an empty template and counters of 0: they are written after its directory entry and cleared
 *   before it. No slot, and no entry of shunt_conns and shunt_frags, names it. Its service is in use: services are freed last.
 * - Slots that VIPs in force lead to name destinations in use; slots that no VIP leads to may say anything.
 * - The half in force is never written to. The idle one is, but not before the RCU wait after the last flip; a new daemon
 *   cannot know of that wait, so its first change of VIPs begins with one.
 * A daemon killed while it freed a destination can count its packets twice in the service's retired_*, never lose them.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <net/ethernet.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "datapath_priv.h"

/* A map's memory, read and written 8 bytes at a time whatever type lies there. */
typedef uint64_t __attribute__((may_alias)) map_word;

/* The kernel lays values out 8-byte aligned, and maps whole pages. */
static size_t map_bytes(size_t entries, size_t value_size)
{
	size_t page = sysconf(_SC_PAGESIZE), bytes = entries * ((value_size + 7) & ~(size_t)7);

	return (bytes + page - 1) & ~(page - 1);
}

static int map_open(void **at, int fd, size_t entries, size_t value_size, const char *name, struct shunt_err *err)
{
	void *memory = mmap(NULL, map_bytes(entries, value_size), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (memory == MAP_FAILED)
		return shunt_fail(err, errno, name, "cannot be mapped into memory (%zu entries of %zu bytes): %s",
				  entries, value_size, strerror(errno));
	*at = memory;
	return 0;
}

static void map_close(void *at, size_t entries, size_t value_size)
{
	if (at)
		munmap(at, map_bytes(entries, value_size));
}

static uint32_t pick_entries(const struct shunt_control *c)
{
	return 2 * SHUNT_PICKS_PER_DEST * c->destinations;
}

static int open_picks(struct datapath *dp, struct shunt_err *err)
{
	const struct shunt_control *c = dp->control;
	int rc;

	rc = map_open((void **)&dp->pick_services, dp->fds.pick_services, c->services, sizeof(*dp->pick_services),
		      "pick_services", err);
	if (!rc)
		rc = map_open((void **)&dp->pick_list, dp->fds.pick_list, pick_entries(c), sizeof(*dp->pick_list),
			      "pick_list", err);
	if (!rc)
		rc = map_open((void **)&dp->pick_live, dp->fds.pick_live, c->destinations, sizeof(*dp->pick_live),
			      "pick_live", err);
	return rc;
}

static int open_maps(struct datapath *dp, struct shunt_err *err)
{
	const struct shunt_control *c = dp->control;
	const struct datapath_fds *f = &dp->fds;
	int rc;

	rc = map_open((void **)&dp->vips, f->vips, 2 * (size_t)c->vip_slots, sizeof(*dp->vips), "shunt_vips", err);
	if (!rc)
		rc = map_open((void **)&dp->spans, f->spans, 2 * (size_t)c->span_slots, sizeof(*dp->spans),
			      "shunt_spans", err);
	if (!rc)
		rc = map_open((void **)&dp->ranges, f->ranges, 2 * (size_t)c->range_slots, sizeof(*dp->ranges),
			      "shunt_ranges", err);
	if (!rc)
		rc = map_open((void **)&dp->quic, f->quic, 2 * (size_t)c->quic_slots, sizeof(*dp->quic), "shunt_quic",
			      err);
	if (!rc)
		rc = map_open((void **)&dp->rings, f->rings, c->ring_slots, sizeof(*dp->rings), "shunt_rings", err);
	if (!rc)
		rc = map_open((void **)&dp->conns, f->conns, c->conn_buckets, sizeof(*dp->conns), "shunt_conns", err);
	if (!rc)
		rc = map_open((void **)&dp->dests, f->dests, c->destinations, sizeof(*dp->dests), "shunt_dests", err);
	if (!rc)
		rc = map_open((void **)&dp->svcdir, f->svcdir, c->services, sizeof(*dp->svcdir), "shunt_svcdir", err);
	if (!rc)
		rc = map_open((void **)&dp->dstdir, f->dstdir, c->destinations, sizeof(*dp->dstdir), "shunt_dstdir",
			      err);
	return rc ? rc : open_picks(dp, err);
}

/* Fresh maps are all 0. The magic comes last: without it they are taken for half made, and made anew. */
static void control_init(struct shunt_control *control, const struct config_limits *limits, uint64_t seed)
{
	datapath_sizes(limits, control);
	control->format = SHUNT_FORMAT;
	control->seed = seed;
	__atomic_store_n(&control->magic, SHUNT_MAGIC, __ATOMIC_RELEASE);
}

static int open_rcu(struct datapath *dp, struct shunt_err *err)
{
	DECLARE_LIBBPF_OPTS(bpf_map_create_opts, opts);

	dp->rcu_inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_wait_in", 4, 8, 1, NULL);
	if (dp->rcu_inner >= 0) {
		opts.inner_map_fd = dp->rcu_inner;
		dp->rcu_map = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "shunt_wait", 4, 4, 1, &opts);
	}
	if (dp->rcu_map < 0)
		return shunt_fail(err, errno, "shunt_wait", "cannot make a map of maps: %s", strerror(errno));
	return 0;
}

/* Until every program that was running has ended; 0 only then. */
int datapath_wait(struct datapath *dp)
{
	uint32_t zero = 0;
	int rc = bpf_map_update_elem(dp->rcu_map, &zero, &dp->rcu_inner, BPF_ANY);

	if (!rc)
		dp->idle_half_quiet = dp->pick_half_quiet = true;
	return rc;
}

static void init_sweep(struct sweep *sweep, const struct shunt_control *control)
{
	sweep->quiet = xcalloc(control->conn_buckets / 16 + 1, sizeof(*sweep->quiet));
	sweep->named = xcalloc(control->destinations, sizeof(*sweep->named));
	sweep->held = xcalloc(control->destinations, sizeof(*sweep->held));
	sweep->live = xcalloc(control->destinations, sizeof(*sweep->live));
	sweep->unheld = xcalloc(control->destinations, sizeof(*sweep->unheld));
}

static void free_sweep(struct sweep *sweep)
{
	free(sweep->quiet);
	free(sweep->named);
	free(sweep->held);
	free(sweep->live);
	free(sweep->unheld);
}

static int take_over(struct datapath *dp, uint64_t seed, struct shunt_err *err)
{
	struct shunt_control *control;
	int rc;

	rc = map_open((void **)&dp->control, dp->fds.control, 1, sizeof(*control), "shunt_control", err);
	if (rc)
		return rc;
	control = dp->control;
	if (!control->magic)
		control_init(control, &dp->limits, seed);
	rc = datapath_verify(control, &dp->limits, seed, err);
	if (!rc)
		rc = open_maps(dp, err);
	if (!rc)
		rc = open_rcu(dp, err);
	if (!rc)
		rc = datapath_open_sources(dp, err);
	if (rc)
		return rc;
	directory_init(&dp->dir, dp->svcdir, control->services, dp->dstdir, control->destinations);
	rc = directory_check(&dp->dir, control->ring_slots, err);
	if (rc)
		return rc;
	directory_reindex(&dp->dir);
	dp->tracks = xcalloc(control->services, sizeof(*dp->tracks));
	dp->named = xcalloc(control->destinations, sizeof(*dp->named));
	dp->drains_s = xcalloc(control->destinations, sizeof(*dp->drains_s));
	dp->drain_told_s = xcalloc(control->destinations, sizeof(*dp->drain_told_s));
	dp->refusals = xcalloc(control->services, sizeof(*dp->refusals));
	dp->wakes = xcalloc(control->services, sizeof(*dp->wakes));
	datapath_note_refused(dp);
	init_sweep(&dp->sweep, control);
	dp->dest_counters = xcalloc(control->destinations, sizeof(*dp->dest_counters));
	dp->service_packets = xcalloc(control->services, sizeof(*dp->service_packets));
	return 0;
}

int datapath_open(struct datapath **out, const struct datapath_fds *fds, const struct config_limits *limits,
		  uint64_t seed, struct shunt_err *err)
{
	struct datapath *dp = xcalloc(1, sizeof(*dp));
	int rc;

	dp->fds = *fds;
	dp->limits = *limits;
	dp->rcu_map = dp->rcu_inner = -1;
	rc = take_over(dp, seed, err);
	if (rc) {
		datapath_close(dp);
		return rc;
	}
	*out = dp;
	return 0;
}

void datapath_close(struct datapath *dp)
{
	const struct shunt_control *c;

	if (!dp)
		return;
	c = dp->control;
	for (uint32_t id = 0; dp->tracks && id < c->services; id++)
		datapath_forget_ring(dp, id);
	free_sweep(&dp->sweep);
	if (c) {
		datapath_forget_sources(dp);
		map_close(dp->vips, 2 * (size_t)c->vip_slots, sizeof(*dp->vips));
		map_close(dp->spans, 2 * (size_t)c->span_slots, sizeof(*dp->spans));
		map_close(dp->ranges, 2 * (size_t)c->range_slots, sizeof(*dp->ranges));
		map_close(dp->quic, 2 * (size_t)c->quic_slots, sizeof(*dp->quic));
		map_close(dp->rings, c->ring_slots, sizeof(*dp->rings));
		map_close(dp->conns, c->conn_buckets, sizeof(*dp->conns));
		map_close(dp->dests, c->destinations, sizeof(*dp->dests));
		map_close(dp->svcdir, c->services, sizeof(*dp->svcdir));
		map_close(dp->dstdir, c->destinations, sizeof(*dp->dstdir));
		map_close(dp->pick_services, c->services, sizeof(*dp->pick_services));
		map_close(dp->pick_list, pick_entries(c), sizeof(*dp->pick_list));
		map_close(dp->pick_live, c->destinations, sizeof(*dp->pick_live));
		map_close(dp->control, 1, sizeof(*dp->control));
	}
	directory_release(&dp->dir);
	if (dp->rcu_map >= 0)
		close(dp->rcu_map);
	if (dp->rcu_inner >= 0)
		close(dp->rcu_inner);
	free(dp->tracks);
	free(dp->named);
	free(dp->drains_s);
	free(dp->drain_told_s);
	free(dp->refusals);
	free(dp->wakes);
	free(dp->dest_counters);
	free(dp->service_packets);
	free(dp);
}

void datapath_publish(void *entry, const void *want, size_t size, size_t deciding)
{
	map_word *to = entry;
	const map_word *from = want;

	for (size_t i = 0; i < size / sizeof(*to); i++)
		if (i != deciding)
			to[i] = from[i];
	__atomic_store_n(&to[deciding], from[deciding], __ATOMIC_RELEASE);
}

#define SERVICE_DECIDES (offsetof(struct shunt_service_entry, name) / sizeof(map_word))

/* A new ring's, of which nobody knows: what they say is of a service that is gone. */
static void clear_slots(struct datapath *dp, const struct shunt_service_entry *entry)
{
	memset(dp->rings + entry->ring_base, 0, entry->ring_size * sizeof(*dp->rings));
}

/* The entries of a service and of its pools that have none yet. */
static void write_service(struct datapath *dp, const struct plan_service *service, const struct model_service *want)
{
	struct shunt_service_entry entry = {
		.ring_base = service->ring_base,
		.ring_size = want->ring_size,
		.salt = service->salt,
	};

	if (service->is_new) {
		snprintf(entry.name, sizeof(entry.name), "%s", want->name);
		clear_slots(dp, &entry);
		datapath_publish(&dp->svcdir[service->id], &entry, sizeof(entry), SERVICE_DECIDES);
	}
	for (size_t i = 0; i < want->pool_count; i++) {
		if (!service->pools[i].is_new)
			continue;
		entry.ring_base = service->pools[i].base;
		entry.owner = service->id + 1;
		strncpy(entry.name, want->pools[i].name, sizeof(entry.name)); /* zeros behind it */
		clear_slots(dp, &entry);
		datapath_publish(&dp->svcdir[service->pools[i].id], &entry, sizeof(entry), SERVICE_DECIDES);
	}
}

static bool tables_differ(const struct plan *plan)
{
	return plan->vips_differ || plan->quic_differ;
}

/* By destination id: those in rings that the plan does not name. NULL: there are neither such destinations nor such rings. */
static bool *list_gone(struct datapath *dp, const struct plan *plan)
{
	bool *gone = xcalloc(dp->control->destinations, sizeof(*gone)), any = false;

	for (uint32_t id = 0; id < dp->control->destinations; id++)
		any |= gone[id] = directory_dest_used(&dp->dir, id) && !plan->service_named[dp->dstdir[id].ring];
	for (uint32_t id = 0; id < dp->control->services; id++)
		any |= directory_service_used(&dp->dir, id) && !plan->service_named[id];
	if (any)
		return gone;
	free(gone);
	return NULL;
}

/* From here on no packet meets any of these. */
static int part_with(struct datapath *dp, const bool *gone)
{
	int rc = datapath_wait(dp);

	if (!rc)
		rc = datapath_forget_fragments(dp, gone);
	datapath_purge(dp, gone);
	dp->sweep.underway = false;
	return rc;
}

/* Services and pools that are not in the plan, with all that is theirs. A failure leaves for the next apply what is left. */
static int free_unnamed(struct datapath *dp, const struct plan *plan)
{
	bool *gone = list_gone(dp, plan);
	int rc;

	if (!gone)
		return 0;
	rc = part_with(dp, gone);
	for (uint32_t id = 0; !rc && id < dp->control->destinations; id++)
		if (gone[id])
			rc = datapath_free_dest(dp, id);
	for (uint32_t id = 0; !rc && id < dp->control->services; id++) {
		if (!directory_service_used(&dp->dir, id) || plan->service_named[id])
			continue;
		datapath_forget_ring(dp, id);
		rc = datapath_clear_percpu(dp->fds.qstat, id, DATAPATH_WORDS(struct shunt_quic_counter));
		if (!rc)
			rc = datapath_clear_percpu(dp->fds.cstat, id, DATAPATH_WORDS(struct shunt_conn_counter));
		if (!rc)
			__atomic_store_n((map_word *)&dp->svcdir[id] + SERVICE_DECIDES, 0, __ATOMIC_RELEASE);
	}
	free(gone);
	return rc;
}

static void write_plan(struct datapath *dp, struct plan *plan, const struct model *model)
{
	datapath_write_expiry(dp, model);
	for (size_t i = 0; i < model->service_count; i++)
		write_service(dp, &plan->services[i], &model->services[i]);
	datapath_write_dests(dp, plan, model);
	datapath_write_leftovers(dp, plan, model);
	datapath_want_rings(dp, plan, model);
	datapath_write_picks(dp, plan, model);
	datapath_write_wakes(dp, plan, model);
	datapath_write_vips(dp, plan);
	__atomic_store_n(&dp->control->icmp_rate, model->icmp_rate, __ATOMIC_RELEASE);
	__atomic_store_n(&dp->control->generation, dp->control->generation + 1, __ATOMIC_RELEASE);
}

static void note_named(struct datapath *dp, const struct plan *plan)
{
	dp->leftovers = 0;
	for (uint32_t id = 0; id < dp->control->destinations; id++) {
		dp->named[id] = plan->dest_named[id];
		dp->leftovers += datapath_is_leftover(dp, id);
		if (dp->named[id]) /* and may be by slots, from now on */
			dp->sweep.unheld[id] = false;
	}
}

/* Everything is planned: make it so. */
static int carry_out(struct datapath *dp, struct plan *plan, const struct model *model, struct shunt_err *err)
{
	int rc = tables_differ(plan) && !dp->idle_half_quiet ? datapath_wait(dp) : 0;

	if (rc)
		return shunt_fail(err, -rc, "shunt_wait", "the kernel would not wait for running programs: %s",
				  strerror(-rc));
	rc = datapath_write_sources(dp, plan, model, err);
	if (rc)
		return rc;
	dp->unfinished = false;
	write_plan(dp, plan, model);
	datapath_note_sources(dp, plan, model);
	dp->unfinished |= free_unnamed(dp, plan) || datapath_free_sources(dp);
	if (dp->unfinished)
		log_warning("ids of what was deleted are not free yet; the next change tries again");
	note_named(dp, plan);
	directory_reindex(&dp->dir);
	return 0;
}

int datapath_apply(struct datapath *dp, const struct model *model, struct shunt_err *err)
{
	struct plan plan;
	int rc;

	if (datapath_follows(dp, model))
		return datapath_follow(dp, model, err);
	rc = datapath_make_plan(&plan, dp, model, err);
	if (!rc) {
		rc = carry_out(dp, &plan, model, err);
		plan_release(&plan);
		dp->serial = rc ? 0 : model->serial;
	}
	return rc;
}

uint64_t datapath_generation(const struct datapath *dp)
{
	return dp->control->generation;
}

uint32_t datapath_first_dest(const struct datapath *dp, const char *service, const struct shunt_addr *backend)
{
	uint32_t id = directory_service(&dp->dir, service), first;

	if (id == DIRECTORY_NONE)
		return DIRECTORY_NONE;
	first = id = directory_dest_first(&dp->dir, id, backend);
	while (id != DIRECTORY_NONE && !dp->named[id])
		id = directory_dest_next(&dp->dir, id);
	return id == DIRECTORY_NONE ? first : id;
}

uint32_t datapath_next_dest(const struct datapath *dp, uint32_t id)
{
	bool named = dp->named[id];

	do
		id = directory_dest_next(&dp->dir, id);
	while (id != DIRECTORY_NONE && dp->named[id] != named);
	return id;
}

/* Only what was up for a daemon before this one, which does not know yet who is named, can differ from ring to ring: of what was removed nothing is. */
enum shunt_dest_state datapath_dest_state(const struct datapath *dp, const char *service,
					  const struct shunt_addr *backend)
{
	uint32_t first = datapath_first_dest(dp, service, backend);

	for (uint32_t id = first; id != DIRECTORY_NONE; id = datapath_next_dest(dp, id))
		if (dp->dests[id].state == SHUNT_DEST_UP)
			return SHUNT_DEST_UP;
	return first == DIRECTORY_NONE ? SHUNT_DEST_FREE : dp->dests[first].state;
}

bool datapath_dest_id(const struct datapath *dp, const char *service, const struct shunt_addr *backend, uint32_t *id)
{
	*id = datapath_first_dest(dp, service, backend);
	while (*id != DIRECTORY_NONE && !dp->dests[*id].ifindex)
		*id = datapath_next_dest(dp, *id);
	return *id != DIRECTORY_NONE;
}

bool datapath_dest_egress(const struct datapath *dp, const char *service, const struct shunt_addr *backend,
			  uint32_t *ifindex, uint8_t mac[6])
{
	uint32_t id;

	if (!datapath_dest_id(dp, service, backend, &id))
		return false;
	*ifindex = dp->dests[id].ifindex;
	memcpy(mac, dp->dests[id].hdr, ETH_ALEN);
	return true;
}

bool datapath_has_service(const struct datapath *dp, const char *service)
{
	return directory_service(&dp->dir, service) != DIRECTORY_NONE;
}
