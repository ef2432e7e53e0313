#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: services that hash a part of the flow.

Besides vip lines with FLAGS (the hash inputs) and PREFIX, and rows, this prints

  pair NAME|frame in, hex|frame in         both are counted at the destination that the first one's hash says
  spread NAME|frame in|frame in...         they are counted at two destinations or more
"""
from scapy.all import ICMP, TCP, UDP, ICMPv6DestUnreach, Dot1Q, IP, IPv6, Raw
from scapy.layers.inet6 import IPv6ExtHdrDestOpt

from rows import VIP4, VIP6, drops, ether, forwarded

SPECIAL, NO_SOURCE_PORT, SOURCE, DESTINATION_PORT = 2, 8, 16, 32
OTHER4, OTHER6 = "192.0.2.30", "2001:db8::30"  # more VIPs of the same services
# port: hash inputs, prefix length of IPv4, of IPv6
PORTS = {1000: (NO_SOURCE_PORT, 0, 0), 1001: (SOURCE, 32, 128), 1002: (SOURCE, 24, 56), 1003: (SOURCE, 1, 1),
         1004: (SOURCE, 20, 33), 1010: (DESTINATION_PORT, 0, 0)}
SPREAD = range(1011, 1019)  # more ports that hash destination ports
ENTROPY = 1020
CLIENT4, CLIENT6 = "198.51.100.7", "2001:db8:1:aa07:5::7"


def fixture():
    def vip(address, port, proto, dest, inputs, length):
        print(f"vip {address} {port} {proto} {dest} {SPECIAL | inputs} {length}")

    for port, (inputs, len4, len6) in PORTS.items():
        for proto in ("tcp", "udp"):
            vip(VIP4, port, proto, "mixed", inputs, len4)
            vip(VIP6, port, proto, "mixed", inputs, len6)
    for port in SPREAD:
        vip(VIP4, port, "tcp", "mixed", DESTINATION_PORT, 0)
        vip(VIP6, port, "tcp", "mixed", DESTINATION_PORT, 0)
    for address in (OTHER4, OTHER6):
        vip(address, 1001, "tcp", "mixed", *PORTS[1001][::2])
    vip(VIP4, ENTROPY, "tcp", 7, SOURCE, 32)
    vip(VIP6, ENTROPY, "tcp", 8, SOURCE, 128)
    vip(VIP4, ENTROPY + 1, "tcp", 0, SOURCE, 32)


def packet(port, client, sport=41000, l4=TCP, vip=None):
    if ":" in client:
        return IPv6(src=client, dst=vip or VIP6) / l4(sport=sport, dport=port)
    return IP(src=client, dst=vip or VIP4) / l4(sport=sport, dport=port)


def error(port, client, sport=41000, l4=TCP):
    """An ICMP error about a packet that the backend sent for this flow; the quote ends 8 bytes behind the IP header."""
    if ":" in client:
        quote = bytes(IPv6(src=VIP6, dst=client) / l4(sport=port, dport=sport) / Raw(b"x" * 40))[:48]
        return IPv6(src="2001:db8:ffff::1", dst=VIP6) / ICMPv6DestUnreach(code=3) / Raw(quote)
    quote = bytes(IP(src=VIP4, dst=client) / l4(sport=port, dport=sport) / Raw(b"x" * 40))[:28]
    return IP(src="203.0.113.1", dst=VIP4) / ICMP(type=3, code=1) / Raw(quote)


def family(client):
    return "IPv6" if ":" in client else "IPv4"


def pair(name, first, second, tags=None):
    print(f"pair {name}|{bytes(ether(first)).hex()}|{bytes(ether(second, tags)).hex()}")


def spread(name, packets):
    print(f"spread {name}|{'|'.join(bytes(ether(p)).hex() for p in packets)}")


def together():
    """What is no input makes no difference; what the backends' errors quote is hashed as the flow is."""
    for client in (CLIENT4, CLIENT6):
        for sport in range(42000, 42008):
            pair(f"{family(client)} no-source-port, port {sport}", packet(1000, client), packet(1000, client, sport))
        for port in PORTS:
            for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                for sport in range(42000, 42003):
                    pair(f"{family(client)} {proto} to {port} from {sport}, and an error about it",
                         packet(port, client, sport, l4), error(port, client, sport, l4))
        pair(f"{family(client)} source, behind a tag", packet(1001, client), packet(1001, client), Dot1Q(vlan=5))
    for client in ("198.51.112.0", "198.51.95.255", "2001:db8:8000::", "2001:db7:ffff::"):
        pair(f"{family(client)} source, {client}, just outside the prefix of others", packet(1004, client), packet(1004, client))
    pair("IPv6 source, behind an extension header", packet(1001, CLIENT6),
         IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrDestOpt() / TCP(sport=9, dport=1001))
    sources = {1001: ((CLIENT4,), (CLIENT6,)),
               1002: (("198.51.100.0", "198.51.100.255"), ("2001:db8:1:aa00::", "2001:db8:1:aaff:ffff::1")),
               1003: (("128.0.0.1", "223.255.255.254"), ("1::1", "7fff:ffff::1")),
               1004: (("198.51.96.0", "198.51.111.255"), ("2001:db8::1", "2001:db8:7fff:ffff::1"))}
    for port, families in sources.items():
        for client, others in zip((CLIENT4, CLIENT6), families):
            for i, other in enumerate(others):
                for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                    pair(f"{family(client)} {proto}, {client} and {other} to {port}", packet(port, client),
                         packet(port, other, 43000 + i, l4))
    for client, other in ((CLIENT4, OTHER4), (CLIENT6, OTHER6)):
        pair(f"{family(client)} source, to another VIP of the service", packet(1001, client),
             packet(1001, client, vip=other))
    for client, others in ((CLIENT4, ("10.0.0.1", "203.0.113.77")), (CLIENT6, ("fd00::1", "2001:db8:9::9"))):
        for other in others:
            for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
                pair(f"{family(client)} destination-port, {proto} from {other}", packet(1010, client),
                     packet(1010, other, 5, l4))


def apart():
    """What is an input makes one."""
    hosts4 = [f"198.51.100.{i}" for i in range(1, 9)]
    hosts6 = [f"2001:db8:1::{i}" for i in range(1, 9)]
    nets4 = [f"198.51.{i}.7" for i in range(1, 9)]
    nets6 = [f"2001:db8:1:{i}00::7" for i in range(1, 9)]
    wide4 = [f"198.51.{16 * i}.7" for i in range(1, 9)]
    wide6 = [f"2001:db{i}:{net}::7" for i in range(1, 5) for net in ("8000", "0")]
    for port, clients in ((1000, hosts4), (1000, hosts6), (1001, hosts4), (1001, hosts6), (1002, nets4), (1002, nets6),
                          (1004, wide4), (1004, wide6)):
        spread(f"{family(clients[0])} to {port} from 8 sources", [packet(port, client) for client in clients])
    for client in (CLIENT4, CLIENT6):
        spread(f"{family(client)} destination-port, 8 ports", [packet(port, client) for port in SPREAD])


def entropy():
    """One client has one backend there, but not one outer source."""
    for port in range(41000, 41032):
        forwarded(f"IPv4 hash source, outer source of client port {port}", packet(ENTROPY, CLIENT4, port), 7,
                  free="24:ffff,26:0000ffff")
        forwarded(f"IPv6 hash source, outer source of client port {port}", packet(ENTROPY, CLIENT6, port), 8,
                  free="34:ffffffff")
    drops("IPv4 hash source, no backend in the ring", ether(packet(ENTROPY + 1, CLIENT4)), "no_backend")
    drops("IPv4 hash source, TTL 1", ether(IP(src=CLIENT4, dst=VIP4, ttl=1) / TCP(dport=ENTROPY)), "ttl_expired")


if __name__ == "__main__":
    fixture()
    for part in (together, apart, entropy):
        part()
