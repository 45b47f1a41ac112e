"""What infra/terraform says, as far as it can be read without Terraform and its provider."""

import hashlib
import re
import sys
from pathlib import Path

import hcl2
import pytest
from generate import settable, terraform_name, terraform_type, zips
from model import PATH, ROOT, source

sys.path.insert(0, str(ROOT / "scripts/lib"))
from deploy.artifacts import KEY_PARAMETERS, key, read_manifest  # noqa: E402
from deploy.stack import CAPABILITIES  # noqa: E402
from deploy.template import MOST_INLINE_BYTES  # noqa: E402

MODULE = ROOT / "infra/terraform"
TEXT = {path.name: path.read_text() for path in MODULE.glob("*.tf")}
# What a user of agent-kernel's modules has in an authorizer.
AUTHORIZER = {
    "function_name",
    "handler_path",
    "package_type",
    "package_path",
    "module_name",
    "description",
    "result_ttl_in_seconds",
    "environment_variables",
}


def bare(node):
    """The reader leaves quotes around names and texts, and marks blocks."""
    if isinstance(node, dict):
        return {bare(name): bare(item) for name, item in node.items() if name != "__is_block__"}
    if isinstance(node, list):
        return [bare(item) for item in node]
    if isinstance(node, str) and node.startswith('"'):
        return node[1:-1]
    return node


@pytest.fixture(scope="module")
def module():
    """The blocks of all files, by their kind."""
    found = {}
    for text in TEXT.values():
        for kind, blocks in bare(hcl2.loads(text)).items():
            found.setdefault(kind, []).extend(blocks)
    return found


@pytest.fixture(scope="module")
def variables(module):
    return {name: one for block in module["variable"] for name, one in block.items()}


@pytest.fixture(scope="module")
def values(module):
    return {name: one for block in module["locals"] for name, one in block.items()}


@pytest.fixture(scope="module")
def resources(module):
    return {
        f"{kind}.{name}": one
        for block in module["resource"]
        for kind, made in block.items()
        for name, one in made.items()
    }


def test_each_parameter_has_a_variable_that_is_passed_to_it(variables, values):
    parameters = settable()
    assert values["given"] == {name: f"${{var.{terraform_name(name)}}}" for name in parameters}
    assert len({terraform_name(name) for name in parameters}) == len(parameters)
    for name, declared in parameters.items():
        variable = variables[terraform_name(name)]
        assert variable["type"] == terraform_type(declared), name
        # Null leaves the default to the template.
        assert variable["default"] is None, name
        assert variable.get("sensitive", False) == declared.get("NoEcho", False), name


def test_what_is_passed_are_parameters_and_none_is_forgotten(values):
    passed = set(values["given"]) | set(values["zip_parameters"].values())
    mapping = str([values[name] for name in ["of_words", "of_authorizer", "of_ttl", "of_code", "parameters"]])
    passed |= set(re.findall(r"\b([A-Z]\w+) = ", mapping))
    assert passed == set(source()["Parameters"])
    assert values["zip_parameters"] == zips()
    hidden = {name for name, one in source()["Parameters"].items() if one.get("NoEcho")}
    assert set(values["secrets"]) == hidden


def test_each_variable_is_declared_and_used(variables):
    text = "".join(TEXT.values())
    assert set(re.findall(r"\bvar\.(\w+)", text)) == set(variables)
    outside = {"stack_name", "code_bucket", "package_dir", "template_file", "tags"}
    words = {"api_base_path", "api_version", "agent_endpoint", "authorizer"}
    assert set(variables) == {terraform_name(name) for name in settable()} | outside | words
    for name, variable in variables.items():
        assert len(variable["description"]) > 10, name


def test_what_is_a_reference_to_a_secret_is_what_the_template_takes_for_one(values):
    reference = values["reference"].replace("\\\\", "\\")
    assert reference.startswith("^$|")
    secrets = [one for one in source()["Parameters"].values() if one.get("NoEcho")]
    assert secrets
    for declared in secrets:
        pattern = declared["AllowedPattern"]
        assert pattern.startswith("^$|") and pattern.endswith(reference.removeprefix("^$"))
    for plain in ["ssm:hush", "secretsmanager:", "{{resolve:", "ssm:/a b", "-----BEGIN PRIVATE KEY-----"]:
        assert not re.search(reference, plain), plain


@pytest.mark.parametrize("word", ["api_base_path", "api_version", "agent_endpoint"])
def test_a_word_of_the_path_is_one_that_the_template_takes(variables, word):
    of_path = source()["Parameters"]["DomainPath"]["AllowedPattern"].removeprefix("^$|")
    conditions = [one["condition"] for one in variables[word]["validation"]]
    [pattern] = re.findall(r'regex\("(.+?)", var', str(conditions))
    # Slashes at the ends are taken off.
    assert pattern.replace("^/*", "^").replace("/*$", "$") == of_path
    for wrong in ["/", "a b", "a//b", "a?b", "ä", "{proxy+}"]:
        assert not re.search(pattern, wrong), wrong
    for right in ["api", "/api/", "v1.0", "a/b"]:
        assert re.search(pattern, right), right


def test_the_words_of_agent_kernel_are_taken(variables):
    attributes = set(re.findall(r"(\w+) = ", variables["authorizer"]["type"]))
    assert attributes >= AUTHORIZER
    reads = "".join(TEXT[name] for name in ["variables.tf", "authorizer.tf"])
    for name in attributes:
        assert re.search(rf"\bvar\.authorizer\.{name}\b", reads), f"nothing looks at {name}"


def test_every_refusal_says_which_variable_it_is_about(variables):
    for name, variable in variables.items():
        for validation in variable.get("validation", []):
            assert validation["error_message"].startswith(name), validation


def evaluated(text, known):
    """A template of HCL with nothing but names in it."""
    return re.sub(r"\$\{([\w.]+)\}", lambda found: known[found[1]], text.strip('"'))


def test_the_zips_are_those_that_scripts_deploy_sends(values, package):
    """What mapping.tf makes of a manifest, read as Terraform reads it."""
    manifest = read_manifest(package)
    made_of = str(values["zips"])
    assert "for name, made in local.manifest.functions : name => " in made_of
    members = dict(re.findall(r'(\w+)\s*[:=]\s*("[^"]*"|made\.\w+)', made_of.split("=>", 1)[1]))
    assert set(members) == {"path", "sha256", "key"}
    for function, made in manifest["functions"].items():
        known = {f"made.{name}": str(value) for name, value in made.items()}
        known |= {"name": function, "var.package_dir": str(package)}
        assert known[members["sha256"]] == made["sha256"]
        path = evaluated(members["path"], known)
        assert hashlib.sha256(Path(path).read_bytes()).hexdigest() == made["sha256"]
        assert evaluated(members["key"], known) == key(function, made["sha256"])
    assert values["zip_parameters"] == KEY_PARAMETERS
    code = str(values["of_code"])
    assert 'replace(local.manifest.arch, "-", "_")' in code
    assert re.search(r"parameter => (\$\{)?try\(local\.zips\[function\]\.key", code), code


def test_the_stack_is_made_as_scripts_deploy_makes_it(values, resources):
    stack = resources["aws_cloudformation_stack.this"]
    assert stack["capabilities"] == CAPABILITIES
    assert stack["parameters"] == "${local.parameters}"
    assert len(PATH.read_bytes()) > MOST_INLINE_BYTES
    assert "aws_s3_object.template.key" in stack["template_url"] and "template_body" not in stack
    assert key("NAME", "DIGEST") == "a2a-lambda/DIGEST/NAME.zip"
    assert "a2a-lambda/${made.sha256}/${name}.zip" in str(values["zips"])
    # CloudFormation may go back to the zips that it had.
    for name in ["zip", "template"]:
        assert resources[f"aws_s3_object.{name}"]["lifecycle"][0]["create_before_destroy"] is True
