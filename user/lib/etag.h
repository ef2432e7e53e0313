/* SPDX-License-Identifier: GPL-2.0 */
/* Entity tags (RFC 9110, section 8.8.3) and the lists of them in If-Match and If-None-Match. */
#ifndef SHUNT_ETAG_H
#define SHUNT_ETAG_H

#include <stdbool.h>

#include <jansson.h>

#define ETAG_TEXT 20 /* quotes, 16 hexadecimal digits, NUL */

/* A strong tag of what a tree says. Returns buf. */
const char *etag_of(const json_t *tree, char buf[ETAG_TEXT]);

/* Is etag, a strong one, in a header's list, or is that "*"? weak: W/"x" stands for "x", too, as in If-None-Match; otherwise it is
 * the tag of nothing. 1, 0, or -EINVAL: not a list of entity tags. */
int etag_listed(const char *list, const char *etag, bool weak);

#endif
