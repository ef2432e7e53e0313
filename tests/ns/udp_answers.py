#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""udp_answers.py PORT FILE [ADDRESS]: answers every datagram to PORT, IPv4 and IPv6, with what FILE holds at that moment; without FILE, not
at all. ADDRESS: only to this one, IPv4, and from it."""
import socket
import sys

with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as server:
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind((f"::ffff:{sys.argv[3]}" if len(sys.argv) > 3 else "::", int(sys.argv[1])))
    while True:
        question, client = server.recvfrom(2048)
        try:
            with open(sys.argv[2], "rb") as file:
                server.sendto(file.read(), client)
        except FileNotFoundError:
            pass
