/* SPDX-License-Identifier: GPL-2.0 */
/* One error: the place (file and line, path in the configuration, argument, interface) and the thing with its mend.
 * Whoever finds the cause fills it in, once; everybody above only passes the code on. */
#ifndef SHUNT_ERR_H
#define SHUNT_ERR_H

struct shunt_err {
	char where[256]; /* may be empty */
	char what[768];
	int code; /* the positive errno of shunt_fail(): the API tells 400, 404, 409 and 500 apart by it */
};

/* Fill *err (may be NULL) and return -code. code: a positive errno. where may be NULL. */
__attribute__((format(printf, 4, 5))) int shunt_fail(struct shunt_err *err, int code, const char *where,
						     const char *fmt, ...);

/* "where: what", or just what; the text lives in a static buffer until the next call. */
const char *shunt_err_text(const struct shunt_err *err);

#endif
