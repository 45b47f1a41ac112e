"""Runs scripts/deploy once its tools are there."""

import difflib
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from tools import ROOT, Fault, called, need, run_main
from workspace import KEY_PARAMETERS, find

from deploy import options as command_line
from deploy import smoke
from deploy.artifacts import Bucket, History, read_manifest
from deploy.stack import Stack
from deploy.template import HIDDEN, Template, read_parameters

# The words of the template and of scripts/package for the same thing.
ARCHITECTURES = {"arm64": "arm64", "x86_64": "x86-64"}
# How often a stack is looked at; an emulator is done at once.
POLL_S, POLL_EMULATOR_S = 5.0, 0.2


class Deployment:
    """One run: what was asked for, and where."""

    def __init__(self, options):
        self.options = options
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", options.stack):
            raise Fault("--stack: a name has letters, digits and hyphens, and begins with a letter")
        if options.zips is not None and options.workspace is not None:
            raise Fault("--workspace names what to build, and --zips what is built: give one of them")
        # A release has its zips beside these scripts.
        if options.zips is None and options.workspace is None and (ROOT / "SHA256SUMS").exists():
            options.zips = ROOT
        if options.zips is None and not (options.rollback or options.destroy):
            need("cargo", "Rust, with rustup (https://rustup.rs), or name zips that are built: --zips")
            self.workspace = find(options.workspace)
        self.template = Template(options.template or ROOT / "infra/template.yaml")
        self.given = read_parameters(options.parameters)
        # boto3 itself knows AWS_DEFAULT_REGION only.
        region = options.region or os.environ.get("AWS_REGION") or None
        self.session = boto3.Session(profile_name=options.profile, region_name=region)
        self.region = self.session.region_name
        if not self.region:
            raise Fault("no region is set: give --region, or set AWS_REGION")
        poll_s = POLL_EMULATOR_S if options.endpoint_url else POLL_S
        self.stack = Stack(self.session, options.stack, options.endpoint_url, poll_s)
        self.account = self._account()
        self.former = self.stack.parameters() if self.account else {}
        self.keep_format()
        for name in (*KEY_PARAMETERS.values(), "CodeBucket"):
            if name in self.given:
                raise Fault(f"parameter {name} is set by {called('deploy')} itself: leave it out")

    def keep_format(self) -> None:
        """A stack of an earlier release goes on in the format that this one reads, until told."""
        name = "StoredFormat"
        is_new_to_it = self.former and name not in {*self.former, *self.given}
        if is_new_to_it and name in self.template.parameters and not self.changes_no_parameters():
            self.given[name] = "1"
            print(
                "the stack is of an earlier release, which may be at work beside this one: items stay in "
                f"its format, and no task expires yet. When this is deployed: {called('deploy')} --parameters {name}=2"
            )

    def changes_no_parameters(self) -> bool:
        return bool(self.options.rollback or self.options.only or self.options.destroy)

    def _account(self) -> str | None:
        """The account; None in a dry run without credentials, which asks AWS nothing."""
        client = self.session.client("sts", endpoint_url=self.options.endpoint_url)
        try:
            identity = client.get_caller_identity()
        except (NoCredentialsError, ClientError) as error:
            is_missing = isinstance(error, NoCredentialsError)
            if self.options.dry_run and is_missing:
                return None
            wrong = "there are no AWS credentials" if is_missing else f"AWS does not take the credentials ({error})"
            raise Fault(
                f"{wrong}: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in and give --profile"
            ) from error
        return identity["Account"]

    def bucket(self, name: str | None = None) -> Bucket:
        name = name or self.options.bucket or self.former.get("CodeBucket") or None
        return Bucket(self.session, name, self.account, self.region, self.options.endpoint_url)

    def values(self) -> dict[str, str]:
        """All parameters as they will be, those that the stack has included."""
        return self.template.effective({**self.former, **self.given})

    def check(self) -> None:
        """What can be said of the template and the parameters before anything is built."""
        own = dict.fromkeys(KEY_PARAMETERS.values(), "a2a-lambda/none/none.zip")
        own = {**own, "CodeBucket": "a2a-lambda-bucket", **self.revision({})}
        self.template.check(self.given, {**self.former, **own})
        values = self.values()
        table, stream = values.get("ExistingTable"), values.get("ExistingTableStreamArn")
        if table and stream and f":table/{table}/stream/" not in stream:
            raise Fault(f"parameter ExistingTableStreamArn is not a stream of the table {table}")
        hidden = " beside the secrets that it keeps" if HIDDEN in values.values() else ""
        for function, size in self.template.check_variables(values).items():
            print(f"{function}: its variables have about {size} of 4096 bytes{hidden}")
        if not self.account:
            print("without credentials, AWS was not asked to validate the template")
        elif self.template.is_large:
            print("the template is validated with its change set: it is too large for a request")
        else:
            client = self.stack.client
            try:
                client.validate_template(TemplateBody=self.template.body)
            except ClientError as error:
                raise Fault(f"CloudFormation refuses the template: {error}") from error
            print("the template and the parameters are valid")

    def revision(self, keys: dict[str, str]) -> dict[str, str]:
        """Where versions are called, the parameter that has one made of what is deployed now."""
        if "Revision" in self.given or not self.template.has_versions(self.values()):
            return {}
        named = {**self.former, **self.given, **keys, "Revision": ""}
        content = json.dumps([self.template.body, named], sort_keys=True).encode()
        return {"Revision": hashlib.sha256(content).hexdigest()[:16]}

    def packaged(self, only: str | None = None) -> tuple[Path, dict]:
        """The folder with the zips for the stack's architecture, and its manifest."""
        arch = ARCHITECTURES[self.values().get("Architecture", "arm64")]
        folder = self.options.zips
        if folder is None:
            folder = self.workspace / "target/package"
            command = [sys.executable, ROOT / "scripts/package", "--workspace", self.workspace]
            command += ["--out", folder, "--arch", arch, *(["--only", only] if only else [])]
            if subprocess.run(command).returncode:
                raise Fault("the functions could not be packaged, as it says above")
        # Both the folder with a folder for each architecture and that folder itself will do.
        others = [one for one in ARCHITECTURES.values() if (folder / one).is_dir()]
        if others and arch not in others:
            raise Fault(f"--zips: {folder} has zips for {others[0]} only; the stack is {arch}")
        folder = folder / arch if others else folder
        manifest = read_manifest(folder)
        missing = ({only} if only else self.needed()) - set(manifest["functions"])
        if missing:
            raise Fault(f"{folder} lacks the zips of {', '.join(sorted(missing))}")
        if manifest["arch"] != arch:
            raise Fault(f"--zips: {folder} has zips for {manifest['arch']}; the stack is {arch}")
        return folder, manifest

    def needed(self) -> set[str]:
        """Zips of an earlier release may lack a function that the stack may do without."""
        parameters = self.template.parameters
        return {name for name, of in KEY_PARAMETERS.items() if "Default" not in parameters[of]}

    def upload(self, bucket: Bucket) -> dict[str, str]:
        folder, manifest = self.packaged()
        bucket.ensure()
        return bucket.upload(folder, manifest)

    def sent_template(self, bucket: Bucket) -> dict[str, str]:
        if self.template.is_large:
            return {"TemplateURL": bucket.put_template(self.template.body)}
        return {"TemplateBody": self.template.body}

    def propose(self, bucket: Bucket):
        keys = self.upload(bucket)
        parameters = {**self.given, **keys, **self.revision(keys), "CodeBucket": bucket.name}
        kept = set(self.former) & set(self.template.parameters) - set(parameters)
        return parameters, self.stack.propose(self.sent_template(bucket), parameters, kept)

    def code(self, values: dict[str, str]) -> dict[str, str]:
        """What a rollback has to put back: the zips, where they are, and what they are built for."""
        names = (*KEY_PARAMETERS.values(), "CodeBucket", "Architecture")
        return {name: values[name] for name in names if name in values}

    def history(self) -> History:
        """What the stack has run, kept where its zips are."""
        stack_id = self.stack.describe()["StackId"]
        name = self.former.get("CodeBucket")
        if not name:
            return History(stack_id, [])
        return self.bucket(name).read_history(self.options.stack, stack_id)

    def execute(self, change, bucket: Bucket, parameters: dict[str, str]) -> None:
        """Carries a change out, which is in the history before it begins."""
        following = self.code({**self.template.effective({}), **self.former, **parameters})
        history = self.history().then(self.code(self.former), following)
        bucket.write_history(self.options.stack, history)
        self.stack.execute(change)

    def deploy(self) -> None:
        self.stack.check_ready()
        self.check()
        bucket = self.bucket()
        parameters, change = self.propose(bucket)
        if change is None:
            print(f"stack {self.options.stack} is as it should be: nothing to do")
        else:
            print(f"{change.kind.lower()} stack {self.options.stack} in {self.region}")
            self.execute(change, bucket, parameters)
        self.finish()

    def replace_code(self, keys: dict[str, str], bucket: Bucket) -> None:
        """Sets parameters of the stack that is there, and leaves its template and the rest."""
        changed = {**keys, **self.revision(keys)}
        kept = set(self.former) - set(changed)
        change = self.stack.propose({"UsePreviousTemplate": True}, changed, kept)
        if change is None:
            print("the stack has this code already: nothing to do")
            return
        self.execute(change, bucket, changed)
        self.finish()

    def need_stack(self, option: str) -> None:
        self.stack.check_ready()
        if not self.former:
            raise Fault(f"{option}: there is no stack {self.options.stack} yet; deploy it first")
        if self.given:
            raise Fault(f"{option} changes no parameters: leave out {', '.join(self.given)}")
        if self.options.bucket not in (None, self.former.get("CodeBucket")):
            has = self.former.get("CodeBucket")
            raise Fault(f"--bucket: {option} uses the stack's bucket {has}; leave it out")

    def only(self) -> None:
        name = self.options.only
        if name not in KEY_PARAMETERS:
            raise Fault(f"--only: {name!r} is none of {', '.join(KEY_PARAMETERS)}")
        self.need_stack("--only")
        folder, manifest = self.packaged(name)
        bucket = self.bucket()
        bucket.ensure()
        one = {"functions": {name: manifest["functions"][name]}}
        self.replace_code(bucket.upload(folder, one), bucket)

    def rollback(self) -> None:
        self.need_stack("--rollback")
        code = self.history().before(self.code(self.former))
        if code is None:
            raise Fault(
                f"--rollback: {self.options.stack} has had no other zips yet. Check out the commit "
                "that you want, and deploy it"
            )
        bucket = self.bucket(code["CodeBucket"])
        for name in KEY_PARAMETERS.values():
            if code.get(name) and not bucket.has(code[name]):
                raise Fault(f"--rollback: {code[name]} is no longer in the bucket {bucket.name}")
        self.replace_code(code, bucket)

    def dry_run(self) -> None:
        self.check()
        _, manifest = self.packaged()
        for name, made in manifest["functions"].items():
            print(f"would upload {name}: {made['bytes']:,} bytes, {made['sha256']}")
        print(f"a dry run for {self.region}: nothing was uploaded or changed")

    def diff(self) -> None:
        self.stack.check_ready()
        self.check()
        bucket = self.bucket()
        parameters, change = self.propose(bucket)
        if self.former:
            self.show_differences(parameters)
        if change is None:
            print("nothing would change")
            return
        print(f"the change set would {change.kind.lower()} the stack:")
        for line in change.lines:
            print(f"  {line}")
        self.stack.drop(change)
        print("the change set was taken back: nothing was changed")

    def show_differences(self, parameters: dict[str, str]) -> None:
        body = self.stack.template_body()
        if not isinstance(body, str):
            body = json.dumps(body, indent=2)
        lines = difflib.unified_diff(
            body.splitlines(), self.template.body.splitlines(), "deployed", "this", lineterm="", n=1
        )
        for line in lines:
            print(f"  {line}")
        for name, value in sorted(parameters.items()):
            before = self.former.get(name, "(not set)")
            if self.template.parameters[name].get("NoEcho"):
                print(f"  parameter {name}: given anew, and secret")
            elif value != before:
                print(f"  parameter {name}: {before} -> {value}")

    def destroy(self) -> None:
        found = self.stack.describe()
        if found is None:
            raise Fault(f"there is no stack {self.options.stack} in {self.region}")
        if not self.options.yes:
            print(
                f"Remove the stack {self.options.stack} of account {self.account}, {self.region}?"
            )
            print(
                "A table that it made is kept, with its tasks, as its resource in the template says."
            )
            try:
                typed = input(f"Type its name ({self.options.stack}) to go on: ")
            except EOFError:
                raise Fault("nothing was removed: nobody answers. --yes answers the question") from None
            if typed != self.options.stack:
                raise Fault("nothing was removed")
        self.stack.destroy()
        print(f"stack {self.options.stack} is removed; its zips are still in the bucket")

    def finish(self) -> None:
        outputs = self.stack.outputs()
        for name, value in outputs.items():
            print(f"{name}: {value}")
        if self.options.no_smoke_test:
            return
        values = {**self.template.effective({}), **self.stack.parameters()}
        door = smoke.Door(outputs["Url"], self.options.endpoint_url, self.session, self.region)
        smoke.run(door, values)


def main() -> int:
    options = command_line.parser().parse_args()
    try:
        deployment = Deployment(options)
        if options.only:
            deployment.only()
        elif options.dry_run:
            deployment.dry_run()
        elif options.diff:
            deployment.diff()
        elif options.rollback:
            deployment.rollback()
        elif options.destroy:
            deployment.destroy()
        else:
            deployment.deploy()
    # A value error is boto3's word for an address that is none.
    except (BotoCoreError, ClientError, ValueError) as error:
        raise Fault(str(error)) from error
    return 0


if __name__ == "__main__":
    sys.exit(run_main(main))
