#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows of the packet table: QUIC. Headers are packed here by hand from RFC 8999, 9000 and 9369, connection ids from
draft-ietf-quic-load-balancers-21. Also UDP itself: checksums of zero, lengths that lie.

  quic PORT SERVICE ID:LENGTH,...     the port's UDP VIPs are a QUIC service's, with these configurations
  quic_id SERVICE SERVER_ID DEST      a server id of the service
"""
from scapy.all import IP, TCP, UDP, Dot1AD, Dot1Q, ICMP, IPv6, Raw, raw
from scapy.layers.inet6 import ICMPv6DestUnreach, IPv6ExtHdrDestOpt

import rows
from rows import CLIENT4, CLIENT6, DESTS, LB_MAC, PORTS, SRC4, SRC6, VIP4, VIP6, drops, ether, forwarded, passes

# The ring of both services names 30 only, so what goes elsewhere went by its connection id.
DESTS.update({
    30: ("up", "10.0.2.30", 1, 1500, SRC4 + "/32"),
    31: ("up", "10.0.2.31", 1, 1500, SRC4 + "/32"),
    32: ("up", "fd00:2::32", 1, 1500, SRC6 + "/128"),
    33: ("drain", "10.0.2.33", 1, 1500, SRC4 + "/32"),
    34: ("down", "10.0.2.34", 1, 1500, SRC4 + "/32"),
})
RING, QUIC, OTHER, EMPTY = 30, 250, 251, 252
CONFIGS = {0: 1, 1: 2, 2: 8, 3: 9, 4: 15, 6: 4}  # 5 is none
# Lengths 7 (none has it) and 0 are left out; ids of one length are prefixes of others.
IDS = {
    31: ["0x01", "0x0102", "0x0102030405060708", "0x010203040506070809", "0x0102030405060708090a0b0c0d0e0f", "0x01020304"],
    32: ["0x02", "0x0103", "0x0102030405060709", "0x010203040506070808", "0x0102030405060708090a0b0c0d0e10", "0x00000000"],
    33: ["0x03", "0xffff", "0xffffffffffffffff"],
    34: ["0x04", "0x0400"],
    6: ["0x06"],
    5: ["0x05"],
}
V1, V2 = 0x00000001, 0x6B3343CF
TYPES = {V1: {"Initial": 0, "0-RTT": 1, "Handshake": 2, "Retry": 3}, V2: {"Initial": 1, "0-RTT": 2, "Handshake": 3, "Retry": 0}}


def fixture():
    for ident in range(30, 35):
        print("dest", ident, *DESTS[ident], "-")
    for port, dest in ((QUIC, RING), (OTHER, RING), (EMPTY, 0)):
        for address in (VIP4, VIP6):
            for proto in ("udp", "tcp"):
                print(f"vip {address} {port} {proto} {dest}")
    configs = ",".join(f"{ident}:{length}" for ident, length in CONFIGS.items())
    print(f"quic {QUIC} 3 {configs}")
    print(f"quic {OTHER} 4 0:1,3:3")
    print(f"quic {EMPTY} 5 0:1")
    for dest, ids in IDS.items():
        for server_id in ids:
            print(f"quic_id 3 {server_id} {dest}")
    print("quic_id 4 0x01 33")
    print("quic_id 5 0x01 31")


def cid(config, server_id, nonce=b"\xa5" * 4, low=0b10110):
    """First octet (config rotation, length or random bits), server id, nonce."""
    return bytes([config << 5 | low]) + bytes.fromhex(server_id[2:]) + nonce


def short(dcid, first=0x40, rest=b"\x5a" * 21):
    return bytes([first]) + dcid + rest


def long(kind, dcid, version=V1, scid=b"\x77" * 8, rest=b"\x5a" * 30, first=0xC0, dcid_len=None):
    octet = first | (TYPES[version][kind] << 4 if version in TYPES else kind << 4)
    length = len(dcid) if dcid_len is None else dcid_len
    return bytes([octet]) + version.to_bytes(4, "big") + bytes([length]) + dcid + bytes([len(scid)]) + scid + rest


def packets(payload, port=QUIC, sport=50000):
    yield "IPv4", IP(src=CLIENT4, dst=VIP4) / UDP(sport=sport, dport=port) / Raw(payload)
    yield "IPv6", IPv6(src=CLIENT6, dst=VIP6) / UDP(sport=sport, dport=port) / Raw(payload)


def goes(name, payload, dest, choice, **more):
    for family, packet in packets(payload, **more):
        forwarded(f"{family} QUIC, {name}", packet, dest, free=f"quic={choice}")


def by_ring(name, payload, choice, **more):
    goes(name, payload, RING, choice, **more)


def configurations():
    for config, length in CONFIGS.items():
        for dest, ids in IDS.items():
            for server_id in ids:
                if len(server_id) != 2 + 2 * length or dest not in (31, 32, 33):
                    continue
                name = f"config {config}, server id {server_id}"
                goes(f"short header, {name}", short(cid(config, server_id)), dest, "followed")
                for version, v in ((V1, "v1"), (V2, "v2")):
                    goes(f"{v} Handshake, {name}", long("Handshake", cid(config, server_id), version), dest, "followed")
                wrong = f"0x{(int(server_id, 16) ^ 0x40):0{2 * length}x}"
                by_ring(f"short header, config {config}, no backend's {wrong}", short(cid(config, wrong)), "unroutable")
        by_ring(f"short header, the next config's number for an id of config {config}",
                short(cid(5, IDS[31][0] + "00" * (length - 1))), "unroutable")
    by_ring("short header, config 7 (not routable)", short(cid(7, "0x01")), "unroutable")
    by_ring("Handshake, config 7", long("Handshake", cid(7, "0x01")), "unroutable")
    by_ring("short header, config 5, which is none", short(cid(5, "0x01")), "unroutable")
    for low in (0, 1, 0b11111):
        goes(f"short header, the first octet's other bits {low:#07b}", short(cid(0, "0x02", low=low)), 32, "followed")
    goes("another service, the same id", short(cid(0, "0x01")), 33, "followed", port=OTHER)
    for server_id in ("0x02", "0x03", "0x04", "0x05", "0x06"):
        by_ring(f"another service, an id that it has not, {server_id}", short(cid(0, server_id)), "unroutable", port=OTHER)
    by_ring("another service, a config that it has not", short(cid(1, "0x0102")), "unroutable", port=OTHER)


def address_changes():
    for sport in (50000, 50001, 443, 1):
        goes(f"short header from port {sport}", short(cid(0, "0x02")), 32, "followed", sport=sport)
    for src in ("198.51.100.8", "203.0.113.99"):
        packet = IP(src=src, dst=VIP4) / UDP(sport=7, dport=QUIC) / Raw(short(cid(0, "0x02")))
        forwarded(f"IPv4 QUIC, short header from {src}", packet, 32, free="quic=followed")
    packet = IPv6(src="2001:db8:77::1", dst=VIP6) / UDP(sport=7, dport=QUIC) / Raw(short(cid(0, "0x02")))
    forwarded("IPv6 QUIC, short header from another address", packet, 32, free="quic=followed")


def first_octets():
    """All first octets of a short header: spin, reserved, key phase, number length, and the fixed bit greased or not."""
    for first in (0x00, 0x3F, 0x40, 0x5C, 0x7F, 0x20):
        goes(f"short header {first:#04x}", short(cid(0, "0x01"), first), 31, "followed")
    for first in (0x80, 0xC0, 0x8F, 0xCF):
        goes(f"Handshake with {first:#04x}", long("Handshake", cid(0, "0x01"), first=first), 31, "followed")
        by_ring(f"Initial with {first:#04x}", long("Initial", cid(0, "0x01"), first=first), "opening")


def long_headers():
    for version, v in ((V1, "v1"), (V2, "v2")):
        for kind in ("Initial", "0-RTT", "Retry"):
            by_ring(f"{v} {kind} whose connection id names a backend", long(kind, cid(0, "0x01"), version), "opening")
            by_ring(f"{v} {kind}, 1200 octets", long(kind, b"\x99" * 8, version, rest=b"\0" * 1170), "opening")
    for version in (0, 2, 0x0A1A2A3A, 0xFF00001D, 0x6B3343CE, 0x01000000):
        for kind in range(4):
            by_ring(f"version {version:#010x}, type {kind}", long(kind, cid(0, "0x01"), version), "opening")
    for length in (21, 255):
        by_ring(f"Handshake, a connection id of {length} octets", long("Handshake", cid(0, "0x01") + b"\1" * (length - 6)),
                "unroutable")
    goes("Handshake, a connection id of 20 octets", long("Handshake", cid(0, "0x01") + b"\1" * 14), 31, "followed")
    by_ring("Handshake without a connection id", long("Handshake", b""), "unroutable")
    by_ring("Handshake, its connection id longer than the packet",
            long("Handshake", cid(0, "0x01"), scid=b"", rest=b"", dcid_len=20), "unroutable")
    goes("Handshake that ends with its connection id", long("Handshake", cid(0, "0x01"))[:6 + 6], 31, "followed")
    by_ring("Handshake cut within its connection id", long("Handshake", cid(0, "0x01"))[:6 + 5], "unroutable")


def too_short():
    for config, server_id in ((0, "0x01"), (2, "0x0102030405060708"), (4, "0x0102030405060708090a0b0c0d0e0f")):
        whole = short(cid(config, server_id), rest=b"")
        goes(f"short header that ends with its connection id, config {config}", whole, 31, "followed")
        by_ring(f"short header without all of its nonce, config {config}", whole[:-1], "unroutable")
        by_ring(f"short header without its nonce, config {config}", whole[:-4], "unroutable")
        by_ring(f"short header cut in its server id, config {config}", whole[:-5], "unroutable")
        # A long connection id has been in memory just before; nothing of it may count.
        goes("the longest connection id", short(cid(4, "0x0102030405060708090a0b0c0d0e0f")), 31, "followed")
        by_ring(f"two octets, config {config}", whole[:2], "unroutable")
    for payload in (b"", b"\x40", b"\x00"):
        by_ring(f"payload of {len(payload)} octets {payload.hex()}", payload, "unroutable")
    for length in range(1, 7):
        by_ring(f"long header of {length} octets", long("Initial", b"")[:length], "opening")
    for length in (1, 4, 5):
        by_ring(f"Handshake cut to {length} octets", long("Handshake", b"")[:length], "opening")


def backends():
    goes("a draining backend keeps its connections", short(cid(0, "0x03")), 33, "followed")
    by_ring("a backend that is down", short(cid(0, "0x04")), "unavailable")
    by_ring("a backend that is down, Handshake", long("Handshake", cid(1, "0x0400")), "unavailable")
    by_ring("a backend whose destination is free", short(cid(0, "0x06")), "unavailable")
    by_ring("a backend without a next hop", short(cid(0, "0x05")), "unavailable")
    goes("the ring is empty, the connection id names a backend", short(cid(0, "0x01")), 31, "followed", port=EMPTY)
    for family, packet in packets(long("Initial", b"\1" * 8), port=EMPTY):
        rows.row(f"{family} QUIC, the ring is empty, Initial", ether(packet), "DROP", "-", "no_backend", "quic=opening")


def around():
    """What else a packet may be."""
    payload = short(cid(0, "0x02"))
    for tags, name in ((Dot1Q(vlan=5), "a tag"), (Dot1AD(vlan=5) / Dot1Q(vlan=6), "two tags")):
        for family, packet in packets(payload):
            forwarded(f"{family} QUIC behind {name}", packet, 32, free="quic=followed", tags=tags)
    packet = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrDestOpt() / UDP(sport=9, dport=QUIC) / Raw(payload)
    forwarded("IPv6 QUIC behind destination options", packet, 32, free="quic=followed")
    for family, packet in packets(payload):
        forwarded(f"{family} QUIC, padded by Ethernet", packet, 32, padding=b"\xff" * 9, free="quic=followed")
    for family, packet in packets(short(cid(0, "0x02"), rest=b"")[:-1]):
        forwarded(f"{family} QUIC, Ethernet's padding is not of the connection id", packet, RING, padding=b"\0" * 24,
                  free="quic=unroutable")
    for make, family in ((rows.in4, "IPv4"), (rows.in6, "IPv6")):
        forwarded(f"{family} TCP to the port of a QUIC service", make(QUIC), RING)
    dead = IP(src=CLIENT4, dst=VIP4, ttl=1) / UDP(sport=9, dport=QUIC) / Raw(payload)
    rows.row("IPv4 QUIC, TTL 1", ether(dead), "DROP", "-", "ttl_expired", "quic=followed")
    quote = IP(src=VIP4, dst=CLIENT4) / UDP(sport=QUIC, dport=50000) / Raw(payload)
    forwarded("IPv4 ICMP error about a QUIC packet: by ring", IP(src="198.51.100.1", dst=VIP4) / ICMP(type=3, code=4) / quote,
              RING)
    quote = IPv6(src=VIP6, dst=CLIENT6) / UDP(sport=QUIC, dport=50000) / Raw(payload)
    forwarded("IPv6 ICMP error about a QUIC packet: by ring", IPv6(src=CLIENT6, dst=VIP6) / ICMPv6DestUnreach() / quote, RING)


def udp():
    """UDP itself, on a service that is not QUIC's (port 80) and on one that is."""
    payload = short(cid(0, "0x02"), rest=b"\5" * 16)
    for port, dest, free in ((80, 1, ""), (QUIC, 32, "quic=followed")):
        for family, packet in packets(payload, port=port):
            packet[UDP].chksum = 0
            forwarded(f"{family} UDP to port {port}, checksum 0", packet, dest, free=free)
        for family, packet in packets(payload, port=port):
            packet[UDP].chksum = 0xBAD
            forwarded(f"{family} UDP to port {port}, a wrong checksum is the backend's to see", packet, dest, free=free)
        for lie in (0, 1, 7, 8 + len(payload) + 1, 65535):
            for family, packet in packets(payload, port=port):
                packet[UDP].len = lie
                passes(f"{family} UDP to port {port}, length {lie} of {8 + len(payload)}", ether(packet), "bad_header")
        for family, packet in packets(payload, port=port):
            packet[UDP].len = 8 + len(payload) - 1
            forwarded(f"{family} UDP to port {port}, octets behind its length (RFC 9868)", packet, dest, free=free)
        for sport in (0, port, 65535):
            for family, packet in packets(payload, port=port, sport=sport):
                forwarded(f"{family} UDP to port {port} from port {sport}", packet, dest, free=free)
    for length in (8, 9, 13):
        for family, packet in packets(payload):
            packet[UDP].len = length
            forwarded(f"{family} QUIC in a UDP length of {length}: what is behind it does not count", packet, RING,
                      free="quic=unroutable")


if __name__ == "__main__":
    fixture()
    for part in (configurations, address_changes, first_octets, long_headers, too_short, backends, around, udp):
        part()
