"""scripts/bench: what is counted, and what is over its budget."""

import argparse
import json
import sys
import tomllib
from types import SimpleNamespace

import pytest
from model import ROOT

sys.path.insert(0, str(ROOT / "scripts/lib"))
from bench import build, cold, size  # noqa: E402
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
    functions = set(cold.VARIABLES) - {"hello"}
    for arch, budgets in size.read_budgets()["size"].items():
        assert arch in build.package.TARGETS
        assert functions <= set(budgets), arch


def measure(monkeypatch, tmp_path, made, *arguments):
    """`scripts/bench size` with a builder whose request has this many bytes, and 9 more with a feature."""
    budgets = tmp_path / "budgets.json"
    budgets.write_text(json.dumps({"size": {"x86-64": BUDGETS}}))
    monkeypatch.setattr(size, "BUDGETS", budgets)
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
    return json.loads(out.read_text()), json.loads(budgets.read_text())["size"]["x86-64"]


def test_a_check_fails_with_what_to_do(monkeypatch, tmp_path, capsys):
    measure(monkeypatch, tmp_path, 6_000, "--check", "--no-features")
    with pytest.raises(Fault, match="scripts/bench size --record"):
        measure(monkeypatch, tmp_path, 6_001, "--check", "--no-features")
    assert "over budget: request (x86-64): the bootstrap has 6,001 bytes" in capsys.readouterr().out


def test_a_feature_is_measured_by_itself_and_can_be_recorded(monkeypatch, tmp_path, capsys):
    results, budgets = measure(monkeypatch, tmp_path, 7_000, "--record")
    assert results["bytes"]["request"]["bootstrap"] == 7_000
    assert results["bytes"]["request+extra"]["bootstrap"] == 7_009
    assert "+9" in capsys.readouterr().out
    assert budgets["request"]["bootstrap"] == budgets["request+extra"]["bootstrap"] == 8_000


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
    api = cold.RuntimeApi()
    with pytest.raises(Fault, match="hello did not start: no luck"):
        api.start("hello", ["sh", "-c", "echo no luck"], 10)


def test_a_start_is_measured_until_it_asks():
    api = cold.RuntimeApi()
    ask = (
        "import os, urllib.request as r, time; "
        "r.urlopen('http://' + os.environ['AWS_LAMBDA_RUNTIME_API'] + '/2018-06-01/runtime/invocation/next')"
    )
    process, took = api.start("hello", [sys.executable, "-c", ask], 30)
    try:
        assert process.poll() is None and took > 0
        assert cold.peak_kb(process) > 1_000 and cold.page_faults(process) > 10
    finally:
        cold.end(process)
