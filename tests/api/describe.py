#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Is docs/openapi.yaml valid OpenAPI 3.0, does it name what the daemon has, and nothing else?"""
import json
import sys

import jsonschema
import openapi

# Of Debian's package openapi-specification: the OpenAPI Initiative's own schema.
META = "/usr/share/openapi-specification/schemas/v3.0/schema.json"


def check_meta(document):
    with open(META, encoding="utf-8") as file:
        return [openapi.complaint(jsonschema.Draft4Validator(json.load(file)), document)]


def check_schemas(document):
    """As JSON Schemas: the meta schema does not look into patterns."""
    for name in document["components"]["schemas"]:
        check = openapi.validator(document, {"$ref": f"#/components/schemas/{name}"}, False)
        try:
            jsonschema.Draft202012Validator.check_schema(check.schema)
        except jsonschema.exceptions.SchemaError as error:
            yield f"components/schemas/{name}: {error.message}"


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


def check_references(document):
    used = set(references(document))
    for ref in used:
        try:
            openapi.resolve(document, {"$ref": ref})
        except KeyError:
            yield f"{ref}: there is none"
    for kind, entries in document["components"].items():
        for name in entries:
            if f"#/components/{kind}/{name}" not in used:
                yield f"components/{kind}/{name}: nothing uses it"


def check_routes(document):
    described = set()
    for path, method, operation in openapi.operations(document):
        described.add((method.upper(), path.split("{")[0]))
        for parameter in operation["parameters"]:
            if parameter["in"] == "path" and "example" not in parameter:
                yield f"{path}: parameter {parameter['name']} needs an example, which the tests send"
    for method, path in sorted(openapi.routes() - described):
        yield f"{method} {path}: the daemon has it, docs/openapi.yaml does not"
    for method, path in sorted(described - openapi.routes()):
        yield f"{method} {path}: docs/openapi.yaml has it, the daemon does not"


def main():
    document = openapi.load()
    wrong = [c for c in check_meta(document) if c]
    wrong += list(check_references(document))
    if not wrong:
        wrong += list(check_schemas(document)) + list(check_routes(document))
    for line in wrong:
        print(line)
    print(f"docs/openapi.yaml: {len(openapi.routes())} routes, {len(wrong)} faults")
    return 1 if wrong else 0


sys.exit(main())
