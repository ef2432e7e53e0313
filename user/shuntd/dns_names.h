/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Domain names on the loop: each is asked for again when its answer's TTL is over, within the bounds that its source
 * gives, or a while after it could not be resolved. What is found goes to discovery.h; what is not changes nothing.
 */
#ifndef SHUNT_DNS_NAMES_H
#define SHUNT_DNS_NAMES_H

#include <uv.h>

#include "discovery.h"

struct dns_names;

/* changed() is called from the loop after what was discovered changed. */
struct dns_names *dns_names_open(uv_loop_t *loop, struct discovery *discovery, void (*changed)(void *arg), void *arg);
void dns_names_close(struct dns_names *names);

/* Ask for what the services of config name, of whom it says; it stays where it is until the next one, or the end. */
void dns_names_sync(struct dns_names *names, const struct config *config);

#endif
