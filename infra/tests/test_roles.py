"""Whose the roles are, who may take them, and which policies they have of AWS. Their rights are in test_policy."""

from model import Stack
from policy import EVERYTHING, FUNCTIONS, listed, name_of

# Policies of AWS's own, for what AWS's services do in the account.
MANAGED = {
    "AccountLogRole": "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs",
    "CodeDeployRole": "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited",
}


def test_policies_of_aws_are_for_its_own_services_only():
    for role, of in Stack(**EVERYTHING).of_type("AWS::IAM::Role").items():
        foreign = [arn for arn in of.get("ManagedPolicyArns", []) if not arn.startswith("${")]
        assert foreign == ([MANAGED[role]] if role in MANAGED else []), role


def test_a_function_in_a_vpc_has_its_rights_before_it_is_made():
    """Lambda refuses it otherwise. Other policies are attached to a role when they can be."""
    stack = Stack(**EVERYTHING)
    for name, of in stack.of_type("AWS::Lambda::Function").items():
        role = stack.properties(name_of(of["Role"]))
        assert role["ManagedPolicyArns"] == ["${DataKeyRights}", "${VpcRights}"], name


def test_the_agents_rights_are_for_the_function_that_runs_them():
    arn = "arn:aws:iam::123456789012:policy/bedrock"
    stack = Stack(**(EVERYTHING | {"AgentPolicyArn": arn}))
    roles = stack.of_type("AWS::IAM::Role").items()
    assert [role for role, of in roles if arn in of.get("ManagedPolicyArns", [])] == ["SqsExecutorRole"]


def test_every_function_has_a_role_of_its_own():
    functions = Stack(**EVERYTHING).of_type("AWS::Lambda::Function")
    roles = {name: of["Role"] for name, of in functions.items()}
    assert roles == {name: f"${{{name}Role.Arn}}" for name in FUNCTIONS.values()}


def test_roles_trust_one_service_and_schedules_only_those_of_the_stack():
    stack = Stack(**EVERYTHING)
    for role, of in stack.of_type("AWS::IAM::Role").items():
        assert of["AssumeRolePolicyDocument"]["Version"] == "2012-10-17"
        (statement,) = of["AssumeRolePolicyDocument"]["Statement"]
        (service,) = listed(statement["Principal"]["Service"])
        assert (
            statement["Principal"] == {"Service": service}
            and statement["Action"] == "sts:AssumeRole"
        )
        condition = {
            "StringEquals": {"aws:SourceAccount": "123456789012"},
            "ArnEquals": {"aws:SourceArn": "${Schedules.Arn}"},
        }
        is_scheduler = service == "scheduler.amazonaws.com"
        assert statement.get("Condition") == (condition if is_scheduler else None), role
        assert is_scheduler == (role in ["SchedulerRole", "SweepRole", "WarmRole"])
