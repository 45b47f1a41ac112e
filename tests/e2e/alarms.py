"""Metrics of the functions' own, and the alarms that watch them."""

import asyncio
import json
import time

from doors import Door
from journey import sent, until
from stack import NAME, Stack

# What the alarm takes for late, in seconds, and how late the task is made.
THRESHOLD_S = 300
LATE_S = 2 * THRESHOLD_S


def topic(stack: Stack) -> str:
    """The topic that alarms go to."""
    return stack.emulator.client("sns").create_topic(Name="e2e-alarms")["TopicArn"]


def _metric_data(line: dict) -> list[tuple[str, list[dict]]]:
    """What CloudWatch takes from a line in its embedded metric format: metrics by namespace."""
    taken = []
    for directive in line["_aws"]["CloudWatchMetrics"]:
        data = []
        for names in directive["Dimensions"]:
            dimensions = [{"Name": name, "Value": line[name]} for name in names]
            for metric in directive["Metrics"]:
                told = line[metric["Name"]]
                values = told if isinstance(told, list) else [told]
                data.append(
                    {
                        "MetricName": metric["Name"],
                        "Unit": metric["Unit"],
                        "Dimensions": dimensions,
                        "Timestamp": line["_aws"]["Timestamp"] / 1000,
                        "Values": [float(value) for value in values],
                    }
                )
        taken.append((directive["Namespace"], data))
    return taken


async def _lines(stack: Stack, function: str, text: str, since: float) -> list[dict]:
    found = await stack.logged(function, text, since)
    lines = [json.loads(one) for one in found if one.startswith("{")]
    lines = [line for line in lines if "_aws" in line]
    assert lines, f"{function} wrote no metrics with {text}: {found}"
    return lines


def _pairs(of: dict) -> set[tuple[str, str]]:
    return {(one["Name"], one["Value"]) for one in of["Dimensions"]}


async def own_metrics(stack: Stack, door: Door) -> str:
    """A task is due for long; what the sweep writes of it sets off the alarm of the template."""
    cloudwatch = stack.emulator.client("cloudwatch")
    arn = topic(stack)
    name = stack.physical("OldestDueTask")

    def alarm() -> dict:
        [found] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return found

    before = alarm()
    assert before["StateValue"] != "ALARM" and before["AlarmActions"] == [arn], before
    start = time.time()
    mapping = stack.mapping("sqs-executor")
    stack.lambdas.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        await asyncio.sleep(2)
        task = await sent(door, "tck-complete-task")
        # As if it had waited for long: no step of a run lasts so long.
        table, dynamodb = stack.physical("Table"), stack.emulator.client("dynamodb")
        [item] = [
            one
            for one in dynamodb.scan(TableName=table)["Items"]
            if "dt" in one and task["id"] in json.dumps(one)
        ]
        dynamodb.update_item(
            TableName=table,
            Key={"pk": item["pk"], "sk": item["sk"]},
            UpdateExpression="SET dt = :late",
            ExpressionAttributeValues={":late": {"N": str(int((start - LATE_S) * 1000))}},
        )
        error, answer = stack.invoke("scheduled-recovery", {})
        assert error is None, answer
        lines = await _lines(stack, "scheduled-recovery", '"OldestDueSeconds":', start)
        # The schedule may have been faster.
        line = max(lines, key=lambda line: line["OldestDueSeconds"])
    finally:
        stack.lambdas.update_event_source_mapping(UUID=mapping, Enabled=True)
    assert LATE_S <= line["OldestDueSeconds"] < LATE_S + 60, line
    for namespace, data in _metric_data(line):
        # The emulator's alarms look at the namespace and the name only: see that the rest fits.
        [watched] = [one for one in data if one["MetricName"] == before["MetricName"]]
        assert namespace == before["Namespace"], (namespace, before)
        assert _pairs(watched) == _pairs(before), (watched, before)
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
    after = alarm()
    assert after["StateValue"] == "ALARM", after
    await until(door, task["id"], "COMPLETED")
    *_, turn = await _lines(stack, "sqs-executor", '"TurnMillis":', start)
    assert turn["TasksCompleted"] >= 1 and turn["Attempts"] == 1, turn
    return (
        f"a task {line['OldestDueSeconds']} s late: the line of {line['function_name']} as metric data "
        f"set off {name} of {NAME}; the executor's line has a turn of "
        f"{turn['TurnMillis']} ms"
    )
