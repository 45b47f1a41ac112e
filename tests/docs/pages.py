"""The shell blocks of the documentation, as a script that runs them."""

import re
from pathlib import Path

BLOCK = re.compile(r"^```(sh|output)\n(.*?)^```$", re.M | re.S)
# Between the outputs of two blocks: a line that nothing else prints.
END = "\x1e"


def blocks(page: Path) -> list[tuple[str, str | None]]:
    """The blocks of `sh`, each with the block of `output` behind it, if there is one."""
    found: list[tuple[str, str | None]] = []
    for kind, text in BLOCK.findall(page.read_text()):
        if kind == "sh":
            found.append((text, None))
        else:
            command, output = found.pop()
            assert output is None, f"{page}: two outputs of {command}"
            found.append((command, text))
    return found


def script(commands: list[str]) -> str:
    """All commands in one shell, as a reader has it. The first that fails ends it."""
    return "set -euo pipefail\n" + "".join(f"{command}printf '{END}\\n'\n" for command in commands)


def pattern(output: str) -> str:
    """What an output may be: `…` is any text within a line, and any lines if it stands alone."""
    lines = []
    for line in output.splitlines():
        if line.strip() == "…":
            lines.append(r"(?:.*\n)*?")
        else:
            lines.append(re.escape(line.rstrip()).replace("…", ".*?") + r"[ \t]*\n")
    return "".join(lines)
