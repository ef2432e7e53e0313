/* SPDX-License-Identifier: GPL-2.0 */
/* What was in force before, and the way back there. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/diff.h"
#include "../lib/xalloc.h"
#include "api_internal.h"

static json_t *revision_json(const struct revision *revision)
{
	return json_pack("{s:I, s:I, s:s, s:o, s:o, s:s}", "revision", (json_int_t)revision->number, "time",
			 (json_int_t)revision->time, "by", revision->by, "uid",
			 revision->uid < 0 ? json_null() : json_integer(revision->uid), "pid",
			 revision->pid < 0 ? json_null() : json_integer(revision->pid), "summary", revision->summary);
}

/* The last one first. */
int api_get_history(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		    struct shunt_err *err)
{
	size_t count;
	const struct revision *revisions = history_list(d->history, &count);
	json_t *list = json_array();

	(void)request, (void)rest, (void)err;
	while (count--)
		json_array_append_new(list, revision_json(&revisions[count]));
	*body = json_pack("{s:I, s:o}", "revision", (json_int_t)history_number(d->history), "revisions", list);
	return 0;
}

/* Of the text up to its end, or to what may follow. where: the parameter; NULL: a path, which then is none. */
static int parse_number(const char *text, const char *end, const char *where, uint64_t *number, struct shunt_err *err)
{
	char *stop;

	errno = 0;
	*number = strtoull(text, &stop, 10);
	if (*text >= '1' && *text <= '9' && strcmp(stop, end) == 0 && !errno && *number <= INT64_MAX)
		return 0;
	return shunt_fail(err, where ? EINVAL : ENOENT, where, "\"%s\" is no revision, expected a number from 1", text);
}

/* The one in force as it is, whatever has become of its file. */
static struct config *config_of(const struct daemon *d, uint64_t number, struct shunt_err *err)
{
	if (number == history_number(d->history))
		return config_copy(d->config);
	return history_config(d->history, number, err);
}

static int diff_answer(const struct daemon *d, uint64_t from, uint64_t to, json_t **body, struct shunt_err *err)
{
	struct config *before = config_of(d, from, err), *after = before ? config_of(d, to, err) : NULL;

	if (after)
		*body = json_pack("{s:I, s:I, s:o}", "from", (json_int_t)from, "to", (json_int_t)to, "changes",
				  config_diff(before, after));
	config_free(before);
	config_free(after);
	return after ? 0 : -err->code;
}

/* /v1/history/N and /v1/history/N/diff */
int api_get_revision(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		     struct shunt_err *err)
{
	const char *more = strchrnul(rest, '/');
	bool diffs = strcmp(more, "/diff") == 0;
	uint64_t number, to = history_number(d->history);
	struct config *config;
	int ret;

	ret = parse_number(rest, diffs ? more : "", NULL, &number, err);
	if (!ret && diffs && request->to)
		ret = parse_number(request->to, "", "to", &to, err);
	if (ret)
		return ret;
	if (diffs)
		return diff_answer(d, number, to, body, err);
	config = config_of(d, number, err);
	if (!config)
		return -err->code;
	*body = config_to_json(config);
	config_free(config);
	return 0;
}

/* The last revision before the one in force. */
static int revision_before(const struct daemon *d, uint64_t *number, struct shunt_err *err)
{
	size_t count;
	const struct revision *revisions = history_list(d->history, &count);

	while (count && revisions[count - 1].number >= history_number(d->history))
		count--;
	if (!count)
		return shunt_fail(err, ENOENT, NULL, "there is no revision before %" PRIu64 ", which is in force",
				  history_number(d->history));
	*number = revisions[count - 1].number;
	return 0;
}

/* No body at all is as good as {}. */
static int wanted_revision(const struct daemon *d, const struct api_request *request, uint64_t *number,
			   struct shunt_err *err)
{
	json_t *tree = NULL, *value;
	int ret = request->len ? api_body_json(request, "application/json", &tree, err) : 0;

	value = json_object_get(tree, "to");
	if (ret == 0 && tree && !(json_is_object(tree) && json_object_size(tree) == (value ? 1u : 0u)))
		ret = shunt_fail(err, EINVAL, "body", "expected an object {\"to\": N}, or {}");
	else if (ret == 0 && value && !(json_is_integer(value) && json_integer_value(value) > 0))
		ret = shunt_fail(err, EINVAL, "to", "expected the number of a revision, from 1");
	else if (ret == 0 && value)
		*number = (uint64_t)json_integer_value(value);
	else if (ret == 0)
		ret = revision_before(d, number, err);
	json_decref(tree);
	return ret;
}

int api_post_rollback(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		      struct shunt_err *err)
{
	struct api_request rollback = *request;
	struct config *next;
	uint64_t number = 0;
	char *by;
	int ret;

	(void)rest;
	ret = wanted_revision(d, request, &number, err);
	if (ret)
		return ret;
	next = daemon_revision(d, number, err);
	if (!next)
		return -err->code;
	rollback.by = by = xasprintf("rollback to %" PRIu64, number);
	ret = api_change(d, &rollback, next, true, body, err);
	if (ret == 0)
		json_object_set_new(*body, "to", json_integer((json_int_t)number));
	free(by);
	return ret;
}
