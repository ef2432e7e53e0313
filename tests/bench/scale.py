#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What a configuration of many services costs the daemon: to start, to hold, and to change by each road.

Two network namespaces and a veth pair. All backends are addresses of their own in 10.0.0.0/8, behind one router, as in a
routed fabric: the daemon has as many next hops to find as there are backends, and one neighbour. Services have no checks but
the first, whose backends are probed at an address that answers, so that one of them can fail.

For each change: the time that the answer took, or until the daemon's own counters tell of it, and the processor time of the
daemon meanwhile. Medians. Nothing here is asserted but that every change arrives.
"""

import argparse
import http.client
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

PREFIX = "shunt-scale"
PINS = "/sys/fs/bpf/shunt-scale"
RUN = "/run/shunt-scale"
LB, PEER = PREFIX + "-lb", PREFIX + "-peer"


def sh(*argv, check=True):
    return subprocess.run(argv, check=check, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def ip(*argv, check=True):
    return sh("ip", *argv, check=check)


def lab_down():
    for ns in (LB, PEER):
        ip("netns", "del", ns, check=False)
    shutil.rmtree(PINS, ignore_errors=True)
    shutil.rmtree(RUN, ignore_errors=True)


def lab_up():
    lab_down()
    os.makedirs(RUN)
    for ns in (LB, PEER):
        ip("netns", "add", ns)
        ip("-n", ns, "link", "set", "lo", "up")
    ip("link", "add", "lb0", "netns", LB, "type", "veth", "peer", "name", "up0", "netns", PEER)
    ip("-n", PEER, "address", "add", "100.64.0.2/24", "dev", "up0")
    ip("-n", PEER, "address", "add", "100.64.0.3/24", "dev", "up0")
    ip("-n", LB, "address", "add", "100.64.0.1/24", "dev", "lb0")
    for ns, dev in ((PEER, "up0"), (LB, "lb0")):
        ip("-n", ns, "link", "set", dev, "up")
    ip("-n", LB, "route", "add", "10.0.0.0/8", "via", "100.64.0.2")
    # The first service's backends answer, all at the router.
    ip("-n", PEER, "route", "add", "local", "10.0.0.0/27", "dev", "lo")


def backend(n):
    n += 1
    return f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"


def write_config(services, backends, ring, weight=100):
    vips = services + 16
    lines = [
        "interfaces: [{name: lb0, mode: native}]",
        "source: {ipv4: 172.31.0.0/16}",
        'seed: "0x5d1f3a8844e0c7b2"',
        f"limits: {{vips: {vips}, services: {services + 16}, destinations: {services * backends + 1024},"
        f" ring_slots: {(services + 16) * ring}}}",
        "services:",
    ]
    for i in range(services):
        check = "tcp, port: 9, via: direct, interval: 100ms, timeout: 90ms, rise: 1, fall: 1" if i == 0 else "none"
        lines.append(f"  - name: s{i}")
        lines.append(f'    vips: ["198.{18 + (i >> 16)}.{i >> 8 & 255}.{i & 255}:80/tcp"]')
        lines.append(f"    ring_size: {ring}")
        lines.append(f"    check: {{type: {check}}}")
        lines.append("    backends:")
        for j in range(backends):
            addr = backend(i * backends + j)
            if i == services // 2 and j == 0 and weight != 100:
                lines.append(f"      - {{address: {addr}, weight: {weight}}}")
            else:
                lines.append(f"      - {addr}")
    with open(RUN + "/shunt.yaml", "w") as out:
        out.write("\n".join(lines) + "\n")


class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(600)
        self.sock.connect(RUN + "/shunt.sock")


def request(method, path, body=None):
    connection = Unix("localhost")
    connection.request(method, path, json.dumps(body) if body is not None else None,
                       {"Content-Type": "application/json"} if body is not None else {})
    response = connection.getresponse()
    text = response.read()
    connection.close()
    if response.status != 200:
        raise SystemExit(f"{method} {path}: {response.status} {text[:500]!r}")
    return text


def ask(path):
    return json.loads(request("GET", path))


class Daemon:
    def __init__(self, build):
        self.log = open(RUN + "/log", "w")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{LB}", "--", build + "/shuntd", "-c", RUN + "/shunt.yaml", "--state",
             RUN + "/state.json", "-s", RUN + "/shunt.sock", "--pin-dir", PINS],
            stdout=self.log, stderr=self.log)

    def wait(self, ready, what, seconds=600):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise SystemExit("the daemon ended: " + open(RUN + "/log").read()[-2000:])
            try:
                if ready():
                    return time.monotonic()
            except OSError:
                pass
            time.sleep(0.002)
        raise SystemExit(f"not after {seconds} s: {what}")

    def cpu(self):
        """Seconds of processor time, of the only thread that does the work and all others."""
        total = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/schedstat") as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def resident(self):
        """MB of its own memory, and of mapped maps."""
        own = mapped = 0
        with open(f"/proc/{self.process.pid}/smaps_rollup") as f:
            for line in f:
                if line.startswith("Pss_Anon:"):
                    own = int(line.split()[1])
                if line.startswith("Rss:"):
                    mapped = int(line.split()[1])
        return own / 1024, (mapped - own) / 1024

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def maps_memory():
    """MB of locked memory of the maps that are pinned."""
    total = 0
    for name in os.listdir(PINS):
        out = sh("bpftool", "-j", "map", "show", "pinned", f"{PINS}/{name}", check=False)
        try:
            total += int(json.loads(out).get("bytes_memlock", 0))
        except (ValueError, AttributeError):
            pass
    return total / 1048576


class Rows:
    def __init__(self):
        self.rows = []

    def add(self, name, wall, cpu=None, note=""):
        self.rows.append({"what": name, "ms": wall * 1000, "cpu_ms": None if cpu is None else cpu * 1000, "note": note})
        cpu_text = "" if cpu is None else f"{cpu * 1000:10.1f} ms of CPU"
        print(f"  {name:44} {wall * 1000:10.1f} ms {cpu_text:22} {note}", flush=True)


def timed(daemon, act):
    before, began = daemon.cpu(), time.monotonic()
    act()
    return time.monotonic() - began, daemon.cpu() - before


def median_of(daemon, times, act):
    took = [timed(daemon, lambda i=i: act(i)) for i in range(times)]
    return statistics.median(t[0] for t in took), statistics.median(t[1] for t in took)


def quiet(daemon):
    """Until the daemon has nothing to do but what it does each second."""
    for _ in range(600):
        before = daemon.cpu()
        time.sleep(0.25)
        if daemon.cpu() - before < 0.02:
            return
    raise SystemExit("the daemon does not come to rest")


def service_state(name, address):
    for b in ask(f"/v1/services/{name}")["backends"]:
        if b["address"] == address:
            return b["state"]
    return None


def wait_state(daemon, name, address, state):
    daemon.wait(lambda: service_state(name, address) == state, f"{name} {address} {state}", 60)


class Listener:
    """Answers checks at one address, in the peer's namespace."""

    def __init__(self, addresses):
        code = (
            "import socket,sys,select\n"
            "ls=[]\n"
            "for a in sys.argv[1:]:\n"
            "    s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((a,9)); s.listen(64); ls.append(s)\n"
            "print('ready',flush=True)\n"
            "while True:\n"
            "    for s in select.select(ls,[],[])[0]: s.accept()[0].close()\n"
        )
        self.process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{PEER}", "--", sys.executable, "-c", code, *addresses],
            stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def end(self):
        self.process.kill()
        self.process.wait()


def changes(op, service, address, **members):
    request("POST", "/v1/changes", {"changes": [{"op": op, "service": service, "address": address, "set": members}]})


def measure_world(daemon, rows, times):
    """A backend's check fails and is well again; a backend's route moves to another router. The time from the cause includes
    the check's interval, so what counts is the processor's."""
    victim = backend(0)
    idle = timed(daemon, lambda: time.sleep(2))[1] / 2
    took = []
    for _ in range(times):
        for alive in (False, True):
            before, began = daemon.cpu(), time.monotonic()
            listeners["victim"].end() if not alive else listeners.update(victim=Listener([victim]))
            time.sleep(1)  # the check, the refresh, the ring
            took.append(daemon.cpu() - before - idle * (time.monotonic() - began))
            wait_state(daemon, "s0", victim, "up" if alive else "down")
    rows.add("health change of one backend", statistics.median(took), None, "of CPU")
    took = []
    for i in range(times):
        quiet(daemon)
        before, began = daemon.cpu(), time.monotonic()
        gateway = "100.64.0.3" if i % 2 == 0 else "100.64.0.2"
        ip("-n", LB, "route", "replace", backend(300) + "/32", "via", gateway)
        time.sleep(4)  # a pass over all is followed by a pause of nine times its length, and the event may come within one
        quiet(daemon)
        took.append(daemon.cpu() - before - idle * (time.monotonic() - began))
    rows.add("next hop of one backend", statistics.median(took), None, "of CPU")


def measure_commits(daemon, rows, services, backends, ring, times):
    middle = f"s{services // 2}"
    address = backend(services // 2 * backends)
    wall, cpu = median_of(daemon, times, lambda i: changes("backend.set", middle, address, weight=50 + i))
    rows.add("weight of one backend, by API", wall, cpu)
    wall, cpu = median_of(daemon, times,
                          lambda i: changes("backend.set", middle, address, state="up" if i % 2 else "drain"))
    rows.add("drain of one backend, by API", wall, cpu)
    added = "10.254.0.1"
    add = {"changes": [{"op": "backend.add", "service": middle, "backend": {"address": added}}]}
    delete = {"changes": [{"op": "backend.delete", "service": middle, "address": added}]}
    wall, cpu = median_of(daemon, times, lambda i: request("POST", "/v1/changes", delete if i % 2 else add))
    rows.add("a backend added, removed, by API", wall, cpu)
    edits = [7 + i for i in range(min(times, 3))]
    took = []
    for weight in edits:
        write_config(services, backends, ring, weight)
        took.append(timed(daemon, lambda: request("POST", "/v1/reload?force=1", {})))
    rows.add("reload of a file with one changed line", statistics.median(t[0] for t in took),
             statistics.median(t[1] for t in took))


def measure_answers(daemon, rows, services):
    for path in ("/v1/status", f"/v1/services/s{services // 2}", "/v1/services", "/v1/stats", "/v1/events?limit=10",
                 "/v1/connections"):
        size = len(request("GET", path))
        wall, cpu = median_of(daemon, 3, lambda i, p=path: request("GET", p))
        rows.add("GET " + path, wall, cpu, f"{size / 1e6:.2f} MB")


listeners = {}


def run(build, services, backends, ring, times):
    lab_up()
    write_config(services, backends, ring)
    listeners["victim"] = Listener([backend(0)])
    listeners["others"] = Listener([backend(j) for j in range(1, min(backends, 29))])
    rows = Rows()
    print(f"{services} services, {backends} backends each, rings of {ring} slots", flush=True)
    daemon = Daemon(build)
    try:
        daemon.wait(lambda: request("GET", "/v1/version"), "an answer")
        ready = daemon.wait(lambda: service_state(f"s{services - 1}", backend(services * backends - 1)) == "up",
                            "all in force")
        wait_state(daemon, "s0", backend(0), "up")
        rows.add("start, until all is in force", ready - daemon.began, daemon.cpu())
        quiet(daemon)
        own, mapped = daemon.resident()
        print(f"  memory: {own:.0f} MB of the daemon's own, {mapped:.0f} MB mapped; maps {maps_memory():.0f} MB",
              flush=True)
        measure_world(daemon, rows, times)
        measure_commits(daemon, rows, services, backends, ring, times)
        measure_answers(daemon, rows, services)
        daemon.end()
        again = Daemon(build)
        daemon = again
        daemon.wait(lambda: request("GET", "/v1/version"), "an answer")
        rows.add("start again, over maps and state", time.monotonic() - again.began, again.cpu())
    finally:
        for listener in listeners.values():
            listener.end()
        if daemon.process.poll() is None:
            daemon.end()
        sh("nsenter", f"--net=/run/netns/{LB}", "--", build + "/shuntd", "--detach", "--pin-dir", PINS, check=False)
        lab_down()
    return {"services": services, "backends": backends, "ring": ring, "memory_mb": own, "rows": rows.rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--services", type=int, action="append", help="how many; may be given several times")
    parser.add_argument("--backends", type=int, default=20)
    parser.add_argument("--ring", type=int, default=4093)
    parser.add_argument("--times", type=int, default=6, help="of each change")
    parser.add_argument("--json", help="write the results there as well")
    args = parser.parse_args()
    results = [run(os.path.abspath(args.build), services, args.backends, args.ring, args.times)
               for services in args.services or [1000, 10000]]
    if args.json:
        with open(args.json, "w") as out:
            json.dump(results, out, indent=2)


if __name__ == "__main__":
    main()
