"""The front doors: which paths are open, who is asked on the others, and that they stream."""

import json
import re

import pytest
from model import CALLED_BACK, CHECKED, ROOT, Stack

VERBS = {"get", "head", "post", "delete", "options", "put", "patch", "trace"}
OPEN = {
    ("/", "options"),
    ("/{tenant}", "options"),
    ("/{tenant}/{proxy+}", "options"),
    *(
        (f"{base}/.well-known/{{proxy+}}", verb)
        for base in ["", "/{tenant}"]
        for verb in ["get", "head", "options"]
    ),
}
ASKED = {
    ("/", "post"),
    ("/{tenant}", "get"),
    ("/{tenant}", "post"),
    *(("/{tenant}/{proxy+}", v) for v in ["get", "post", "delete"]),
}
ORIGINS = "https://a.example.com,https://b.example.com"
CORS = (ROOT / "crates/http/src/cors.rs").read_text()
FUNCTION = "arn:aws:lambda:eu-central-1:123456789012:function:authorizer"
POOL = "arn:aws:cognito-idp:eu-central-1:123456789012:userpool/eu-central-1_a"
NOBODY = {"Authorizer": "none", "AllowAnonymous": "true"}
VERSIONED = {"Revision": "r1", "RequestProvisionedConcurrency": "1"}
LIVE = "arn:aws:lambda:eu-central-1:123456789012:function:${RequestAlias}:live"


def rest(**parameters):
    return Stack(**parameters).properties("RestApi")["Body"]


def operations(body):
    return {
        (path, verb): of
        for path, item in body["paths"].items()
        for verb, of in item.items()
        if verb in VERBS
    }


def constant(name):
    """A list with commas in crates/http."""
    text = re.search(rf'const {name}: &str =\s*"([^"]*)"', CORS)[1]
    return re.sub(r"\\\s*", "", text).split(", ")


@pytest.mark.parametrize(
    ("parameters", "scheme"),
    [
        ({}, {"x-amazon-apigateway-authtype": "awsSigv4"}),
        (
            {"Authorizer": "cognito", "UserPoolArn": POOL},
            {
                "x-amazon-apigateway-authorizer": {
                    "type": "cognito_user_pools",
                    "providerARNs": [POOL],
                }
            },
        ),
        (
            {
                "Authorizer": "lambda",
                "AuthorizerFunctionArn": FUNCTION,
                "AuthorizerHeader": "X-Api-Key",
            },
            {
                "name": "X-Api-Key",
                "x-amazon-apigateway-authorizer": {
                    "type": "request",
                    "identitySource": "method.request.header.X-Api-Key",
                    "authorizerResultTtlInSeconds": "300",
                    "authorizerUri": f"arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations",
                },
            },
        ),
    ],
    ids=["iam", "cognito", "lambda"],
)
def test_a_rest_api_asks_who_calls_except_for_the_card_and_preflights(parameters, scheme):
    body = rest(**parameters)
    assert scheme.items() <= body["components"]["securitySchemes"]["caller"].items()
    found = operations(body)
    assert set(found) == OPEN | ASKED
    for operation, of in found.items():
        # API Gateway ignores `security` of a whole document.
        assert of["security"] == ([] if operation in OPEN else [{"caller": []}]), operation


def test_a_rest_api_without_authorizer_asks_nobody():
    assert all(of["security"] == [] for of in operations(rest(**NOBODY)).values())


@pytest.mark.parametrize(
    ("parameters", "function"), [({}, "${Request.Arn}"), (VERSIONED, LIVE)], ids=["latest", "alias"]
)
def test_a_rest_api_streams_for_as_long_as_a_function_can_run(parameters, function):
    stack = Stack(**parameters)
    for operation, of in operations(stack.properties("RestApi")["Body"]).items():
        assert of["x-amazon-apigateway-integration"] == {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "responseTransferMode": "STREAM",
            "timeoutInMillis": 900_000,
            "uri": f"arn:aws:apigateway:eu-central-1:lambda:path/2021-11-15/functions/{function}/response-streaming-invocations",
        }, operation
    assert stack.properties("RestApi")["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert stack.properties("Request")["Timeout"] == 900
    permission = stack.properties("RestPermission")
    called = function if parameters else "${Request.Arn}"
    assert permission["Action"] == "lambda:InvokeFunction"
    assert (permission["FunctionName"], permission["Principal"]) == (
        called,
        "apigateway.amazonaws.com",
    )
    assert permission["SourceArn"].endswith(":${RestApi}/*")


def test_every_path_parameter_of_the_rest_api_is_declared():
    for path, item in rest()["paths"].items():
        assert [p["name"] for p in item.get("parameters", [])] == re.findall(r"\{(\w+)\+?\}", path)


@pytest.mark.parametrize("origins", ["", "*", ORIGINS])
def test_errors_of_a_rest_api_are_those_of_a2a_and_pages_can_read_them(origins):
    responses = rest(AllowedOrigins=origins)["x-amazon-apigateway-gateway-responses"]
    assert {
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "UNAUTHORIZED",
        "MISSING_AUTHENTICATION_TOKEN",
        "THROTTLED",
    } <= set(responses)
    for kind, response in responses.items():
        error = json.loads(response["responseTemplates"]["application/json"])["error"]
        assert error["code"] == response["statusCode"] and error["message"], kind
        assert re.fullmatch("[A-Z_]+", error["status"])
        headers = response.get("responseParameters", {})
        allowed = headers.get("gatewayresponse.header.Access-Control-Allow-Origin")
        assert allowed == ("'*'" if origins else None), kind
        assert ("gatewayresponse.header.WWW-Authenticate" in headers) == (
            response["statusCode"] == 401
        ), kind
        if origins:
            exposed = (
                headers["gatewayresponse.header.Access-Control-Expose-Headers"]
                .strip("'")
                .split(", ")
            )
            assert set(exposed) <= set(constant("EXPOSED"))


def test_a_change_of_parameters_is_deployed():
    (deployment,) = Stack().of_type("AWS::ApiGateway::Deployment")
    assert deployment != "RestApiDeployment"
    # Else SAM would have API Gateway make a second stage, called Stage.
    assert "StageName" not in Stack().properties(deployment)
    (stage,) = Stack().of_type("AWS::ApiGateway::Stage").values()
    assert stage["DeploymentId"] == f"${{{deployment}}}" and stage["StageName"] == "a2a"


def test_an_open_rest_api_names_no_authorizer():
    assert not rest(**NOBODY)["components"]["securitySchemes"]


def test_an_authorizer_function_may_be_called_by_the_rest_api_only():
    stack = Stack(Authorizer="lambda", AuthorizerFunctionArn=FUNCTION)
    permission = stack.properties("AuthorizerPermission")
    assert (permission["Action"], permission["FunctionName"]) == ("lambda:InvokeFunction", FUNCTION)
    assert permission["SourceArn"].endswith(":${RestApi}/authorizers/*")


ISSUER = {"JwtIssuer": "https://issuer.example", "JwtAudience": "a,b"}
TOKENS = CHECKED | {"Authorizer": "jwt", **ISSUER}
ANY = {"AuthorizerHeader": "any", "AuthorizerResultTtlSeconds": "0"}
INVOKED = "arn:aws:apigateway:eu-central-1:lambda:path/2015-03-31/functions/${AuthorizerFunction.Arn}/invocations"


@pytest.mark.parametrize("parameters", [CHECKED, TOKENS], ids=["key", "jwt"])
def test_a_rest_api_asks_our_authorizer_and_caches_by_the_header_that_it_looks_at(parameters):
    stack = Stack(**parameters, AuthorizerHeader="X-Token", AuthorizerResultTtlSeconds="60")
    asked = stack.properties("RestApi")["Body"]["components"]["securitySchemes"]["caller"]
    assert (asked["name"], asked["in"]) == ("X-Token", "header")
    assert asked["x-amazon-apigateway-authorizer"] == {
        "type": "request",
        "identitySource": "method.request.header.X-Token",
        "authorizerResultTtlInSeconds": "60",
        "authorizerUri": INVOKED,
    }
    assert stack.variables("AuthorizerFunction")["AUTHORIZER_HEADER"] == "X-Token"
    assert "ReservedConcurrentExecutions" not in stack.properties("AuthorizerFunction")
    reserved = Stack(**parameters, AuthorizerReservedConcurrency="9")
    function = reserved.properties("AuthorizerFunction")
    assert function["ReservedConcurrentExecutions"] == "9"
    permission = stack.properties("AuthorizerPermission")
    assert permission["FunctionName"] == "${AuthorizerFunction.Arn}"
    assert permission["SourceArn"].endswith(":${RestApi}/authorizers/*")


@pytest.mark.parametrize("door", ["rest", "http"])
def test_any_header_is_looked_at_only_where_nothing_is_cached(door):
    stack = Stack(FrontDoor=door, **CHECKED | ANY)
    if door == "rest":
        body = stack.properties("RestApi")["Body"]
        authorizer = body["components"]["securitySchemes"]["caller"][
            "x-amazon-apigateway-authorizer"
        ]
        assert "identitySource" not in authorizer
        assert authorizer["authorizerResultTtlInSeconds"] == "0"
    else:
        authorizer = stack.properties("HttpFunctionAuthorizer")
        assert "IdentitySource" not in authorizer
        assert authorizer["AuthorizerResultTtlInSeconds"] == "0"
    assert stack.variables("AuthorizerFunction")["AUTHORIZER_HEADER"] == "any"


@pytest.mark.parametrize(
    ("parameters", "function"),
    [
        (CHECKED, "${AuthorizerFunction.Arn}"),
        (TOKENS | {"ApiKeys": "true"}, "${AuthorizerFunction.Arn}"),
        (TOKENS | {"RequiredScopes": "a2a"}, "${AuthorizerFunction.Arn}"),
        ({"Authorizer": "lambda", "AuthorizerFunctionArn": FUNCTION}, FUNCTION),
    ],
    ids=["key", "jwt and keys", "jwt and scopes", "lambda"],
)
def test_an_http_api_asks_a_function_for_what_it_cannot_check_itself(parameters, function):
    stack = Stack(FrontDoor="http", **parameters)
    route = stack.properties("HttpRoute")
    assert route["AuthorizationType"] == "CUSTOM"
    assert route["AuthorizerId"] == "${HttpFunctionAuthorizer}"
    assert stack.properties("HttpFunctionAuthorizer") == {
        "ApiId": "${HttpApi}",
        "Name": "function",
        "AuthorizerType": "REQUEST",
        "AuthorizerPayloadFormatVersion": "2.0",
        # Else the function's answer would be taken for a policy.
        "EnableSimpleResponses": True,
        "AuthorizerUri": INVOKED.replace("${AuthorizerFunction.Arn}", function),
        "AuthorizerResultTtlInSeconds": "300",
        "IdentitySource": ["$request.header.Authorization"],
    }
    permission = stack.properties("AuthorizerPermission")
    assert permission["FunctionName"] == function
    assert permission["SourceArn"].endswith(":${HttpApi}/authorizers/*")
    assert "HttpAuthorizer" not in stack.resources


def test_there_is_no_function_where_nobody_asks_it():
    for parameters in [{}, NOBODY, {"FrontDoor": "http", "Authorizer": "jwt", **ISSUER}]:
        stack = Stack(**parameters)
        assert not [name for name in stack.resources if name.startswith("AuthorizerF")]
        assert stack.outputs["AuthorizerArn"] == ""


def test_the_authorizer_is_told_whose_tokens_and_whether_keys_are_taken():
    for parameters, issuers, keys in [
        (CHECKED, "", "true"),
        (TOKENS, "https://issuer.example aud=a,b", "false"),
        (TOKENS | {"ApiKeys": "true"}, "https://issuer.example aud=a,b", "true"),
        (
            CHECKED | {"Authorizer": "jwt", "JwtIssuers": "https://a.example aud=x"},
            "https://a.example aud=x",
            "false",
        ),
    ]:
        variables = Stack(**parameters).variables("AuthorizerFunction")
        assert (variables["JWT_ISSUERS"], variables["API_KEYS"]) == (issuers, keys)
        # The keys of pushes and cards are none of its business.
        assert not [name for name in variables if name.startswith(("PUSH_", "CARD_"))]


BEARER = {"httpAuthSecurityScheme": {"scheme": "Bearer"}}


@pytest.mark.parametrize(
    ("parameters", "scheme"),
    [
        (CHECKED, BEARER),
        (CHECKED | ANY, BEARER),
        (
            CHECKED | {"AuthorizerHeader": "x-api-key"},
            {"apiKeySecurityScheme": {"location": "header", "name": "x-api-key"}},
        ),
        (TOKENS, {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}}),
        (
            {"FrontDoor": "http", "Authorizer": "jwt", **ISSUER},
            {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
        ),
        ({}, None),
        (NOBODY, None),
    ],
)
def test_the_card_says_how_to_come_in(parameters, scheme):
    variables = Stack(**parameters).variables("Request")
    schemes, requirements = (
        variables[f"CARD_SECURITY_{name}"] for name in ["SCHEMES", "REQUIREMENTS"]
    )
    if scheme is None:
        assert (schemes, requirements) == ("", "")
    else:
        assert json.loads(schemes) == {"caller": scheme}
        assert json.loads(requirements) == [{"schemes": {"caller": {}}}]
        own = Stack(**parameters, CardSecuritySchemes='{"a": {}}').variables("Request")
        assert own["CARD_SECURITY_SCHEMES"] == '{"a": {}}'
        assert own["CARD_SECURITY_REQUIREMENTS"] == ""


@pytest.mark.parametrize(
    ("parameters", "mode"), [({}, "AWS_IAM"), (NOBODY, "NONE")], ids=["iam", "open"]
)
def test_a_function_url_streams_and_is_open_only_if_that_is_said(parameters, mode):
    stack = Stack(FrontDoor="url", **parameters)
    url = stack.properties("FunctionUrl")
    assert (url["AuthType"], url["InvokeMode"]) == (mode, "RESPONSE_STREAM")
    public = {of["Action"]: of for of in stack.of_type("AWS::Lambda::Permission").values()}
    if mode == "AWS_IAM":
        assert public == {}
    else:
        assert set(public) == {"lambda:InvokeFunctionUrl", "lambda:InvokeFunction"}
        assert public["lambda:InvokeFunctionUrl"]["FunctionUrlAuthType"] == "NONE"
        # Without this, anybody could invoke the function with events of any form.
        assert public["lambda:InvokeFunction"]["InvokedViaFunctionUrl"] is True


def test_preflights_of_a_function_url_are_answered_by_whoever_they_reach():
    signed = Stack(FrontDoor="url", AllowedOrigins=ORIGINS)
    assert signed.variables("Request")["ALLOWED_ORIGINS"] == ""
    check_cors(signed.properties("FunctionUrl")["Cors"])
    open_to_all = Stack(FrontDoor="url", AllowedOrigins=ORIGINS, **NOBODY)
    assert open_to_all.variables("Request")["ALLOWED_ORIGINS"] == ORIGINS
    assert "Cors" not in open_to_all.properties("FunctionUrl")


def check_cors(cors):
    assert cors["AllowOrigins"] == ORIGINS.split(",")
    assert [*cors["AllowMethods"], "OPTIONS"] == constant("METHODS")
    assert cors["AllowHeaders"] == constant("HEADERS")
    assert cors["ExposeHeaders"] == constant("EXPOSED")
    assert str(cors["MaxAge"]) in constant("MAX_AGE_SECONDS")
    assert not cors.get("AllowCredentials", False)


def test_the_url_of_an_alias_is_made_after_the_alias():
    assert Stack(FrontDoor="url", **VERSIONED).properties("FunctionUrl")["Qualifier"] == "live"
    assert "Qualifier" not in Stack(FrontDoor="url").properties("FunctionUrl")


JWT = {"Authorizer": "jwt", "JwtIssuer": "https://issuer.example", "JwtAudience": "a,b"}


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [({}, "AWS_IAM"), (JWT, "JWT"), (NOBODY, "NONE")],
    ids=["iam", "jwt", "open"],
)
def test_an_http_api_asks_who_calls_except_for_the_card_and_preflights(parameters, kind):
    stack = Stack(FrontDoor="http", **parameters)
    routes = {of["RouteKey"]: of for of in stack.of_type("AWS::ApiGatewayV2::Route").values()}
    opened = {
        f"{verb} {base}/.well-known/{{proxy+}}"
        for verb in ["GET", "HEAD"]
        for base in ["", "/{tenant}"]
    }
    opened |= {"OPTIONS /", "OPTIONS /{proxy+}"}
    assert set(routes) == {"$default", *opened}
    assert all(routes[key]["AuthorizationType"] == "NONE" for key in opened)
    assert routes["$default"]["AuthorizationType"] == kind
    if kind == "JWT":
        assert routes["$default"]["AuthorizerId"] == "${HttpAuthorizer}"
        jwt = stack.properties("HttpAuthorizer")["JwtConfiguration"]
        assert jwt == {"Issuer": "https://issuer.example", "Audience": ["a", "b"]}


def test_an_http_api_gives_its_function_no_more_time_than_it_waits():
    stack = Stack(FrontDoor="http")
    integration = stack.properties("HttpIntegration")
    assert (integration["PayloadFormatVersion"], integration["IntegrationUri"]) == (
        "2.0",
        "${Request.Arn}",
    )
    assert stack.properties("HttpPermission") == {
        "Action": "lambda:InvokeFunction",
        "FunctionName": "${Request.Arn}",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": "arn:aws:execute-api:eu-central-1:123456789012:${HttpApi}/*",
    }
    assert (
        integration["TimeoutInMillis"] == 1_000 * stack.properties("Request")["Timeout"] == 30_000
    )


def test_pages_may_call_an_http_api_as_they_may_the_function():
    api = Stack(FrontDoor="http").properties("HttpApi")
    assert api["ProtocolType"] == "HTTP" and "CorsConfiguration" not in api
    check_cors(
        Stack(FrontDoor="http", AllowedOrigins=ORIGINS).properties("HttpApi")["CorsConfiguration"]
    )


@pytest.mark.parametrize("door", ["rest", "url", "http"])
def test_a_stack_has_one_front_door(door):
    resources = Stack(FrontDoor=door).resources
    doors = {"rest": "RestApi", "url": "FunctionUrl", "http": "HttpApi"}
    assert {of for of in doors if doors[of] in resources} == {door}


@pytest.mark.parametrize(
    ("parameters", "auth"),
    [
        ({}, '--aws-sigv4 "aws:amz:eu-central-1:execute-api"'),
        ({"FrontDoor": "url"}, '--aws-sigv4 "aws:amz:eu-central-1:lambda"'),
        ({"FrontDoor": "http", **JWT}, '-H "Authorization: Bearer $TOKEN"'),
        ({"Authorizer": "cognito", "UserPoolArn": POOL}, '-H "Authorization: $TOKEN"'),
        (NOBODY, None),
    ],
)
def test_the_first_curl_says_who_calls(parameters, auth):
    outputs = Stack(**parameters).outputs
    curl = outputs["FirstCurl"]
    assert (
        f"'{outputs['Url']}'" in curl
        and json.loads(re.search(r"-d '(.*)'$", curl)[1])["method"] == "SendMessage"
    )
    assert auth in curl if auth else "--user" not in curl and "TOKEN" not in curl


def test_the_first_curl_signs_no_session_token_that_it_does_not_send():
    """curl does not send a header without a value, but signs it: long-lived keys have no token."""
    # CloudFormation takes the `!` away, and leaves the rest to the shell.
    header = "${!AWS_SESSION_TOKEN:+-Hx-amz-security-token:$AWS_SESSION_TOKEN}"
    parts = Stack().outputs["FirstCurl"].split(header)
    assert len(parts) == 2 and "SESSION_TOKEN" not in "".join(parts)


def test_a_domain_is_in_front_of_either_api():
    certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    domain = {"DomainName": "a.example.com", "CertificateArn": certificate, "HostedZoneId": "Z1"}
    for door, api in [("rest", "${RestApi}"), ("http", "${HttpApi}")]:
        stack = Stack(FrontDoor=door, **domain)
        assert stack.properties("DomainMapping")["ApiId"] == api
        assert (
            stack.properties("Domain")["DomainNameConfigurations"][0]["CertificateArn"]
            == certificate
        )
        record = stack.properties("DomainRecord")
        assert (record["Name"], record["HostedZoneId"]) == ("a.example.com", "Z1")
        assert record["AliasTarget"]["DNSName"] == "${Domain.RegionalDomainName}"
        assert stack.outputs["Url"] == "https://a.example.com/"
        assert stack.outputs["CardUrl"] == "https://a.example.com/.well-known/agent-card.json"
        assert "ApiMappingKey" not in stack.properties("DomainMapping")


def test_an_api_can_be_at_a_path_of_a_domain():
    certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/1"
    for door in ["rest", "http"]:
        stack = Stack(
            FrontDoor=door,
            DomainName="a.example.com",
            DomainPath="api/v1/chat",
            CertificateArn=certificate,
        )
        assert stack.properties("DomainMapping")["ApiMappingKey"] == "api/v1/chat"
        # The function takes the path of its public URL off, and the card names it.
        url = "https://a.example.com/api/v1/chat"
        assert stack.variables("Request")["PUBLIC_URL"] == url
        assert stack.outputs["Url"] == f"{url}/"
        assert stack.outputs["CardUrl"] == f"{url}/.well-known/agent-card.json"
        assert f"'{url}/'" in stack.outputs["FirstCurl"]


def test_access_logs_need_a_setting_of_the_account_that_is_made_only_if_asked_for():
    (stage,) = Stack().of_type("AWS::ApiGateway::Stage").values()
    assert "AccessLogSetting" not in stage
    (stage,) = Stack(AccessLogs="on").of_type("AWS::ApiGateway::Stage").values()
    log = "arn:aws:logs:eu-central-1:123456789012:log-group:${AccessLog}"
    assert stage["AccessLogSetting"]["DestinationArn"] == log
    assert set(json.loads(stage["AccessLogSetting"]["Format"])) >= {"requestId", "status", "error"}
    assert "AccountSettings" not in Stack(AccessLogs="on").resources
    made = Stack(AccessLogs="set-account-role").resources
    # A stage that exists may be given logs: API Gateway refuses them until the role is set.
    assert made["RestApi"]["Metadata"]["After"] == "${AccountSettings}"
    # Other APIs of the account go on using it.
    assert made["AccountSettings"]["Properties"] == {"CloudWatchRoleArn": "${AccountLogRole.Arn}"}
    assert (
        made["AccountSettings"]["DeletionPolicy"]
        == made["AccountLogRole"]["DeletionPolicy"]
        == "Retain"
    )
    stage = Stack(AccessLogs="on", FrontDoor="http").properties("HttpStage")
    assert stage["AccessLogSettings"]["DestinationArn"] == log


def test_a_web_acl_stands_in_front_of_the_stage():
    acl = "arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/a/1"
    association = Stack(WebAclArn=acl).properties("WebAcl")
    assert association["WebACLArn"] == acl
    (stage,) = Stack().of_type("AWS::ApiGateway::Stage")
    assert (
        association["ResourceArn"]
        == f"arn:aws:apigateway:eu-central-1::/restapis/${{RestApi}}/stages/${{{stage}}}"
    )
    assert "WebAcl" not in Stack().resources


@pytest.mark.parametrize("door", ["rest", "url", "http"])
def test_callbacks_have_an_open_door_of_their_own_at_any_front_door(door):
    stack = Stack(**CALLED_BACK, FrontDoor=door)
    assert stack.properties("WebhookUrl") == {
        "TargetFunctionArn": "${Webhook}",
        "AuthType": "NONE",
        "InvokeMode": "BUFFERED",
    }
    for name in ["WebhookUrlPermission", "WebhookInvokePermission"]:
        permission = stack.properties(name)
        assert (permission["FunctionName"], permission["Principal"]) == ("${Webhook.Arn}", "*")
    assert stack.outputs["CallbackUrl"] == "${WebhookUrl.FunctionUrl}callbacks"


def test_no_door_for_callbacks_is_made_that_is_not_wanted():
    own = "https://agents.example.com/callbacks"
    for parameters, url in [
        ({}, ""),
        (CALLED_BACK | {"Callbacks": "false"}, ""),
        (CALLED_BACK | {"Callbacks": "false", "CallbackUrl": own}, own),
    ]:
        stack = Stack(**parameters)
        assert not any(name.startswith("Webhook") for name in stack.resources), parameters
        assert stack.outputs["CallbackUrl"] == url
    assert Stack(**CALLED_BACK, CallbackUrl=own).outputs["CallbackUrl"] == own


def test_the_function_webhook_waits_for_no_function_that_is_given_its_url():
    """Else neither could be made first."""
    resources = Stack(**CALLED_BACK).resources

    def named(name, seen):
        if name in resources and name not in seen:
            seen.add(name)
            for other in re.findall(r"\$\{(\w+)", json.dumps(resources[name])):
                named(other, seen)
        return seen

    assert not {"Request", "SqsExecutor"} & named("WebhookUrl", set())
