#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""QUIC-shaped UDP flows, for test_quic.sh: headers as RFC 9000 and draft-ietf-quic-load-balancers have them, and nothing of
the protocol behind them.

  serve NAME SERVER_ID ADDRESS PORT...   answers NAME to what it gets; to an Initial, with a connection id of its own making
                                         that the client is to use from now on (configuration 0)
  flows ADDRESS PORT COUNT SOURCE...     COUNT flows, each from one source after the other, from a new port every time;
                                         prints who answered, a line for each flow: "b1 b1 b1"
  keep ADDRESS PORT COUNT SOURCE STOP    COUNT flows that go on until the file STOP is there, from a new port with each
                                         packet; prints who answered, each name once
"""
import os
import select
import socket
import sys
import time

V1 = b"\0\0\0\1"
PATIENCE = 3.0


def initial():
    """A long header of type Initial whose destination connection id the client drew, padded as clients must."""
    dcid, scid = os.urandom(8), os.urandom(8)
    return (b"\xc0" + V1 + bytes([len(dcid)]) + dcid + bytes([len(scid)]) + scid).ljust(1200, b"\0")


def short(dcid):
    return b"\x40" + dcid + os.urandom(24)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(name, server_id, address, *ports):
    sockets = []
    for port in ports:
        s = socket.socket(family(address), socket.SOCK_DGRAM)
        s.bind((address, int(port)))
        sockets.append(s)
    print("ready", flush=True)
    while True:
        for s in select.select(sockets, [], [])[0]:
            packet, peer = s.recvfrom(2048)
            dcid = bytes([0b000_10101]) + bytes.fromhex(server_id[2:]) + os.urandom(6)
            s.sendto(name.encode() + b" " + (dcid if packet[:1] and packet[0] & 0x80 else b""), peer)


def ask(source, to, packet):
    """The answer's words; asked again a few times, since nothing here may depend on one packet."""
    with socket.socket(family(to[0]), socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        s.connect(to)
        s.settimeout(PATIENCE)
        for _ in range(3):
            s.send(packet)
            try:
                name, rest = s.recv(2048).split(b" ", 1)
                return name.decode(), rest
            except socket.timeout:
                pass
    return "nobody", b""


def flows(address, port, count, *sources):
    to = (address, int(port))
    for _ in range(int(count)):
        name, dcid = ask(sources[0], to, initial())
        print(name, *(ask(source, to, short(dcid))[0] for source in sources), flush=True)


def keep(address, port, count, source, stop):
    to, open_flows = (address, int(port)), []
    for _ in range(int(count)):
        name, dcid = ask(source, to, initial())
        open_flows.append((dcid, [name]))
    print("open", flush=True)
    rounds = 0
    while not os.path.exists(stop) or rounds < 3:
        for dcid, names in open_flows:
            name = ask(source, to, short(dcid))[0]
            if name not in names:
                names.append(name)
        rounds += 1
        time.sleep(0.02)
    for _, names in open_flows:
        print(*names, flush=True)


if __name__ == "__main__":
    {"serve": serve, "flows": flows, "keep": keep}[sys.argv[1]](*sys.argv[2:])
