"""Every role has the rights that something uses, and no others."""

import re
import tomllib

import botocore.session
import policy
import pytest
from botocore import xform_name
from model import ROOT, Stack, translated
from policy import CALLS, PARAMETERS, problems

ACTIONS = policy.places()


@pytest.mark.parametrize("parameters", PARAMETERS.values(), ids=PARAMETERS)
def test_a_role_has_what_is_used_and_nothing_else(parameters):
    assert problems(**parameters) == []


@pytest.mark.parametrize("place", ACTIONS, ids=[f"{p[0]}-{p[1]}" for p in ACTIONS])
def test_each_action_is_missed(place):
    found = policy.missed(*place)
    assert found and {right.action for right, _ in found} == {place[1]}


CHANGES = {
    "every resource": {"Resource": "*"},
    "another resource": {"Resource": "arn:aws:sqs:eu-central-1:123456789012:other"},
    "another condition": {"Condition": {"Bool": {"aws:SecureTransport": "true"}}},
}


def changes():
    """Each statement with each change of it."""
    for document, (name, of) in enumerate(policy.documents(translated())):
        for number, statement in enumerate(of["Statement"]):
            for what, change in CHANGES.items():
                if policy.plain(statement).items() >= change.items():
                    # There is no narrower resource for its actions.
                    continue
                yield pytest.param(document, number, change, id=f"{name}-{number}-{what}")
            if "Condition" in policy.plain(statement):
                yield pytest.param(document, number, None, id=f"{name}-{number}-no condition")


@pytest.mark.parametrize(("document", "number", "change"), list(changes()))
def test_a_statement_is_as_it_must_be(document, number, change):
    def changed(statement):
        statement.update(change) if change else statement.pop("Condition")
        return statement

    template = policy.changed(document, number, changed)
    assert problems(template, **policy.EVERYTHING)


@pytest.mark.parametrize("role", sorted(Stack(**policy.EVERYTHING).of_type("AWS::IAM::Role")))
def test_an_action_that_nothing_uses_is_found(role):
    template = translated() | {"Resources": translated()["Resources"] | {"More": more_for(role)}}
    found = problems(template, **policy.EVERYTHING)
    assert found == [f"unused {role}: dynamodb:Scan on ${{Table.Arn}}"]


def more_for(role):
    table = {"Fn::GetAtt": ["Table", "Arn"]}
    statement = {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": table}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    properties = {"PolicyName": "more", "Roles": [{"Ref": role}], "PolicyDocument": document}
    return {"Type": "AWS::IAM::Policy", "Properties": properties}


def test_a_call_that_is_new_is_lacking(monkeypatch):
    new = {"action": "dynamodb:Scan", "resource": "table"}
    monkeypatch.setitem(CALLS, "request", [*CALLS["request"], new])
    lacking = "lacks RequestRole: dynamodb:Scan on ${Table.Arn}: request calls it"
    assert problems() == [lacking]


# Linked into the functions, and not called by them.
NOT_CALLED = {
    "crates/aws/src/redrive.rs": "the command line of operators",
    "crates/dynamodb/src/walk.rs": "the command line of operators",
    "crates/dynamodb/src/table.rs": "makes the table of tests and of the local cloud",
}


def linked_crates():
    """The folders of the crates that are linked into a function."""
    workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
    dependencies = workspace["dependencies"]
    found, open_ = set(), [f"functions/{function}" for function in policy.FUNCTIONS]
    while open_:
        folder = open_.pop()
        if folder not in found:
            found.add(folder)
            manifest = tomllib.loads((ROOT / folder / "Cargo.toml").read_text())
            own = [name for name in manifest["dependencies"] if name.startswith("a2a-lambda-")]
            open_ += [dependencies[name]["path"] for name in own]
    return sorted(found)


def services():
    """The services that the linked crates have clients of."""
    manifests = [(ROOT / folder / "Cargo.toml").read_text() for folder in linked_crates()]
    return sorted(set(re.findall(r"^aws-sdk-(\w+)", "\n".join(manifests), re.MULTILINE)))


def sources():
    for folder in linked_crates():
        for path in sorted((ROOT / folder / "src").rglob("*.rs")):
            if path.stem not in ("tests", "test_server"):
                # Tests are at the end of a file.
                yield path, path.read_text().split("#[cfg(test)]\nmod tests {")[0]


def called(text):
    """The actions of a source's calls of SDK clients."""
    session = botocore.session.get_session()
    for service in services():
        for operation in session.get_service_model(service).operation_names:
            if re.search(rf"\.{xform_name(operation)}\(\)", text):
                name = operation.removesuffix("Batch") if service == "sqs" else operation
                yield f"{service}:{name}"


def test_each_kind_of_call_in_the_code_is_recorded():
    """A call that no test makes would be in no role, and so fail on AWS only."""
    recorded = {call["action"] for calls in CALLS.values() for call in calls}
    found = {}
    for path, text in sources():
        for action in called(text):
            found.setdefault(action, set()).add(str(path.relative_to(ROOT)))
    of_others = {action for action, paths in found.items() if paths <= set(NOT_CALLED)}
    # To pass a role is a part of another call.
    assert found.keys() - of_others == recorded - {"iam:PassRole"}
    assert {path for paths in found.values() for path in paths} >= set(NOT_CALLED)


def test_the_rights_to_read_references_are_those_that_the_code_uses():
    """It asks these services without an SDK."""
    code = (ROOT / "crates/aws/src/secrets.rs").read_text()
    parameters = {name: policy.EVERYTHING[name] for name in ["SsmParameterArns", "SecretArns"]}
    used = {right.action for right, _ in policy.needs_of_references(Stack(**parameters))}
    assert set(re.findall(r'right: "([\w:]+)"', code)) == used
    targets = set(re.findall(r'target: "(\w+)\.(\w+)"', code))
    services = {"AmazonSSM": "ssm", "secretsmanager": "secretsmanager"}
    assert {f"{services[name]}:{operation}" for name, operation in targets} == used
    of_list = policy.needs_of_agent_list(Stack(AgentListArn="arn:aws:s3:::lists/agents.json"))
    (used,) = {right.action for right, _ in of_list}
    assert used in (ROOT / "crates/aws/src/secrets/object.rs").read_text()


def test_the_scan_knows_calls():
    code = "self.client\n    .transact_write_items()\n    .send()\nsqs.send_message_batch().send()\nrequest.uri()"
    assert sorted(called(code)) == ["dynamodb:TransactWriteItems", "sqs:SendMessage"]
    assert services() == ["dynamodb", "kms", "scheduler", "sqs"]
