"""scripts/bench: what is counted, and what is over its budget."""

import argparse
import json
import sys
import tomllib
from types import SimpleNamespace

import pytest
from model import ROOT

sys.path.insert(0, str(ROOT / "scripts/lib"))
from bench import budgets, build, cold, cost, cpu, growth, latency, scale, size  # noqa: E402
from bench.rig import Count  # noqa: E402
from bench.runtime_api import VARIABLES, RuntimeApi  # noqa: E402
from tools import Fault  # noqa: E402

BUDGETS = {"request": {"bootstrap": 6_000, "zip": 3_000}}


@pytest.mark.parametrize(
    ("sizes", "found"),
    [
        ({"request": {"bootstrap": 6_000, "zip": 3_000}}, []),
        (
            {"request": {"bootstrap": 6_060, "zip": 3_001}},
            [
                "request (arm64): the bootstrap has 6,060 bytes, 1.0 % over its budget of 6,000",
                "request (arm64): the zip has 3,001 bytes, 0.0 % over its budget of 3,000",
            ],
        ),
        ({"other": {"bootstrap": 1, "zip": 1}}, ["other (arm64) has no budget"]),
    ],
)
def test_what_is_over_its_budget_is_told(sizes, found):
    assert size.over(sizes, BUDGETS, "arm64") == found


def test_a_budget_is_a_little_more_than_what_was_measured():
    sizes = {"request": {"bootstrap": 6_400_000, "zip": 1}}
    assert size.recorded(sizes) == {"request": {"bootstrap": 6_464_000, "zip": 1_000}}
    assert size.over(sizes, size.recorded(sizes), "arm64") == []


def test_every_function_has_a_budget():
    functions = set(VARIABLES) - {"hello", "get-item"}
    for arch, limits in budgets.read()["size"].items():
        assert arch in build.package.TARGETS
        assert functions <= set(limits), arch


def measure(monkeypatch, tmp_path, made, *arguments):
    """`scripts/bench size` with a builder whose request has this many bytes, and 9 more with a feature."""
    file = tmp_path / "budgets.json"
    file.write_text(json.dumps({"size": {"x86-64": BUDGETS}}))
    monkeypatch.setattr(budgets, "FILE", file)
    builder = SimpleNamespace(
        names=lambda wanted: ["request"],
        features=lambda name: ["extra"],
        function=lambda name, features: b"x" * (made + 9 * len(features)),
    )
    monkeypatch.setattr(build, "Builder", lambda arch: builder)
    parser = argparse.ArgumentParser()
    size.add(parser.add_subparsers())
    out = tmp_path / "out.json"
    options = parser.parse_args(["size", "--json", str(out), *arguments])
    assert options.run(options) == 0
    return json.loads(out.read_text()), json.loads(file.read_text())["size"]["x86-64"]


def test_a_check_fails_with_what_to_do(monkeypatch, tmp_path, capsys):
    measure(monkeypatch, tmp_path, 6_000, "--check", "--no-features")
    with pytest.raises(Fault, match="scripts/bench size --record"):
        measure(monkeypatch, tmp_path, 6_001, "--check", "--no-features")
    assert "over budget: request (x86-64): the bootstrap has 6,001 bytes" in capsys.readouterr().out


def test_a_feature_is_measured_by_itself_and_can_be_recorded(monkeypatch, tmp_path, capsys):
    results, limits = measure(monkeypatch, tmp_path, 7_000, "--record")
    assert results["bytes"]["request"]["bootstrap"] == 7_000
    assert results["bytes"]["request+extra"]["bootstrap"] == 7_009
    assert "+9" in capsys.readouterr().out
    assert limits["request"]["bootstrap"] == limits["request+extra"]["bootstrap"] == 8_000


def test_the_empty_function_has_this_workspace_s_profile_and_versions():
    made, ours = tomllib.loads(build.manifest()), tomllib.loads((ROOT / "Cargo.toml").read_text())
    kept = {key: it for key, it in ours["profile"]["release"].items() if not isinstance(it, dict)}
    assert made["profile"]["release"] == kept
    known = ours["workspace"]["dependencies"]
    assert all(known[crate]["version"] == it["version"] for crate, it in made["dependencies"].items())


def test_a_ratio_is_of_the_starts_of_one_round():
    def runs(*seconds):
        return [{"s": s, "peak_kb": 1_000 * s, "faults": 1} for s in seconds]

    # The machine is slower in each round.
    measured = {"hello": runs(1, 2, 4), "request": runs(2, 4, 8)}
    found = cold.results(measured, {"request": 7})
    assert found["request"]["ratio"] == 2.0
    assert found["request"]["ratio_quartiles"] == [2.0, 2.0]
    assert found["request"]["instructions"] == 7 and found["hello"]["instructions"] is None
    assert found["hello"]["ratio"] == 1.0


@pytest.mark.parametrize("text", ["request", "request=x", "other@before=/dev/null", "request@a=/none"])
def test_a_bootstrap_that_cannot_be_measured_is_refused(text):
    with pytest.raises(Fault, match="--bootstrap"):
        cold.given(SimpleNamespace(bootstrap=[text]))


def test_a_process_that_ends_is_told_of():
    api = RuntimeApi()
    with pytest.raises(Fault, match="hello did not start: no luck"):
        api.start("hello", ["sh", "-c", "echo no luck"], 10)


def test_a_start_is_measured_until_it_asks():
    api = RuntimeApi()
    ask = (
        "import os, urllib.request as r, time; "
        "r.urlopen('http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2018-06-01/runtime/invocation/next')"
    )
    process, took = api.start("hello", [sys.executable, "-c", ask], 30)
    try:
        assert process.poll() is None and took > 0
        assert cold.peak_kb(process) > 1_000 and cold.page_faults(process) > 10
    finally:
        api.end(process)


ANSWERING = """
import os, urllib.request as r
api = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
for how in "response", "error":
    with r.urlopen(api + "next") as event:
        name, body = event.headers["lambda-runtime-aws-request-id"], event.read()
    r.urlopen(api + name + "/" + how, data=b"heard " + body)
r.urlopen(api + "next")
"""


def test_a_function_is_invoked_and_its_error_is_told():
    api = RuntimeApi()
    process, _ = api.start("hello", [sys.executable, "-c", ANSWERING], 30)
    try:
        assert api.invoke(b"this") == b"heard this"
        with pytest.raises(Fault, match="an invocation failed: heard that"):
            api.invoke(b"that")
    finally:
        api.end(process)


LIMITS = {"GetTask": {"calls": 1, "written": 0, "read": 1, "sqs": 0, "scheduler": 0}}


def test_an_operation_that_takes_more_than_was_recorded_is_told():
    assert budgets.counts_over({"GetTask": cost.plain(Count(calls=1, read=1))}, LIMITS) == []
    found = {"GetTask": cost.plain(Count(calls=2, read=1.5)), "Other": cost.plain(Count())}
    assert growth.over({"1000": found}, {"1000": LIMITS}) == [
        "GetTask at 1,000 tasks: 2 calls of DynamoDB, where 1 were recorded",
        "GetTask at 1,000 tasks: 1.5 read units, where 1 were recorded",
        "Other at 1,000 tasks has no budget",
    ]
    assert growth.over({"7": found}, {})[0] == "GetTask at 7 tasks has no budget"
    assert cpu.over({"GetTask": 104, "Other": 1}, {"GetTask": 100}) == [
        "GetTask: 104 instructions, 4.0 % more than the 100 that were recorded",
        "Other has no budget",
    ]
    assert cpu.over({"GetTask": 103}, {"GetTask": 100}) == []


def test_what_is_over_its_budget_fails_a_check_and_can_be_recorded(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(budgets, "FILE", tmp_path / "budgets.json")
    told = {"cost": {"GetTask": {"calls": 1}}}

    def settle(over: list, **how):
        options = SimpleNamespace(**{"check": False, "record": False, "name": "cost", **how})
        budgets.settle(options, told, over, "mend it, or record it:")

    settle(["much"])
    settle([], check=True)
    with pytest.raises(Fault, match="mend it, or record it: scripts/bench cost --record"):
        settle(["much"], check=True)
    assert "over budget: much" in capsys.readouterr().out
    settle(["much"], record=True)
    assert budgets.read() == told
    assert '"GetTask": {"calls": 1}\n' in budgets.FILE.read_text()


def test_only_what_depends_on_time_is_given_more_than_was_counted():
    [timed] = [name for name in cost.TIMED if name.startswith("send")]
    found = {name: cost.plain(Count(calls=11, read=1.5)) for name in ("GetTask", timed)}
    limits = cost.recorded(found)
    assert (limits["GetTask"]["calls"], limits["GetTask"]["read"]) == (11, 1.5)
    assert (limits[timed]["calls"], limits[timed]["read"]) == (13, 2)


def test_what_is_measured_has_budgets():
    known = budgets.read()
    assert cost.TIMED < set(known["cost"])
    assert set(known["growth"]) == {str(size) for size in growth.SIZES}
    assert set(known["cpu"]["x86-64"]) == set(cpu.OPERATIONS)


def test_a_task_s_price_is_that_of_all_its_requests():
    counts = {
        "SendMessage": Count(calls=1, written=3, sqs=1),
        "SQS record": Count(calls=3, written=7, read=1, sqs=1),
    }
    counts["SendMessage with a push config"] = counts["SQS record with 4 pushes"] = Count(scheduler=1)
    counts["SendMessage inline, to completed"] = Count(calls=2, written=7)
    counts["SendMessage inline with a push config"] = counts["its 4 pushes, by stream-recovery"] = Count()
    whole = cost.lives(counts)
    assert whole["task without push"] == Count(calls=4, written=10, read=1, sqs=4)
    assert cost.dollars(whole["task without push"], invocations=2) == pytest.approx(8.775)
    assert cost.dollars(whole["task with 4 pushes"]) == pytest.approx(3)
    assert cost.dollars(whole[cost.INLINE], invocations=1) == pytest.approx(4.575)


def test_the_prices_are_those_of_the_documentation():
    page = (ROOT / "docs/cost.md").read_text()
    prices = cost.PRICES
    for words in (
        f"DynamoDB: ${prices['written']:g} and ${prices['read']:g} a million units",
        f"SQS: ${prices['sqs'] - 0.10:.2f} a million, fair queues $0.10 more",
        f"EventBridge Scheduler: ${prices['scheduler']:.2f} a million",
        f"Lambda: ${prices['invocations']:.2f} a million",
    ):
        assert words in page, words


def test_the_count_of_a_list_is_told_apart():
    page = Count(calls=5, read=23, counting_calls=2, counting_read=20)
    found = growth.divided({"GetTask": Count(calls=1), "ListTasks": page})
    assert [(name, one["calls"], one["read"]) for name, one in found.items()] == [
        ("GetTask", 1, 0),
        ("ListTasks", 3, 3),
        ("ListTasks: the count", 2, 20),
    ]


def test_a_copied_task_is_another_one():
    owner = growth.Owner.__new__(growth.Owner)
    owner.model = {
        "id": "task", "contextId": "context", "status": {"timestamp": "2026-11-28T07:00:00.123Z"},
    }  # fmt: skip
    owner.time_ms = 1795849200123
    owner.item = json.dumps({"pk": "#task", "ctx": "context", "ls": "1795849200123#task", "st": "DONE"})
    one, other = owner.copied(), owner.copied()
    assert one["st"] == other["st"] == "DONE"
    assert one["ls"] == "1795849200124" + one["pk"] and other["ls"] == "1795849200125" + other["pk"]
    assert len({one["pk"], other["pk"], one["ctx"], other["ctx"]}) == 4


@pytest.mark.parametrize(
    ("listed", "totals", "found"),
    [
        ({"a": "X", "b": "Y"}, {2}, []),
        ({"a": "X"}, {2}, ["1 tasks are listed, not the 2 that have ended"]),
        ({"a": "X", "b": "X"}, {2}, ["1 tasks are not listed as they ended, such as b"]),
        ({"a": "X", "b": "Y"}, {1, 2}, ["the pages give [1, 2] as their total, not 2"]),
    ],
)
def test_a_load_is_compared_with_what_is_listed(listed, totals, found):
    tasks = [{"id": id, "status": {"state": state}} for id, state in listed.items()]
    assert latency.problems({"a": "X", "b": "Y"}, tasks, totals) == found


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(number) for number in range(1_000, 0, -1)]
    assert [latency.percentile(values, of) for of in (50, 99, 99.9, 100)] == [500, 990, 999, 1_000]
    assert latency.percentile([7.0], 50) == 7


WRITTEN = {
    "SendMessage": {"table": 1, "list": 1, "due": 1},
    "SQS record": {"table": 2, "list": 4, "due": 1},
}


def modelled(rate: float, owners: int = 1_000, **limits: float):
    of = scale.Setting(**limits)
    needs = scale.needs_of(WRITTEN, pushed=False)
    return scale.asked(of, needs, rate, owners), scale.steady(of, needs, rate, owners, seed=1)


def test_the_model_gives_what_there_is_and_no_more():
    asked, flow = modelled(100)
    assert max(asked.values()) < 1 and flow.refused == flow.again == 0
    assert flow.ended / scale.MEASURED_S == pytest.approx(100, rel=0.1)
    assert 1.0 < flow.median_s() < 1.3
    # One owner's entries are five units a task, in partitions of a thousand a second.
    asked, flow = modelled(1_000, owners=1, concurrency=10_000, owner_partitions=1)
    assert asked["the list index"] == 5
    assert flow.refused > 0 and flow.ended / scale.MEASURED_S < 200
    asked, flow = modelled(1_000, owners=1, concurrency=10_000, owner_partitions=8)
    assert flow.refused == flow.again == 0 and flow.ended / scale.MEASURED_S > 900
    # Nothing of it is by chance but what the seed says.
    assert modelled(1_000, owners=1)[1] == modelled(1_000, owners=1)[1]


def test_a_backlog_is_drained_as_fast_as_invocations_come():
    needs = scale.needs_of(WRITTEN, pushed=False)
    _, slow = scale.burst(scale.Setting(), needs, 100, 1_000, seed=1)
    _, fast = scale.burst(scale.Setting(mapping_first=1_000), needs, 100, 1_000, seed=1)
    assert fast < slow < 600


def test_the_model_refuses_limits_that_it_does_not_know():
    for text in "batch", "batch=x", "batch=0", "other=1":
        with pytest.raises(Fault, match="--set"):
            scale.setting_of([text])
    assert scale.setting_of(["batch=5"]) == {"batch": 5}
    with pytest.raises(Fault, match="--cost"):
        scale.run(SimpleNamespace(cost=ROOT / "README.md"))
