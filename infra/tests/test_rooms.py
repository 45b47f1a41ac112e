"""scripts/structure/rooms.py sees who imports whom, however it is written."""

import sys

import pytest
from model import ROOT

sys.path.insert(0, str(ROOT / "scripts/structure"))
import rooms  # noqa: E402

TABLE = {
    "rooms": [
        {"crate": "it", "name": "ground", "modules": ["ground"]},
        {"crate": "it", "name": "upper", "modules": ["upper"]},
    ]
}
UPPER = "pub struct Upper;\n"


def made(folder, **files):
    """A crate with these modules, beside what all of them have."""
    source = folder / "it/src"
    source.mkdir(parents=True)
    files = {"ground": "pub struct Ground;\n", "upper": UPPER, **files}
    roots = [name for name in files if "__" not in name]
    (source / "lib.rs").write_text("".join(f"mod {name};\n" for name in roots) + "pub use upper::Upper;\n")
    for name, text in files.items():
        path = source / f"{name.replace('__', '/')}.rs"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return folder


WAYS = [
    "use crate::upper::Upper;\n",
    "use crate::Upper;\n",
    "use super::upper::{Upper as Other};\n",
    "use crate::{upper::{self, Upper}};\nfn f() {}\n",
    "use crate::upper;\nfn f(_: upper::Upper) {}\n",
    "use crate::upper::*;\n",
    "fn f(_: crate::upper::Upper) {}\n",
    "fn f(_: super::Upper) {}\n",
]


@pytest.mark.parametrize("way", WAYS)
def test_an_import_from_a_later_room_is_refused(tmp_path, way):
    root = made(tmp_path, ground=f"pub struct Ground;\n{way}")
    [problem] = rooms.check_rooms(root, TABLE)
    assert "ground imports upper" in problem and "'ground' may not import from 'upper'" in problem


@pytest.mark.parametrize("way", WAYS)
def test_a_circle_is_refused_and_one_that_is_known_is_not(tmp_path, way):
    upper = UPPER + "use crate::ground::Ground;\n"
    root = made(tmp_path, ground=f"pub struct Ground;\n{way}", upper=upper)
    [problem] = rooms.check_circles(root, {}, ["it"])
    assert "ground, upper import each other in a circle" in problem
    assert not list(rooms.check_circles(root, {"circles": {"it": 2}}, ["it"]))


def test_a_circle_that_was_cut_is_struck_off(tmp_path):
    [problem] = rooms.check_circles(made(tmp_path), {"circles": {"it": 2}}, ["it"])
    assert "0 files in circles, not 2" in problem


def test_comments_tests_and_reexports_import_nothing(tmp_path):
    ground = (
        "//! [`Upper`](crate::upper::Upper)\npub use crate::upper::Upper;\npub struct Ground;\n"
        '#[cfg(test)]\nmod tests {\n    use crate::upper::Upper;\n}\n// "crate::upper::Upper"\n'
    )
    root = made(tmp_path, ground=ground, upper=UPPER + "use crate::ground::Ground;\n")
    assert not list(rooms.check_rooms(root, TABLE)) and not list(rooms.check_circles(root, {}, ["it"]))


def test_a_child_is_of_its_parents_room_unless_it_is_named(tmp_path):
    upper = "mod child;\n" + UPPER
    root = made(tmp_path, upper=upper, upper__child="use crate::ground::Ground;\nuse super::Upper;\n")
    assert not list(rooms.check_rooms(root, TABLE))
    ground = {**TABLE["rooms"][0], "modules": ["ground", "upper::child"]}
    [problem] = rooms.check_rooms(root, {"rooms": [ground, TABLE["rooms"][1]]})
    assert "upper::child imports upper" in problem


def test_what_the_table_does_not_know_is_refused(tmp_path):
    root = made(tmp_path, cellar="use crate::ground::Ground;\n")
    assert list(rooms.check_rooms(root, TABLE)) == ["it: cellar is in no room of scripts/structure/rooms.toml"]
    gone = [{**TABLE["rooms"][0], "modules": ["ground", "attic"]}, TABLE["rooms"][1]]
    assert any("it has no module attic" in problem for problem in rooms.check_rooms(root, {"rooms": gone}))


def test_a_crate_may_use_what_the_table_allows(tmp_path):
    packages = [
        {"name": "a", "manifest_path": f"{tmp_path}/crates/a/Cargo.toml", "dependencies": []},
        {
            "name": "b",
            "manifest_path": f"{tmp_path}/crates/b/Cargo.toml",
            "dependencies": [{"name": "a", "kind": None}, {"name": "serde", "kind": None}],
        },
    ]
    metadata = {"packages": packages}
    allowed = {"crates/a": [], "crates/b": ["a"]}
    assert not list(rooms.check_crates({"crates": allowed}, metadata, tmp_path))
    [problem] = rooms.check_crates({"crates": {**allowed, "crates/b": []}}, metadata, tmp_path)
    assert problem.startswith("crates/b must not use crates/a")
    [problem] = rooms.check_crates({"crates": {"crates/a": []}}, metadata, tmp_path)
    assert problem == "crates/b is not in scripts/structure/rooms.toml"
    packages[1]["dependencies"][0]["kind"] = "dev"
    assert not list(rooms.check_crates({"crates": {**allowed, "crates/b": []}}, metadata, tmp_path))
