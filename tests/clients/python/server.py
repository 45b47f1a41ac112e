"""The local cloud as a child process, started as everybody starts it: by `scripts/dev`, or by what
another workspace has in its place."""

import os
import signal
import socket
import subprocess
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
LISTENING = "listening on "
# The first start compiles.
START_LIMIT_S = 1200


def free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


class Server:
    """A running server; `url` is where it listens. Variables are those that its process has."""

    def __init__(
        self, *options: str, stderr=None, command=(ROOT / "scripts/dev",), cwd=None, **variables: str
    ):
        env = os.environ | variables
        self.process = subprocess.Popen(
            [*command, *options], stdout=subprocess.PIPE, stderr=stderr, text=True, env=env, cwd=cwd
        )
        limit = threading.Timer(START_LIMIT_S, self.process.kill)
        limit.start()
        try:
            line = self.process.stdout.readline()
        finally:
            limit.cancel()
        if not line.startswith(LISTENING):
            self.kill()
            raise RuntimeError(f"the server did not start: {line!r}")
        self.url = line.removeprefix(LISTENING).strip()

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    def children(self, name: str) -> list[int]:
        """The processes that it runs, by the name of their executable; ended ones are left out."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, _, rest = stat.read_text().partition(" (")
            except (FileNotFoundError, ProcessLookupError):
                continue
            own, _, rest = rest.rpartition(") ")
            state, parent = rest.split()[:2]
            # One that has ended is there, as a zombie, until its parent looks after it.
            if own == name and state != "Z" and int(parent) == self.process.pid:
                found.append(int(pid))
        return found

    def end(self, by: signal.Signals, within_s: float = 20) -> int:
        """Ends it by a signal that it answers; returns its exit code."""
        self.process.send_signal(by)
        return self.process.wait(timeout=within_s)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
