"""The command line of scripts/e2e."""

import argparse

DESCRIPTION = """\
Deploys the template to an emulator of AWS, and makes the whole journey through what it deployed.

Its end is a table (step, outcome, evidence, seconds), and a list of what was not covered. It fails if a
step fails."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="scripts/e2e",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--from", dest="since", metavar="REF",
        help="the commit to upgrade from [default: the last tag, or that in infra/released]",
    )  # fmt: skip
    made.add_argument(
        "--quick", action="store_true",
        help="without the upgrade and without arm64, for which more zips are built",
    )  # fmt: skip
    made.add_argument("--keep", action="store_true", help="leave the emulator running")
    made.add_argument(
        "--step", action="append", metavar="NAME",
        help="only the steps whose names begin so, with the emulator that --keep left, if there is one",
    )  # fmt: skip
    return made
