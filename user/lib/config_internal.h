/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the configuration share: words, ranges and defaults, each written down once. */
#ifndef SHUNT_CONFIG_INTERNAL_H
#define SHUNT_CONFIG_INTERNAL_H

#include "config_tree.h"

/* Indexed by their enums (admin: less CONFIG_ADMIN_UP, since "unset" has no word); end with NULL. */
extern const char *const config_mode_words[];
extern const char *const config_ungrouped_words[];
extern const char *const config_encap_words[];
extern const char *const config_hash_words[];
extern const char *const config_algorithm_words[];
extern const char *const config_udp_words[];
extern const char *const config_via_words[];
extern const char *const config_check_words[];
extern const char *const config_record_words[];
extern const char *const config_rcode_words[];
extern const char *const config_admin_words[];

struct config_limit {
	const char *key;
	size_t offset; /* of the uint32_t in struct config_limits */
	uint32_t min, max, fallback;
};

#define CONFIG_LIMIT_COUNT 10
extern const struct config_limit config_limit_table[CONFIG_LIMIT_COUNT];

static inline uint32_t *config_limit_of(struct config_limits *limits, const struct config_limit *limit)
{
	return (uint32_t *)((char *)limits + limit->offset);
}

/* Does a key mean the same in checks of both types (words)? True for keys and words that are unknown: others refuse those. */
bool config_check_keeps(const char *from, const char *to, const char *key);
/* Must a check of this type have a port to go to? */
bool config_check_needs_port(enum config_check_type type);
/* Does it send packets, which may take the tunnel? */
bool config_check_has_via(enum config_check_type type);

/* Letters, digits, '-', '_', '.'; begins with a letter or digit; shorter than size. */
bool config_is_name(const char *name, size_t size);
#define CONFIG_POOL_WORDS "1 to 31 letters, digits, '-', '_' or '.', a letter or digit first"

/* The families that an encapsulation carries and sends; 0: any. */
uint8_t config_encap_inner(enum config_encap_type type);
uint8_t config_encap_outer(enum config_encap_type type);

/* Read the member encap of a service or a backend; *given: is there one? Without, *encap is auto. */
int config_parse_encap(const struct tree_place *at, struct config_encap *encap, bool *given);

/* Read the check of a service, defaults where it is absent. */
int config_parse_check(const struct tree_place *service, struct config_check *check);

/* And what it hashes. */
int config_parse_hash(const struct tree_place *service, struct config_hash *hash);

/* And how it chooses; behind the hash. */
int config_parse_algorithm(const struct tree_place *service, struct config_service *out);
/* What makes it pick, in words. */
const char *config_picking(const struct config_service *service);

/* And whom it serves; *out stays NULL where nothing is said. */
int config_parse_sources(const struct tree_place *service, const struct config_sources **out);
json_t *config_sources_to_json(const struct config_sources *sources);
/* The shares of its pools; and whether backends are in the pools that shares and sources name. at: the service. */
int config_parse_pools(const struct tree_place *service, struct config_service *out);
json_t *config_pools_to_json(const struct config_service *service);
int config_parse_min_healthy(const struct tree_place *at, struct config_min_healthy *min);
int config_check_pools(const struct config_service *service, const struct tree_place *at);
/* QUIC: of a service, of a backend; and what takes all services to judge. */
int config_parse_quic(const struct tree_place *service, struct config_service *out);
int config_parse_server_ids(const struct tree_place *backend, struct config_backend *out);
int config_check_quic(const struct config *config, const struct tree_place *root);

/* What becomes of connections when backends change; behind VIPs and QUIC, on which it depends. */
int config_parse_conn(const struct tree_place *service, struct config_service *out);

/* The members that a service may have; ends with NULL. */
extern const char *const config_service_keys[];

/* Groups, and the directory of services: of the root, of a service; members of services that their groups give; what takes both to
 * judge; and back. */
int config_parse_groups(const struct tree_place *root, struct config *config);
int config_parse_owner(const struct tree_place *service, struct config_service *out);
void config_fill_in(json_t *root);
int config_check_groups(const struct config *config, const struct tree_place *root);
void config_groups_to_json(const struct config *config, json_t *root);
void config_nulls_to_json(const struct config *config,
			  json_t *services); /* what a service has not, though its group has */
void config_groups_copy(struct config *to, const struct config *from);
void config_groups_free(struct config *config);
/* A backend as the configuration has it: its address, or a mapping. */
int config_parse_backend(const struct tree_place *at, struct config_backend *backend);
int config_parse_address(const struct tree_place *at, struct shunt_addr *addr);
int config_parse_pool_name(const struct tree_place *at, const char *key, struct config_backend *backend);

/* ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT: the address, in buf, which has room for text; NULL: not so. *port stays where
 * there is none. */
const char *config_split_port(const char *text, char *buf, unsigned int *port);
bool config_is_domain(const char *name);

/* A copy that shares what it can. */
void config_copy_service(struct config_service *to, const struct config_service *from);

/* Where other backends are found. */
int config_parse_resolvers(const struct tree_place *root, struct config *config);
json_t *config_resolvers_to_json(const struct config *config);
int config_parse_discover(const struct tree_place *service, struct config_service *out);
json_t *config_discover_to_json(const struct config_service *service);
void config_discover_copy(struct config_service *to, const struct config_service *from);
void config_discover_clear(struct config_service *service);

/* What sleeps while nobody needs it. */
int config_parse_demand(const struct tree_place *service, struct config_service *out);
json_t *config_demand_to_json(const struct config_service *service); /* of one that has some */
void config_demand_copy(struct config_service *to, const struct config_service *from);
void config_demand_clear(struct config_service *service);

/* Everything that takes more than one value to judge. root is where config was read from. */
int config_cross_check(const struct config *config, const struct tree_place *root);

#endif
