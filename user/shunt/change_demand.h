/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_CHANGE_DEMAND_H
#define SHUNT_CHANGE_DEMAND_H

#include "client.h"

/* on_demand in changes, of which the command's words say what is to be different, made whole by what the services have now. Nobody is asked where there is
 * none of it. STATUS_OK, or another: said already. */
int change_complete_demands(struct cli *cli, json_t *changes);

#endif
