"""What a task takes that waits for a callback: before, in real seconds of waiting, and after.

While it waits, every signal that comes invokes the executor, as Lambda does it. The sweep comes at the
beginning and at the end: it comes once a minute anyway, so only what it takes beyond an idle one counts.
"""

import time

from bench import table
from bench.cost import dollars
from bench.rig import Count, Rig, build
from tools import Fault

KINDS = ("calls", "written", "read", "sqs", "scheduler")


def add(commands) -> None:
    parser = commands.add_parser(
        "wait", help="what a task takes while it waits for a callback", description=__doc__
    )
    parser.add_argument("--seconds", type=int, default=30, help="how long it waits [default: 30]")
    table.add_json(parser)
    parser.set_defaults(run=run)


class Stages:
    """What each stage took: requests of AWS, and invocations."""

    def __init__(self, rig: Rig):
        self.rig = rig
        self.found: dict[str, tuple[int, Count]] = {}

    def note(self, name: str, work):
        self.rig.take()
        before = self.rig.invoked.total()
        result = work()
        self.found[name] = self.rig.invoked.total() - before, self.rig.take()
        return result


def wait(rig: Rig, seconds: int) -> None:
    """Waits, and hands each signal that comes to the executor."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        event = rig.account.ask("signals")
        if event is not None:
            rig.invoke("sqs-executor", event)
        time.sleep(min(left, 0.1))


def measure(rig: Rig, seconds: int) -> dict[str, tuple[int, Count]]:
    stages = Stages(rig)
    # The first requests of a process may ask for more than later ones do.
    rig.send()
    rig.execute()
    rig.invoke("scheduled-recovery", {})

    def sweep():
        rig.invoke("scheduled-recovery", {})

    stages.note("a sweep, nothing waits", sweep)
    task = rig.send("approve it", "/approval")
    stages.note("the record of SQS that ends in the wait", rig.execute)
    shown = rig.request("GET", f"/approval/tasks/{task['id']}")["status"]["message"]
    path = "/callbacks/" + shown["parts"][0]["text"].rsplit("/", 1)[1]
    stages.note("a sweep at the beginning of the wait", sweep)
    stages.note(f"{seconds} s of waiting", lambda: wait(rig, seconds))
    stages.note("a sweep at the end of the wait", sweep)
    stages.note("the answer", lambda: rig.answer(path, "yes"))
    stages.note("the record of SQS that follows", rig.execute)
    state = rig.request("GET", f"/approval/tasks/{task['id']}")["status"]["state"]
    if state != "TASK_STATE_COMPLETED":
        raise Fault(f"the task is {state}")
    return stages.found


def excess(found: dict[str, tuple[int, Count]], seconds: int) -> dict[str, float]:
    """What the wait took beyond the sweeps that there are anyway."""
    _, idle = found["a sweep, nothing waits"]
    invocations, waited = found[f"{seconds} s of waiting"]
    sweeps = [found[f"a sweep at the {place} of the wait"][1] for place in ("beginning", "end")]
    took = {kind: getattr(waited, kind) for kind in KINDS}
    for kind in KINDS:
        took[kind] += sum(getattr(sweep, kind) - getattr(idle, kind) for sweep in sweeps)
    return {"invocations": invocations, **took}


def run(options) -> int:
    with Rig(build()) as rig:
        found = measure(rig, options.seconds)
    rows = [
        [name, str(invocations), *(f"{getattr(count, kind):g}" for kind in KINDS),
         f"{dollars(count, invocations):.2f}"]
        for name, (invocations, count) in found.items()
    ]  # fmt: skip
    took = excess(found, options.seconds)
    counts = Count(**{kind: took[kind] for kind in KINDS})
    money = dollars(counts, took["invocations"])
    rows.append(["the wait, beyond idle sweeps", *(f"{value:g}" for value in took.values()), f"{money:.2f}"])
    head = ["", "invocations", "calls", "write units", "read units", "SQS", "Scheduler", "$/million"]
    table.show(head, rows)
    print("$/million has neither the functions' time, the front door nor logs.")
    table.write(options.json, {"took": took, "dollars": money})
    if any(took.values()):
        raise Fault(f"a task that waits takes {took}: find out what runs")
    return 0
