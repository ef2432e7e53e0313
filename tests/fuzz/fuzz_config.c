/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Any bytes as a configuration file: refused with a message, or a configuration that survives every form it is written in.
 * An entry for libFuzzer (or afl++), from the top of the tree:
 *
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iinclude tests/fuzz/fuzz_config.c user/lib/?*.c \
 *         -ljansson -lyaml -o build/fuzz_config && build/fuzz_config CORPUS_DIR tests/golden
 *
 * tests/unit/test_config_mutate.c feeds it mutations of the goldens on every test run.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../user/lib/edit.h"
#include "../../user/lib/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* An error says what is wrong, on one line, in what JSON can carry. */
static void check_error(const struct shunt_err *err)
{
	json_t *text = json_string(shunt_err_text(err));

	must(text && err->what[0] && !strpbrk(shunt_err_text(err), "\r\n"));
	json_decref(text);
}

static json_t *reload(const json_t *tree)
{
	struct config_source *source = NULL;
	char *text = yaml_dump(tree);
	json_t *again = yaml_load(text, strlen(text), "again", &source, NULL);

	must(again);
	config_source_free(source);
	free(text);
	return again;
}

/* Canonical tree, through YAML, parsed, copied and edited with no changes: the same tree. */
static void check_config(const struct config *config)
{
	json_t *canonical = config_to_json(config), *again = reload(canonical), *changes = json_array(), *same;
	struct config *parsed = config_from_json(again, NULL, NULL), *copy, *edited;

	must(parsed && json_equal(canonical, again));
	copy = config_copy(parsed);
	config_carry_admin(copy, config);
	edited = config_edit(copy, changes, NULL);
	must(edited);
	same = config_to_json(edited);
	must(json_equal(canonical, same));
	json_decref(same);
	json_decref(changes);
	json_decref(again);
	json_decref(canonical);
	config_free(edited);
	config_free(copy);
	config_free(parsed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_source *source = NULL;
	struct shunt_err err = {};
	json_t *tree = yaml_load((const char *)data, size, "fuzz", &source, &err);
	struct config *config = tree ? config_from_json(tree, source, &err) : NULL;

	if (config)
		check_config(config);
	else
		check_error(&err);
	config_free(config);
	json_decref(tree);
	config_source_free(source);
	return 0;
}
