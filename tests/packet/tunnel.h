/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHUNT_TESTS_TUNNEL_H
#define SHUNT_TESTS_TUNNEL_H

#include <stdbool.h>

#include "../../user/lib/config.h"
#include "packet.h"

/* gue0:PORT, gue1:PORT, gre or l2dsr; false: none of them. */
bool tunnel_parse(struct config_encap *encap, const char *text);

bool tunnel_check_port(const struct fixture *f, const struct row *row, const struct frame *got);
void tunnel_check_spread(void);

#endif
