"""The check of log lines finds each kind of fault."""

import sys

import pytest

from server import ROOT

sys.path.insert(0, str(ROOT / "scripts/structure"))
import events  # noqa: E402

ROW = "| `task_run` | info | all | a task ran | nothing |\n"
LINE = 'info!(event = "task_run", turns, "the runner ran the task");\n'
TESTS = '#[cfg(test)]\nmod tests {\n    info!("a test may log anything");\n}\n'


@pytest.mark.parametrize(
    ("row", "line", "fault"),
    [
        (ROW, LINE, None),
        (ROW, LINE + 'warn!("no event");', "lib.rs:2: warn! must begin with event"),
        (ROW, LINE + 'error!(event = "Wrong", "x");', "lib.rs:2: error! must begin with event"),
        (ROW, LINE + 'info!(\n    event = "task_gone", "x");', "has no task_gone"),
        (ROW, LINE.replace("info", "warn"), "task_run is warn here, and info in"),
        (ROW * 2, LINE, "the event task_run has two rows"),
        (ROW + ROW.replace("run", "gone"), LINE, "no code logs the event task_gone"),
    ],
)
def test_a_line_and_its_row_agree(tmp_path, row, line, fault):
    for name, text in {events.PAGE: row, "crates/core/src/lib.rs": line + TESTS}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    found = list(events.check(tmp_path))
    assert len(found) == bool(fault) and all(fault in one for one in found), found
