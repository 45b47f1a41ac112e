"""What operations, and whole tasks, ask of AWS, and what that costs.

The functions run as processes over an emulated DynamoDB, which says what each request takes by AWS's
rules, and an emulated SQS. Counts do not depend on the machine, but for chunks that come 50 ms apart,
and for looks: how many of them share a commit, or fit into a time, is a matter of speed.
"""

import math
import time
from collections.abc import Callable

from bench import budgets, table
from bench.rig import Count, Rig, build

# Dollars for a million, in us-east-1: docs/cost.md says where they are from. A queue is a fair one.
PRICES = {"written": 0.625, "read": 0.125, "sqs": 0.50, "scheduler": 1.00, "invocations": 0.20}
# What Lambda asks SQS for a record that comes alone: it receives it and deletes it.
BY_LAMBDA = 2
# How long a sender waits for an answer, and a stream lasts, that are measured.
WAIT_S = 5
# What budgets leave where counts depend on how fast a machine is.
TIMED = {
    "100 chunks of 1 KB, 50 ms apart",
    "100 chunks of 100 B, 50 ms apart",
    "100 chunks of 1 KB, in a burst",
    "100 chunks of 100 B, in a burst",
    f"stream of {WAIT_S} s, nothing happens",
    f"send that waits {WAIT_S} s",
}
SLACK = 1.1
# Where an agent runs.
RUNS = "SQS record", "chunks", "inline", "replay", "task with"
# The tasks of waiting senders. The first of them needs one invocation only.
INLINE, INLINE_PUSHED = "task inline, without push", "task inline, with 4 pushes"


def add(commands) -> None:
    parser = commands.add_parser(
        "cost", help="calls, units and dollars of each operation and of whole tasks", description=__doc__
    )
    budgets.add_options(parser, "")
    table.add_json(parser)
    parser.set_defaults(run=run, name="cost")


class Bench:
    """Measures operations, each by what was asked since the one before it."""

    def __init__(self, rig: Rig):
        self.rig = rig
        self.found: dict[str, Count] = {}

    def note(self, name: str, work: Callable):
        """Does something, and notes what it took."""
        self.rig.take()
        result = work()
        self.found[name] = self.rig.take()
        return result


def measure(rig: Rig) -> dict[str, Count]:
    bench = Bench(rig)
    config = {"taskPushNotificationConfig": {"url": rig.world.receiver, "token": "hush"}}
    # The first requests of a process may ask for more than later ones do.
    rig.send()
    rig.execute()

    task = bench.note("SendMessage", rig.send)
    bench.note("SQS record", rig.execute)
    bench.note("GetTask", lambda: rig.request("GET", f"/tasks/{task['id']}"))
    bench.note("SendMessage with a push config", lambda: rig.send(**config))
    bench.note("SQS record with 4 pushes", rig.execute)

    queued = rig.send()
    bench.note("CancelTask, queued", lambda: rig.request("POST", f"/tasks/{queued['id']}:cancel", {}))
    rig.drain()
    bench.note("sweep, nothing due", lambda: rig.invoke("scheduled-recovery", {}))

    path = f"/tasks/{task['id']}/pushNotificationConfigs"
    body = config["taskPushNotificationConfig"]
    bench.note("push config on a finished task", lambda: rig.request("POST", path, body))
    records = rig.account.ask("records")
    bench.note("its push, by stream-recovery", lambda: rig.invoke("stream-recovery", records))

    rig.world.status = 503
    rig.send(**config)
    bench.note("SQS record whose pushes fail", rig.execute)
    rig.world.status = 200

    for size, words in (1_000, "1 KB"), (100, "100 B"):
        for apart, how in (0, "in a burst"), (50, "50 ms apart"):
            rig.send(f"100 {size} {apart}", "/paced")
            bench.note(f"100 chunks of {words}, {how}", rig.execute)

    inline(bench, config)
    steps(bench)
    lists(bench)
    waits(bench)
    return bench.found


def inline(bench: Bench, config: dict) -> None:
    """Senders that wait, whose agents run in their own invocations."""
    rig = bench.rig
    # A sender must have the time for a turn and its hand-over.
    with rig.variables_of("request", INLINE="true", BLOCKING_WAIT_SECONDS="25"):
        rig.send(returnImmediately=False)
        bench.note("SendMessage inline, to completed", lambda: rig.send(returnImmediately=False))
        rig.account.ask("records")
        config = {**config, "returnImmediately": False}
        bench.note("SendMessage inline with a push config", lambda: rig.send(**config))
        records = rig.account.ask("records")
        bench.note("its 4 pushes, by stream-recovery", lambda: rig.invoke("stream-recovery", records))


def steps(bench: Bench) -> None:
    rig = bench.rig
    for how, words in ("", ""), (" once", ", at most once"):
        rig.send(f"20 1000{how}", "/steps")
        bench.note(f"SQS record with 20 steps of 1 KB{words}", rig.execute)
    rig.send("20 1000 again", "/steps")
    rig.execute()
    bench.note("their replay in a second turn", rig.execute)

    task = rig.send("approve it", "/approval")
    bench.note("SQS record that ends in a wait for a callback", rig.execute)
    bench.note("sweep while a task waits for a callback", lambda: rig.invoke("scheduled-recovery", {}))
    shown = rig.request("GET", f"/approval/tasks/{task['id']}")["status"]["message"]
    path = "/callbacks/" + shown["parts"][0]["text"].rsplit("/", 1)[1]
    bench.note("an answer to it, by webhook", lambda: rig.answer(path, "yes"))
    bench.note("SQS record with the answer", rig.execute)


def lists(bench: Bench) -> None:
    rig, owner = bench.rig, "lister"
    for _ in range(60):
        rig.send(owner=owner)
    rig.send(owner=owner, context="needle")
    rig.drain()

    def page(path: str) -> dict:
        return rig.request("GET", path, owner=owner)

    bench.note("ListTasks, first page of 50, of 61", lambda: page("/tasks?pageSize=50"))
    token = page("/tasks?pageSize=10")["nextPageToken"]
    bench.note(
        "ListTasks, later page of 50", lambda: page(f"/tasks?pageSize=50&pageToken={token}")
    )
    bench.note("ListTasks by context, 1 of 61", lambda: page("/tasks?pageSize=50&contextId=needle"))


def waits(bench: Bench) -> None:
    rig = bench.rig
    task = rig.send("tck-input-required", "/ask")
    rig.execute()
    subscribe = f"/ask/tasks/{task['id']}:subscribe"
    bench.note(f"stream of {WAIT_S} s, nothing happens", lambda: rig.request("GET", subscribe))
    began = time.monotonic()
    bench.note(f"send that waits {WAIT_S} s", lambda: rig.send(returnImmediately=False))
    if time.monotonic() - began < WAIT_S - 1:
        raise AssertionError("the sender did not wait")
    rig.drain()


def lives(found: dict[str, Count]) -> dict[str, Count]:
    """Whole tasks: the records of SQS are received and deleted by Lambda."""
    by_lambda = Count(sqs=BY_LAMBDA)
    return {
        "task without push": found["SendMessage"] + found["SQS record"] + by_lambda,
        "task with 4 pushes": found["SendMessage with a push config"]
        + found["SQS record with 4 pushes"]
        + by_lambda,
        INLINE: found["SendMessage inline, to completed"],
        INLINE_PUSHED: found["SendMessage inline with a push config"]
        + found["its 4 pushes, by stream-recovery"],
    }


def dollars(count: Count, invocations: int = 0) -> float:
    """For a million, without the functions' time, the front door and logs."""
    counted = {**vars(count), "invocations": invocations}
    return sum(price * counted[kind] for kind, price in PRICES.items())


def plain(count: Count) -> dict:
    return {kind: getattr(count, kind) for kind in (*budgets.COUNTED, "pushes", "refused")}


def recorded(found: dict[str, dict]) -> dict[str, dict]:
    """Budgets: what was counted, and a little more where it depends on time. A runner that works for
    more than a second asks one more of SQS, so a slow machine does."""

    def most(name: str, kind: str, count: float) -> float:
        if kind == "sqs":
            return count + any(word in name for word in RUNS)
        return math.ceil(count * SLACK) if name in TIMED else count

    return {
        name: {kind: most(name, kind, counts[kind]) for kind in budgets.COUNTED}
        for name, counts in found.items()
    }


def show(found: dict[str, dict], of_lives: dict[str, float], limits: dict[str, dict]) -> None:
    rows = []
    for name, one in found.items():
        limit = limits.get(name)
        units = f"{limit['written']:g} / {limit['read']:g}" if limit else "none"
        money = f"{of_lives[name]:.2f}" if name in of_lives else ""
        numbers = [f"{one[kind]:g}" for kind in (*budgets.COUNTED, "pushes")]
        rows.append([name, *numbers, units, money])
    head = ["", "calls", "write units", "read units", "SQS", "Scheduler", "pushes", "budget", "$/million"]
    table.show(head, rows)
    told = ", ".join(f"{kind} {price:g}" for kind, price in PRICES.items())
    print(f"A million of each costs in dollars (us-east-1, docs/cost.md): {told}.")
    print("$/million has two invocations (inline without push: one), and neither their time, the front door nor logs.")


def run(options) -> int:
    budgets.refuse_both(options)
    with Rig(
        build(), BLOCKING_WAIT_SECONDS=str(WAIT_S), MAX_STREAM_SECONDS=str(WAIT_S),
        # A push that has failed waits for a schedule.
        PUSH_WAITS_SECONDS="3600",
    ) as rig:  # fmt: skip
        counted = measure(rig)
    whole = lives(counted)
    found = {name: plain(count) for name, count in (counted | whole).items()}
    of_lives = {name: dollars(count, invocations=1 if name == INLINE else 2) for name, count in whole.items()}
    recorded_before = budgets.read()
    limits = recorded_before.get("cost", {})
    if options.record:
        limits = recorded_before["cost"] = recorded(found)
    show(found, of_lives, limits)
    written_to = {name: count.places for name, count in (counted | whole).items()}
    results = {"prices": PRICES, "operations": found, "written_to": written_to, "dollars": of_lives}
    table.write(options.json, results)
    budgets.settle(
        options, recorded_before, budgets.counts_over(found, limits),
        "operations ask more of AWS than they may. Find out what has grown, or, if what is new is worth "
        "it, say so in the commit and record it:",
    )  # fmt: skip
    return 0
