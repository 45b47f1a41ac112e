"""The program `a2a-lambda` as a client of agents of other makes, which are servers of the A2A SDK."""

import contextlib
import json
import socket
import subprocess
import threading

from server import ROOT

# Without the commands for operators, which need the clients of AWS.
PACKAGE = ("--package", "a2a-lambda-cli", "--no-default-features", "--features", "call")
PROGRAM = ("cargo", "run", "--quiet", "--locked", *PACKAGE, "--")
# The first call compiles.
CALL_LIMIT_S = 1200


def call(*words: str, code: int = 0) -> str:
    """What the program prints."""
    command = [*PROGRAM, *words]
    ran = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=CALL_LIMIT_S, check=False
    )
    assert (ran.returncode, ran.stderr) == (code, ""), ran
    return ran.stdout


def check_calls(url: str, *way: str) -> None:
    """Checks every command against an agent that answers as `remote.py` does."""
    assert call("send", url, "hello", *way).endswith("said: hello, hello\nCOMPLETED: done\n")
    streamed = call("stream", url, "hello", *way)
    assert streamed.endswith("said: hello, hello\nCOMPLETED: done\n"), streamed
    failed = call("stream", url, "fail", *way, code=1)
    assert failed.endswith("FAILED: as you say\n"), failed

    asked = json.loads(call("send", url, "ask", "--json", *way))["task"]
    assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED", asked
    words = "--task", asked["id"], "--context", asked["contextId"]
    answered = json.loads(call("send", url, "hello", *words, "--json", *way))["task"]
    assert (answered["id"], answered["status"]["state"]) == (asked["id"], "TASK_STATE_COMPLETED")

    begun = json.loads(call("send", url, "wait", "--no-wait", "--json", *way))["task"]["id"]
    assert "WORKING" in call("get", url, begun, *way)
    assert call("cancel", url, begun, *way).endswith("CANCELED\n")
    assert call("watch", url, begun, *way).endswith("CANCELED\n")


class Cutter:
    """A proxy that cuts the first streams that it passes on, each after its first event."""

    def __init__(self, cuts: int):
        self.cuts = cuts
        self.upstream = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.upstream))
            threading.Thread(target=self.answer, args=(server, client), daemon=True).start()
            threading.Thread(target=self.ask, args=(client, server), daemon=True).start()

    def ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := client.recv(65536):
                server.sendall(piece)

    def answer(self, server: socket.socket, client: socket.socket) -> None:
        passed = b""
        with contextlib.suppress(OSError):
            while piece := server.recv(65536):
                client.sendall(piece)
                passed += piece
                if self.cuts and b"text/event-stream" in passed and b"\ndata: " in passed:
                    self.cuts -= 1
                    break
        for end in client, server:
            # A thread reads from it: to close it would wait for that.
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def check_resumes(url: str, cutter: Cutter, *way: str) -> None:
    """Checks that a stream goes on that is cut twice."""
    cutter.cuts = 2
    streamed = call("stream", url, "slow", *way)
    assert streamed.endswith("COMPLETED: done\n"), streamed
    assert cutter.cuts == 0
