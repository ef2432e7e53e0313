/* SPDX-License-Identifier: GPL-2.0 */
/* For the tests that begin with a configuration: one of YAML text, which errors call t.yaml. */
#ifndef TEST_CONFIG_YAML_H
#define TEST_CONFIG_YAML_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../user/lib/yaml.h"

/* Takes over what was loaded: tree NULL if nothing was. NULL: *err says why. */
static inline struct config *config_of(json_t *tree, struct config_source *source, struct shunt_err *err)
{
	struct config *config = tree ? config_from_json(tree, source, err) : NULL;

	json_decref(tree);
	config_source_free(source);
	return config;
}

/* NULL: refused, and *err says why. */
static inline struct config *try_yaml(const char *yaml, struct shunt_err *err)
{
	struct config_source *source = NULL;
	json_t *tree = yaml_load(yaml, strlen(yaml), "t.yaml", &source, err);

	return config_of(tree, source, err);
}

/* What is refused fails the test. */
static inline struct config *parse_yaml(const char *yaml)
{
	struct shunt_err err = {};
	struct config *config = try_yaml(yaml, &err);

	if (!config)
		fail_msg("%s: %s", yaml, shunt_err_text(&err));
	return config;
}

#endif
