"""What the Terraform module makes of its variables, by Terraform itself; scripts/check-infra --terraform.

Terraform evaluates the variables and mapping.tf, which need no provider. What main.tf and authorizer.tf
give to AWS's provider is not run here.
"""

import json
import shutil
import subprocess

import pytest
from generate import settable, terraform_name, zips
from model import ROOT, Stack, source

MODULE = ROOT / "infra/terraform"
PURE = ["variables.tf", "variables_stack.tf", "variables_functions.tf", "parameters.tf", "mapping.tf"]
AUTHORIZER_ARN = "arn:aws:lambda:eu-central-1:123456789012:function:a2a-lambda-auth-authorizer"
HARNESS = f"""
locals {{
  authorizer_arn = "{AUTHORIZER_ARN}"
}}
output "parameters" {{
  value     = local.parameters
  sensitive = true
}}
output "plain_secrets" {{
  value = local.plain_secrets
}}
output "plain" {{
  value = {{ for name, value in local.parameters : name => value if !issensitive(value) }}
}}
"""
DOMAIN = {
    "domain_name": "a.example.com",
    "certificate_arn": "arn:aws:acm:eu-central-1:123456789012:certificate/1",
}


def terraform(folder, *command):
    return subprocess.run(
        ["terraform", *command], cwd=folder, text=True, capture_output=True, timeout=120
    )


@pytest.fixture(scope="session")
def authorizer_zip(tmp_path_factory):
    zip = tmp_path_factory.mktemp("authorizer") / "authorizer.zip"
    zip.write_bytes(b"code")
    return zip


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    folder = tmp_path_factory.mktemp("module")
    for name in PURE:
        shutil.copy(MODULE / name, folder)
    (folder / "harness.tf").write_text(HARNESS)
    ran = terraform(folder, "init")
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture
def applied(module, package):
    def apply(**variables):
        given = {"code_bucket": "code-bucket", "package_dir": str(package), **variables}
        (module / "terraform.tfvars.json").write_text(json.dumps(given))
        ran = terraform(module, "apply", "-auto-approve", "-no-color", "-input=false")
        if ran.returncode:
            # Terraform breaks lines, and draws a bar beside them.
            raise AssertionError(" ".join(ran.stderr.replace("│", " ").split()))
        outputs = json.loads(terraform(module, "output", "-json").stdout)
        return {name: one["value"] for name, one in outputs.items()}

    return apply


def authorizer(zip, **changes):
    return {
        "function_name": "authorizer",
        "handler_path": "auth.handler",
        "package_type": "LocalZip",
        "package_path": str(zip),
        "module_name": "auth",
        **changes,
    }


def test_the_defaults_are_left_to_the_template(applied, package):
    parameters = applied()["parameters"]
    assert set(parameters) == {"Architecture", "CodeBucket", "Revision", *zips().values()}
    manifest = json.loads((package / "manifest.json").read_text())
    stack = Stack(**parameters)
    assert stack.parameters["Architecture"] == manifest["arch"].replace("-", "_")
    for function, parameter in zips().items():
        digest = manifest["functions"][function]["sha256"]
        assert parameters[parameter] == f"a2a-lambda/{digest}/{function}.zip"


def test_every_variable_is_passed_to_its_parameter(applied):
    given, expected = {}, {}
    for name, declared in settable().items():
        value = declared.get("Default", "")
        if declared.get("NoEcho"):
            value = "{{resolve:secretsmanager:secret}}"
        expected[name] = str(value)
        given[terraform_name(name)] = {"true": True, "false": False}.get(value, value)
    outputs = applied(**given)
    parameters = outputs["parameters"]
    assert {name: parameters[name] for name in expected} == expected
    # The plan hides the secrets, and shows all else.
    hidden = {name for name, one in source()["Parameters"].items() if one.get("NoEcho")}
    assert set(parameters) - set(outputs["plain"]) == hidden
    assert outputs["plain_secrets"] == []


def test_the_words_of_agent_kernel_are_the_path_of_a_domain(applied):
    words = {"api_base_path": "api", "api_version": "v1", "agent_endpoint": "/chat/"}
    parameters = applied(**DOMAIN, **words)["parameters"]
    assert Stack(**parameters).outputs["Url"] == "https://a.example.com/api/v1/chat/"
    parameters = applied(**DOMAIN, api_base_path="", api_version="v2")["parameters"]
    assert parameters["DomainPath"] == "v2"
    parameters = applied(**DOMAIN)["parameters"]
    assert "DomainPath" not in parameters


def test_an_authorizer_is_the_one_that_the_module_makes(applied, authorizer_zip):
    parameters = applied(authorizer=authorizer(authorizer_zip))["parameters"]
    assert (parameters["Authorizer"], parameters["AuthorizerFunctionArn"]) == (
        "lambda",
        AUTHORIZER_ARN,
    )
    assert "AuthorizerResultTtlSeconds" not in parameters
    Stack(**parameters)
    cached = authorizer(authorizer_zip, result_ttl_in_seconds=150)
    assert applied(authorizer=cached)["parameters"]["AuthorizerResultTtlSeconds"] == "150"
    in_s3 = authorizer(authorizer_zip, package_type="S3Zip", package_path="s3://zips/auth/1.zip")
    applied(authorizer=in_s3, authorizer_type="lambda", front_door="rest")


def test_a_revision_is_new_where_a_parameter_is(applied):
    def revision(**given):
        return applied(**given)["parameters"]["Revision"]

    first = revision()
    assert revision() == first != revision(lease_seconds=60)
    assert revision(revision="r1") == "r1"


def test_a_secret_that_is_no_reference_is_named(applied):
    # main.tf refuses it by a condition on the stack: a variable's validation would show it.
    secrets = {"card_signing_key": "-----BEGIN PRIVATE KEY-----", "push_jwt_key": "ssm:/a/key"}
    assert applied(**secrets)["plain_secrets"] == ["card_signing_key"]
    # It begins as a reference does.
    assert applied(push_jwt_key="ssm:hush")["plain_secrets"] == ["push_jwt_key"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"lease_seconds": 5}, "lease_seconds must be 6 to 900."),
        ({"lease_seconds": 7.5}, "lease_seconds must be 6 to 900."),
        ({"front_door": "alb"}, "front_door must be rest, url or http."),
        ({"agent": "a b"}, "agent must be names of agents"),
        ({"alarm_topic": "topic"}, "alarm_topic must be the ARN of an SNS topic."),
        ({"push_jwt_key_id": "x" * 257}, "push_jwt_key_id must be at most 256"),
        ({"log_retention_days": 2}, "log_retention_days must be a number of days"),
        ({"package_dir": "/nowhere"}, "package_dir has no manifest.json: run scripts/package"),
        ({"api_base_path": "api"}, "api_base_path: only a domain has a path of its own"),
        ({"api_version": "v1"}, "api_version: only a domain has a path of its own"),
        ({"agent_endpoint": "chat"}, "agent_endpoint: only a domain has a path of its own"),
        ({**DOMAIN, "api_base_path": "a b"}, "api_base_path must be a path of letters"),
        ({**DOMAIN, "agent_endpoint": "/"}, "agent_endpoint must be a path of letters"),
        (
            {**DOMAIN, "domain_path": "a", "api_version": "v1"},
            "api_version: domain_path has the whole path already",
        ),
        ({"authorizer": {"package_type": "Image"}}, "The module builds no images"),
        ({"authorizer": {"package_path": "/nowhere.zip"}}, "package_path: there is no such file"),
        ({"authorizer": {"package_type": "S3Zip"}}, "must be s3://BUCKET/KEY"),
        ({"authorizer": {"module_name": "a b"}}, "must be letters, digits, - and _"),
        ({"authorizer": {"module_name": "m" * 50}}, "Lambda takes no longer name"),
        ({"authorizer": {"result_ttl_in_seconds": 3601}}, "authorizer.result_ttl_in_seconds must be"),
        (
            {"authorizer": {"result_ttl_in_seconds": 9}, "authorizer_result_ttl_seconds": 9},
            "authorizer_result_ttl_seconds says the same",
        ),
        ({"authorizer": {}, "front_door": "url"}, "only a REST API asks a Lambda authorizer"),
        ({"authorizer": {}, "authorizer_type": "iam"}, "leave authorizer_type out"),
        (
            {"authorizer": {}, "authorizer_function_arn": AUTHORIZER_ARN},
            "it makes the function that authorizer_function_arn would name",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_the_reason(given, says, applied, authorizer_zip):
    if "authorizer" in given:
        given = given | {"authorizer": authorizer(authorizer_zip, **given["authorizer"])}
    with pytest.raises(AssertionError) as refused:
        applied(**given)
    assert says in str(refused.value) and "hush" not in str(refused.value)
