/* SPDX-License-Identifier: GPL-2.0 */
/* What the XDP program tells, and what the daemon does about it. */
#include <string.h>

#include "../lib/log.h"
#include "daemon.h"

static void path_mtu(struct daemon *d, const struct shunt_event *event)
{
	struct shunt_addr source = {.family = event->family}, backend = {.family = event->family};
	const struct shunt_prefix *ours;
	char text[SHUNT_ADDR_TEXT];

	memcpy(source.word, event->source, sizeof(source.word));
	memcpy(backend.word, event->backend, sizeof(backend.word));
	if (!d->config)
		return;
	ours = event->family == SHUNT_FAMILY_IPV6 ? &d->config->source6 : &d->config->source4;
	if (prefix_contains(ours, &source) && nexthops_learn_mtu(d->nexthops, &backend, event->mtu))
		log_info("the path to %s takes packets of at most %u bytes, says a router on it",
			 addr_format(&backend, text), event->mtu);
}

void daemon_told(void *arg, const struct shunt_event *event)
{
	if (event->kind == SHUNT_EVENT_PATH_MTU)
		path_mtu(arg, event);
}
