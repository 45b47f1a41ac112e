"""scripts/check-docs finds what is planted in a small repository, and says where."""

import subprocess

import pytest

from server import ROOT

CHECK = ROOT / "scripts/check-docs"
FENCE = "```"
GOOD = {
    "README.md": "# House\n\n[rooms](ARCHITECTURE.md#the-rooms-of-house)\n`docs/page.md`, `scripts/run --fast`\n",
    "ARCHITECTURE.md": "# Map\n\n## The rooms, of `house`\n\n[up](README.md) [web](https://example.com/x)\n",
    "docs/page.md": f"[up](../README.md#house)\n\n{FENCE}console\n$ scripts/run --fast\nran\n{FENCE}\n",
    "docs/decisions/0001-one.md": "# 1. One\n\nThis is [decision 1](0001-one.md).\n",
    "scripts/run": "#!/bin/sh\n# --fast\n",
    "crates/core/src/lib.rs": "impl Head {} // core and house\n",
}
# What is planted at the end of docs/page.md, and what is said of it.
PLANTED = [
    ("[x](gone.md)", "docs/page.md:7: the link gone.md leads to no file: there is no docs/gone.md"),
    ("[x]: ../gone", "docs/page.md:7: the link ../gone leads to no file: there is no gone"),
    ("[x](../README.md#gone)", "the link ../README.md#gone leads to no heading of README.md"),
    ("[x](#gone)", "the link #gone leads to no heading of docs/page.md"),
    ("[decision\n2](decisions/0001-one.md)", "docs/page.md:7: the link of decision 2 leads to 1"),
    ("[x](../../gone)", "the link ../../gone leaves the repository"),
    ("`scripts/gone`", "`scripts/gone` does not exist"),
    ("`scripts/run --slow`", "no script knows the option --slow of `scripts/run --slow`"),
    ("`core::house`", "docs/page.md:7: `core::house`: crates/core has no module house"),
    ("`Head::gone(x)`", "docs/page.md:7: `Head::gone(x)`: there is no gone in the Rust"),
    ('`"gone for good"`', 'docs/page.md:7: no program logs "gone for good"'),
    (f"{FENCE}console\n$ scripts/run --slow\n{FENCE}", "no script knows the option --slow"),
    (f"{FENCE}\nwhat?\n{FENCE}", "docs/page.md:7: the block is of no language"),
    (f"{FENCE}perl\n1\n{FENCE}", "the block is of perl"),
    (f"{FENCE}rust\nfn main() {{}}\n{FENCE}", "no crate compiles this page"),
    (f"{FENCE}rust,ignore\nfn main() {{}}\n{FENCE}", "the block is compiled nowhere"),
    (f"{FENCE}sh\nif true\n{FENCE}", "bash cannot read it"),
    (f"{FENCE}console\n$ echo 'open\n{FENCE}", "bash cannot read it"),
    (f'{FENCE}json\n{{"a": }}\n{FENCE}', "it is no json"),
]


@pytest.fixture
def house(tmp_path):
    for name, text in GOOD.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


def check(house) -> subprocess.CompletedProcess:
    return subprocess.run([CHECK, "--root", house], text=True, capture_output=True, timeout=60)


def test_a_house_without_a_fault_holds(house):
    # What is in a block of code is no link, and what is quoted in a span is none either.
    with (house / "docs/page.md").open("a") as page:
        page.write(f"`[x](gone.md)`\n\n{FENCE}text\n[x](gone.md)\n{FENCE}\n")
    done = check(house)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("planted", "said"), PLANTED, ids=[said for _, said in PLANTED])
def test_what_is_planted_is_found(house, planted, said):
    with (house / "docs/page.md").open("a") as page:
        page.write(planted + "\n")
    done = check(house)
    assert done.returncode == 1
    [problem] = done.stderr.splitlines()
    assert said in problem


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md"])
def test_a_page_that_grows_too_long_is_found(house, name):
    with (house / name).open("a") as page:
        page.write("x" * 8192)
    assert f"{name} has 8" in check(house).stderr


def test_a_page_that_the_code_names_must_be_there(house):
    (house / "main.py").write_text("# See docs/gone.md.\n")
    assert check(house).stderr == "main.py: it names docs/gone.md, which does not exist\n"


def test_this_repository_holds():
    done = check(ROOT)
    assert (done.returncode, done.stderr) == (0, "")
