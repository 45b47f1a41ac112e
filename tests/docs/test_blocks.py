"""What the documentation tells its reader to type is typed, and prints what it says."""

import os
import re
import signal
import subprocess
from contextlib import ExitStack

import pytest
from pages import END, blocks, pattern, script

from server import ROOT, Server, free_port

LIMIT_S = 1200
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    if blocks(page)
)  # fmt: skip


def run(text: str, folder) -> str:
    """What a script prints to its standard output. What it has left running ends with it."""
    errors = folder / "errors.log"
    with errors.open("w") as stderr:
        shell = subprocess.Popen(
            ["bash", "-c", text], cwd=folder, text=True, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=stderr, start_new_session=True,
        )  # fmt: skip
    try:
        said, _ = shell.communicate(timeout=LIMIT_S)
    finally:
        try:
            os.killpg(shell.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    logs = [log.read_text() for log in [errors, folder / ".data/dev.log"] if log.exists()]
    assert shell.returncode == 0, "\n".join([said, *logs])
    return said


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_prints_what_it_says(page, tmp_path):
    commands = [command for command, _ in blocks(page)]
    with ExitStack() as stack:
        # A page that starts the local cloud itself is given ports that nobody has.
        if any("scripts/dev" in command for command in commands):
            port = free_port()
        else:
            port = stack.enter_context(Server("--memory", "--port", "0")).port
        receiver = free_port()
        text = script(commands)
        text = text.replace("scripts/dev ", f"{ROOT}/scripts/dev --port {port} --data .data ")
        text = text.replace("localhost:9000", f"localhost:{port}")
        text = text.replace("9100", receiver)
        said = run(text, tmp_path).replace(port, "9000").replace(receiver, "9100")
    for (command, expected), printed in zip(blocks(page), said.split(f"{END}\n"), strict=False):
        if expected is not None:
            is_as_said = re.fullmatch(pattern(expected), printed)
            assert is_as_said, f"{command}\nprinted\n{printed}\nnot\n{expected}"


def test_there_are_pages_to_run():
    assert {ROOT / "README.md", ROOT / "docs/tour.md"} <= set(PAGES)
