"""The table, the queues, the functions, what feeds them, and what watches them."""

import json
import re

import pytest
from model import CALLED_BACK, PATH, ROOT, Stack, source, translated

TABLE_RS = (ROOT / "crates/dynamodb/src/table.rs").read_text()
FUNCTIONS = ["Request", "SqsExecutor", "StreamRecovery", "ScheduledRecovery"]
DATA_KEY = "arn:aws:kms:eu-central-1:123456789012:key/1"


def constant(name):
    return re.search(rf'const {name}: &str = "([^"]*)"', TABLE_RS)[1]


def keys(names):
    kinds = ["HASH", "RANGE"]
    return [{"AttributeName": constant(n), "KeyType": kind} for n, kind in zip(names, kinds)]


def test_the_table_is_the_one_that_the_store_expects():
    table = Stack().properties("Table")
    kinds = {of["AttributeName"]: of["AttributeType"] for of in table["AttributeDefinitions"]}
    assert kinds == {
        **{constant(name): "S" for name in ["PK", "SK", "LIST_PK", "LIST_SK", "CONTEXT_PK"]},
        **{constant(name): "N" for name in ["DUE_PK", "DUE_SK"]},
    }
    assert table["KeySchema"] == keys(["PK", "SK"])
    indexes = {of["IndexName"]: of for of in table["GlobalSecondaryIndexes"]}
    names = ["LIST_INDEX", "DUE_INDEX", "CONTEXT_INDEX"]
    assert set(indexes) == {constant(name) for name in names}
    by_owner, due, context = (indexes[constant(name)] for name in names)
    assert by_owner["KeySchema"] == keys(["LIST_PK", "LIST_SK"])
    assert due["KeySchema"] == keys(["DUE_PK", "DUE_SK"])
    assert context["KeySchema"] == keys(["CONTEXT_PK"])
    shown = [constant("STATE"), constant("CONTEXT")]
    assert by_owner["Projection"] == {"ProjectionType": "INCLUDE", "NonKeyAttributes": shown}
    assert due["Projection"] == context["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    lived = {"AttributeName": constant("TTL"), "Enabled": True}
    assert table["TimeToLiveSpecification"] == lived


def test_the_table_outlives_mistakes():
    resource = Stack().resources["Table"]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert resource["Properties"]["DeletionProtectionEnabled"] == "true"
    recovery = resource["Properties"]["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": "true"}
    off = Stack(DeletionProtection="false", PointInTimeRecovery="false").properties("Table")
    assert off["DeletionProtectionEnabled"] == "false"
    existing = "arn:aws:dynamodb:eu-central-1:123456789012:table/old/stream/1"
    stack = Stack(ExistingTable="old", ExistingTableStreamArn=existing)
    assert "Table" not in stack.resources
    assert stack.properties("StreamRecoveryMapping")["EventSourceArn"] == existing


def test_the_queue_hides_records_for_six_times_the_longest_invocation():
    queue = Stack(SqsExecutorTimeout="900").properties("WorkQueue")
    assert (
        queue["VisibilityTimeout"] >= 6 * source()["Parameters"]["SqsExecutorTimeout"]["MaxValue"]
    )
    # A standard queue: signals need no order.
    assert "FifoQueue" not in queue
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == "${DeadLetterQueue.Arn}"
    for of in Stack().of_type("AWS::SQS::Queue").values():
        assert of["MessageRetentionPeriod"] == 14 * 24 * 3600 and of["SqsManagedSseEnabled"] is True


def test_the_executor_reports_each_record_and_has_bounds():
    stack = Stack(SqsExecutorBatchSize="1", SqsExecutorMaxConcurrency="7")
    of = stack.properties("SqsExecutorMapping")
    assert of["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert (of["FunctionName"], of["EventSourceArn"]) == ("${SqsExecutor.Arn}", "${WorkQueue.Arn}")
    assert (of["BatchSize"], of["ScalingConfig"]) == ("1", {"MaximumConcurrency": "7"})
    assert "ScalingConfig" not in Stack().properties("SqsExecutorMapping")
    assert "ProvisionedPollerConfig" not in Stack().properties("SqsExecutorMapping")
    stack = Stack(SqsExecutorMinPollers="5", SqsExecutorMaxPollers="500")
    pollers = stack.properties("SqsExecutorMapping")["ProvisionedPollerConfig"]
    assert pollers == {"MinimumPollers": "5", "MaximumPollers": "500"}


@pytest.mark.parametrize("caller", ["SqsExecutorMapping", "StreamRecoveryMapping", "Sweep"])
def test_what_calls_a_function_is_made_after_the_functions_rights(caller):
    assert set(Stack().resources[caller]["DependsOn"]) == {"TaskRights", "TimerRights"}


def test_stream_recovery_is_woken_by_open_marks_only_and_gives_up_to_a_queue():
    of = Stack().properties("StreamRecoveryMapping")
    (pattern,) = [json.loads(given["Pattern"]) for given in of["FilterCriteria"]["Filters"]]
    mark = {constant("PUSH_MARK"): {"S": [constant("OPEN_MARK")]}}
    assert pattern == {"dynamodb": {"NewImage": mark}}
    assert of["DestinationConfig"] == {"OnFailure": {"Destination": "${StreamFailures.Arn}"}}
    assert (
        of["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        and of["BisectBatchOnFunctionError"]
    )
    assert (of["FunctionName"], of["EventSourceArn"]) == (
        "${StreamRecovery.Arn}",
        "${Table.StreamArn}",
    )
    assert of["ParallelizationFactor"] == 10 and of["StartingPosition"] == "TRIM_HORIZON"
    # Without both, one bad record would hold up its shard for a day.
    assert 0 < of["MaximumRetryAttempts"] <= 100 and 60 <= of["MaximumRecordAgeInSeconds"] <= 3600


def test_the_sweep_comes_every_minute_and_the_warmer_if_asked_for():
    sweep = Stack().properties("Sweep")
    assert sweep["ScheduleExpression"] == "rate(1 minute)" and sweep["FlexibleTimeWindow"] == {
        "Mode": "OFF"
    }
    assert sweep["Target"]["Arn"] == "${ScheduledRecovery.Arn}"
    assert json.loads(sweep["Target"]["Input"]) == {}
    assert sweep["GroupName"] == "${Schedules}"
    assert "Warm" not in Stack().resources
    warm = Stack(KeepWarm="true").properties("Warm")["Target"]
    assert (warm["Arn"], json.loads(warm["Input"])) == ("${Request.Arn}", {})


@pytest.mark.parametrize("function", [*FUNCTIONS, "Webhook"])
def test_a_function_is_its_zip_and_keeps_its_own_log(function):
    stack = Stack(
        **CALLED_BACK, LogRetentionDays="7", Architecture="x86_64", **{f"{function}ReservedConcurrency": "9"}
    )
    of = stack.properties(function)
    assert (of["Runtime"], of["Handler"], of["Architectures"]) == (
        "provided.al2023",
        "bootstrap",
        ["x86_64"],
    )
    assert of["Code"] == {"S3Bucket": "code", "S3Key": stack.parameters[f"{function}Key"]}
    assert of["LoggingConfig"]["LogGroup"] == f"${{{function}Logs}}"
    # The function chooses what it logs, by LOG_LEVEL.
    assert (
        of["LoggingConfig"]["LogFormat"] == "JSON"
        and of["LoggingConfig"]["ApplicationLogLevel"] == "TRACE"
    )
    assert stack.properties(f"{function}Logs")["RetentionInDays"] == "7"
    assert of["ReservedConcurrentExecutions"] == "9"
    plain = Stack(**CALLED_BACK).properties(function)
    assert plain["Architectures"] == ["arm64"]
    assert "ReservedConcurrentExecutions" not in plain


def test_the_executor_takes_the_place_of_another_runtime():
    wrapper = "AWS_LAMBDA_EXEC_WRAPPER"
    for runtime in source()["Parameters"]["SqsExecutorRuntime"]["AllowedValues"]:
        stack = Stack(SqsExecutorRuntime=runtime)
        of = stack.properties("SqsExecutor")
        assert of["Runtime"] == runtime
        expected = None if runtime == "provided.al2023" else "/var/task/bootstrap"
        assert of["Environment"]["Variables"].get(wrapper) == expected
        for other in set(FUNCTIONS) - {"SqsExecutor"}:
            plain = stack.properties(other)
            assert plain["Runtime"] == "provided.al2023"
            assert wrapper not in plain["Environment"]["Variables"]


def test_the_executor_can_be_an_image():
    of_a_zip = {"Code", "Handler", "Runtime"}
    for name in ["agents/python:1.0_a", f"python@sha256:{'0a' * 32}"]:
        image = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/{name}"
        stack, plain = Stack(SqsExecutorImage=image, Architecture="x86_64"), Stack(Architecture="x86_64")
        of, zipped = stack.properties("SqsExecutor"), plain.properties("SqsExecutor")
        assert (of["PackageType"], of["Code"]) == ("Image", {"ImageUri": image})
        # A type that is new is another function, even if it is the default.
        assert "PackageType" not in zipped and of_a_zip <= set(zipped)
        others = {name: value for name, value in zipped.items() if name not in of_a_zip}
        assert of == others | {"PackageType": "Image", "Code": of["Code"]}
        for other in set(FUNCTIONS) - {"SqsExecutor"}:
            assert stack.properties(other) == plain.properties(other)


def test_the_recoveries_have_time_for_a_receiver_that_is_slow():
    slowest = source()["Parameters"]["PushTimeoutSeconds"]["MaxValue"]
    for function in ["StreamRecovery", "ScheduledRecovery"]:
        assert Stack().properties(function)["Timeout"] >= slowest + 10 + 30


@pytest.mark.parametrize("function", FUNCTIONS)
def test_lambda_writes_segments_where_that_is_switched_on(function):
    modes = [
        stack.properties(function)["TracingConfig"]["Mode"]
        for stack in [Stack(), Stack(ActiveTracing="true")]
    ]
    assert modes == ["PassThrough", "Active"]


def test_functions_are_in_the_subnets_that_are_named():
    stack = Stack(SubnetIds="subnet-1,subnet-2", SecurityGroupIds="sg-1")
    for function in FUNCTIONS:
        assert stack.properties(function)["VpcConfig"] == {
            "SubnetIds": ["subnet-1", "subnet-2"],
            "SecurityGroupIds": ["sg-1"],
        }
        assert "VpcConfig" not in Stack().properties(function)


def test_a_key_of_ones_own_encrypts_all_that_is_kept():
    stack = Stack(KmsKeyArn=DATA_KEY, AccessLogs="on")
    table = stack.properties("Table")["SSESpecification"]
    assert table == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": DATA_KEY}
    for kind, name in [
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::Lambda::Function", "KmsKeyArn"),
    ]:
        found = stack.of_type(kind)
        assert len(found) >= 3 and {of[name] for of in found.values()} == {DATA_KEY}, kind
    assert DATA_KEY not in str(Stack().resources)


def test_without_versions_a_change_of_parameters_is_live_at_once():
    stack = Stack(Revision="r1")
    assert not stack.of_type("AWS::Lambda::Version") and not stack.of_type("AWS::Lambda::Alias")
    assert stack.properties("SqsExecutorMapping")["FunctionName"] == "${SqsExecutor.Arn}"


@pytest.mark.parametrize(
    "parameters",
    [{"Canary": "Canary10Percent5Minutes"}, {"RequestProvisionedConcurrency": "2"}],
    ids=str,
)
def test_a_new_revision_publishes_a_new_version_and_the_alias_is_called(parameters):
    stack = Stack(Revision="r1", KeepWarm="true", **parameters)
    for function in ["Request", "SqsExecutor"]:
        # It replaces the version; the function changes with it, else Lambda would publish nothing.
        assert stack.properties(f"{function}Version")["Description"] == "r1"
        assert stack.properties(function)["Description"].endswith(" r1")
        assert "r1" not in Stack(Revision="r1").properties(function)["Description"]
        # What runs on the version before goes on.
        assert stack.resources[f"{function}Version"]["UpdateReplacePolicy"] == "Retain"
        assert (
            stack.properties(f"{function}Alias")["FunctionVersion"]
            == f"${{{function}Version.Version}}"
        )
    live = "arn:aws:lambda:eu-central-1:123456789012:function:${%sAlias}:live"
    assert stack.properties("SqsExecutorMapping")["FunctionName"] == live % "SqsExecutor"
    assert stack.properties("Warm")["Target"]["Arn"] == live % "Request"
    policies = stack.properties("WarmRole")["Policies"][0]["PolicyDocument"]["Statement"]
    assert policies[0]["Resource"] == live % "Request"
    provisioned = stack.properties("RequestAlias").get("ProvisionedConcurrencyConfig")
    wanted = parameters.get("RequestProvisionedConcurrency")
    assert provisioned == (wanted and {"ProvisionedConcurrentExecutions": wanted})


def test_a_canary_stops_when_its_function_fails():
    stack = Stack(Revision="r1", Canary="Canary10Percent5Minutes")
    for function in ["Request", "SqsExecutor"]:
        policy = stack.resources[f"{function}Alias"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
        assert policy["DeploymentGroupName"] == f"${{{function}Deployments}}"
        group = stack.properties(f"{function}Deployments")
        assert group["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes"
        assert group["AlarmConfiguration"]["Alarms"] == [{"Name": f"${{{function}Errors}}"}]
        style = {"DeploymentType": "BLUE_GREEN", "DeploymentOption": "WITH_TRAFFIC_CONTROL"}
        assert group["DeploymentStyle"] == style
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
    assert not Stack().of_type("AWS::CodeDeploy::DeploymentGroup")


def test_outputs_name_what_operators_and_scripts_need():
    assert set(Stack().outputs) >= {
        "Url",
        "CardUrl",
        "FirstCurl",
        "TableName",
        "QueueUrl",
        "DeadLetterQueueUrl",
        "StreamFailuresUrl",
        *(f"{function}Function" for function in FUNCTIONS),
    }


def test_the_template_stays_below_the_limits_of_cloudformation():
    # 1 MB by S3. What may be given inline, 51,200 bytes, is not enough.
    assert len(PATH.read_bytes()) < 200_000
    assert len(json.dumps(translated())) < 1_000_000
    assert len(source()["Parameters"]) <= 200 and len(translated()["Resources"]) <= 500
    assert len(source()["Outputs"]) <= 200
    assert all(len(names) <= 200 for names in source()["Mappings"].values())
