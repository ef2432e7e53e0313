#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""What health checks through the tunnel cost the daemon: 5,000 TCP checks at an interval of 2 s, of 250 services with 20 backends.

As scale.py: two network namespaces and a veth pair, all backends behind one router. The router is all of the backends, too: the
agent takes the tunnel's header off, the one VIP is its own, and one listener answers for all.
"""
import argparse
import os
import subprocess
import sys
import time

import scale

SERVICES, BACKENDS = 250, 20
VIP = "198.18.0.1"
ADDRESSES = [scale.backend(i) for i in range(BACKENDS)]  # of every service
SECONDS = 20


def write_config(checked):
    lines = [
        "interfaces: [{name: lb0, mode: native}]",
        "source: {ipv4: 172.31.0.0/16}",
        f"limits: {{vips: {SERVICES + 16}, services: {SERVICES + 16}, destinations: {SERVICES * BACKENDS + 1024},"
        f" ring_slots: {(SERVICES + 16) * 251}}}",
        "services:",
    ]
    for i in range(SERVICES):
        check = "tcp, port: 80, interval: 2s, timeout: 1s" if checked else "none"
        lines.append(f'  - {{name: s{i}, vips: ["{VIP}:{1000 + i}/tcp"], ring_size: 251, check: {{type: {check}}},'
                     f' backends: [{", ".join(ADDRESSES)}]}}')
    with open(scale.RUN + "/shunt.yaml", "w", encoding="utf-8") as out:
        out.write("\n".join(lines) + "\n")


def in_peer(*argv):
    return ["nsenter", f"--net=/run/netns/{scale.PEER}", "--", *argv]


def listen():
    code = ("import socket\n"
            "s=socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(('0.0.0.0',80)); s.listen(4096)\n"
            "print('ready',flush=True)\n"
            "while True: s.accept()[0].close()\n")
    # Its end is this program's to see to.
    process = subprocess.Popen(in_peer(sys.executable, "-c", code), stdout=subprocess.PIPE, text=True)  # pylint: disable=consider-using-with
    process.stdout.readline()
    return process


def backends_in(state):
    return sum(b["state"] == state for s in scale.ask("/v1/services")["services"] for b in s["backends"])


def measure(build, checked):
    """Seconds of the daemon's processor time for a second, once all backends are up."""
    write_config(checked)
    daemon = scale.Daemon(build)
    try:
        daemon.wait(lambda: scale.request("GET", "/v1/version"), "an answer")
        daemon.wait(lambda: time.sleep(0.5) or backends_in("up") == SERVICES * BACKENDS, "all backends are up", 120)
        before, began = daemon.cpu(), time.monotonic()
        time.sleep(SECONDS)
        share = (daemon.cpu() - before) / (time.monotonic() - began)
        if backends_in("up") != SERVICES * BACKENDS:
            raise SystemExit("checks failed meanwhile: the machine is too busy for 2,500 a second, listener included")
    finally:
        daemon.end()
        scale.sh("nsenter", f"--net=/run/netns/{scale.LB}", "--", build + "/shuntd", "--detach", "--pin-dir", scale.PINS, check=False)
    return share


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default="build")
    build = os.path.abspath(parser.parse_args().build)
    scale.lab_up()
    pins = scale.PINS + "-agent"
    listener = None
    try:
        scale.ip("-n", scale.PEER, "address", "add", VIP + "/32", "dev", "lo")
        local = [word for address in ADDRESSES for word in ("--local", address)]
        scale.sh(*in_peer(build + "/shunt", "backend-agent", "up0", "--vip", VIP, *local, "--pin-dir", pins))
        listener = listen()
        idle, busy = measure(build, False), measure(build, True)
        print(f"{SERVICES * BACKENDS} TCP checks through tunnels, every 2 s: {100 * busy:.1f} % of a core; without checks {100 * idle:.1f} %")
    finally:
        if listener:
            listener.kill()
            listener.wait()
        scale.lab_down()
        scale.sh("rm", "-rf", pins, check=False)


if __name__ == "__main__":
    main()
