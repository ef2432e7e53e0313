/* SPDX-License-Identifier: GPL-2.0 */
/* What holds a backend that takes no new connections, in words. Pure: of JSON as the API has it ("hold", "holds"). */
#ifndef SHUNT_HOLDS_H
#define SHUNT_HOLDS_H

#include <stdbool.h>

#include <jansson.h>

bool hold_is_empty(const json_t *hold);

/* Both are the caller's. window: s until the service's windows end, 0: not known. */
char *hold_left(const json_t *hold, json_int_t window); /* "120 connections recorded, 3000 slots still recording" */
/* "10.1.0.11 drains since 40s: 120 connections recorded; cut off in 58m 0s" */
char *hold_sentence(const char *address, const json_t *hold, json_int_t window);

#endif
