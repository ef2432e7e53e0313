/* SPDX-License-Identifier: GPL-2.0 */
/* POST /v1/wake/NAME[/POOL] and /v1/sleep/NAME[/POOL]: what is on demand, by hand. */
#include <errno.h>
#include <string.h>

#include "api_internal.h"

/* *pool: NULL where there is none. */
static int parse_path(const char *rest, char name[SHUNT_NAME_MAX], const char **pool, struct shunt_err *err)
{
	size_t len = strcspn(rest, "/");

	if (!len || len >= SHUNT_NAME_MAX || (rest[len] && !rest[len + 1]))
		return shunt_fail(err, ENOENT, NULL, "no such path; expected NAME or NAME/POOL behind it");
	memcpy(name, rest, len);
	name[len] = '\0';
	*pool = rest[len] ? rest + len + 1 : NULL;
	return 0;
}

static json_t *answer(const struct daemon *d, const char *name, bool changed)
{
	json_t *body = api_changed_json(d, changed);

	json_object_set_new(body, "demand", demands_json(d, name));
	return body;
}

int api_post_wake(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		  struct shunt_err *err)
{
	char name[SHUNT_NAME_MAX];
	const char *pool;
	bool changed = false;
	int ret = parse_path(rest, name, &pool, err);

	(void)request;
	if (!ret)
		ret = demands_wake(d, name, pool, &changed, err);
	if (!ret)
		*body = answer(d, name, changed);
	return ret;
}

int api_post_sleep(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
		   struct shunt_err *err)
{
	char name[SHUNT_NAME_MAX];
	const char *pool;
	bool changed = false;
	int ret = parse_path(rest, name, &pool, err);

	if (!ret)
		ret = demands_sleep(d, name, pool, api_is_asked(request->force), &changed, err);
	if (!ret)
		*body = answer(d, name, changed);
	return ret;
}
