# SPDX-License-Identifier: GPL-2.0
# HTTP on a Unix socket, for the tests.
import http.client
import json
import socket


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Answer:
    def __init__(self, response, read_body):
        self.status, self.headers = response.status, response.headers
        self.type = (response.getheader("Content-Type") or "").split(";")[0]
        self.text = response.read() if read_body else b""
        self.json = json.loads(self.text) if self.text and self.type.endswith("json") else None


def call(path, method, target, body=None, headers=None, stream=False):
    """stream: an answer without an end, of which only the beginning is looked at."""
    connection = Connection(path)
    try:
        connection.request(method, target, body, headers or {})
        return Answer(connection.getresponse(), not stream)
    finally:
        connection.close()
