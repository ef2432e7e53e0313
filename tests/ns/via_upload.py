#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""via_upload.py MARK SOURCE VIP BYTES: sends so many bytes to http://VIP/upload on the road of a check, and prints what is answered:
more than a check ever sends, in segments that the kernel would leave to a NIC to cut and to checksum."""
import socket
import sys

mark, source, vip, size = int(sys.argv[1], 0), sys.argv[2], sys.argv[3], int(sys.argv[4])
with socket.socket(socket.AF_INET6 if ":" in vip else socket.AF_INET, socket.SOCK_STREAM) as server:
    server.settimeout(10)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
    server.bind((source, 0))
    server.connect((vip, 80))
    server.sendall(f"POST /upload HTTP/1.1\r\nHost: v\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n".encode() + b"x" * size)
    answer = b""
    while part := server.recv(4096):
        answer += part
print(answer.decode().splitlines()[-1])
