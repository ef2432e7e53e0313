/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the daemon knows, as JSON. Reads configuration, model, health, next hops and counters; changes nothing.
 *
 * Counters, times and sizes are JSON integers, never rounded: units are for the command that shows them to people.
 * jansson returns NULL when memory is gone and its setters then fail in turn, so a builder checks nothing in
 * between; api_routes.c answers 500 to a NULL.
 */
#include <errno.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "api_internal.h"
#include "discovery.h"

#define MAX_INTERFACES 64

json_t *api_version_json(void)
{
	return json_pack("{s:s, s:i}", "version", SHUNT_VERSION, "format", SHUNT_FORMAT);
}

static json_t *uint_json(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *interfaces_json(const struct daemon *d)
{
	struct attach_status list[MAX_INTERFACES];
	size_t count = attach_list(d->attach, list, MAX_INTERFACES);
	json_t *array = json_array();

	for (size_t i = 0; i < count && i < MAX_INTERFACES; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:I, s:b, s:s, s:b, s:I}", "name", list[i].name, "ifindex",
						(json_int_t)list[i].ifindex, "attached", list[i].attached, "mode",
						config_mode_name(list[i].mode), "dispatcher", list[i].dispatcher,
						"program", (json_int_t)list[i].prog_id));
	return array;
}

static json_t *use_json(uint64_t used, uint64_t limit)
{
	return json_pack("{s:I, s:I}", "used", (json_int_t)used, "limit", (json_int_t)limit);
}

static json_t *usage_json(const struct daemon *d)
{
	struct datapath_usage usage;
	struct datapath_table table;

	datapath_usage(d->dp, &usage);
	datapath_table(d->dp, &table);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "vips", use_json(usage.vips, usage.vips_max),
			 "services", use_json(usage.services, usage.services_max), "destinations",
			 use_json(usage.destinations, usage.destinations_max), "ring_slots",
			 use_json(usage.ring_slots, usage.ring_slots_max), "prefixes",
			 use_json(usage.prefixes, usage.prefixes_max), "port_ranges",
			 use_json(usage.port_ranges, usage.port_ranges_max), "sources",
			 use_json(usage.sources, usage.sources_max), "connections",
			 use_json(table.entries, table.entries_max));
}

static json_t *service_summary_json(const struct daemon *d, const struct config_service *service)
{
	size_t up = 0;

	for (size_t i = 0; i < service->backend_count; i++)
		up += daemon_backend_state(d, service->name, &service->backends[i]) == BACKEND_UP;
	return json_pack("{s:s, s:I, s:{s:I, s:I}, s:o, s:o*}", "name", service->name, "vips",
			 (json_int_t)service->vip_count, "backends", "up", (json_int_t)up, "total",
			 (json_int_t)service->backend_count, "serving", api_serving_json(d, service), "demand",
			 demands_json(d, service->name));
}

json_t *api_refused_json(const struct daemon *d)
{
	return d->refused ? json_deep_copy(d->refused) : json_array();
}

json_t *api_status_json(const struct daemon *d)
{
	json_t *status = json_pack("{s:s, s:I, s:I, s:I, s:I, s:s?, s:s?, s:s?, s:o}", "version", SHUNT_VERSION, "pid",
				   (json_int_t)getpid(), "started", (json_int_t)d->started, "generation",
				   (json_int_t)datapath_generation(d->dp), "revision",
				   (json_int_t)history_number(d->history), "config_file", d->config_path, "state_file",
				   d->state_path, "services_dir", d->services_dir, "refused", api_refused_json(d));
	json_t *services = json_array();

	for (size_t i = 0; i < d->effective->service_count; i++)
		json_array_append_new(services, service_summary_json(d, &d->effective->services[i]));
	json_object_set_new(status, "interfaces", interfaces_json(d));
	json_object_set_new(status, "usage", usage_json(d));
	json_object_set_new(status, "services", services);
	return status;
}

static json_t *health_json(const struct daemon *d, const char *service, const struct shunt_addr *addr)
{
	const struct health_status *status = health_get(d->health, service, addr);

	if (!status)
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:s}", "state", health_state_name(status->state), "since",
			 (json_int_t)status->since, "checked", (json_int_t)status->checked, "reason", status->reason);
}

/* In the words of `ip -json -details link`; outermost first. */
static json_t *tags_json(const struct nexthop *hop)
{
	json_t *tags = json_array();

	for (uint8_t i = 0; i < hop->tags; i++)
		json_array_append_new(tags, json_pack("{s:s, s:i}", "protocol",
						      hop->tag[i].tpid == ETH_P_8021AD ? "802.1ad" : "802.1Q", "id",
						      (int)hop->tag[i].vid));
	return tags;
}

/* The kernel is asked for an interface's name once an answer, not for each backend behind it: a name can change. */
static struct {
	uint32_t ifindex; /* 0: none has been asked for */
	char name[IFNAMSIZ];
} named;

static const char *interface_name(uint32_t ifindex)
{
	if (named.ifindex != ifindex)
		named.ifindex = if_indextoname(ifindex, named.name) ? ifindex : 0;
	return named.ifindex ? named.name : NULL;
}

static json_t *nexthop_json(const struct daemon *d, const struct shunt_addr *addr, const struct config_encap *encap)
{
	const struct nexthop *hop = nexthops_get(d->nexthops, addr);
	const char *refusal = hop ? model_nexthop_refusal(encap, hop) : NULL;
	char mac[SHUNT_ADDR_TEXT], gateway[SHUNT_ADDR_TEXT];

	if (!hop)
		return json_null();
	if (!hop->resolved || refusal)
		return json_pack("{s:b, s:s}", "resolved", 0, "why", refusal ? refusal : hop->why);
	return json_pack("{s:b, s:s?, s:o, s:s, s:s?, s:I, s:o*}", "resolved", 1, "interface",
			 interface_name(hop->ifindex), "vlan", tags_json(hop), "mac", mac_format(hop->dst_mac, mac),
			 "gateway", hop->gateway.family ? addr_format(&hop->gateway, gateway) : NULL, "mtu",
			 (json_int_t)hop->mtu, "path_mtu", hop->path_mtu ? json_integer(hop->path_mtu) : NULL);
}

static void set_counter(json_t *object, const struct shunt_counter *counter)
{
	json_object_set_new(object, "packets", uint_json(counter->packets));
	json_object_set_new(object, "bytes", uint_json(counter->bytes));
}

/* All that the backend answers to, those from its address included. */
static json_t *server_ids_json(const struct config_service *service, const struct config_backend *backend)
{
	struct config_server_id ids[CONFIG_SERVER_IDS_ALL];
	size_t count = config_server_ids(service, backend, ids);
	char text[CONFIG_SERVER_ID_TEXT];
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(array, json_string(config_server_id_format(&ids[i], text)));
	return array;
}

/* A backend as configured, and what has become of it: "state" is the model's word, "admin" what the operator asked for. */
static json_t *backend_json(const struct daemon *d, const struct config_service *service,
			    const struct config_backend *backend)
{
	struct shunt_counter counter = {0};
	char addr[SHUNT_ADDR_TEXT], mac[SHUNT_ADDR_TEXT];
	const struct model_dest *dest = model_find_dest(d->model, service->name, &backend->addr);
	enum backend_state state = daemon_backend_state(d, service->name, backend);
	const struct config_encap *encap = config_encap_of(service, backend);
	enum config_admin admin = backend->admin == CONFIG_ADMIN_UNSET ? CONFIG_ADMIN_UP : backend->admin;
	char text[DISCOVERY_TEXT];
	const char *from = discovery_from(d->discovery, service->name, &backend->addr, text);
	json_t *object = json_pack("{s:s, s:s, s:I, s:s, s:s}", "address", addr_format(&backend->addr, addr), "pool",
				   backend->pool, "weight", (json_int_t)backend->weight, "state",
				   backend_state_name(state), "admin", config_admin_name(admin));

	json_object_set_new(object, "from", json_string(from ? from : "config"));
	if (dest && dest->began)
		json_object_set_new(object, "slow_start", json_integer(dest->level * 100 / RING_TURNS));
	if (backend->has_mac)
		json_object_set_new(object, "mac", json_string(mac_format(backend->mac, mac)));
	json_object_set_new(object, "encap", config_encap_to_json(encap));
	json_object_set_new(object, "health", health_json(d, service->name, &backend->addr));
	json_object_set_new(object, "nexthop", nexthop_json(d, &backend->addr, encap));
	if (config_has_quic(service))
		json_object_set_new(object, "server_ids", server_ids_json(service, backend));
	if (config_picks(service->algorithm, service->sticky))
		json_object_set_new(object, "connections",
				    uint_json(datapath_dest_connections(d->dp, service->name, &backend->addr)));
	api_set_hold(object, d, service->name, backend);
	datapath_dest_counter(d->dp, service->name, &backend->addr, &counter);
	set_counter(object, &counter);
	return object;
}

static json_t *source_counts_json(const struct config_sources *sources)
{
	json_t *object = json_pack("{s:I, s:I}", "allow", (json_int_t)sources->counts[CONFIG_SOURCE_ALLOW], "deny",
				   (json_int_t)sources->counts[CONFIG_SOURCE_DENY]);
	json_t *pools = json_object();

	for (size_t i = 0; i < sources->pool_count; i++)
		json_object_set_new(pools, sources->pools[i].name, uint_json(sources->pools[i].count));
	json_object_set_new(object, "pools", pools);
	return object;
}

static json_t *service_json(const struct daemon *d, const struct config_service *service)
{
	json_t *object = config_service_to_json(service);
	json_t *backends = json_array();

	for (size_t i = 0; i < service->backend_count; i++)
		json_array_append_new(backends, backend_json(d, service, &service->backends[i]));
	json_object_set_new(object, "serving", api_serving_json(d, service));
	json_object_set_new(object, "pools", api_pools_json(d, service, backends));
	json_object_set_new(object, "backends", backends);
	if (service->demand_count)
		json_object_set_new(object, "demand", demands_json(d, service->name));
	if (config_discovers(service))
		json_object_set_new(object, "discovered", discovery_json(d->discovery, service->name));
	if (service->sources) /* a list may be of 100,000: it is in the configuration */
		json_object_set_new(object, "sources", source_counts_json(service->sources));
	return object;
}

/* An answer begins. */
static int read_counters(const struct daemon *d, struct shunt_err *err)
{
	int ret = datapath_counters_refresh(d->dp);

	named.ifindex = 0;
	if (ret)
		return shunt_fail(err, -ret, "counters", "cannot read their maps: %s", strerror(-ret));
	return 0;
}

json_t *api_service_json(const struct daemon *d, const char *name, struct shunt_err *err)
{
	const struct config_service *service = config_find_service(d->effective, name);

	if (!service) {
		shunt_fail(err, ENOENT, NULL, "no service \"%s\"", name);
		return NULL;
	}
	return read_counters(d, err) ? NULL : service_json(d, service);
}

json_t *api_services_json(const struct daemon *d, struct shunt_err *err)
{
	json_t *services;

	if (read_counters(d, err))
		return NULL;
	services = json_array();
	for (size_t i = 0; i < d->effective->service_count; i++)
		json_array_append_new(services, service_json(d, &d->effective->services[i]));
	return json_pack("{s:o}", "services", services);
}

static json_t *quic_choices_json(const struct daemon *d, const char *service)
{
	static const struct {
		const char *name, *text;
	} choices[] = {
#define X(name, text) {#name, text},
		SHUNT_QUIC_CHOICES(X)
#undef X
	};
	uint64_t packets[SHUNT_QUIC_CHOICE_COUNT];
	json_t *array = json_array();

	datapath_quic_choices(d->dp, service, packets);
	for (int i = 0; i < SHUNT_QUIC_CHOICE_COUNT; i++)
		json_array_append_new(array, json_pack("{s:s, s:s, s:o}", "choice", choices[i].name, "text",
						       choices[i].text, "packets", uint_json(packets[i])));
	return array;
}

/* A service's total is what went to the backends it has and to those it had. */
static json_t *service_stats_json(const struct daemon *d, const struct config_service *service)
{
	json_t *backends = json_array();
	struct shunt_counter total = {0};
	json_t *object;

	datapath_service_retired(d->dp, service->name, &total);
	for (size_t i = 0; i < service->backend_count; i++) {
		const struct config_backend *backend = &service->backends[i];
		enum backend_state state = daemon_backend_state(d, service->name, backend);
		struct shunt_counter counter = {0};
		char addr[SHUNT_ADDR_TEXT];
		json_t *entry = json_pack("{s:s, s:s, s:s}", "address", addr_format(&backend->addr, addr), "pool",
					  backend->pool, "state", backend_state_name(state));

		datapath_dest_counter(d->dp, service->name, &backend->addr, &counter);
		set_counter(entry, &counter);
		json_array_append_new(backends, entry);
		total.packets += counter.packets;
		total.bytes += counter.bytes;
	}
	object = json_pack("{s:s}", "name", service->name);
	set_counter(object, &total);
	json_object_set_new(object, "backends", backends);
	json_object_set_new(object, "connections", api_conns_json(d, service->name));
	if (config_has_quic(service))
		json_object_set_new(object, "quic", quic_choices_json(d, service->name));
	return object;
}

static json_t *reasons_json(const struct daemon *d)
{
	static const struct {
		const char *name, *action, *text;
	} reasons[] = {
#define PASS "pass"
#define DROP "drop"
#define TX "reply"
#define X(e, name, action, text) {#name, action, text},
		SHUNT_REASONS(X)
#undef X
#undef PASS
#undef DROP
#undef TX
	};
	json_t *array = json_array();

	_Static_assert(sizeof(reasons) / sizeof(reasons[0]) == SHUNT_REASON_COUNT, "a name for every reason");
	for (int i = 0; i < SHUNT_REASON_COUNT; i++) {
		struct shunt_counter counter = {0};
		json_t *reason = json_pack("{s:s, s:s, s:s}", "reason", reasons[i].name, "action", reasons[i].action,
					   "text", reasons[i].text);

		datapath_reason_counter(d->dp, i, &counter);
		set_counter(reason, &counter);
		json_array_append_new(array, reason);
	}
	return array;
}

json_t *api_stats_json(const struct daemon *d, struct shunt_err *err)
{
	json_t *services;

	if (read_counters(d, err))
		return NULL;
	services = json_array();
	for (size_t i = 0; i < d->effective->service_count; i++)
		json_array_append_new(services, service_stats_json(d, &d->effective->services[i]));
	return json_pack("{s:o, s:o, s:o}", "services", services, "table", api_conn_table_json(d), "reasons",
			 reasons_json(d));
}
