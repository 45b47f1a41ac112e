"""A parameter that cannot work is refused, by its name and with what it must be."""

import re

import pytest
from model import CODE, Stack, refused, source, translated

PARAMETERS = source()["Parameters"]
SECRET = "hush-hush"
POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_a"
LISTENER = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/1"

# Values that are refused. Numbers and choices are tested by what they declare.
BAD = {
    "CodeBucket": ["", "Bucket", "a", "s3://code"],
    "RequestKey": [""],
    "SqsExecutorKey": [""],
    "StreamRecoveryKey": [""],
    "ScheduledRecoveryKey": [""],
    "AuthorizerKey": ["x" * 1025],
    "WebhookKey": ["x" * 1025],
    "CallbackUrl": ["a.example", "http://a.example", "https://a.example?x=y", "https://u:p@a.example"],
    "JwtIssuers": ["issuer aud=a", "https://a.example audience=a", "aud=a", "ftp://a.example aud=a"],
    "RequiredScopes": ["a  b", " a"],
    "TenantClaim": ["a b"],
    "ReadScope": ["a b", '"a"'],
    "SendScope": ["a b", "a\\b"],
    "CancelScope": ["a b"],
    "PushScope": ["a b", "ä"],
    "AuthorizerFunctionArn": [
        "authorizer",
        LISTENER,
        "arn:aws:lambda:eu-central-1:1:function:f",
        POOL,
    ],
    "UserPoolArn": ["eu-central-1_a", "arn:aws:lambda:eu-central-1:123456789012:function:f"],
    "AuthorizerHeader": ["", "x api", "x:y"],
    "JwtIssuer": ["issuer", "http://issuer.example"],
    "JwtAudience": [",", "a,", "a b"],
    "WebAclArn": ["acl", "arn:aws:wafv2:us-east-1:123456789012:global/webacl/a/1"],
    "DomainName": ["https://a.example.com", "a", "A.example.com", "a.example.com/"],
    "CertificateArn": ["certificate", LISTENER],
    "DomainPath": ["/api", "api/", "api//v1", "a b", "x" * 301],
    "HostedZoneId": ["a.example.com", "z123"],
    "SqsExecutorMaxConcurrency": ["0", "1", "1001", "many"],
    "SqsExecutorMinPollers": ["0", "1", "201", "many"],
    "SqsExecutorMaxPollers": ["0", "1", "2001", "9999", "many"],
    "RequestReservedConcurrency": ["0", "-1", "all"],
    "SqsExecutorReservedConcurrency": ["0", "-1", "all"],
    "StreamRecoveryReservedConcurrency": ["0", "-1", "all"],
    "ScheduledRecoveryReservedConcurrency": ["0", "-1", "all"],
    "AuthorizerReservedConcurrency": ["0", "-1", "all"],
    "WebhookReservedConcurrency": ["0", "-1", "all"],
    "RequestProvisionedConcurrency": ["0", "-1", "all"],
    "SqsExecutorProvisionedConcurrency": ["0", "-1", "all"],
    "SqsExecutorImage": [
        "agents/python:1", "public.ecr.aws/agents/python:1", "docker.io/library/python:3.13",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/agents/python",
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/agents/python@sha256:ab",
        "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/agents/python:1",
    ],
    "Revision": ["a b", "x" * 65],
    "SubnetIds": ["subnet", "subnet-1,", "subnet-1 subnet-2"],
    "SecurityGroupIds": ["group", "sg-1,", "sg-1 sg-2"],
    "ExistingTable": ["t", "a/b", "arn:aws:dynamodb:eu-central-1:123456789012:table/t"],
    "ExistingTableStreamArn": ["stream", "arn:aws:dynamodb:eu-central-1:123456789012:table/t"],
    "KmsKeyArn": ["alias/a", "key", "arn:aws:kms:eu-central-1:123456789012:alias/a"],
    "AlarmTopic": ["topic", LISTENER],
    "SsmParameterArns": ["/a/b", LISTENER, "arn:aws:ssm:eu-central-1:1:parameter/a, b"],
    "SecretArns": ["push", LISTENER],
    "SecretKeyArns": ["alias/a", LISTENER],
    "AgentListArn": [
        "s3:lists/a", "arn:aws:s3:::lists", "arn:aws:s3:::lists/", "arn:aws:s3:::lists/*", "arn:aws:s3:::lists/a?",
        "arn:aws:s3:::*/a", "arn:aws:s3:::lists/${aws:username}", "arn:aws:s3:::lists/a b", LISTENER,
    ],
    "AlarmEmail": ["me", "me@here", "a b@example.com"],
    "OtelExporterOtlpEndpoint": ["", "collector", "http://u:p@a.example", "http://a/?x"],
    "PowertoolsServiceName": ["", "a b", "x" * 256],
    "PowertoolsMetricsNamespace": ["", "a b", "AWS/Lambda"],
    "Agent": ["", "echo, acme=summary"],
    "AgentVariables": ["MODEL_ID=small", '["MODEL_ID"]'],
    "A2aAgentCardKeys": ["https://agent.example/jwks.json", "[]"],
    "AgentCommand": ["python3 'my agent.py'", "[", "echo $PORT", "a && b"],
    "A2aAgentAuthorization": ["Bearer " + SECRET + "\nx-other: y"],
    "HttpAgentAuthorization": ["Bearer " + SECRET + "\nx-other: y"],
    "HttpAgentModel": ["a model"],
    "HttpAgentSigningKeys": [SECRET, "whsec_a," + SECRET, " ".join(["whsec_a"] * 5)],
    "AgentFunctionArns": ["agent", LISTENER],
    "AgentRuntimeArns": ["agent", LISTENER],
    "AgentPolicyArn": ["agents", "arn:aws:iam::123456789012:role/agents"],
    "OwnerClaim": ["", "a b"],
    "AlbArn": [
        "agents",
        LISTENER,
        "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/net/a/1",
    ],
    "AllowedOrigins": [
        "app.example.com",
        "https://a.example.com, https://b.example.com",
        "https://a.example.com,*",
        "https://app.example.com/",
        ",",
    ],
    "PublicUrl": [
        "agents.example.com",
        "ftp://a.example.com",
        "https://a.example.com/?x=1",
        "https://a b",
        "https://a.example.com#f",
        "https://user:password@a.example.com",
    ],
    "BasePath": ["agents", "/a?x", "/a#x"],
    "CardModified": ["yesterday", "2026-01-31", "2026-01-31T12:00:00+01:00"],
    "CardSecuritySchemes": ["[]", "oauth"],
    "CardSecurityRequirements": ["{}", "oauth"],
    "CardSigningKey": [SECRET, "ssm:" + SECRET, "-----BEGIN EC PRIVATE KEY-----\nx"],
    "CardSigningKeyId": ["x" * 257],
    "PushJwtKeyId": ["x" * 257],
    "CardSigningJwksUrl": ["jwks.json"],
    "PushKmsKey": ["alias/a", "make", "arn:aws:kms:eu-central-1:123456789012:alias/a"],
    "PushSecretsKey": [SECRET, "A" * 42],
    "PushSigningKeys": [SECRET, "whsec_a," + SECRET, " ".join(["whsec_a"] * 5)],
    "PushJwtKey": [SECRET, "ssm:/a b", "secretsmanager:", "secretsmanager:#key"],
    "PushAllowedHosts": ["https://hooks.example.com", ",", "a b"],
    "PushWaitsSeconds": [",", "1.5"],
    "PushExtraRoots": ["root", "-----BEGIN PRIVATE KEY-----"],
}


def bad_values(name):
    declaration = PARAMETERS[name]
    if "AllowedValues" in declaration:
        return ["", "maybe"]
    if declaration["Type"] == "Number":
        return [declaration["MinValue"] - 1, declaration["MaxValue"] + 1, "", "ten"]
    return BAD[name]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_bad_value_is_refused_by_name_and_not_shown(name):
    must_be = PARAMETERS[name]["ConstraintDescription"]
    assert must_be.startswith("must be "), must_be
    for value in bad_values(name):
        assert refused(**{name: value}) == f"{name} {must_be}", value
        assert SECRET not in refused(**{name: value})


@pytest.mark.parametrize("name", CODE)
def test_code_must_be_given(name, monkeypatch):
    monkeypatch.delitem(CODE, name)
    assert refused() == f"{name} must be given"


def test_the_defaults_make_a_stack():
    assert refused() is None


def test_all_but_the_code_has_a_default_and_everything_a_description():
    assert {name for name, of in PARAMETERS.items() if "Default" not in of} == set(CODE)
    for name, declaration in PARAMETERS.items():
        assert len(declaration["Description"]) > 10, name


def test_every_parameter_is_used():
    body = translated()
    used = str({part: body[part] for part in ["Rules", "Conditions", "Resources", "Outputs"]})
    for name in PARAMETERS:
        assert re.search(rf"'Ref': '{name}'|\$\{{{name}\}}", used), name


def test_a_tried_turn_is_received_often_enough_for_all_its_attempts():
    for attempts in range(1, 101):
        stack = Stack(MaxAttempts=attempts)
        assert stack.properties("WorkQueue")["RedrivePolicy"]["maxReceiveCount"] == attempts + 5
