/* SPDX-License-Identifier: GPL-2.0 */
/* Between discovery.c, which keeps the groups, and discovery_join.c, which makes configurations of them. */
#ifndef SHUNT_DISCOVERY_PRIV_H
#define SHUNT_DISCOVERY_PRIV_H

#include "discovery.h"

struct found {
	struct config_backend backend;
	bool used;     /* in force, from here */
	char *refused; /* why; NULL: it was not */
};

struct group {
	struct group *next; /* in the order in which they came */
	char *service, *text, *item;
	int kind;
	struct found *found;
	size_t count;
	char *problem; /* why the source cannot be used now, as told; NULL: it can */
	char *refusal; /* what of it is refused, as told; NULL: nothing */
};

struct discovery {
	struct group *groups;
};

/* "file /etc/shunt/web.json". Returns buf. */
const char *group_from(const struct group *group, char buf[DISCOVERY_TEXT]);
/* Does the configuration name the source? */
bool group_is_wanted(const struct group *group, const struct config *config);
void found_clear(struct found *found);
struct found *group_find(const struct group *group, const struct shunt_addr *addr);

#endif
