"""The lines of the log: each names an event of the table in docs/operating.md."""

import re
from pathlib import Path

PAGE = "docs/operating.md"
MACRO = re.compile(r"(?<![\w!.])(?:tracing::)?(info|warn|error)!\(\s*(?:event = \"([^\"]*)\")?")
ROW = re.compile(r"^\| `(\w+)` \| (info|warn|error) \|", re.M)
NAME = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
UNIT_TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+ \{")


def check(root: Path):
    table = ROW.findall((root / PAGE).read_text())
    levels = dict(table)
    for name in sorted({name for name, _ in table if [n for n, _ in table].count(name) > 1}):
        yield f"{PAGE}: the event {name} has two rows"
    logged = set()
    for path in sorted([*root.glob("crates/*/src/**/*.rs"), *root.glob("functions/*/src/**/*.rs")]):
        if path.stem == "tests" or "tests" in path.parts:
            continue
        source = UNIT_TESTS.split(path.read_text())[0]
        for found in MACRO.finditer(source):
            level, event = found.groups()
            line = f"{path.relative_to(root)}:{source.count(chr(10), 0, found.start()) + 1}"
            logged.add(event)
            if not event or not NAME.fullmatch(event):
                yield f'{line}: {level}! must begin with event = "snake_case_name"'
            elif event not in levels:
                yield f"{line}: the table of events in {PAGE} has no {event}"
            elif levels[event] != level:
                yield f"{line}: {event} is {level} here, and {levels[event]} in {PAGE}"
    for event in sorted(levels.keys() - logged):
        yield f"{PAGE}: no code logs the event {event}"
