"""Alarms, the topic that they go to, and the dashboard."""

import json
import re

import pytest
from model import CALLED_BACK, ROOT, Stack, refused

FUNCTIONS = ["Request", "SqsExecutor", "StreamRecovery", "ScheduledRecovery", "Webhook"]
DOORS = ["rest", "http", "url"]
TOPIC = "arn:aws:sns:eu-central-1:123456789012:alarms"
RECORDED = json.loads((ROOT / "infra/tests/aws_metrics.json").read_text())
OPERATIONS = (ROOT / "docs/operating.md").read_text()
EMF = (ROOT / "crates/runtime/src/telemetry/emf.rs").read_text()
# Our own metrics, those that are told even if they are 0 among them.
OWN = {"ColdStart", *re.findall(r'(?:values|sum|watched)\("\w+", "(\w+)"', EMF)}
WATCHED = set(re.findall(r'watched\("\w+", "(\w+)"', EMF))


def alarms(**parameters):
    return Stack(**CALLED_BACK | parameters).of_type("AWS::CloudWatch::Alarm")


def dimensions(alarm):
    return {one["Name"]: one["Value"] for one in alarm["Dimensions"]}


@pytest.mark.parametrize("door", DOORS)
def test_alarms_watch_every_queue_and_function_the_door_and_the_sweep(door):
    found = alarms(FrontDoor=door, AlarmTopic=TOPIC, Metrics="alarms")
    watched = set()
    for name, of in found.items():
        assert of["AlarmActions"] == of["OKActions"] == [TOPIC], name
        assert of["TreatMissingData"] == "notBreaching", name
        is_counted = of["MetricName"] in ["Errors", "Throttles"] or name.endswith("DoorErrors")
        assert of["Statistic"] == ("Sum" if is_counted else "Maximum"), name
        assert of["ComparisonOperator"] == "GreaterThanOrEqualToThreshold" and of["Threshold"] >= 1
        assert of["DatapointsToAlarm"] <= of["EvaluationPeriods"] and of["Period"] >= 60, name
        watched.add((of["Namespace"], of["MetricName"], *dimensions(of).items()))
    doors = {
        "rest": ("AWS/ApiGateway", "5XXError", ("ApiName", "agents")),
        "http": ("AWS/ApiGateway", "5xx", ("ApiId", "${HttpApi}")),
        "url": ("AWS/Lambda", "Url5xxCount", ("FunctionName", "${Request}")),
    }
    visible = "ApproximateNumberOfMessagesVisible"
    sweep = (("service", "a2a-lambda"), ("function_name", "${ScheduledRecovery}"))
    assert watched == {
        ("AWS/SQS", visible, ("QueueName", "${DeadLetterQueue.QueueName}")),
        ("AWS/SQS", visible, ("QueueName", "${StreamFailures.QueueName}")),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName", "${WorkQueue.QueueName}")),
        ("AWS/Lambda", "IteratorAge", ("FunctionName", "${StreamRecovery}")),
        *(
            ("AWS/Lambda", metric, ("FunctionName", f"${{{name}}}"))
            for metric in ["Errors", "Throttles"]
            for name in FUNCTIONS
        ),
        doors[door],
        ("AWS/Lambda", "Url5xxCount", ("FunctionName", "${Webhook}")),
        ("a2a-lambda", "OldestDueSeconds", *sweep),
        ("a2a-lambda", "OldestPushSeconds", *sweep),
    }


def test_alarms_of_our_own_metrics_are_there_only_where_the_metrics_are():
    own = {"OldestDueTask", "OldestPush"}
    assert not own & set(alarms())
    for metrics in ["alarms", "all"]:
        assert own <= set(alarms(Metrics=metrics))
    named = alarms(
        Metrics="all", PowertoolsServiceName="prod", PowertoolsMetricsNamespace="Agents"
    )["OldestPush"]
    assert (named["Namespace"], dimensions(named)["service"]) == ("Agents", "prod")
    assert {of["MetricName"] for of in alarms(Metrics="all").values()} & OWN <= WATCHED
    assert not alarms(Alarms="false", Metrics="all")
    assert not any(name.startswith("Webhook") for name in alarms(WebhookKey=""))


def test_alarms_go_to_a_topic_that_is_there_or_to_one_of_the_stacks_own():
    assert all("AlarmActions" not in of for of in alarms().values())
    stack = Stack(AlarmEmail="ops@example.com")
    assert stack.properties("AlarmMails")["Subscription"] == [
        {"Protocol": "email", "Endpoint": "ops@example.com"}
    ]
    for of in stack.of_type("AWS::CloudWatch::Alarm").values():
        assert of["AlarmActions"] == of["OKActions"] == ["${AlarmMails}"]
    assert "AlarmMails" not in Stack(AlarmTopic=TOPIC).resources
    assert "AlarmMails" not in Stack(AlarmEmail="ops@example.com", Alarms="false").resources
    assert "AlarmEmail" in refused(AlarmEmail="ops@example.com", AlarmTopic=TOPIC)


@pytest.mark.parametrize("name", sorted(alarms(Metrics="all")))
def test_each_alarm_has_a_paragraph_for_operators_and_names_it(name):
    assert alarms(Metrics="all")[name]["AlarmDescription"].endswith(
        f" See {name} in docs/operating.md."
    )
    sections = re.split(r"^### ", OPERATIONS, flags=re.MULTILINE)[1:]
    (section,) = [of for of in sections if f"`{name}`" in of.splitlines()[0]]
    paragraph = re.split(r"^#", section.split("\n", 1)[1], flags=re.MULTILINE)[0]
    # What it means, and what to do.
    assert len(paragraph.split()) >= 25, paragraph


def test_no_paragraph_is_of_an_alarm_that_is_not_there():
    titles = re.findall(r"^### (`.*)$", OPERATIONS, flags=re.MULTILINE)
    assert {n for title in titles for n in re.findall(r"`(\w+)`", title)} == set(
        alarms(Metrics="all")
    )


def check_metric(namespace, metric, named):
    if namespace.startswith("AWS/"):
        assert named == RECORDED[namespace][metric], (namespace, metric)
    else:
        assert namespace == "a2a-lambda" and metric in OWN, metric
        assert named == ["service", "function_name"]


@pytest.mark.parametrize("door", DOORS)
def test_metrics_are_those_that_are_published(door):
    stack = Stack(FrontDoor=door, Metrics="all", Dashboard="true")
    for of in stack.of_type("AWS::CloudWatch::Alarm").values():
        check_metric(of["Namespace"], of["MetricName"], list(dimensions(of)))
    board = json.loads(stack.properties("Overview")["DashboardBody"])
    places = set()
    for widget in board["widgets"]:
        places.add((widget["x"], widget["y"]))
        of = widget["properties"]
        assert of["region"] == "eu-central-1" and of["title"]
        for namespace, metric, *rest in of["metrics"]:
            names = [one for one in rest if not isinstance(one, dict)][::2]
            check_metric(namespace, metric, names)
    assert len(places) == len(board["widgets"]) <= 30
    assert "Overview" not in Stack().resources
