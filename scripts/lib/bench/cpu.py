"""Instructions that a warm function takes for each operation, counted by callgrind.

The functions are built as scripts/package builds them. Each operation is counted as the difference of two
processes, one of which does it some times more. It is compared with one GetItem by the same client, in
a function that does nothing else, built in the same run.
"""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import budgets, build, cold, rig, table
from tools import Fault

# So many of each are done first, and so many more are counted.
WARM = 10
COUNTED = 40
# What budgets leave: hashes are seeded by chance, and what the network gives at a time is, too.
SLACK = 1.03
GET_ITEM = "one GetItem, and no more"


def add(commands) -> None:
    parser = commands.add_parser(
        "cpu", help="instructions of each warm operation, by callgrind", description=__doc__
    )
    budgets.add_options(parser, f", of which {100 * (SLACK - 1):.0f} %% more are allowed")
    table.add_json(parser)
    parser.set_defaults(run=run, name="cpu")


Events = Callable[[rig.Rig, int], list]


def by_http(method: str, path: str, body=None) -> Events:
    return lambda _, count: [rig.http_event(method, path, body, "alice")] * count


def sends(config: dict) -> Events:
    def events(_, count: int) -> list:
        return [
            rig.http_event("POST", "/message:send", rig.message("hello", **config), "alice")
            for _ in range(count)
        ]

    return events


def of_a_task(made: Callable[[str], object]) -> Events:
    """What is made of the id of a task that has ended."""

    def events(world: rig.Rig, count: int) -> list:
        task = world.send()
        world.execute()
        return [made(task["id"])] * count

    return events


def lists(world: rig.Rig, count: int) -> list:
    for _ in range(20):
        world.send()
    world.drain()
    return by_http("GET", "/tasks?pageSize=20")(world, count)


def records(world: rig.Rig, count: int) -> list:
    events = []
    for _ in range(count):
        world.send()
        events.append(world.account.ask("signals"))
    return events


CONFIG = {"taskPushNotificationConfig": {"url": "https://receiver.example.com", "token": "hush"}}
# The function, and what it is given.
OPERATIONS: dict[str, tuple[str, Events]] = {
    GET_ITEM: ("get-item", of_a_task(lambda id: f"#{id}")),
    "agent card": ("request", by_http("GET", "/.well-known/agent-card.json")),
    "GetTask": ("request", of_a_task(lambda id: rig.http_event("GET", f"/tasks/{id}", None, "alice"))),
    "SendMessage": ("request", sends({})),
    "SendMessage with a push config": ("request", sends(CONFIG)),
    "ListTasks, page of 20": ("request", lists),
    "SQS record": ("sqs-executor", records),
}


class Counter:
    def __init__(self, folder: Path, debug: Path, bootstraps: dict[str, Path]):
        self.folder, self.debug, self.bootstraps = folder, debug, bootstraps

    def total(self, name: str, events: Events, count: int) -> int:
        """Instructions of a process from its start to the end of so many events."""
        out = self.folder / "callgrind"
        out.unlink(missing_ok=True)
        with rig.Rig(self.debug, AGENT="echo") as world:
            given = events(world, count)
            command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", self.bootstraps[name]]
            # What the events were made by was another process.
            world.start(name, command)
            for event in given:
                world.invoke(name, event)
        return cold.total(out, name)

    def of(self, name: str, events: Events) -> int:
        few, many = (self.total(name, events, count) for count in (WARM, WARM + COUNTED))
        return round((many - few) / COUNTED)


def over(found: dict[str, int], limits: dict[str, int]) -> list[str]:
    texts = []
    for name, count in found.items():
        if name not in limits:
            texts.append(f"{name} has no budget")
        elif count > SLACK * limits[name]:
            more = 100 * (count / limits[name] - 1)
            texts.append(
                f"{name}: {count:,} instructions, {more:.1f} % more than the {limits[name]:,} that were recorded"
            )
    return texts


def show(found: dict[str, int], limits: dict[str, int]) -> None:
    rows = [
        [name, f"{count:,}", f"{count / found[GET_ITEM]:.2f}", f"{limits[name]:,}" if name in limits else "none"]
        for name, count in found.items()
    ]
    table.show(["", "instructions", "x GetItem", "recorded"], rows)


def run(options) -> int:
    budgets.refuse_both(options)
    if not shutil.which("valgrind"):
        raise Fault("there is no valgrind: install it (Debian: apt-get install valgrind)")
    arch = build.host()
    debug = rig.build()
    builder = build.Builder(arch)
    with tempfile.TemporaryDirectory(prefix="a2a-lambda-bench-") as folder:
        bootstraps = {}
        for name in {name for name, _ in OPERATIONS.values()}:
            built = builder.get_item() if name == "get-item" else builder.function(name, [])
            bootstraps[name] = Path(folder, name)
            bootstraps[name].write_bytes(built)
            bootstraps[name].chmod(0o755)
        counter = Counter(Path(folder), debug, bootstraps)
        found = {words: counter.of(*operation) for words, operation in OPERATIONS.items()}
    all_budgets = budgets.read()
    limits = all_budgets.setdefault("cpu", {}).setdefault(arch, {})
    if options.record:
        limits = all_budgets["cpu"][arch] = found
    show(found, limits)
    table.write(options.json, {"arch": arch, "instructions": found, "budgets": limits})
    budgets.settle(
        options, all_budgets, over(found, limits),
        "operations take more instructions than they may. Find out which, or, if it is worth it, say so in "
        "the commit and record it:",
    )  # fmt: skip
    return 0
