/* SPDX-License-Identifier: GPL-2.0 */
/* What commands say, once, as a JSON value; printed as it is with --json, else as text. */
#ifndef SHUNT_OUTPUT_H
#define SHUNT_OUTPUT_H

#include <stdbool.h>

#include <jansson.h>

#include "../lib/err.h"

struct output;

struct output *output_new(bool json);
void output_free(struct output *out);
bool output_is_json(const struct output *out);

/* One result. text() prints it for people; NULL: "key: value" lines. Takes the reference to value over. */
void output_value(struct output *out, json_t *value, void (*text)(const json_t *value));

/* A sentence about what was done ("service web added"); {"message": ...} in JSON. */
__attribute__((format(printf, 2, 3))) void output_message(struct output *out, const char *fmt, ...);

/* An error, on stderr: "shunt: where: what", or with --json the problem object (RFC 9457), so that stdout holds results only. */
void output_error(struct output *out, const struct shunt_err *err);
/* The object itself, to add to it. */
json_t *output_problem_of(const struct shunt_err *err);
/* Same, from the daemon's problem object; a "note" in it is another line, and "faults" are said instead of it. */
void output_problem(struct output *out, const json_t *problem);

/* More than one value will follow: in JSON, one a line. */
void output_stream(struct output *out);

/* Another round of a view that repeats: on a terminal, in place of the last one. JSON values come one a line from here on. */
void output_again(struct output *out);

#endif
