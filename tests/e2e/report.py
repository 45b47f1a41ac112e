"""The steps of a run: each has evidence or a failure, and nothing passes silently."""

import time
import traceback
from dataclasses import dataclass


class NotCovered(Exception):
    """Something that cannot be shown on this machine. The text says what proves it instead."""


@dataclass
class Row:
    step: str
    outcome: str
    evidence: str
    seconds: float


class Report:
    def __init__(self):
        self.rows: list[Row] = []
        self.not_covered: list[str] = []

    def run(self, name: str, step, *arguments):
        """Runs a step, which returns its evidence. A failure is noted, and the run goes on."""
        start = time.monotonic()
        print(f"\n== {name}", flush=True)
        try:
            evidence = step(*arguments)
            outcome = "ok"
            if not evidence:
                raise AssertionError("the step gave no evidence")
        except NotCovered as gap:
            evidence, outcome = str(gap), "not covered"
            self.not_covered.append(f"{name}: {gap}")
        except Exception as error:
            traceback.print_exc()
            first = str(error).strip().splitlines() or [type(error).__name__]
            evidence, outcome = f"{type(error).__name__}: {first[0]}"[:300], "FAILED"
        seconds = time.monotonic() - start
        self.rows.append(Row(name, outcome, evidence, seconds))
        print(f"== {name}: {outcome} after {seconds:.1f} s: {evidence}", flush=True)
        return outcome == "ok"

    @property
    def failed(self) -> list[Row]:
        return [row for row in self.rows if row.outcome == "FAILED"]

    def show(self, gaps: list[str]) -> None:
        print("\n| step | outcome | evidence | seconds |\n|---|---|---|---:|")
        for row in self.rows:
            evidence = row.evidence.replace("|", "\\|")
            print(f"| {row.step} | {row.outcome} | {evidence} | {row.seconds:.1f} |")
        print(f"| in all | | | {sum(row.seconds for row in self.rows):.0f} |\n")
        for gap in [*self.not_covered, *gaps]:
            print(f"not covered: {gap}")
        passed = sum(row.outcome == "ok" for row in self.rows)
        print(f"\n{passed} steps passed, {len(self.failed)} failed")
