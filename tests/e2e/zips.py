"""The zips: shipped, with the fixture agents, of the release before, and for arm64."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from report import NotCovered
from stack import ROOT

FOLDER = ROOT / "target/e2e"
# The agents that only tests need.
FIXTURES = "fixtures"
# The same in a checkout from before the functions had the feature themselves.
OLD_FIXTURES = "a2a-lambda-agents/fixtures"
AGENT_FUNCTIONS = ("request", "sqs-executor")


def _package(*arguments, target: str | None = None) -> None:
    variables = {**os.environ, **({"CARGO_TARGET_DIR": target} if target else {})}
    ran = subprocess.run([ROOT / "scripts/package", *map(str, arguments)], env=variables)
    assert ran.returncode == 0, "scripts/package failed, as it says above"


def _target() -> str:
    """This checkout's build folder: other checkouts share what was compiled of other crates."""
    command = ["cargo", "metadata", "--no-deps", "--locked", "--format-version", "1"]
    ran = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, check=True)
    return json.loads(ran.stdout)["target_directory"]


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def _sizes(folder: Path) -> str:
    made = manifest(folder)["functions"]
    return ", ".join(f"{name} {one['bytes'] / 1e6:.2f} MB" for name, one in made.items())


def shipped() -> str:
    """The zips as users get them, for this machine's architecture."""
    _package("--arch", "x86-64", "--out", FOLDER / "shipped")
    return _sizes(FOLDER / "shipped/x86-64")


def fixtures() -> str:
    """The same with the fixture agents. The recoveries run no agents: theirs are the shipped zips."""
    source, folder = FOLDER / "shipped/x86-64", FOLDER / "fixtures/x86-64"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    only = [word for name in AGENT_FUNCTIONS for word in ("--only", name)]
    _package("--arch", "x86-64", "--features", FIXTURES, "--out", FOLDER / "fixtures", *only)
    before, after = manifest(source)["functions"], manifest(folder)["functions"]
    changed = [name for name in after if after[name]["sha256"] != before[name]["sha256"]]
    assert changed == sorted(AGENT_FUNCTIONS), changed
    return _sizes(folder)


def deployers() -> str:
    """infra/cdk and infra/terraform take the zips, and make of them what scripts/deploy sends."""
    folder = FOLDER / "shipped/x86-64"
    check = ROOT / "scripts/check-infra"
    tests = ["infra/tests/test_cdk.py", "infra/tests/test_terraform.py"]
    # Terraform itself is not installed by any script here.
    by_hand = [[check, "--terraform"]] if shutil.which("terraform") else []
    for command in [[check, "--quiet", *tests], *by_hand]:
        variables = {**os.environ, "A2A_LAMBDA_PACKAGE": str(folder)}
        ran = subprocess.run(command, env=variables)
        assert ran.returncode == 0, f"{command[0].name} failed, as it says above"
    ways = "cdk synth, and the module as python-hcl2 reads it"
    return f"{ways}, and Terraform itself" if by_hand else f"{ways}; Terraform is not here"


def _git(*arguments) -> str | None:
    command = ["git", "-C", ROOT, *arguments]
    ran = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return ran.stdout.strip() if ran.returncode == 0 else None


def release_before(wanted: str | None) -> str:
    """The commit to upgrade from: what was asked for, the last tag, or that in `infra/released`."""
    named = ROOT / "infra/released"
    ref = wanted or _git("describe", "--tags", "--abbrev=0", "HEAD")
    if ref is None and named.exists():
        ref = named.read_text().split("#")[0].strip()
    if ref is None:
        raise NotCovered("there is no tag and no infra/released: nothing to upgrade from")
    commit = _git("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if commit is None:
        raise NotCovered(f"{ref} is not in this clone, which may be shallow: git fetch --unshallow")
    return commit


def stored_format(commit: str) -> str:
    """The newest format that an earlier commit reads: what `scripts/deploy` keeps for its stacks."""
    template = _git("show", f"{commit}:infra/template.yaml") or ""
    default = re.search(r"^  StoredFormat: \{.*Default: (\d+)", template, re.MULTILINE)
    return default[1] if default else "1"


def folder_of(commit: str) -> Path:
    """Where the zips of an earlier commit are kept: a build folder can outlive its clone."""
    return Path(_target()) / f"e2e-from-{commit[:12]}"


def of_commit(commit: str) -> str:
    """The zips of an earlier commit, with the fixture agents. They are built once."""
    out = folder_of(commit)
    if not (out / "x86-64/manifest.json").exists():
        tree = FOLDER / "source"
        shutil.rmtree(tree, ignore_errors=True)
        _git("worktree", "prune")
        if _git("worktree", "add", "--detach", "--force", tree, commit) is None:
            raise NotCovered(f"{commit} cannot be checked out")
        try:
            has_own = "\nfixtures = " in (tree / "functions/request/Cargo.toml").read_text()
            features = FIXTURES if has_own else OLD_FIXTURES
            arguments = ("--arch", "x86-64", "--features", features, "--workspace", tree)
            # The folder has its name only when all of it is there.
            unfinished = out.with_name(f"{out.name}-unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            _package(*arguments, "--out", unfinished, target=_target())
            unfinished.rename(out)
        finally:
            _git("worktree", "remove", "--force", tree)
    return f"{commit[:12]}: {_sizes(out / 'x86-64')}"


def arm64() -> str:
    """The shipped zips for arm64. scripts/package refuses a binary for another machine."""
    _package("--arch", "arm64", "--out", FOLDER / "shipped")
    made = manifest(FOLDER / "shipped/arm64")["functions"]
    return ", ".join(
        f"{name} {one['bytes'] / 1e6:.2f} MB {one['sha256'][:12]}" for name, one in made.items()
    )
