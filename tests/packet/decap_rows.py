#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Rows for tests/kernel/test_decap.c: packets for the backend's decapsulator and what must come of them, built by Scapy.

Lines: "local ADDR", "vip ADDR", "from PREFIX", "mss N" are the rules; "row NAME HEX-IN VERDICT HEX-OUT RESULT" is a packet that
comes, and "clamp ..." one that leaves. HEX-OUT "=" means: the bytes that went in. VERDICT is pass or drop, RESULT a name of
include/shunt/decap.h, or none. GUE's header, which Scapy has not, is made here from the draft's picture of it.
"""
import struct

from scapy.all import GRE, ARP, TCP, UDP, Dot1Q, Ether, ICMP, IP, IPv6, Raw, fragment
from scapy.layers.inet import IPOption_RR
from scapy.layers.inet6 import (IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)

MACS = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ETH4, ETH6 = Ether(**MACS, type=0x0800), Ether(**MACS, type=0x86DD)
LOCAL4, LOCAL6, VIP4, VIP6 = "10.0.2.11", "fd00:2::11", "192.0.2.10", "2001:db8::10"
FROM4, FROM6, CLIENT4, CLIENT6 = "172.31.9.7", "fd00:5::77", "198.51.100.9", "2001:db8:99::9"
IPIP, SIT, UDP_PROTO, GRE_PROTO = 4, 41, 17, 47
PORT, MSS = 6080, 1400


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
    row("udp6-cut", frozen(ETH6 / IPv6(dst=LOCAL6, nh=UDP_PROTO, plen=0)).load, "pass", None, "not_tunnel")
    row("udp-port-next", ETH4 / outer4(UDP_PROTO) / udp(dport=PORT + 1) / inner4(), "pass", None, "not_tunnel")
    row("udp-port-as-source", ETH4 / outer4(UDP_PROTO) / UDP(sport=PORT, dport=4000) / inner4(), "pass", None, "not_tunnel")
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


def udp(dport=PORT, **fields):
    return UDP(sport=0xC123, dport=dport, **fields)


def gue(proto, variant=0, control=0, words=0, flags=0):
    """Base header and words of optional fields."""
    return Raw(struct.pack("!BBH", variant << 6 | control << 5 | words, proto, flags) + bytes(range(4 * words)))


def tunnel_pairs():
    """Outer and inner, each of either family: outer Ethernet header and IP maker, inner ones, inner protocol, label."""
    for eth, outer, old in ((ETH4, outer4, "4"), (ETH6, outer6, "6")):
        yield eth, outer, ETH4, inner4, IPIP, "4in" + old
        yield eth, outer, ETH6, inner6, SIT, "6in" + old


def gue_rows():
    for eth, outer, eth_in, make, proto, label in tunnel_pairs():
        for size in (0, 1, 1400, 5000):
            inner = make(size=size)
            row(f"gue1-{label}-{size}", eth / outer(UDP_PROTO) / udp() / inner, "pass", eth_in / inner, "gue")
            row(f"gue0-{label}-{size}", eth / outer(UDP_PROTO) / udp() / gue(proto) / inner, "pass", eth_in / inner, "gue")
        for chksum in (0, 0xBEEF):  # none, and one that is not verified
            row(f"gue1-{label}-checksum-{chksum}", eth / outer(UDP_PROTO) / udp(chksum=chksum) / make(), "pass",
                eth_in / make(), "gue")
        for words in (1, 31):
            row(f"gue0-{label}-private-{words}", eth / outer(UDP_PROTO) / udp() / gue(proto, words=words) / make(), "pass",
                eth_in / make(), "gue")
        for inner, row_of in FIGURE_4.items():
            for mark, combined in row_of.items():
                packet = eth / outer(UDP_PROTO, 0xB8 | mark) / udp() / gue(proto) / make(0x28 | inner)
                row(f"ecn-gue-{label}-inner{inner}-outer{mark}", packet, "drop" if combined is None else "pass",
                    None if combined is None else eth_in / make(0x28 | combined), "bad_ecn" if combined is None else "gue")
        whole = eth / outer(UDP_PROTO) / udp()
        row(f"gue-{label}-control", whole / gue(proto, control=1) / make(), "pass", None, "gue_other")
        for bit in range(16):
            row(f"gue-{label}-flag-{bit}", whole / gue(proto, flags=1 << bit) / make(), "pass", None, "gue_other")
        row(f"gue-{label}-proto-none", whole / gue(59) / make(), "pass", None, "gue_other")
        for variant in (2, 3):
            row(f"gue-{label}-variant-{variant}", whole / gue(proto, variant) / make(), "pass", None, "gue_other")
        for first in (0x50, 0x7F):
            row(f"gue-{label}-first-{first:x}", whole / Raw(bytes([first]) + bytes(59)), "pass", None, "gue_other")
        row(f"gue-{label}-udp-length-long", eth / outer(UDP_PROTO) / udp(len=len(make()) + 9) / make(), "pass", None, "bad_outer")
        row(f"gue-{label}-udp-length-7", eth / outer(UDP_PROTO) / udp(len=7) / make(), "pass", None, "bad_outer")
        row(f"gue-{label}-udp-length-into-padding", eth / outer(UDP_PROTO) / udp(len=len(make()) + 7) / make(), "pass", None,
            "bad_inner")
        row(f"gue-{label}-no-header", eth / outer(UDP_PROTO) / udp() / Raw(b"\0\4"), "pass", None, "bad_outer")
        row(f"gue-{label}-fields-past-length", eth / outer(UDP_PROTO) / udp() / gue(proto, words=31).load[:64], "pass", None,
            "bad_outer")
        row(f"gue-{label}-inner-none", whole / gue(proto), "pass", None, "bad_inner")
        row(f"gue-{label}-other-inside", whole / gue(IPIP + SIT - proto) / make(), "pass", None, "bad_inner")


def gre_rows():
    for eth, outer, eth_in, make, _, label in tunnel_pairs():
        for size in (0, 1, 1400, 5000):
            row(f"gre-{label}-{size}", eth / outer(GRE_PROTO) / GRE() / make(size=size), "pass", eth_in / make(size=size), "gre")
        row(f"gre-{label}-ecn", eth / outer(GRE_PROTO, CE) / GRE() / make(ECT_0), "pass", eth_in / make(CE), "gre")
        for name, header in (("key", GRE(key_present=1, key=7)), ("checksum", GRE(chksum_present=1)),
                             ("sequence", GRE(seqnum_present=1)), ("routing", GRE(routing_present=1)), ("version", GRE(version=1)),
                             ("recursion", GRE(recursion_control=1)), ("ethernet", GRE(proto=0x6558))):
            row(f"gre-{label}-{name}", eth / outer(GRE_PROTO) / header / make(), "pass", None, "gre_other")
        row(f"gre-{label}-cut", eth / outer(GRE_PROTO) / Raw(b"\0\0\x08"), "pass", None, "bad_outer")
        row(f"gre-{label}-inner-none", eth / outer(GRE_PROTO) / GRE(proto=0x0800), "pass", None, "bad_inner")


def tunnel_rules():
    """What holds for IP in IP holds for the others."""
    for name, proto, header in (("gue", UDP_PROTO, udp()), ("gre", GRE_PROTO, GRE())):
        row(f"{name}-outer-dst-other", ETH4 / outer4(proto, dst="10.0.2.12") / header / inner4(), "pass", None, "not_local")
        row(f"{name}-inner-dst-local", ETH4 / outer4(proto) / header / inner4(dst=LOCAL4), "pass", None, "not_vip")
        row(f"{name}-source-outside", ETH4 / outer4(proto, src=CLIENT4) / header / inner4(), "drop", None, "bad_source")
        row(f"{name}-source6-outside", ETH6 / outer6(proto, src=CLIENT6) / header / inner6(), "drop", None, "bad_source")
        row(f"{name}-fragment-first", ETH4 / outer4(proto, flags="MF") / header / inner4(), "pass", None, "outer_fragment")
        row(f"{name}-fragment6-first", ETH6 / outer6(44) / IPv6ExtHdrFragment(nh=proto, m=1) / header / inner6(), "pass", None,
            "outer_fragment")
        row(f"{name}-options", ETH4 / outer4(proto, options=[IPOption_RR(length=7)]) / header / inner4(), "pass", None,
            "outer_options")
        row(f"{name}-dest-options", ETH6 / outer6(60) / IPv6ExtHdrDestOpt(nh=proto) / header / inner6(), "pass", None, "outer_options")
        row(f"{name}-checksum-outer", ETH4 / outer4(proto, chksum=0x1234) / header / inner4(), "pass", None, "bad_outer")
    row("gue-options-other-port", ETH4 / outer4(UDP_PROTO, options=[IPOption_RR(length=7)]) / udp(53) / inner4(), "pass", None,
        "not_tunnel")
    # Without its first bytes nobody can tell what is in a datagram: the stack puts it together.
    row("gue-fragment-later", ETH4 / outer4(UDP_PROTO, flags=0, frag=100) / udp() / inner4(), "pass", None, "not_tunnel")
    row("gue-fragment6-later", ETH6 / outer6(44) / IPv6ExtHdrFragment(nh=UDP_PROTO, offset=100) / udp() / inner6(), "pass", None,
        "not_tunnel")
    row("gre-fragment-later", ETH4 / outer4(GRE_PROTO, flags=0, frag=100) / inner4(), "pass", None, "outer_fragment")


def l2dsr():
    row("l2dsr-tcp4", ETH4 / inner4(), "pass", None, "l2dsr")
    row("l2dsr-udp6", ETH6 / inner6(), "pass", None, "l2dsr")
    row("l2dsr-gue-port", ETH4 / IP(src=CLIENT4, dst=VIP4) / UDP(sport=9, dport=53), "pass", None, "l2dsr")
    row("l2dsr-icmp", ETH4 / IP(src=CLIENT4, dst=VIP4) / ICMP(), "pass", None, "l2dsr")
    for number, piece in enumerate(fragment(inner4(size=3000), fragsize=1400)):
        row(f"l2dsr-fragment-{number}", ETH4 / piece, "pass", None, "l2dsr")


def leaving(name, packet, out, result):
    print("clamp", name, bytes(packet).hex(), "pass", "=" if out is None else bytes(out).hex(), result)


def clamp():
    """What leaves: a SYN-ACK, or a SYN, from a VIP, with what is made of it."""
    def reply4(flags="SA", options=(), src=VIP4, **fields):
        return ETH4 / IP(src=src, dst=CLIENT4, id=9, **fields) / TCP(sport=80, dport=50000, flags=flags, options=list(options))

    def reply6(flags="SA", options=(), src=VIP6):
        return ETH6 / IPv6(src=src, dst=CLIENT6) / TCP(sport=80, dport=50000, flags=flags, options=list(options))

    nop, wscale, sack, stamp = ("NOP", None), ("WScale", 7), ("SAckOK", b""), ("Timestamp", (4711, 4712))
    for make, label in ((reply4, "4"), (reply6, "6")):
        for mss in (MSS + 1, 1460, 8960, 0xFFFF):
            for flags in ("S", "SA", "SAEC"):
                leaving(f"clamp{label}-{mss}-{flags}", make(flags, [("MSS", mss)]), make(flags, [("MSS", MSS)]), "mss_clamped")
        for before in ([nop], [nop, nop], [sack], [wscale], [stamp], [nop, nop, stamp, wscale, sack], [nop] * 36):
            place = "-".join(kind for kind, _ in before[:5])
            leaving(f"clamp{label}-behind-{len(before)}-{place}", make("SA", before + [("MSS", 1460)]),
                    make("SA", before + [("MSS", MSS)]), "mss_clamped")
        for mss in (0, 1, 536, MSS - 1, MSS):
            leaving(f"clamp{label}-kept-{mss}", make("SA", [("MSS", mss)]), None, "mss_kept")
        leaving(f"clamp{label}-no-options", make("SA"), None, "mss_kept")
        leaving(f"clamp{label}-no-mss", make("SA", [nop, wscale, stamp]), None, "mss_kept")
        leaving(f"clamp{label}-behind-the-end", make("SA", [("EOL", None), ("MSS", 1460)]), None, "mss_kept")
        for flags in ("A", "PA", "FA", "R"):
            leaving(f"clamp{label}-no-syn-{flags}", make(flags, [("MSS", 1460)]), None, "none")
        l4 = 34 if label == "4" else 54
        for options in ("0002020405b40000", "0300020405b40000", "0301020405b40000", "02030405b4000000", "01010101010101020405b400", "03ff020405b40000",
                        "0101010101010102", "0101010101010204", "0101010101020405"):
            raw = bytearray(bytes(make("SA")) + bytes.fromhex(options) + b"\5\xb4\5\xb4")  # data that looks like an MSS
            raw[l4 + 12] = (5 + 2) << 4
            leaving(f"clamp{label}-malformed-{options}", bytes(raw), None, "mss_kept")
        raw = bytearray(bytes(make("SA")))
        raw[l4 + 12] = 4 << 4
        leaving(f"clamp{label}-header-too-small", bytes(raw), None, "mss_kept")
        leaving(f"clamp{label}-header-past-end", bytes(make("SA", [("MSS", 1460)]))[:-1], None, "mss_kept")
    recorded = dict(src=VIP4, dst=CLIENT4, options=[IPOption_RR(length=7)])
    leaving("clamp4-ip-options", ETH4 / IP(**recorded) / TCP(flags="SA", options=[("MSS", 1460)]),
            ETH4 / IP(**recorded) / TCP(flags="SA", options=[("MSS", MSS)]), "mss_clamped")
    leaving("clamp4-own-address", reply4("SA", [("MSS", 1460)], src=LOCAL4), None, "none")
    leaving("clamp6-own-address", reply6("SA", [("MSS", 1460)], src=LOCAL6), None, "none")
    leaving("clamp4-fragment", reply4("SA", [("MSS", 1460)], frag=10), None, "none")
    leaving("clamp4-udp", ETH4 / IP(src=VIP4, dst=CLIENT4) / UDP(sport=53, dport=2), None, "none")
    leaving("clamp-arp", Ether(**MACS) / ARP(pdst="10.0.2.1"), None, "none")


if __name__ == "__main__":
    for rule in (f"local {LOCAL4}", f"local {LOCAL6}", f"vip {VIP4}", f"vip {VIP6}", "from 172.31.0.0/16",
                 "from fd00:5::/64", "from fd00:7000::/20", f"mss {MSS}"):
        print(rule)
    combos()
    ecn()
    not_ours()
    flaws()
    gue_rows()
    gre_rows()
    tunnel_rules()
    l2dsr()
    clamp()
