"""The bill of materials of a function: the crates that its binary links, as CycloneDX 1.6.

It is read from `cargo tree` for the one package, target and features that were built, since that is
what is linked. The metadata of the workspace has the crates and features of all packages, of their
tests and of their macros.
"""

import hashlib
import subprocess
import tomllib
from pathlib import Path

from tools import Fault


def tree(root: Path, options: list[str], target: str, features: list[str]) -> list[tuple[int, str, str]]:
    """Depth, `name version` and licence of each line of the package's tree of crates."""
    command = ["cargo", "tree", "--locked", *options, "--target", target]
    # Macros and build scripts run when the function is built; nothing of them is in it.
    command += ["--edges", "normal,no-proc-macro", "--prefix", "depth", "--format", "\t{p}\t{l}\t"]
    if features:
        command += ["--features", ",".join(features)]
    ran = subprocess.run(command, cwd=root, text=True, stdout=subprocess.PIPE)
    if ran.returncode:
        raise Fault("cargo tree failed, as it says above")
    lines = []
    for line in ran.stdout.splitlines():
        depth, crate, licence, _ = line.split("\t")
        name, version = crate.split()[:2]
        lines.append((int(depth), f"{name} {version.removeprefix('v')}", licence))
    return lines


def checksums(root: Path) -> dict[str, str]:
    """The digest of each crate that comes from a registry."""
    lock = tomllib.loads((root / "Cargo.lock").read_text())
    return {
        f"{package['name']} {package['version']}": package["checksum"]
        for package in lock["package"]
        if "checksum" in package
    }


def reference(crate: str) -> str:
    name, version = crate.split()
    return f"pkg:cargo/{name}@{version}"


def component(crate: str, licence: str, checksum: str | None) -> dict:
    name, version = crate.split()
    made = {
        "type": "library",
        "bom-ref": reference(crate),
        "name": name,
        "version": version,
        "purl": reference(crate),
    }
    if licence:
        # Some crates write the older `MIT/Apache-2.0`.
        made["licenses"] = [{"expression": licence.replace("/", " OR ")}]
    if checksum:
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return made


def bill(workspace, name: str, target: str, features: list[str], bootstrap: bytes) -> dict:
    lines = tree(workspace.root, workspace.tree_options(name), target, features)
    known = checksums(workspace.root)
    licences: dict[str, str] = {}
    edges: dict[str, set[str]] = {}
    path: list[str] = []
    for depth, crate, licence in lines:
        licences[crate] = licence
        edges.setdefault(crate, set())
        del path[depth:]
        if path:
            edges[path[-1]].add(crate)
        path.append(crate)
    function = lines[0][1]
    linked = sorted(crate for crate in licences if crate != function)
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": reference(function),
                "name": name,
                "version": workspace.functions[name]["version"],
                "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(bootstrap).hexdigest()}],
            },
            "properties": [
                {"name": "a2a-lambda:target", "value": target},
                {"name": "a2a-lambda:features", "value": ",".join(features)},
            ],
        },
        "components": [component(crate, licences[crate], known.get(crate)) for crate in linked],
        "dependencies": [
            {"ref": reference(crate), "dependsOn": sorted(map(reference, edges[crate]))}
            for crate in [function, *linked]
        ],
    }
