"""An agent that knows nothing of a2a-lambda: it answers `POST /invocations` and `GET /ping`, and needs
only Python's standard library. It says what it is sent, word by word."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAUSE_S = float(os.environ.get("PAUSE_SECONDS", "0.2"))


def answer(prompt: str):
    """The agent: it yields each piece of its answer, as JSON can have it."""
    if not prompt.strip():
        yield {"a2a": {"state": "INPUT_REQUIRED", "question": "What shall I say?"}}
        return
    for word in prompt.split():
        yield f"{word} "
        time.sleep(PAUSE_S)


class Handler(BaseHTTPRequestHandler):
    # Answers in chunks need it: only these tell the end of an answer from a broken connection.
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = self.path == "/ping"
        self.whole(200 if found else 404, {"status": "Healthy"} if found else {"error": "not found"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path != "/invocations":
            return self.whole(404, {"error": "not found"})
        prompt = json.loads(body)["prompt"]
        print(f"asked for {len(prompt.split())} words")
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for piece in answer(prompt):
                self.event(piece)
        except ConnectionError:
            # The task was canceled, and nobody listens any more.
            print("stopped")
            self.close_connection = True
            return
        except Exception as error:
            self.event({"error": str(error), "error_type": type(error).__name__})
        self.chunk(b"")

    def event(self, piece):
        self.chunk(f"data: {json.dumps(piece)}\n\n".encode())

    def chunk(self, data: bytes):
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def whole(self, status: int, body: dict):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Requests are no news."""


if __name__ == "__main__":
    port = int(os.environ.get("PORT", "8080"))
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
