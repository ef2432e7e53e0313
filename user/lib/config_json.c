/* SPDX-License-Identifier: GPL-2.0 */
/* The canonical tree: every value written out, what is not set left out, so that reading it gives the same configuration. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_internal.h"

/* jansson fails only without memory, and on text that is not UTF-8, which no configuration holds. */
static json_t *made(json_t *value)
{
	if (!value)
		abort();
	return value;
}

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, made(value)))
		abort();
}

static void append(json_t *array, json_t *value)
{
	if (json_array_append_new(array, made(value)))
		abort();
}

static json_t *duration_to_json(uint32_t ms)
{
	char text[TREE_DURATION_TEXT];

	return json_string(tree_duration_format(ms, text));
}

static json_t *expect_to_json(const struct config_check *check)
{
	if (check->expect_min == check->expect_max)
		return json_integer(check->expect_min);
	return json_sprintf("%u-%u", check->expect_min, check->expect_max);
}

static json_t *hash_to_json(const struct config_hash *hash)
{
	json_t *object = made(json_object());

	set(object, "inputs", json_string(config_hash_name(hash->inputs)));
	if (hash->inputs == CONFIG_HASH_SOURCE) {
		set(object, "ipv4", json_integer(hash->ipv4));
		set(object, "ipv6", json_integer(hash->ipv6));
	}
	return object;
}

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		set(object, key, json_string(text));
}

static void web_check_to_json(json_t *object, const struct config_check *check)
{
	set(object, "path", json_string(check->path));
	set_text(object, "host", check->host);
	set(object, "expect", expect_to_json(check));
	if (check->type == CONFIG_CHECK_HTTPS) {
		set(object, "verify", json_boolean(check->verify));
		set_text(object, "ca", check->ca);
	}
}

static json_t *command_to_json(char *const *command)
{
	json_t *array = made(json_array());

	for (; *command; command++)
		append(array, json_string(*command));
	return array;
}

/* What only this type of check has. */
static void check_kind_to_json(json_t *object, const struct config_check *check)
{
	switch (check->type) {
	case CONFIG_CHECK_HTTP:
	case CONFIG_CHECK_HTTPS:
		web_check_to_json(object, check);
		break;
	case CONFIG_CHECK_DNS:
		set_text(object, "query", check->query);
		set_text(object, "record", config_record_words[check->record]);
		set_text(object, "expect", config_rcode_words[check->rcode]);
		break;
	case CONFIG_CHECK_UDP:
		set_text(object, "send", check->send);
		set_text(object, "expect", check->expect);
		break;
	case CONFIG_CHECK_EXEC:
		set(object, "command", command_to_json(check->command));
		break;
	default:
		break;
	}
}

static json_t *check_to_json(const struct config_check *check)
{
	json_t *object = made(json_object());

	set_text(object, "type", config_check_name(check->type));
	if (check->type == CONFIG_CHECK_NONE)
		return object;
	if (check->port)
		set(object, "port", json_integer(check->port));
	if (config_check_has_via(check->type))
		set_text(object, "via", config_via_words[check->via]);
	check_kind_to_json(object, check);
	set(object, "interval", duration_to_json(check->interval));
	if (check->fast_interval)
		set(object, "fast_interval", duration_to_json(check->fast_interval));
	set(object, "jitter", json_integer(check->jitter));
	set(object, "timeout", duration_to_json(check->timeout));
	set(object, "rise", json_integer(check->rise));
	set(object, "fall", json_integer(check->fall));
	return object;
}

json_t *config_encap_to_json(const struct config_encap *encap)
{
	const char *type = config_encap_name(encap->type);

	if (encap->type != CONFIG_ENCAP_GUE)
		return made(json_string(type));
	return made(json_pack("{s:s, s:i, s:i}", "type", type, "variant", encap->variant, "port", encap->port));
}

static json_t *server_ids_to_json(const struct config_backend *backend)
{
	json_t *array = made(json_array());
	char text[CONFIG_SERVER_ID_TEXT];

	for (size_t i = 0; i < backend->server_id_count; i++)
		append(array, json_string(config_server_id_format(&backend->server_ids[i], text)));
	return array;
}

static json_t *backend_to_json(const struct config_backend *backend)
{
	json_t *object = made(json_object());
	char text[SHUNT_ADDR_TEXT];

	set(object, "address", json_string(addr_format(&backend->addr, text)));
	set(object, "weight", json_integer(backend->weight));
	if (backend->admin != CONFIG_ADMIN_UNSET)
		set(object, "state", json_string(config_admin_name(backend->admin)));
	if (backend->has_mac)
		set(object, "mac", json_string(mac_format(backend->mac, text)));
	if (backend->has_encap)
		set(object, "encap", config_encap_to_json(&backend->encap));
	if (backend->server_id_count)
		set(object, "server_id", server_ids_to_json(backend));
	if (strcmp(backend->pool, CONFIG_POOL_DEFAULT) != 0)
		set(object, "pool", json_string(backend->pool));
	return object;
}

static json_t *quic_to_json(const struct config_service *service)
{
	json_t *configs = made(json_array());

	for (int id = 0; id < SHUNT_QUIC_CONFIGS; id++)
		if (service->quic[id])
			append(configs, json_pack("{s:i, s:i}", "id", id, "server_id_length", (int)service->quic[id]));
	return made(json_pack("{s:o}", "configs", configs));
}

json_t *config_service_to_json(const struct config_service *service)
{
	json_t *object = made(json_object()), *vips = made(json_array()), *backends = made(json_array());
	char text[SHUNT_ADDR_TEXT];

	for (size_t i = 0; i < service->vip_count; i++)
		append(vips, json_string(vip_format(&service->vips[i], text)));
	for (size_t i = 0; i < service->backend_count; i++)
		append(backends, backend_to_json(&service->backends[i]));
	set(object, "name", json_string(service->name));
	if (service->group[0])
		set(object, "group", json_string(service->group));
	if (service->file[0])
		set(object, "file", json_string(service->file));
	set(object, "vips", vips);
	set(object, "encap", config_encap_to_json(&service->encap));
	set(object, "ring_size", json_integer(service->ring_size));
	set(object, "echo", json_boolean(service->echo));
	set(object, "algorithm", json_string(config_algorithm_name(service->algorithm)));
	set(object, "sticky", json_integer(service->sticky));
	set(object, "hash", hash_to_json(&service->hash));
	if (service->sources)
		set(object, "sources", config_sources_to_json(service->sources));
	if (service->pool_count)
		set(object, "pools", config_pools_to_json(service));
	if (config_has_quic(service))
		set(object, "quic", quic_to_json(service));
	set(object, "udp", json_string(config_udp_name(service->udp)));
	set(object, "idle_timeout", json_integer(service->idle_timeout));
	set(object, "drain_timeout", json_integer(service->drain_timeout));
	set(object, "check", check_to_json(&service->check));
	if (service->panic)
		set(object, "panic", json_integer(service->panic));
	if (service->min_healthy.least)
		set(object, "min_healthy", made(config_min_healthy_to_json(&service->min_healthy)));
	if (service->slow_start)
		set(object, "slow_start", duration_to_json(service->slow_start));
	if (service->registration)
		set(object, "registration", json_true());
	if (service->discover_count)
		set(object, "discover", config_discover_to_json(service));
	if (service->demand_count)
		set(object, "on_demand", config_demand_to_json(service));
	set(object, "backends", backends);
	return object;
}

static json_t *interfaces_to_json(const struct config *config)
{
	json_t *array = made(json_array());

	for (size_t i = 0; i < config->interface_count; i++) {
		const struct config_interface *interface = &config->interfaces[i];
		json_t *object = made(json_object());

		set(object, "name", json_string(interface->name));
		set(object, "mode", json_string(config_mode_name(interface->mode)));
		append(array, object);
	}
	return array;
}

/* An empty object, which is left out, when neither family has a prefix. */
static json_t *source_to_json(const struct config *config)
{
	json_t *object = made(json_object());
	char text[SHUNT_ADDR_TEXT];

	if (config->source4.addr.family)
		set(object, "ipv4", json_string(prefix_format(&config->source4, text)));
	if (config->source6.addr.family)
		set(object, "ipv6", json_string(prefix_format(&config->source6, text)));
	return object;
}

static json_t *limits_to_json(const struct config *config)
{
	struct config_limits limits = config->limits;
	json_t *object = made(json_object());

	for (size_t i = 0; i < CONFIG_LIMIT_COUNT; i++)
		set(object, config_limit_table[i].key, json_integer(*config_limit_of(&limits, &config_limit_table[i])));
	return object;
}

json_t *config_to_json(const struct config *config)
{
	json_t *root = made(json_object()), *services = made(json_array()), *source = source_to_json(config);

	for (size_t i = 0; i < config->service_count; i++)
		append(services, config_service_to_json(&config->services[i]));
	set(root, "interfaces", interfaces_to_json(config));
	if (json_object_size(source))
		set(root, "source", source);
	else
		json_decref(source);
	if (config->has_seed)
		set(root, "seed", json_sprintf("0x%016llx", (unsigned long long)config->seed));
	set(root, "limits", limits_to_json(config));
	set(root, "icmp", made(json_pack("{s:I}", "rate", (json_int_t)config->icmp_rate)));
	config_groups_to_json(config, root);
	config_nulls_to_json(config, services);
	if (config->resolver_count)
		set(root, "resolvers", config_resolvers_to_json(config));
	set(root, "services", services);
	return root;
}
