/* SPDX-License-Identifier: GPL-2.0 */
/* What differs between two configurations, in short: "service dns: removed; service web: backend 10.0.2.11 weight 50, backend 10.0.2.13
 * added". For people who read along; it names what changed, not every value. Pure. */
#ifndef SHUNT_SUMMARY_H
#define SHUNT_SUMMARY_H

#include <jansson.h>

/* Of differences (user/lib/diff.h). Returns buf. What does not fit is counted: "; and 12 more changes". */
#define SUMMARY_TEXT 640
const char *summary_of(const json_t *diff, char buf[SUMMARY_TEXT]);

#endif
