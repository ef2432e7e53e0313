/* SPDX-License-Identifier: GPL-2.0 */
/* What a change would come to, as the daemon says it: "plan=1" in the request's path. */
#ifndef SHUNT_PLAN_H
#define SHUNT_PLAN_H

#include <jansson.h>

#include "client.h"

/* Items of an answer's "changes", a line each; what is new as a whole in its lines of YAML. */
void plan_print_changes(const json_t *changes);

/* Send a request whose path asks for the plan, and print that. STATUS_DIFFERENT: something would change. */
int plan_send(struct cli *cli, const struct client_request *request);

#endif
