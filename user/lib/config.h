/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The configuration as a value: what an operator asked for, by file, API or command. Plain data, no I/O.
 *
 * All of it has one form, a JSON tree (YAML files are read into the same tree), and one way in, config_from_json(), which
 * checks everything that can be checked without a kernel. An edit is made on the tree of the present configuration and
 * parsed again (edit.h), so an edit cannot make what a file could not say. config_to_json() is the canonical form:
 * parsing what it prints gives an equal configuration.
 *
 * Paths in errors name the thing: "services[web].backends[10.1.0.11].weight", and for files "edge.yaml:14: " before it.
 */
#ifndef SHUNT_CONFIG_H
#define SHUNT_CONFIG_H

#include <net/if.h>

#include <jansson.h>

#include "addr.h"
#include "config_demand.h"
#include "err.h"
#include "shunt/maps.h"
#include "shunt/quic.h"
#include "vip.h"

enum config_mode {
	CONFIG_MODE_AUTO,
	CONFIG_MODE_NATIVE,
	CONFIG_MODE_GENERIC
}; /* auto: native, else generic with a warning */

struct config_interface {
	char name[IFNAMSIZ];
	enum config_mode mode;
};

/* Sizes of the pinned maps: fixed once they exist. */
struct config_limits {
	uint32_t vips;	       /* 1024 */
	uint32_t services;     /* 512 */
	uint32_t destinations; /* 4096; at most 2^20 - 1 */
	uint32_t ring_slots;   /* 4194368 = 64 rings of 65537; slots of all rings together */
	uint32_t connections;  /* 65536; entries, two buckets or more, rounded up to a power of two */
	uint32_t prefixes;     /* 256; different prefixes, and addresses with several ports, among the VIPs */
	uint32_t port_ranges;  /* 4096; ranges of ports that those come to */
	uint32_t sources;      /* 131072; source prefixes of all services together */
	uint32_t fragments;    /* 65536; rounded up to a power of two */
	uint32_t quic_ids;     /* 1024; QUIC server ids of all backends */
};

enum config_check_type {
	CONFIG_CHECK_NONE,
	CONFIG_CHECK_TCP,
	CONFIG_CHECK_HTTP,
	CONFIG_CHECK_HTTPS,
	CONFIG_CHECK_DNS,
	CONFIG_CHECK_UDP,
	CONFIG_CHECK_ICMP,
	CONFIG_CHECK_EXEC,
};

/* How a check reaches a backend. */
enum config_via {
	CONFIG_VIA_DIRECT, /* at its own address */
	CONFIG_VIA_TUNNEL, /* at a VIP of the service, as clients do */
};

enum config_record {
	CONFIG_RECORD_A,
	CONFIG_RECORD_AAAA,
	CONFIG_RECORD_CNAME,
	CONFIG_RECORD_MX,
	CONFIG_RECORD_NS,
	CONFIG_RECORD_PTR,
	CONFIG_RECORD_SOA,
	CONFIG_RECORD_SRV,
	CONFIG_RECORD_TXT,
};

/* DNS response codes by their numbers, and behind them: whatever the answer says. */
#define CONFIG_RCODE_ANY 6

/* A service's health check. Times in milliseconds. Texts are owned; NULL: not given, or not of this type. */
struct config_check {
	enum config_check_type type; /* default tcp */
	uint16_t port;		     /* host order; 0: that of the service's first VIP of one port */
	enum config_via via;	     /* those that send packets: tunnel */
	char *path;		     /* http(s): "/" */
	char *host;		     /* http(s): Host header and SNI; NULL: the address that is checked */
	uint16_t expect_min;	     /* http(s): 200 */
	uint16_t expect_max;	     /* http(s): 399 */
	bool verify;		     /* https: check the certificate; default false */
	char *ca;		     /* https: file of the certificates to trust; NULL: the system's */
	char *query;		     /* dns: the name asked for */
	enum config_record record;   /* dns: A */
	uint8_t rcode;		     /* dns: that of a healthy answer; 0, NOERROR */
	char *send;		     /* udp: as written; config_octets() makes octets of it */
	char *expect;		     /* udp: what an answer begins with, as written; NULL: any answer */
	char **command;		     /* exec: with its arguments, ends with NULL */
	uint32_t interval;	     /* 2000; 100 to 3600000 */
	uint32_t fast_interval;	     /* while the state may change; 0: the interval */
	uint32_t jitter;	     /* 10; 0 to 50 percent of the interval */
	uint32_t timeout;	     /* 1000; 10 to 60000 */
	uint32_t rise;		     /* 2; 1 to 100 consecutive successes */
	uint32_t fall;		     /* 3; 1 to 100 consecutive failures */
};

/* unset: nobody said; counts as up. */
enum config_admin { CONFIG_ADMIN_UNSET, CONFIG_ADMIN_UP, CONFIG_ADMIN_DRAIN };

#define CONFIG_POOL_DEFAULT "default"

/* A QUIC server id: octets, not a number. Those behind len are 0. */
struct config_server_id {
	uint8_t len; /* 1 to SHUNT_QUIC_ID_MAX */
	uint8_t byte[SHUNT_QUIC_ID_MAX];
};
#define CONFIG_SERVER_IDS 8
#define CONFIG_SERVER_IDS_ALL (CONFIG_SERVER_IDS + SHUNT_QUIC_CONFIGS)

/*
 * The tunnel. auto: IP in IP, the backend's family outside, whatever arrives inside. Those named as `ip tunnel` names them carry one
 * combination and refuse VIPs and backends of other families. gue and gre carry what arrives, the backend's family outside; l2dsr has
 * no outer header: the backend must be on one of the balancer's own links, and its address serves to find its MAC.
 */
enum config_encap_type {
	CONFIG_ENCAP_AUTO,
	CONFIG_ENCAP_IPIP,   /* IPv4 in IPv4 */
	CONFIG_ENCAP_IP6IP6, /* IPv6 in IPv6 */
	CONFIG_ENCAP_IPIP6,  /* IPv4 in IPv6 */
	CONFIG_ENCAP_SIT,    /* IPv6 in IPv4 */
	CONFIG_ENCAP_GUE,
	CONFIG_ENCAP_GRE,
	CONFIG_ENCAP_L2DSR,
};

struct config_encap {
	enum config_encap_type type;
	uint8_t variant; /* gue: 0 or 1; 1 */
	uint16_t port;	 /* gue: host order; 6080 */
};

struct config_backend {
	struct shunt_addr addr;
	char pool[CONFIG_POOL_MAX]; /* named as services are; the default pool if nobody said */
	uint32_t weight;	    /* 0 to 65535; 100; 0: no new connections */
	enum config_admin admin;
	bool has_mac;
	bool has_encap;
	struct config_encap encap; /* has_encap: instead of the service's */
	uint8_t mac[6]; /* next hop's MAC, overrides the neighbour table; the same in all services with this addr */
	struct config_server_id server_ids[CONFIG_SERVER_IDS]; /* as given: see config_server_ids() */
	size_t server_id_count;
};

/* What of a flow decides which backend it gets. */
enum config_hash_inputs {
	CONFIG_HASH_5_TUPLE,
	CONFIG_HASH_NO_SOURCE_PORT,
	CONFIG_HASH_SOURCE,
	CONFIG_HASH_DESTINATION_PORT,
};

struct config_hash {
	enum config_hash_inputs inputs;
	uint32_t ipv4,
		ipv6; /* inputs source: length of the prefix that is hashed; 1 to 32 and 128, which are the defaults */
};

/* How backends are chosen for new connections. */
enum config_algorithm {
	CONFIG_ALGORITHM_MAGLEV,      /* by the ring */
	CONFIG_ALGORITHM_SOURCE_HASH, /* by the ring; hash is by the source, and only with this */
	CONFIG_ALGORITHM_ROUND_ROBIN,
	CONFIG_ALGORITHM_LEAST, /* connections */
};

/* Where a service's other backends are found: those that no operator lists. */
enum config_discover_kind { CONFIG_DISCOVER_FILES, CONFIG_DISCOVER_DNS, CONFIG_DISCOVER_SRV, CONFIG_DISCOVER_KINDS };

struct config_discover {
	enum config_discover_kind kind;
	char *text; /* files: an absolute path, its last part perhaps a pattern; dns, srv: a domain name */
	/* These of dns and srv alone. */
	uint8_t family;		    /* of the addresses that are asked for; 0: both */
	char pool[CONFIG_POOL_MAX]; /* of all that are found */
	uint32_t min_ttl, max_ttl;  /* ms; an answer is good for as long as it says, but no less and no more */
};

/* A resolver to ask instead of the system's. */
struct config_resolver {
	struct shunt_addr addr;
	uint16_t port; /* host order; 53 */
};
#define CONFIG_RESOLVERS 8

/* What becomes of UDP flows when backends change. */
enum config_udp {
	CONFIG_UDP_KEEP,   /* they stay until they are quiet */
	CONFIG_UDP_REHASH, /* they go by the ring at once */
	CONFIG_UDP_TRACK,  /* those that are active while a change is prepared stay */
};

/* With fewer of its backends healthy a pool has failed. */
struct config_min_healthy {
	uint16_t least; /* 0: a pool never fails for that */
	bool percent;	/* least is percent of its backends, 1 to 100; else it is backends */
	bool given;	/* of a pool: else it is the service's */
};

/* A pool's part of the new connections that no source pool has: its share of the sum of all, or of all backup pools. */
struct config_pool {
	char name[CONFIG_POOL_MAX];
	uint32_t share; /* 0 to 65535 */
	bool backup;	/* it serves when all others have failed; it has no min_healthy */
	struct config_min_healthy min_healthy;
};

/* allow: to the pools that have a share. */
enum config_source_action { CONFIG_SOURCE_DENY, CONFIG_SOURCE_ALLOW, CONFIG_SOURCE_POOL, CONFIG_SOURCE_ACTIONS };

struct config_source_rule {
	struct shunt_prefix prefix;
	enum config_source_action action;
	uint32_t pool; /* with CONFIG_SOURCE_POOL: index in the list's pools */
};

/* A pool that sources are sent to. */
struct config_source_pool {
	char name[CONFIG_POOL_MAX];
	size_t count; /* prefixes; at least one */
};

/* A service's source prefixes, sorted, each once, and never changed once made: who has a copy of the configuration shares it. What
 * no prefix has is denied if any is allowed, else allowed. */
struct config_sources {
	unsigned int holders; /* plain: all are in one thread */
	size_t count;
	size_t counts[CONFIG_SOURCE_ACTIONS];
	struct config_source_pool *pools; /* by name */
	size_t pool_count;
	struct config_source_rule rules[];
};

#define CONFIG_SERVICES_DIR "services.d"
#define CONFIG_FILE_MAX 128 /* a file's name in the directory of services, with the final NUL */

struct config_service {
	char name[SHUNT_NAME_MAX];  /* letters, digits, '-', '_', '.'; begins with a letter or digit */
	char group[SHUNT_NAME_MAX]; /* "": none */
	char file[CONFIG_FILE_MAX]; /* of the directory of services, which owns it; "": none, or the main one */
	struct config_encap encap;
	uint32_t ring_size; /* a prime, 251 to 4194301; 65537 */
	bool echo;	    /* echo requests to its VIPs' addresses are answered; default true */
	enum config_algorithm algorithm;
	uint32_t
		sticky; /* seconds for which a client's new connections go where its last one went; 0: not at all; at most 14400 */
	struct config_hash hash;
	const struct config_sources *sources; /* held; NULL: every source */
	struct config_pool *pools;	      /* by name; none: the default pool has everything */
	size_t pool_count;
	uint8_t quic
		[SHUNT_QUIC_CONFIGS]; /* by configuration: length of its server ids; 0: there is none. All 0: not QUIC */
	enum config_udp udp; /* with quic, and without UDP VIPs, keep; else, where the algorithm picks, track */
	/* Seconds. How long a connection may be quiet and is sure of its backend all the same: 1 to 14400; 900, and 120
	 * where all VIPs are UDP. How long connections of a drained or removed backend may last: 1 to 604800; 3600; 0:
	 * for ever. */
	uint32_t idle_timeout, drain_timeout;
	struct config_check check;
	uint32_t panic; /* %: with fewer of its backends healthy, all are used; 0 to 100; 0: never */
	struct config_min_healthy min_healthy; /* of its pools that do not say */
	uint32_t
		slow_start; /* ms in which a backend that comes back gets its whole weight; 10000 to 3600000; 0: at once */
	struct config_vip *vips; /* in the order given, at least one */
	size_t vip_count;
	struct config_backend *backends; /* in the order given; may be none */
	size_t backend_count;
	bool registration; /* backends may add themselves, over the API */
	struct config_discover *discover;
	size_t discover_count;
	struct config_demand *demands; /* by pool, or one of the whole */
	size_t demand_count;
	struct config_shared *
		shared; /* holds what members point at for all copies, and none of them may change it (config_share.c); NULL: this one's alone */
};

/* What the services of a team, say, share. */
struct config_group {
	char name[SHUNT_NAME_MAX];
	struct shunt_prefix *vips; /* where the VIPs of its services are to be; none: anywhere */
	size_t vip_count;
	json_t *defaults; /* an object: members of its services where they do not say; NULL: none */
};

/* What services without a group may use. */
enum config_ungrouped {
	CONFIG_UNGROUPED_ANY,	 /* all addresses */
	CONFIG_UNGROUPED_OTHERS, /* those that no group has */
	CONFIG_UNGROUPED_NONE,	 /* nothing: each service needs a group */
};

struct config {
	struct config_interface *interfaces; /* at least one */
	size_t interface_count;
	struct shunt_prefix source4, source6; /* outer source prefixes; family 0: not given */
	bool has_seed;
	uint64_t seed;
	struct config_limits limits;
	struct config_resolver resolvers[CONFIG_RESOLVERS]; /* none: those of resolv.conf */
	size_t resolver_count;
	uint32_t icmp_rate;	     /* ICMP errors to clients, a second and CPU: 0 to 1000000; 1000 */
	char *services_dir;	     /* relative to the file's; NULL: "services.d"; "": there is none */
	struct config_group *groups; /* by name */
	size_t group_count;
	enum config_ungrouped ungrouped;
	struct config_service *services;
	size_t service_count;
};

/*
 * Where the values of a tree stand in a file: filled by yaml_load(), asked by config_from_json(). NULL where there is no file
 * (API, state). Lines are found by the json_t's identity.
 */
struct config_source;

/* A new configuration from a tree, in which members of services that come from their groups are filled in first; NULL with *err filled
 * (err->where: "FILE:LINE: path" or path) when it is not a valid one.
 * Checks unknown keys, types, ranges, duplicates (services, VIPs in all services, backends in one), VIPs that overlap, one mac for an address,
 * families against encap and against source prefixes, and that everything fits the limits. Does not keep tree or source. */
struct config *config_from_json(json_t *tree, const struct config_source *source, struct shunt_err *err);
/* The same; *service: the index of the service that is at fault, or SIZE_MAX. */
struct config *config_from_json_blame(json_t *tree, const struct config_source *source, size_t *service,
				      struct shunt_err *err);

/* The canonical tree; every value written out. Owned by the caller. */
json_t *config_to_json(const struct config *config);
json_t *config_encap_to_json(const struct config_encap *encap);		  /* a word, or for gue a mapping */
json_t *config_min_healthy_to_json(const struct config_min_healthy *min); /* a number, or "50%" */
json_t *config_service_to_json(const struct config_service *service);

/* The tunnel to a backend: its own, or the service's. */
const struct config_encap *config_encap_of(const struct config_service *service, const struct config_backend *backend);

struct config *config_copy(const struct config *config);
void config_free(struct config *config); /* NULL is fine */

/* From here on copies of its services are cheap, and known to be copies. */
void config_share(struct config *config);
/* Before anything of a service is changed that copies may share. */
void config_own(struct config_service *service);
/* Copies of one another, unchanged. What is not so may still say the same. */
bool config_is_copy(const struct config_service *a, const struct config_service *b);
/* Where next, which was read anew, says what present says, byte by byte, make its services copies of those. */
void config_adopt(struct config *next, const struct config *present);
/* Hold what is a service's, and so its place in memory. NULL is fine. */
struct config_shared *config_shared_hold(struct config_shared *shared);
void config_shared_release(struct config_shared *shared);

/* Two configurations without the services that are copies of one another in the same places, so that what is compared is what may differ.
 * Views: of the originals, good while those are; free() their services. */
void config_differing(const struct config *a, const struct config *b, struct config view[2]);
/* The same backends' addresses and MACs, service by service. */
bool config_same_addresses(const struct config *a, const struct config *b);

const char *config_discover_name(enum config_discover_kind kind); /* "files" */
#define CONFIG_RESOLVER_TEXT (SHUNT_ADDR_TEXT + 10)
const char *config_resolver_format(const struct config_resolver *resolver, char buf[CONFIG_RESOLVER_TEXT]);
/* May backends come that the configuration does not have? */
bool config_discovers(const struct config_service *service);

const struct config_service *config_find_service(const struct config *config, const char *name);
/* Where a service's checks go; 0: nowhere, which only a service whose checks need no port may. */
uint16_t config_check_port(const struct config_service *service);

/* The address that a check through the tunnel to this backend speaks to: that of the first VIP of the backend's family that is one
 * address, or else a prefix; if there is none, likewise of the other family, which its tunnel carries as well. Of a prefix, the second
 * address where there are more than two: the first may mean the network, or any of its routers. */
struct shunt_addr config_check_vip(const struct config_service *service, const struct shunt_addr *backend);
bool config_checks_through_tunnels(const struct config *config);

/* A copy has texts of its own; to clear is to free them. */
void config_check_copy(struct config_check *to, const struct config_check *from);
void config_check_clear(struct config_check *check);
bool config_check_equal(const struct config_check *a, const struct config_check *b);

/* The octets of a text, or those that "0x" and pairs of hexadecimal digits stand for. How many; -EINVAL: none, or more than the most. */
#define CONFIG_OCTETS_MAX 1024
int config_octets(const char *text, uint8_t out[CONFIG_OCTETS_MAX]);

/* To find many of them. free() it; it is good while config is. */
struct config_names;
struct config_names *config_names_new(const struct config *config);
const struct config_service *config_names_find(const struct config_names *names, const char *name);
const struct config_group *config_find_group(const struct config *config, const char *name);
const struct config_backend *config_find_backend(const struct config_service *service, const struct shunt_addr *addr);

/* All: NULL is fine. */
const struct config_sources *config_sources_hold(const struct config_sources *sources);
void config_sources_release(const struct config_sources *sources);
bool config_sources_equal(const struct config_sources *a, const struct config_sources *b);
size_t config_sources_pools(const struct config_sources *sources);

/* The pool as the service has it; NULL: it does not name it. */
const struct config_pool *config_find_pool(const struct config_service *service, const char *pool);
bool config_has_backup(const struct config_service *service);
bool config_is_backup(const struct config_service *service, const char *pool);
/* The one that holds for a pool. */
struct config_min_healthy config_min_healthy_of(const struct config_service *service, const char *pool);
/* "2", "50%". Returns buf. */
#define CONFIG_MIN_HEALTHY_TEXT 8
const char *config_min_healthy_format(const struct config_min_healthy *min, char buf[CONFIG_MIN_HEALTHY_TEXT]);

/* The share that a pool has, also where the service gives none; that of a backup pool is of backup pools. */
uint32_t config_share_of(const struct config_service *service, const char *pool);
/* Is the backend in a pool that sources are sent to? */
bool config_is_pinned(const struct config_service *service, const struct config_backend *backend);
/* Destinations that a service's backends come to: one for each ring that they are in. */
size_t config_destinations(const struct config_service *service);

bool config_hash_equal(const struct config_hash *a, const struct config_hash *b);
/* Is the destination of a new connection picked, not the ring's? */
bool config_picks(enum config_algorithm algorithm, uint32_t sticky);
bool config_has_quic(const struct config_service *service);
/* The server ids that a backend answers to: those given, of lengths that the service uses, and one from its address for each length of
 * which none was given. Returns how many. */
size_t config_server_ids(const struct config_service *service, const struct config_backend *backend,
			 struct config_server_id out[CONFIG_SERVER_IDS_ALL]);

/* "0x0a0b0c". -EINVAL: not one. Returns buf. */
#define CONFIG_SERVER_ID_TEXT (2 + 2 * SHUNT_QUIC_ID_MAX + 1)
int config_server_id_parse(const char *text, struct config_server_id *id);
const char *config_server_id_format(const struct config_server_id *id, char buf[CONFIG_SERVER_ID_TEXT]);

/* The words of the enums, as configuration, API and CLI spell them. */
const char *config_ungrouped_name(enum config_ungrouped ungrouped);
const char *config_encap_name(enum config_encap_type type);
const char *config_hash_name(enum config_hash_inputs inputs);
const char *config_algorithm_name(enum config_algorithm algorithm);
const char *config_udp_name(enum config_udp udp);
const char *config_check_name(enum config_check_type type);
const char *config_rcode_name(unsigned int rcode);	/* NULL: it has none here */
const char *config_admin_name(enum config_admin admin); /* "up", "drain" */
const char *config_mode_name(enum config_mode mode);

#endif
