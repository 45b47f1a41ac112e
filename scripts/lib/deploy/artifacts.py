"""The bucket with the zips: each under its digest, so that nothing is sent twice or overwritten."""

import hashlib
import json
from pathlib import Path

from botocore.exceptions import ClientError
from tools import Fault

# The parameter of the template that names each function's zip.
KEY_PARAMETERS = {
    "request": "RequestKey",
    "sqs-executor": "SqsExecutorKey",
    "stream-recovery": "StreamRecoveryKey",
    "scheduled-recovery": "ScheduledRecoveryKey",
}


def read_manifest(folder: Path) -> dict:
    """The manifest that scripts/package wrote, with each zip compared to its digest."""
    path = folder / "manifest.json"
    if not path.exists():
        raise Fault(f"there is no {path}: run scripts/package")
    manifest = json.loads(path.read_text())
    for name, made in manifest["functions"].items():
        content = (folder / made["file"]).read_bytes()
        if hashlib.sha256(content).hexdigest() != made["sha256"]:
            raise Fault(f"{folder / made['file']} is not what its manifest says: package again")
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
            self.client.head_bucket(Bucket=self.name, ExpectedBucketOwner=self.account)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                return False
            raise Fault(
                f"bucket {self.name} cannot be used ({status}): it is another account's, or "
                "s3:ListBucket is not allowed to you; give another by --bucket"
            ) from error
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

    def remember(self, stack: str, keys: dict[str, str]) -> None:
        """Keeps the zips that a stack had, for --rollback."""
        self.put(_former(stack), json.dumps(keys, indent=1).encode())

    def former(self, stack: str) -> dict[str, str]:
        try:
            answer = self.client.get_object(
                Bucket=self.name, Key=_former(stack), ExpectedBucketOwner=self.account
            )
        except self.client.exceptions.NoSuchKey:
            raise Fault(
                f"--rollback: {stack} has had no other zips yet. Check out the commit that you want, "
                "and deploy it"
            ) from None
        return json.loads(answer["Body"].read())


def _former(stack: str) -> str:
    return f"a2a-lambda/stacks/{stack}/former.json"
