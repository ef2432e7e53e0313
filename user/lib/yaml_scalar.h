/* SPDX-License-Identifier: GPL-2.0 */
/* What a plain (unquoted) YAML scalar is. The loader and the dumper must agree, so they ask the same function. */
#ifndef SHUNT_YAML_SCALAR_H
#define SHUNT_YAML_SCALAR_H

#include <stdbool.h>

enum yaml_scalar_kind {
	YAML_SCALAR_NULL,
	YAML_SCALAR_TRUE,
	YAML_SCALAR_FALSE,
	YAML_SCALAR_INTEGER, /* decimal, without leading zeros; others ("0x10", "010") are strings: YAML 1.1 and 1.2 differ */
	YAML_SCALAR_STRING
};

enum yaml_scalar_kind yaml_scalar_kind(const char *text);

/* Would some YAML reader, ours among them, take this text, unquoted, for something other than a string? */
bool yaml_scalar_is_ambiguous(const char *text);

#endif
