#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A tunnel interface as `ip tunnel` makes one, for kernels that have none: tun_tunnel.py NAME. IPv4 in IPv4 that this host receives comes
in by the interface NAME, with its outer header off. Ends with the process."""
import fcntl
import socket
import struct
import subprocess
import sys

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
name = sys.argv[1]
with open("/dev/net/tun", "r+b", buffering=0) as tun, socket.socket(socket.AF_INET, socket.SOCK_RAW, 4) as outer:
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", "dev", name, "up"], check=True)
    while True:
        packet = outer.recv(65536)
        tun.write(packet[(packet[0] & 15) * 4:])
