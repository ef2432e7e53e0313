/* SPDX-License-Identifier: GPL-2.0 */
/* The decapsulator's maps (include/shunt/decap.h): made from rules, and read back. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../lib/xalloc.h"
#include "agent.h"

static int map_new(int *fd, enum bpf_map_type type, const char *name, __u32 key, __u32 value, __u32 entries,
		   struct shunt_err *err)
{
	*fd = bpf_map_create(type, name, key, value, entries, NULL);
	if (*fd >= 0)
		return 0;
	return shunt_fail(err, -*fd, name, "the kernel made no BPF map: %s%s", strerror(-*fd),
			  *fd == -EPERM ? " (run as root)" : "");
}

static struct shunt_decap_addr map_key(const struct shunt_addr *addr)
{
	struct shunt_decap_addr key = {.family = addr->family};

	memcpy(key.addr, addr->word, sizeof(key.addr));
	return key;
}

/* An address that is both keeps both roles. */
static int write_addrs(int fd, const struct agent_rules *rules)
{
	for (size_t i = 0; i < rules->tunnel_count + rules->vip_count; i++) {
		struct shunt_decap_addr key = map_key(&rules->addrs[i]);
		__u32 roles = 0;

		if (bpf_map_lookup_elem(fd, &key, &roles))
			roles = 0;
		roles |= i < rules->tunnel_count ? SHUNT_DECAP_TUNNEL : SHUNT_DECAP_VIP;
		if (bpf_map_update_elem(fd, &key, &roles, BPF_ANY))
			return -errno;
	}
	return 0;
}

static void mask_fill(__be32 mask[4], unsigned int len)
{
	uint8_t *byte = (uint8_t *)mask;

	memset(byte, 0, 16);
	memset(byte, 0xff, len / 8);
	if (len % 8)
		byte[len / 8] = (uint8_t)(0xff << (8 - len % 8));
}

static int write_conf(int fd, const struct agent_rules *rules)
{
	struct shunt_decap_conf conf = {
		.format = SHUNT_DECAP_FORMAT,
		.sources = rules->source_count,
		.kinds = rules->kinds,
		.gue_port = htons(rules->gue_port),
		.mss4 = rules->mss.ipv4,
		.mss6 = rules->mss.ipv6,
		.reply_ifindex = rules->mss.ifindex,
	};
	__u32 zero = 0;

	for (size_t i = 0; i < rules->source_count; i++) {
		memcpy(conf.source[i].addr, rules->sources[i].addr.word, sizeof(conf.source[i].addr));
		mask_fill(conf.source[i].mask, rules->sources[i].len);
		conf.source[i].family = rules->sources[i].addr.family;
	}
	return bpf_map_update_elem(fd, &zero, &conf, BPF_ANY) ? -errno : 0;
}

/* Counters of an earlier version may be fewer; then they start anew. */
static bool stats_fit(int fd)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	return fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_MAP_TYPE_PERCPU_ARRAY &&
	       info.value_size == sizeof(struct shunt_counter) && info.max_entries == SHUNT_DECAP_COUNT;
}

static int maps_make(struct agent_maps *maps, const struct agent_rules *rules, int stats, struct shunt_err *err)
{
	int rc = map_new(&maps->addrs, BPF_MAP_TYPE_HASH, "decap_addrs", sizeof(struct shunt_decap_addr), sizeof(__u32),
			 SHUNT_DECAP_ADDRS, err);

	if (!rc)
		rc = map_new(&maps->conf, BPF_MAP_TYPE_ARRAY, "decap_conf", sizeof(__u32),
			     sizeof(struct shunt_decap_conf), 1, err);
	if (!rc && stats_fit(stats))
		maps->stats = dup(stats);
	else if (!rc)
		rc = map_new(&maps->stats, BPF_MAP_TYPE_PERCPU_ARRAY, "decap_stats", sizeof(__u32),
			     sizeof(struct shunt_counter), SHUNT_DECAP_COUNT, err);
	if (rc)
		return rc;
	rc = write_addrs(maps->addrs, rules);
	if (!rc)
		rc = write_conf(maps->conf, rules);
	return rc ? shunt_fail(err, -rc, "decap_addrs, decap_conf", "cannot be filled: %s", strerror(-rc)) : 0;
}

int agent_maps_create(struct agent_maps *maps, const struct agent_rules *rules, int stats, struct shunt_err *err)
{
	int rc;

	*maps = AGENT_MAPS_NONE;
	rc = maps_make(maps, rules, stats, err);
	if (rc)
		agent_maps_close(maps);
	return rc;
}

static int read_addrs(int fd, struct agent_rules *rules, __u32 role, size_t *count)
{
	struct shunt_decap_addr key, *previous = NULL;
	__u32 roles;

	while (!bpf_map_get_next_key(fd, previous, &key)) {
		size_t used = rules->tunnel_count + rules->vip_count;

		previous = &key;
		if (bpf_map_lookup_elem(fd, &key, &roles))
			return -errno;
		if (!(roles & role))
			continue;
		rules->addrs = xreallocarray(rules->addrs, used + 1, sizeof(*rules->addrs));
		memset(&rules->addrs[used], 0, sizeof(rules->addrs[used]));
		memcpy(rules->addrs[used].word, key.addr, sizeof(key.addr));
		rules->addrs[used].family = key.family;
		++*count;
	}
	return errno == ENOENT ? 0 : -errno;
}

static void read_sources(const struct shunt_decap_conf *conf, struct agent_rules *rules)
{
	for (__u32 i = 0; i < conf->sources && i < SHUNT_DECAP_SOURCES; i++) {
		struct shunt_prefix *prefix = &rules->sources[rules->source_count++];

		prefix->addr.family = conf->source[i].family;
		memcpy(prefix->addr.word, conf->source[i].addr, sizeof(conf->source[i].addr));
		for (int w = 0; w < 4; w++)
			prefix->len += __builtin_popcount(conf->source[i].mask[w]);
	}
}

int agent_maps_read_rules(const struct agent_maps *maps, struct agent_rules *rules, struct shunt_err *err)
{
	struct shunt_decap_conf conf = {};
	__u32 zero = 0;
	int rc;

	memset(rules, 0, sizeof(*rules));
	if (bpf_map_lookup_elem(maps->conf, &zero, &conf))
		return shunt_fail(err, errno, "decap_conf", "cannot be read: %s", strerror(errno));
	if (conf.format != SHUNT_DECAP_FORMAT)
		return shunt_fail(
			err, EPROTO, "decap_conf",
			"was pinned by another version: format %u, expected %u (run `shunt backend-agent IFACE` again)",
			conf.format, SHUNT_DECAP_FORMAT);
	rc = read_addrs(maps->addrs, rules, SHUNT_DECAP_TUNNEL, &rules->tunnel_count);
	if (!rc)
		rc = read_addrs(maps->addrs, rules, SHUNT_DECAP_VIP, &rules->vip_count);
	if (rc)
		return shunt_fail(err, -rc, "decap_addrs", "cannot be read: %s", strerror(-rc));
	read_sources(&conf, rules);
	rules->kinds = conf.kinds;
	rules->gue_port = ntohs(conf.gue_port);
	rules->mss = (struct agent_mss){.ipv4 = conf.mss4, .ipv6 = conf.mss6, .ifindex = conf.reply_ifindex};
	return 0;
}

int agent_maps_read_counters(const struct agent_maps *maps, struct shunt_counter counters[SHUNT_DECAP_COUNT],
			     struct shunt_err *err)
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter *per_cpu = xcalloc(cpus > 0 ? cpus : 1, sizeof(*per_cpu));
	int rc = cpus < 0 ? cpus : 0;

	memset(counters, 0, SHUNT_DECAP_COUNT * sizeof(*counters));
	for (__u32 i = 0; i < SHUNT_DECAP_COUNT && !rc; i++) {
		if (bpf_map_lookup_elem(maps->stats, &i, per_cpu)) {
			rc = -errno;
			break;
		}
		for (int cpu = 0; cpu < cpus; cpu++) {
			counters[i].packets += per_cpu[cpu].packets;
			counters[i].bytes += per_cpu[cpu].bytes;
		}
	}
	free(per_cpu);
	return rc ? shunt_fail(err, -rc, "decap_stats", "cannot be read: %s", strerror(-rc)) : 0;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void agent_maps_close(struct agent_maps *maps)
{
	close_fd(&maps->addrs);
	close_fd(&maps->conf);
	close_fd(&maps->stats);
}
