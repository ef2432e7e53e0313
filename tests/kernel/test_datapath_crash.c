/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The daemon is killed at any instruction of an apply from its first store on: a child finds its maps write-protected, so that the
 * first store stops it, is single-stepped from there to a random instruction, and killed. Then the packets' view must be whole at
 * once, before anybody repairs anything, and the next daemon's apply must leave exactly its model.
 */
#include <limits.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "datapath_fixture.h"

#define TRIALS 40

static void daemon_applies(const struct fixture *f, const struct model *m)
{
	struct datapath *dp;

	opens(&dp, f);
	applies(dp, m);
	rests(dp);
	fixture_judge(f, m);
	datapath_close(dp);
}

/* Every map that is mapped, the test's own too. */
static void protect_maps(int protection)
{
	char line[512], kind[512];
	unsigned long from, to;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %511s", &from, &to, kind) == 3 && strstr(kind, "bpf-map"))
			mprotect((void *)from, to - from, protection);
	if (maps)
		fclose(maps);
}

static void first_store(int signal)
{
	(void)signal;
	protect_maps(PROT_READ | PROT_WRITE);
	raise(SIGSTOP);
}

static void child_applies(const struct fixture *f, const struct model *m)
{
	struct datapath *dp;
	int rc;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	rc = datapath_open(&dp, &f->fds, f->limits, SEED, NULL);
	signal(SIGSEGV, first_store);
	protect_maps(PROT_READ);
	_exit(rc || datapath_apply(dp, m, NULL));
}

/* Wait for the child's next stop or end, expecting a stop for this signal. */
static void stops_for(pid_t child, int signal)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == signal);
}

/* Run the apply of m for so many instructions from its first store, then kill -9. Returns how many there were; fewer when it has
 * ended by itself. */
static long run_and_kill(const struct fixture *f, const struct model *m, long instructions)
{
	pid_t child = fork();
	long done = 0;
	int status = W_STOPCODE(SIGSTOP);

	if (!child)
		child_applies(f, m);
	assert_true(child > 0);
	stops_for(child, SIGSEGV);
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, child, NULL, SIGSEGV);
	stops_for(child, SIGSTOP);
	while (WIFSTOPPED(status) && done < instructions) {
		assert_int_equal(ptrace(PTRACE_SINGLESTEP, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		done++;
	}
	if (WIFSTOPPED(status)) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	} else {
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	return done;
}

/* It is there, it is of the ring, and its template leads to it. */
static void judge_reachable_dest(const struct fixture *f, uint32_t id, uint32_t base)
{
	bool is_v6 = f->dests[id].outer_family == SHUNT_FAMILY_IPV6;

	if (!id)
		return;
	assert_int_equal(f->svcdir[f->dstdir[id].ring].ring_base, base);
	assert_int_equal(f->dests[id].ring_base, base);
	assert_int_not_equal(f->dests[id].state, SHUNT_DEST_FREE);
	assert_int_equal(f->dstdir[id].family, f->dests[id].outer_family);
	assert_memory_equal(f->dests[id].hdr + (is_v6 ? 38 : 30), f->dstdir[id].addr, is_v6 ? 16 : 4);
}

static void judge_reachable_ring(const struct fixture *f, const struct shunt_vip *found, uint32_t base)
{
	for (uint32_t slot = 0; slot < found->ring_size; slot++) {
		uint64_t word = f->rings[base + slot];

		judge_reachable_dest(f, shunt_slot_current(word), base);
		judge_reachable_dest(f, shunt_slot_anchor(word), base);
	}
}

/* A server id in force names a destination in use, of its own service. */
static void judge_ids(const struct fixture *f)
{
	const struct shunt_quic_id *half = f->quic + (size_t)f->control->vip_half * f->size.quic_slots;

	for (uint32_t i = 0; i < f->size.quic_slots; i++) {
		if (!half[i].dest)
			continue;
		assert_int_not_equal(f->dstdir[half[i].dest].family, 0);
		assert_true(f->dstdir[half[i].dest].ring == half[i].service ||
			    f->svcdir[f->dstdir[half[i].dest].ring].owner == half[i].service + 1);
		assert_int_not_equal(f->svcdir[half[i].service].name[0], 0);
	}
}

/* What the VIP's list sends to a ring, it sends to one that is the service's. */
static void judge_pools(const struct fixture *f, const struct shunt_vip *found)
{
	struct shunt_source_key key, next;
	uint32_t value;

	for (int rc = bpf_map_get_next_key(f->fds.sources, NULL, &next); !rc;
	     rc = bpf_map_get_next_key(f->fds.sources, &key, &next)) {
		bool is_of_service = false;

		key = next;
		assert_int_equal(bpf_map_lookup_elem(f->fds.sources, &key, &value), 0);
		if (key.list != found->sources || value < SHUNT_SOURCE_RING)
			continue;
		for (uint32_t id = 0; id < f->size.services; id++)
			is_of_service =
				is_of_service || (f->svcdir[id].name[0] && f->svcdir[id].owner == found->service + 1 &&
						  f->svcdir[id].ring_base == value - SHUNT_SOURCE_RING);
		assert_true(is_of_service);
		judge_reachable_ring(f, found, value - SHUNT_SOURCE_RING);
	}
}

/* A service that both the old and the new model have, with this VIP, can be reached through it, wherever the apply was killed. */
static void judge_reachable(const struct fixture *f, const struct config_vip *vip, const char *name)
{
	const struct shunt_vip *found = fixture_lookup(f, vip);

	assert_non_null(found);
	assert_string_equal(f->svcdir[found->service].name, name);
	judge_reachable_ring(f, found, found->ring_base);
	if (found->flags & SHUNT_VIP_SOURCES)
		judge_pools(f, found);
}

static bool has_vip(const struct model_service *s, const struct config_vip *vip)
{
	for (size_t i = 0; i < s->vip_count; i++)
		if (addr_equal(&s->vips[i].addr, &vip->addr) && s->vips[i].port == vip->port)
			return true;
	return false;
}

static void judge_after_kill(const struct fixture *f, const struct model *before, const struct model *after)
{
	judge_ids(f);
	for (size_t i = 0; i < before->service_count; i++) {
		const struct model_service *b = &before->services[i];

		for (size_t j = 0; j < after->service_count; j++) {
			const struct model_service *a = &after->services[j];

			for (size_t v = 0; !strcmp(a->name, b->name) && v < b->vip_count; v++)
				if (has_vip(a, &b->vips[v]))
					judge_reachable(f, &b->vips[v], b->name);
		}
	}
}

static void count_everywhere(const struct fixture *f)
{
	int cpus = libbpf_num_possible_cpus();
	struct shunt_counter values[cpus];

	for (int i = 0; i < cpus; i++)
		values[i] = (struct shunt_counter){1, 100};
	for (uint32_t id = 1; id < f->size.destinations; id++)
		if (f->dstdir[id].family)
			assert_int_equal(bpf_map_update_elem(f->fds.dstat, &id, values, BPF_ANY), 0);
}

static void killed_anywhere_repaired_by_the_next(void **state)
{
	struct config_limits limits = fixture_limits;
	struct model *before = fixture_random_model();
	struct fixture f;
	long longest = 0;
	int killed = 0;

	(void)state;
	limits.connections = 64; /* whose sweep is a few instructions */
	fixture_open_sized(&f, &limits);
	daemon_applies(&f, before);
	for (int trial = 0; trial < TRIALS; trial++) {
		struct model *doomed = fixture_random_model(), *next = fixture_random_model();
		/* the first runs to its end, to know how long that is; most stores are early */
		long want = trial ? random() % (1 + random() % longest) : LONG_MAX, done;

		count_everywhere(&f);
		done = run_and_kill(&f, doomed, want);
		longest = done > longest ? done : longest;
		killed += done == want;
		judge_after_kill(&f, before, doomed);
		daemon_applies(&f, next);
		model_free(before);
		model_free(doomed);
		before = next;
	}
	print_message("%d of %d applies killed, the longest of %ld instructions\n", killed, TRIALS, longest);
	assert_true(killed > TRIALS / 4);
	model_free(before);
	fixture_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_anywhere_repaired_by_the_next),
	};

	srandom(2);
	return cmocka_run_group_tests_name("datapath_crash", tests, NULL, NULL);
}
