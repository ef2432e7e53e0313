#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Numbered datagrams, so that not one can be lost unseen.

    counted.py send ADDRESS PORT RATE OUT       from 64 ports in turn, until SIGTERM; then writes how many there were
    counted.py receive PORT OUT ADDRESS...      until SIGTERM; then writes what came, a line each: the address's index, the sender's
                                                port's, and the number

Nothing is sent again and nothing answered: a datagram that does not come to one of the receivers was lost on its way.
"""
import select
import signal
import socket
import struct
import sys
import time

PORTS = 64
SO_RCVBUFFORCE = 33
BURST = 0.002  # s from one burst to the next
stopped = False


def stop(*_):
    global stopped
    stopped = True


def udp(address, port=0):
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
    if port:
        sock.bind((address, port))
    return sock


def send(address, port, rate, out):
    socks = [udp(address) for _ in range(PORTS)]
    for sock in socks:
        sock.connect((address, int(port)))
    number, due = 0, time.monotonic()
    while not stopped:
        for _ in range(round(int(rate) * BURST)):
            socks[number % PORTS].send(struct.pack("!Q", number))
            number += 1
        due = max(due + BURST, time.monotonic() - 10 * BURST)  # who is late hurries, but not for long
        time.sleep(max(0, due - time.monotonic()))
    with open(out, "w") as file:
        print(number, file=file)


def receive(port, out, *addresses):
    socks = [udp(address, int(port)) for address in addresses]
    came, ready = [], []
    while ready or not stopped:
        ready = select.select(socks, [], [], 0.1)[0]
        came += [(socks.index(sock), *struct.unpack("!Q", sock.recv(64))) for sock in ready]
    with open(out, "w") as file:
        file.writelines(f"{index} {number % PORTS} {number}\n" for index, number in came)


signal.signal(signal.SIGTERM, stop)
{"send": send, "receive": receive}[sys.argv[1]](*sys.argv[2:])
