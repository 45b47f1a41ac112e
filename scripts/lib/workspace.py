"""A Cargo workspace with the functions of an agent: a checkout of a2a-lambda, or one of one's own."""

import difflib
import json
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from tools import ROOT, Fault, called, need

# The functions, each the executable of this name, and the parameter of the template that names its zip.
KEY_PARAMETERS = {
    "request": "RequestKey",
    "sqs-executor": "SqsExecutorKey",
    "stream-recovery": "StreamRecoveryKey",
    "scheduled-recovery": "ScheduledRecoveryKey",
    "authorizer": "AuthorizerKey",
    "webhook": "WebhookKey",
}
# A deployment may do without these.
OPTIONAL = {"authorizer", "webhook"}


def output(command: list, folder: Path) -> str:
    ran = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE)
    if ran.returncode:
        raise Fault(f"{' '.join(map(str, command[:3]))} failed, as it says above")
    return ran.stdout


def find(given: Path | None) -> Path:
    """The folder of the workspace: what was given, or what one is in, or else this checkout."""
    if given is not None:
        if not (given / "Cargo.toml").is_file():
            raise Fault(f"--workspace: {given} has no Cargo.toml: name the folder of a workspace")
        return given
    here = Path.cwd()
    if any((folder / "Cargo.toml").is_file() for folder in (here, *here.parents)):
        need("cargo", "Rust, with rustup (https://rustup.rs)")
        command = ["cargo", "locate-project", "--workspace", "--message-format", "plain"]
        return Path(output(command, here).strip()).parent
    if (ROOT / "Cargo.toml").is_file():
        return ROOT
    raise Fault(
        "there is no agent here: run this in the folder of one, or name it by --workspace DIR. "
        "`a2a-lambda new DIR` makes one"
    )


class Workspace:
    """A workspace to build the functions of."""

    def __init__(self, root: Path):
        self.root = root.resolve()
        if not (self.root / "Cargo.lock").exists():
            raise Fault(f"{root} has no Cargo.lock: run `cargo generate-lockfile` in it, and keep the file")
        self.metadata = self._metadata("--no-deps")
        self.target = Path(self.metadata["target_directory"])
        # A function of a checkout is the binary of a package below `functions`, whatever the
        # package is called.
        self.is_checkout = (self.root / "crates/core").is_dir() and (self.root / "functions").is_dir()
        self.functions = self._checkout() if self.is_checkout else self._own()

    def _metadata(self, *options: str) -> dict:
        command = ["cargo", "metadata", *options, "--locked", "--format-version", "1"]
        return json.loads(output(command, self.root))

    def _binaries(self) -> list[tuple[str, dict]]:
        return [
            (target["name"], package)
            for package in self.metadata["packages"]
            for target in package["targets"]
            if "bin" in target["kind"]
        ]

    def _checkout(self) -> dict[str, dict]:
        return {
            name: package
            for name, package in self._binaries()
            if Path(package["manifest_path"]).is_relative_to(self.root / "functions")
        }

    def _own(self) -> dict[str, dict]:
        """The functions among the executables; refuses a workspace that lacks some."""
        found: dict[str, dict] = {}
        others = []
        for name, package in self._binaries():
            if name not in KEY_PARAMETERS:
                others.append(name)
            elif name in found:
                packages = f"{found[name]['name']} and {package['name']}"
                raise Fault(f"{self.root} has two executables {name}, of {packages}: leave one out")
            else:
                found[name] = package
        for name in others:
            meant = difflib.get_close_matches(name.replace("_", "-"), KEY_PARAMETERS, cutoff=0.8)
            if meant and meant[0] not in found:
                raise Fault(
                    f"{self.root} has an executable {name}, which is no function: call it {meant[0]} "
                    f"(src/bin/{meant[0]}.rs)"
                )
        missing = [name for name in KEY_PARAMETERS if name not in {*found, *OPTIONAL}]
        if missing:
            files = ", ".join(f"src/bin/{name}.rs" for name in missing)
            raise Fault(
                f"{self.root} lacks the executables of {', '.join(missing)}: add {files} as "
                "`a2a-lambda new` makes them"
            )
        return found

    def tree_options(self, name: str) -> list[str]:
        """What Cargo is told of the package of a function."""
        package = ["--package", self.functions[name]["name"]]
        # By default an agent's own package has the local cloud.
        return package if self.is_checkout else [*package, "--no-default-features"]

    def build_options(self, name: str) -> list[str]:
        """What Cargo is told to build one function."""
        # An agent's own package has the executables of all functions.
        return [*self.tree_options(name), *([] if self.is_checkout else ["--bin", name])]

    def features(self, name: str, wanted: list[str]) -> list[str]:
        """Those that a function has: its own, or `CRATE/FEATURE` of a crate that it depends on."""
        package = self.functions[name]
        crates = {one["name"] for one in package["dependencies"] if one["kind"] is None}
        return [
            feature
            for feature in wanted
            if feature in package["features"] or feature.split("/")[0] in crates
        ]

    @cached_property
    def outside(self) -> dict[str, str]:
        """The folders of dependencies by path outside of the workspace, and their names."""
        if self.is_checkout:
            return {}
        try:
            packages = self._metadata()["packages"]
        except Fault:
            raise Fault(
                f"Cargo.lock of {self.root} does not fit its Cargo.toml, if that is what Cargo says above: run "
                "`cargo build` in it, and keep the file"
            ) from None
        folders = {
            Path(package["manifest_path"]).parent: package["name"]
            for package in packages
            if package["source"] is None
        }
        return {str(at): name for at, name in folders.items() if not at.is_relative_to(self.root)}


def check_toolchain(target: str) -> None:
    need("cargo", "Rust, with rustup (https://rustup.rs)")
    need("cc", "a C compiler (Debian: build-essential)")
    sysroot = output(["rustc", "--print", "sysroot"], ROOT).strip()
    if Path(sysroot, "lib/rustlib", target).is_dir():
        return
    how = f"rustup target add {target}"
    try:
        added = subprocess.run(how.split(), stdout=sys.stderr)
    except FileNotFoundError:
        raise Fault(f"the Rust library for {target} is missing: install Rust with rustup") from None
    if added.returncode:
        raise Fault(f"the Rust library for {target} is missing: {how}")
    print(f"{called('package')}: {how} has added what was missing", file=sys.stderr)
