"""Results, as a table for people and as JSON for programs."""

import json
from pathlib import Path

from tools import Fault


def add_json(parser) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to this file, too")


def write(path: Path | None, results: dict) -> None:
    if path is None:
        return
    try:
        path.write_text(json.dumps(results, indent=1) + "\n")
    except OSError as error:
        raise Fault(f"--json: {path} cannot be written: {error.strerror}") from None


def show(head: list[str], rows: list[list[str]]) -> None:
    """The first column to the left, the others to the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        first, *others = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([row[0].ljust(widths[0]), *others]).rstrip())
