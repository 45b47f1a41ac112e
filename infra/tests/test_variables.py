"""The template sets the variables that the functions read, within the same bounds."""

import itertools
import re

import pytest
from model import CALLED_BACK, CHECKED, ROOT, Stack, allows, parameter_of, source, translated

FUNCTIONS = {
    "request": "Request",
    "sqs-executor": "SqsExecutor",
    "stream-recovery": "StreamRecovery",
    "scheduled-recovery": "ScheduledRecovery",
    "authorizer": "AuthorizerFunction",
    "webhook": "Webhook",
}
ALL = CHECKED | CALLED_BACK
TASKS = set(FUNCTIONS) - {"authorizer", "webhook"}
# What resources and the front door decide.
DECIDED = {
    "TABLE_NAME": "${Table}",
    "QUEUE_URL": "${WorkQueue}",
    "QUEUE_ARN": "${WorkQueue.Arn}",
    "SCHEDULER_ROLE_ARN": "${SchedulerRole.Arn}",
    "SCHEDULE_GROUP": "${Schedules}",
    "RESPONSE_MODE": "stream",
}
# The functions have no default for these.
OURS = {"AGENT": "echo"}
HEADER = "| variable | read by | default | bounds | secret | what |"
# A value that is not the default.
OTHER = {
    "ALB_ARN": "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/agents/0123456789abcdef",
    "AGENT": "summary",
    "AGENT_VARIABLES": '{"MODEL_ID": "small"}',
    "A2A_AGENT_CARD_KEYS": '{"keys": []}',
    "AGENT_COMMAND": "python3 agent.py",
    "A2A_AGENT_AUTHORIZATION": "ssm:/agent/authorization",
    "HTTP_AGENT_AUTHORIZATION": "ssm:/agent/authorization",
    "HTTP_AGENT_MODEL": "small",
    "HTTP_AGENT_SIGNING_KEYS": "whsk_YWJj whsec_YWJj",
    "OWNER_CLAIM": "email",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318",
    "POWERTOOLS_SERVICE_NAME": "agents",
    "POWERTOOLS_METRICS_NAMESPACE": "Agents/Prod",
    "JWT_ISSUERS": "https://a.example aud=one https://b.example aud=two,three jwks=https://b.example/keys",
    "REQUIRED_SCOPES": "a2a admin",
    "TENANT_CLAIM": "org",
    "AUTHORIZER_HEADER": "X-Token",
    "READ_SCOPE": "a2a:read",
    "SEND_SCOPE": "a2a:send",
    "CANCEL_SCOPE": "a2a:cancel",
    "PUSH_SCOPE": "a2a:push",
    "ALLOWED_ORIGINS": "https://app.example.com",
    "PUBLIC_URL": "https://agents.example.com/a2a",
    "CALLBACK_URL": "https://agents.example.com/callbacks",
    "BASE_PATH": "/agents",
    "CARD_MODIFIED": "2026-01-31T12:00:00Z",
    "CARD_SECURITY_SCHEMES": '{"oauth": {}}',
    "CARD_SECURITY_REQUIREMENTS": '[{"oauth": []}]',
    "CARD_SIGNING_KEY": "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----",
    "CARD_SIGNING_KEY_ID": "c1",
    "CARD_SIGNING_JWKS_URL": "https://agents.example.com/.well-known/jwks.json",
    "PUSH_KMS_KEY": "arn:aws:kms:eu-central-1:123456789012:key/1",
    "PUSH_SECRETS_KEY": "A" * 43 + "=",
    "PUSH_SIGNING_KEYS": "whsk_YWJj whsec_YWJj",
    "PUSH_JWT_KEY": "{{resolve:secretsmanager:push:SecretString:key}}",
    "PUSH_JWT_KEY_ID": "p1",
    "PUSH_ALLOWED_HOSTS": "hooks.example.com,*.example.org",
    "PUSH_WAITS_SECONDS": "1,2",
    "PUSH_EXTRA_ROOTS": "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----",
}
# What a rule wants beside it.
BESIDE = {
    "HTTP_AGENT_CALLBACK_HOURS": {"PushKmsKey": "create"},
    "ALLOW_ANONYMOUS": {"Authorizer": "none"},
    "HTTP_AGENT_CALLBACK_HOURS": {"PushKmsKey": "create"},
    "JWT_ISSUERS": {"Authorizer": "jwt"},
    "API_KEYS": {"Authorizer": "jwt", "JwtIssuers": "https://a.example aud=one"},
    "CARD_SIGNING_KEY": {"CardSigningKeyId": "c1"},
    "CARD_SIGNING_KEY_ID": {"CardSigningKey": OTHER["CARD_SIGNING_KEY"]},
    "CARD_SIGNING_JWKS_URL": {
        "CardSigningKey": OTHER["CARD_SIGNING_KEY"],
        "CardSigningKeyId": "c1",
    },
    "PUSH_JWT_KEY": {"PushJwtKeyId": "p1", "PublicUrl": "https://agents.example.com"},
    "PUSH_JWT_KEY_ID": {
        "PushJwtKey": OTHER["PUSH_JWT_KEY"],
        "PublicUrl": "https://agents.example.com",
    },
}


def table():
    lines = (ROOT / "docs" / "configuration.md").read_text().splitlines()
    rows = {}
    for line in itertools.takewhile(
        lambda line: line.startswith("|"), lines[lines.index(HEADER) + 2 :]
    ):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        rows[cells[0].strip("`")] = dict(
            zip(["readers", "default", "bounds", "secret"], cells[1:5])
        )
    return rows


TABLE = table()
GROUPS = {"all": set(FUNCTIONS), "tasks": TASKS}
READERS = {
    name: GROUPS.get(row["readers"]) or set(row["readers"].split(", "))
    for name, row in TABLE.items()
}
SETTABLE = sorted(set(TABLE) - set(DECIDED))


def test_the_table_of_variables_was_read():
    assert len(TABLE) > 40
    assert all(readers and readers <= set(FUNCTIONS) for readers in READERS.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_the_variables_that_it_reads_and_no_others(function):
    given = set(Stack(**ALL).variables(FUNCTIONS[function]))
    assert given == {name for name in TABLE if function in READERS[name]}


@pytest.mark.parametrize("variable", SETTABLE)
def test_a_parameter_sets_a_variable_where_it_is_read_and_nothing_else(variable):
    parameter = parameter_of(variable)
    declaration = source()["Parameters"][parameter]
    value = other_value(variable, declaration)
    beside = BESIDE.get(variable, {})
    after = Stack(**ALL | beside | {parameter: value})
    before = Stack(**ALL | WITHOUT.get(variable, {}))
    may_change = {name for name in TABLE if parameter_of(name) in {parameter, *beside}}
    # The card says how to come in, and that is by this header.
    may_change |= {"CARD_SECURITY_SCHEMES", "CARD_SECURITY_REQUIREMENTS"} if parameter in CARD else set()
    for function, logical_id in FUNCTIONS.items():
        if logical_id not in after.resources:
            assert variable == "ALLOW_ANONYMOUS" and function == "authorizer"
            continue
        then, now = before.variables(logical_id), after.variables(logical_id)
        if function in READERS[variable]:
            assert now[variable] == value, function
        assert {name for name in now if now[name] != then[name]} <= may_change, function


# Parameters that show in the card.
CARD = ["AuthorizerHeader", "CardSecuritySchemes", "CardSecurityRequirements", "AllowAnonymous"]


# What makes a stack of the same kind without a value.
WITHOUT = {
    "JWT_ISSUERS": {
        "Authorizer": "jwt",
        "JwtIssuer": "https://a.example",
        "JwtAudience": "one",
    },
    "API_KEYS": BESIDE["API_KEYS"],
}


def other_value(variable, declaration):
    if variable in OTHER:
        return OTHER[variable]
    if "AllowedValues" in declaration:
        return next(
            v for v in declaration["AllowedValues"] if str(v) != str(declaration["Default"])
        )
    default = int(declaration["Default"])
    return str(default - 1 if default > int(declaration["MinValue"]) else default + 1)


def test_what_resources_decide_is_what_they_are():
    stack = Stack(**ALL)
    for variable, value in DECIDED.items():
        for function in READERS[variable]:
            assert stack.variables(FUNCTIONS[function])[variable] == value, (function, variable)
    assert Stack(FrontDoor="http").variables("Request")["RESPONSE_MODE"] == "buffer"
    assert Stack(FrontDoor="url").variables("Request")["RESPONSE_MODE"] == "stream"
    existing = {
        "ExistingTable": "old",
        "ExistingTableStreamArn": "arn:aws:dynamodb:eu-central-1:123456789012:table/old/stream/1",
    }
    assert Stack(**existing).variables("SqsExecutor")["TABLE_NAME"] == "old"
    domain = {
        "DomainName": "a.example.com",
        "CertificateArn": "arn:aws:acm:eu-central-1:123456789012:certificate/1",
    }
    assert Stack(**domain).variables("Request")["PUBLIC_URL"] == "https://a.example.com"
    public = Stack(**domain, PublicUrl="https://b.example.com")
    assert public.variables("Request")["PUBLIC_URL"] == "https://b.example.com"
    assert Stack().variables("SqsExecutor")["CALLBACK_URL"] == ""
    for function in ["Request", "SqsExecutor"]:
        url = Stack(**CALLED_BACK).variables(function)["CALLBACK_URL"]
        assert url == "${WebhookUrl.FunctionUrl}callbacks"
    made = Stack(PushKmsKey="create")
    assert made.variables("Request")["PUSH_KMS_KEY"] == "${PushKey.Arn}"


@pytest.mark.parametrize("variable", SETTABLE)
def test_a_parameter_has_the_default_and_the_bounds_of_its_variable(variable):
    row, declaration = TABLE[variable], source()["Parameters"][parameter_of(variable)]
    bounds = re.fullmatch(r"a whole number from (\d+) to (\d+)", row["bounds"])
    if bounds:
        assert declaration["Type"] == "Number"
        assert (declaration["MinValue"], declaration["MaxValue"]) == tuple(
            map(int, bounds.groups())
        )
    elif re.search("^[a-z]+(, [a-z]+)* or [a-z]+$", row["bounds"]):
        assert declaration["AllowedValues"] == re.split(", | or ", row["bounds"])
    # A value is code, and `not set` and `required` are words.
    default = re.fullmatch("`(.*)`", row["default"])
    assert str(declaration["Default"]) == OURS.get(variable, default[1] if default else "")
    assert declaration.get("NoEcho", False) == {"yes": True, "no": False}[row["secret"]]
    assert declaration["Description"].startswith(f"{variable}: ")


def test_the_defaults_leave_most_of_the_4_kb_to_the_user():
    longest = "x" * 150  # of an ARN or a URL of a resource
    for logical_id in FUNCTIONS.values():
        variables = Stack(**ALL).variables(logical_id)
        size = sum(len(n) + len(re.sub(r"\$\{.*\}", longest, str(v))) for n, v in variables.items())
        assert size < 2_400, (logical_id, size)


def test_the_pattern_of_lists_of_waits_takes_no_more_than_the_function():
    declaration = translated()["Parameters"]["PushWaitsSeconds"]
    assert allows(declaration, ",".join(["604800"] * 32)) and allows(declaration, "1, 2")
    for text in [",", "1,", "1;2", "1.5", "-1", ",".join(["1"] * 33), ""]:
        assert not allows(declaration, text), text
