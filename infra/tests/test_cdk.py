"""What `cdk synth` makes of the example of infra/cdk is the template, with parameters that it takes."""

import copy
import hashlib
import json
import os
import re
import subprocess
import sys

import pytest
from generate import zips
from model import ROOT, NoPolicies, Stack, source, transform

sys.path.insert(0, str(ROOT / "scripts/lib"))
from deploy.artifacts import KEY_PARAMETERS, read_manifest  # noqa: E402

CDK = ROOT / "infra/cdk"


def npm(*command):
    # Nothing but what is installed: no notices, no telemetry, no look at newer versions.
    variables = os.environ | {"CDK_DISABLE_CLI_TELEMETRY": "true", "CDK_DISABLE_VERSION_CHECK": "1"}
    ran = subprocess.run(
        command, cwd=CDK, env=variables, text=True, capture_output=True, timeout=300
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def built():
    assert (CDK / "node_modules").exists(), "run scripts/check-infra once, which installs CDK"
    npm("npm", "run", "build")


def test_the_example_in_the_documentation_compiles(built):
    [block] = re.findall(r"```ts\n(.*?)```", (ROOT / "docs/deploy.md").read_text(), re.S)
    given = """
        import { CfnOutput, Stack } from 'aws-cdk-lib';
        import { Bucket } from 'aws-cdk-lib/aws-s3';
        import { Topic } from 'aws-cdk-lib/aws-sns';
        import { A2aLambda, Code } from './lib';
        declare const stack: Stack, topic: Topic, bucket: Bucket;
    """
    # It is built there, and git ignores it.
    source = CDK / "dist/documented.ts"
    source.write_text(given + block)
    options = ["--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"]
    options += ["--module", "node16", "--moduleResolution", "node16", "--types", "node"]
    npm("npx", "--no-install", "tsc", *options, str(source))


class Assembly:
    """What `cdk synth` writes for the example."""

    def __init__(self, folder):
        self.folder = folder
        self.root = json.loads((folder / "A2aLambda.template.json").read_text())
        [nested] = folder.glob("*.nested.template.json")
        self.nested = json.loads(nested.read_text())
        self.files = json.loads((folder / "A2aLambda.assets.json").read_text())["files"]

    def parameters(self):
        [stack] = [
            one["Properties"]
            for one in self.root["Resources"].values()
            if one["Type"] == "AWS::CloudFormation::Stack"
        ]
        return stack["Parameters"]


@pytest.fixture(scope="module")
def assembly(built, package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cdk.out")
    command = ["npx", "--no-install", "cdk", "synth", "--quiet", "--no-notices"]
    command += ["--app", "node dist/example/app.js"]
    said = npm(*command, "--output", folder, "--context", f"package={package}")
    assert "WARNING" not in said, said
    return Assembly(folder)


def plain(node):
    """CDK writes the attribute of `!GetAtt` as one text, and leaves out properties that are empty."""
    if isinstance(node, list):
        return [plain(item) for item in node]
    if not isinstance(node, dict):
        return node
    if set(node) == {"Fn::GetAtt"} and isinstance(node["Fn::GetAtt"], str):
        return {"Fn::GetAtt": node["Fn::GetAtt"].split(".", 1)}
    return {name: plain(item) for name, item in node.items() if (name, item) != ("Properties", {})}


def test_synth_equals_the_template(assembly):
    assert plain(assembly.nested) == plain(source())


def test_sam_makes_the_same_of_both(assembly):
    def made(template):
        text = json.dumps(plain(transform(copy.deepcopy(template), {}, NoPolicies())))
        # SAM names and describes a deployment by a digest of the second in which it translates.
        return json.loads(re.sub("(RestApiDeployment|deployment id: )[0-9a-f]+", r"\1", text))

    assert made(assembly.nested) == made(source())


def test_the_template_takes_the_parameters(assembly):
    # Attributes of other resources are known at the deployment only.
    known = {name: one for name, one in assembly.parameters().items() if isinstance(one, str)}
    unknown = set(assembly.parameters()) - set(known)
    assert unknown == {"CodeBucket", "AlarmTopic"}
    topic = "arn:aws:sns:eu-central-1:123456789012:on-call"
    stack = Stack(**known, CodeBucket="cdk-assets", AlarmTopic=topic)
    assert stack.parameters["PushKmsKey"] == "create"


def test_each_zip_is_uploaded_under_the_key_that_its_parameter_names(assembly, package):
    for function, parameter in zips().items():
        [path] = [
            assembly.folder / one["source"]["path"]
            for one in assembly.files.values()
            for place in one["destinations"].values()
            if place["objectKey"] == assembly.parameters()[parameter]
        ]
        assert path.read_bytes() == (package / f"{function}.zip").read_bytes()


def test_the_zips_are_those_that_scripts_deploy_sends(assembly, package):
    manifest = read_manifest(package)
    parameters = assembly.parameters()
    assert parameters["Architecture"] == manifest["arch"].replace("-", "_")
    assert set(manifest["functions"]) == set(KEY_PARAMETERS)
    for function, made in manifest["functions"].items():
        key = parameters[KEY_PARAMETERS[function]]
        [file] = [
            one["source"]["path"]
            for one in assembly.files.values()
            if key in [place["objectKey"] for place in one["destinations"].values()]
        ]
        content = (assembly.folder / file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == made["sha256"], function


def test_the_construct_passes_its_own_tests(built):
    tests = sorted(str(path.relative_to(CDK)) for path in (CDK / "dist/test").glob("*.test.js"))
    said = npm("node", "--test", "--test-reporter=spec", *tests)
    assert "fail 0" in said and "pass 0" not in said, said
