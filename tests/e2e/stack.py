"""The stack in the emulator: deployed by scripts/deploy, and looked at from outside."""

import asyncio
import json
import subprocess
import time
from pathlib import Path

from emulator import ACCOUNT, REGION, Emulator

ROOT = Path(__file__).resolve().parents[2]
NAME = "a2a-lambda-e2e"
# The functions by their names, and by their logical ids in the template.
FUNCTIONS = {
    "request": "Request",
    "sqs-executor": "SqsExecutor",
    "stream-recovery": "StreamRecovery",
    "scheduled-recovery": "ScheduledRecovery",
}
# It is there only with Callbacks.
WEBHOOK = {"webhook": "Webhook"}
# It is there only where callers are checked by it.
AUTHORIZER = "authorizer"


class Stack:
    def __init__(self, emulator: Emulator):
        self.emulator = emulator
        self.lambdas = emulator.client("lambda")
        self.logs = emulator.client("logs")
        self.sqs = emulator.client("sqs")
        self.iam = emulator.client("iam")
        self.scheduler = emulator.client("scheduler")
        self.cloudformation = emulator.client("cloudformation")

    def _deploy(self, *arguments) -> subprocess.CompletedProcess:
        command = [ROOT / "scripts/deploy", "--stack", NAME, "--endpoint-url"]
        command += [self.emulator.endpoint, *arguments]
        ran = subprocess.run(
            command,
            env=self.emulator.deploy_environment(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        print(ran.stdout, end="", flush=True)
        return ran

    def deploy(self, *arguments) -> str:
        """Runs scripts/deploy against the emulator; returns what it printed."""
        ran = self._deploy(*arguments)
        assert ran.returncode == 0, ran.stdout.strip().splitlines()[-1]
        if "--destroy" not in arguments:
            self.give_what_only_the_emulator_asks_for()
        return ran.stdout

    def refused(self, *arguments) -> str:
        """Runs scripts/deploy, which is to fail; returns its last line."""
        ran = self._deploy(*arguments)
        assert ran.returncode == 1, f"it was not refused, and ended with {ran.returncode}"
        return ran.stdout.strip().splitlines()[-1]

    def give_what_only_the_emulator_asks_for(self) -> None:
        """Rights that are none at AWS, where those of the template do (see the gaps of main)."""
        actions = ["sqs:ChangeMessageVisibilityBatch", "sqs:DeleteMessageBatch"]
        batch = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        in_default_group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/a2a-*"
        schedule = {
            "Effect": "Allow",
            "Action": "scheduler:CreateSchedule",
            "Resource": in_default_group,
        }
        for logical in ("SqsExecutorRole", "StreamRecoveryRole", "ScheduledRecoveryRole"):
            statements = [batch, schedule] if logical == "SqsExecutorRole" else [schedule]
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            role = self.physical(logical)
            self.iam.put_role_policy(RoleName=role, PolicyName="emulator", PolicyDocument=document)

    def outputs(self) -> dict[str, str]:
        [found] = self.cloudformation.describe_stacks(StackName=NAME)["Stacks"]
        return {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}

    def parameters(self) -> dict[str, str]:
        [found] = self.cloudformation.describe_stacks(StackName=NAME)["Stacks"]
        return {one["ParameterKey"]: one["ParameterValue"] for one in found["Parameters"]}

    def physical(self, logical: str) -> str:
        answer = self.cloudformation.describe_stack_resource(
            StackName=NAME, LogicalResourceId=logical
        )
        return answer["StackResourceDetail"]["PhysicalResourceId"]

    def function(self, name: str) -> str:
        return self.physical({**FUNCTIONS, **WEBHOOK}[name])

    def configuration(self, name: str) -> dict:
        return self.lambdas.get_function_configuration(FunctionName=self.function(name))

    def invoke(self, name: str, event) -> tuple[str | None, dict]:
        """The kind of a function error, if any, and the answer."""
        answer = self.lambdas.invoke(
            FunctionName=self.function(name), Payload=json.dumps(event).encode()
        )
        return answer.get("FunctionError"), json.loads(answer["Payload"].read() or b"null")

    async def logged(self, name: str, text: str, since: float, limit_s: float = 15) -> list[str]:
        """The lines of a function's log with a text in them; none if it does not come."""
        configuration = await asyncio.to_thread(self.configuration, name)
        group = configuration.get("LoggingConfig", {}).get("LogGroup")
        group = group or f"/aws/lambda/{self.function(name)}"
        end = time.monotonic() + limit_s
        while True:
            answer = await asyncio.to_thread(
                self.logs.filter_log_events,
                logGroupName=group,
                startTime=int(since * 1000) - 1000,
            )
            found = [one["message"].strip() for one in answer["events"] if text in one["message"]]
            if found or time.monotonic() > end:
                return found
            await asyncio.sleep(0.3)

    def queue_size(self, logical: str) -> int:
        """All messages of a queue: waiting, in flight and delayed."""
        names = ["", "NotVisible", "Delayed"]
        names = [f"ApproximateNumberOfMessages{name}" for name in names]
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.physical(logical), AttributeNames=names
        )
        return sum(int(value) for value in answer["Attributes"].values())

    def mapping(self, name: str) -> str:
        answer = self.lambdas.list_event_source_mappings(FunctionName=self.function(name))
        [found] = answer["EventSourceMappings"]
        return found["UUID"]

    def code(self) -> dict[str, str]:
        """The digest of the code that each function has."""
        return {name: self.configuration(name)["CodeSha256"] for name in FUNCTIONS}
