#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""hold.py ADDRESS COUNT FILE: opens so many connections to port 80, each of which sends a request and keeps what it is given, makes the file and
waits to be killed."""
import socket
import sys
import time

address, count, done = sys.argv[1], int(sys.argv[2]), sys.argv[3]
held = []
for _ in range(count):
    connection = socket.create_connection((address, 80), timeout=10)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    if not connection.recv(1000).startswith(b"HTTP/1.1 200"):
        sys.exit("not served")
    held.append(connection)
open(done, "w").close()
time.sleep(300)
