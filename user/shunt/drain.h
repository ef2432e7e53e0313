/* SPDX-License-Identifier: GPL-2.0 */
/* `shunt backend drain`, and waiting for it. */
#ifndef SHUNT_DRAIN_H
#define SHUNT_DRAIN_H

#include "cmd.h"

/* The handler. With --wait: ends with STATUS_OK once nothing holds any backend that the changes drain. A drain does not need it: it goes on
 * when this ends early, at --timeout or by a signal. */
int drain_run(struct cli *cli, int argc, char **argv);

#endif
