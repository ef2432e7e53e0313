/* SPDX-License-Identifier: GPL-2.0 */
/* What each KEY=VALUE looks like. Ranges are the daemon's to judge: written down in one place only. */
#include "keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/config.h"
#include "../lib/xalloc.h"
#include "keys_priv.h"
#include "words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define KEYS_MAX 24

int keys_put(json_t *object, const char *member, json_t *value, struct shunt_err *err)
{
	if (json_object_get(object, member)) {
		json_decref(value);
		return shunt_fail(err, EINVAL, NULL, "given twice");
	}
	json_object_set_new(object, member, value);
	return 0;
}

void keys_append(json_t *object, const char *member, json_t *value)
{
	json_t *list = json_object_get(object, member);

	if (!list) {
		list = json_array();
		json_object_set_new(object, member, list);
	}
	json_array_append_new(list, value);
}

static bool is_number(const char *value)
{
	/* 18 digits: json_int_t holds them all. */
	return value[0] && strspn(value, "0123456789") == strlen(value) && strlen(value) <= 18;
}

static int set_number(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	if (!is_number(value))
		return shunt_fail(err, EINVAL, NULL, "expected a whole number");
	return keys_put(object, key->member, json_integer(atoll(value)), err);
}

int keys_text(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	json_t *text = value[0] ? json_string(value) : NULL;

	if (!text)
		return shunt_fail(err, EINVAL, NULL, "expected a text, in UTF-8 and not empty");
	return keys_put(object, key->member, text, err);
}

int keys_more_text(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	json_t *text = json_string(value);

	if (!text)
		return shunt_fail(err, EINVAL, NULL, "expected a text, in UTF-8");
	keys_append(object, key->member, text);
	return 0;
}

int keys_duration(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	size_t digits = strspn(value, "0123456789");
	static const char *const units[] = {"ms", "s", "m", "h"};

	for (size_t i = 0; digits && i < COUNT(units); i++) {
		if (strcmp(value + digits, units[i]) == 0)
			return keys_text(object, key, value, err);
	}
	return shunt_fail(err, EINVAL, NULL, "expected a duration with its unit, such as 500ms, 2s, 1m");
}

static int set_bool(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	if (strcmp(value, "true") != 0 && strcmp(value, "false") != 0)
		return shunt_fail(err, EINVAL, NULL, "expected true or false");
	return keys_put(object, key->member, json_boolean(value[0] == 't'), err);
}

/* One of the words of an enum, as the configuration spells them. */
struct choice {
	const char *what;
	const char *(*name)(unsigned int value);
	unsigned int first, last;
};

static int check_word(const struct choice *choice, const char *value, struct shunt_err *err)
{
	const char *words[16];
	size_t count = 0;

	for (unsigned int i = choice->first; i <= choice->last; i++)
		words[count++] = choice->name(i);
	return words_find_exact(value, words, count, choice->what, err) < 0 ? -EINVAL : 0;
}

static int set_word(json_t *object, const char *member, const struct choice *choice, const char *value,
		    struct shunt_err *err)
{
	int rc = check_word(choice, value, err);

	return rc ? rc : keys_put(object, member, json_string(value), err);
}

static int set_encap(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct choice choice = {"encapsulation", config_encap_name, 0, CONFIG_ENCAP_L2DSR};
	json_t *encap = json_object_get(object, key->member);

	if (json_is_object(encap)) /* encap.KEY= was first */
		return set_word(encap, "type", &choice, value, err);
	return set_word(object, key->member, &choice, value, err);
}

static int set_check_type(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct choice choice = {"check", config_check_name, 0, CONFIG_CHECK_EXEC};

	return set_word(object, key->member, &choice, value, err);
}

static int set_state(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct choice choice = {"state", config_admin_name, CONFIG_ADMIN_UP, CONFIG_ADMIN_DRAIN};

	return set_word(object, key->member, &choice, value, err);
}

static int set_algorithm(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct choice choice = {"algorithm", config_algorithm_name, 0, CONFIG_ALGORITHM_LEAST};

	return set_word(object, key->member, &choice, value, err);
}

static int set_udp(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct choice choice = {"policy", config_udp_name, 0, CONFIG_UDP_TRACK};

	return set_word(object, key->member, &choice, value, err);
}

/* A number of backends, or percent of them. */
static int set_min_healthy(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	size_t digits = strspn(value, "0123456789");

	if (digits && strcmp(value + digits, "%") == 0)
		return keys_put(object, key->member, json_string(value), err);
	if (is_number(value))
		return keys_put(object, key->member, json_integer(atoll(value)), err);
	return shunt_fail(err, EINVAL, NULL, "expected a number of backends such as 2, or percent such as 50%%");
}

static int set_mac(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	uint8_t mac[6];

	if (mac_parse(value, mac))
		return shunt_fail(err, EINVAL, NULL, "expected a MAC address such as 02:00:00:00:00:01");
	return keys_put(object, key->member, json_string(value), err);
}

/* Given again: another one. */
static int set_server_id(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	struct config_server_id id;

	if (config_server_id_parse(value, &id))
		return shunt_fail(err, EINVAL, NULL,
				  "expected \"0x\" and two hexadecimal digits for each of 1 to 15 octets, such as "
				  "0x0a0b0c");
	keys_append(object, key->member, json_string(value));
	return 0;
}

/* ID:LENGTH of a configuration; given again: another one. */
static int set_quic(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	const char *colon = strchr(value, ':');
	char *id = xasprintf("%.*s", colon ? (int)(colon - value) : 0, value);
	bool valid = colon && is_number(id) && is_number(colon + 1);
	json_t *quic = json_object_get(object, key->member);

	if (valid && !quic) {
		quic = json_object();
		json_object_set_new(object, key->member, quic);
	}
	if (valid)
		keys_append(quic, "configs",
			    json_pack("{s:I, s:I}", "id", (json_int_t)atoll(id), "server_id_length",
				      (json_int_t)atoll(colon + 1)));
	free(id);
	return valid ? 0
		     : shunt_fail(err, EINVAL, NULL,
				  "expected ID:LENGTH, a configuration and the octets of its server ids, such as 0:4");
}

int keys_check_address(const char *value, struct shunt_err *err)
{
	struct shunt_addr addr;

	if (addr_parse(value, &addr))
		return shunt_fail(err, EINVAL, NULL, "expected an address such as 10.1.0.11 or 2001:db8::11");
	return 0;
}

static int set_vip(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	struct config_vip vip;
	int rc = vip_parse(value, &vip);

	if (rc == -ERANGE)
		return shunt_fail(err, EINVAL, NULL, "expected no bits set behind the prefix's length");
	if (rc)
		return shunt_fail(err, EINVAL, NULL,
				  "expected ADDRESS:PORT/tcp or /udp, such as 192.0.2.10:80/tcp or "
				  "[2001:db8::10]:80/tcp; PORT may be a range such as 8000-8999, or * for all, and "
				  "ADDRESS a prefix such as 192.0.2.0/24");
	keys_append(object, key->member, json_string(value));
	return 0;
}

/* KIND:TEXT; given again: another source. */
static int set_discover(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct choice choice = {"source of backends", config_discover_name, 0, CONFIG_DISCOVER_KINDS - 1};
	const char *colon = strchr(value, ':');
	char *kind = xasprintf("%.*s", colon ? (int)(colon - value) : (int)strlen(value), value);
	json_t *text = colon && colon[1] ? json_string(colon + 1) : NULL;
	int ret = check_word(&choice, kind, err);

	if (!ret && !text)
		ret = shunt_fail(err, EINVAL, NULL, "expected KIND:TEXT, such as files:/etc/shunt/targets.d/*.json");
	if (!ret)
		keys_append(object, key->member, json_pack("{s:O}", kind, text));
	json_decref(text);
	free(kind);
	return ret;
}

static int set_check(json_t *object, const struct key *key, const char *value, struct shunt_err *err);
static int set_hash(json_t *object, const struct key *key, const char *value, struct shunt_err *err);
static int set_backend(json_t *object, const struct key *key, const char *value, struct shunt_err *err);

static const struct key service_keys[] = {
	{"vip", set_vip, "vips"},
	{"encap", set_encap, "encap"},
	{"ring_size", set_number, "ring_size"},
	{"echo", set_bool, "echo"},
	{"quic", set_quic, "quic"},
	{"backend", set_backend, "backends"},
	{"check", set_check, "check"},
	{"algorithm", set_algorithm, "algorithm"},
	{"sticky", set_number, "sticky"},
	{"hash", set_hash, "hash"},
	{"udp", set_udp, "udp"},
	{"group", keys_text, "group"},
	{"idle_timeout", set_number, "idle_timeout"},
	{"drain_timeout", set_number, "drain_timeout"},
	{"panic", set_number, "panic"},
	{"min_healthy", set_min_healthy, "min_healthy"},
	{"slow_start", keys_duration, "slow_start"},
	{"registration", set_bool, "registration"},
	{"discover", set_discover, "discover"},
	{"on_demand", keys_none, "on_demand"},
};

/* Behind "check.". */
static const struct key check_keys[] = {
	{"type", set_check_type, "type"},
	{"port", set_number, "port"},
	{"via", keys_text, "via"},
	{"path", keys_text, "path"},
	{"host", keys_text, "host"},
	{"expect", keys_text, "expect"},
	{"verify", set_bool, "verify"},
	{"ca", keys_text, "ca"},
	{"query", keys_text, "query"},
	{"record", keys_text, "record"},
	{"send", keys_text, "send"},
	{"command", keys_more_text, "command"},
	{"interval", keys_duration, "interval"},
	{"fast_interval", keys_duration, "fast_interval"},
	{"jitter", set_number, "jitter"},
	{"timeout", keys_duration, "timeout"},
	{"rise", set_number, "rise"},
	{"fall", set_number, "fall"},
};

/* Behind "encap.". */
static const struct key encap_keys[] = {
	{"variant", set_number, "variant"},
	{"port", set_number, "port"},
};

/* Behind hash=source. */
static const struct key hash_keys[] = {
	{"ipv4", set_number, "ipv4"},
	{"ipv6", set_number, "ipv6"},
};

static const struct key backend_keys[] = {
	{"weight", set_number, "weight"},
	{"state", set_state, "state"},
	{"mac", set_mac, "mac"},
	{"encap", set_encap, "encap"},
	{"server_id", set_server_id, "server_id"},
	{"pool", keys_text, "pool"},
};

static const struct key pool_keys[] = {
	{"share", set_number, "share"},
	{"backup", set_bool, "backup"},
	{"min_healthy", set_min_healthy, "min_healthy"},
	{"on_demand", keys_none, "on_demand"},
};

int keys_by_name(json_t *object, const struct key *keys, size_t count, const char *name, const char *value,
		 struct shunt_err *err)
{
	const char *names[KEYS_MAX];
	int found;

	for (size_t i = 0; i < count; i++)
		names[i] = keys[i].name;
	found = words_find_exact(name, names, count, "key", err);
	return found < 0 ? found : keys[found].set(object, &keys[found], value, err);
}

static json_t *check_of(json_t *service)
{
	json_t *check = json_object_get(service, "check");

	if (!check) {
		check = json_object();
		json_object_set_new(service, "check", check);
	}
	return check;
}

/* The mapping, for more than a word: encap=WORD is its type then. */
static json_t *encap_of(json_t *object)
{
	json_t *encap = json_object_get(object, "encap");

	if (json_is_object(encap))
		return encap;
	encap = encap ? json_pack("{s:O}", "type", encap) : json_object();
	json_object_set_new(object, "encap", encap);
	return encap;
}

/* TYPE[:PORT][:PATH], such as "http:/healthz", "http:8080:/healthz", "tcp:8080", "none". A path may hold anything. */
static int set_check(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct key type_key = {NULL, set_check_type, "type"}, port_key = {NULL, set_number, "port"},
				path_key = {NULL, keys_text, "path"};
	json_t *check = check_of(object);
	char *text = xstrdup(value), *rest = text;
	const char *type = strsep(&rest, ":");
	int ret = set_check_type(check, &type_key, type, err);

	(void)key;
	if (ret == 0 && rest && rest[0] != '/') {
		const char *port = strsep(&rest, ":");

		ret = set_number(check, &port_key, port, err);
		if (ret && !is_number(port))
			ret = shunt_fail(err, EINVAL, NULL, "expected TYPE[:PORT][:/PATH], such as http:8080:/healthz");
	}
	if (ret == 0 && rest && rest[0] != '/')
		ret = shunt_fail(err, EINVAL, NULL,
				 "expected a path that begins with \"/\", such as http:8080:/healthz");
	else if (ret == 0 && rest)
		ret = keys_text(check, &path_key, rest, err);
	free(text);
	return ret;
}

/* Whatever is like "KEY=VALUE", into object. */
static int set_pair(json_t *object, const struct key *keys, size_t count, const char *pair, struct shunt_err *err)
{
	const char *equals = strchr(pair, '=');
	char *name;
	int ret;

	if (!equals)
		return shunt_fail(err, EINVAL, NULL, "expected KEY=VALUE");
	name = xasprintf("%.*s", (int)(equals - pair), pair);
	if (keys == service_keys && strncmp(name, "check.", 6) == 0)
		ret = keys_by_name(check_of(object), check_keys, COUNT(check_keys), name + 6, equals + 1, err);
	else if ((keys == service_keys || keys == pool_keys) && strncmp(name, "on_demand.", 10) == 0)
		ret = keys_set_demand(object, name + 10, equals + 1, err);
	else if (strncmp(name, "encap.", 6) == 0)
		ret = keys_by_name(encap_of(object), encap_keys, COUNT(encap_keys), name + 6, equals + 1, err);
	else
		ret = keys_by_name(object, keys, count, name, equals + 1, err);
	free(name);
	return ret;
}

/* ADDRESS[,KEY=VALUE...] */
static int set_backend(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	char *text = xstrdup(value), *rest = text;
	const char *address = strsep(&rest, ","), *pair;
	json_t *backend = json_pack("{s:s*}", "address", address);
	int ret = keys_check_address(address, err);

	while (ret == 0 && (pair = strsep(&rest, ",")))
		ret = set_pair(backend, backend_keys, COUNT(backend_keys), pair, err);
	if (ret == 0)
		keys_append(object, key->member, json_incref(backend));
	json_decref(backend);
	free(text);
	return ret;
}

/* INPUTS[,ipv4=LENGTH][,ipv6=LENGTH] */
static int set_hash(json_t *object, const struct key *key, const char *value, struct shunt_err *err)
{
	static const struct choice choice = {"hash", config_hash_name, 0, CONFIG_HASH_DESTINATION_PORT};
	char *text = xstrdup(value), *rest = text;
	const char *inputs = strsep(&rest, ","), *pair;
	json_t *hash = json_object();
	int ret = set_word(hash, "inputs", &choice, inputs, err);

	while (ret == 0 && (pair = strsep(&rest, ",")))
		ret = set_pair(hash, hash_keys, COUNT(hash_keys), pair, err);
	if (ret == 0)
		ret = keys_put(object, key->member, json_incref(hash), err);
	json_decref(hash);
	free(text);
	return ret;
}

int keys_set_service(json_t *object, const char *pair, struct shunt_err *err)
{
	return set_pair(object, service_keys, COUNT(service_keys), pair, err);
}

int keys_set_backend(json_t *object, const char *pair, struct shunt_err *err)
{
	return set_pair(object, backend_keys, COUNT(backend_keys), pair, err);
}

int keys_set_pool(json_t *object, const char *pair, struct shunt_err *err)
{
	return set_pair(object, pool_keys, COUNT(pool_keys), pair, err);
}
