/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between two configurations, in short: "service web: backend 10.0.2.13 added, 10.0.2.11 weight 50; service dns removed".
 * For people who read along; it names what changed, not every value. Pure. */
#ifndef SHUNT_SUMMARY_H
#define SHUNT_SUMMARY_H

#include "../lib/config.h"

/* Returns buf. What does not fit is counted: "; and 12 more changes". */
#define SUMMARY_TEXT 640
const char *summary_of(const struct config *before, const struct config *after, char buf[SUMMARY_TEXT]);

#endif
