/* SPDX-License-Identifier: GPL-2.0 */
/* Texts that more than one command prints. */
#ifndef SHUNT_VIEWS_H
#define SHUNT_VIEWS_H

#include <jansson.h>

const char *view_text(const json_t *object, const char *member); /* "-" where there is none */
const char *view_encap(const json_t *object);			 /* the type of its tunnel */
json_int_t view_integer(const json_t *object, const char *member);

/* A table of the backends of a list of services (GET /v1/services). */
void view_backends(const json_t *services);

/* A file that is not applied, or a part of it. */
void view_refused(const json_t *fault);

#endif
