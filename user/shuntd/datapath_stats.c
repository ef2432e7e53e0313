/* SPDX-License-Identifier: GPL-2.0 */
/* Counters: what the program counts per CPU, read and summed; and a sign of life. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../lib/xalloc.h"
#include "datapath_priv.h"

/* Entries read by one call: bounds the buffer, since each is as long as the machine has possible CPUs. */
#define BATCH 256

static struct shunt_counter sum_cpus(const struct shunt_counter *per_cpu, int cpus)
{
	struct shunt_counter sum = {0};

	for (int i = 0; i < cpus; i++) {
		sum.packets += per_cpu[i].packets;
		sum.bytes += per_cpu[i].bytes;
	}
	return sum;
}

static int read_counters(int fd, struct shunt_counter *out, uint32_t entries)
{
	int cpus = libbpf_num_possible_cpus(), rc = 0;
	struct shunt_counter *values;
	uint32_t keys[BATCH], at, done = 0, count;

	if (cpus < 0)
		return cpus;
	values = xcalloc((size_t)BATCH * cpus, sizeof(*values));
	while (!rc && done < entries) {
		count = BATCH;
		rc = bpf_map_lookup_batch(fd, done ? &at : NULL, &at, keys, values, &count, NULL);
		if (rc == -ENOENT) /* the map's end, after the entries that were left */
			rc = 0;
		if (!rc && !count)
			rc = -EIO;
		for (uint32_t i = 0; !rc && i < count && keys[i] < entries; i++)
			out[keys[i]] = sum_cpus(values + (size_t)i * cpus, cpus);
		done += rc ? 0 : count;
	}
	free(values);
	return rc;
}

int datapath_counters_refresh(struct datapath *dp)
{
	int rc = read_counters(dp->fds.dstat, dp->dest_counters, dp->control->destinations);

	return rc ? rc : read_counters(dp->fds.rstat, dp->reason_counters, SHUNT_REASON_MAX);
}

int datapath_read_percpu(int fd, uint32_t key, uint64_t *sums, size_t words)
{
	int cpus = libbpf_num_possible_cpus(), rc;
	uint64_t *values;

	memset(sums, 0, words * sizeof(*sums));
	if (cpus < 0)
		return cpus;
	values = xcalloc(words * cpus, sizeof(*values));
	rc = bpf_map_lookup_elem(fd, &key, values);
	for (size_t i = 0; !rc && i < words * cpus; i++)
		sums[i % words] += values[i];
	free(values);
	return rc;
}

int datapath_clear_percpu(int fd, uint32_t key, size_t words)
{
	int cpus = libbpf_num_possible_cpus(), rc;
	uint64_t *zeros;

	if (cpus < 0)
		return cpus;
	zeros = xcalloc(words * cpus, sizeof(*zeros));
	rc = bpf_map_update_elem(fd, &key, zeros, BPF_ANY);
	free(zeros);
	return rc;
}

bool datapath_dest_counter(struct datapath *dp, const char *service, const struct shunt_addr *backend,
			   struct shunt_counter *out)
{
	uint32_t first = datapath_first_dest(dp, service, backend);

	*out = (struct shunt_counter){0};
	for (uint32_t id = first; id != DIRECTORY_NONE; id = datapath_next_dest(dp, id)) {
		out->packets += dp->dest_counters[id].packets;
		out->bytes += dp->dest_counters[id].bytes;
	}
	return first != DIRECTORY_NONE;
}

bool datapath_service_retired(struct datapath *dp, const char *service, struct shunt_counter *out)
{
	uint32_t id = directory_service(&dp->dir, service);

	if (id == DIRECTORY_NONE)
		return false;
	*out = (struct shunt_counter){dp->svcdir[id].retired_packets, dp->svcdir[id].retired_bytes};
	for (uint32_t dest = 0; dp->leftovers && dest < dp->control->destinations; dest++)
		if (datapath_is_leftover(dp, dest) && directory_service_of(&dp->dir, dp->dstdir[dest].ring) == id) {
			out->packets += dp->dest_counters[dest].packets;
			out->bytes += dp->dest_counters[dest].bytes;
		}
	return true;
}

void datapath_count_services(struct datapath *dp)
{
	uint32_t services = dp->control->services;

	for (uint32_t id = 0; id < services; id++)
		dp->service_packets[id] = dp->svcdir[id].retired_packets;
	for (uint32_t id = 0; id < dp->control->destinations; id++) {
		uint32_t ring = dp->dstdir[id].ring;

		if (directory_dest_used(&dp->dir, id) && directory_service_used(&dp->dir, ring))
			dp->service_packets[directory_service_of(&dp->dir, ring)] += dp->dest_counters[id].packets;
	}
}

uint64_t datapath_service_packets(const struct datapath *dp, const char *service)
{
	uint32_t id = directory_service(&dp->dir, service);

	return id == DIRECTORY_NONE ? 0 : dp->service_packets[id];
}

void datapath_reason_counter(struct datapath *dp, enum shunt_reason reason, struct shunt_counter *out)
{
	*out = dp->reason_counters[reason];
}

void datapath_alive(struct datapath *dp)
{
	__atomic_store_n(&dp->control->alive, (uint64_t)time(NULL), __ATOMIC_RELAXED);
}
