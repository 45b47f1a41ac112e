"""Lambda's Runtime API, and what each function must be given to start."""

import http.server
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time

from tools import Fault

# How long an invocation may take, and how much later Lambda would end it.
PATIENCE_S = 60
DEADLINE_S = 900

LAMBDAS_OWN = {
    "AWS_LAMBDA_FUNCTION_NAME": "function",
    "AWS_LAMBDA_FUNCTION_VERSION": "1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_GROUP_NAME": "group",
    "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example",
    "AWS_SESSION_TOKEN": "example",
}
OF_TASKS = {
    "TABLE_NAME": "tasks",
    "QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/signals",
}
OF_AGENTS = {**OF_TASKS, "AGENT": "echo", "PUBLIC_URL": "https://agents.example.com"}
# What a function must have, and no more.
VARIABLES = {
    "hello": {},
    "get-item": OF_TASKS,
    "request": {**OF_AGENTS, "ALLOW_ANONYMOUS": "true"},
    "sqs-executor": OF_AGENTS,
    "stream-recovery": OF_TASKS,
    "scheduled-recovery": OF_TASKS,
    "webhook": OF_TASKS,
    "authorizer": {
        "JWT_ISSUERS": "https://issuer.example.com aud=agents",
        "TABLE_NAME": "tasks",
    },
}


class Server:
    """An HTTP server on a port of its own, a thread for each connection."""

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        # A process that is ended resets its connection.
        self.server.handle_error = lambda *_: None
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        chunks = []
        # Each chunk, the last and empty one as well, is between its size and the end of a line.
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # Trailers.
        return b"".join(chunks)

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response_only(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class RuntimeApi(Server):
    """The API for one process at a time: it waits for an event, and is given those that there are."""

    def __init__(self):
        self.asked = threading.Event()
        self.asked_at = 0.0
        self.said = b""
        self.events: queue.Queue[tuple[bytes, float] | None] = queue.Queue()
        self.answers: queue.Queue[tuple[str, bytes]] = queue.Queue()
        api = self

        class RuntimeHandler(Handler):
            def do_GET(self):
                api.asked_at = time.perf_counter()
                api.asked.set()
                given = api.events.get()
                if given is None:
                    self.close_connection = True
                    return
                event, seconds = given
                deadline = str(int(1000 * (time.time() + seconds)))
                self.answer(
                    200, event, lambda_runtime_aws_request_id="invocation",
                    lambda_runtime_deadline_ms=deadline, lambda_runtime_invoked_function_arn="arn",
                )  # fmt: skip

            def do_POST(self):
                api.said = self.body()
                self.answer(202)
                api.answers.put((self.path.rsplit("/", 1)[1], api.said))

        super().__init__(RuntimeHandler)

    def start(
        self, name: str, command: list, patience_s: float, variables: dict[str, str] | None = None
    ) -> tuple[subprocess.Popen, float]:
        """A process that has asked for its first event, and how long it took to that."""
        self.asked.clear()
        given = {**LAMBDAS_OWN, **VARIABLES[name], **(variables or {})}
        given |= {"AWS_LAMBDA_RUNTIME_API": self.address, "PATH": os.environ["PATH"]}
        began = time.perf_counter()
        log = tempfile.TemporaryFile()
        process = subprocess.Popen(command, env=given, stdout=log, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + patience_s
        while not self.asked.wait(0.05):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                log.seek(0)
                told = (self.said or log.read()).decode(errors="replace")
                raise Fault(f"{name} did not start: {told[:1000].strip() or 'it says nothing'}")
        return process, self.asked_at - began

    def invoke(self, event: bytes, deadline_s: float = DEADLINE_S, patience_s: float = PATIENCE_S) -> bytes:
        """What the process answers to an event."""
        self.events.put((event, deadline_s))
        try:
            how, answer = self.answers.get(timeout=patience_s)
        except queue.Empty:
            raise Fault(f"an invocation took longer than {patience_s} s") from None
        if how != "response":
            raise Fault(f"an invocation failed: {answer.decode(errors='replace')[:1000]}")
        return answer

    def end(self, process: subprocess.Popen, how: int = signal.SIGKILL) -> None:
        """Ends a process that waits for an event."""
        process.send_signal(how)
        process.wait()
        self.events.put(None)
