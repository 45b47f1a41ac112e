"""Our client calls each operation of an agent that behaves as the conformance agent."""

import os
import subprocess
from pathlib import Path

from receiver import Hook
from server import ROOT

# As scripts/dev does, so that it is built once.
BUILD = ("cargo", "build", "--quiet", "--locked", "--workspace", "--bins", "--examples")
# The first build compiles.
BUILD_LIMIT_S = 1200
RUN_LIMIT_S = 60

AT_ONCE = {
    "tck-complete-task": "COMPLETED Hello from TCK",
    "tck-input-required": "INPUT_REQUIRED Please go on.",
    "tck-auth-required": "AUTH_REQUIRED Please sign in, and send another message.",
    "tck-artifact-text": "COMPLETED, output=Generated text content",
    "tck-artifact-file": "COMPLETED, output=bytes [116, 99, 107] output.txt text/plain",
    "tck-artifact-file-url": (
        "COMPLETED, output=at https://example.com/output.txt output.txt text/plain"
    ),
    "tck-artifact-data": 'COMPLETED, output=count: 42, key: "value"',
    "tck-message-response": "message Direct message response",
    "tck-stream-002": "COMPLETED",
    "tck-stream-artifact-chunked": "COMPLETED, chunked=one two three",
    "tck-reject-task": "REJECTED This task is rejected.",
    "tck-task-failure": "FAILED Task failed as the suite asks",
    "anything-else": "COMPLETED",
}
LONG = "COMPLETED, output=Long-running task output"
NO_LIST = {"the conversation": "the request cannot be sent: A2A 0.3 has no ListTasks"}


def expected(changes: dict[str, str]) -> list[str]:
    came = {"card": "conformance"}
    for behaviour, end in AT_ONCE.items():
        came |= {behaviour: end, f"{behaviour}, streamed": end}
    came |= {
        "tck-multi-turn": "INPUT_REQUIRED What is answer 1?",
        "answer one": "INPUT_REQUIRED What is answer 2?",
        "answer two": "COMPLETED All questions are answered",
        "the conversation": "1 of 1",
        "tck-long-running, followed": LONG,
        "read": LONG,
        "followed again": LONG,
        "tck-cancel": "CANCELED",
        "canceled again": "TaskNotCancelable",
        "an unknown task": "TaskNotFound",
        "an unknown task, followed": "TaskNotFound",
        "a push config": "c1 of the task to the hook",
        "the push config, read": "c1 of the task to the hook",
        "push configs": "1",
        "the task with pushes": LONG,
        "the push config, removed": "yes",
        "push configs that are left": "0",
    }
    assert changes.keys() <= came.keys()
    return [f"{what}: {outcome}" for what, outcome in (came | changes).items()]


def check_operations(url: str, binding: str, hook: Hook, changes=None) -> None:
    """Checks what comes of each operation, and that its task is pushed."""
    subprocess.run(BUILD, cwd=ROOT, timeout=BUILD_LIMIT_S, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    command = [target / "debug" / "examples" / "conformance", url, binding, hook.url]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=RUN_LIMIT_S, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    assert ran.stdout.splitlines() == expected(changes or {})
    # The config may have been removed before the last one.
    assert hook.wait_for(1)[0].headers["X-A2A-Notification-Token"] == "s3cret"
