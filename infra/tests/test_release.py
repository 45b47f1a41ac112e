"""What scripts/release refuses and makes, and a deployment of its zips without Rust."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VERSION = "0.1.0"
# Takes the place of scripts/package, which takes its time.
PACKAGE = '''#!/usr/bin/env python3
import hashlib, json, sys
from pathlib import Path
words = sys.argv[1:]
assert words[words.index("--arch") + 1] == "both"
out = Path(words[words.index("--out") + 1])
names = "request", "sqs-executor", "stream-recovery", "scheduled-recovery", "authorizer", "webhook"
for arch in "arm64", "x86-64":
    (out / arch).mkdir(parents=True)
    made = {}
    for name in names:
        content = f"{name} for {arch}".encode()
        (out / arch / f"{name}.zip").write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        made[name] = {"file": f"{name}.zip", "sha256": digest, "bytes": len(content)}
    (out / arch / "manifest.json").write_text(json.dumps({"arch": arch, "functions": made}))
'''
WRITER = {
    f"GIT_{who}_{what}": "a"
    for who in ("AUTHOR", "COMMITTER")
    for what in ("NAME", "EMAIL")
}


class Checkout:
    """A checkout of its own, with what a release is made of."""

    def __init__(self, root: Path):
        self.root = root
        for name in ("scripts", "infra/template.yaml", "Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT"):
            target = root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(ROOT / name, target)
        (root / "scripts/package").write_text(PACKAGE)
        self.git("init", "--quiet")
        self.change("## Unreleased\n\n- Something.\n")

    def git(self, *words: str) -> None:
        subprocess.run(["git", *words], cwd=self.root, check=True, env={**os.environ, **WRITER})

    def change(self, changelog: str) -> None:
        (self.root / "CHANGELOG.md").write_text(f"# Changelog\n\n{changelog}")
        self.git("add", ".")
        self.git("commit", "--quiet", "--message", "A change")

    def release(self, out: Path) -> subprocess.CompletedProcess:
        command = [sys.executable, self.root / "scripts/release", out]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(command, env=environment, text=True, capture_output=True)

    def refusal(self, out: Path) -> str:
        ran = self.release(out)
        assert ran.returncode == 1 and not out.exists(), ran.stdout
        return ran.stderr


@pytest.fixture
def checkout(tmp_path) -> Checkout:
    return Checkout(tmp_path / "checkout")


ENTRIES = f"## 0.2.0\n\n- Later.\n\n## {VERSION} - 2026-12-01\n\n- First.\n\n### More\n\n- Second.\n\n## 0.0.9\n"


def test_a_release_needs_an_entry_and_a_tree_that_is_a_commit(checkout, tmp_path):
    out = tmp_path / "out"
    assert f"CHANGELOG.md has no entry for {VERSION}" in checkout.refusal(out)
    checkout.change(f"## {VERSION}\n\n## 0.0.9\n\n- Something.\n")
    assert f"CHANGELOG.md says nothing under '## {VERSION}'" in checkout.refusal(out)
    checkout.change(ENTRIES)
    (checkout.root / "new").touch()
    assert "changes that are in no commit: commit them\n?? new" in checkout.refusal(out)
    (checkout.root / "new").unlink()
    checkout.git("tag", f"v{VERSION}", "HEAD^")
    assert f"v{VERSION} is another commit" in checkout.refusal(out)
    checkout.git("tag", "--force", f"v{VERSION}")
    assert checkout.release(out).returncode == 0
    again = checkout.release(out)
    assert again.returncode == 1 and "is there already" in again.stderr


def test_what_could_not_be_built_leaves_nothing(checkout, tmp_path):
    checkout.change(ENTRIES)
    (checkout.root / "scripts/package").write_text("raise SystemExit(1)")
    checkout.git("commit", "--all", "--quiet", "--message", "A fault")
    out = tmp_path / "out"
    ran = checkout.release(out)
    assert ran.returncode == 1 and "could not be packaged" in ran.stderr
    assert list(out.iterdir()) == []


def deploy(root: Path, *words: str) -> subprocess.CompletedProcess:
    """scripts/deploy where there is no program but Python: no cargo, and no credentials."""
    environment = {"PATH": "/nowhere", "PYTHONPATH": str(root / "scripts/lib"), "HOME": "/nowhere"}
    command = [sys.executable, "-B", "-m", "deploy", "--dry-run", "--region", "eu-central-1", *words]
    return subprocess.run(
        command, env={**environment, "AWS_EC2_METADATA_DISABLED": "true"}, text=True, capture_output=True
    )


def test_the_zips_of_a_release_are_deployed_without_rust(checkout, tmp_path):
    checkout.change(ENTRIES)
    made = checkout.release(tmp_path)
    assert made.returncode == 0, made.stderr
    release = tmp_path / f"a2a-lambda-{VERSION}"
    changes = f"## {VERSION} - 2026-12-01\n\n- First.\n\n### More\n\n- Second.\n"
    assert (release / "CHANGES.md").read_text() == changes
    check = ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"]
    subprocess.run(check, cwd=release, check=True)
    named = {line.split("  ")[1] for line in (release / "SHA256SUMS").read_text().splitlines()}
    files = {str(path.relative_to(release)) for path in release.rglob("*") if path.is_file()}
    assert named == files - {"SHA256SUMS"}
    assert {f"{arch}/manifest.json" for arch in ("arm64", "x86-64")} <= named

    # By the release's own script, for either architecture, and by any other that is told where.
    for root, words, size in [
        (release, [], "request: 17 bytes"),
        (release, ["--parameters", "Architecture=x86_64"], "request: 18 bytes"),
        (ROOT, ["--zips", str(release)], "request: 17 bytes"),
        (ROOT, ["--zips", str(release / "arm64")], "request: 17 bytes"),
    ]:
        ran = deploy(root, *words)
        assert ran.returncode == 0, ran.stderr
        assert f"would upload {size}" in ran.stdout, ran.stdout
        assert "nothing was uploaded or changed" in ran.stdout
    manifest = release / "arm64/manifest.json"
    whole = json.loads(manifest.read_text())
    less = {name: made for name, made in whole["functions"].items() if name != "sqs-executor"}
    for wrong, said in [
        ({**whole, "functions": less}, "lacks the zips of sqs-executor"),
        ({"functions": whole["functions"]}, "cannot be read ('arch')"),
    ]:
        manifest.write_text(json.dumps(wrong))
        ran = deploy(ROOT, "--zips", str(release))
        assert ran.returncode == 1 and said in ran.stderr, ran.stderr
    ran = deploy(ROOT)
    assert ran.returncode == 1
    assert "cargo is missing: install Rust" in ran.stderr and "--zips" in ran.stderr
