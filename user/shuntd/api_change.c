/* SPDX-License-Identifier: GPL-2.0 */
/* The end of every request that asks for another configuration, wherever that comes from: commit it, or say what it would do. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/diff.h"
#include "../lib/xalloc.h"
#include "api_internal.h"

bool api_is_asked(const char *argument)
{
	return argument && strcmp(argument, "0") != 0;
}

bool api_commits(const struct api_request *request)
{
	return !api_is_asked(request->check) && !api_is_asked(request->plan);
}

json_t *api_changed_json(const struct daemon *d, bool changed)
{
	return json_pack("{s:b, s:I, s:I}", "changed", changed, "generation", (json_int_t)datapath_generation(d->dp),
			 "revision", (json_int_t)history_number(d->history));
}

/* "PUT /v1/config edge.yaml" */
static int commit(struct daemon *d, const struct api_request *request, struct config *next, const json_t *diff,
		  struct shunt_err *err)
{
	char *by = xasprintf("%s %s%s%.200s", request->method, request->path, request->name ? " " : "",
			     request->name ? request->name : "");
	const struct history_origin origin = {request->by ? request->by : by, request->uid, request->pid, diff};
	int ret = daemon_commit(d, next, &origin, err);

	free(by);
	return ret;
}

static void set_if_any(json_t *body, const char *name, json_t *list)
{
	if (json_array_size(list) > 0)
		json_object_set(body, name, list);
}

/* What a check only warns of, a plan refuses as the change itself would. */
static int guard(const struct daemon *d, const struct api_request *request, const struct config *next, json_t *warnings,
		 struct shunt_err *err)
{
	bool only_checks = api_is_asked(request->check) && !api_is_asked(request->plan);

	return api_is_asked(request->force) ? 0 : traffic_may_commit(d, next, only_checks ? warnings : NULL, err);
}

/* next is taken over if it is in force then: *taken. diff: how it differs from what is in force now. */
static int carry_out(struct daemon *d, const struct api_request *request, struct config *next, json_t *diff,
		     bool *taken, json_t **body, struct shunt_err *err)
{
	bool changed = json_array_size(diff) > 0;
	json_t *plan = NULL;
	int ret = 0;

	if (api_is_asked(request->plan)) {
		plan = api_plan_json(d, next, diff, err);
		if (!plan)
			return err->code ? -err->code : -ENOMEM;
	} else if (api_commits(request) && changed) {
		ret = commit(d, request, next, diff, err);
		*taken = ret == 0;
	}
	if (ret)
		return ret;
	*body = api_changed_json(d, changed);
	if (plan)
		json_object_update_new(*body, plan);
	return 0;
}

int api_change(struct daemon *d, const struct api_request *request, struct config *next, bool whole, json_t **body,
	       struct shunt_err *err)
{
	json_t *warnings = json_array(), *notes, *diff;
	struct config view[2];
	bool taken = false;
	int ret;

	config_adopt(next, d->config);
	notes = api_removed_notes(d, next);
	diff = config_diff(d->config, next);
	config_differing(d->config, next, view);
	if (whole)
		api_warn_undrained(warnings, &view[0], &view[1]);
	api_warn_moved(warnings, &view[0], &view[1]);
	free(view[0].services);
	free(view[1].services);
	ret = guard(d, request, next, warnings, err);
	if (ret == 0)
		ret = carry_out(d, request, next, diff, &taken, body, err);
	if (ret == 0) {
		set_if_any(*body, "warnings", warnings);
		set_if_any(*body, "notes", notes);
	}
	if (!taken)
		config_free(next);
	json_decref(warnings);
	json_decref(notes);
	json_decref(diff);
	return ret;
}
