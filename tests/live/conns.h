/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Many TCP connections and what becomes of them, for the live test: one program, a server and a client.
 *
 * A client keeps as many connections open as it is told. On each it says a number now and then, and the server says it back with
 * the server's name, so the client knows which backend a connection is on, and that it is the same one as before. Besides, it may
 * close connections and open others, and make brief ones of one exchange. It is asked for counts over a Unix socket.
 *
 * From a connection's first answer on its end by a reset, by silence or by a wrong answer is a loss. Before, it is a handshake that
 * failed, which is counted apart. A name is that of one run of a server: losses with a name that was forgiven (because the server
 * was killed) are counted as expected, and those with its successor's are not.
 */
#ifndef LIVE_CONNS_H
#define LIVE_CONNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define CONNS_NAME_MAX 20 /* with the final NUL */
#define CONNS_MAGIC 0x73687574u

struct message {
	uint32_t magic, conn, seq, pad;
};

struct answer {
	struct message said; /* as it came */
	char name[CONNS_NAME_MAX];
};

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* Who waits for a file descriptor: in epoll's data. */
struct watch {
	void (*ready)(struct watch *watch, uint32_t events);
};

/* conns.c: what both sides need. All end the process with a message when they fail. */
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);
unsigned int number_option(const char *option, const char *text, unsigned int min, unsigned int max);
void need_files(unsigned int count);
uint64_t clock_ms(void); /* monotonic */
int loop_make(void);	 /* an epoll instance */
void loop_add(int loop, int fd, uint32_t events, struct watch *watch);
void loop_run_once(int loop, int timeout_ms);

/* conns_server.c, conns_client.c, conns_control.c */
int server_main(int argc, char **argv);
int client_main(int argc, char **argv);
int ask_main(int argc, char **argv);

/*
 * conns_wheel.c: timers in slots of TICK_MS; at most WHEEL_MS ahead. A timer that is not set is all zeros.
 */
#define TICK_MS 8
#define WHEEL_MS 30000

struct timer {
	struct timer *next, **link; /* link: what points here */
};

void wheel_start(uint64_t now);
void timer_set(struct timer *timer, unsigned int in_ms);
void timer_stop(struct timer *timer);
void wheel_run(uint64_t now, void (*fire)(struct timer *timer));

#endif
