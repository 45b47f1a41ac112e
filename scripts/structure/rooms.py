"""Who imports whom: the crates, the rooms inside of a crate, and circles between its files.

rooms.toml says what is allowed. A file imports another if it names something that the other defines, in a
`use` or by a path. A re-export counts as what it stands for, and imports nothing itself. Unit tests, comments
and calls of methods do not count.
"""

import re
import tomllib
from pathlib import Path

TABLE = Path(__file__).with_name("rooms.toml")

VISIBILITY = r"(?:pub(?:\([^)]*\))?\s+)?"
ITEM = re.compile(
    rf"^\s*{VISIBILITY}(?:(?:async|const|unsafe)\s+)*"
    r"(?:struct|enum|trait|fn|const|static|type|macro_rules!|mod)\s+(\w+)",
    re.M,
)
# A macro of the file's own that defines what is named last in it.
MADE_BY_MACRO = re.compile(r"^\w+!\s*\{(?:[^{}]|\{[^{}]*\})*?^\s{4}(\w+)\s*$", re.M)
USE = re.compile(rf"(?:^|(?<=[\s{{;}}]))({VISIBILITY})use\s+([^;]+);")
PATH = re.compile(r"\b((?:crate|self|super)(?:::\w+)+)")
CHILD = re.compile(rf"^\s*{VISIBILITY}mod\s+(\w+);", re.M)
UNIT_TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?mod \w+ \{")
UNIT_TEST_FILE = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod \w+;")


def code_of(text: str) -> str:
    if found := UNIT_TESTS.search(text):
        text = text[: found.start()]
    text = re.sub(r"//[^\n]*", "", UNIT_TEST_FILE.sub("", text))
    return re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)


def parts_of(text: str) -> list[str]:
    """What the commas divide that are in no braces."""
    parts, depth = [""], 0
    for char in text:
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == "," and not depth:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts if part.strip()]


def flat(tree: str, prefix: str = ""):
    """The paths of a `use`, each with the name that it gets."""
    if "{" in tree:
        head, rest = tree.split("{", 1)
        for part in parts_of(rest[: rest.rindex("}")]):
            yield from flat(part, prefix + head.strip())
        return
    path, _, alias = tree.partition(" as ")
    names = [name for name in (prefix + path.strip()).split("::") if name]
    if names[-1] == "self":
        names.pop()
    yield names, alias.strip() or names[-1]


class Module:
    def __init__(self, path: Path):
        text = code_of(path.read_text())
        self.children = CHILD.findall(text)
        self.items = set(ITEM.findall(text)) | set(MADE_BY_MACRO.findall(text))
        self.trees = [(public, list(flat(" ".join(tree.split())))) for public, tree in USE.findall(text)]
        self.body = CHILD.sub("", USE.sub("", text))
        self.reexported = {name for public, tree in self.trees if public for _, name in tree}
        # What it imports from its crate, by name.
        self.names: dict[str, tuple] = {}


class Crate:
    """The modules of a crate by their paths, and which imports which."""

    def __init__(self, folder: Path):
        self.modules: dict[tuple, Module] = {}
        self.load(folder / "src/lib.rs", ())
        for at, module in self.modules.items():
            for _, tree in module.trees:
                for path, name in tree:
                    if (absolute := self.absolute(path, at)) is not None:
                        module.names[name] = absolute
        self.imports = {at: set(self.imported(at)) - {at} for at in self.modules}

    def load(self, path: Path, name: tuple):
        module = self.modules[name] = Module(path)
        folder = path.parent if path.name in ("lib.rs", "mod.rs") else path.with_suffix("")
        for child in module.children:
            for file in (folder / f"{child}.rs", folder / child / "mod.rs"):
                if file.exists():
                    self.load(file, (*name, child))

    def absolute(self, path: list, at: tuple) -> tuple | None:
        """A path from the crate's root; `None` if it leads out of the crate."""
        first, *rest = path
        if first == "crate":
            return tuple(rest)
        if first in ("self", "super"):
            ups = path.count("super")
            rest = path[ups:] if ups else rest
            return (*at[: len(at) - ups], *rest)
        return (*at, *path) if (*at, first) in self.modules else None

    def home(self, path: tuple, seen: frozenset = frozenset()) -> tuple:
        """The module that defines what a path names."""
        at = ()
        while path and (*at, path[0]) in self.modules:
            at, path = (*at, path[0]), path[1:]
        if not path or path[0] in self.modules[at].items or (at, path[0]) in seen:
            return at
        names = self.modules[at].names
        return self.home(names[path[0]], seen | {(at, path[0])}) if path[0] in names else at

    def imported(self, at: tuple):
        module = self.modules[at]
        for name, path in module.names.items():
            if name == "*":
                yield self.home(path[:-1])
                continue
            used = re.findall(rf"(?<!::)\b{name}\b(?:::(\w+))?", module.body)
            if name in module.reexported and not used:
                continue
            if path in self.modules:
                yield from (self.home((*path, item)) for item in used if item)
            else:
                yield self.home(path)
        for path in PATH.findall(module.body):
            if (absolute := self.absolute(path.split("::"), at)) is not None:
                yield self.home(absolute)
        for child in module.children:
            for item in re.findall(rf"(?<![\w:]){child}::(\w+)", module.body):
                yield self.home((*at, child, item))

    def circles(self) -> list[list[tuple]]:
        """The sets of modules that import each other, however far around."""
        reach = {at: set(imports) for at, imports in self.imports.items()}
        grows = True
        while grows:
            grows = False
            for at, reached in reach.items():
                more = set().union(*(reach[to] for to in reached)) - reached if reached else set()
                grows |= bool(more)
                reached |= more
        circles = {frozenset(to for to in reach[at] if at in reach[to]) for at in reach if at in reach[at]}
        return [sorted(circle) for circle in circles]


def named(at: tuple) -> str:
    return "::".join(at) or "lib"


def check_rooms(root: Path, table: dict):
    """Modules import from their own room and those before it."""
    for folder in dict.fromkeys(room["crate"] for room in table.get("rooms", [])):
        rooms = [room for room in table["rooms"] if room["crate"] == folder]
        places = {tuple(name.split("::")): n for n, room in enumerate(rooms) for name in room["modules"]}
        crate = Crate(root / folder)

        def room_of(at: tuple) -> int | None:
            return next((places[at[:n]] for n in range(len(at), 0, -1) if at[:n] in places), None)

        for name in places.keys() - crate.modules.keys():
            yield f"scripts/structure/rooms.toml: {folder} has no module {named(name)}"
        for at, imports in crate.imports.items():
            room = room_of(at)
            if room is None:
                # The root of the crate, or of a room that only hands on what is in it.
                if imports:
                    yield f"{folder}: {named(at)} is in no room of scripts/structure/rooms.toml"
                continue
            for to in sorted(imports):
                other = room_of(to)
                if other is not None and other > room:
                    rule = f"{rooms[room]['name']!r} may not import from {rooms[other]['name']!r}"
                    yield f"{folder}: {named(at)} imports {named(to)}, and {rule} (scripts/structure/rooms.toml)"


def check_circles(root: Path, table: dict, folders: list[str]):
    """No files of a crate import each other in a circle, but for those that are known to."""
    known = table.get("circles", {})
    for folder in folders:
        if not (root / folder / "src/lib.rs").exists():
            continue
        circles = Crate(root / folder).circles()
        count, most = sum(map(len, circles)), known.get(folder, 0)
        if count < most:
            yield f"scripts/structure/rooms.toml: {folder} has {count} files in circles, not {most}: say so"
        if count > most:
            for circle in circles:
                files = ", ".join(map(named, circle))
                yield f"{folder}: {files} import each other in a circle; {most} files may"


def check_crates(table: dict, metadata: dict, root: Path):
    """Crates use the crates that the table allows."""
    packages = {package["name"]: package for package in metadata["packages"]}
    folders = {
        name: Path(package["manifest_path"]).parent.relative_to(root).as_posix()
        for name, package in packages.items()
    }
    for name, package in packages.items():
        folder = folders[name]
        if folder.startswith("examples/"):
            continue
        if folder not in table["crates"]:
            yield f"{folder} is not in scripts/structure/rooms.toml"
            continue
        for dependency in package["dependencies"]:
            used = folders.get(dependency["name"])
            if used and dependency["kind"] is None and not {used, Path(used).name} & set(table["crates"][folder]):
                yield f"{folder} must not use {used}: scripts/structure/rooms.toml does not allow it"


def check(root: Path, metadata: dict):
    table = tomllib.loads(TABLE.read_text())
    yield from check_crates(table, metadata, root)
    yield from check_rooms(root, table)
    yield from check_circles(root, table, sorted(table["crates"]))
