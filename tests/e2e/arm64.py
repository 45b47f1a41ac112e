"""The arm64 bootstraps under qemu: each is given one event by a Runtime API of this process."""

import json
import os
import shutil
import subprocess
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from emulator import ADMINISTRATOR, REGION
from operations import own_events
from report import NotCovered
from stack import ROOT, Stack
from zips import FOLDER, manifest

QEMU = ROOT / ".tools/qemu"
# An emulator of the processor, and the C library that Lambda's image has for arm64.
PACKAGES = ("qemu-user-static", "libc6-arm64-cross", "libgcc-s1-arm64-cross")
LIMIT_S = 90


def _install() -> Path:
    """qemu and the C library from Debian's packages, unpacked into .tools: no root is needed."""
    qemu = QEMU / "usr/bin/qemu-aarch64-static"
    if qemu.exists():
        return qemu
    if shutil.which("apt-get") is None:
        raise NotCovered("arm64 bootstraps need qemu-user, which is taken from Debian packages")
    QEMU.mkdir(parents=True, exist_ok=True)
    ran = subprocess.run(
        ["apt-get", "download", *PACKAGES],
        cwd=QEMU,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    if ran.returncode:
        raise NotCovered(f"apt-get download {' '.join(PACKAGES)} failed: apt-get update may help")
    for package in QEMU.glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, QEMU], check=True)
        package.unlink()
    return qemu


class RuntimeApi:
    """Gives one event to one process, and keeps what it answers."""

    def __init__(self, event: dict):
        self.answer = None
        self.answered = threading.Event()
        content = json.dumps(event).encode()
        given = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                if given.is_set():
                    # There is no second event: the process waits until it is ended.
                    api.answered.wait(LIMIT_S)
                    self.close_connection = True
                    return
                given.set()
                self.send_response(200)
                self.send_header("Lambda-Runtime-Aws-Request-Id", "e2e-1")
                self.send_header("Lambda-Runtime-Deadline-Ms", "4102444800000")
                self.send_header(
                    "Lambda-Runtime-Invoked-Function-Arn", f"arn:aws:lambda:{REGION}:1:e2e"
                )
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                api.answer = (self.path.rsplit("/", 1)[-1], body)
                self.send_response(202)
                self.send_header("Content-Length", "0")
                self.end_headers()
                api.answered.set()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                # The process is ended while it waits for another event.
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


def _variables(stack: Stack, name: str, api: RuntimeApi) -> dict[str, str]:
    """Those that the deployed function has, and what Lambda itself sets."""
    configured = stack.configuration(name)["Environment"]["Variables"]
    return {
        **configured,
        **ADMINISTRATOR,
        "PATH": os.environ["PATH"],
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": stack.emulator.endpoint,
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        # The zips are the shipped ones, which have no fixture agents.
        "AGENT": "echo",
    }


def _run(qemu: Path, stack: Stack, name: str, event: dict, folder: Path) -> tuple[str, bytes]:
    with zipfile.ZipFile(FOLDER / f"shipped/arm64/{name}.zip") as archive:
        bootstrap = folder / name / "bootstrap"
        archive.extract("bootstrap", bootstrap.parent)
    bootstrap.chmod(0o755)
    api = RuntimeApi(event)
    log = (folder / f"{name}.log").open("wb")
    process = subprocess.Popen(
        [qemu, "-L", QEMU / "usr/aarch64-linux-gnu", bootstrap],
        env=_variables(stack, name, api),
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        assert api.answered.wait(LIMIT_S), f"{name} did not answer; see {log.name}"
        return api.answer
    finally:
        process.kill()
        process.wait()
        api.server.shutdown()


def answers(stack: Stack) -> str:
    """Each arm64 bootstrap answers its own event; three of them read the table for it."""
    qemu = _install()
    folder = FOLDER / "arm64-run"
    shutil.rmtree(folder, ignore_errors=True)
    seen = []
    for name, (event, is_right) in own_events().items():
        kind, body = _run(qemu, stack, name, event, folder)
        # A streamed answer is no JSON as a whole.
        answer = body.decode() if b"\0" * 8 in body else json.loads(body or b"null")
        assert kind == "response" and is_right(answer), f"{name}: {kind} {body[:300]!r}"
        seen.append(name)
    # An authorizer needs an issuer of tokens, which only the steps of the authorizer have.
    others = set(manifest(FOLDER / "shipped/arm64")["functions"]) - {"authorizer"}
    assert sorted(seen) == sorted(others), seen
    return f"under qemu, each answered its own event: {', '.join(seen)}"
