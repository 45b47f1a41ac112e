"""The AWS emulator: MiniStack as a process of its own, on a free port of this machine."""

import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import boto3

REGION = "eu-central-1"
ACCOUNT = "123456789012"
START_LIMIT_S = 60
# What administers the account. IAM is enforced, so the functions have only what their roles give them.
ADMINISTRATOR = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Emulator:
    """A running MiniStack, and clients of its services."""

    def __init__(self, port: int, pid: int, log: Path):
        self.port = port
        self.pid = pid
        self.log = log
        self.endpoint = f"http://127.0.0.1:{port}"
        self.session = boto3.Session(
            aws_access_key_id=ADMINISTRATOR["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ADMINISTRATOR["AWS_SECRET_ACCESS_KEY"],
            region_name=REGION,
        )

    @classmethod
    def start(cls, programs: Path, folder: Path) -> "Emulator":
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        log = folder / "emulator.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [programs / "python", Path(__file__).with_name("ministack_main.py")],
                env=cls._variables(port, folder, programs),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        made = cls(port, process.pid, log)
        end = time.monotonic() + START_LIMIT_S
        while not made.is_healthy():
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the emulator did not start; see {log}")
            time.sleep(0.1)
        return made

    @staticmethod
    def _variables(port: int, folder: Path, programs: Path) -> dict[str, str]:
        state = folder / f"state-{secrets.token_hex(4)}"
        state.mkdir()
        # Nothing of the user's own AWS configuration gets in.
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **clean,
            **ADMINISTRATOR,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "AUTH": "true",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            # Without this it listens to the network.
            "IOT_MTLS_ENABLED": "0",
            "LOG_LEVEL": "INFO",
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_HOST": "localhost",
            "MINISTACK_REGION": REGION,
            "TMPDIR": str(state),
            "S3_DATA_DIR": str(state / "s3"),
            "STATE_DIR": str(state / "state"),
        }

    def is_healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def client(self, service: str):
        return self.session.client(service, endpoint_url=self.endpoint)

    def deploy_environment(self) -> dict[str, str]:
        """What scripts/deploy is run with."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {**clean, **ADMINISTRATOR, "AWS_DEFAULT_REGION": REGION}

    def stop(self) -> None:
        # Its functions are processes of its group.
        try:
            os.killpg(self.pid, signal.SIGTERM)
            for _ in range(50):
                if not self.is_healthy():
                    break
                time.sleep(0.1)
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
