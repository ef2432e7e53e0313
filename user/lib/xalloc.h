/* SPDX-License-Identifier: GPL-2.0 */
/* Allocation that ends the process when memory is gone: forwarding goes on in the kernel without the daemon,
 * and a restart resumes from its state, so there is nothing better to do half-way. */
#ifndef SHUNT_XALLOC_H
#define SHUNT_XALLOC_H

#include <stdarg.h>
#include <stddef.h>

void *xcalloc(size_t n, size_t size);
void *xreallocarray(void *p, size_t n, size_t size);
char *xstrdup(const char *s);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *fmt, ...);
__attribute__((format(printf, 1, 0))) char *xvasprintf(const char *fmt, va_list args);

#endif
