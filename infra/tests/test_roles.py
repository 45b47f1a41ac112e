"""Every role has the actions that its function needs, on named resources, and no others."""

import re

import pytest
from model import Stack, as_text

LOGS = ["logs:CreateLogStream", "logs:PutLogEvents"]
TASKS = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
TABLE, QUEUE = "${Table.Arn}", "${WorkQueue.Arn}"
INDEX = "arn:aws:dynamodb:eu-central-1:123456789012:table/${Table}/index/"
KEY = "${PushKey.Arn}"
# Waits of more than 15 minutes.
TIMER = {
    "arn:aws:scheduler:eu-central-1:123456789012:schedule/${Schedules}/a2a-*": [
        "scheduler:CreateSchedule"
    ],
    "${SchedulerRole.Arn}": ["iam:PassRole"],
}

RIGHTS = {
    "RequestRole": {
        TABLE: [*TASKS, "dynamodb:BatchGetItem", "dynamodb:DeleteItem"],
        INDEX + "list": ["dynamodb:Query"],
        QUEUE: ["sqs:SendMessage"],
        KEY: ["kms:GenerateDataKey"],
        "${RequestLogs.Arn}": LOGS,
    },
    "SqsExecutorRole": {
        TABLE: TASKS,
        QUEUE: [
            "sqs:SendMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:ReceiveMessage",
        ],
        KEY: ["kms:Decrypt"],
        "${SqsExecutorLogs.Arn}": LOGS,
        **TIMER,
    },
    "StreamRecoveryRole": {
        TABLE: TASKS,
        "${Table.StreamArn}": [
            "dynamodb:DescribeStream",
            "dynamodb:GetRecords",
            "dynamodb:GetShardIterator",
        ],
        # Streams cannot be listed by name.
        "*": ["dynamodb:ListStreams"],
        QUEUE: ["sqs:SendMessage"],
        "${StreamFailures.Arn}": ["sqs:SendMessage"],
        KEY: ["kms:Decrypt"],
        "${StreamRecoveryLogs.Arn}": LOGS,
        **TIMER,
    },
    "ScheduledRecoveryRole": {
        TABLE: TASKS,
        INDEX + "due": ["dynamodb:Query"],
        QUEUE: ["sqs:SendMessage"],
        KEY: ["kms:Decrypt"],
        "${ScheduledRecoveryLogs.Arn}": LOGS,
        **TIMER,
    },
    "SchedulerRole": {QUEUE: ["sqs:SendMessage"]},
    "SweepRole": {"${ScheduledRecovery.Arn}": ["lambda:InvokeFunction"]},
    "WarmRole": {"${Request.Arn}": ["lambda:InvokeFunction"]},
}

# What Lambda does in the name of a function in a VPC.
INTERFACES = {
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:UnassignPrivateIpAddresses",
}
# What DynamoDB and SQS do in the name of their caller.
DATA_KEY = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
]
# The actions that no resource can be named for, so that `*` is all there is.
UNNAMED = {"dynamodb:ListStreams", *INTERFACES}
# Policies of AWS's own, for what AWS's services do in the account.
MANAGED = {
    "AccountLogRole": "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    "CodeDeployRole": "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited",
}

VPC = {"SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1"}
EVERYTHING = {
    **VPC,
    "PushKmsKey": "create",
    "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/data",
    "KeepWarm": "true",
    "Canary": "Canary10Percent5Minutes",
    "Revision": "r1",
    "AccessLogs": "set-account-role",
}


def listed(value):
    return value if isinstance(value, list) else [value]


def statements(stack):
    """The statements of each role, whichever policy has them."""
    found = {role: [] for role in stack.of_type("AWS::IAM::Role")}
    for role, of in stack.of_type("AWS::IAM::Role").items():
        for policy in of.get("Policies", []):
            found[role] += statements_of(policy)
        for arn in of.get("ManagedPolicyArns", []):
            if arn not in MANAGED.values():
                found[role] += statements_of(stack.properties(arn[2:-1]))
    for policy in stack.of_type("AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            found[role[2:-1]] += statements_of(policy)
    return found


def statements_of(policy):
    # An older version takes `${...}` for a text.
    assert policy["PolicyDocument"]["Version"] == "2012-10-17"
    return policy["PolicyDocument"]["Statement"]


def rights(stack):
    found = {}
    for role, of_role in statements(stack).items():
        granted = found.setdefault(role, {})
        for statement in of_role:
            assert statement["Effect"] == "Allow"
            for resource in listed(statement["Resource"]):
                granted.setdefault(resource, []).extend(listed(statement["Action"]))
    return {role: {r: sorted(actions) for r, actions in of.items()} for role, of in found.items()}


def test_a_role_has_its_rights_and_no_others():
    expected = {role: {r: sorted(a) for r, a in of.items()} for role, of in RIGHTS.items()}
    assert rights(Stack(PushKmsKey="create", KeepWarm="true")) == expected


def test_no_right_is_there_without_what_it_is_for():
    now = rights(Stack())
    assert "WarmRole" not in now
    assert not re.search("kms:|ec2:", as_text(now))


def test_the_rights_are_for_the_table_and_the_key_that_are_named():
    key = "arn:aws:kms:eu-central-1:123456789012:key/push"
    stream = "arn:aws:dynamodb:eu-central-1:123456789012:table/old/stream/1"
    now = rights(Stack(PushKmsKey=key, ExistingTable="old", ExistingTableStreamArn=stream))
    old = "arn:aws:dynamodb:eu-central-1:123456789012:table/old"
    assert now["RequestRole"][key] == ["kms:GenerateDataKey"]
    assert now["SqsExecutorRole"][key] == ["kms:Decrypt"]
    assert set(now["RequestRole"]) >= {old, f"{old}/index/list"}
    assert set(now["ScheduledRecoveryRole"]) >= {old, f"{old}/index/due"}
    assert stream in now["StreamRecoveryRole"]
    assert "${Table" not in as_text(now)


def test_a_key_for_data_is_used_through_dynamodb_and_sqs_only():
    stack = Stack(**EVERYTHING)
    functions = ["RequestRole", "SqsExecutorRole", "StreamRecoveryRole", "ScheduledRecoveryRole"]
    for role in [*functions, "SchedulerRole"]:
        of_key = [s for s in statements(stack)[role] if s["Resource"] == EVERYTHING["KmsKeyArn"]]
        assert [s["Condition"] for s in of_key] == [
            {
                "StringEquals": {
                    "kms:ViaService": [
                        "dynamodb.eu-central-1.amazonaws.com",
                        "sqs.eu-central-1.amazonaws.com",
                    ]
                }
            }
        ], role
        assert rights(stack)[role][EVERYTHING["KmsKeyArn"]] == DATA_KEY
    assert EVERYTHING["KmsKeyArn"] not in rights(stack)["SweepRole"]


@pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["defaults", "everything"])
def test_no_action_is_a_pattern_and_no_resource_everything(parameters):
    stack = Stack(**parameters)
    for role, of in statements(stack).items():
        for statement in of:
            for action in listed(statement["Action"]):
                assert "*" not in action, role
            if "*" in listed(statement["Resource"]):
                assert set(listed(statement["Action"])) <= UNNAMED, role
    for role, of in stack.of_type("AWS::IAM::Role").items():
        foreign = [arn for arn in of.get("ManagedPolicyArns", []) if not arn.startswith("${")]
        assert foreign == ([MANAGED[role]] if role in MANAGED else []), role


def test_a_function_in_a_vpc_has_its_rights_before_it_is_made():
    """Lambda refuses it otherwise. Other policies are attached to a role when they can be."""
    stack = Stack(**EVERYTHING)
    for name, of in stack.of_type("AWS::Lambda::Function").items():
        role = of["Role"][2:-5]
        assert stack.properties(role)["ManagedPolicyArns"] == [
            "${DataKeyRights}",
            "${VpcRights}",
        ], name
        assert INTERFACES <= set(rights(stack)[role]["*"])


def test_a_role_can_be_passed_to_the_scheduler_only():
    for role, of in statements(Stack()).items():
        for statement in of:
            if "iam:PassRole" in listed(statement["Action"]):
                condition = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
                assert statement["Condition"] == condition, role


def test_every_function_has_a_role_of_its_own():
    roles = [of["Role"] for of in Stack().of_type("AWS::Lambda::Function").values()]
    assert sorted(roles) == sorted(
        f"${{{role}.Arn}}"
        for role in RIGHTS
        if role[:-4] in ["Request", "SqsExecutor", "StreamRecovery", "ScheduledRecovery"]
    )


def test_roles_trust_one_service_and_schedules_only_those_of_the_stack():
    stack = Stack(**EVERYTHING)
    for role, of in stack.of_type("AWS::IAM::Role").items():
        assert of["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
        (statement,) = of["AssumeRolePolicyDocument"]["Statement"]
        (service,) = listed(statement["Principal"]["Service"])
        assert (
            statement["Principal"] == {"Service": service}
            and statement["Action"] == "sts:AssumeRole"
        )
        condition = {
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "ArnEquals": {"aws:SourceArn": "${Schedules.Arn}"},
        }
        is_scheduler = service == "scheduler.amazonaws.com"
        assert statement.get("Condition") == (condition if is_scheduler else None), role
        assert is_scheduler == (role in ["SchedulerRole", "SweepRole", "WarmRole"])
