#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""The packet table's part on ICMP: errors about a VIP's flows, echo, packets that do not fit. Continues rows.py's output.

Beside its rows there are, for the runner:
  vip ADDRESS 0 icmp FLAGS             the entry of a VIP's address
  pair NAME|frame in, hex|frame in     both are counted at the destination that the first one's hash says
"""
from rows import *  # noqa: F401,F403
from rows import CLIENT4, CLIENT6, CLIENT_MAC, LB_MAC, VIP4, VIP6, Dot1AD, Dot1Q, Ether, IP, IPOption_RR, IPv6, Raw, TCP, UDP
from rows import drops, ether, forwarded, in4, in6, passes, row
from scapy.all import ICMP, ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NS, ICMPv6PacketTooBig
from scapy.all import ICMPv6ParamProblem, ICMPv6TimeExceeded, IPOption_NOP
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting

ROUTER4, ROUTER6 = "203.0.113.9", "2001:db8:2::9"
QUIET4, QUIET6 = "192.0.2.20", "2001:db8::20"  # VIPs whose service has echo off
TAGGED = ((Dot1Q(vlan=5), "802.1Q"), (Dot1AD(vlan=300) / Dot1Q(vlan=5), "802.1ad and 802.1Q"))
ERRORS4 = {
    "unreachable": dict(type=3, code=1),
    "fragmentation needed": dict(type=3, code=4, nexthopmtu=1400),
    "time exceeded": dict(type=11, code=0),
    "parameter problem": dict(type=12, code=0, ptr=20),
}
ERRORS6 = {
    "unreachable": ICMPv6DestUnreach(code=4),
    "too big": ICMPv6PacketTooBig(mtu=1400),
    "time exceeded": ICMPv6TimeExceeded(),
    "parameter problem": ICMPv6ParamProblem(ptr=40),
}


def fixture():
    # From the upper end of the ids and below the ports that rows.py uses.
    print("dest 24 up 10.0.2.21 1 1290 172.31.0.1/32 -")
    print("dest 23 up fd00:2::21 1 1310 fd00:5::1/128 -")
    print("dest 22 up 10.0.2.22 1 567 172.31.0.1/32 -")
    print("dest 21 up fd00:2::22 1 580 fd00:5::1/128 -")
    for address in (VIP4, VIP6):
        print(f"vip {address} 0 icmp 1")
        for proto in ("tcp", "udp"):
            print(f"vip {address} 66 {proto} mixed")
    for address in (QUIET4, QUIET6):
        print(f"vip {address} 0 icmp 0")
        print(f"vip {address} 80 tcp 1")
    for dest in (21, 22, 23, 24):
        for address in (VIP4, VIP6):
            print(f"vip {address} {60 + dest - 21} tcp {dest}")


# ---- errors


def sent4(port=80, l4=TCP, src=VIP4, dst=CLIENT4, dport=41000, payload=b"q" * 600, **ip):
    """What a backend sent from the VIP to the client, as a router on the way saw it."""
    return bytes(IP(src=src, dst=dst, ttl=57, **ip) / l4(sport=port, dport=dport) / Raw(payload))


def sent6(port=80, l4=TCP, src=VIP6, dst=CLIENT6, dport=41000, payload=b"q" * 600, **ip):
    return bytes(IPv6(src=src, dst=dst, hlim=57, **ip) / l4(sport=port, dport=dport) / Raw(payload))


def error4(quote, kind="fragmentation needed", **ip):
    return IP(src=ROUTER4, dst=ip.pop("dst", VIP4), **ip) / ICMP(**ERRORS4[kind]) / Raw(quote)


def error6(quote, kind="too big", **ip):
    return IPv6(src=ROUTER6, dst=ip.pop("dst", VIP6), **ip) / ERRORS6[kind] / Raw(quote)


def extended6(ext):
    return bytes(IPv6(src=VIP6, dst=CLIENT6) / ext / TCP(sport=80, dport=41000))


def errors():
    for kind in ERRORS4:
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            forwarded(f"ICMP {kind}, {proto}, IPv4 in IPv4", error4(sent4(80, l4), kind), 1)
            forwarded(f"ICMP {kind}, {proto}, IPv4 in IPv6", error4(sent4(81, l4), kind), 2)
    for kind in ERRORS6:
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            forwarded(f"ICMPv6 {kind}, {proto}, IPv6 in IPv4", error6(sent6(80, l4), kind), 1)
            forwarded(f"ICMPv6 {kind}, {proto}, IPv6 in IPv6", error6(sent6(81, l4), kind), 2)
    forwarded("ICMP error, other interface", error4(sent4(82)), 3)
    forwarded("ICMPv6 error, other interface", error6(sent6(83)), 4)
    for rest in (8, 4):
        forwarded(f"ICMP error, quote cut {rest} bytes behind the header", error4(sent4()[: 20 + rest]), 1)
        forwarded(f"ICMPv6 error, quote cut {rest} bytes behind the header", error6(sent6()[: 40 + rest]), 1)
    options = [IPOption_RR(routers=["0.0.0.0"] * 9)]
    forwarded("ICMP error, quote with 40 bytes of options", error4(sent4(options=options)[:68]), 1)
    forwarded("ICMP error with options itself", error4(sent4(), options=[IPOption_NOP()] * 4), 1)
    forwarded("ICMP error, quoted packet is a first fragment", error4(sent4(flags="MF")[:28]), 1)
    forwarded("ICMP error with class and TTL", error4(sent4(), tos=0xC0, ttl=2), 1)
    forwarded("ICMPv6 error with class and label", error6(sent6(), tc=0xC3, fl=0x12345, hlim=2), 1)
    for ext, name in ((IPv6ExtHdrDestOpt(), "destination options"), (IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt(), "two headers"),
                      (IPv6ExtHdrRouting(addresses=[ROUTER6], segleft=0), "a routing header at its end")):
        forwarded(f"ICMPv6 error, quote with {name}", error6(extended6(ext)), 1)
        itself = IPv6(src=ROUTER6, dst=VIP6) / ext / ERRORS6["too big"] / Raw(sent6())
        forwarded(f"ICMPv6 error with {name} itself", itself, 1)
    for ext, name in ((IPv6ExtHdrFragment(m=1), "the first"), (IPv6ExtHdrFragment(m=1) / IPv6ExtHdrDestOpt(), "the first, with options"),
                      (IPv6ExtHdrFragment(m=0), "the only")):
        forwarded(f"ICMPv6 error, quoted packet is {name} fragment", error6(extended6(ext)), 1)
    for tags, name in TAGGED:
        forwarded(f"ICMP error, {name}", error4(sent4()), 1, tags=tags)
        forwarded(f"ICMPv6 error, {name}", error6(sent6()), 1, tags=tags)
    forwarded("ICMP error, frame padded", error4(sent4()[:28]), 1, padding=b"\0" * 4)
    drops("ICMP error, TTL 1", ether(error4(sent4(), ttl=1)), "ttl_expired")
    drops("ICMP error, no backend in the ring", ether(error4(sent4(88))), "no_backend")
    drops("ICMP error, next hop not resolved", ether(error4(sent4(84))), "no_nexthop")
    drops("ICMP error that does not fit is not answered",
          ether(error4(sent4(payload=b"q" * 1420), flags="DF")), "too_big")
    drops("ICMPv6 error that does not fit is not answered", ether(error6(sent6(payload=b"q" * 1390))), "too_big")


def faulty_errors():
    for length in (0, 12, 19, 20, 23):
        passes(f"ICMP error, quote of {length} bytes", ether(error4(sent4()[:length])), "icmp_truncated")
    for length in (0, 39, 40, 43):
        passes(f"ICMPv6 error, quote of {length} bytes", ether(error6(sent6()[:length])), "icmp_truncated")
    passes("ICMP error, ports only in the padding", bytes(ether(error4(sent4()[:22]))) + sent4()[22:40],
           "icmp_truncated")
    cut = sent4(options=[IPOption_RR(routers=["0.0.0.0"] * 9)])[:60]
    passes("ICMP error, quote ends with its options", ether(error4(cut)), "icmp_truncated")
    passes("ICMP error, quoted packet is a later fragment", ether(error4(sent4(frag=1)[:28])), "icmp_fragment")
    passes("ICMP error that quotes IPv6", ether(error4(sent6())), "icmp_bad_quote")
    passes("ICMPv6 error that quotes IPv4", ether(error6(sent4())), "icmp_bad_quote")
    passes("ICMP error, quoted header length 16", ether(error4(sent4(ihl=4))), "icmp_bad_quote")
    passes("ICMP error, quote from another address", ether(error4(sent4(src=QUIET4))), "icmp_bad_quote")
    passes("ICMPv6 error, quote from another address", ether(error6(sent6(src=QUIET6))), "icmp_bad_quote")
    passes("ICMP error, quote of a packet to the VIP", ether(error4(sent4(src=CLIENT4, dst=VIP4))), "icmp_bad_quote")
    for ext, name, reason in ((IPv6ExtHdrFragment(m=1, offset=1), "a fragment header, not the first one", "icmp_fragment"),
                              (IPv6ExtHdrFragment(offset=1), "a fragment header, the last one", "icmp_fragment"),
                              (IPv6ExtHdrRouting(addresses=[CLIENT6], segleft=1), "segments left", "icmp_ext_header"),
                              (IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop(), "headers in disorder", "icmp_ext_header")):
        passes(f"ICMPv6 error, quote with {name}", ether(error6(extended6(ext))), reason)
    cut = IPv6(src=VIP6, dst=CLIENT6) / IPv6ExtHdrFragment(m=1, nh=60)
    passes("ICMPv6 error, quoted packet is a first fragment that ends before its headers", ether(error6(bytes(cut))), "icmp_ext_header")
    for length in (40, 47, 48, 55, 56, 59):
        quote = extended6(IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt())[:length]
        passes(f"ICMPv6 error, quote with extension headers cut to {length} bytes", ether(error6(quote)), "icmp_truncated")
    passes("ICMP error, quoted port is no VIP's", ether(error4(sent4(79))), "not_vip")
    passes("ICMPv6 error, quoted port is no VIP's", ether(error6(sent6(79))), "not_vip")
    passes("ICMP error, quoted ports the wrong way round", ether(error4(sent4(41000, dport=80))), "not_vip")
    for proto in (1, 4, 41, 47):
        quote = bytes(IP(src=VIP4, dst=CLIENT4, proto=proto) / Raw(b"\0" * 40))
        passes(f"ICMP error, quoted protocol {proto}", ether(error4(quote)), "not_tcp_udp")
    passes("ICMP error to another address", ether(error4(sent4(), dst="192.0.2.11")), "not_tcp_udp")
    passes("ICMPv6 error to another address", ether(error6(sent6(), dst="2001:db8::11")), "not_tcp_udp")
    passes("ICMP error, a first fragment", ether(error4(sent4(), flags="MF")), "fragment")
    whole = error4(sent4())
    passes("ICMP error, total length beyond the frame", ether(error4(sent4(), len=len(whole) + 1)), "truncated")
    passes("ICMP error, total length of 27", ether(error4(sent4(), len=27)), "bad_header")
    for kind in (4, 5, 9, 13, 17):  # source quench, redirect, router advertisement, time stamp, mask
        passes(f"ICMP type {kind} to a VIP", ether(IP(src=ROUTER4, dst=VIP4) / ICMP(type=kind) / Raw(sent4())), "not_tcp_udp")
    passes("ICMPv6 neighbour solicitation to a VIP", ether(IPv6(src=CLIENT6, dst=VIP6) / ICMPv6ND_NS(tgt=VIP6)), "not_tcp_udp")


def pair(name, packet, error):
    print(f"pair {name}|{bytes(ether(packet)).hex()}|{bytes(ether(error)).hex()}")


def pairs():
    """A flow's packets and the errors about it find the same backend, of a ring with several. The flows of one round differ in
    the client's port or in one part of its address only."""
    ports = [("198.51.100.7", "2001:db8:1::7", 42000 + i) for i in range(8)]
    hosts = [(f"198.51.100.{i}", f"2001:db8:1::{i}", 42000) for i in range(1, 9)]
    nets = [(f"198.{i}.100.7", f"2001:db8:{i}::7", 42000) for i in range(1, 9)]
    subnets = [(f"{i}.51.100.7", f"2001:db8:1:1:{i}::7", 42000) for i in range(1, 9)]
    for client4, client6, port in ports + hosts + nets + subnets:
        for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
            pair(f"IPv4 {proto} from {client4}:{port}, and an error about it",
                 IP(src=client4, dst=VIP4) / l4(sport=port, dport=66),
                 error4(sent4(66, l4, dst=client4, dport=port)[:28]))
            pair(f"IPv6 {proto} from {client6} port {port}, and an error about it",
                 IPv6(src=client6, dst=VIP6) / l4(sport=port, dport=66),
                 error6(sent6(66, l4, dst=client6, dport=port)[:48]))


# ---- errors about outer packets


def outer4(proto=4, src="172.31.7.7", inner=None):
    return bytes(IP(src=src, dst="10.0.2.11", proto=proto, ttl=62) / (inner or in4()))


def outer6(nh=41, src="fd00:5::77", inner=None):
    return bytes(IPv6(src=src, dst="fd00:2::11", nh=nh, hlim=62) / (inner or in6()))


def path_mtu():
    """Told to the daemon, whoever they are from: what is believed is its own to say. They pass, for the host may have tunnels."""
    for proto, name in ((4, "IPv4"), (41, "IPv6"), (47, "GRE"), (17, "UDP")):
        passes(f"path MTU, quoted {name} in IPv4", ether(error4(outer4(proto), dst="172.31.7.7")), "path_mtu")
        passes(f"path MTU, quoted {name} in IPv6", ether(error6(outer6(proto), dst="fd00:5::77")), "path_mtu")
    passes("path MTU, quote of 28 bytes", ether(error4(outer4()[:28], dst="172.31.7.7")), "path_mtu")
    for quote, name in ((outer4(6), "TCP"), (outer4(1), "ICMP"), (outer4(src="172.31.7.8"), "another's"), (outer4()[:19], "cut"),
                        (outer6(), "IPv6")):
        passes(f"path MTU, quote not of a tunnel: {name}", ether(error4(quote, dst="172.31.7.7")), "not_tcp_udp")
    for quote, name in ((outer6(6), "TCP"), (outer6(58), "ICMP"), (outer6(src="fd00:5::78"), "another's"), (outer6()[:39], "cut"),
                        (outer4(), "IPv4")):
        passes(f"path MTU, quote not of a tunnel: {name}, IPv6", ether(error6(quote, dst="fd00:5::77")), "not_tcp_udp")
    passes("unreachable, quoted tunnel", ether(error4(outer4(), "unreachable", dst="172.31.7.7")), "not_tcp_udp")
    passes("unreachable, quoted tunnel, IPv6", ether(error6(outer6(), "unreachable", dst="fd00:5::77")), "not_tcp_udp")
    passes("path MTU, a fragment", ether(error4(outer4(), dst="172.31.7.7", flags="MF")), "not_tcp_udp")


# ---- echo


def turned(eth_payload, tags=None):
    return Ether(src=LB_MAC, dst=CLIENT_MAC) / (tags / eth_payload if tags else eth_payload)


def echo4(payload=b"p" * 56, ident=7, seq=1, **ip):
    return IP(src=ip.pop("src", CLIENT4), dst=ip.pop("dst", VIP4), **ip) / ICMP(id=ident, seq=seq) / Raw(payload)


def echo6(payload=b"p" * 56, ident=7, seq=1, **ip):
    request = ICMPv6EchoRequest(id=ident, seq=seq, data=payload)
    return IPv6(src=ip.pop("src", CLIENT6), dst=ip.pop("dst", VIP6), **ip) / request


def answered(name, request, padding=b"", tags=None):
    arrived = bytes(request)
    if arrived[0] >> 4 == 4:
        reply = IP(arrived)
        reply.src, reply.dst, reply.ttl = request.dst, request.src, 64
        reply[ICMP].type = 0
        del reply.chksum, reply[ICMP].chksum
    else:
        request = IPv6(arrived)
        echo = request[ICMPv6EchoRequest]
        reply = IPv6(src=request.dst, dst=request.src, tc=request.tc, fl=request.fl, hlim=64)
        reply = reply / ICMPv6EchoReply(code=echo.code, id=echo.id, seq=echo.seq, data=echo.data)
    row(name, bytes(ether(request, tags)) + padding, "TX", bytes(turned(reply, tags)) + padding, "echo_reply")


def echo():
    for length in (0, 1, 18, 56, 57, 1400, 1472):
        answered(f"ping of {length} bytes, IPv4", echo4(b"\xa5" * length))
        answered(f"ping of {length} bytes, IPv6", echo6(b"\xa5" * min(length, 1452)))
    for tags, name in TAGGED:
        answered(f"ping, {name}, IPv4", echo4(), tags=tags)
        answered(f"ping, {name}, IPv6", echo6(), tags=tags)
    for ttl in (1, 64, 255):
        answered(f"ping, TTL {ttl}", echo4(ttl=ttl))
        answered(f"ping, hop limit {ttl}", echo6(hlim=ttl))
    answered("ping, class, DF and identification", echo4(tos=0xB9, flags="DF", id=0xFFFF))
    answered("ping, class and label", echo6(tc=0xB9, fl=0xFFFFF))
    answered("ping, identifier and number 0, empty", echo4(b"", ident=0, seq=0))
    answered("ping, identifier 0xffff", echo4(b"\xff" * 9, ident=0xFFFF, seq=0xFFFF))
    answered("ping, frame padded, IPv4", echo4(b""), b"\x5a" * 18)
    answered("ping, frame padded, IPv6", echo6(b""), b"\x5a" * 4)
    wrong = bytearray(bytes(ether(echo4())))
    right = bytearray(bytes(turned(IP(src=VIP4, dst=CLIENT4) / ICMP(type=0, id=7, seq=1) / Raw(b"p" * 56))))
    wrong[60] ^= 1
    right[60] ^= 1
    row("ping with a wrong checksum: so has the reply", wrong, "TX", bytes(right), "echo_reply")


def no_echo():
    passes("ping to a VIP with echo off, IPv4", ether(echo4(dst=QUIET4)), "echo_refused")
    passes("ping to a VIP with echo off, IPv6", ether(echo6(dst=QUIET6)), "echo_refused")
    passes("ping with options", ether(echo4(options=[IPOption_RR(routers=["0.0.0.0"])])), "echo_refused")
    options = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrDestOpt() / ICMPv6EchoRequest()
    passes("ping with destination options", ether(options), "echo_refused")
    for src in ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.2.3", "255.255.255.255", "240.0.0.1", VIP4, QUIET4):
        passes(f"ping from {src}", ether(echo4(src=src)), "echo_refused")
    for src in ("::", "::1", "ff02::1", "ff0e::1:2", VIP6, QUIET6):
        passes(f"ping from {src}", ether(echo6(src=src)), "echo_refused")
    for make, family in ((echo4, "IPv4"), (echo6, "IPv6")):
        broadcast = Ether(src=CLIENT_MAC, dst="ff:ff:ff:ff:ff:ff")
        passes(f"ping by broadcast, {family}", broadcast / make(), "echo_refused")
        passes(f"ping from a group's MAC, {family}", Ether(src="01:00:5e:00:00:01", dst=LB_MAC) / make(), "echo_refused")
    passes("ping to another address, IPv4", ether(echo4(dst="192.0.2.11")), "not_tcp_udp")
    passes("ping to another address, IPv6", ether(echo6(dst="2001:db8::11")), "not_tcp_udp")
    passes("echo reply to a VIP, IPv4", ether(IP(src=CLIENT4, dst=VIP4) / ICMP(type=0)), "not_tcp_udp")
    passes("echo reply to a VIP, IPv6", ether(IPv6(src=CLIENT6, dst=VIP6) / ICMPv6EchoReply()), "not_tcp_udp")
    for flags, offset, name in (("MF", 0, "first"), (0, 9, "last")):
        passes(f"ping, {name} fragment", ether(echo4(flags=flags, frag=offset)), "fragment")
    passes("ping, IPv6 fragment",
           ether(IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrFragment(m=1) / ICMPv6EchoRequest(data=b"p" * 8)), "fragment")
    for length, reason in ((27, "bad_header"), (20, "bad_header"), (0, "bad_header"), (85, "truncated"), (65535, "truncated")):
        passes(f"ping of 84 bytes, total length {length}", ether(echo4(len=length)), reason)
    for length, reason in ((7, "bad_header"), (0, "bad_header"), (65, "truncated"), (65535, "truncated")):
        passes(f"ping of 64 bytes, payload length {length}", ether(echo6(plen=length)), reason)


# ---- too big


def told4(name, packet, mtu, padding=b"", tags=None):
    quote = bytes(packet)[:548]
    reply = IP(src=packet.dst, dst=packet.src, ttl=64, tos=0xC0, id=0, flags="DF") / ICMP(type=3, code=4, nexthopmtu=mtu)
    row(name, bytes(ether(packet, tags)) + padding, "TX", turned(reply / Raw(quote), tags), "too_big_reply")


def told6(name, packet, mtu, padding=b"", tags=None):
    quote = bytes(packet)[:1232]
    reply = IPv6(src=packet.dst, dst=packet.src, hlim=64, tc=0xC0) / ICMPv6PacketTooBig(mtu=mtu)
    row(name, bytes(ether(packet, tags)) + padding, "TX", turned(reply / Raw(quote), tags), "too_big_reply")


def long4(length, port=80, l4=TCP, **ip):
    head = 40 if l4 is TCP else 28
    return in4(port, l4, bytes(i * 7 & 0xFF for i in range(length - head)), flags=ip.pop("flags", "DF"), **ip)


def long6(length, port=80, l4=TCP, **ip):
    head = 60 if l4 is TCP else 48
    return in6(port, l4, bytes(i * 7 & 0xFF for i in range(length - head)), **ip)


def too_big():
    for l4, proto in ((TCP, "tcp"), (UDP, "udp")):
        told4(f"too big, {proto}, IPv4 in IPv4", long4(1500, 80, l4), 1480)
        told4(f"too big, {proto}, IPv4 in IPv6", long4(1500, 81, l4), 1460)
        told6(f"too big, {proto}, IPv6 in IPv4", long6(1500, 80, l4), 1480)
        told6(f"too big, {proto}, IPv6 in IPv6", long6(1500, 81, l4), 1460)
    for length in (1481, 1482, 1483, 3000):
        told4(f"too big, IPv4 of {length} bytes", long4(length), 1480)
        told6(f"too big, IPv6 of {length} bytes", long6(length), 1480)
    for tags, name in TAGGED:
        told4(f"too big, {name}, IPv4", long4(1500), 1480, tags=tags)
        told6(f"too big, {name}, IPv6", long6(1500), 1480, tags=tags)
        told6(f"too big, {name}, IPv6, frame padded", long6(1481), 1480, b"\0" * 3, tags=tags)
    for length in (1481, 1488):
        head = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrDestOpt() / TCP(sport=41000, dport=80)
        told6(f"too big, an extension header, {length} bytes", head / Raw(b"e" * (length - 68)), 1480)
    told4("too big, for another interface", long4(1500, 82), 1480)
    told4("too big, frame padded, IPv4", long4(1481), 1480, b"\0" * 5)
    told6("too big, frame padded, IPv6", long6(1481), 1480, b"\0" * 5)
    told4("too big, class, TTL 2, options", long4(1500, tos=0xB9, ttl=2, options=[IPOption_NOP()] * 4), 1480)
    told6("too big, class and label", long6(1500, tc=0xB9, fl=0xABCDE, hlim=2), 1480)
    told4("too big for an MTU of 567: quote of the whole packet", long4(548, 61), 547)
    told6("too big for 1270 inside: never less than 1280", long6(1281, 63), 1280)
    told6("too big for 1270 inside, IPv6 outside", long6(1500, 62), 1280)


def too_big_untold():
    drops("too big, DF not set", ether(long4(1500, flags=0)), "too_big")
    drops("too big, a packet that is no longer than 1280", ether(long6(1280, 63)), "too_big")
    short = bytes(ether(long4(547, 60)))
    drops("too big, a packet shorter than its quote, IPv4", short, "too_big")
    drops("too big, a packet shorter than its quote, frame padded", short + b"\0" * 9, "too_big")
    drops("too big, TTL 1", ether(long4(1500, ttl=1)), "ttl_expired")
    for src in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", VIP4):
        packet = long4(1500)
        packet.src = src
        drops(f"too big, from {src}", ether(packet), "martian")
    for src in ("::", "::1", "ff02::1", VIP6):
        packet = long6(1500)
        packet.src = src
        drops(f"too big, from {src}", ether(packet), "martian")
    for packet in (long4(1500), long6(1500)):
        packet.src = QUIET4 if packet.version == 4 else QUIET6
        drops(f"too big, from another VIP, {packet.src}", ether(packet), "too_big")
    drops("too big, by multicast", Ether(src=CLIENT_MAC, dst="01:00:5e:00:02:0a") / long4(1500), "to_group")


if __name__ == "__main__":
    fixture()
    for part in (errors, faulty_errors, pairs, path_mtu, echo, no_echo, too_big, too_big_untold):
        part()
