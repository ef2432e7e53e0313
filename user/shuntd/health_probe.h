/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A single probe, between health.c and the kinds of check. A start function either knows the result at once, or returns a
 * probe in flight that calls done() exactly once, from the loop, unless it is cancelled before. No probe watches the clock:
 * health.c cancels those that take too long. Starting and cancelling are safe inside done().
 */
#ifndef SHUNT_HEALTH_PROBE_H
#define SHUNT_HEALTH_PROBE_H

#include <uv.h>

#include "../lib/config.h"

enum probe_verdict {
	PROBE_PASS,
	PROBE_FAIL,
	PROBE_UNKNOWN, /* this host could not probe: says nothing about the backend */
};

struct probe_result {
	enum probe_verdict verdict;
	char reason[128];
};

/* The way of a probe's packets: where they go, and what its sockets are told; probe_socket() is the only place that tells them. */
struct probe_road {
	struct shunt_addr to;
	struct shunt_addr from; /* family 0: the kernel's choice */
	uint32_t mark;		/* 0: none; else they take the tunnel (via.h), and to is a VIP */
};

/* What to probe; only read during the call that starts the probe. */
struct probe_target {
	const char *service;
	const struct shunt_addr *backend; /* of checks */
	struct probe_road road;
	uint16_t port; /* 0: none, for those that need none */
	const struct config_check *check;
	/* Of hooks (hook.h), which are no checks but run as they do; there is no backend then: */
	const char *pool;	  /* "": the service as a whole; NULL: it is a check */
	const char *action;	  /* "start" or "stop" */
	const char *url, *method; /* of HTTP */
};

/* Who waits for the result. */
struct probe_caller {
	void (*begun)(void *arg); /* a probe that had to wait for its turn has it */
	void (*done)(void *arg, const struct probe_result *result);
	void *arg;
};

/* In flight: the first member of what a kind of check knows of its probe. */
struct probe {
	void (*cancel)(struct probe *probe);
	struct probe_caller caller;
	bool waits; /* for its turn: its time has not begun */
};

/* What probes share, by kind. Cancel all probes before closing. */
struct probers {
	uv_loop_t *loop;
	struct probe_http_pool *http;
	struct probe_icmp_pool *icmp;
	struct probe_exec_pool *exec;
};

int probers_open(struct probers *probers, uv_loop_t *loop, struct shunt_err *err);
void probers_close(struct probers *probers);

/* NULL with *result: decided at once. */
struct probe *probe_start(struct probers *probers, const struct probe_target *target, const struct probe_caller *caller,
			  struct probe_result *result);
void probe_cancel(struct probe *probe);

/* ---- for the kinds of check ---- */

/* What is not printable ASCII becomes '?': peers and commands have their words in reasons. */
__attribute__((format(printf, 3, 4))) void probe_result_set(struct probe_result *result, enum probe_verdict verdict,
							    const char *fmt, ...);
/* The verdict on a failed system call: out of descriptors, ports or memory is this host's fault. */
enum probe_verdict probe_errno_verdict(int code);
void probe_result_errno(struct probe_result *result, const char *call, int code); /* "connect: Connection refused" */

/* Of a check that speaks to a VIP: nothing came back. port 0: none. */
void probe_result_silence(struct probe_result *result, const struct shunt_addr *vip, uint16_t port, uint32_t timeout);

/* A socket for packets on that road, which does not block; -errno. */
int probe_socket(const struct probe_road *road, int type, int protocol);
/* Cannot be guessed by who does not see the packets. False: the kernel has none yet. */
bool probe_random(void *out, size_t size);
/* Cancels, then tells: the caller may do what it likes. */
void probe_finish(struct probe *probe, const struct probe_result *result);

struct probe *probe_tcp_start(struct probers *probers, const struct probe_target *target,
			      const struct probe_caller *caller, struct probe_result *result);
struct probe *probe_http_start(struct probers *probers, const struct probe_target *target,
			       const struct probe_caller *caller, struct probe_result *result);
struct probe *probe_dns_start(struct probers *probers, const struct probe_target *target,
			      const struct probe_caller *caller, struct probe_result *result);
struct probe *probe_udp_start(struct probers *probers, const struct probe_target *target,
			      const struct probe_caller *caller, struct probe_result *result);
struct probe *probe_icmp_start(struct probers *probers, const struct probe_target *target,
			       const struct probe_caller *caller, struct probe_result *result);
struct probe *probe_exec_start(struct probers *probers, const struct probe_target *target,
			       const struct probe_caller *caller, struct probe_result *result);

/* All HTTP and HTTPS probes share one libcurl multi handle, all pings a socket for each family, all commands a number of places. */
int probe_http_open(struct probe_http_pool **pool, uv_loop_t *loop, struct shunt_err *err);
void probe_http_close(struct probe_http_pool *pool);
struct probe_icmp_pool *probe_icmp_open(uv_loop_t *loop);
void probe_icmp_close(struct probe_icmp_pool *pool);
struct probe_exec_pool *probe_exec_open(uv_loop_t *loop);
void probe_exec_close(struct probe_exec_pool *pool);

#endif
