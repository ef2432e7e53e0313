#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
The configuration's schema in docs/openapi.yaml and `shunt check` agree: on the shipped example, on the goldens, and on mutations of
them. What check accepts the schema must accept. What the schema accepts check must accept, but for what takes several values, or
arithmetic, to judge: BEYOND is what check says of such.

usage: config_schema.py [--seed N] [--count N]
"""
import argparse
import copy
import json
import os
import random
import subprocess
import sys
import tempfile

import openapi
import yaml

SHUNT = os.path.join(os.environ.get("SHUNT_BUILD", os.path.join(openapi.TOP, "build")), "shunt")
BASES = ("docs/shunt.example.yaml", "tests/golden/example.json", "tests/golden/full.json", "tests/golden/minimal.json")

# What a schema cannot say. Each is a part of a message.
BEYOND = (
    "listed twice", "a second ", "is not a prime", "is too small for", "overlaps ", "a VIP of service", "but encap ",
    "the address of a VIP", "packets to it need source", "its service has no quic", "no VIP of the service is UDP",
    "none of its VIPs is one port", "no backend of service", "allowed and denied", "sent to pool", "but the service has quic",
    "one server id too many", "given twice", "is that of", ": mac ", "has bits set behind", "has no such key",
    "for inputs source only", "where sources go that are in no list", "not a pool's name", "but the service has a VIP",
    "no group \"", "in no group; ", "for services of group", "not a group's name", "a service that a file of services has",
    "check.query: missing", "check.send: missing", "check.command: missing", "check.expect: ", ".defaults.sources.", # what it has to be, group or service may say
    "cannot be read", "is longer than the interval", "has no effect: certificates are not checked", "chooses for each connection",
    "no pool has a share", "share: missing; expected a share", "of a backup pool", "is in pool", "cannot keep shares", "but pools have shares", "but algorithm source-hash", "is algorithm source-hash", "needs a record of each flow", "is not a program", "is not a path of target files", "is not a domain name", "is shorter than min_ttl", "is not a resolver",
    # arithmetic within a text: addresses, ports, durations, statuses
    '" is not an address', '" is not a VIP', '" is not an address that', '" is not a prefix', '" is not an IPv', "a MAC address",
    "ms\" is out of range", "s\" is out of range", "m\" is out of range", "h\" is out of range", "is not an HTTP status",
)
ODD = (None, True, False, -1, 0, 1, 7, 65535, 65536, 2**32, 2**63 - 1, "", "x", "-", "a b", "é", "x" * 16, "x" * 64, "0x10", "0xABCDEF",
       "10s", "10", "1-2", "200-299", "10.1.0.77", "10.1.0.77/32", "10.9.0.0/16", "2001:db8::77", "02:00:00:00:00:77", "/", "/a b", "gue",
       "source", "none", "https", "drain", "native", "192.0.2.77:80/tcp", "[2001:db8::77]:1-9/udp", "192.0.2.77:*/udp", [], [1], ["10.1.0.78"],
       {}, {"type": "gue"}, {"inputs": "source"}, {"address": "10.1.0.79"}, {"file": "x"}, {"name": "lan7"})


def base(path):
    with open(os.path.join(openapi.TOP, path), encoding="utf-8") as file:
        return yaml.safe_load(file)  # JSON is YAML


def places(node, found):
    """(container, key) of every value."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in list(items):
        found.append((node, key))
        places(value, found)
    return found


def near(rng, value):
    """Something like value."""
    if value is None:
        return rng.choice(ODD)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return rng.choice((value - 1, value + 1, -value, value * 1000, str(value)))
    if isinstance(value, str):
        at = rng.randrange(len(value) + 1)
        return rng.choice((value[:at] + value[at + 1:], value[:at] + rng.choice("0a9:/.-* _xZ") + value[at:], value * 2,
                           value.upper(), [value], {"address": value}, {"type": value}))
    if isinstance(value, dict):
        return rng.choice((list(value.values()), next(iter(value.values()), ""), {**value, "more": 1}))
    return rng.choice((value * 2, value[:1], value[0] if value else {}))


def mutate(rng, tree):
    everywhere = places(tree, [])
    container, key = rng.choice(everywhere)
    how = rng.randrange(8)
    if how == 0:
        del container[key]
    elif how == 1:  # the same key's value from elsewhere
        container[key] = copy.deepcopy(rng.choice([c[k] for c, k in everywhere if k == key]))
    elif how == 2 and isinstance(container, dict):
        container[rng.choice([k for _, k in everywhere if isinstance(k, str)])] = copy.deepcopy(container[key])
    elif how <= 4:
        container[key] = copy.deepcopy(rng.choice(ODD))
    else:
        container[key] = near(rng, container[key])


def check(tree, directory):
    """What `shunt check` says: None, if it accepts."""
    path = os.path.join(directory, "c.yaml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(tree, file, ensure_ascii=False)
    done = subprocess.run([SHUNT, "check", path], capture_output=True, check=False, text=True)
    return None if done.returncode == 0 else done.stderr.strip()


def filled_in(tree):
    """With what services have of their groups, which is judged there and not before."""
    tree = copy.deepcopy(tree)
    for service in tree.get("services", ()):
        defaults = tree.get("groups", {}).get(service.get("group") or "", {}).get("defaults", {})
        for key, value in defaults.items():
            own = service.setdefault(key, value)
            if key == "check" and own and isinstance(value, dict) and own.get("type", value.get("type")) == value.get("type"):
                service[key] = {**value, **own}
    return tree


def disagree(schema, tree, directory):
    """(what is wrong, None if nothing; does check accept?)"""
    said, fits = check(tree, directory), schema.is_valid(tree)
    if said is None and not fits:
        return f"shunt check accepts what the schema refuses: {openapi.complaint(schema, tree)}", True
    if said and fits and schema.is_valid(filled_in(tree)) and not any(part in said for part in BEYOND):
        return f"the schema accepts what shunt check refuses: {said}", False
    return None, said is None


def schemas_at(schema, path):
    """Those that the value at path is held against."""
    found = [at for one in schema.get("oneOf", []) + schema.get("anyOf", []) for at in schemas_at(one, path)]
    if not path:
        return found + [schema]
    if isinstance(path[0], int):
        below = schema.get("items")
    else:
        below = schema.get("properties", {}).get(path[0], schema.get("additionalProperties"))
    return found + (schemas_at(below, path[1:]) if isinstance(below, dict) else [])


def paths(node, path=()):
    yield path
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from paths(value, path + (key,))


def edges(schema, tree, done):
    """(path, value): once for each kind of place, the ends of its range and what is beyond them; its words, and none of them."""
    for path in paths(tree):
        kind = tuple("*" if isinstance(part, int) else part for part in path)
        for found in schemas_at(schema, path) if kind not in done else ():
            values = [found[key] + by for key, by in (("minimum", -1), ("minimum", 0), ("maximum", 0), ("maximum", 1)) if key in found]
            values += found.get("enum", []) + (["no-such-word"] if "enum" in found else [])
            yield from ((path, value) for value in values)
        done.add(kind)


def replaced(tree, path, value):
    tree = copy.deepcopy(tree)
    node = tree
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return tree


def configurations(schema, bases, rng, count):
    done = set()
    for tree in bases:
        for path, value in edges(schema, tree, done):
            yield replaced(tree, path, value)
    for _ in range(count):
        tree = copy.deepcopy(rng.choice(bases))
        for _ in range(rng.choice((1, 1, 2, 3))):
            mutate(rng, tree)
        yield tree


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=200)
    args = parser.parse_args()
    document = openapi.load()
    schema = openapi.validator(document, {"$ref": "#/components/schemas/Config"}, False)
    bases = [base(path) for path in BASES]
    rng = random.Random(args.seed)
    accepted, tried, wrong = 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="shunt-schema-") as directory:
        for path, tree in zip(BASES, bases):
            said, complaint = check(tree, directory), openapi.complaint(schema, tree)
            if said or complaint:
                print(f"{path}: check: {said}, schema: {complaint}; expected both to accept it")
                wrong += 1
        for tree in configurations(schema.schema, bases, rng, args.count):
            problem, accepts = disagree(schema, tree, directory)
            accepted += accepts
            tried += 1
            if problem:
                wrong += 1
                print(f"{problem}\n  {json.dumps(tree, ensure_ascii=False)[:3000]}")
    print(f"seed {args.seed}: {tried} configurations, {accepted} accepted by both, {wrong} disagreements")
    return 1 if wrong or not accepted or accepted == tried else 0


sys.exit(main())
