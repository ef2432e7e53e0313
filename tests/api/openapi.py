# SPDX-License-Identifier: GPL-2.0
# docs/openapi.yaml, for the tests: read, and its schemas made what python3-jsonschema takes.
import os
import re

import jsonschema
import yaml

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
METHODS = ("get", "put", "post", "delete", "patch")


def load():
    with open(os.path.join(TOP, "docs/openapi.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(file)


def resolve(document, node):
    """What a {$ref: "#/..."} stands for."""
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operations(document):
    """(path, method, operation), in the file's order; an operation has the parameters of its path, too."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                operation = dict(item[method])
                operation["parameters"] = [
                    resolve(document, p) for p in item.get("parameters", []) + operation.get("parameters", [])]
                yield path, method, operation


def closed(schema):
    """The same, but that no object has a member which is not described: for answers, so that none is forgotten."""
    if isinstance(schema, list):
        return [closed(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: closed(value) for key, value in schema.items()}
    if isinstance(out.get("properties"), dict) and out.get("type") == "object":
        out.setdefault("additionalProperties", False)
    return out


def without_nullable(schema):
    """OpenAPI 3.0 says `nullable` where JSON Schema says `or null`."""
    if isinstance(schema, list):
        return [without_nullable(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: without_nullable(value) for key, value in schema.items()}
    return {"anyOf": [out, {"type": "null"}]} if out.pop("nullable", False) is True else out


def inlined(document, node):
    """Without $refs, which python3-jsonschema follows slowly. No schema here holds itself."""
    node = resolve(document, node)
    if isinstance(node, list):
        return [inlined(document, n) for n in node]
    return {key: inlined(document, value) for key, value in node.items()} if isinstance(node, dict) else node


def validator(document, schema, strict):
    """Of a schema of the file. strict: see closed()."""
    schema = inlined(document, schema)
    return jsonschema.Draft202012Validator(without_nullable(closed(schema) if strict else schema))


def complaint(check, value):
    """Where and why value is not valid, on one line; None: it is."""
    errors = sorted(check.iter_errors(value), key=lambda e: len(e.path), reverse=True)
    if not errors:
        return None
    error = jsonschema.exceptions.best_match(errors)
    return "/".join(str(part) for part in error.absolute_path) + ": " + error.message[:300]


def routes():
    """(method, path) of the rows in the daemon's source; a path that ends in "/" takes a name."""
    found = set()
    directory = os.path.join(TOP, "user/shuntd")
    for name in sorted(os.listdir(directory)):
        if re.fullmatch(r"api.*\.c", name):
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                found |= set(re.findall(r'\{"([A-Z]+)",\s*"(/v1/[^"]*)",', file.read()))
    return found
