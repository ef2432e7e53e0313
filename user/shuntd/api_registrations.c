/* SPDX-License-Identifier: GPL-2.0 */
/* PUT and DELETE /v1/registrations/NAME/ADDRESS: a backend's heartbeat, and its leave. */
#include <errno.h>
#include <string.h>

#include "../lib/config_found.h"
#include "api_internal.h"

/* NAME/ADDRESS; the service is there. */
static int parse_path(const struct daemon *d, const char *rest, char name[SHUNT_NAME_MAX], const char **address,
		      struct shunt_err *err)
{
	const char *slash = strchr(rest, '/');
	size_t len = slash ? (size_t)(slash - rest) : 0;

	if (!len || len >= SHUNT_NAME_MAX)
		return shunt_fail(err, ENOENT, NULL, "no such path; expected /v1/registrations/NAME/ADDRESS");
	memcpy(name, rest, len);
	name[len] = '\0';
	*address = slash + 1;
	return config_find_service(d->config, name) ? 0 : shunt_fail(err, ENOENT, NULL, "no service \"%s\"", name);
}

/* No body is an empty one: every member has a default. */
static int parse_body(const struct api_request *request, json_t **tree, struct shunt_err *err)
{
	if (request->len)
		return api_body_json(request, "application/json", tree, err);
	*tree = json_object();
	return 0;
}

int api_put_registration(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
			 struct shunt_err *err)
{
	struct config_backend backend;
	char name[SHUNT_NAME_MAX];
	json_t *tree = NULL;
	const char *address;
	bool changed = false;
	uint32_t ttl;
	int ret = parse_path(d, rest, name, &address, err);

	if (!ret)
		ret = parse_body(request, &tree, err);
	if (!ret)
		ret = config_registration(tree, address, &backend, &ttl, err);
	if (!ret)
		ret = discoverers_register(d, name, &backend, ttl, &changed, err);
	json_decref(tree);
	if (ret)
		return ret;
	*body = api_changed_json(d, changed);
	json_object_set_new(*body, "ttl", json_integer(ttl));
	return 0;
}

int api_delete_registration(struct daemon *d, const struct api_request *request, const char *rest, json_t **body,
			    struct shunt_err *err)
{
	char name[SHUNT_NAME_MAX];
	struct shunt_addr addr;
	const char *address;
	bool changed = false;
	int ret = parse_path(d, rest, name, &address, err);

	(void)request;
	if (!ret && addr_parse(address, &addr))
		ret = shunt_fail(
			err, EINVAL, "address",
			"\"%.80s\" is not an address; expected IPv4 or IPv6, such as 10.1.0.11 or 2001:db8::11",
			address);
	if (!ret)
		ret = discoverers_deregister(d, name, &addr, &changed, err);
	if (!ret)
		*body = api_changed_json(d, changed);
	return ret;
}
