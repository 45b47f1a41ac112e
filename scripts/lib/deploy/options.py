"""The command line of scripts/deploy."""

import argparse
from pathlib import Path

from tools import called

DESCRIPTION = """\
Deploys the functions and everything they need to AWS, as one CloudFormation stack.

Validates the template and the parameters, builds what the stack runs, uploads each zip under
its digest, applies a change set, and tries the result through its front door."""

EPILOG = """\
Parameters are those of the template. One that is not given keeps the value that the stack has,
or else its default. A file is JSON: {"FrontDoor": "rest", "Agent": "echo"}, or the list that the AWS
command line takes. Credentials and region come from the environment or a profile, as for the AWS
command line. A front door with tokens is tried with the one in A2A_TOKEN.

examples:
  scripts/deploy --parameters Authorizer=none AllowAnonymous=true
  scripts/deploy --stack agents --region eu-central-1 --parameters production.json
  scripts/deploy --stack agents --diff        show what would change, and change nothing
  scripts/deploy --stack agents --rollback    go back to the zips before these
  scripts/deploy --stack agents --destroy     remove the stack"""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog=called("deploy"),
        description=DESCRIPTION,
        epilog=EPILOG.replace("scripts/deploy", called("deploy")),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--stack", default="a2a-lambda", help="[default: a2a-lambda]")
    made.add_argument("--region", help="[default: that of the environment or the profile]")
    made.add_argument("--profile", help="of the AWS configuration")
    made.add_argument(
        "--parameters", nargs="+", action="extend", default=[], metavar="KEY=VALUE|FILE",
        help="of the template; may be given more than once",
    )  # fmt: skip
    made.add_argument(
        "--bucket", metavar="NAME",
        help="for the zips [default: the stack's, or a2a-lambda-ACCOUNT-REGION, which is made]",
    )  # fmt: skip
    made.add_argument(
        "--template", type=Path, metavar="FILE", help="[default: that of a2a-lambda]"
    )
    made.add_argument(
        "--zips", type=Path, metavar="DIR",
        help="deploy the zips in there, and build nothing: those that were packaged, or of a release",
    )  # fmt: skip
    made.add_argument(
        "--workspace", type=Path, metavar="DIR",
        help="what to build: a workspace with the functions [default: the one of this folder]",
    )  # fmt: skip
    made.add_argument("--endpoint-url", metavar="URL", help="of an emulator, instead of AWS")
    made.add_argument("--no-smoke-test", action="store_true", help="do not try the front door")

    does = made.add_mutually_exclusive_group()
    does.add_argument(
        "--only", metavar="NAME",
        help="build and deploy this function's code; all else stays as it is in the stack",
    )  # fmt: skip
    does.add_argument(
        "--dry-run", action="store_true",
        help="check everything and build, but upload and change nothing",
    )  # fmt: skip
    does.add_argument(
        "--diff", action="store_true",
        help="upload, and show what would change in the template, the parameters and the resources",
    )  # fmt: skip
    does.add_argument(
        "--rollback", action="store_true",
        help="go back to the zips that the stack had before; all else stays as it is",
    )  # fmt: skip
    does.add_argument("--destroy", action="store_true", help="remove the stack, after a question")
    made.add_argument("--yes", action="store_true", help="answer the question of --destroy")
    return made
