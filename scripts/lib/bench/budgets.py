"""The recorded budgets: what may not grow."""

import json
from pathlib import Path

from tools import Fault

FILE = Path(__file__).with_name("budgets.json")


def add_options(parser, recorded: str) -> None:
    parser.add_argument(
        "--check", action="store_true", help=f"fail if something is over its budget in {FILE.name}"
    )
    parser.add_argument(
        "--record", action="store_true", help=f"write new budgets: what was measured{recorded}"
    )


def read() -> dict:
    return json.loads(FILE.read_text())


def dumped(value, depth: int = 0) -> str:
    """JSON, in which what has no further parts is one line."""
    if not isinstance(value, dict) or not any(isinstance(part, dict) for part in value.values()):
        return json.dumps(value)
    inner = ",\n".join(
        f"{' ' * (depth + 1)}{json.dumps(key)}: {dumped(part, depth + 1)}" for key, part in value.items()
    )
    return "{\n" + inner + "\n" + " " * depth + "}"


def settle(options, budgets: dict, over: list[str], remedy: str) -> None:
    """Writes the budgets if they are to be recorded, or fails if something is over them and that is
    checked."""
    if options.record:
        FILE.write_text(dumped(budgets) + "\n")
    elif options.check:
        for text in over:
            print(f"over budget: {text}")
        if over:
            raise Fault(f"{remedy} scripts/bench {options.name} --record")


def refuse_both(options) -> None:
    if options.check and options.record:
        raise Fault("--check and --record exclude each other: new budgets are not over themselves")


# What is counted of an operation, and how it is said.
COUNTED = {
    "calls": "calls of DynamoDB",
    "written": "write units",
    "read": "read units",
    "sqs": "requests to SQS",
    "scheduler": "requests to Scheduler",
}


def counts_over(found: dict[str, dict], budgets: dict[str, dict], where: str = "") -> list[str]:
    """What takes more than it may, or has no budget, in words."""
    texts = []
    for name, counts in found.items():
        budget = budgets.get(name)
        if budget is None:
            texts.append(f"{name}{where} has no budget")
            continue
        for kind, words in COUNTED.items():
            if counts[kind] > budget[kind]:
                texts.append(f"{name}{where}: {counts[kind]:g} {words}, where {budget[kind]:g} were recorded")
    return texts
