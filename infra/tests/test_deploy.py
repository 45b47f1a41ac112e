"""What scripts/deploy refuses before it asks AWS anything, and how it says so."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts/lib"))
from deploy import smoke  # noqa: E402
from deploy.__main__ import Deployment  # noqa: E402
from deploy.artifacts import History, read_manifest  # noqa: E402
from deploy.options import parser  # noqa: E402
from deploy.template import HIDDEN, Template, read_parameters  # noqa: E402
from tools import Fault  # noqa: E402
from workspace import KEY_PARAMETERS  # noqa: E402

SMALL = """
Parameters:
  Door: {Type: String, Default: rest, AllowedValues: [rest, url]}
  Agent: {Type: String, AllowedPattern: '[a-z]+', ConstraintDescription: must be the name of an agent}
  Seconds: {Type: Number, Default: 5, MinValue: 1, MaxValue: 10}
  Secret: {Type: String, Default: '', NoEcho: true, AllowedPattern: '^$|key-.*'}
  SecretId: {Type: String, Default: ''}
Rules:
  SecretHasId:
    RuleCondition: !Not [!Equals [!Ref Secret, '']]
    Assertions:
    - {Assert: !Not [!Equals [!Ref SecretId, '']], AssertDescription: SecretId is missing}
Conditions:
  HasSecret: !Not [!Equals [!Ref Secret, '']]
Globals:
  Function:
    Environment: {Variables: {AGENT: !Ref Agent, TABLE: !GetAtt Table.Arn}}
Resources:
  Table: {Type: AWS::DynamoDB::Table}
  Request:
    Type: AWS::Serverless::Function
    Properties:
      Environment:
        Variables:
          SECRET: !If [HasSecret, !Ref Secret, !Ref AWS::NoValue]
          URL: !Sub 'https://${Door}.example.com'
"""


@pytest.fixture
def small(tmp_path) -> Template:
    path = tmp_path / "template.yaml"
    path.write_text(SMALL)
    return Template(path)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "parameter Agent is required: give --parameters Agent=VALUE"),
        ({"Agent": "echo", "agent": "x"}, "parameter agent: .* did you mean Agent"),
        ({"Agent": "echo", "Door": "alb"}, "parameter Door must be one of rest, url; it is 'alb'"),
        ({"Agent": "Echo 1"}, "parameter Agent must be the name of an agent; it is 'Echo 1'"),
        ({"Agent": "echo", "Seconds": "11"}, "parameter Seconds must be from 1 to 10"),
        ({"Agent": "echo", "Seconds": "soon"}, "parameter Seconds must be a number"),
        ({"Agent": "echo", "Seconds": "7.5"}, "parameter Seconds must be a whole number"),
        ({"Agent": "echo", "Seconds": "nan"}, "parameter Seconds must be a whole number"),
        ({"Agent": "echo", "Secret": "key-1"}, "SecretId is missing .rule SecretHasId"),
    ],
)
def test_a_parameter_that_cannot_work_is_named(small, given, says):
    with pytest.raises(Fault, match=says):
        small.check(given, {})


def test_a_refused_secret_is_not_shown(small):
    with pytest.raises(Fault, match="parameter Secret must match") as refused:
        small.check({"Agent": "echo", "Secret": "hush"}, {})
    assert "hush" not in str(refused.value)


def test_what_the_stack_has_counts_and_its_secrets_are_left_alone(small):
    small.check({}, {"Agent": "echo", "Secret": HIDDEN})
    with pytest.raises(Fault, match="parameter Agent must be"):
        small.check({"Agent": "1"}, {"Agent": "echo"})


def test_too_many_bytes_of_variables_are_refused_with_the_largest(small):
    values = small.effective({"Agent": "echo"})
    assert set(small.variables(values)["Request"]) == {"AGENT", "TABLE", "URL"}
    assert small.variables(values)["Request"]["URL"] == "https://rest.example.com"
    assert small.check_variables(values)["Request"] < 300
    large = small.effective({"Agent": "echo", "Secret": "k" * 3900})
    with pytest.raises(Fault, match=r"variables of Request have about \d+ .* largest are SECRET"):
        small.check_variables(large)


def test_parameters_come_from_words_and_from_both_kinds_of_file(tmp_path):
    plain = tmp_path / "plain.json"
    plain.write_text('{"Agent": "echo", "Seconds": 7, "Open": true, "Own": {"MODEL_ID": "small"}}')
    listed = tmp_path / "listed.json"
    listed.write_text('[{"ParameterKey": "Door", "ParameterValue": "url"}]')
    found = read_parameters([str(plain), str(listed), "Agent=a=b"])
    own = '{"MODEL_ID": "small"}'
    assert found == {"Agent": "a=b", "Seconds": "7", "Open": "true", "Door": "url", "Own": own}
    for bad in ("[1]", "{", '{"Agent": ["echo"]}'):
        plain.write_text(bad)
        with pytest.raises(Fault, match="--parameters: "):
            read_parameters([str(plain)])
    with pytest.raises(Fault, match="neither KEY=VALUE nor a file"):
        read_parameters(["nowhere.json"])


def test_what_is_built_and_what_is_to_be_built_are_not_named_at_once():
    options = parser().parse_args(["--zips", "zips", "--workspace", "agent"])
    with pytest.raises(Fault, match="give one of them"):
        Deployment(options)


def test_missing_credentials_are_called_missing(monkeypatch, tmp_path):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    options = parser().parse_args(["--rollback", "--region", "eu-central-1"])
    with pytest.raises(Fault, match="there are no AWS credentials: set AWS_ACCESS_KEY_ID"):
        Deployment(options)


def test_a_zip_that_is_not_what_its_manifest_says_is_refused(tmp_path):
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    functions = {"request": {"file": "request.zip", "sha256": digest, "bytes": 3}}
    (tmp_path / "manifest.json").write_text(json.dumps({"arch": "arm64", "functions": functions}))
    (tmp_path / "request.zip").write_bytes(b"abc")
    assert read_manifest(tmp_path)["functions"] == functions
    (tmp_path / "request.zip").write_bytes(b"abd")
    with pytest.raises(Fault, match="package again"):
        read_manifest(tmp_path)
    for bad in ("", "[]", "{}", '{"functions": {}}', '{"arch": "arm64", "functions": {"request": {}}}'):
        (tmp_path / "manifest.json").write_text(bad)
        with pytest.raises(Fault, match="package again"):
            read_manifest(tmp_path)


@pytest.mark.parametrize("text", ["", "- 1", "Parameters: {}", "Resources: [1]", "a: [", "a: b: c"])
def test_a_file_that_is_no_template_is_refused(tmp_path, text):
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(Fault, match="is no template|is no YAML"):
        Template(path)
    with pytest.raises(Fault, match="cannot be read"):
        Template(tmp_path)


def test_a_rule_that_only_cloudformation_can_tell_is_left_to_it(tmp_path):
    rules = '''
  HereOnly: {Assertions: [{Assert: !Equals [!Ref AWS::Region, eu-central-1]}]}
  Zones: {Assertions: [{Assert: {'Fn::EachMemberIn': [[a], [a, b]]}}]}
Conditions:
  Far: !Equals [!Ref AWS::Region, eu-central-1]'''
    path = tmp_path / "template.yaml"
    path.write_text(SMALL.replace("\nConditions:", rules))
    template = Template(path)
    template.check({"Agent": "echo"}, {})
    assert template.condition("Far", template.effective({}))


A, B, C, D = ({"RequestKey": name, "CodeBucket": "b"} for name in "abcd")


def ran(*codes):
    """The history of a stack in which each of these ran, one after the other."""
    history, now = History("id", []), {}
    for code in codes:
        history, now = history.then(now, code), code
    return history


def test_a_rollback_goes_back_one_deployment_whatever_became_of_the_last():
    assert ran(A).before(A) is None
    assert ran(A, B, C).before(C) == B
    # Whoever deployed C was interrupted: it is in the history all the same.
    assert ran(A, B).then(B, C).before(C) == B
    # C was taken back by CloudFormation, and nobody said so.
    failed = ran(A, B).then(B, C)
    assert failed.before(B) == A
    assert failed.then(B, D).before(D) == B
    # A rollback is a deployment, too.
    assert ran(A, B, C).then(C, B).before(B) == C
    # The stack was deployed by other means in between.
    assert ran(A, B).then(C, D).before(D) == C
    assert ran(A, B).before(C) is None
    assert ran(A, B, B).codes == [A, B]


@pytest.mark.parametrize(
    ("agents", "first"),
    [
        ("echo", ("", "echo")),
        ("acme=echo, conformance", ("", "conformance")),
        ("acme=echo,b=strict", ("/acme", "echo")),
    ],
)
def test_the_smoke_test_goes_to_a_tenant_that_is_served(agents, first):
    assert smoke.first_agent(agents) == first


@pytest.mark.parametrize(
    ("parameters", "header"),
    [
        ({"Authorizer": "jwt"}, ("Authorization", "Bearer t")),
        ({"Authorizer": "key", "AuthorizerHeader": "any"}, ("Authorization", "Bearer t")),
        ({"Authorizer": "key", "AuthorizerHeader": "x-api-key"}, ("x-api-key", "t")),
        ({"Authorizer": "lambda", "AuthorizerHeader": "X-Api-Key"}, ("X-Api-Key", "t")),
        ({"Authorizer": "cognito"}, ("Authorization", "t")),
    ],
)
def test_the_smoke_test_shows_its_token_where_the_authorizer_looks(parameters, header):
    assert smoke.shown_by(parameters, "t") == header
    assert smoke.shown_by(parameters, None) is None


def test_a_front_door_that_cannot_be_reached_is_no_traceback():
    door = smoke.Door("https://nowhere.invalid", None, None, "eu-central-1")
    with pytest.raises(Fault, match="the stack is deployed, but nowhere.invalid does not answer"):
        door.request("GET", "/")


def test_the_template_is_refused_without_an_authorizer_unless_everybody_may_call():
    template = Template(ROOT / "infra/template.yaml")
    own = dict.fromkeys(KEY_PARAMETERS.values(), "a2a-lambda/none/none.zip")
    known = {**own, "CodeBucket": "some-bucket"}
    with pytest.raises(Fault, match="AllowAnonymous"):
        template.check({"Authorizer": "none"}, known)
    template.check({"Authorizer": "none", "AllowAnonymous": "true"}, known)
    template.check({}, known)
    sums = template.check_variables(template.effective(known))
    assert set(sums) == {"Request", "SqsExecutor", "StreamRecovery", "ScheduledRecovery", "Webhook"}


def test_versions_are_seen_where_a_parameter_asks_for_them():
    template = Template(ROOT / "infra/template.yaml")
    assert not template.has_versions(template.effective({}))
    assert template.has_versions(template.effective({"SqsExecutorProvisionedConcurrency": "1"}))


def test_a_function_of_plain_cloudformation_has_no_globals_of_sam():
    template = Template(ROOT / "infra/template.yaml")
    given = {"Authorizer": "key", "AuthorizerKey": "a.zip", "PushSecretsKey": "s" * 44}
    variables = template.variables(template.effective(given))
    assert "PUSH_SECRETS_KEY" in variables["Request"]
    assert "PUSH_SECRETS_KEY" not in variables["AuthorizerFunction"]
    assert variables["AuthorizerFunction"]["API_KEYS"] == "true"
    assert "AuthorizerFunction" not in template.variables(template.effective({}))
