#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""
Hostile bytes for the API of a running daemon. Whatever is sent gets an error, or the end of the connection: after each input the daemon
answers, and the configuration in force is byte for byte the same. An answer is never 500, and a problem is always whole.

usage: fuzz.py SOCKET READ-SOCKET [--seed N] [--count N] [--only N]      Inputs depend on seed and number alone; --only sends one.
"""
import argparse
import json
import os
import random
import re
import socket
import sys
import time

import wire

PATHS = (b"/v1/version", b"/v1/status", b"/v1/config", b"/v1/services", b"/v1/services/web", b"/v1/stats", b"/v1/connections/web",
         b"/v1/changes", b"/v1/config?check=1", b"/v1/config?name=%ff&check", b"/v1/services/%00", b"/v1/services/../config", b"/v1/registrations/web/1", b"/v1/registrations/web/" + b"a" * 300, b"/v1/registrations/h3/10.0.2.14", b"/", b"*",
         b"http://x/v1/version", b"/v1/services/" + b"a" * 3000, b"/v1/services/%", b"/v1/services/%f", b"/v1/\xff\xfe", b"//", b"/v1/config?" +
         b"a=b&" * 500)
METHODS = (b"GET", b"HEAD", b"PUT", b"POST", b"DELETE", b"OPTIONS", b"CONNECT", b"TRACE", b"PRI", b"get", b"G\0T", b"X" * 300)
HEADERS = (b"Content-Type: application/json", b"Content-Type: application/yaml", b"Content-Type: \xff", b"If-Match: \"0\"", b"If-Match: *, *",
           b"If-None-Match: W/", b"If-None-Match: " + b"\"a\"," * 900, b"Expect: 100-continue", b"Expect: 200-maybe", b"Connection: close",
           b"Connection: upgrade", b"Upgrade: h2c", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
           b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 18446744073709551616", b"Content-Length: 0x10",
           b"Content-Length: 1\r\nContent-Length: 2", b"Range: bytes=0-", b"Cookie: " + b"a=b; " * 200, b"X: a\r\n b", b": empty",
           b"no colon", b"X\0Y: 1", b"X: \0", b"Host: y", b" leading: 1")
YAML = (b"a: &a [x]\nb: *a\n", b"a: &a [" + b"*a," * 99 + b"]\n", b"--- !!binary x\n--- y\n", b"? {a: b}\n: c\n", b"<<: {a: 1}\n", b"\tx: 1\n",
        b"%YAML 9.9\n---\nx\n", b"\xff\xfei\0n\0t\0", b"x: \"\\ud800\"\n", b"x: '\0'\n", b"- " * 5000, b"[" * 5000, b"{a: " * 5000, b"x: >\n" +
        b" y\n" * 5000, b"interfaces: [eth0]\ninterfaces: [eth0]\n", b"seed: 1e999\n", b"services: [{name: " + b"a" * 70000 + b"}]\n", b"[x," * 31)
NUMBERS = (b"1e999999", b"-1e999999", b"9" * 5000, b"-9223372036854775809", b"9223372036854775808", b"1.0", b"NaN", b"0x10", b"01", b"-0", b"1E-400")
POISON = {"op": "no.such"}  # at the end of a list of changes: the list is refused, wherever it was understood


class Inputs:
    """Random requests, as bytes."""

    def __init__(self, seed, config):
        self.rng = random.Random(seed)
        self.config = config
        self.kinds = (self.noise, self.headers, self.chunks, self.pipeline, self.bent, self.config_json, self.config_yaml, self.changes,
                      self.depth, self.values, self.cut)

    def make(self):
        return self.rng.choice(self.kinds)()

    def noise(self):
        return self.rng.randbytes(self.rng.choice((1, 20, 300, 5000)))

    def request(self, method, path, headers, body=None):
        lines = [method + b" " + path + self.rng.choice((b" HTTP/1.1",) * 9 + (b" HTTP/1.0", b" HTTP/9.9", b"", b" HTTP/1.1 x")), b"Host: x"]
        if body is not None:
            headers = headers + [b"Content-Length: %d" % len(body)]
        return b"\r\n".join(lines + headers + [b"", b""]) + (body or b"")

    def headers(self):
        count = self.rng.choice((0, 1, 2, 5, 60))
        headers = [self.rng.choice(HEADERS) for _ in range(count)]
        if self.rng.random() < 0.1:
            headers.append(b"X: " + b"a" * self.rng.choice((30000, 33000, 70000)))
        return self.request(self.rng.choice(METHODS), self.rng.choice(PATHS), headers) + self.noise() * self.rng.randrange(2)

    def chunks(self):
        sizes = (b"0", b"5", b"ffffffffffffffff", b"-1", b"g", b"", b"5;x=y", b"5" * 400, b"00000000000000005", b"7fffffff")
        parts = [b"%s\r\nhello\r\n" % self.rng.choice(sizes) for _ in range(self.rng.randrange(4))]
        head = self.request(b"POST", b"/v1/changes", [b"Content-Type: application/json", b"Transfer-Encoding: chunked"])
        return head + b"".join(parts) + self.rng.choice((b"", b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n", b"0\r\n" + b"T: u\r\n" * 3000 + b"\r\n"))

    def pipeline(self):
        return b"".join(self.rng.choice((self.request(b"GET", self.rng.choice(PATHS), []), self.changes(), self.headers()))
                        for _ in range(self.rng.randrange(2, 12)))

    def bend(self, data, times):
        data = bytearray(data)
        for _ in range(times):
            at, how = self.rng.randrange(len(data) or 1), self.rng.randrange(4)
            if how == 0:
                data[at:at + 1] = self.rng.randbytes(1)
            elif how == 1:
                del data[at:at + self.rng.randrange(1, 30)]
            elif how == 2:
                data[at:at] = self.rng.choice((b"\0", b"\xff", b"\r\n", b"\"", b"{", b"[", b"\xc3", b"\xed\xa0\x80", b"\\u0000", b"\\ud800", b"&a", b"*a"))
            else:
                to = self.rng.randrange(len(data) or 1)
                data[to:to] = data[at:at + self.rng.randrange(1, 60)]
        return bytes(data)

    def bent(self):
        """A good request whose bytes, headers included, are not: so nothing that would be right may be in its body."""
        good = self.request(b"PUT", b"/v1/config", [b"Content-Type: application/json"], b"{\"interfaces\": []}")
        return self.bend(good, self.rng.randrange(1, 8))

    def put(self, kind, body):
        return self.request(b"PUT", b"/v1/config?check=1", [b"Content-Type: application/" + kind], body)

    def config_json(self):
        return self.put(b"json", self.bend(self.config, self.rng.randrange(4)))

    def config_yaml(self):
        return self.put(b"yaml", self.rng.choice((self.bend(self.config, 2), self.rng.choice(YAML), self.bend(self.rng.choice(YAML), 3))))

    def odd(self):
        """A random JSON value."""
        kind = self.rng.randrange(9)
        if kind > 6:
            return [self.odd() for _ in range(self.rng.randrange(3))]
        if kind > 5:
            return {self.rng.choice(("address", "name", "vips", "type", "weight", "", "\ud7ff", "op")): self.odd() for _ in range(self.rng.randrange(4))}
        return (None, True, 2**63 - 1, -1, "x" * self.rng.randrange(300), "10.0.2.11")[kind]

    def changes(self):
        members = ("op", "service", "address", "backend", "set", "more")
        values = ("web", "10.0.2.11", "backend.add", "backend.set", "backend.delete", "service.add", "service.set", "service.delete")
        changes = [{m: self.rng.choice((self.rng.choice(values), self.odd())) for m in members if self.rng.random() < 0.8}
                   for _ in range(self.rng.randrange(4))]
        for change in changes:
            change["op"] = self.rng.choice(values[2:] + (self.odd(),))
        return self.request(b"POST", b"/v1/changes", [b"Content-Type: application/json"], json.dumps({"changes": changes + [POISON]}).encode())

    def depth(self):
        levels = self.rng.choice((31, 32, 33, 3000, 200000))
        opening, closing = self.rng.choice(((b"[", b"]"), (b"{\"a\":", b"}"), (b"[{\"a\":", b"}]")))
        body = opening * levels + self.rng.choice((b"", b"1")) + self.rng.choice((b"", closing * levels))
        return self.put(self.rng.choice((b"json", b"yaml")), body)

    def values(self):
        body = b"{\"interfaces\": [\"eth0\"], \"seed\": %s, \"icmp\": {\"rate\": %s}}" % (self.rng.choice(NUMBERS), self.rng.choice(NUMBERS))
        if self.rng.random() < 0.3:
            body = b"[" + b"[]," * self.rng.choice((10, 100000)) + b"[]]"
        if self.rng.random() < 0.3:
            body = b"{" + b",".join(b"\"k%d\": 1" % (i % 1000) for i in range(self.rng.choice((10, 2000)))) + b"}"
        return self.put(self.rng.choice((b"json", b"yaml")), body)

    def cut(self):
        data = self.rng.choice((self.config_json, self.changes, self.pipeline))()
        return data[:self.rng.randrange(len(data))]


def exchange(path, data, polite, barrier):
    """What the daemon says to data. It waits for the rest of what is not whole, so nobody waits for an end: barrier() asks it something
    else, and once that is answered it has seen data. polite: it is told that there is no more."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(path)
        said = b""
        try:
            sock.sendall(data)
            if polite:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # it has answered and closed: what it said is still to be read
        barrier()
        sock.setblocking(False)
        try:
            while piece := sock.recv(1 << 16):
                said += piece
        except (BlockingIOError, ConnectionResetError):
            pass
        return said


def complaint(data, said):
    """Is anything wrong with what was said to data?"""
    if said and not said.startswith(b"HTTP/1."):
        return "not HTTP"
    for status in re.findall(rb"(?:^|\n|})HTTP/1\.[01] (\d+) ", said):
        if status == b"500":
            return "HTTP 500"
    head, _, body = said.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    if data.startswith(b"HEAD") or b"problem+json" not in head or not length or len(body) < int(length[1]):
        return None
    problem = json.loads(body[:int(length[1])])
    return None if problem.get("detail") and problem.get("status") else "a problem that is not whole"


def files_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def returns_to(count, pid):
    for _ in range(100):
        if files_of(pid) <= count:
            return True
        time.sleep(0.1)
    return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("read_socket")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--only", type=int)
    args = parser.parse_args()
    before = wire.call(args.socket, "GET", "/v1/config").text
    pid = wire.call(args.socket, "GET", "/v1/status").json["pid"]
    files = files_of(pid)
    for number in range(args.count) if args.only is None else [args.only]:
        inputs = Inputs(f"{args.seed}/{number}", before)
        data, path, polite = inputs.make(), inputs.rng.choice((args.socket, args.read_socket)), inputs.rng.random() < 0.8
        try:
            wrong = complaint(data, exchange(path, data, polite, lambda: wire.call(args.socket, "GET", "/v1/status")))
            if wire.call(args.socket, "GET", "/v1/config").text != before:
                wrong = "the configuration has changed"
        except (OSError, ValueError) as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            print(f"{wrong}: --seed {args.seed} --only {number}\n{data[:2000]!r}")
            return 1
    if not returns_to(files, pid):
        print(f"seed {args.seed}: the daemon has {files_of(pid)} files open, and had {files}")
        return 1
    print(f"seed {args.seed}: {args.count} inputs")
    return 0


sys.exit(main())
