/* SPDX-License-Identifier: GPL-2.0 */
/* attach.c's interfaces: what runs there, whose it is, and never nothing in between. */
#include <errno.h>
#include <libgen.h>
#include <net/if.h>
#include <pthread.h>
#include <sys/wait.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>

#include "attach_fixture.h"

static const struct config_interface both[] = {{A, CONFIG_MODE_AUTO}, {B, CONFIG_MODE_AUTO}};

static void puts_on(struct attach *attach, const struct config_interface *interfaces, size_t count)
{
	struct shunt_err err;

	if (attach_interfaces(attach, interfaces, count, &err))
		fail_msg("%s", shunt_err_text(&err));
	attach_release(attach, interfaces, count);
}

/* The kernel's word: the id of the program on an interface, a dispatcher's perhaps; 0: none. */
static uint32_t runs(const char *name, bool *generic)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, found);

	assert_int_equal(bpf_xdp_query(if_nametoindex(name), 0, &found), 0);
	if (generic)
		*generic = found.attach_mode == XDP_ATTACHED_SKB;
	return found.drv_prog_id ? found.drv_prog_id : found.skb_prog_id;
}

static struct attach_status status_of(const struct attach *attach, const char *name)
{
	struct attach_status list[4];
	size_t count = attach_list(attach, list, 4);

	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i].name, name))
			return list[i];
	return (struct attach_status){0};
}

static bool dispatcher_works(void)
{
	struct attach *attach = opens();
	bool works;

	puts_on(attach, both, 1);
	works = status_of(attach, A).dispatcher;
	assert_int_equal(attach_detach(attach, NULL), 0);
	closes(attach);
	return works;
}

static int foreign_program(const char *name)
{
	static const struct bpf_insn pass[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, name, "GPL", pass, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static void runs_on_all_in_native_mode(void **state)
{
	struct attach *attach = opens();
	bool generic;

	(void)state;
	assert_false(attach_adopted(attach));
	assert_int_equal(attach_seed(attach), 77);
	puts_on(attach, both, 2);
	for (int i = 0; i < 2; i++) {
		struct attach_status s = status_of(attach, both[i].name);

		assert_true(s.attached && s.mode == CONFIG_MODE_NATIVE && s.prog_id);
		assert_int_equal(s.ifindex, if_nametoindex(both[i].name));
		assert_true(runs(both[i].name, &generic));
		assert_false(generic);
		assert_true(s.dispatcher || runs(both[i].name, NULL) == s.prog_id);
	}
	puts_on(attach, both + 1, 1);
	assert_int_equal(runs(A, NULL), 0);
	assert_int_equal(attach_list(attach, NULL, 0), 1);
	closes(attach);
	assert_int_not_equal(runs(B, NULL), 0); /* it outlives the daemon */
}

static void *watch(void *arg)
{
	bool *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE))
		if (!runs(A, NULL) || !runs(B, NULL))
			return (void *)1;
	return NULL;
}

/* A daemon that is started again, or another version: never an instant without a program. */
static void takes_over_without_a_gap(void **state)
{
	struct attach *attach = opens_maps_too();
	uint32_t id = 0;
	bool stop = false;
	pthread_t watcher;
	void *gap;

	(void)state;
	puts_on(attach, both, 2);
	assert_int_equal(pthread_create(&watcher, NULL, watch, &stop), 0);
	for (int i = 0; i < 10; i++) {
		struct attach_status a = status_of(attach, A), b = status_of(attach, B);

		assert_int_not_equal(a.prog_id, id);
		assert_true(a.attached && b.attached);
		id = a.prog_id;
		closes(attach);
		attach = opens_maps_too();
		assert_true(attach_adopted(attach));
		puts_on(attach, both, 2);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	pthread_join(watcher, &gap);
	assert_null(gap);
	closes(attach);
}

/* A daemon killed after it had replaced the program of one interface: the next one knows both programs for ours. */
static void takes_over_from_one_killed_half_way(void **state)
{
	struct attach *attach = opens_maps_too();
	int status;
	pid_t child;

	(void)state;
	puts_on(attach, both, 2);
	closes(attach);
	child = fork();
	if (!child) {
		attach = opens_maps_too();
		attach->strays_gone = true; /* killed before it looks for other interfaces */
		_exit(attach_interfaces(attach, both, 1, NULL) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	attach = opens_maps_too();
	puts_on(attach, both, 2);
	assert_true(status_of(attach, A).attached && status_of(attach, B).attached);
	closes(attach);
}

static void programs_of_others_are_left_alone(void **state)
{
	int fd = foreign_program("someone"), index = if_nametoindex(B);
	struct attach *attach = opens();
	struct shunt_err err;
	uint32_t id;
	char text[64];

	(void)state;
	for (int generic = 0; generic < 2; generic++) {
		__u32 flags = generic ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE;

		assert_int_equal(bpf_xdp_attach(index, fd, flags, NULL), 0);
		id = runs(B, NULL);
		snprintf(text, sizeof(text), "\"someone\" (id %u)", id);
		refused(attach_interfaces(attach, both, 2, &err), EBUSY, &err, B, text);
		assert_non_null(strstr(err.what, generic ? "ip link set dev " B " xdpgeneric off"
							 : "ip link set dev " B " xdp off"));
		assert_int_equal(runs(B, NULL), id);
		assert_int_equal(runs(A, NULL), 0); /* taken back */
		assert_int_equal(attach_list(attach, NULL, 0), 0);
		assert_int_equal(bpf_xdp_detach(index, flags, NULL), 0);
	}
	close(fd);
	closes(attach);
}

/* What ran before a change that failed runs on. */
static void a_failed_change_takes_nothing_off(void **state)
{
	const struct config_interface with_missing[] = {{A, 0}, {B, 0}, {"nosuch0", 0}};
	struct attach *attach = opens();
	struct shunt_err err;

	(void)state;
	puts_on(attach, both, 1);
	refused(attach_interfaces(attach, with_missing, 3, &err), ENODEV, &err, "nosuch0", A);
	assert_non_null(strstr(err.what, B));
	assert_int_not_equal(runs(A, NULL), 0);
	assert_int_equal(runs(B, NULL), 0);
	assert_int_equal(attach_list(attach, NULL, 0), 1);
	closes(attach);
}

/* A change that fails later, when its interfaces run already. */
static void a_change_can_be_undone(void **state)
{
	struct attach *attach = opens();
	uint32_t id;

	(void)state;
	puts_on(attach, both, 1);
	id = runs(A, NULL);
	assert_int_equal(attach_interfaces(attach, &both[1], 1, NULL), 0);
	assert_int_equal(runs(A, NULL), id); /* not let go before all else has succeeded */
	assert_int_not_equal(runs(B, NULL), 0);
	attach_undo(attach);
	assert_int_equal(runs(A, NULL), id);
	assert_int_equal(runs(B, NULL), 0);
	assert_int_equal(attach_list(attach, NULL, 0), 1);
	closes(attach);
}

/* One that was there when it was configured does not stand in the way of changes while it is gone. */
static void a_known_interface_is_waited_for(void **state)
{
	static const struct config_interface with_late[] = {{A, CONFIG_MODE_AUTO}, {"late0", CONFIG_MODE_AUTO}};
	struct attach *attach = opens();

	(void)state;
	attach_expect(attach, with_late, 2);
	puts_on(attach, with_late, 2);
	assert_true(status_of(attach, A).attached);
	assert_false(status_of(attach, "late0").attached);
	assert_false(attach_repair(attach, with_late, 2));
	run("ip link add late0 type veth peer name late1");
	assert_true(attach_repair(attach, with_late, 2));
	assert_true(status_of(attach, "late0").attached);
	assert_int_not_equal(runs("late0", NULL), 0);
	run("ip link del late0");
	assert_true(attach_repair(attach, with_late, 2));
	puts_on(attach, with_late, 2);
	puts_on(attach, both, 1);
	assert_int_equal(attach_list(attach, NULL, 0), 1);
	closes(attach);
}

/* lo has no native mode; veth has both. */
static void modes_are_as_asked_for(void **state)
{
	static const struct config_interface rows[] = {
		{"lo", CONFIG_MODE_AUTO}, {A, CONFIG_MODE_GENERIC}, {A, CONFIG_MODE_NATIVE}, {A, CONFIG_MODE_GENERIC}};
	static const struct config_interface lo_native = {"lo", CONFIG_MODE_NATIVE};
	struct attach *attach = opens();
	struct shunt_err err;
	bool generic;

	(void)state;
	refused(attach_interfaces(attach, &lo_native, 1, &err), EOPNOTSUPP, &err, "lo", "native mode");
	assert_int_equal(runs("lo", NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		puts_on(attach, &rows[i], 1);
		assert_int_not_equal(runs(rows[i].name, &generic), 0);
		assert_true(generic == (rows[i].mode != CONFIG_MODE_NATIVE));
		assert_true(status_of(attach, rows[i].name).mode ==
			    (generic ? CONFIG_MODE_GENERIC : CONFIG_MODE_NATIVE));
	}
	assert_int_equal(runs("lo", NULL), 0);
	assert_int_equal(attach_detach(attach, &err), 0);
	assert_int_equal(runs(A, NULL), 0);
	closes(attach);
}

/* Native mode only takes packets of several buffers from programs that say they can. */
static void jumbo_frames_are_native(void **state)
{
	static const struct config_interface native[] = {{A, CONFIG_MODE_NATIVE}, {B, CONFIG_MODE_NATIVE}};
	struct attach *attach = opens();
	bool generic;

	(void)state;
	run("ip link set " A " mtu 9000 && ip link set " B " mtu 9000");
	puts_on(attach, native, 2);
	for (int i = 0; i < 2; i++) {
		assert_int_not_equal(runs(native[i].name, &generic), 0);
		assert_false(generic);
	}
	closes(attach);
}

/* Interfaces that an earlier daemon had and this one has not. */
static void strays_are_taken_off(void **state)
{
	struct attach *attach = opens_maps_too();

	(void)state;
	puts_on(attach, both, 2);
	closes(attach);
	attach = opens_maps_too();
	puts_on(attach, both, 1);
	assert_int_not_equal(runs(A, NULL), 0);
	assert_int_equal(runs(B, NULL), 0);
	closes(attach);
}

static void detach_leaves_nothing(void **state)
{
	struct attach *attach = opens_maps_too();
	struct shunt_err err;

	(void)state;
	puts_on(attach, both, 2);
	assert_int_equal(attach_detach(attach, &err), 0);
	closes(attach);
	assert_int_equal(runs(A, NULL) + runs(B, NULL), 0);
	assert_int_not_equal(access(pin_dir, F_OK), 0);

	attach = opens_maps_too();
	assert_false(attach_adopted(attach));
	puts_on(attach, both, 2);
	closes(attach);
	assert_int_equal(attach_remove(pin_dir, &err), 0);
	assert_int_equal(runs(A, NULL) + runs(B, NULL), 0);
	assert_int_not_equal(access(pin_dir, F_OK), 0);
}

static void what_was_lost_is_repaired(void **state)
{
	struct attach *attach = opens();

	(void)state;
	puts_on(attach, both, 2);
	assert_false(attach_repair(attach, both, 2));
	run("ip link set dev " A " xdp off");
	assert_true(attach_repair(attach, both, 2));
	assert_int_not_equal(runs(A, NULL), 0);
	assert_false(attach_repair(attach, both, 2));
	run("ip link del " A);
	assert_true(attach_repair(attach, both, 2));
	assert_false(status_of(attach, A).attached);
	assert_false(attach_repair(attach, both, 2));
	run("ip link add " A " type veth peer name sta1");
	assert_true(attach_repair(attach, both, 2));
	assert_true(status_of(attach, A).attached);
	assert_int_equal(status_of(attach, A).ifindex, if_nametoindex(A));
	assert_int_not_equal(runs(A, NULL), 0);
	assert_true(status_of(attach, B).attached);
	closes(attach);
}

/* One for a dispatcher, from the file that lies beside this test's. */
static struct xdp_program *someone_elses_program(void)
{
	char self[4096] = "", path[sizeof(self) + 32];
	struct xdp_program *program;

	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(path, sizeof(path), "%s/../bpf/pass.bpf.o", dirname(self));
	program = xdp_program__open_file(path, NULL, NULL);
	assert_int_equal(libxdp_get_error(program), 0);
	return program;
}

/* With libxdp's dispatcher another's program stays on the interface, before ours came and after it has gone. */
static void shares_a_dispatcher(void **state)
{
	struct xdp_program *other;
	struct attach *attach;
	int index = if_nametoindex(A);

	(void)state;
	if (!dispatcher_works()) {
		print_message("skipped: libxdp's dispatcher does not work with this kernel\n");
		skip();
	}
	other = someone_elses_program();
	assert_int_equal(xdp_program__attach(other, index, XDP_MODE_NATIVE, 0), 0);
	for (int start = 0; start < 3; start++) {
		attach = opens_maps_too();
		puts_on(attach, both, 2);
		assert_true(status_of(attach, A).dispatcher);
		assert_int_equal(xdp_program__is_attached(other, index), XDP_MODE_NATIVE);
		closes(attach);
	}
	assert_int_equal(attach_remove(pin_dir, NULL), 0);
	assert_int_equal(xdp_program__is_attached(other, index), XDP_MODE_NATIVE);
	assert_int_equal(runs(B, NULL), 0);
	xdp_program__detach(other, index, XDP_MODE_NATIVE, 0);
	xdp_program__close(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runs_on_all_in_native_mode),
		TEST(takes_over_without_a_gap),
		TEST(takes_over_from_one_killed_half_way),
		TEST(programs_of_others_are_left_alone),
		TEST(a_failed_change_takes_nothing_off),
		TEST(a_change_can_be_undone),
		TEST(a_known_interface_is_waited_for),
		TEST(modes_are_as_asked_for),
		TEST(jumbo_frames_are_native),
		TEST(strays_are_taken_off),
		TEST(detach_leaves_nothing),
		TEST(what_was_lost_is_repaired),
		TEST(shares_a_dispatcher),
	};

	if (!fixture_ready())
		return 1;
	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
