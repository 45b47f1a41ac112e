"""Lambda, with one function: a FastAPI app behind Mangum. It has the two calls that invoke a function."""

import asyncio
import json
import struct
from http.server import BaseHTTPRequestHandler, HTTPServer
from zlib import crc32

from fastapi_mangum import handler

from script import port


def frame(kind: str, payload: bytes) -> bytes:
    """A message of an event stream, as AWS has them."""
    headers = b""
    for name, value in ((":message-type", "event"), (":event-type", kind)):
        headers += struct.pack(">B", len(name)) + name.encode()
        headers += struct.pack(">BH", 7, len(value)) + value.encode()
    head = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head += struct.pack(">I", crc32(head))
    return head + headers + payload + struct.pack(">I", crc32(head + headers + payload))


class Lambda(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps(handler(event, None)).encode()
        media = "application/json"
        if self.path.endswith("/response-streaming-invocations"):
            # A function that does not stream is answered for as a whole there, too.
            answer = frame("PayloadChunk", answer) + frame("InvokeComplete", b"{}")
            media = "application/vnd.amazon.eventstream"
        self.send_response(200)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        """Requests are no news."""


# Lambda gives a process one event at a time, in the thread that has the loop.
asyncio.set_event_loop(asyncio.new_event_loop())
HTTPServer(("127.0.0.1", port()), Lambda).serve_forever()
