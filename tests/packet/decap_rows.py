#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows for tests/kernel/test_decap.c: packets for the backend's decapsulator and what must come of them, built by Scapy.

Lines: "local ADDR", "vip ADDR", "from PREFIX" are the rules; "row NAME HEX-IN VERDICT HEX-OUT RESULT" is a packet.
HEX-OUT "=" means: the bytes that went in. VERDICT is pass or drop, RESULT a name of include/shunt/decap.h.
"""
from scapy.all import GRE, ARP, TCP, UDP, Dot1Q, Ether, ICMP, IP, IPv6, Raw, fragment
from scapy.layers.inet import IPOption_RR
from scapy.layers.inet6 import (IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)

MACS = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ETH4, ETH6 = Ether(**MACS, type=0x0800), Ether(**MACS, type=0x86DD)
LOCAL4, LOCAL6, VIP4, VIP6 = "10.0.2.11", "fd00:2::11", "192.0.2.10", "2001:db8::10"
FROM4, FROM6, CLIENT4, CLIENT6 = "172.31.9.7", "fd00:5::77", "198.51.100.9", "2001:db8:99::9"
IPIP, SIT = 4, 41


def row(name, packet, verdict, out, result):
    data, out = bytes(packet), "=" if out is None else bytes(out).hex()
    print("row", name, data.hex(), verdict, out, result)


def outer4(proto, tos=0, **fields):
    return IP(**{**dict(src=FROM4, dst=LOCAL4, proto=proto, tos=tos, ttl=64, flags="DF"), **fields})


def outer6(proto, tc=0, **fields):
    return IPv6(**{**dict(src=FROM6, dst=LOCAL6, nh=proto, tc=tc, hlim=64), **fields})


def inner4(tos=0, size=20, **fields):
    return IP(**{**dict(src=CLIENT4, dst=VIP4, tos=tos, ttl=57, id=4711), **fields}) / \
        TCP(sport=50000, dport=80, flags="PA", seq=1, ack=2) / Raw((bytes(range(256)) * (size // 256 + 1))[:size])


def inner6(tc=0, size=20, **fields):
    return IPv6(**{**dict(src=CLIENT6, dst=VIP6, tc=tc, hlim=57, fl=0x54321), **fields}) / \
        UDP(sport=50000, dport=443) / Raw((bytes(range(256)) * (size // 256 + 1))[:size])


def frozen(packet):
    """Bytes, so that fields that Scapy fills in stay as they are when more is put in front."""
    return Raw(bytes(packet))


def combos():
    for size in (0, 1, 1400, 5000):
        row(f"ipip-{size}", ETH4 / outer4(IPIP) / inner4(size=size), "pass", ETH4 / inner4(size=size), "ipip")
        row(f"sit-{size}", ETH4 / outer4(SIT) / inner6(size=size), "pass", ETH6 / inner6(size=size), "sit")
        row(f"ipip6-{size}", ETH6 / outer6(IPIP) / inner4(size=size), "pass", ETH4 / inner4(size=size), "ipip6")
        row(f"ip6ip6-{size}", ETH6 / outer6(SIT) / inner6(size=size), "pass", ETH6 / inner6(size=size), "ip6ip6")
    options = inner4(options=[IPOption_RR(length=7)])
    row("inner-options", ETH4 / outer4(IPIP) / options, "pass", ETH4 / options, "ipip")
    for number, piece in enumerate(fragment(inner4(size=3000), fragsize=1400)):
        row(f"inner-fragment-{number}", ETH4 / outer4(IPIP) / piece, "pass", ETH4 / piece, "ipip")
    hop = IPv6(src=CLIENT6, dst=VIP6) / IPv6ExtHdrHopByHop() / UDP(sport=1, dport=2)
    row("inner-hop-by-hop", ETH6 / outer6(SIT) / hop, "pass", ETH6 / hop, "ip6ip6")
    icmp = IP(src=CLIENT4, dst=VIP4) / ICMP()
    row("inner-icmp", ETH4 / outer4(IPIP) / icmp, "pass", ETH4 / icmp, "ipip")
    padded = frozen(ETH4 / outer4(IPIP) / icmp) / Raw(bytes(12))
    row("ethernet-padding", padded, "pass", frozen(ETH4 / icmp) / Raw(bytes(12)), "ipip")
    row("inner-source-is-own", ETH4 / outer4(IPIP) / inner4(src=LOCAL4), "pass", ETH4 / inner4(src=LOCAL4), "ipip")


# RFC 6040, figure 4, copied row by row: inner -> what an outer Not-ECT, ECT(0), ECT(1), CE makes of it.
NOT_ECT, ECT_1, ECT_0, CE = range(4)
FIGURE_4 = {
    NOT_ECT: {NOT_ECT: NOT_ECT, ECT_0: NOT_ECT, ECT_1: NOT_ECT, CE: None},
    ECT_0: {NOT_ECT: ECT_0, ECT_0: ECT_0, ECT_1: ECT_1, CE: CE},
    ECT_1: {NOT_ECT: ECT_1, ECT_0: ECT_1, ECT_1: ECT_1, CE: CE},
    CE: {NOT_ECT: CE, ECT_0: CE, ECT_1: CE, CE: CE},
}


def ecn():
    families = [("ipip", ETH4, outer4, IPIP, ETH4, inner4), ("sit", ETH4, outer4, SIT, ETH6, inner6),
                ("ipip6", ETH6, outer6, IPIP, ETH4, inner4), ("ip6ip6", ETH6, outer6, SIT, ETH6, inner6)]
    for name, eth, outer, proto, eth_in, make in families:
        for inner, row_of in FIGURE_4.items():
            for mark, combined in row_of.items():
                # The outer DSCP differs, and must leave no trace; the inner one stays.
                packet = eth / outer(proto, 0xB8 | mark) / make(0x28 | inner)
                label = f"ecn-{name}-inner{inner}-outer{mark}"
                if combined is None:
                    row(label, packet, "drop", None, "bad_ecn")
                else:
                    row(label, packet, "pass", eth_in / make(0x28 | combined), name)
    for tos in range(0, 256, 4):  # the incremental checksum, over many words
        row(f"ecn-checksum-{tos}", ETH4 / outer4(IPIP, CE) / inner4(tos | ECT_0, id=tos * 257), "pass",
            ETH4 / inner4(tos | CE, id=tos * 257), "ipip")


def not_ours():
    row("arp", Ether(**MACS) / ARP(pdst="10.0.2.1"), "pass", None, "not_ip")
    row("vlan", Ether(**MACS) / Dot1Q(vlan=7) / outer4(IPIP) / inner4(), "pass", None, "not_ip")
    row("tcp4", ETH4 / IP(src=CLIENT4, dst=LOCAL4) / TCP(), "pass", None, "not_tunnel")
    row("udp6", ETH6 / IPv6(src=CLIENT6, dst=LOCAL6) / UDP(), "pass", None, "not_tunnel")
    row("gre", ETH4 / IP(src=CLIENT4, dst=LOCAL4) / GRE() / inner4(), "pass", None, "not_tunnel")
    row("tcp4-to-vip", ETH4 / inner4(), "pass", None, "not_tunnel")
    row("fragment6-of-udp", ETH6 / IPv6(dst=LOCAL6) / IPv6ExtHdrFragment(m=1) / UDP() / Raw(b"x" * 16), "pass", None,
        "not_tunnel")
    row("outer-dst4-other", ETH4 / outer4(IPIP, dst="10.0.2.12") / inner4(), "pass", None, "not_local")
    row("outer-dst6-other", ETH6 / outer6(SIT, dst="fd00:2::12") / inner6(), "pass", None, "not_local")
    row("outer-dst4-is-vip", ETH4 / outer4(IPIP, dst=VIP4) / inner4(), "pass", None, "not_local")
    row("inner-dst4-local", ETH4 / outer4(IPIP) / inner4(dst=LOCAL4), "pass", None, "not_vip")
    row("inner-dst4-loopback", ETH4 / outer4(IPIP) / inner4(dst="127.0.0.1"), "pass", None, "not_vip")
    row("inner-dst4-other", ETH4 / outer4(IPIP) / inner4(dst="192.0.2.11"), "pass", None, "not_vip")
    row("inner-dst6-local", ETH6 / outer6(SIT) / inner6(dst=LOCAL6), "pass", None, "not_vip")
    row("inner-dst6-loopback", ETH4 / outer4(SIT) / inner6(dst="::1"), "pass", None, "not_vip")
    # An address of one family must not be found under the other: ::c000:20a as IPv6 is not VIP 192.0.2.10.
    row("inner-dst6-like-v4", ETH4 / outer4(SIT) / inner6(dst="c000:20a::"), "pass", None, "not_vip")
    row("source4-outside", ETH4 / outer4(IPIP, src="172.30.255.255") / inner4(), "drop", None, "bad_source")
    row("source4-inside-last", ETH4 / outer4(IPIP, src="172.31.255.255") / inner4(), "pass", ETH4 / inner4(), "ipip")
    row("source6-outside", ETH6 / outer6(SIT, src="fd00:5:0:1::1") / inner6(), "drop", None, "bad_source")
    row("source6-like-v4", ETH6 / outer6(SIT, src="ac1f:907::") / inner6(), "drop", None, "bad_source")
    row("source6-second-prefix", ETH6 / outer6(SIT, src="fd00:7fff::1") / inner6(), "pass", ETH6 / inner6(), "ip6ip6")
    row("source6-behind-second", ETH6 / outer6(SIT, src="fd00:8000::1") / inner6(), "drop", None, "bad_source")
    row("source-outside-not-vip", ETH4 / outer4(IPIP, src=CLIENT4) / inner4(dst=LOCAL4), "pass", None, "not_vip")


def flaws():
    row("outer-fragment-first", ETH4 / outer4(IPIP, flags="MF") / inner4(), "pass", None, "outer_fragment")
    row("outer-fragment-later", ETH4 / outer4(IPIP, flags=0, frag=100) / inner4(), "pass", None, "outer_fragment")
    row("outer-fragment6", ETH6 / outer6(44) / IPv6ExtHdrFragment(nh=SIT, m=1) / inner6(), "pass", None, "outer_fragment")
    row("outer-options4", ETH4 / outer4(IPIP, options=[IPOption_RR(length=7)]) / inner4(), "pass", None, "outer_options")
    row("outer-hop-by-hop", ETH6 / outer6(0) / IPv6ExtHdrHopByHop(nh=SIT) / inner6(), "pass", None, "outer_options")
    row("outer-dest-options", ETH6 / outer6(60) / IPv6ExtHdrDestOpt(nh=IPIP) / inner4(), "pass", None, "outer_options")
    row("outer-routing", ETH6 / outer6(43) / IPv6ExtHdrRouting(nh=SIT) / inner6(), "pass", None, "outer_options")
    row("fragment-not-local", ETH4 / outer4(IPIP, flags="MF", dst="10.0.2.12") / inner4(), "pass", None, "not_local")
    row("outer-checksum", ETH4 / outer4(IPIP, chksum=0x1234) / inner4(), "pass", None, "bad_outer")
    row("outer-version4", ETH4 / outer4(IPIP, version=6) / inner4(), "pass", None, "bad_outer")
    row("outer-version6", ETH6 / outer6(SIT, version=4) / inner6(), "pass", None, "bad_outer")
    row("outer-ihl-small", ETH4 / outer4(IPIP, ihl=4) / inner4(), "pass", None, "bad_outer")
    row("outer-length-long", ETH4 / outer4(IPIP, len=200) / inner4(), "pass", None, "bad_outer")
    row("outer-length-short", ETH4 / outer4(IPIP, len=19) / inner4(), "pass", None, "bad_outer")
    row("outer-length6-long", ETH6 / outer6(SIT, plen=200) / inner6(), "pass", None, "bad_outer")
    row("outer-cut4", frozen(ETH4 / outer4(IPIP) / inner4()).load[:33], "pass", None, "bad_outer")
    row("outer-cut6", frozen(ETH6 / outer6(SIT) / inner6()).load[:53], "pass", None, "bad_outer")
    row("extension-cut", frozen(ETH6 / outer6(0) / b"").load, "pass", None, "bad_outer")
    row("inner-version4", ETH4 / outer4(IPIP) / inner4(version=5), "pass", None, "bad_inner")
    row("inner-version6", ETH4 / outer4(SIT) / inner6(version=4), "pass", None, "bad_inner")
    row("inner-other-family", ETH4 / outer4(SIT) / inner4(), "pass", None, "bad_inner")
    row("inner-ihl-small", ETH4 / outer4(IPIP) / inner4(ihl=4), "pass", None, "bad_inner")
    row("inner-ihl-past-length", ETH4 / outer4(IPIP) / inner4(ihl=15, len=40), "pass", None, "bad_inner")
    row("inner-length-long", ETH4 / outer4(IPIP) / inner4(len=61), "pass", None, "bad_inner")
    row("inner-length-into-padding", ETH4 / outer4(IPIP, len=79) / inner4(), "pass", None, "bad_inner")
    row("inner-length6-long", ETH4 / outer4(SIT) / inner6(plen=29), "pass", None, "bad_inner")
    row("inner-cut4", ETH4 / outer4(IPIP) / Raw(bytes(inner4())[:19]), "pass", None, "bad_inner")
    row("inner-cut6", ETH6 / outer6(SIT) / Raw(bytes(inner6())[:39]), "pass", None, "bad_inner")
    row("inner-none", ETH4 / outer4(IPIP), "pass", None, "bad_inner")


if __name__ == "__main__":
    for rule in (f"local {LOCAL4}", f"local {LOCAL6}", f"vip {VIP4}", f"vip {VIP6}", "from 172.31.0.0/16",
                 "from fd00:5::/64", "from fd00:7000::/20"):
        print(rule)
    combos()
    ecn()
    not_ours()
    flaws()
