"""What scripts/package writes and refuses, without building anything."""

import importlib.util
import os
import subprocess
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))
import sbom  # noqa: E402
from tools import Fault  # noqa: E402
from workspace import Workspace, find  # noqa: E402


@pytest.fixture(scope="module")
def package():
    loader = SourceFileLoader("package", str(ROOT / "scripts/package"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("package", loader))
    loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def workspace(package):
    return package.Workspace(ROOT)


def program(machine: int, *strings: bytes) -> bytes:
    head = bytearray(64)
    head[:4] = b"\x7fELF"
    head[18] = machine
    return bytes(head) + b"\0".join((b"GLIBC_2.17", *strings))


def test_a_zip_is_the_same_whenever_it_is_made(package, tmp_path):
    package.zipped(b"program", tmp_path / "one.zip")
    package.zipped(b"program", tmp_path / "two.zip")
    content = (tmp_path / "one.zip").read_bytes()
    assert content == (tmp_path / "two.zip").read_bytes()
    with package.zipfile.ZipFile(tmp_path / "one.zip") as archive:
        [entry] = archive.infolist()
    assert entry.filename == "bootstrap" and entry.external_attr >> 16 == 0o100755
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)


def test_an_agent_s_files_are_beside_the_bootstrap(package, tmp_path):
    agent = tmp_path / "agent"
    for name in ("b/agent.py", "a.py", "b/__pycache__/agent.pyc"):
        (agent / name).parent.mkdir(parents=True, exist_ok=True)
        (agent / name).write_text(name)
    (agent / "a.py").chmod(0o700)
    package.zipped(b"program", tmp_path / "one.zip", agent)
    (agent / "b/agent.py").touch()
    (agent / "b/agent.py").chmod(0o600)
    package.zipped(b"program", tmp_path / "two.zip", agent)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with package.zipfile.ZipFile(tmp_path / "one.zip") as archive:
        modes = {entry.filename: oct(entry.external_attr >> 16) for entry in archive.infolist()}
        assert archive.read("b/agent.py") == b"b/agent.py"
    assert modes == {"bootstrap": "0o100755", "a.py": "0o100755", "b/agent.py": "0o100644"}

    (agent / "bootstrap").touch()
    (tmp_path / "empty").mkdir()
    for folder, says in ((agent, "the function's own"), (tmp_path / "empty", "no files"), (tmp_path / "x", "no folder")):
        with pytest.raises(Fault, match=says):
            package.files_of(folder)


def test_a_folder_is_for_a_function_that_is_built(package, tmp_path, monkeypatch):
    (tmp_path / "agents.json").write_text("{}")
    lists = package.folders([f"request={tmp_path}", f"{tmp_path}"], ["request", "sqs-executor"])
    assert lists == {"request": tmp_path, "sqs-executor": tmp_path}
    for given, says in (
        (["authorizer=x"], "authorizer is not built here"),
        ([f"{tmp_path}"], "sqs-executor is not built here"),
        ([f"request={tmp_path}"] * 2, "request has a folder already"),
        (["request=/nowhere"], "/nowhere is no folder"),
    ):
        with pytest.raises(Fault, match=says):
            package.folders(given, ["request"])
    monkeypatch.setattr(package, "LARGEST_UNPACKED", 8)
    with pytest.raises(Fault, match="9 bytes when it is unpacked"):
        package.zipped(b"program", tmp_path / "large.zip", tmp_path)


def test_a_binary_that_lambda_cannot_run_or_that_names_this_machine_is_refused(package, workspace):
    def check(content):
        package.check_bootstrap(content, "request", "arm64", workspace)

    check(program(183))
    for content, says in (
        (b"#!/bin/sh", "no program for arm64"),
        (program(62), "no program for arm64"),
        (program(183, b"GLIBC_2.38"), "needs glibc"),
        (program(183, f"{package.cargo_home()}/registry".encode()), "of this machine"),
        (program(183, f"{ROOT}/crates/core".encode()), "of this machine"),
    ):
        with pytest.raises(Fault, match=says):
            check(content)


def test_functions_are_found_by_their_binaries_and_have_their_own_features(workspace):
    names = ["authorizer", "request", "scheduled-recovery", "sqs-executor", "stream-recovery", "webhook"]
    assert sorted(workspace.functions) == names
    assert workspace.features("request", ["fixtures", "other"]) == ["fixtures"]
    assert workspace.features("stream-recovery", ["fixtures"]) == []
    assert workspace.features("request", ["a2a-lambda-agents/fixtures", "serde/x"]) == [
        "a2a-lambda-agents/fixtures",
        "serde/x",
    ]


def test_a_bill_of_materials_has_what_is_linked_and_nothing_else(workspace):
    bill = sbom.bill(workspace, "sqs-executor", "aarch64-unknown-linux-gnu", [], b"program")
    names = {one["name"] for one in bill["components"]}
    assert {"tokio", "aws-sdk-sqs", "a2a-lambda-core"} <= names
    # Macros, crates of tests and the local cloud.
    assert not names & {"serde_derive", "tokio-macros", "a2a-lambda-local", "dynoxide-rs", "cc"}
    tokio = next(one for one in bill["components"] if one["name"] == "tokio")
    assert len(tokio["hashes"][0]["content"]) == 64 and tokio["licenses"][0]["expression"] == "MIT"
    references = {one["bom-ref"] for one in bill["components"]}
    edges = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    assert set(edges) - references == {bill["metadata"]["component"]["bom-ref"]}
    assert all(set(one) <= references for one in edges.values())


BINARIES = ["request", "sqs-executor", "stream-recovery", "scheduled-recovery", "authorizer", "webhook", "local"]
MANIFEST = """
[package]
name = "{name}"
version = "0.1.0"
edition = "2024"

[features]
default = ["local"]
local = []

[dependencies]
"""


def crate(folder: Path, name: str, binaries: list[str], more: str = "") -> Path:
    """A crate, as a workspace by itself."""
    (folder / "src/bin").mkdir(parents=True)
    (folder / "src/lib.rs").touch()
    for binary in binaries:
        (folder / f"src/bin/{binary}.rs").write_text("fn main() {}")
    (folder / "Cargo.toml").write_text(MANIFEST.format(name=name) + more)
    command = ["cargo", "generate-lockfile", "--offline", "--quiet"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


def test_an_agent_of_one_s_own_is_built_function_by_function_without_its_local_cloud(package, tmp_path):
    crate(tmp_path / "library", "library", [])
    own = Workspace(crate(tmp_path / "own", "own", BINARIES, 'library = {path = "../library"}\n'))
    assert sorted(own.functions) == sorted(set(BINARIES) - {"local"})
    options = ["--package", "own", "--no-default-features", "--bin", "request"]
    assert own.build_options("request") == options
    assert own.features("request", ["local", "other", "library/x"]) == ["local", "library/x"]
    # A dependency by path is compiled by its place on this machine, which goes into no binary.
    assert own.outside == {str(tmp_path / "library"): "library"}
    assert package.machine_paths(own)[str(tmp_path / "library")] == "/library"
    content = program(183, f"{tmp_path}/library/src/lib.rs".encode())
    with pytest.raises(Fault, match="holds the path .*library of this machine"):
        package.check_bootstrap(content, "request", "arm64", own)
    bill = sbom.bill(own, "request", "aarch64-unknown-linux-gnu", [], b"program")
    assert [one["name"] for one in bill["components"]] == ["library"]
    # It may do without the authorizer and webhook.
    Workspace(crate(tmp_path / "four", "four", BINARIES[:4]))


@pytest.mark.parametrize(
    ("binaries", "says"),
    [
        (BINARIES[:2], "lacks the executables of stream-recovery, scheduled-recovery: add src/bin/stream-"),
        (["local"], "lacks the executables of request, sqs-executor, "),
        (["request", "sqs_executor", *BINARIES[2:]], "an executable sqs_executor, .* call it sqs-executor"),
        ([*BINARIES[:4], "autorizer"], "an executable autorizer, .* call it authorizer"),
    ],
)
def test_an_agent_whose_executables_are_missing_or_misnamed_is_refused(tmp_path, binaries, says):
    with pytest.raises(Fault, match=says):
        Workspace(crate(tmp_path / "own", "own", binaries))


def test_executables_of_any_other_name_are_left_alone(tmp_path):
    assert "tool" not in Workspace(crate(tmp_path / "own", "own", [*BINARIES, "tool"])).functions


def test_a_workspace_is_the_one_that_is_named_or_that_one_is_in(tmp_path, monkeypatch):
    own = crate(tmp_path / "own", "own", BINARIES)
    monkeypatch.chdir(own / "src/bin")
    assert find(None) == own
    monkeypatch.chdir(tmp_path)
    assert find(own) == own and find(None) == ROOT
    with pytest.raises(Fault, match="--workspace: .* has no Cargo.toml"):
        find(tmp_path)
    (own / "Cargo.toml").write_text(MANIFEST.format(name="own") + 'own2 = {path = "../own2"}\n')
    crate(tmp_path / "own2", "own2", [])
    with pytest.raises(Fault, match="Cargo.lock of .* does not fit .*: run `cargo build` in it"):
        assert Workspace(own).outside
    os.remove(own / "Cargo.lock")
    with pytest.raises(Fault, match="has no Cargo.lock: run `cargo generate-lockfile` in it"):
        Workspace(own)
