/* SPDX-License-Identifier: GPL-2.0 */
/* What the daemon's one road changes, told as events. */
#include <stdarg.h>
#include <stdio.h>

#include "daemon.h"
#include "events.h"
#include "summary.h"
#include "transitions.h"

void daemon_set_cause(struct daemon *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(d->cause, sizeof(d->cause), fmt, args);
	va_end(args);
}

static const char *check_of(void *arg, const char *service, const struct shunt_addr *backend)
{
	const struct daemon *d = arg;
	const struct health_status *status = health_get(d->health, service, backend);

	return status ? status->reason : NULL;
}

void daemon_take_model(struct daemon *d, struct model *model)
{
	const struct transitions t = {d->cause, check_of, d};

	transitions_tell(&t, d->model, model);
	model_free(d->model);
	d->model = model;
}

void daemon_tell_commit(const struct daemon *d, const json_t *diff)
{
	char text[SUMMARY_TEXT];

	if (d->config) /* what a start brings is in the event of the start */
		events_say(JOURNAL_CONFIG, LOG_LEVEL_INFO, "committed by %s, generation %llu: %s", d->cause,
			   (unsigned long long)datapath_generation(d->dp), summary_of(diff, text));
}
