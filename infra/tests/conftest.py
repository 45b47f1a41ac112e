"""A package of zips, for the deployers."""

import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from generate import zips
from model import ROOT

sys.path.insert(0, str(ROOT / "scripts/lib"))
from deploy.artifacts import read_manifest  # noqa: E402


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The folder of scripts/package that A2A_LAMBDA_PACKAGE names, or one like it but for what is in the zips."""
    if named := os.environ.get("A2A_LAMBDA_PACKAGE"):
        folder = Path(named)
    else:
        folder = tmp_path_factory.mktemp("package")
        functions = {}
        for name in zips():
            content = f"the zip of {name}".encode()
            (folder / f"{name}.zip").write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            functions[name] = {"file": f"{name}.zip", "sha256": digest, "bytes": len(content)}
        manifest = {"arch": "arm64", "functions": functions}
        (folder / "manifest.json").write_text(json.dumps(manifest))
    assert set(read_manifest(folder)["functions"]) == set(zips())
    return folder
