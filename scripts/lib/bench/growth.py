"""What operations cost when an owner has 10, 1,000 or 100,000 tasks: nothing should grow with them.

The tasks are copies of one that has run to its end, written to the table directly. What does grow has a
budget for each size. A first page is told apart: its tasks, and the count of all.
"""

import copy
import json
import uuid
from datetime import datetime

from bench import budgets, cost, table
from bench.rig import Count, Rig, build
from tools import Fault

SIZES = [10, 1_000, 100_000]
OWNER = "grower"
# As many items as DynamoDB takes at a time.
BATCH = 25
PAGE = 5


def add(commands) -> None:
    parser = commands.add_parser(
        "growth", help="calls and units at 10, 1,000 and 100,000 tasks of one owner", description=__doc__
    )
    parser.add_argument(
        "--tasks", type=int, action="append", metavar="N",
        help=f"measure at so many tasks; can be given several times [default: {SIZES}]",
    )  # fmt: skip
    budgets.add_options(parser, ", of these numbers of tasks")
    table.add_json(parser)
    parser.set_defaults(run=run, name="growth")


class Owner:
    """An owner whose tasks become more."""

    def __init__(self, rig: Rig):
        self.rig = rig
        # The oldest: whoever reads on from the newest finds it last.
        self.canceled = rig.send(owner=OWNER)
        rig.request("POST", f"/tasks/{self.canceled['id']}:cancel", {}, OWNER)
        rig.drain()
        rig.send(owner=OWNER, context="needle")
        rig.execute()
        sent = rig.send(owner=OWNER)
        rig.execute()
        self.model = rig.request("GET", f"/tasks/{sent['id']}", owner=OWNER)
        self.tasks = 3
        key = {"pk": {"S": f"#{sent['id']}"}, "sk": {"S": "H"}}
        found = rig.account.dynamodb("GetItem", TableName="tasks", Key=key, ConsistentRead=True)
        self.item = json.dumps(found["Item"])
        stamp = datetime.fromisoformat(self.model["status"]["timestamp"]).timestamp()
        self.time_ms = round(1000 * stamp)

    def copied(self) -> dict:
        """The model's item, as that of another task in a context of its own, a millisecond younger."""
        self.time_ms += 1
        stamp = datetime.fromisoformat(self.model["status"]["timestamp"]).timestamp()
        changes = {
            self.model["id"]: str(uuid.uuid4()),
            self.model["contextId"]: str(uuid.uuid4()),
            str(round(1000 * stamp)): str(self.time_ms),
        }
        text = self.item
        for old, new in changes.items():
            text = text.replace(old, new)
        return json.loads(text)

    def grow(self, tasks: int) -> None:
        while self.tasks < tasks:
            count = min(BATCH, tasks - self.tasks)
            items = [{"PutRequest": {"Item": self.copied()}} for _ in range(count)]
            self.rig.account.dynamodb("BatchWriteItem", RequestItems={"tasks": items})
            self.tasks += count

    def page(self, query: str) -> dict:
        return self.rig.request("GET", f"/tasks?pageSize={PAGE}&{query}", owner=OWNER)


def measure(rig: Rig, owner: Owner) -> dict[str, Count]:
    bench = cost.Bench(rig)
    sent = bench.note("SendMessage", lambda: rig.send(owner=OWNER))
    bench.note("SQS record", rig.execute)
    bench.note("GetTask", lambda: rig.request("GET", f"/tasks/{sent['id']}", owner=OWNER))
    queued = rig.send(owner=OWNER)
    cancel = f"/tasks/{queued['id']}:cancel"
    bench.note("CancelTask", lambda: rig.request("POST", cancel, {}, OWNER))
    rig.drain()
    bench.note("sweep", lambda: rig.invoke("scheduled-recovery", {}))
    first = bench.note("ListTasks, first page", lambda: owner.page(""))
    if first["totalSize"] < owner.tasks:
        raise Fault(f"{owner.tasks} tasks were written, and {first['totalSize']} are listed")
    token = first["nextPageToken"]
    bench.note("ListTasks, later page", lambda: owner.page(f"pageToken={token}"))
    found = bench.note("ListTasks by context, 1 task", lambda: owner.page("contextId=needle"))
    check_one(found, "context")
    found = bench.note(
        "ListTasks by state, few tasks", lambda: owner.page("status=TASK_STATE_CANCELED")
    )
    if found["tasks"][-1]["id"] != owner.canceled["id"]:
        raise Fault(f"the canceled task is not found: {found}")
    return bench.found


def check_one(found: dict, what: str) -> None:
    if len(found["tasks"]) != 1:
        raise Fault(f"one task is of this {what}, and {len(found['tasks'])} are listed")


def divided(counts: dict[str, Count]) -> dict[str, dict]:
    """What was counted; that of lists without what only counts tasks, which is in a line of its own."""
    found = {}
    for name, count in counts.items():
        found[name] = cost.plain(count)
        if name.startswith("ListTasks"):
            for kind in "calls", "read":
                found[name][kind] -= getattr(count, f"counting_{kind}")
            of_count = Count(calls=count.counting_calls, read=count.counting_read)
            found[f"{name}: the count"] = cost.plain(of_count)
    return found


def show(found: dict[str, dict[str, dict]]) -> None:
    sizes = list(found)
    rows = []
    for name in found[sizes[0]]:
        told = [found[size][name] for size in sizes]
        rows.append([name, *(f"{one['calls']} / {one['written']:g} / {one['read']:g}" for one in told)])
    table.show(["calls / write / read units", *(f"{int(size):,} tasks" for size in sizes)], rows)


def over(found: dict[str, dict], limits: dict[str, dict]) -> list[str]:
    texts = []
    for size, one in found.items():
        texts += budgets.counts_over(one, limits.get(size, {}), f" at {int(size):,} tasks")
    return texts


def run(options) -> int:
    budgets.refuse_both(options)
    sizes = sorted(set(options.tasks or SIZES))
    if sizes[0] < PAGE + 3:
        raise Fault(f"--tasks must be at least {PAGE + 3}: there is to be a second page")
    counts = {}
    with Rig(build()) as rig:
        owner = Owner(rig)
        for size in sizes:
            owner.grow(size)
            counts[str(size)] = divided(measure(rig, owner))
            owner.tasks += 2
    all_budgets = budgets.read()
    limits = all_budgets.setdefault("growth", {})
    if options.record:
        limits.update({size: cost.recorded(one) for size, one in counts.items()})
    show(counts)
    table.write(options.json, {"growth": counts, "budgets": copy.deepcopy(limits)})
    budgets.settle(
        options, all_budgets, over(counts, limits),
        "operations cost more the more tasks there are. Make them flat again, or, if it is worth it, say "
        "so in the commit and record it:",
    )  # fmt: skip
    return 0
