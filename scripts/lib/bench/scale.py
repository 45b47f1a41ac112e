"""What breaks first when there are many tasks: a model of the system within AWS's limits.

A discrete-event simulation. What operations write is as `scripts/bench cost --json` measures it. How long
functions take, and AWS's quotas, are assumptions (scripts/lib/bench/scale.py), and nothing of it was tried on
AWS. Tasks arrive by chance, from a seed, and go on in parcels. A place takes so many units a second: who
would wait there for longer than the SDK tries is refused, and comes again if it is a record of SQS.
"""

import heapq
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from bench import table
from tools import Fault

RATES = [100, 1_000, 10_000, 100_000]
MANY = 1_000
# The measured time of a steady load, after a time in which it comes to be one.
WARM_UP_S, MEASURED_S = 20, 60
# A backlog of so long is watched for so long at most.
OUTAGE_S, HORIZON_S = 3_600, 7_200
# How many parcels a second of tasks is divided into, at most.
PARCELS, PARCELS_OF_BURSTS = 100, 1


@dataclass(frozen=True)
class Setting:
    """Limits of AWS's in a new account of a large region, limits of ours, and times in seconds."""

    # DynamoDB: write units a second of one partition, and of a table and each of its indexes.
    partition: float = 1_000
    table: float = 40_000
    # Ours: partitions of the due index, and those of the list index for one owner. These are by states:
    # of a task's three units the busiest state has two. LIST_SHARDS multiplies them.
    due_shards: float = 8
    owner_partitions: float = 1.5
    # API Gateway: requests a second.
    front_door: float = 10_000
    # Lambda: invocations at a time of an account, and by how many a second those of a function grow.
    concurrency: float = 1_000
    ramp: float = 100
    # The mapping of a queue: invocations at a time at first and at most, and by how many they grow.
    mapping_first: float = 5
    mapping: float = 1_250
    mapping_ramp: float = 5
    batch: float = 10
    # SQS: messages in flight of a standard queue.
    in_flight: float = 120_000
    # EventBridge Scheduler: new schedules a second, and how many of all tasks want one.
    schedules: float = 1_000
    scheduled: float = 0.01
    # Of `request`, of `sqs-executor` beside its agent, and of the agent.
    request_s: float = 0.03
    executor_s: float = 0.05
    agent_s: float = 1.0
    # How long a throttled write is tried: of a message or a claim, and of a turn's work. When a record comes
    # again: after a lease, then after twice as long each time up to the most, and a quarter to a half more.
    tried_s: float = 0.1
    work_tried_s: float = 5.0
    again_s: float = 31.0
    again_most_s: float = 120.0


# Quotas that AWS raises on request, and what is then still ours.
RAISED = {"table": 4e6, "front_door": 400_000, "concurrency": 400_000, "ramp": 100, "schedules": 20_000}
# As it could be: shards as configuration, and a mapping in provisioned mode.
MENDED = {
    **RAISED, "due_shards": 64, "owner_partitions": 12,
    "mapping_first": 100, "mapping": 20_000, "mapping_ramp": 1_000 / 60,
}  # fmt: skip
SETTINGS = {"as it is": {}, "quotas raised": RAISED, "mended, too": MENDED}

# What a task writes: units of the table and of each index when it is submitted, claimed, and ended.
STAGES = ("submitted", "claimed", "ended")
Needs = dict[str, dict[str, float]]


def add(commands) -> None:
    parser = commands.add_parser(
        "scale", help="what breaks first at 100 to 100,000 tasks a second: a model", description=__doc__
    )
    parser.add_argument(
        "--cost", type=Path, metavar="FILE", required=True, help="what `scripts/bench cost --json` wrote"
    )
    parser.add_argument("--pushed", action="store_true", help="with a push config and four pushes each")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=NUMBER",
        help="another limit or time, such as due_shards=64: " + ", ".join(one.name for one in fields(Setting)),
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of the chance [default: 1]")
    table.add_json(parser)
    parser.set_defaults(run=run)


class Place:
    """Takes so many units a second, in the order in which they are asked for."""

    def __init__(self, rate: float):
        self.rate, self.free_at = rate, 0.0

    def wait(self, now: float) -> float:
        return max(0.0, self.free_at - now)

    def take(self, now: float, units: float) -> float:
        """How long that takes."""
        self.free_at = max(now, self.free_at) + units / self.rate
        return self.free_at - now


@dataclass
class Result:
    arrived: float = 0
    refused: float = 0
    # Times that a record came again, because a write was throttled.
    again: float = 0
    ended: float = 0
    # Seconds from the arrival of those that ended, and how many they were.
    took: list[tuple[float, float]] = field(default_factory=list)
    # Tasks of the backlog that are still to end.
    old: float = 0

    def median_s(self) -> float | None:
        seen = 0.0
        for seconds, count in sorted(self.took):
            seen += count
            if seen >= self.ended / 2:
                return seconds
        return None


class Model:
    def __init__(self, of: Setting, needs: Needs, owners: int, seed: int, warm: bool):
        self.of, self.needs, self.warm = of, needs, warm
        self.random = random.Random(seed)
        self.now, self.order = 0.0, 0
        self.events: list[tuple[float, int, Callable, tuple]] = []
        self.door = Place(of.front_door)
        self.places = {
            "table": Place(of.table),
            # DynamoDB divides what many owners write, and cannot divide what one writes.
            "list": Place(min(of.table, of.partition * of.owner_partitions * owners)),
            "due": Place(min(of.table, of.partition * of.due_shards)),
        }
        # Other indexes are divided, such as by the contexts of tasks.
        for name in {name for units in needs.values() for name in units} - set(self.places):
            self.places[name] = Place(of.table)
        self.requests = self.executors = self.flying = 0.0
        self.queue: deque[tuple[float, float, int]] = deque()
        self.queued = 0.0
        self.result = Result()

    def after(self, seconds: float, work: Callable, *arguments) -> None:
        self.order += 1
        heapq.heappush(self.events, (self.now + seconds, self.order, work, arguments))

    def written(self, stage: str, count: float) -> float | None:
        """How long a write of so many tasks takes; `None` if it is throttled for too long."""
        wanted = self.needs[stage]
        tried_s = self.of.work_tried_s if stage == "ended" else self.of.tried_s
        if any(units and self.places[name].wait(self.now) > tried_s for name, units in wanted.items()):
            return None
        return max(self.places[name].take(self.now, count * units) for name, units in wanted.items())

    def arrive(self, count: float) -> None:
        self.result.arrived += count
        room = self.of.concurrency - self.executors
        if not self.warm:
            room = min(room, self.of.ramp * (10 + self.now))
        throttled = self.requests + count > max(room, count) or self.door.wait(self.now) > 0.1
        took = None if throttled else self.written("submitted", count)
        if took is None:
            self.result.refused += count
            return
        self.door.take(self.now, count)
        self.requests += count
        self.after(took + self.of.request_s, self.answer, count, self.now)

    def answer(self, count: float, born: float) -> None:
        self.requests -= count
        self.send(count, born)

    def send(self, count: float, born: float, received: int = 0) -> None:
        self.queue.append((count, born, received))
        self.queued += count
        self.poll()

    def poll(self) -> None:
        """The mapping of the queue. When it has to wait for an invocation, its batches are full."""
        of = self.of
        room = min(of.mapping, of.concurrency - self.requests)
        if not self.warm:
            room = min(room, of.mapping_first + of.mapping_ramp * self.now)
        while self.queue:
            count, born, received = self.queue[0]
            free = room - self.executors
            share = count if count <= free and self.queued < 2 * count else count / of.batch
            if self.executors > 0 and (share > free or self.flying + count > of.in_flight):
                return
            self.queue.popleft()
            self.queued -= count
            self.executors += share
            self.flying += count
            self.claim(count, born, received + 1, share)

    def claim(self, count: float, born: float, received: int, share: float) -> None:
        took = self.written("claimed", count)
        if took is None:
            self.after(self.of.tried_s, self.give_up, count, born, received, share)
            return
        agent = self.of.agent_s * self.random.uniform(0.5, 1.5)
        self.after(took + agent + self.of.executor_s, self.end, count, born, received, share)

    def end(self, count: float, born: float, received: int, share: float) -> None:
        took = self.written("ended", count)
        if took is None:
            # The turn runs again.
            self.after(self.of.work_tried_s, self.give_up, count, born, received, share)
            return
        self.result.ended += count
        self.result.old -= count if born < 0 else 0
        self.result.took.append((self.now + took - born, count))
        self.leave(count, share)

    def give_up(self, count: float, born: float, received: int, share: float) -> None:
        self.result.again += count
        hidden = min(self.of.again_s * 2 ** (received - 1), self.of.again_most_s)
        self.after(hidden * self.random.uniform(1.25, 1.5), self.send, count, born, received)
        self.leave(count, share)

    def leave(self, count: float, share: float) -> None:
        self.executors -= share
        self.flying -= count
        self.poll()

    def arrivals(self, rate: float, parcels: float) -> None:
        self.arrive(rate / parcels)
        self.after(self.random.expovariate(parcels), self.arrivals, rate, parcels)

    def tick(self) -> None:
        """There is more room with time."""
        self.poll()
        self.after(1, self.tick)

    def run(self, until: float, stop: Callable[[], bool] = lambda: False) -> None:
        while self.events[0][0] <= until and not stop():
            self.now, _, work, arguments = heapq.heappop(self.events)
            work(*arguments)


def steady(of: Setting, needs: Needs, rate: float, owners: int, seed: int) -> Result:
    model = Model(of, needs, owners, seed, warm=True)
    model.arrivals(rate, min(rate, PARCELS))
    model.tick()
    model.run(WARM_UP_S)
    model.result = Result()
    model.run(WARM_UP_S + MEASURED_S)
    return model.result


def burst(of: Setting, needs: Needs, rate: float, owners: int, seed: int) -> tuple[Result, float | None]:
    """For an hour nothing was executed: its tasks are in the queue, and as many more go on to arrive. With
    it when all but a thousandth of those have ended, if that is within the horizon."""
    model = Model(of, needs, owners, seed, warm=False)
    for number in range(OUTAGE_S * PARCELS_OF_BURSTS):
        count = rate / PARCELS_OF_BURSTS
        model.queue.append((count, number / PARCELS_OF_BURSTS - OUTAGE_S, 0))
        model.queued += count
    model.result.old = OUTAGE_S * rate
    few = model.result.old / 1_000
    model.arrivals(rate, PARCELS_OF_BURSTS)
    model.tick()
    model.run(HORIZON_S, lambda: model.result.old <= few)
    return model.result, model.now if model.result.old <= few else None


def asked(of: Setting, needs: Needs, rate: float, owners: int) -> dict[str, float]:
    """How much of each limit a steady load asks for: more than 1 cannot be had."""
    written = {name: sum(needs[stage].get(name, 0) for stage in STAGES) for name in ("table", "list", "due")}
    one = of.partition * of.owner_partitions * owners
    return {
        "API Gateway's requests": rate / of.front_door,
        "DynamoDB's table": rate * written["table"] / of.table,
        "the list index": rate * written["list"] / min(of.table, one),
        "the due index": rate * written["due"] / min(of.table, of.partition * of.due_shards),
        # Where there is room, a task has an invocation to itself.
        "Lambda's concurrency": (
            rate * of.request_s + min(of.mapping, rate * (of.agent_s + of.executor_s))
        ) / of.concurrency,
        "the queue's mapping": rate * (of.agent_s + of.executor_s) / of.batch / of.mapping,
        "SQS's messages in flight": rate * (of.agent_s + of.executor_s) / of.in_flight,
        "Scheduler's requests": rate * of.scheduled / of.schedules,
    }


def needs_of(written_to: dict[str, dict[str, float]], pushed: bool) -> Needs:
    """A claim writes a unit of the table. The end writes the rest of the record, and moves the task in lists."""
    send = "SendMessage with a push config" if pushed else "SendMessage"
    record = written_to["SQS record with 4 pushes" if pushed else "SQS record"]
    claimed = {"table": 1.0}
    ended = {name: units - claimed.get(name, 0) for name, units in record.items()}
    stages = {"submitted": dict(written_to[send]), "claimed": claimed, "ended": ended}
    return stages


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def row(words: str, rate: float, owners: int, of: Setting, needs: Needs, seed: int) -> dict:
    of_limits = asked(of, needs, rate, owners)
    over = sorted((share, name) for name, share in of_limits.items() if share > 1)
    flow = steady(of, needs, rate, owners, seed)
    after, drained = burst(of, needs, rate, owners, seed)
    return {
        "setting": words, "rate": rate, "owners": owners, "asked": of_limits,
        "breaks": [name for _, name in reversed(over)],
        "ended": flow.ended / MEASURED_S, "refused": flow.refused / flow.arrived,
        "again": flow.again / flow.arrived, "median_s": flow.median_s(),
        "drained_s": drained, "burst_refused": after.refused / max(1.0, after.arrived),
    }  # fmt: skip


def show(rows: list[dict]) -> None:
    told = []
    for one in rows:
        median, drained = one["median_s"], one["drained_s"]
        breaks = [f"{name} {number(one['asked'][name])} x" for name in one["breaks"]]
        told.append(
            [f"{one['rate']:,} of {one['owners']:,} owners" if one["owners"] > 1 else f"{one['rate']:,} of one owner"]
            + [number(one["ended"]), f"{one['refused']:.0%}", f"{one['again']:.0%}"]
            + ["never" if median is None else f"{median:.1f} s"]
            + [f"> {HORIZON_S // 3600} h" if drained is None else f"{drained / 60:.0f} min", "; ".join(breaks) or "nothing"]
        )
    head = [rows[0]["setting"], "ended a second", "refused", "again", "median", "hour drained", "asks for too much of"]
    table.show(head, told)


def setting_of(texts: list[str]) -> dict[str, float]:
    known = {one.name for one in fields(Setting)}
    given = {}
    for text in texts:
        name, _, value = text.partition("=")
        try:
            given[name] = float(value)
        except ValueError:
            given[name] = 0
        if name not in known or given[name] <= 0:
            raise Fault(f"--set: {text!r} is not NAME=NUMBER, with one of {', '.join(sorted(known))}")
    return given


def run(options) -> int:
    try:
        written_to = json.loads(options.cost.read_text())["written_to"]
    except (OSError, ValueError, KeyError):
        raise Fault(f"--cost: {options.cost} is not what `scripts/bench cost --json` writes") from None
    given = setting_of(options.set)
    needs = needs_of(written_to, options.pushed)
    rows = []
    for words, changes in SETTINGS.items():
        of = replace(Setting(), **{**changes, **given})
        found = [row(words, rate, owners, of, needs, options.seed) for owners in (MANY, 1) for rate in RATES]
        show(found)
        print()
        rows += found
    table.write(options.json, {"needs": needs, "seed": options.seed, "rows": rows})
    return 0
