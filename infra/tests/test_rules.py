"""Parameters that do not go together are refused, by name."""

import pytest
from model import Stack, refused, source

STREAM = "arn:aws:dynamodb:eu-central-1:123456789012:table/old/stream/1"
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:authorizer"
POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_a"
CERTIFICATE = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
ACL = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/a/1"
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/agents/python:1"
PEM = "-----BEGIN PRIVATE KEY-----\nx"
JWT = {"Authorizer": "jwt", "JwtIssuer": "https://issuer.example", "JwtAudience": "a"}
URL = "https://agents.example.com"

ISSUERS = {"JwtIssuers": "https://a.example aud=one https://b.example aud=two"}
ZIP = {"AuthorizerKey": "authorizer.zip"}

GOOD = [
    {},
    {"Authorizer": "key", **ZIP},
    {"Authorizer": "key", **ZIP, "FrontDoor": "http", "RequiredScopes": "a2a", "ReadScope": "read"},
    {**JWT, **ZIP, "TenantClaim": "org", "PushScope": "push"},
    {"Authorizer": "jwt", **ISSUERS, **ZIP, "ApiKeys": "true"},
    {"Authorizer": "jwt", **ISSUERS, **ZIP, "FrontDoor": "http"},
    {"FrontDoor": "http", **JWT, "TenantClaim": "org", "SendScope": "send"},
    {
        "Authorizer": "key",
        **ZIP,
        "AuthorizerHeader": "any",
        "AuthorizerResultTtlSeconds": "0",
        "FrontDoor": "http",
    },
    {"Authorizer": "lambda", "AuthorizerFunctionArn": FUNCTION, "FrontDoor": "http"},
    {"Authorizer": "none", "AllowAnonymous": "true"},
    {"Authorizer": "none", "AllowAnonymous": "true", "FrontDoor": "url"},
    {"Authorizer": "none", "AllowAnonymous": "true", "FrontDoor": "http"},
    {"Authorizer": "lambda", "AuthorizerFunctionArn": FUNCTION},
    {"Authorizer": "cognito", "UserPoolArn": POOL},
    {"FrontDoor": "url"},
    {"FrontDoor": "http"},
    {"FrontDoor": "http", **JWT},
    {"FrontDoor": "http", **JWT, "DomainName": "a.example.com", "CertificateArn": CERTIFICATE},
    {
        "WebAclArn": ACL,
        "DomainName": "a.example.com",
        "CertificateArn": CERTIFICATE,
        "HostedZoneId": "Z1",
    },
    {"ExistingTable": "old", "ExistingTableStreamArn": STREAM},
    {"SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"},
    {"Inline": "true"},
    {"SqsExecutorRuntime": "python3.13"},
    {"SqsExecutorImage": IMAGE},
    {"Revision": "r1"},
    {"Revision": "r1", "Canary": "Canary10Percent5Minutes"},
    {"Revision": "r1", "Canary": "Linear10PercentEvery1Minute", "Alarms": "false"},
    {"Revision": "r1", "RequestProvisionedConcurrency": "1", "KeepWarm": "true"},
    {"Revision": "r1", "SqsExecutorProvisionedConcurrency": "2", "FrontDoor": "url"},
    {"CardSigningKey": PEM, "CardSigningKeyId": "c1", "CardSigningJwksUrl": URL},
    {"PushJwtKey": PEM, "PushJwtKeyId": "p1", "PublicUrl": URL},
    {
        "PushJwtKey": PEM,
        "PushJwtKeyId": "p1",
        "DomainName": "a.example.com",
        "CertificateArn": CERTIFICATE,
    },
    {"PushKmsKey": "create", "KmsKeyArn": "arn:aws:kms:eu-central-1:123456789012:key/1"},
    {"HttpAgentCallbackHours": "2", "WebhookKey": "webhook.zip", "PushKmsKey": "create"},
    {"HttpAgentCallbackHours": "2", "CallbackUrl": URL, "PushKmsKey": "create"},
    {"AccessLogs": "on"},
    {"AccessLogs": "set-account-role"},
    {"AccessLogs": "on", "FrontDoor": "http", "AllowedOrigins": "*"},
    {"FrontDoor": "url", "AllowedOrigins": "https://a.example.com,https://b.example.com"},
    {
        "AlarmTopic": "arn:aws:sns:eu-central-1:123456789012:alarms",
        "SqsExecutorMaxConcurrency": "7",
    },
    {"SqsExecutorMinPollers": "2", "SqsExecutorMaxPollers": "2000"},
    {
        f"{name}ReservedConcurrency": "3"
        for name in ["Request", "SqsExecutor", "StreamRecovery", "ScheduledRecovery"]
    },
]

# What is refused, and the parameter that the refusal begins with.
BAD = [
    ({"Authorizer": "none"}, "Authorizer is none, so anybody could call: set AllowAnonymous"),
    ({"AllowAnonymous": "true"}, "AllowAnonymous is true"),
    (JWT, "AuthorizerKey: "),
    ({"Authorizer": "key"}, "AuthorizerKey: "),
    ({"FrontDoor": "http", **JWT, "RequiredScopes": "a"}, "AuthorizerKey: "),
    ({"FrontDoor": "http", "Authorizer": "jwt", **ISSUERS}, "AuthorizerKey: "),
    (ISSUERS, "JwtIssuers: "),
    ({**JWT, **ISSUERS, **ZIP}, "JwtIssuer: leave it empty"),
    ({"ApiKeys": "true"}, "ApiKeys: "),
    ({"SqsExecutorRuntime": "python3.13", "Inline": "true"}, "Inline: with a SqsExecutorRuntime"),
    ({"SqsExecutorImage": IMAGE, "Inline": "true"}, "Inline: with a SqsExecutorImage"),
    ({"SqsExecutorImage": IMAGE, "SqsExecutorRuntime": "python3.13"}, "SqsExecutorRuntime: with a SqsExecutorImage"),
    ({"HttpAgentCallbackHours": "2", "PushKmsKey": "create"}, "HttpAgentCallbackHours: it needs Callbacks"),
    (
        {"HttpAgentCallbackHours": "2", "CallbackUrl": URL},
        "HttpAgentCallbackHours: it needs PushKmsKey",
    ),
    ({"SqsExecutorMinPollers": "2"}, "SqsExecutorMaxPollers: "),
    ({"SqsExecutorMaxPollers": "2"}, "SqsExecutorMinPollers: "),
    (
        {"SqsExecutorMinPollers": "2", "SqsExecutorMaxPollers": "9", "SqsExecutorMaxConcurrency": "9"},
        "SqsExecutorMaxConcurrency: ",
    ),
    ({"RequiredScopes": "a"}, "RequiredScopes: "),
    ({"TenantClaim": "org"}, "TenantClaim and the scopes"),
    ({"ReadScope": "a"}, "TenantClaim and the scopes"),
    ({"SendScope": "a"}, "TenantClaim and the scopes"),
    ({"CancelScope": "a"}, "TenantClaim and the scopes"),
    ({"PushScope": "a"}, "TenantClaim and the scopes"),
    ({"Authorizer": "key", **ZIP, "AuthorizerHeader": "any"}, "AuthorizerResultTtlSeconds: "),
    ({"AuthorizerHeader": "any", "AuthorizerResultTtlSeconds": "0"}, "AuthorizerHeader: any"),
    (
        {"FrontDoor": "url", "Authorizer": "lambda", "AuthorizerFunctionArn": FUNCTION},
        "Authorizer: with FrontDoor url",
    ),
    (
        {"FrontDoor": "url", "DomainName": "a.example.com", "CertificateArn": CERTIFICATE},
        "DomainName: a Function URL",
    ),
    (
        {"FrontDoor": "http", "Authorizer": "cognito", "UserPoolArn": POOL},
        "Authorizer: with FrontDoor http",
    ),
    ({"FrontDoor": "http", "WebAclArn": ACL}, "WebAclArn: "),
    (
        {"SecretKeyArns": "arn:aws:kms:eu-central-1:123456789012:key/1"},
        "SecretKeyArns: it is for",
    ),
    (
        {
            "AlarmEmail": "ops@example.com",
            "AlarmTopic": "arn:aws:sns:eu-central-1:123456789012:alarms",
        },
        "AlarmEmail: with AlarmTopic",
    ),
    ({"FrontDoor": "url", "WebAclArn": ACL}, "WebAclArn: "),
    ({"Authorizer": "lambda"}, "AuthorizerFunctionArn: "),
    ({"Authorizer": "cognito"}, "UserPoolArn: "),
    ({"FrontDoor": "http", **JWT, "JwtIssuer": ""}, "JwtIssuer: "),
    ({"FrontDoor": "http", **JWT, "JwtAudience": ""}, "JwtAudience: "),
    ({"DomainName": "a.example.com"}, "CertificateArn: "),
    ({"CertificateArn": CERTIFICATE}, "DomainName: HostedZoneId, CertificateArn"),
    ({"HostedZoneId": "Z1"}, "DomainName: HostedZoneId, CertificateArn and DomainPath"),
    ({"DomainPath": "api"}, "DomainName: HostedZoneId, CertificateArn and DomainPath"),
    ({"ExistingTable": "old"}, "ExistingTableStreamArn: "),
    ({"ExistingTableStreamArn": STREAM}, "ExistingTable: "),
    ({"SubnetIds": "subnet-1"}, "SecurityGroupIds: "),
    ({"SecurityGroupIds": "sg-1"}, "SubnetIds: "),
    ({"Canary": "Canary10Percent5Minutes"}, "Revision: "),
    ({"RequestProvisionedConcurrency": "1"}, "Revision: "),
    ({"SqsExecutorProvisionedConcurrency": "1"}, "Revision: "),
    ({"CardSigningKey": PEM}, "CardSigningKeyId: "),
    ({"CardSigningKeyId": "c1"}, "CardSigningKey: "),
    ({"CardSigningJwksUrl": URL}, "CardSigningKey: "),
    ({"PushJwtKey": PEM, "PublicUrl": URL}, "PushJwtKeyId: "),
    ({"PushJwtKey": PEM, "PushJwtKeyId": "p1"}, "PublicUrl: "),
    ({"PushJwtKeyId": "p1"}, "PushJwtKey: "),
]


@pytest.mark.parametrize("parameters", GOOD, ids=str)
def test_these_go_together_and_refer_to_nothing_that_is_not_made(parameters):
    assert Stack(**parameters).outputs["Url"]


@pytest.mark.parametrize(("parameters", "reason"), BAD, ids=str)
def test_these_do_not(parameters, reason):
    error = refused(**parameters)
    assert error is not None
    assert error.split(": ", 1)[1].startswith(reason), error


def test_every_assertion_refuses_something():
    seen = {refused(**parameters).split(": ", 1)[1] for parameters, _ in BAD}
    rules = source()["Rules"].values()
    assert {of["AssertDescription"] for rule in rules for of in rule["Assertions"]} == seen


def test_rules_use_only_the_functions_that_cloudformation_takes_there():
    allowed = {"Fn::And", "Fn::Contains", "Fn::Equals", "Fn::Not", "Fn::Or", "Ref"}

    def functions(node):
        if isinstance(node, list):
            return set().union(*map(functions, node))
        if not isinstance(node, dict):
            return set()
        own = {name for name in node if name == "Ref" or name.startswith("Fn::")}
        return own.union(*map(functions, node.values()))

    assert functions(source()["Rules"]) <= allowed
