/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A daemon is killed while it takes over maps of format 1, at any of the system calls that change something: the next one goes on, and
 * all lives. `shuntd --detach` leaves nothing then, of either format.
 */
#include <limits.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "migrate_fixture.h"

static bool changes_something(const struct __ptrace_syscall_info *call)
{
	switch (call->entry.nr) {
	case SYS_renameat:
	case SYS_unlinkat:
	case SYS_sendto:
	case SYS_sendmsg:
		return true;
	case SYS_bpf:
		return call->entry.args[0] == BPF_OBJ_PIN || call->entry.args[0] == BPF_LINK_CREATE ||
		       call->entry.args[0] == BPF_RAW_TRACEPOINT_OPEN;
	case SYS_munmap: /* behind a table that was filled, too */
		return call->entry.args[1] == 4096;
	default:
		return false;
	}
}

static void child_starts(void)
{
	struct attach *attach;
	struct shunt_err err;
	int rc;

	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	rc = attach_open(&attach, pin_dir, &config, &err);
	if (rc)
		fprintf(stderr, "%s\n", shunt_err_text(&err));
	_exit(rc != 0);
}

/* Kill a start right before the call number `at` of those that change something. false: it had fewer, *met, and came to its end. */
static bool killed_at(int at, int *met)
{
	struct __ptrace_syscall_info call;
	pid_t child = fork();
	int status;

	if (!child)
		child_starts();
	assert_int_equal(waitpid(child, &status, 0), child);
	ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
	for (*met = 0; WIFSTOPPED(status);) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, child, NULL, NULL), 0);
		assert_int_equal(waitpid(child, &status, 0), child);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80))
			continue;
		assert_true(ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(call), &call) > 0);
		if (call.op != PTRACE_SYSCALL_INFO_ENTRY || !changes_something(&call) || (*met)++ < at)
			continue;
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		return true;
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return false;
}

/* From one place to the next, so that there are not more than that; at the first, a start that nobody kills says how many there are. */
static int stride(int most)
{
	static int calls;

	if (!calls) {
		format1_make(dispatcher);
		assert_false(killed_at(INT_MAX, &calls));
		assert_int_equal(attach_remove(pin_dir, NULL), 0);
	}
	return getenv("SHUNT_PATIENCE") ? 1 + calls / 4 : 1 + calls / most; /* an emulated machine has not the time */
}

static void another_start_goes_on(void **state)
{
	const int step = stride(24);
	bool more = true;
	int at, met;

	(void)state;
	for (at = 0; more; at += step) {
		struct attach *attach;
		struct pins before;

		format1_make(dispatcher);
		before = pins_now();
		more = killed_at(at, &met);
		assert_true(runs(A) && runs(B));
		attach = opens_maps_too();
		if (more)
			judge_taken_over(attach, &before);
		closes(attach);
		assert_int_equal(attach_remove(pin_dir, NULL), 0);
	}
	print_message("killed at %d of %d places\n", at / step - 1, met);
	assert_true(at > 8);
}

static bool map_exists(uint32_t id)
{
	int fd = bpf_map_get_fd_by_id(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool program_exists(uint32_t id)
{
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Those that a program uses, pinned or not, beside what is pinned. */
static void add_maps_of(struct pins *pins, uint32_t program)
{
	uint32_t ids[32], len;
	struct bpf_prog_info info = {.nr_map_ids = 32, .map_ids = (uintptr_t)ids};
	int fd = bpf_prog_get_fd_by_id(program);

	len = sizeof(info);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &len), 0);
	close(fd);
	for (uint32_t i = 0; i < info.nr_map_ids; i++)
		pins->id[pins->count++] = ids[i];
}

/* The kernel frees a while after the last use. */
static void all_go(const struct pins *pins, const uint32_t programs[2])
{
	for (int tries = 0; tries < 1000; tries++) {
		bool any = program_exists(programs[0]) || program_exists(programs[1]);

		for (size_t i = 0; i < pins->count; i++)
			any = any || map_exists(pins->id[i]);
		if (!any)
			return;
		usleep(10000);
	}
	fail_msg("maps or programs are left");
}

/* As `shuntd --detach` does it, in a process of its own: a look into a dispatcher costs libxdp 1.3 a file descriptor. */
static void detaches(void)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(attach_remove(pin_dir, NULL) != 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void detach_leaves_nothing_of_either(void **state)
{
	const int step = stride(8);
	bool more = true;
	int met;

	(void)state;
	for (int at = 0; more; at += step) {
		uint32_t ran[2];
		struct pins pins;

		format1_make(dispatcher);
		more = killed_at(at, &met);
		pins = pins_now();
		ran[0] = runs(A);
		ran[1] = runs(B);
		add_maps_of(&pins, ran[0]);
		add_maps_of(&pins, ran[1]);
		detaches();
		assert_int_equal(runs(A) + runs(B), 0);
		assert_int_not_equal(access(pin_dir, F_OK), 0);
		if (dispatcher && more) /* libxdp's own pins, of an exchange that was cut off: `xdp-loader clean` */
			assert_true(libxdp_clean_references(0) >= 0);
		all_go(&pins, ran);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(another_start_goes_on),
		TEST(detach_leaves_nothing_of_either),
	};

	if (!migrate_ready())
		return 1;
	return cmocka_run_group_tests_name("attach_migrate_crash", tests, NULL, NULL);
}
