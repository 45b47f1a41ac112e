"""What scripts/package writes and refuses, without building anything."""

import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))
import sbom  # noqa: E402
from tools import Fault  # noqa: E402


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
    names = ["authorizer", "request", "scheduled-recovery", "sqs-executor", "stream-recovery"]
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
