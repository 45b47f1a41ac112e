"""Runs scripts/e2e once its tools are there."""

import asyncio
import json
import os
import sys
from pathlib import Path

import alarms
import arm64
import authorizers
import callbacks
import deploys
import journey
import operations
import options as command_line
import upgrade
import zips
from doors import Door, Signed
from emulator import REGION, Emulator
from report import Report
from stack import ROOT, Stack

RUNNING = zips.FOLDER / "running.json"

# What this emulator (MiniStack 1.5.33) cannot show, and what does.
GAPS = [
    "streamed answers (REST API with STREAM, Function URL with RESPONSE_STREAM): the emulator gives "
    "them whole; functions/request/tests/bootstrap/streams.rs sees bytes and times at the Runtime API",
    "REST events: the emulator names `localhost` as the API's host; the run sets PublicUrl. It knows "
    "no integration that streams, and is taught to take it for a whole one",
    "Function URL with IAM: the emulator names no caller in the event, so a message is answered 401; "
    "functions/request/tests/it/identity.rs reads the event that AWS documents",
    "sqs:ChangeMessageVisibilityBatch, sqs:DeleteMessageBatch: the emulator asks for rights of these "
    "names, which AWS does not have; the run adds them to the executor's role",
    "the right of authorizer to the partition of API keys alone: the emulator evaluates no "
    "dynamodb:LeadingKeys; the static policy test has the condition, and the local cloud keeps to it",
    "scheduler:CreateSchedule: the emulator looks for a right in the group `default`, whatever group a "
    "schedule is made in; the run adds it to the roles, so that the template's own is not proven here",
    "stream mapping: ReportBatchItemFailures, retries, bisecting and the on-failure destination are "
    "ignored; functions/stream-recovery/tests/it/records.rs tests what the function reports",
    "IAM: PassRole, the role of a schedule, the rights of a mapping's poller and resource policies are "
    "not enforced; the static policy test compares roles with the calls of the code",
    "Scheduler: time zones, retries and dead letters of a schedule are ignored; no schedule has a zone",
    "processes that are frozen between invocations: the emulator lets them run on; the tests of the "
    "bootstraps stop them",
    "WAF, custom domains, provisioned concurrency and canaries: the emulator has them without effect, "
    "and the run does not ask for them all",
    "alarms of AWS's own metrics, which the emulator does not publish: infra/tests/test_alarms.py compares "
    "them with a recorded list. Lines of metrics are read by the run, as CloudWatch does at AWS",
    "x-api-key at an HTTP API whose authorizer has no identity source: the emulator gives it one, which "
    "is Authorization; infra/tests/test_doors.py sees that the template has none",
    "SqsExecutorRuntime, where Lambda starts the bootstrap by AWS_LAMBDA_EXEC_WRAPPER in place of Python: "
    "tests/agents/test_packaging.py starts the zip so, at the Runtime API",
    "functions as container images: nothing builds one; tests/agents lints the example's Dockerfile, and "
    "compares what it copies with the zip",
    "what an alarm tells its topic: the emulator does nothing of the kind",
    "cold starts, prices and limits of AWS itself",
]

# Small waits, so that failures are found within the time that there is.
PARAMETERS = {
    "Architecture": "x86_64",
    "PublicUrl": "",
    "LeaseSeconds": "6",
    "SignalGraceSeconds": "5",
    "PushAllowHttp": "true",
    "PushAllowLocal": "true",
    "PushKmsKey": "create",
    # The third wait is too long for a delay of SQS: it takes a one-time schedule.
    "PushWaitsSeconds": "1,2,1200",
}
ANONYMOUS = {"Authorizer": "none", "AllowAnonymous": "true"}
SIGNED = {"Authorizer": "iam", "AllowAnonymous": "false"}
DOORS = (("http", SIGNED), ("url", ANONYMOUS), ("rest", SIGNED))


def words(parameters: dict[str, str]) -> list[str]:
    return ["--parameters", *(f"{name}={value}" for name, value in parameters.items())]


class Run:
    """One run: its stack, its front doors, and which steps were asked for."""

    def __init__(self, options, emulator: Emulator):
        self.options = options
        self.emulator = emulator
        self.stack = Stack(emulator)
        self.report = Report()
        self.receiver = journey.receiver()

    def is_wanted(self, name: str) -> bool:
        return not self.options.step or any(name.startswith(one) for one in self.options.step)

    def step(self, name: str, function, *arguments) -> bool:
        """Runs a step if it is wanted; whether it did not fail."""
        if not self.is_wanted(name):
            return True
        # The front door is looked up when there is one.
        arguments = [self.door() if one is Door else one for one in arguments]
        if asyncio.iscoroutinefunction(function):
            return self.report.run(name, lambda: asyncio.run(function(*arguments)))
        return self.report.run(name, function, *arguments)

    def door(self) -> Door:
        return Door(self.stack.outputs()["Url"], self.emulator.port, self._auth())

    def _auth(self):
        url = self.stack.outputs()["Url"]
        if self.stack.parameters().get("Authorizer") != "iam":
            return None
        service = "lambda" if ".lambda-url." in url else "execute-api"
        return Signed(self.emulator.session.get_credentials(), service, REGION)

    def deploy(self, folder: str | Path, parameters: dict[str, str], *options: str) -> str:
        """Deploys zips by scripts/deploy, which tries the front door itself."""
        said = self.stack.deploy("--zips", zips.FOLDER / folder, *words(parameters), *options)
        lines = said.splitlines()
        return "; ".join(line for line in lines if line.startswith("smoke test"))

    def use(self, front_door: str, access: dict[str, str]) -> str:
        parameters = {**PARAMETERS, **access, "FrontDoor": front_door, "Agent": "conformance"}
        evidence = self.deploy("fixtures", parameters)
        if front_door == "rest":
            # The emulator's REST events do not name the API's host, which the card is to have.
            self.deploy("fixtures", {"PublicUrl": self.stack.outputs()["Url"].rstrip("/")})
        return evidence

    def packages(self) -> None:
        self.step("package: the shipped zips", zips.shipped)
        self.step("package: CDK and Terraform take the zips", zips.deployers)
        self.step("package: zips with fixture agents", zips.fixtures)

    def smoke(self) -> None:
        for front_door, access in DOORS:
            parameters = {**PARAMETERS, **access, "FrontDoor": front_door, "Agent": "echo"}
            self.step(f"deploy: shipped zips, {front_door}", self.deploy, "shipped", parameters)
        self.step("each function alone", operations.functions_alone, self.stack)

    def journeys(self) -> None:
        for front_door, access in DOORS:
            if self.step(f"{front_door}: deploy", self.use, front_door, access):
                self.journey(front_door, access is SIGNED)

    def journey(self, name: str, signed: bool) -> None:
        self.step(f"{name}: the card", journey.card, Door)
        if signed:
            self.step(f"{name}: no credentials", journey.refused, Door)
        self.step(f"{name}: send", journey.send, Door)
        self.step(f"{name}: stream, whole", journey.stream, Door)
        self.step(f"{name}: cancel", journey.cancel, Door)
        self.step(f"{name}: follow-up", journey.follow_up, Door)
        self.step(f"{name}: resume", journey.resume, Door)
        hook = self.receiver.hook()
        self.step(f"{name}: a failing webhook recovers", journey.push_recovers, Door, hook)
        hook = self.receiver.hook()
        self.step(
            f"{name}: stream-recovery pushes",
            journey.stream_recovery,
            Door,
            hook,
            self.stack.logged,
        )

    def authorize(self) -> None:
        """The function authorizer, behind both APIs."""
        with authorizers.Issuer() as issuer:
            for kind in ("rest", "http"):
                self.authorized(kind, issuer)
        without = {**PARAMETERS, **SIGNED, **authorizers.NONE, "FrontDoor": "http", "Agent": "echo"}
        self.step("authorizer: deploy without it", self.deploy, "shipped", without)

    def authorized(self, kind: str, issuer) -> None:
        def deploy(ttl_s: int, header: str) -> str:
            own = authorizers.parameters(issuer, kind, ttl_s)
            parameters = {**PARAMETERS, **own, "AuthorizerHeader": header}
            evidence = self.deploy("shipped", parameters)
            if kind == "rest":
                self.deploy("shipped", {"PublicUrl": self.stack.outputs()["Url"].rstrip("/")})
            return evidence

        name = f"authorizer, {kind}"
        if not self.step(f"{name}: deploy", deploy, authorizers.TTL_S, "Authorization"):
            return
        self.step(f"{name}: the card", authorizers.card, Door)
        self.step(f"{name}: tokens", authorizers.tokens, Door, issuer, kind)
        self.step(f"{name}: an expired token", authorizers.expires, Door, issuer)
        self.step(f"{name}: API keys, cached", authorizers.api_keys, self.stack, Door, kind)
        if self.step(f"{name}: deploy without cache", deploy, 0, "any"):
            self.step(f"{name}: API keys, uncached", authorizers.uncached, self.stack, Door, kind)

    def operate(self) -> None:
        self.step("recurring schedule", operations.recurring_schedule, self.stack, Door)
        hook = self.receiver.hook()
        self.step("one-time schedule", operations.one_time_schedule, self.stack, Door, hook)
        self.step("dead letters and redrive", operations.dead_letters, self.stack, Door)
        self.step("metrics: deploy", self.deploy_metrics)
        self.step("metrics: a late task sets off its alarm", alarms.own_metrics, self.stack, Door)

    def call_back(self) -> None:
        """An agent that waits for an answer at the URL of webhook."""
        parameters = {**PARAMETERS, **ANONYMOUS, "FrontDoor": "http", "Agent": "approval"}
        self.step("callbacks: deploy", self.deploy, "fixtures", parameters)
        self.step("callbacks: a person answers", callbacks.answered, self.stack, Door)
        self.step("callbacks: the task is over", callbacks.canceled, self.stack, Door)

    def inline(self) -> None:
        """The agent runs in the sender's invocation, with the rights that the template gives to request."""
        parameters = {**PARAMETERS, **ANONYMOUS, "FrontDoor": "http", "Agent": "conformance"}
        if not self.step("inline: deploy", self.deploy, "fixtures", {**parameters, "Inline": "true"}):
            return
        self.step("inline: the request function runs the agent", journey.inline, Door, self.stack.logged)
        self.step("inline: cancel", journey.cancel, Door)
        hook = self.receiver.hook()
        self.step("inline: a failing webhook recovers", journey.push_recovers, Door, hook)
        self.step("inline: deploy without it", self.deploy, "fixtures", {**parameters, "Inline": "false"})

    def deploy_metrics(self) -> str:
        topic = alarms.topic(self.stack)
        return self.deploy("fixtures", {"Metrics": "all", "AlarmTopic": topic})

    def upgrades(self) -> None:
        """From the release before to this one and back, with tasks under way."""
        # Where there is no release before, the shipped zips stand for it: they have other code, too.
        shipped = zips.FOLDER / "shipped"
        before = {"folder": shipped, "agent": "echo", "stored": zips.stored_format("HEAD")}

        def package() -> str:
            commit = zips.release_before(self.options.since)
            evidence = zips.of_commit(commit)
            stored = zips.stored_format(commit)
            before.update(folder=zips.folder_of(commit), agent="conformance", stored=stored)
            return evidence

        def deploy() -> str:
            parameters = {**PARAMETERS, **ANONYMOUS, "FrontDoor": "http", "Agent": before["agent"]}
            # As long as it may return, nothing is stored that it does not read.
            parameters["StoredFormat"] = before["stored"]
            name = f"{before['folder'].name}, StoredFormat {before['stored']}"
            return f"{name}: {self.deploy(before['folder'], parameters)}"

        def change() -> None:
            self.deploy("fixtures", {"Agent": "conformance"}, "--no-smoke-test")

        def change_back() -> None:
            self.stack.deploy("--rollback", "--no-smoke-test")

        self.step("upgrade: package the release before", package)
        if not self.step("upgrade: deploy the release before", deploy):
            return
        under_load = upgrade.under_load
        self.step("upgrade: under load", under_load, self.stack, Door, change)
        self.step("upgrade: rollback under load", under_load, self.stack, Door, change_back)

    def arm64(self) -> None:
        self.step("arm64: package", zips.arm64)
        self.step("arm64: each function answers", arm64.answers, self.stack)

    def deploys(self) -> None:
        self.step("deploy: what cannot work is refused", deploys.refuses, self.stack)
        self.step("deploy: --diff and --dry-run", deploys.shows_only, self.stack)
        self.step("deploy: --only", deploys.one_function, self.stack)

    def all(self) -> None:
        self.packages()
        self.smoke()
        self.authorize()
        self.journeys()
        self.operate()
        self.call_back()
        self.inline()
        self.deploys()
        if self.options.quick:
            self.report.not_covered.append("upgrade, rollback and arm64: left out by --quick")
        else:
            self.upgrades()
            self.arm64()
        self.step("deploy: --destroy", deploys.destroy, self.stack)


def emulator(options) -> Emulator:
    """The one that --keep left, for single steps; or else a new one."""
    if RUNNING.exists():
        kept = Emulator(**{**(said := json.loads(RUNNING.read_text())), "log": Path(said["log"])})
        if options.step and kept.is_healthy():
            return kept
        kept.stop()
        RUNNING.unlink()
    return Emulator.start(Path(sys.executable).parent, zips.FOLDER)


def main() -> int:
    options = command_line.parser().parse_args()
    os.chdir(ROOT)
    zips.FOLDER.mkdir(parents=True, exist_ok=True)
    started = emulator(options)
    print(f"the emulator is at {started.endpoint}; its log is {started.log}", flush=True)
    run = Run(options, started)
    try:
        run.all()
    finally:
        if options.keep:
            left = {"port": started.port, "pid": started.pid, "log": str(started.log)}
            RUNNING.write_text(json.dumps(left))
        else:
            started.stop()
            RUNNING.unlink(missing_ok=True)
    run.report.show(GAPS)
    return 1 if run.report.failed or not run.report.rows else 0


if __name__ == "__main__":
    sys.exit(main())
