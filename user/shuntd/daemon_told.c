/* SPDX-License-Identifier: GPL-2.0 */
/* What the XDP program tells, and what the daemon does about it. */
#include <string.h>

#include "daemon.h"
#include "events.h"

static void path_mtu(struct daemon *d, const struct shunt_event *told)
{
	struct shunt_addr source = {.family = told->family}, backend = {.family = told->family};
	const struct shunt_prefix *ours;
	struct journal_event event;

	memcpy(source.word, told->source, sizeof(source.word));
	memcpy(backend.word, told->backend, sizeof(backend.word));
	if (!d->config)
		return;
	ours = told->family == SHUNT_FAMILY_IPV6 ? &d->config->source6 : &d->config->source4;
	event = events_of(JOURNAL_NEXTHOP, LOG_LEVEL_INFO, NULL, &backend);
	if (prefix_contains(ours, &source) && nexthops_learn_mtu(d->nexthops, &backend, told->mtu))
		events_tell(&event, "the path takes packets of at most %u bytes, says a router on it", told->mtu);
}

void daemon_told(void *arg, const struct shunt_event *event)
{
	if (event->kind == SHUNT_EVENT_PATH_MTU)
		path_mtu(arg, event);
	else if (event->kind == SHUNT_EVENT_WAKE)
		demands_told(((struct daemon *)arg)->demands, event);
}
