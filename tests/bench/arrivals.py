#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Looks at what a balancer has sent: COUNT packets that arrive at DEVICE, of a flood to a VIP (tests/live/flood), every flow more than once.

Prints "ready" when it listens. Fails, with the reason, if they do not all come within a minute, or one is not as it must be:
  tunnelled   IP in IP to a backend, which is the same for all of a flow; nearly all backends have some
  rewritten   the destination is a backend, likewise
  same        as it was sent

usage: arrivals.py DEVICE MODE COUNT
"""
import ipaddress
import socket
import struct
import sys

VIP = ipaddress.ip_address("192.0.2.10")
BACKENDS = [ipaddress.ip_address("10.9.0.0") + n for n in range(1, 101)]
CLIENTS = ipaddress.ip_network("198.18.0.0/15")
PORT = 80
ETH_P_IP, OUTGOING = 0x0800, 4
TCP, UDP, IPIP = 6, 17, 4


def parse(packet):
    """Of an IPv4 packet: protocol, source, destination and payload. Its header must be right."""
    if len(packet) < 20 or packet[0] != 0x45:
        raise ValueError("no IPv4 header without options")
    length = struct.unpack_from("!H", packet, 2)[0]
    total = sum(struct.unpack("!10H", packet[:20]))
    total = (total & 0xFFFF) + (total >> 16)
    if (total & 0xFFFF) + (total >> 16) != 0xFFFF:
        raise ValueError("the header's checksum is wrong")
    if length > len(packet):
        raise ValueError(f"a length of {length} in {len(packet)} bytes")
    source, to = (ipaddress.ip_address(packet[at : at + 4]) for at in (12, 16))
    return packet[9], source, to, packet[20:length]


def look_at(packet, mode):
    """The flow, and where it goes."""
    protocol, source, to, payload = parse(packet)
    where = to
    if mode == "tunnelled":
        if protocol != IPIP:
            raise ValueError(f"protocol {protocol}, expected {IPIP}")
        protocol, source, to, payload = parse(payload)
    if protocol not in (TCP, UDP) or len(payload) != 20:
        raise ValueError(f"protocol {protocol} with {len(payload)} bytes, expected TCP or UDP with 20")
    if source not in CLIENTS:
        raise ValueError(f"a source of {source}")
    if mode != "rewritten" and to != VIP:
        raise ValueError(f"the packet is for {to}, expected {VIP}")
    if mode != "same" and where not in BACKENDS:
        raise ValueError(f"the destination {where} is no backend")
    sport, dport = struct.unpack_from("!HH", payload)
    if dport != PORT:
        raise ValueError(f"port {dport}, expected {PORT}")
    return (protocol, source, sport), where


def receive(device, count):
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_IP))
    listener.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
    listener.bind((device, ETH_P_IP))
    listener.settimeout(60)
    print("ready", flush=True)
    while count:
        frame, address = listener.recvfrom(2048)
        if address[2] != OUTGOING:
            count -= 1
            yield frame[14:]


def main():
    device, mode, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    went, number = {}, 0
    try:
        for packet in receive(device, count):
            number += 1
            flow, where = look_at(packet, mode)
            if went.setdefault(flow, where) != where:
                raise ValueError(f"{flow} goes to {where}, and went to {went[flow]}")
    except TimeoutError:
        sys.exit(f"arrivals: of {count} packets {number} arrived")
    except ValueError as error:
        sys.exit(f"arrivals: packet {number}: {error}")
    if len(went) > count // 2:
        sys.exit(f"arrivals: {len(went)} flows in {count} packets: none came twice")
    if mode != "same" and len(set(went.values())) < 0.9 * len(BACKENDS):
        sys.exit(f"arrivals: {len(went)} flows went to {len(set(went.values()))} backends of {len(BACKENDS)}")


main()
