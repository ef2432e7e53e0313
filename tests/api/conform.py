#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Real requests to a running daemon, of every path and method in docs/openapi.yaml, good and bad ones: each answer has a status, type,
headers and body that are described there, without a member more.

usage: conform.py SOCKET READ-SOCKET      Ends the daemon: what does so is asked for last.
"""
import sys
import urllib.parse

import openapi
import wire

TOO_LONG = str((16 << 20) + 1)
JSON = "application/json"


class Conformance:
    def __init__(self, sock, read_sock):
        self.sock, self.read_sock = sock, read_sock
        self.document = openapi.load()
        self.checks = {}
        self.seen = {}  # (method, path): statuses
        self.requests, self.wrong = 0, 0

    def fail(self, what, text):
        self.wrong += 1
        print(f"{what}: {text}")

    def check_of(self, what, status, content):
        key = (what, status)
        if key not in self.checks:
            self.checks[key] = openapi.validator(self.document, content["schema"], True)
        return self.checks[key]

    def judge(self, path, method, operation, answer, label):
        """Is answer as the operation describes it?"""
        what = f"{method.upper()} {path} ({label}): {answer.status}"
        responses = operation["responses"]
        self.seen.setdefault((method, path), set()).add(str(answer.status))
        if answer.status < 400 and str(answer.status) not in responses:
            return self.fail(what, "this status is not described")
        described = str(answer.status) if str(answer.status) in responses else "default"
        response = openapi.resolve(self.document, responses[described])
        for name, header in response.get("headers", {}).items():
            header = openapi.resolve(self.document, header)
            value = answer.headers.get(name)
            if value is None and header.get("required"):
                self.fail(what, f"no header {name}")
            if value is not None and not openapi.validator(self.document, header["schema"], True).is_valid(value):
                self.fail(what, f"header {name}: {value}")
        content = response.get("content", {})
        if answer.type != next(iter(content), ""):
            return self.fail(what, f"Content-Type {answer.type!r}; expected {list(content)}")
        if answer.json is None and not answer.text:
            return None
        if answer.json is None:
            return self.fail(what, "not JSON")
        complaint = openapi.complaint(self.check_of((path, method), described, content[answer.type]), answer.json)
        if complaint:
            self.fail(what, complaint)
        if answer.status >= 400 and answer.json.get("status") != answer.status:
            self.fail(what, f"the problem says {answer.json.get('status')}")
        return None

    def ask(self, path, method, operation, label, *, expect, sock=None, verb=None, target=None, body=None, headers=None):
        self.requests += 1
        target = target or self.target(path, operation)
        content = openapi.resolve(self.document, operation["responses"].get("200", {})).get("content", {})
        stream = expect == 200 and JSON not in content
        answer = wire.call(sock or self.sock, verb or method.upper(), target, body, headers, stream)
        if answer.status != expect:
            self.fail(f"{verb or method.upper()} {target} ({label})", f"{answer.status}, expected {expect}: {answer.text[:300]}")
        if verb != "HEAD" or answer.status >= 400:
            self.judge(path, method, operation, answer, label)
        return answer

    def target(self, path, operation, name=None):
        for parameter in operation["parameters"]:
            if parameter["in"] == "path":
                value = name or urllib.parse.quote(str(parameter["example"]))
                path = path.replace("{" + parameter["name"] + "}", value)
        return path

    def bodies(self, operation):
        """(type, text) that are good."""
        content = operation.get("requestBody", {}).get("content", {})
        for kind, media in content.items():
            examples = [openapi.resolve(self.document, e)["value"] for e in media.get("examples", {}).values()]
            if "example" in media:
                examples.append(media["example"])
            for example in examples:
                yield kind, wire.json.dumps(example)
            if not examples and media["schema"].get("$ref", "").endswith("/Config"):
                yield kind, wire.call(self.sock, "GET", "/v1/config").text.decode()
        if not content:
            yield None, None

    def good(self, path, method, operation):
        etag = wire.call(self.sock, "GET", "/v1/config").headers["ETag"]
        if method == "get":
            whole = self.ask(path, method, operation, "good", expect=200)
            reader = self.ask(path, method, operation, "by a reader", expect=200, sock=self.read_sock)
            if b'"seed"' in reader.text:
                self.fail(path, "a reader is shown the seed")
            head = self.ask(path, method, operation, "head", expect=200, verb="HEAD")
            if head.type != whole.type or head.text:
                self.fail(path, "HEAD is not as GET without its body")
            return
        for kind, body in self.bodies(operation):
            headers = {"Content-Type": kind} if kind else {}
            self.ask(path, method, operation, "good", expect=200, body=body, headers=headers)
            etag = wire.call(self.sock, "GET", "/v1/config").headers["ETag"]
            answer = self.ask(path, method, operation, "If-Match", expect=200, body=body, headers={**headers, "If-Match": etag})
            if answer.status == 200 and "etag" not in answer.json:
                self.fail(path, "no etag in the answer to If-Match")

    def bad(self, path, method, operation):
        self.bad_name(path, method, operation)
        self.bad_method(path, method, operation)
        self.bad_headers(path, method, operation)
        if method != "get":
            self.ask(path, method, operation, "by a reader", expect=403, sock=self.read_sock, body="{}",
                     headers={"Content-Type": JSON})
        if "requestBody" in operation:
            self.bad_body(path, method, operation)

    def bad_name(self, path, method, operation):
        if "{" not in path:
            return
        for name in ("no-such", "%ff%fe", "%C3%A9", "a%2fb", "%20"):
            self.ask(path, method, operation, "unknown name", expect=404, target=self.target(path, operation, name))
        self.ask(path, method, operation, "NUL in a name", expect=400, target=self.target(path, operation, "web%00x"))

    def bad_method(self, path, method, operation):
        there = {m.upper() for m in self.document["paths"][path] if m in openapi.METHODS}
        there |= {"HEAD"} if "GET" in there else set()
        for verb in {"PATCH", "DELETE", "FROB"} - there:
            answer = self.ask(path, method, operation, "other method", expect=405, verb=verb)
            allowed = set((answer.headers.get("Allow") or "").split(", "))
            if allowed != there:
                self.fail(path, f"Allow: {allowed}; expected {there}")

    def bad_headers(self, path, method, operation):
        names = {p["name"] for p in operation["parameters"] if p["in"] == "header"}
        if "If-Match" in names:
            self.ask(path, method, operation, "stale", expect=412, headers={"If-Match": '"0", W/"1"'})
            self.ask(path, method, operation, "no tag", expect=400, headers={"If-Match": "0"})
        if "If-None-Match" in names:
            self.ask(path, method, operation, "cached", expect=304, headers={"If-None-Match": "*"})
        self.ask(path, method, operation, "too long", expect=413, headers={"Content-Length": TOO_LONG})

    def bad_body(self, path, method, operation):
        rows = ((415, "text/plain", "{}"), (415, None, "{}"), (400, JSON, "{"), (400, JSON, ""), (400, JSON, "[]"), (400, JSON, "{}"),
                (400, JSON, '{"no_such_member": 1}'), (400, JSON, '{"a": 1, "a": 1}'), (400, JSON, "[" * 40 + "]" * 40))
        if not operation["requestBody"].get("required"):
            rows = tuple(row for row in rows if row[2] not in ("", "{}"))
        for status, kind, body in rows:
            self.ask(path, method, operation, f"bad body {body[:20]}", expect=status, body=body,
                     headers={"Content-Type": kind} if kind else {})

    def nowhere(self):
        operation = {"responses": {"default": {"$ref": "#/components/responses/Problem"}}, "parameters": []}
        for target in ("/", "/v1", "/v1/", "/v1/nowhere", "/v2/status", "//v1/status", "/v1/status/", "*", "/v1/%c3%28"):
            self.ask("/nowhere", "get", operation, "no path", expect=404, target=target)

    def unseen(self):
        for path, method, operation in openapi.operations(self.document):
            for status in operation["responses"]:
                if status not in ("default", "409", "500") and status not in self.seen.get((method, path), ()):
                    self.fail(f"{method.upper()} {path}", f"{status} is described, and was never answered")

    def run(self):
        operations = list(openapi.operations(self.document))
        last = [o for o in operations if o[2].get("x-ends-daemon")]
        for operation in operations:
            if operation not in last:
                self.good(*operation)
            self.bad(*operation)
        self.nowhere()
        for path, method, operation in last:
            self.ask(path, method, operation, "good", expect=200)
        self.unseen()
        print(f"{self.requests} requests, {self.wrong} faults")
        return 1 if self.wrong else 0


sys.exit(Conformance(*sys.argv[1:3]).run())
