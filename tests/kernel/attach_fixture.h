/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests of attach.c: two veth pairs in a network namespace of the test's own, a pin directory of its own. Root. */
#ifndef TEST_ATTACH_FIXTURE_H
#define TEST_ATTACH_FIXTURE_H

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../user/lib/log.h"
#include "../../user/shuntd/attach_priv.h"

#define TEST(f) cmocka_unit_test_setup_teardown(f, links_up, all_down)

#define A "sta0"
#define B "stb0"

static char pin_dir[64];

static struct config config = {
	.limits = {.vips = 4,
		   .services = 2,
		   .destinations = 7,
		   .ring_slots = 600,
		   .connections = 64,
		   .prefixes = 4,
		   .port_ranges = 8,
		   .fragments = 64},
	.has_seed = true,
	.seed = 77,
};

/* The one that is open, for a test that fails and cannot close it: it holds the lock. */
static struct attach *opened;

static inline void closes(struct attach *attach)
{
	attach_close(attach);
	opened = NULL;
}

static inline void run(const char *command)
{
	if (system(command))
		fail_msg("failed: %s", command);
}

static inline int links_up(void **state)
{
	(void)state;
	run("ip link add " A " type veth peer name sta1 && ip link add " B " type veth peer name stb1");
	return 0;
}

/* Whatever a test has left: links with what runs on them, pins. */
static inline int all_down(void **state)
{
	(void)state;
	closes(opened);
	attach_remove(pin_dir, NULL);
	run("ip link del " A " 2>/dev/null; ip link del " B " 2>/dev/null; ip link set dev lo xdpgeneric off; true");
	return access(pin_dir, F_OK) ? 0 : -1;
}

static inline struct attach *opens(void)
{
	struct shunt_err err;

	if (attach_open(&opened, pin_dir, &config, &err))
		fail_msg("%s", shunt_err_text(&err));
	return opened;
}

/* As the daemon does it: without this, maps count as never used. */
static inline struct attach *opens_maps_too(void)
{
	struct attach *attach = opens();
	struct datapath *dp;
	struct shunt_err err;

	if (datapath_open(&dp, attach_fds(attach), &config.limits, attach_seed(attach), &err))
		fail_msg("%s", shunt_err_text(&err));
	datapath_close(dp);
	return attach;
}

static inline void refused(int rc, int code, const struct shunt_err *err, const char *where, const char *what)
{
	if (rc != -code || strcmp(err->where, where) || !strstr(err->what, what))
		fail_msg("expected %d \"%s: ...%s...\", got %d \"%s\"", -code, where, what, rc, shunt_err_text(err));
}

static inline bool fixture_ready(void)
{
	log_set_level(LOG_LEVEL_ERROR);
	snprintf(pin_dir, sizeof(pin_dir), "/sys/fs/bpf/shunt-test-%d", getpid());
	if (!unshare(CLONE_NEWNET))
		return true;
	perror("a network namespace of its own");
	return false;
}

#endif
