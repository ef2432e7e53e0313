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

/* What to probe; only read during the call that starts the probe. */
struct probe_target {
	const struct shunt_addr *addr;
	uint16_t port;
	const struct config_check *check;
};

typedef void probe_done_fn(void *arg, const struct probe_result *result);

__attribute__((format(printf, 3, 4))) void probe_result_set(struct probe_result *result, enum probe_verdict verdict,
							    const char *fmt, ...);
/* The verdict on a failed system call: out of descriptors, ports or memory is this host's fault. */
enum probe_verdict probe_errno_verdict(int code);

struct probe_tcp;
/* NULL with *result: decided at once. */
struct probe_tcp *probe_tcp_start(uv_loop_t *loop, const struct probe_target *target, probe_done_fn *done, void *arg,
				  struct probe_result *result);
void probe_tcp_cancel(struct probe_tcp *probe);

/* All HTTP and HTTPS probes share one libcurl multi handle. Cancel all probes before closing it. */
struct probe_http_pool;
struct probe_http;
int probe_http_open(struct probe_http_pool **pool, uv_loop_t *loop, struct shunt_err *err);
void probe_http_close(struct probe_http_pool *pool);
struct probe_http *probe_http_start(struct probe_http_pool *pool, const struct probe_target *target,
				    probe_done_fn *done, void *arg, struct probe_result *result);
void probe_http_cancel(struct probe_http *probe);

#endif
