"""What an operator sees: functions by themselves, sweeps, schedules, dead letters."""

import asyncio
import json
import os
import subprocess
import time
from datetime import UTC, datetime, timedelta

from doors import CARD, Door
from emulator import ADMINISTRATOR, REGION
from journey import Answer, sent, until
from stack import ROOT, Stack

EVENTS = ROOT / "functions"


def _event(path: str) -> dict:
    return json.loads((EVENTS / path).read_text())


def _status(answer) -> int:
    """The status of an answer of request: whole, or streamed (its head, 8 zero bytes, its body)."""
    if isinstance(answer, str):
        answer = json.loads(answer.split("\0" * 8)[0])
    return answer["statusCode"]


def own_events() -> dict:
    """For each function an event of its own, and whether an answer is the right one."""
    card = _event("request/tests/events/http-api.json")
    card["rawPath"] = card["requestContext"]["http"]["path"] = CARD
    batch = _event("sqs-executor/tests/events/batch.json")
    # One of the records is no signal, and is to be received again; the other names no task.
    failed = [{"itemIdentifier": batch["Records"][0]["messageId"]}]
    return {
        "request": (card, lambda answer: _status(answer) == 200),
        "sqs-executor": (batch, lambda answer: answer["batchItemFailures"] == failed),
        "stream-recovery": (
            _event("stream-recovery/tests/events/stream.json"),
            lambda answer: answer["batchItemFailures"] == [],
        ),
        "scheduled-recovery": (
            _event("scheduled-recovery/tests/events/schedule.json"),
            lambda answer: answer["failed"] == 0 and answer["errors"] == [],
        ),
        # Its token is forged.
        "webhook": (
            _event("webhook/tests/events/function-url.json"),
            lambda answer: answer["statusCode"] == 404,
        ),
    }


def functions_alone(stack: Stack) -> str:
    """Each function is invoked by itself, with an event of its own and one of another's."""
    events = own_events()
    for name, (event, is_right) in events.items():
        error, answer = stack.invoke(name, event)
        assert error is None and is_right(answer), f"{name}: {error} {answer}"
    refusals = []
    for name in events:
        other = events["request" if name == "sqs-executor" else "sqs-executor"][0]
        error, answer = stack.invoke(name, other)
        assert error, f"{name} took the event of another function: {answer}"
        refusals.append(answer["errorMessage"])
    return f"each of {len(events)} answered its own event, and refused another's, as {refusals[-1]!r}"


async def recurring_schedule(stack: Stack, door: Door) -> str:
    """A signal that is lost is sent anew by the sweep, which the recurring schedule starts."""
    mapping = stack.mapping("sqs-executor")
    stack.lambdas.update_event_source_mapping(UUID=mapping, Enabled=False)
    await asyncio.sleep(2)
    start = time.time()
    task = await sent(door, "tck-complete-task")
    await asyncio.sleep(1)
    lost = stack.queue_size("WorkQueue")
    stack.sqs.purge_queue(QueueUrl=stack.physical("WorkQueue"))
    stack.lambdas.update_event_source_mapping(UUID=mapping, Enabled=True)
    await until(door, task["id"], "COMPLETED", limit_s=180)
    took_s = time.time() - start
    found = await stack.logged("scheduled-recovery", "tasks_swept", start)
    swept = [line for line in found if '"lost_signals":1' in line.replace(" ", "")]
    assert lost == 1 and swept, (lost, found)
    return f"task {task['id']}: its signal was purged; swept and completed after {took_s:.0f} s"


async def one_time_schedule(stack: Stack, door: Door, hook) -> str:
    """A push that is due in twenty minutes has a schedule, which then sends a signal and is gone."""
    group = stack.physical("Schedules")
    hook.answers = [Answer(503), Answer(503), Answer(503)]
    start = time.time()
    task = await sent(
        door, "tck-complete-task", taskPushNotificationConfig={"url": hook.url, "token": "t"}
    )
    name = None
    end = time.monotonic() + 90
    while name is None:
        listed = stack.scheduler.list_schedules(GroupName=group)["Schedules"]
        for one in listed:
            made = stack.scheduler.get_schedule(GroupName=group, Name=one["Name"])
            if task["id"] in made["Target"]["Input"]:
                name = made["Name"]
                break
        assert time.monotonic() < end, f"no schedule for the task among {len(listed)}"
        await asyncio.sleep(0.5)
    expression = made["ScheduleExpression"]
    at = datetime.fromisoformat(expression[3:-1]).replace(tzinfo=UTC)
    wait_s = at.timestamp() - start
    assert made["ActionAfterCompletion"] == "DELETE" and wait_s > 15 * 60, made
    # Nobody waits for so long here: it is moved, as it is, to a few seconds from now.
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=5)
    stack.scheduler.update_schedule(
        GroupName=group,
        Name=name,
        ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow=made["FlexibleTimeWindow"],
        ActionAfterCompletion=made["ActionAfterCompletion"],
        Target=made["Target"],
    )
    # Its signal cannot have come before the second that it is for.
    found = await stack.logged("sqs-executor", task["id"], soon.timestamp() + 1, limit_s=60)
    assert found, "the schedule sent no signal to the queue"
    fired_s = time.time() - soon.timestamp()
    end = time.monotonic() + 20
    while any(
        one["Name"] == name for one in stack.scheduler.list_schedules(GroupName=group)["Schedules"]
    ):
        assert time.monotonic() < end, "the schedule is still there"
        await asyncio.sleep(0.5)
    return (
        f"{name} for {wait_s / 60:.0f} minutes ahead, made by the function; moved to now, it sent "
        f"its signal to the executor {fired_s:.0f} s after its time, and was deleted"
    )


def _operator_environment(stack: Stack) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        **ADMINISTRATOR,
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": stack.emulator.endpoint,
        "TABLE_NAME": stack.physical("Table"),
        "QUEUE_URL": stack.physical("WorkQueue"),
        "DEAD_LETTER_QUEUE_URL": stack.physical("DeadLetterQueue"),
    }


def _ops(stack: Stack, *arguments: str) -> str:
    command = ["cargo", "run", "--quiet", "--locked", "--package", "a2a-lambda-cli", "--"]
    ran = subprocess.run(
        [*command, *arguments],
        cwd=ROOT,
        env=_operator_environment(stack),
        text=True,
        stdout=subprocess.PIPE,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout.strip()


async def dead_letters(stack: Stack, door: Door) -> str:
    """An executor without its table gives the signal up; the operator's CLI brings it back."""
    # Built before the clock runs.
    _ops(stack, "--help")
    role = stack.physical("SqsExecutorRole")
    denied = {"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    start = time.monotonic()
    stack.iam.put_role_policy(RoleName=role, PolicyName="broken", PolicyDocument=document)
    try:
        task = await sent(door, "tck-complete-task")
        while stack.queue_size("DeadLetterQueue") == 0:
            assert time.monotonic() < start + 240, "nothing came to the dead-letter queue"
            await asyncio.sleep(1)
        given_up_s = time.monotonic() - start
        read = await door.ok("GET", f"/tasks/{task['id']}")
        state = read["status"]["state"]
        assert state == "TASK_STATE_SUBMITTED", state
    finally:
        stack.iam.delete_role_policy(RoleName=role, PolicyName="broken")
    dead = stack.queue_size("DeadLetterQueue")
    said = _ops(stack, "redrive")
    await until(door, task["id"], "COMPLETED")
    assert stack.queue_size("DeadLetterQueue") == 0, "dead letters are left"
    return (
        f"task {task['id']}: {dead} dead letter(s) after {given_up_s:.0f} s without the table; "
        f"`redrive` said {said.splitlines()[-1]!r}, and the task is completed"
    )
