/* SPDX-License-Identifier: GPL-2.0 */
#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../lib/xalloc.h"

struct output {
	bool json;
	bool repeated;
};

struct output *output_new(bool json)
{
	struct output *out = xcalloc(1, sizeof(*out));

	out->json = json;
	return out;
}

void output_free(struct output *out)
{
	free(out);
}

bool output_is_json(const struct output *out)
{
	return out->json;
}

static void print_json(const json_t *value, FILE *file, size_t flags)
{
	json_dumpf(value, file, flags | JSON_ENCODE_ANY);
	fputc('\n', file);
}

static void print_lines(const json_t *object)
{
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		printf("%s: ", key);
		if (json_is_string(value))
			printf("%s\n", json_string_value(value));
		else
			print_json(value, stdout, JSON_COMPACT);
	}
}

void output_value(struct output *out, json_t *value, void (*text)(const json_t *value))
{
	if (out->json)
		print_json(value, stdout, out->repeated ? JSON_COMPACT : JSON_INDENT(2));
	else if (text)
		text(value);
	else
		print_lines(value);
	fflush(stdout);
	json_decref(value);
}

static void print_message(const json_t *value)
{
	printf("%s\n", json_string_value(json_object_get(value, "message")));
}

void output_message(struct output *out, const char *fmt, ...)
{
	va_list args;
	char *text;

	va_start(args, fmt);
	text = xvasprintf(fmt, args);
	va_end(args);
	output_value(out, json_pack("{s:s}", "message", text), print_message);
	free(text);
}

static void print_problem(const json_t *problem)
{
	const char *where = json_string_value(json_object_get(problem, "where"));
	const char *detail = json_string_value(json_object_get(problem, "detail"));
	const char *note = json_string_value(json_object_get(problem, "note"));

	if (!detail)
		detail = json_string_value(json_object_get(problem, "title"));
	fprintf(stderr, "shunt: %s%s%s\n", where ? where : "", where ? ": " : "", detail ? detail : "refused");
	if (note)
		fprintf(stderr, "shunt: %s\n", note);
}

void output_problem(struct output *out, const json_t *problem)
{
	const json_t *faults = json_object_get(problem, "faults"), *fault;
	size_t i;

	fflush(stdout);
	if (out->json) {
		print_json(problem, stderr, JSON_INDENT(2));
		return;
	}
	if (!faults)
		print_problem(problem);
	json_array_foreach (faults, i, fault)
		print_problem(fault);
}

/* What is printed may quote an argument that is not UTF-8, which JSON cannot carry: those bytes become '?'. */
static json_t *ascii_string(const char *text)
{
	char *copy = xstrdup(text);
	json_t *string;

	for (char *c = copy; *c; c++)
		*c = *c & 0x80 ? '?' : *c;
	string = json_string(copy);
	free(copy);
	return string;
}

static json_t *any_string(const char *text)
{
	json_t *string = json_string(text);

	return string ? string : ascii_string(text);
}

json_t *output_problem_of(const struct shunt_err *err)
{
	json_t *problem =
		json_pack("{s:s, s:s, s:o}", "type", "about:blank", "title", "Error", "detail", any_string(err->what));

	if (err->where[0])
		json_object_set_new(problem, "where", any_string(err->where));
	return problem;
}

void output_error(struct output *out, const struct shunt_err *err)
{
	json_t *problem = output_problem_of(err);

	output_problem(out, problem);
	json_decref(problem);
}

void output_stream(struct output *out)
{
	out->repeated = true;
}

void output_again(struct output *out)
{
	if (out->repeated && !out->json)
		fputs(isatty(STDOUT_FILENO) ? "\033[H\033[2J" : "\n", stdout);
	out->repeated = true;
}
