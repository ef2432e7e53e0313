/* SPDX-License-Identifier: GPL-2.0 */
/* What libbpf and libxdp have to say goes to our log, at debug level; when something failed, the last line that tells why is kept
 * for our own error. */
#ifndef SHUNT_BPFLOG_H
#define SHUNT_BPFLOG_H

#include "../lib/err.h"

void bpflog_install(void);

/* Forget what was kept, before something that may fail. */
void bpflog_forget(void);

/* shunt_fail() of -rc with "what: strerror (kept line)". */
int bpflog_fail(struct shunt_err *err, int rc, const char *where, const char *what);

#endif
