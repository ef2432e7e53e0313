/* SPDX-License-Identifier: GPL-2.0 */
/*
 * QUIC: the configurations of connection ids of a service, and the server ids of its backends.
 *
 * A backend answers to the server ids it was given, and for each length in use of which it was given none, to one
 * that follows from its address. So it knows its id without being told, and a list of addresses is a whole
 * configuration.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"
#include "xalloc.h"

struct id_ref {
	struct config_server_id id;
	size_t backend;
	bool is_derived;
};

bool config_has_quic(const struct config_service *service)
{
	static const uint8_t none[SHUNT_QUIC_CONFIGS];

	return memcmp(service->quic, none, sizeof(none)) != 0;
}

static bool is_length(const struct config_service *service, uint8_t len)
{
	return memchr(service->quic, len, sizeof(service->quic)) != NULL;
}

static bool has_id_of(const struct config_backend *backend, uint8_t len)
{
	for (size_t i = 0; i < backend->server_id_count; i++)
		if (backend->server_ids[i].len == len)
			return true;
	return false;
}

/* The address's last octets; zeros in front of one that is shorter. */
static struct config_server_id derive(const struct shunt_addr *addr, uint8_t len)
{
	size_t size = addr->family == SHUNT_FAMILY_IPV4 ? 4 : 16, copied = len < size ? len : size;
	struct config_server_id id = {.len = len};

	memcpy(id.byte + len - copied, (const char *)addr->word + size - copied, copied);
	return id;
}

size_t config_server_ids(const struct config_service *service, const struct config_backend *backend,
			 struct config_server_id out[CONFIG_SERVER_IDS_ALL])
{
	size_t count = 0;

	for (size_t i = 0; i < backend->server_id_count; i++)
		if (is_length(service, backend->server_ids[i].len))
			out[count++] = backend->server_ids[i];
	for (uint8_t len = 1; len <= SHUNT_QUIC_ID_MAX; len++)
		if (is_length(service, len) && !has_id_of(backend, len))
			out[count++] = derive(&backend->addr, len);
	return count;
}

const char *config_server_id_format(const struct config_server_id *id, char buf[CONFIG_SERVER_ID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	char *to = buf;

	*to++ = '0';
	*to++ = 'x';
	for (size_t i = 0; i < id->len; i++) {
		*to++ = digits[id->byte[i] >> 4];
		*to++ = digits[id->byte[i] & 15];
	}
	*to = '\0';
	return buf;
}

int config_server_id_parse(const char *text, struct config_server_id *id)
{
	static const char hex[] = "0123456789abcdefABCDEF";
	size_t digits;

	if (strncmp(text, "0x", 2) != 0)
		return -EINVAL;
	text += 2;
	digits = strspn(text, hex);
	if (!digits || digits % 2 || digits > 2 * SHUNT_QUIC_ID_MAX || text[digits])
		return -EINVAL;
	*id = (struct config_server_id){.len = digits / 2};
	for (size_t i = 0; i < id->len; i++) {
		const char byte[] = {text[2 * i], text[2 * i + 1], '\0'};

		id->byte[i] = strtoul(byte, NULL, 16);
	}
	return 0;
}

static int parse_id(const struct tree_place *at, struct config_backend *backend)
{
	const char *text = json_string_value(at->value);

	if (backend->server_id_count == CONFIG_SERVER_IDS)
		return tree_fail(at, "one server id too many; expected at most %d", CONFIG_SERVER_IDS);
	if (!text || config_server_id_parse(text, &backend->server_ids[backend->server_id_count]))
		return tree_refuse(at, "a server id",
				   "\"0x\" and two hexadecimal digits for each of 1 to 15 octets, such as 0x0a0b0c");
	backend->server_id_count++;
	return 0;
}

int config_parse_server_ids(const struct tree_place *at, struct config_backend *backend)
{
	struct tree_place ids = tree_member(at, "server_id");

	if (!ids.value)
		return 0;
	if (!json_is_array(ids.value))
		return parse_id(&ids, backend);
	for (size_t i = 0; i < json_array_size(ids.value); i++) {
		struct tree_place element = tree_element(&ids, i);

		if (parse_id(&element, backend))
			return -EINVAL;
	}
	return 0;
}

/* A member that must be there. */
static int need_u32(const struct tree_place *at, const char *key, uint32_t min, uint32_t max, uint32_t *out)
{
	struct tree_place place = tree_member(at, key);

	if (!place.value)
		return tree_fail(&place, "missing; expected %u to %u", min, max);
	return tree_u32(at, key, min, max, out);
}

static int parse_config(const struct tree_place *at, struct config_service *service)
{
	static const char *const keys[] = {"id", "server_id_length", NULL};
	uint32_t id, len;

	if (tree_object(at, keys) || need_u32(at, "id", 0, SHUNT_QUIC_CONFIGS - 1, &id) ||
	    need_u32(at, "server_id_length", 1, SHUNT_QUIC_ID_MAX, &len))
		return -EINVAL;
	if (service->quic[id])
		return tree_fail(at, "a second configuration of id %u; expected each id once", id);
	service->quic[id] = len;
	return 0;
}

int config_parse_quic(const struct tree_place *at, struct config_service *service)
{
	static const char *const keys[] = {"configs", NULL};
	static const char expected[] = "at least one configuration such as {id: 0, server_id_length: 4}";
	struct tree_place quic = tree_member(at, "quic"), list;

	if (!quic.value)
		return 0;
	if (tree_object(&quic, keys))
		return -EINVAL;
	list = tree_member(&quic, "configs");
	if (!json_is_array(list.value))
		return tree_refuse(&list, "a list", expected);
	if (!json_array_size(list.value))
		return tree_fail(&list, "an empty list; expected %s", expected);
	for (size_t i = 0; i < json_array_size(list.value); i++) {
		struct tree_place element = tree_element(&list, i);

		if (parse_config(&element, service))
			return -EINVAL;
	}
	return 0;
}

/* ---- what takes several values to judge */

static int compare_ids(const void *a, const void *b)
{
	const struct id_ref *x = a, *y = b;
	int order = memcmp(&x->id, &y->id, sizeof(x->id));

	return order ? order : x->backend < y->backend ? -1 : x->backend > y->backend;
}

static int refuse_twice(const struct config_service *service, const struct id_ref *first, const struct id_ref *second,
			const struct tree_place *at)
{
	struct tree_place backends = tree_member(at, "backends"), place = tree_element(&backends, second->backend);
	char id[CONFIG_SERVER_ID_TEXT], addr[2][SHUNT_ADDR_TEXT];

	config_server_id_format(&second->id, id);
	addr_format(&service->backends[first->backend].addr, addr[0]);
	addr_format(&service->backends[second->backend].addr, addr[1]);
	if (first->backend == second->backend)
		return tree_fail(&place, "server id %s is given twice; expected each once", id);
	return tree_fail(
		&place,
		"server id %s, %s for %s, is that of %s too, %s; expected ids that differ: give one of them another "
		"server_id",
		id, second->is_derived ? "derived from its address" : "given", addr[1], addr[0],
		first->is_derived ? "derived from its address" : "given");
}

static int check_ids(const struct config_service *service, const struct tree_place *at, size_t *total)
{
	struct id_ref *refs = xcalloc(service->backend_count * CONFIG_SERVER_IDS_ALL, sizeof(*refs));
	size_t count = 0;
	int err = 0;

	for (size_t i = 0; i < service->backend_count; i++) {
		const struct config_backend *backend = &service->backends[i];
		struct config_server_id ids[CONFIG_SERVER_IDS_ALL];
		size_t own = config_server_ids(service, backend, ids);

		for (size_t j = 0; j < own; j++)
			refs[count++] = (struct id_ref){ids[j], i, !has_id_of(backend, ids[j].len)};
	}
	qsort(refs, count, sizeof(*refs), compare_ids);
	for (size_t i = 1; i < count && !err; i++)
		if (!memcmp(&refs[i].id, &refs[i - 1].id, sizeof(refs[i].id)))
			err = refuse_twice(service, &refs[i - 1], &refs[i], at);
	free(refs);
	*total += count;
	return err;
}

static int check_no_quic(const struct config_service *service, const struct tree_place *at)
{
	for (size_t i = 0; i < service->backend_count; i++) {
		struct tree_place backends = tree_member(at, "backends"), place = tree_element(&backends, i);

		if (service->backends[i].server_id_count)
			return tree_fail(&place,
					 "has a server_id, but its service has no quic; add that, or leave the id out");
	}
	return 0;
}

static int check_service(const struct config_service *service, const struct tree_place *at, size_t *total)
{
	struct tree_place quic = tree_member(at, "quic");

	if (!config_has_quic(service))
		return check_no_quic(service, at);
	for (size_t i = 0; i < service->vip_count; i++)
		if (service->vips[i].proto == IPPROTO_UDP)
			return check_ids(service, at, total);
	return tree_fail(&quic, "no VIP of the service is UDP; expected one such as 192.0.2.10:443/udp");
}

int config_check_quic(const struct config *config, const struct tree_place *root)
{
	struct tree_place services = tree_member(root, "services"), limits = tree_member(root, "limits");
	struct tree_place limit = tree_member(&limits, "quic_ids");
	size_t total = 0;

	for (size_t i = 0; i < config->service_count; i++) {
		struct tree_place at = tree_element(&services, i);

		if (check_service(&config->services[i], &at, &total))
			return -EINVAL;
	}
	if (total <= config->limits.quic_ids)
		return 0;
	return tree_fail(&limit, "%u is too small for %zu QUIC server ids; raise it to %zu or more",
			 config->limits.quic_ids, total, total);
}
