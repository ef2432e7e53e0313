/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What was discovered: backends of services that are not configured, in groups, each of which one source says as a
 * whole (a target file, all that registered). Pure: files and time are others' business, which tell it here.
 *
 * The configuration stays what operators wrote. Joined with what was discovered it is the *effective* one, which the
 * maps, health checks and next hops are made of. A backend that is configured wins over one that was discovered; of
 * several sources, the one that had it first. What the effective configuration cannot have, because a file that said
 * it would be refused, is refused here, in the same words, and by itself: backends that are in force are never put
 * out by those that come later. A source that fails goes on saying what it said last.
 */
#ifndef SHUNT_DISCOVERY_H
#define SHUNT_DISCOVERY_H

#include "../lib/config.h"

struct discovery;

/* A group's source. */
struct discovery_key {
	const char *service;
	int kind;	  /* enum config_discover_kind, or DISCOVERY_REGISTRATION */
	const char *text; /* of the configuration's `discover`; "" of registrations */
	const char *item; /* of the several that text stands for: a file's path; "" of registrations */
};
#define DISCOVERY_REGISTRATION (-1)

struct discovery *discovery_new(void);
void discovery_free(struct discovery *discovery);

/* The source says that these are its backends; is that anything new? Their order is none. */
bool discovery_set(struct discovery *discovery, const struct discovery_key *key, const struct config_backend *backends,
		   size_t count);
/* It says nothing that can be used, which is told once: its backends stay as they are. */
__attribute__((format(printf, 3, 4))) void discovery_fail(struct discovery *discovery, const struct discovery_key *key,
							  const char *fmt, ...);
/* Of all that text stands for there are only these items; key->item is not looked at. Were there others? */
bool discovery_keep(struct discovery *discovery, const struct discovery_key *key, char *const *items, size_t count);
/* Forget what the configuration does not name as a source any more. */
void discovery_prune(struct discovery *discovery, const struct config *config);

/* The effective configuration, the caller's. record: it is about to be in force, so remember what is in it, and tell
 * what was refused. */
struct config *discovery_join(struct discovery *discovery, const struct config *config, bool record);
/* Do two effective configurations of one configuration have the same backends? */
bool discovery_same(const struct config *a, const struct config *b);

/* Where a backend that was discovered is from, as of the last join that was recorded: "registration", "file
 * /etc/shunt/web.json"; NULL: it was not. buf has DISCOVERY_TEXT. */
#define DISCOVERY_TEXT 4200
const char *discovery_from(const struct discovery *discovery, const char *service, const struct shunt_addr *addr,
			   char *buf);
/* Of a service: [{"from", "backends", "refused", "problem"}]. A new reference. */
json_t *discovery_json(const struct discovery *discovery, const char *service);

/* All groups but registrations, as they are kept over a restart; and again. What cannot be read is left out. */
json_t *discovery_save(const struct discovery *discovery);
void discovery_load(struct discovery *discovery, const json_t *groups);

#endif
