#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Asks a DNS server from several addresses: dns_client.py SERVER PADDING SOURCE...

Each source asks once for the TXT records of big.test, with PADDING bytes of EDNS padding in the request (RFC 7830), and takes an answer of up
to 4,096 bytes. A request without an answer is sent again, as resolvers do: IPv6 learns the path's MTU that way. Prints a
line for each answer: its size, how many records, and the server's name. The kernel makes the fragments, and Scapy the messages.
"""
import logging
import socket
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
from scapy.layers.dns import DNS, DNSQR, DNSRROPT, EDNS0TLV  # noqa: E402

TRIES = 50


def request(ident, padding):
    options = [EDNS0TLV(optcode=12, optdata=b"\0" * padding)] if padding else []
    return bytes(DNS(id=ident, rd=1, qd=DNSQR(qname="big.test", qtype="TXT"), ar=DNSRROPT(rclass=4096, rdata=options)))


def ask(server, source, ident, padding):
    with socket.socket(socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.connect((server, 53))
        sock.settimeout(0.2)
        for _ in range(TRIES):
            try:
                sock.send(request(ident, padding))
                answer = sock.recv(65536)
            except TimeoutError:
                continue
            return answer
    sys.exit(f"{source}: no answer")


def main(server, padding, *sources):
    for ident, source in enumerate(sources, 1):
        answer = ask(server, source, ident, int(padding))
        message = DNS(answer)
        texts = [b"".join(message.an[i].rdata) for i in range(message.ancount)]
        names = [text[4:].decode() for text in texts if text.startswith(b"who=")]
        if message.id != ident or message.rcode or message.tc or len(names) != 1:
            sys.exit(f"{source}: a wrong answer: {message.summary()}, truncated {message.tc}")
        print(len(answer), len(texts), names[0])


main(*sys.argv[1:])
