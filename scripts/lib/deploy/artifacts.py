"""The bucket with the zips: each under its digest, so that nothing is sent twice or overwritten."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError
from tools import Fault, called
from workspace import KEY_PARAMETERS

# How many codes of a stack are remembered.
KEPT_CODES = 20


def read_manifest(folder: Path) -> dict:
    """The manifest that scripts/package wrote, with each zip compared to its digest."""
    path = folder / "manifest.json"
    if not path.exists():
        raise Fault(f"there is no {path}: run {called('package')}")
    try:
        manifest = json.loads(path.read_text())
        if not isinstance(manifest["arch"], str):
            raise ValueError("arch is no text")
        for made in manifest["functions"].values():
            if not isinstance(made["bytes"], int):
                raise ValueError("bytes is no number")
            content = (folder / made["file"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != made["sha256"]:
                raise Fault(f"{folder / made['file']} is not what its manifest says: package again")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Fault(f"{path} or a zip that it names cannot be read ({error}): package again") from None
    return manifest


def key(name: str, sha256: str) -> str:
    return f"a2a-lambda/{sha256}/{name}.zip"


class Bucket:
    """A bucket of this account. Every call names the owner, so that no one else's is used."""

    def __init__(self, session, name: str | None, account: str, region: str, endpoint):
        self.client = session.client("s3", endpoint_url=endpoint)
        self.name = name or f"a2a-lambda-{account}-{region}"
        self.is_ours = name is None
        self.account = account
        self.region = region

    def exists(self) -> bool:
        try:
            found = self.client.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.account)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                return False
            raise Fault(
                f"bucket {self.name} cannot be used ({status}): it is another account's, or "
                "s3:ListBucket is not allowed to you; give another by --bucket"
            ) from error
        place = found.get("BucketRegion") or self.region
        if place != self.region:
            raise Fault(
                f"--bucket: {self.name} is in {place}, and Lambda takes zips of {self.region} only"
            )
        return True

    def ensure(self) -> None:
        if self.exists():
            return
        if not self.is_ours:
            raise Fault(f"--bucket: there is no bucket {self.name} in this account")
        print(f"making the bucket {self.name}")
        place = {}
        if self.region != "us-east-1":
            place = {"CreateBucketConfiguration": {"LocationConstraint": self.region}}
        self.client.create_bucket(Bucket=self.name, **place)
        self.client.get_waiter("bucket_exists").wait(Bucket=self.name)
        closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
        self.client.put_public_access_block(
            Bucket=self.name,
            PublicAccessBlockConfiguration=dict.fromkeys((*closed, "RestrictPublicBuckets"), True),
        )

    def has(self, key: str) -> bool:
        try:
            self.client.head_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self.account)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def put(self, key: str, content: bytes) -> None:
        self.client.put_object(
            Bucket=self.name, Key=key, Body=content, ExpectedBucketOwner=self.account
        )

    def upload(self, folder: Path, manifest: dict) -> dict[str, str]:
        """Sends what is not there yet; returns the template's parameters for the zips."""
        parameters = {}
        for name, made in manifest["functions"].items():
            parameters[KEY_PARAMETERS[name]] = key(name, made["sha256"])
            there = self.has(key(name, made["sha256"]))
            if not there:
                self.put(key(name, made["sha256"]), (folder / made["file"]).read_bytes())
            print(f"{'there is' if there else 'uploaded'} {key(name, made['sha256'])}")
        return parameters

    def put_template(self, body: str) -> str:
        """Sends a template that is too large for a request; returns its URL."""
        content = body.encode()
        name = f"a2a-lambda/{hashlib.sha256(content).hexdigest()}/template.yaml"
        self.put(name, content)
        # With the bucket in the path, as every partition and every emulator takes it.
        return f"{self.client.meta.endpoint_url}/{self.name}/{name}"

    def read_history(self, stack: str, stack_id: str) -> "History":
        """What a stack has run, as far as it was deployed by scripts/deploy."""
        try:
            answer = self.client.get_object(
                Bucket=self.name, Key=_history(stack), ExpectedBucketOwner=self.account
            )
        except self.client.exceptions.NoSuchKey:
            return History(stack_id, [])
        content = json.loads(answer["Body"].read())
        # Another stack may have had the name before.
        return History(stack_id, content["codes"] if content["stack"] == stack_id else [])

    def write_history(self, stack: str, history: "History") -> None:
        content = {"stack": history.stack_id, "codes": history.codes}
        self.put(_history(stack), json.dumps(content, indent=1).encode())


@dataclass
class History:
    """The codes that a stack has run, or was about to: parameters each, the newest last.

    It is written before a change begins, so that one that goes on without us is in it.
    """

    stack_id: str
    codes: list[dict[str, str]]

    def before(self, now: dict[str, str]) -> dict[str, str] | None:
        """What ran before the code that runs now."""
        places = [place for place, code in enumerate(self.codes) if code == now]
        return self.codes[places[-1] - 1] if places and places[-1] > 0 else None

    def then(self, now: dict[str, str], following: dict[str, str]) -> "History":
        """With the code that is about to follow. What did not come to run is left out."""
        places = [place for place, code in enumerate(self.codes) if code == now]
        # A stack that was deployed by other means has a code that is not known here.
        codes = self.codes[: places[-1] + 1] if places else [now] if now else []
        codes = codes if codes[-1:] == [following] else [*codes, following]
        return History(self.stack_id, codes[-KEPT_CODES:])


def _history(stack: str) -> str:
    return f"a2a-lambda/stacks/{stack}/history.json"
