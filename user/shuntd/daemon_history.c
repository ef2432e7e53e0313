/* SPDX-License-Identifier: GPL-2.0 */
/* What a commit writes into the history, and what can be taken out of it again. */
#include <stdlib.h>

#include "../lib/diff.h"
#include "../lib/log.h"
#include "../lib/xalloc.h"
#include "daemon.h"

json_t *daemon_differences(const struct daemon *d, const struct config *next, const struct history_origin *origin)
{
	struct config *last;
	json_t *diff;

	if (origin->diff)
		return json_incref((json_t *)origin->diff);
	if (d->config)
		return config_diff(d->config, next);
	last = history_config(d->history, history_number(d->history), NULL);
	if (!last)
		return NULL;
	diff = config_diff(last, next);
	config_free(last);
	return diff;
}

/* A start is not refused for want of a history: what is not forwarded is worse than what is not written down. */
int daemon_record(struct daemon *d, const struct config *next, const struct history_origin *origin, uint64_t *number,
		  struct shunt_err *err)
{
	const json_t *diff = origin->diff;
	struct shunt_err why = {0};
	char *summary;
	int rc;

	*number = history_number(d->history);
	if (diff && !json_array_size(diff))
		return 0;
	summary = diff ? diff_summary(diff) : xstrdup(*number ? "the one before it is not there" : "the first");
	rc = history_prepare(d->history, d->config, next, origin, summary, number, &why);
	free(summary);
	if (!rc)
		return 0;
	if (!d->config) {
		log_warning("history: %s; starting without it", shunt_err_text(&why));
		return 0;
	}
	history_abort(d->history);
	return shunt_fail(err, why.code, why.where, "%s", why.what);
}

struct config *daemon_revision(const struct daemon *d, uint64_t number, struct shunt_err *err)
{
	struct config *config = history_config(d->history, number, err);

	if (!config)
		return NULL;
	config->limits = d->config->limits;
	config->has_seed = d->config->has_seed;
	config->seed = d->config->seed;
	return config;
}
