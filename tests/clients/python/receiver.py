"""A receiver of pushes in this process: what came, when, and what it was answered."""

import json
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

# Waiting for something that does not come ends here.
WAIT_LIMIT_S = 30

_names = count(1)


@dataclass(frozen=True)
class Push:
    """One request, whatever it was."""

    method: str
    path: str
    # Names are looked up whatever their case; `None` if there is none.
    headers: Message
    body: bytes
    # When all of it was there, by the clock of this machine.
    at: float

    @property
    def data(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What a push is answered with; `None` as its status is no answer, ever."""

    status: int | None = 200
    headers: dict[str, str] = field(default_factory=dict)


class Hook:
    """A URL of a receiver, which nobody else has."""

    def __init__(self, receiver: "Receiver", path: str):
        self.path = path
        self.url = receiver.origin + path
        # What comes next is answered with these, and everything after them with 200.
        self.answers: list[Answer] = []
        self.pushes: list[Push] = []
        # For how long the sender waited, where it was not answered.
        self.waited_s: list[float] = []
        self.changed = threading.Condition()

    def add(self, push: Push) -> Answer:
        with self.changed:
            self.pushes.append(push)
            self.changed.notify_all()
            return self.answers.pop(0) if self.answers else Answer()

    def was_left(self, waited_s: float) -> None:
        with self.changed:
            self.waited_s.append(waited_s)
            self.changed.notify_all()

    def wait(self, holds, limit_s: float = WAIT_LIMIT_S) -> list[Push]:
        """What has come, as soon as something holds of it."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: holds(self.pushes), limit_s)
            assert arrived, f"waited for too long: {[push.body for push in self.pushes]}"
            return list(self.pushes)

    def wait_for(self, number: int) -> list[Push]:
        """What has come, as soon as there are so many."""
        return self.wait(lambda pushes: len(pushes) >= number)

    def stays_silent(self, for_s: float) -> bool:
        """Whether nothing more comes for so long."""
        with self.changed:
            number = len(self.pushes)
            return not self.changed.wait_for(lambda: len(self.pushes) > number, for_s)


class Receiver:
    """An HTTP server at a free port of this machine, for all hooks of the tests."""

    def __init__(self):
        hooks = self.hooks = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                arrived = time.time()
                push = Push(self.command, self.path, self.headers, body, arrived)
                hook = hooks.get(self.path.partition("?")[0])
                answer = hook.add(push) if hook else Answer(404)
                if answer.status is None:
                    # Ends when the sender closes the connection.
                    self.connection.recv(1, socket.MSG_PEEK)
                    hook.was_left(time.time() - arrived)
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in ({"Content-Length": "0"} | answer.headers).items():
                    self.send_header(name, value)
                self.end_headers()

            # What is not a POST is told as what it is.
            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_one

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_):
                # A sender that is killed resets its connections.
                if not isinstance(sys.exception(), ConnectionError):
                    super().handle_error(*_)

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def hook(self, *answers: Answer) -> Hook:
        hook = Hook(self, f"/hooks/{next(_names)}")
        hook.answers = list(answers)
        self.hooks[hook.path] = hook
        return hook

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        # Connections that are kept open are ended with this process.
        self.server.socket.close()
