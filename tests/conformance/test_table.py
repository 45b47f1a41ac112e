"""The table of requirements and the tests name each other, so that neither can rot."""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
ROW = re.compile(r"\| (\d+(?:\.\d+)*) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|")
NAME = re.compile(r"`(test_\w+)`")
LEVELS = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "rule"}
NOT_VISIBLE = "not visible from outside: "


def rows() -> list[tuple[str, ...]]:
    lines = (HERE / "REQUIREMENTS.md").read_text().splitlines()
    table = lines[lines.index("|---|---|---|---|") + 1 :]
    found = [ROW.fullmatch(line) for line in table]
    assert all(found), [line for line, row in zip(table, found, strict=True) if not row]
    return [row.groups() for row in found]


def functions() -> list[str]:
    """The test functions of the folder, read from their files, whichever of them are run now."""
    files = [path for path in HERE.glob("test_*.py") if path != Path(__file__)]
    bodies = [ast.parse(path.read_text()).body for path in files]
    names = [node.name for body in bodies for node in body if isinstance(node, ast.FunctionDef)]
    return [name for name in names if name.startswith("test_")]


def named() -> list[str]:
    return [name for *_, seen_by in rows() for name in NAME.findall(seen_by)]


def test_each_test_in_the_table_exists():
    assert sorted(set(named()) - set(functions())) == []


def test_each_test_is_in_the_table():
    assert sorted(set(functions()) - set(named())) == []


def test_each_name_is_that_of_one_test():
    """Of two functions of the same name, Python would keep the second only."""
    assert sorted(functions()) == sorted(set(functions()))


def test_each_test_is_at_a_row_of_its_section():
    for name in functions():
        sections = [row[0].replace(".", "_") for row in rows() if name in NAME.findall(row[3])]
        assert any(name.startswith(f"test_{section}_") for section in sections), name


def test_each_row_says_how_it_is_seen():
    for section, statement, level, seen_by in rows():
        assert level in LEVELS, (section, statement)
        if not seen_by.startswith(NOT_VISIBLE):
            names = ", ".join(f"`{name}`" for name in NAME.findall(seen_by))
            assert names and seen_by == names, (section, statement)


def test_rows_are_in_the_order_of_the_specification():
    sections = [[int(number) for number in row[0].split(".")] for row in rows()]
    assert sections == sorted(sections)


def test_no_row_is_there_twice():
    statements = [row[:2] for row in rows()]
    assert len(statements) == len(set(statements))


def test_nothing_is_skipped():
    for path in HERE.glob("*.py"):
        if path != Path(__file__):
            assert not re.search(r"\bskip|xfail", path.read_text()), path.name
