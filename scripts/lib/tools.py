"""What the scripts have in common: the checkout, errors, and tools kept in `.tools`."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# The program `a2a-lambda` runs these scripts from the user's cache, where it keeps their tools, too.
CACHE_TOOLS = os.environ.get("A2A_LAMBDA_TOOLS")
TOOLS = Path(CACHE_TOOLS) if CACHE_TOOLS else ROOT / ".tools"

if sys.version_info < (3, 11):
    found = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"error: Python {found} is too old: install Python 3.11 or later")


class Fault(Exception):
    """Something the user can put right. The text says what to do."""


def called(name: str) -> str:
    """What the user has called to run a script."""
    return f"a2a-lambda {name}" if CACHE_TOOLS else f"scripts/{name}"


def run_main(main) -> int:
    """Runs a script's main function; a fault is one message and no traceback."""
    # What is printed and what commands print stay in order, also in a file.
    sys.stdout.reconfigure(line_buffering=True)
    try:
        return main()
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def need(program: str, package: str) -> str:
    """The path of a program, or a fault that says what to install."""
    path = shutil.which(program)
    if path is None:
        raise Fault(f"{program} is missing: install {package}")
    return path


def environment(name: str, requirements: Path) -> Path:
    """The folder of programs of a virtual environment in `.tools`, made if it is not there yet."""
    folder = TOOLS / name
    stamp = folder / ".stamp"
    wanted = hashlib.sha256(sys.version.encode() + requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return folder / "bin"
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        raise Fault("Python's venv module is missing: install python3-venv (Debian), and run this again") from None
    print(f"installing {requirements.name} into {folder}", file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    steps = (
        [sys.executable, "-m", "venv", folder],
        [folder / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
        + ["--requirement", requirements],
    )
    for step in steps:
        if subprocess.run(step, stdout=sys.stderr).returncode:
            raise Fault(f"could not install {requirements.name}; pip says above why")
    stamp.write_text(wanted)
    return folder / "bin"


def main() -> int:
    """For scripts that are not written in Python: the arguments of `environment`."""
    name, requirements = sys.argv[1:]
    environment(name, ROOT / requirements)
    return 0


if __name__ == "__main__":
    sys.exit(run_main(main))
