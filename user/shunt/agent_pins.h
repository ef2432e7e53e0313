/* SPDX-License-Identifier: GPL-2.0 */
/* The agent's pins: of one interface, in one directory of a bpffs. Made as NAME_new, renamed over NAME together. */
#ifndef SHUNT_AGENT_PINS_H
#define SHUNT_AGENT_PINS_H

#include "agent.h"

int agent_pin_get(const struct agent *agent, const char *name); /* an fd, or -errno */
int agent_pin_new(const struct agent *agent, const char *name, int fd, struct shunt_err *err);
int agent_pins_commit(const struct agent *agent, struct shunt_err *err);
void agent_pins_abort(const struct agent *agent);
int agent_pins_remove(const struct agent *agent, struct shunt_err *err);

#endif
