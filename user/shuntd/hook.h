/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What starts or stops a service: a command, or an HTTP request. Run by the same code as checks are (health_probe.h), in places of its own, so that checks that hang
 * do not keep anything from being woken. It has ended well with exit status 0, or a status of 200 to 299. Nobody watches the clock here.
 */
#ifndef SHUNT_HOOK_H
#define SHUNT_HOOK_H

#include "health_probe.h"

struct hook_what {
	const char *service, *pool, *action; /* pool "": the service as a whole; action: "start", "stop" */
	const struct config_hook *hook;
};

/* As probe_start(): NULL with *result: it has ended at once. probe_cancel() kills it, with all of its process group. */
struct probe *hook_start(struct probers *probers, const struct hook_what *what, const struct probe_caller *caller,
			 struct probe_result *result);

#endif
