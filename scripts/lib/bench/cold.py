"""How soon the functions are ready: from the start of a process to the first time it asks for an event.

A function and an empty one, built by the same profile in the same run, start in turn, many times. What
counts is the ratio of each pair: its median, with the quartiles. The peak of memory is taken when the
function asks; instructions are counted once, by callgrind, where there is valgrind.
"""

import os
import shutil
import signal
import statistics
import subprocess
import tempfile
from pathlib import Path

from bench import build, table
from bench.runtime_api import VARIABLES, RuntimeApi
from tools import Fault

# How long a start may take, and one under valgrind.
PATIENCE_S = 30
SLOW_PATIENCE_S = 300
# The first pairs fill the caches of files.
WARM_UP = 2


def add(commands) -> None:
    parser = commands.add_parser(
        "cold", help="starts of each function, paired with those of an empty one", description=__doc__
    )
    parser.add_argument("--only", action="append", metavar="NAME", help="measure this function only")
    parser.add_argument(
        "--pairs", type=int, default=30, metavar="N", help="how many starts of each [default: 30]"
    )
    parser.add_argument(
        "--bootstrap", action="append", default=[], metavar="NAME@WORD=FILE",
        help="measure this bootstrap of a function, too, such as request@before=old/bootstrap",
    )  # fmt: skip
    parser.add_argument(
        "--no-build", action="store_true", help="measure the empty function and --bootstrap only"
    )
    table.add_json(parser)
    parser.set_defaults(run=run)


def peak_kb(process: subprocess.Popen) -> int:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def page_faults(process: subprocess.Popen) -> int:
    """Those that were met without a disk."""
    after_name = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1]
    return int(after_name.split()[7])


def starts(api: RuntimeApi, programs: dict[str, Path], pairs: int) -> dict[str, list[dict]]:
    """What each start took, by label. The order of a round changes from one to the next."""
    found: dict[str, list[dict]] = {label: [] for label in programs}
    labels = list(programs)
    for number in range(pairs + WARM_UP):
        for label in labels if number % 2 else reversed(labels):
            process, took = api.start(label.partition("@")[0], [programs[label]], PATIENCE_S)
            one = {"s": took, "peak_kb": peak_kb(process), "faults": page_faults(process)}
            api.end(process)
            if number >= WARM_UP:
                found[label].append(one)
    return found


def instructions(api: RuntimeApi, label: str, program: Path, folder: Path) -> int:
    """How many a start takes, by callgrind."""
    out = folder / "callgrind"
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program]
    process, _ = api.start(label.partition("@")[0], command, SLOW_PATIENCE_S)
    api.end(process, signal.SIGTERM)
    return total(out, label)


def total(out: Path, label: str) -> int:
    """The instructions that callgrind has written down."""
    for line in out.read_text().splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    raise Fault(f"callgrind did not count the instructions of {label}")


def before_others() -> bool:
    """Has this process and those that it starts run before all others, if it may."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))
    except OSError:
        return False
    return True


def as_others() -> None:
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def quartiles(values: list[float]) -> list[float]:
    return statistics.quantiles(values, n=4) if len(values) > 1 else values * 3


def results(measured: dict[str, list[dict]], counted: dict[str, int]) -> dict[str, dict]:
    """By label: medians, and the ratios to the empty function's start of the same round."""
    hello = measured["hello"]
    found = {}
    for label, runs in measured.items():
        ratios = [run["s"] / of_hello["s"] for run, of_hello in zip(runs, hello, strict=True)]
        median = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        of_hello = {key: statistics.median(run[key] for run in hello) for key in runs[0]}
        low, middle, high = quartiles(ratios)
        found[label] = {
            "ratio": round(middle, 3),
            "ratio_quartiles": [round(low, 3), round(high, 3)],
            "median_ms": round(1000 * median["s"], 3),
            "peak_kb": median["peak_kb"],
            "peak_ratio": round(median["peak_kb"] / of_hello["peak_kb"], 3),
            "page_faults": median["faults"],
            "instructions": counted.get(label),
        }
    return found


def show(found: dict[str, dict], sizes: dict[str, int], pairs: int) -> None:
    rows = []
    for label, one in found.items():
        low, high = one["ratio_quartiles"]
        count = one["instructions"]
        rows.append(
            [label, f"{one['ratio']:.2f}", f"{low:.2f}-{high:.2f}", f"{one['median_ms']:.2f}"]
            + [f"{one['peak_kb'] / 1024:.1f}", f"{one['peak_ratio']:.2f}", f"{one['page_faults']:.0f}"]
            + [f"{count:,}" if count else "not counted", f"{sizes[label]:,}"]
        )
    head = [f"{pairs} pairs", "x hello", "quartiles", "ms", "peak MB", "x hello", "page faults"]
    table.show([*head, "instructions", "bytes"], rows)


def given(options) -> dict[str, Path]:
    """The bootstraps of the command line."""
    found = {}
    for text in options.bootstrap:
        label, _, path = text.partition("=")
        name, _, word = label.partition("@")
        if name not in VARIABLES or not word or not Path(path).is_file():
            known = ", ".join(VARIABLES)
            raise Fault(
                f"--bootstrap: {text!r} is not NAME@WORD=FILE, with the name of a function ({known}) "
                "and a file that is there"
            )
        found[label] = Path(path).resolve()
    return found


def run(options) -> int:
    if options.pairs < 1:
        raise Fault("--pairs must be at least 1")
    arch, programs = build.host(), given(options)
    builder = build.Builder(arch)
    names = [] if options.no_build else builder.names(options.only)
    with tempfile.TemporaryDirectory(prefix="a2a-lambda-bench-") as folder:
        for label in ["hello", *names]:
            built = builder.hello() if label == "hello" else builder.function(label, [])
            path = Path(folder, label)
            path.write_bytes(built)
            path.chmod(0o755)
            programs[label] = path
        programs = {label: programs[label] for label in sorted(programs, key=lambda it: (it != "hello", it))}
        first = before_others()
        # Its threads are of the same rank.
        api = RuntimeApi()
        measured = starts(api, programs, options.pairs)
        if first:
            as_others()
        counted = {}
        if shutil.which("valgrind"):
            for label, path in programs.items():
                counted[label] = instructions(api, label, path, Path(folder))
        sizes = {label: path.stat().st_size for label, path in programs.items()}
    found = results(measured, counted)
    show(found, sizes, options.pairs)
    if not first:
        print("others may have run in between: as root, this runs with real-time priority")
    if not counted:
        print("instructions were not counted: there is no valgrind (Debian: apt-get install valgrind)")
    for label, size in sizes.items():
        found[label]["bytes"] = size
    table.write(options.json, {"arch": arch, "pairs": options.pairs, "real_time": first, "starts": found})
    return 0
