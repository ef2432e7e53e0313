/* SPDX-License-Identifier: GPL-2.0 */
/* What rows cannot say about ICMP: checksums of answers, pairs of frames that find one backend, the limit in rate. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../../user/lib/xalloc.h"
#include "packet.h"

/* The checksum of an answer, over a pseudo-header (RFC 8200 section 8.1) if it is ICMPv6. Padding is no part of it. */
bool icmp_check_sum(const struct row *row, const struct frame *got)
{
	const uint8_t *ip = got->byte + outer_at(got);
	bool is_v6 = ip[0] >> 4 == 6;
	const uint8_t *icmp = ip + (is_v6 ? 40 : 20);
	size_t len = is_v6 ? ip[4] << 8 | ip[5] : (ip[2] << 8 | ip[3]) - 20;
	uint32_t sum = is_v6 ? len + IPPROTO_ICMPV6 : 0;

	if (strcmp(row->counter, "echo_reply") && strcmp(row->counter, "too_big_reply"))
		return true;
	for (size_t i = 8; is_v6 && i < 40; i += 2)
		sum += ip[i] << 8 | ip[i + 1];
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? icmp[i] : icmp[i] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum == 0xffff || strstr(row->name, "wrong checksum") ||
	       complain(row, "ICMP checksum is wrong: words sum to %#x", sum);
}

/* "NAME|in|in": both go where the first one's hash says. */
void icmp_run_pairs(struct fixture *f, const struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++) {
		char *line = lines->line[i], *name = strsep(&line, "|"), *first = strsep(&line, "|");
		int dest = destination_by_hash(f, first);

		report(destination_of(f, first) == dest && destination_of(f, line) == dest, name);
	}
}

/* shunt_icmp of every CPU, the test run's among them. */
static uint64_t bucket(const struct fixture *f, const uint64_t *set)
{
	int cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(f->skel->maps.shunt_icmp);
	uint64_t *values = xcalloc(cpus, sizeof(*values)), last = 0;
	uint32_t zero = 0;

	for (int cpu = 0; set && cpu < cpus; cpu++)
		values[cpu] = *set;
	if (set ? bpf_map_update_elem(fd, &zero, values, BPF_ANY) : bpf_map_lookup_elem(fd, &zero, values))
		die("shunt_icmp");
	for (int cpu = 0; cpu < cpus; cpu++)
		if (values[cpu] > last)
			last = values[cpu];
	free(values);
	return last;
}

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ull + now.tv_nsec;
}

/* line: a row that is answered with too_big_reply. The bucket is set, never waited for. */
void icmp_check_limit(struct fixture *f, const char *line)
{
	const uint64_t full = 0, second = SHUNT_ICMP_BUCKET;
	uint64_t before, after, last;
	char *copy = xstrdup(line);
	struct row row;

	parse_row(copy, &row);
	f->control->icmp_rate = 4;
	bucket(f, &full);
	before = nanoseconds();
	report(run_row(f, &row), "a full bucket: the client is told");
	after = nanoseconds();
	last = bucket(f, NULL);
	report(last >= before + second / 4 && last <= after + second / 4, "and one token is taken");
	last = nanoseconds() + 3600 * second;
	bucket(f, &last);
	row.action = "DROP";
	row.counter = "too_big_limited";
	row.has_out = false;
	report(run_row(f, &row), "an empty bucket: the client is not told");
	report(bucket(f, NULL) == last, "and none is taken");
	bucket(f, &full);
	f->control->icmp_rate = 0;
	row.counter = "too_big";
	report(run_row(f, &row), "rate 0: nobody is told");
	f->control->icmp_rate = ICMP_RATE;
	free(copy);
}
