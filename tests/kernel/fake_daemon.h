/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A daemon without a datapath, for the tests of the API and of the command: the real api*.c and configuration code over stand-ins
 * for what daemon.h, attach.h, datapath.h, health.h and nexthop.h promise. It runs in a child process on a socket of its own.
 */
#ifndef SHUNT_FAKE_DAEMON_H
#define SHUNT_FAKE_DAEMON_H

#include <stdbool.h>
#include <sys/types.h>

struct fake_daemon {
	char dir[64];
	char socket[96];
	char read_socket[96]; /* for reading; FAKE_READERS connections */
	char config_path[96]; /* what a reload reads */
	pid_t pid;
};

/* Services "web" (10.1.0.11 up, 10.1.0.12 drained) and "dns" (2001:db8:1::11, down) in force. Ends the test when it cannot. */
void fake_daemon_start(struct fake_daemon *fake);

/* SIGTERM, if it is still there. Its exit status: 0, unless it failed, leaked, or left its socket behind. */
int fake_daemon_stop(struct fake_daemon *fake);

/* Same, but it ends by itself. */
int fake_daemon_wait(struct fake_daemon *fake);

/* Of connections (fake_conns.c): 3000 slots and 120 entries hold 10.1.0.12, for ever; what holds FAKE_ENDING gets less each time that one
 * asks, down to nothing; FAKE_REMOVED is no backend of web any more, but 9 entries name it. */
extern bool fake_unswept; /* the next one that is started has not swept yet */
#define FAKE_ENDING "10.1.0.13"
#define FAKE_REMOVED "10.1.0.99"

#define FAKE_READERS 4
#define FAKE_SEED "00000000feedface" /* of the configuration in force */
extern unsigned int
	fake_request_seconds; /* that requests may take at the next one that is started, while silence may last
					    * longer than any test; 0: the defaults */

/* How it refuses: a configuration with a service of this name is refused by daemon_commit() with ENOSPC, or EIO. */
#define FAKE_FULL "too-many"
#define FAKE_BROKEN "disk-broken"
/* One of this name has traffic, and does not go unless it is forced. */
#define FAKE_BUSY "busy"

/* A commit of a configuration with a service of this name tells an event of each of its backends. Each commit is an event, too. */
#define FAKE_EVENTFUL "eventful"

#endif
