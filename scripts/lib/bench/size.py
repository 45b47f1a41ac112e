"""How large the functions are: their bootstraps, and the zips of these."""

import math
import tempfile
from pathlib import Path

from bench import budgets, build, table

# What a new budget leaves for another compiler's whims.
SLACK = 1.01
KINDS = {"bootstrap": "the bootstrap", "zip": "the zip"}


def add(commands) -> None:
    parser = commands.add_parser(
        "size", help="bytes of each function, and of each of its features", description=__doc__
    )
    parser.add_argument(
        "--arch", choices=build.package.TARGETS, default="x86-64", help="[default: x86-64]"
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="build this function only")
    parser.add_argument(
        "--no-features", action="store_true", help="leave out what features would add"
    )
    budgets.add_options(parser, ", and 1 %% more")
    table.add_json(parser)
    parser.set_defaults(run=run, name="size")


def measured(builder: build.Builder, names: list[str], with_features: bool) -> dict[str, dict]:
    """Bytes by the name of the function, and of its feature: `request+fixtures`."""
    sizes = {}
    for name in names:
        for feature in [None, *(builder.features(name) if with_features else [])]:
            bootstrap = builder.function(name, [feature] if feature else [])
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "zip")
                build.package.zipped(bootstrap, path)
                zipped = path.stat().st_size
            label = f"{name}+{feature}" if feature else name
            sizes[label] = {"bootstrap": len(bootstrap), "zip": zipped}
    return sizes


def over(sizes: dict[str, dict], limits: dict[str, dict], arch: str) -> list[str]:
    """What is over its budget, or has none, in words."""
    found = []
    for label, size in sizes.items():
        budget = limits.get(label)
        if budget is None:
            found.append(f"{label} ({arch}) has no budget")
            continue
        for kind, words in KINDS.items():
            if size[kind] > budget[kind]:
                more = 100 * (size[kind] / budget[kind] - 1)
                found.append(
                    f"{label} ({arch}): {words} has {size[kind]:,} bytes, "
                    f"{more:.1f} % over its budget of {budget[kind]:,}"
                )
    return found


def recorded(sizes: dict[str, dict]) -> dict[str, dict]:
    """Budgets of these sizes, in whole thousands."""
    return {
        label: {kind: math.ceil(size[kind] * SLACK / 1000) * 1000 for kind in KINDS}
        for label, size in sizes.items()
    }


def show(sizes: dict[str, dict], limits: dict[str, dict], arch: str) -> None:
    rows = []
    for label, size in sizes.items():
        name, _, feature = label.partition("+")
        without = sizes.get(name) if feature else None
        adds = f"{size['bootstrap'] - without['bootstrap']:+,}" if without else ""
        budget = limits.get(label)
        allowed = [f"{budget[kind]:,}" if budget else "none" for kind in KINDS]
        rows.append([label, f"{size['bootstrap']:,}", allowed[0], f"{size['zip']:,}", allowed[1], adds])
    table.show([arch, "bootstrap", "budget", "zip", "budget", "feature adds"], rows)


def run(options) -> int:
    budgets.refuse_both(options)
    builder = build.Builder(options.arch)
    sizes = measured(builder, builder.names(options.only), not options.no_features)
    all_budgets = budgets.read()
    of_arch = all_budgets["size"].setdefault(options.arch, {})
    if options.record:
        of_arch.update(recorded(sizes))
        all_budgets["size"][options.arch] = dict(sorted(of_arch.items()))
    show(sizes, of_arch, options.arch)
    table.write(options.json, {"arch": options.arch, "bytes": sizes, "budgets": of_arch})
    budgets.settle(
        options, all_budgets, over(sizes, of_arch, options.arch),
        "functions are larger than they may be. Take out what is not needed, or, if what is new is "
        "worth it, say so in the commit and record it:",
    )  # fmt: skip
    return 0
