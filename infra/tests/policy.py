"""What each role of the template is for: the calls of the code, and what AWS's services do in its name.

Run by itself, it takes each action from each role, and prints who misses it."""

import copy
import json
import sys
from pathlib import Path
from typing import NamedTuple

from model import CALLED_BACK, CHECKED, Stack, translated

# The calls that the tests of the code record, by function. `crates/local/tests/calls` writes it.
CALLS = json.loads(Path(__file__).with_name("calls.json").read_text())
FUNCTIONS = {
    "request": "Request",
    "sqs-executor": "SqsExecutor",
    "stream-recovery": "StreamRecovery",
    "scheduled-recovery": "ScheduledRecovery",
    "authorizer": "AuthorizerFunction",
    "webhook": "Webhook",
}
# In calls.json, what EventBridge Scheduler does for a one-time schedule that a function has made.
SCHEDULER = "scheduler"

# Lambda and DynamoDB document these.
LOGGING = ["logs:CreateLogStream", "logs:PutLogEvents"]
QUEUE_POLLER = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
STREAM_POLLER = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
NETWORK = [
    "ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
]  # fmt: skip
ENCRYPTED_TABLE = [
    "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo",
]  # fmt: skip
SEGMENTS = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
ENCRYPTED_QUEUE = ["kms:Decrypt", "kms:GenerateDataKey"]

EXISTING = {
    "ExistingTable": "old",
    "ExistingTableStreamArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/old/stream/1",
    "PushKmsKey": "arn:aws:kms:eu-central-1:123456789012:key/push",
}
# With these, every role has each of its statements.
EVERYTHING = {
    "SubnetIds": "subnet-1", "SecurityGroupIds": "sg-1", "PushKmsKey": "create", "KeepWarm": "true",
    "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/data", "Canary": "Canary10Percent5Minutes",
    "Revision": "r1", "AccessLogs": "set-account-role", "ActiveTracing": "true",
    "SsmParameterArns": "arn:aws:ssm:eu-central-1:123456789012:parameter/a,arn:aws:ssm:eu-central-1:123456789012:parameter/b",
    "SecretArns": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:push-AbCdEf",
    "SecretKeyArns": "arn:aws:kms:eu-central-1:123456789012:key/secrets",
    "AgentListArn": "arn:aws:s3:::lists/agents.json",
    "AgentFunctionArns": "arn:aws:lambda:eu-central-1:123456789012:function:a,arn:aws:lambda:eu-central-1:123456789012:function:b:live",
    "AgentRuntimeArns": "arn:aws:bedrock-agentcore:eu-central-1:123456789012:runtime/a", **CHECKED, **CALLED_BACK,
}  # fmt: skip
TOKENS = CHECKED | {"Authorizer": "jwt", "JwtIssuer": "https://a.example", "JwtAudience": "a"}
PARAMETERS = {
    "defaults": {}, "existing table": EXISTING | CHECKED | CALLED_BACK, "callbacks": CALLED_BACK, "everything": EVERYTHING, "tokens": TOKENS,
    "tokens and keys": TOKENS | {"ApiKeys": "true"},
}  # fmt: skip


class Right(NamedTuple):
    role: str
    action: str
    resource: str
    # The condition of the statement, as JSON; empty if there is none.
    condition: str = ""

    def __str__(self):
        on = f"{self.role}: {self.action} on {self.resource}"
        return f"{on} if {self.condition}" if self.condition else on


def listed(value):
    return value if isinstance(value, list) else [value]


def name_of(arn):
    """The logical id of `${Table.Arn}`, `${Table}` or the ARN of an alias."""
    return arn.split("${")[1].split("}")[0].split(".")[0]


def condition(operator, **values):
    keys = {key.replace("_", ":"): value for key, value in values.items()}
    return json.dumps({operator: keys}, sort_keys=True)


def statements(stack):
    """The statements of each role, whichever policy has them."""
    found = {role: [] for role in stack.of_type("AWS::IAM::Role")}
    for role, of in stack.of_type("AWS::IAM::Role").items():
        policies = list(of.get("Policies", []))
        # Policies of AWS's own are not looked into.
        own = [arn for arn in of.get("ManagedPolicyArns", []) if not arn.startswith("arn:")]
        for policy in policies + [stack.properties(name_of(arn)) for arn in own]:
            found[role] += statements_of(policy)
    for policy in stack.of_type("AWS::IAM::Policy").values():
        for role in policy["Roles"]:
            found[name_of(role)] += statements_of(policy)
    return found


def statements_of(policy):
    # An older version takes `${...}` for a text.
    assert policy["PolicyDocument"]["Version"] == "2012-10-17"
    return policy["PolicyDocument"]["Statement"]


def granted(stack):
    """The rights of all roles."""
    rights = set()
    for role, of_role in statements(stack).items():
        for statement in of_role:
            assert statement["Effect"] == "Allow" and not {"NotAction", "NotResource"} & set(
                statement
            )
            on = (
                json.dumps(statement["Condition"], sort_keys=True)
                if "Condition" in statement
                else ""
            )
            for action in listed(statement["Action"]):
                rights |= {
                    Right(role, action, resource, on) for resource in listed(statement["Resource"])
                }
    return rights


def resource_of(kind, variables):
    """What a function calls is what its variables name."""
    region = "eu-central-1:123456789012"
    table = variables["TABLE_NAME"]
    if kind in ("table", "table/!keys"):
        return "${Table.Arn}" if table == "${Table}" else f"arn:aws:dynamodb:{region}:table/{table}"
    if kind.startswith("table/index/"):
        return f"arn:aws:dynamodb:{region}:{kind.replace('table', f'table/{table}', 1)}"
    if kind == "queue":
        # webhook makes no schedules, and knows the URL alone.
        if "QUEUE_ARN" not in variables:
            return f"${{{name_of(variables['QUEUE_URL'])}.Arn}}"
        assert name_of(variables["QUEUE_URL"]) == name_of(variables["QUEUE_ARN"])
        return variables["QUEUE_ARN"]
    if kind == "schedule/a2a-*":
        return f"arn:aws:scheduler:{region}:schedule/{variables['SCHEDULE_GROUP']}/a2a-*"
    return variables[{"key": "PUSH_KMS_KEY", "role": "SCHEDULER_ROLE_ARN"}[kind]]


def needs_of_code(stack):
    """The rights that the recorded calls need, and who calls."""
    for function, calls in CALLS.items():
        of = "SqsExecutor" if function == SCHEDULER else FUNCTIONS[function]
        if of not in stack.resources:
            continue
        variables = stack.variables(of)
        role = (
            variables["SCHEDULER_ROLE_ARN"]
            if function == SCHEDULER
            else stack.properties(of)["Role"]
        )
        for call in calls:
            if "when" in call and not variables[call["when"]]:
                continue
            on = ""
            if call["resource"] == "table/!keys":
                if variables["API_KEYS"] != "true":
                    continue
                on = json.dumps({"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["!keys"]}})
            if call["action"] == "iam:PassRole":
                on = condition("StringEquals", iam_PassedToService="scheduler.amazonaws.com")
            resource = resource_of(call["resource"], variables)
            yield Right(name_of(role), call["action"], resource, on), f"{function} calls it"


def needs_of_references(stack):
    """The rights to read secrets by reference, by `crates/aws`. No variable of the authorizer is secret."""
    services = [f"{service}.eu-central-1.amazonaws.com" for service in ["ssm", "secretsmanager"]]
    through = condition("StringEquals", kms_ViaService=services)
    for parameter, action, on in [
        ("SsmParameterArns", "ssm:GetParameter", ""),
        ("SecretArns", "secretsmanager:GetSecretValue", ""),
        ("SecretKeyArns", "kms:Decrypt", through),
    ]:
        for resource in filter(None, stack.parameters[parameter].split(",")):
            for of in (of for of in FUNCTIONS.values() if of in stack.resources and of != "AuthorizerFunction"):
                role = name_of(stack.properties(of)["Role"])
                yield Right(role, action, resource, on), f"{parameter} names it"


def needs_of_agent_list(stack):
    """The rights to read a list of agents in S3, by `crates/aws`: of the functions that read AGENT."""
    if not (of_list := stack.parameters["AgentListArn"]):
        return
    through = condition("StringEquals", kms_ViaService="s3.eu-central-1.amazonaws.com")
    for of in ["Request", "SqsExecutor"]:
        role = name_of(stack.properties(of)["Role"])
        yield Right(role, "s3:GetObject", of_list), "AgentListArn names it"
        for key in filter(None, stack.parameters["SecretKeyArns"].split(",")):
            yield Right(role, "kms:Decrypt", key, through), "SecretKeyArns names it"


def needs_of_called_agents(stack):
    """The rights to invoke agents, by `crates/agents`, in the name of the functions that run them."""
    runs = ["SqsExecutor"] + (["Request"] if stack.parameters["Inline"] == "true" else [])
    for parameter, actions in [
        ("AgentFunctionArns", ["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"]),
        ("AgentRuntimeArns", ["bedrock-agentcore:InvokeAgentRuntime"]),
    ]:
        for resource in filter(None, stack.parameters[parameter].split(",")):
            for action in actions:
                for of in runs:
                    role = name_of(stack.properties(of)["Role"])
                    yield Right(role, action, resource), f"{parameter} names it"


def needs_of_aws(stack):
    """The rights that AWS's services use in the name of a role, and what for."""
    key = stack.parameters["KmsKeyArn"]
    dynamodb, sqs = (f"{service}.eu-central-1.amazonaws.com" for service in ["dynamodb", "sqs"])
    roles = {}
    for name, of in stack.of_type("AWS::Lambda::Function").items():
        role = roles[name] = name_of(of["Role"])
        for action in LOGGING:
            group = name_of(of["LoggingConfig"]["LogGroup"])
            yield Right(role, action, f"${{{group}.Arn}}"), "Lambda writes the log"
        for action in SEGMENTS if of["TracingConfig"]["Mode"] == "Active" else []:
            yield Right(role, action, "*"), "Lambda writes segments"
        for action in NETWORK if "VpcConfig" in of else []:
            yield Right(role, action, "*"), "Lambda makes network interfaces"
        for action in ENCRYPTED_TABLE if key else []:
            on = condition("StringEquals", kms_ViaService=[dynamodb, sqs])
            yield Right(role, action, key, on), "DynamoDB and SQS decrypt and encrypt data"
    for of in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        function = name_of(of["FunctionName"]).removesuffix("Alias")
        source, is_stream = of["EventSourceArn"], "StartingPosition" in of
        for action in STREAM_POLLER if is_stream else QUEUE_POLLER:
            yield Right(roles[function], action, source), "the function's mapping polls"
        if is_stream:
            # It takes no resource.
            yield (
                Right(roles[function], "dynamodb:ListStreams", "*"),
                "the function's mapping polls",
            )
        if "DestinationConfig" in of:
            destination = of["DestinationConfig"]["OnFailure"]["Destination"]
            yield (
                Right(roles[function], "sqs:SendMessage", destination),
                "the mapping gives up a batch",
            )
    for name, of in stack.of_type("AWS::Scheduler::Schedule").items():
        target = of["Target"]
        role = name_of(target["RoleArn"])
        yield Right(role, "lambda:InvokeFunction", target["Arn"]), f"the schedule {name} invokes it"
    if key:
        role = name_of(stack.variables("SqsExecutor")["SCHEDULER_ROLE_ARN"])
        for action in ENCRYPTED_QUEUE:
            on = condition("StringEquals", kms_ViaService=sqs)
            yield Right(role, action, key, on), "SQS encrypts what a schedule sends"


def needs(stack):
    """The rights that are needed, and what for."""
    found = {}
    in_code = [*needs_of_code(stack), *needs_of_references(stack), *needs_of_agent_list(stack), *needs_of_called_agents(stack)]
    for right, reason in [*in_code, *needs_of_aws(stack)]:
        found.setdefault(right, []).append(reason)
    return found


def lacking(stack):
    """The rights that roles lack, with what they are needed for."""
    has = granted(stack)
    return [
        (right, ", ".join(what)) for right, what in sorted(needs(stack).items()) if right not in has
    ]


def problems(template=None, **parameters):
    """What roles lack, and what they have for nothing."""
    stack = Stack(template, **parameters)
    lacks = [f"lacks {right}: {what}" for right, what in lacking(stack)]
    return lacks + [f"unused {right}" for right in sorted(granted(stack) - needs(stack).keys())]


def documents(template):
    """Each policy document that is part of the template, with its resource and a place."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            yield name, properties["PolicyDocument"]
        elif resource["Type"] == "AWS::IAM::Role":
            for policy in properties.get("Policies", []):
                yield name, policy["PolicyDocument"]


def plain(statement):
    """A statement, out of the condition that it is made on."""
    return statement["Fn::If"][1] if "Fn::If" in statement else statement


def places():
    """Each action of the template: its policy, and where that is."""
    found = []
    for document, (name, of) in enumerate(documents(translated())):
        for number, statement in enumerate(of["Statement"]):
            actions = listed(plain(statement)["Action"])
            found += [(name, action, document, number) for action in actions]
    return found


def changed(document, number, change):
    """The template with a statement changed by a function. `None` from it drops the statement."""
    (name, _) = list(documents(translated()))[document]
    resources = translated()["Resources"]
    template = translated() | {"Resources": resources | {name: copy.deepcopy(resources[name])}}
    (_, of) = list(documents(template))[document]
    if change(plain(of["Statement"][number])) is None:
        del of["Statement"][number]
    return template


def without(action):
    def change(statement):
        left = [other for other in listed(statement["Action"]) if other != action]
        statement["Action"] = left
        return statement if left else None

    return change


def missed(_, action, document, number):
    """The rights that are lacking when the action is taken from the policy."""
    return lacking(Stack(changed(document, number, without(action)), **EVERYTHING))


def main():
    unmissed = 0
    for place in places():
        found = missed(*place)
        unmissed += not found
        print(f"{place[0]} without {place[1]}{'' if found else ': nothing fails'}")
        for right, what in found:
            print(f"    {right.role} lacks it on {right.resource}: {what}")
    print(f"{len(places())} actions, {unmissed} of which can be taken away without a failure")
    return 1 if unmissed else 0


if __name__ == "__main__":
    sys.exit(main())
