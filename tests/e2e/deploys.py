"""The other things that scripts/deploy does to a stack."""

from stack import NAME, Stack
from zips import FOLDER


def one_function(stack: Stack) -> str:
    """`--only` changes the code of one function, and nothing else."""
    before, parameters = stack.code(), stack.parameters()
    stack.deploy("--only", "sqs-executor", "--zips", FOLDER / "shipped", "--no-smoke-test")
    after = stack.code()
    changed = [name for name in before if before[name] != after[name]]
    assert changed == ["sqs-executor"], changed
    now = stack.parameters()
    assert [name for name in now if now[name] != parameters[name]] == ["SqsExecutorKey"], now
    return "only sqs-executor has other code, and only SqsExecutorKey another value"


def shows_only(stack: Stack) -> str:
    """`--diff` and `--dry-run` tell what would be done, and do nothing."""
    before, parameters = stack.code(), stack.parameters()
    arguments = ("--zips", FOLDER / "shipped", "--parameters", "LogLevel=debug")
    said = stack.deploy("--diff", *arguments)
    assert "parameter LogLevel: info -> debug" in said, said
    assert "Modify Request AWS::Lambda::Function" in said, said
    assert "nothing was uploaded" in stack.deploy("--dry-run", *arguments)
    assert (stack.code(), stack.parameters()) == (before, parameters), "something was changed"
    return "--diff names the parameter and the functions, --dry-run the zips; nothing is changed"


def refuses(stack: Stack) -> str:
    """A deployment without an authorizer is refused, and so is what cannot be rolled back."""
    for arguments, says in (
        (("--parameters", "Authorizer=none", "AllowAnonymous=false"), "AllowAnonymous"),
        (("--parameters", "FrontDoor=alb"), "parameter FrontDoor must be one of"),
        (("--parameters", "RequestKey=x"), "parameter RequestKey is set by scripts/deploy"),
        (("--only", "worker"), "'worker' is none of"),
    ):
        said = stack.refused("--zips", FOLDER / "shipped", *arguments)
        assert says in said, said
    return "4 deployments that cannot work are refused, each by the parameter's name"


def destroy(stack: Stack) -> str:
    table = stack.physical("Table")
    dynamodb = stack.emulator.client("dynamodb")
    stack.deploy("--destroy", "--yes")
    stacks = stack.cloudformation.list_stacks()["StackSummaries"]
    left = [
        one["StackStatus"]
        for one in stacks
        if one["StackName"] == NAME and one["StackStatus"] != "DELETE_COMPLETE"
    ]
    assert not left, left
    functions = stack.lambdas.list_functions()["Functions"]
    assert not functions, [one["FunctionName"] for one in functions]
    assert dynamodb.describe_table(TableName=table)["Table"]["TableStatus"] == "ACTIVE"
    return f"the stack and its functions are gone; the table {table} is kept, as the template says"
