#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A balancer in thirty lines, for tests of the backend's side: relay.py KIND VIP BACKEND READY-FILE.

Puts every packet for VIP that eth0 receives into a tunnel to BACKEND. KIND: gue0, gue1 or gre; the host's own sockets write the outer
IP and UDP headers.
"""
import socket
import struct
import sys

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
IPIP, SIT, GRE = 4, 41, 47
PORT = 6080


def main(kind, vip, backend, ready):
    inner6, outer6 = ":" in vip, ":" in backend
    wanted = socket.inet_pton(socket.AF_INET6 if inner6 else socket.AF_INET, vip)
    at = slice(24, 40) if inner6 else slice(16, 20)
    ethertype = ETH_P_IPV6 if inner6 else ETH_P_IP
    header = {"gue0": struct.pack("!BBH", 0, SIT if inner6 else IPIP, 0), "gue1": b"",
              "gre": struct.pack("!HH", 0, ethertype)}[kind]
    family = socket.AF_INET6 if outer6 else socket.AF_INET
    out = socket.socket(family, socket.SOCK_RAW, GRE) if kind == "gre" else socket.socket(family, socket.SOCK_DGRAM)
    taken = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ethertype))
    taken.bind(("eth0", ethertype))
    open(ready, "w").close()
    while True:
        packet, where = taken.recvfrom(65536)
        if where[2] == socket.PACKET_OUTGOING or packet[at] != wanted:
            continue
        try:
            out.sendto(header + packet, (backend, 0 if kind == "gre" else PORT))
        except OSError:  # too large for the path: lost
            pass


main(*sys.argv[1:])
