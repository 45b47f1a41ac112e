"""Bootstraps as scripts/package makes them, and the smallest one there can be, made in the same way."""

import importlib.util
import json
import platform
import shutil
import subprocess
import sys
import tomllib
from importlib.machinery import SourceFileLoader
from pathlib import Path

from tools import ROOT, Fault, environment
from workspace import Workspace, check_toolchain

HELLO = Path(__file__).parent / "hello.rs"
# What hello.rs needs, with the features that it needs.
HELLO_CRATES = {
    "lambda_runtime": {"default-features": False},
    "serde_json": {},
    "tokio": {"features": ["rt"], "default-features": False},
}


def load(name: str):
    """A script of this folder's parent as a module."""
    loader = SourceFileLoader(name, str(ROOT / "scripts" / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


package = load("package")


def host() -> str:
    """The architecture of this machine, as scripts/package calls it."""
    machine = platform.machine()
    known = {"x86_64": "x86-64", "aarch64": "arm64", "arm64": "arm64"}
    if machine not in known or sys.platform != "linux":
        raise Fault(f"bootstraps run on Linux, x86-64 or arm64; this is {sys.platform}, {machine}")
    return known[machine]


class Builder:
    """Builds for one architecture."""

    def __init__(self, arch: str):
        self.arch = arch
        check_toolchain(package.TARGETS[arch])
        self.workspace = Workspace(ROOT)
        self.programs = environment("package", ROOT / "scripts/lib/requirements-package.txt")

    def names(self, wanted: list[str] | None) -> list[str]:
        """The functions to build: those that are wanted, or all."""
        for name in wanted or []:
            if name not in self.workspace.functions:
                known = ", ".join(sorted(self.workspace.functions))
                raise Fault(f"--only: no function is called {name!r}; there are {known}")
        return wanted or sorted(self.workspace.functions)

    def features(self, name: str) -> list[str]:
        """The features of a function that are not in it by default."""
        features = self.workspace.functions[name]["features"]
        return sorted(set(features) - {"default", *features.get("default", [])})

    def function(self, name: str, features: list[str]) -> bytes:
        return package.build(self.workspace, name, self.arch, features, self.programs)

    def get_item(self) -> bytes:
        """A function that reads one item, by the client that all functions have."""
        folder = self.workspace.target / "bench/get-item"
        options = ["--locked", "--package", "a2a-lambda-aws", "--example", "get-item"]
        return self._built(folder, ROOT, *options)

    def hello(self) -> bytes:
        """An empty function: this workspace's profile, and its versions of crates."""
        folder = self.workspace.target / "bench/hello"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "src").mkdir(parents=True)
        shutil.copy(HELLO, folder / "src/main.rs")
        shutil.copy(ROOT / "Cargo.lock", folder)
        (folder / "Cargo.toml").write_text(manifest())
        return self._built(folder / "out", folder)

    def _built(self, out: Path, folder: Path, *options: str) -> bytes:
        """The one executable that is built in a folder."""
        shutil.rmtree(out, ignore_errors=True)
        command = [self.programs / "cargo-lambda", "lambda", "build", "--release"]
        command += package.target_options(self.arch)
        command += ["--disable-optimizations", "--lambda-dir", out, *options]
        variables = package.build_environment(self.workspace, self.programs)
        if subprocess.run(command, cwd=folder, env=variables, stdout=sys.stderr).returncode:
            raise Fault("what functions are compared with does not build, as the compiler says above")
        [bootstrap] = out.rglob("bootstrap")
        return bootstrap.read_bytes()


def manifest() -> str:
    """The empty function's Cargo.toml. A text in JSON is one in TOML."""
    ours = tomllib.loads((ROOT / "Cargo.toml").read_text())
    lines = ["[package]", 'name = "hello"', 'version = "0.0.0"', "publish = false"]
    lines += [f"edition = {json.dumps(ours['workspace']['package']['edition'])}", "[workspace]"]
    for crate, more in HELLO_CRATES.items():
        given = ours["workspace"]["dependencies"][crate]
        lines += [f"[dependencies.{crate}]", f"version = {json.dumps(given['version'])}"]
        lines += [f"{key} = {json.dumps(value)}" for key, value in more.items()]
    lines += ["[profile.release]"]
    # What is said of single packages, such as another profile for one, is not for this one.
    profile = ours["profile"]["release"]
    lines += [f"{key} = {json.dumps(v)}" for key, v in profile.items() if not isinstance(v, dict)]
    return "\n".join(lines) + "\n"
