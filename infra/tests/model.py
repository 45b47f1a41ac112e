"""The template as CloudFormation sees it: translated by SAM, and evaluated for a set of parameters."""

import copy
import json
import logging
import os
import re
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH = ROOT / "infra" / "template.yaml"

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
logging.getLogger("samtranslator").setLevel(logging.CRITICAL)

from samtranslator.translator.transform import transform  # noqa: E402
from samtranslator.yaml_helper import yaml_parse  # noqa: E402

PSEUDO = {
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::StackName": "agents",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()

# A stack whose callers are checked by the function `authorizer`.
CHECKED = {"Authorizer": "key", "AuthorizerKey": "a2a-lambda/5/authorizer.zip"}

# A stack with the function `webhook`.
CALLED_BACK = {"WebhookKey": "a2a-lambda/6/webhook.zip"}

# What must be given. All else has a default.
CODE = {
    "CodeBucket": "code",
    "RequestKey": "a2a-lambda/1/request.zip",
    "SqsExecutorKey": "a2a-lambda/2/sqs-executor.zip",
    "StreamRecoveryKey": "a2a-lambda/3/stream-recovery.zip",
    "ScheduledRecoveryKey": "a2a-lambda/4/scheduled-recovery.zip",
}


class Refused(Exception):
    """CloudFormation refuses a value of a parameter, or a combination of them."""


class Dangling(Exception):
    """Something refers to what is not there."""


class NoPolicies:
    def load(self):
        return {}


@lru_cache
def source():
    return yaml_parse(PATH.read_text())


@lru_cache
def translated():
    return transform(copy.deepcopy(source()), {}, NoPolicies())


class Stack:
    """The stack that the template, or a changed one, makes of these parameters."""

    def __init__(self, template=None, /, **parameters):
        self.template = template or translated()
        self.parameters = self._checked(CODE | parameters)
        self._check_rules()
        resources = self.template["Resources"]
        self.names = {n for n, r in resources.items() if self._holds(r.get("Condition"))}
        self.resources = {name: self._evaluated(resources[name]) for name in self.names}
        outputs = self.template["Outputs"]
        self.outputs = {name: self.value(output["Value"]) for name, output in outputs.items()}

    def of_type(self, kind):
        return {n: r["Properties"] for n, r in self.resources.items() if r["Type"] == kind}

    def properties(self, name):
        return self.resources[name]["Properties"]

    def variables(self, function):
        return self.properties(function)["Environment"]["Variables"]

    def _checked(self, given):
        declared = self.template["Parameters"]
        if unknown := set(given) - set(declared):
            raise Refused(f"unknown parameters: {sorted(unknown)}")
        values = {}
        for name, declaration in declared.items():
            if name not in given and "Default" not in declaration:
                raise Refused(f"{name} must be given")
            values[name] = str(given.get(name, declaration.get("Default")))
            if not allows(declaration, values[name]):
                raise Refused(f"{name} {declaration['ConstraintDescription']}")
        return values

    def _check_rules(self):
        for name, rule in self.template["Rules"].items():
            if not self.value(rule.get("RuleCondition", True)):
                continue
            for assertion in rule["Assertions"]:
                if not self.value(assertion["Assert"]):
                    raise Refused(f"{name}: {assertion['AssertDescription']}")

    def _holds(self, condition):
        return condition is None or self.value({"Condition": condition})

    def _evaluated(self, resource):
        evaluated = self.value(resource, resource=True)
        for name in depends_on(resource):
            if name not in self.names:
                raise Dangling(f"DependsOn {name}")
        return evaluated

    def value(self, node, resource=False):
        """What a node of the template comes to."""
        if isinstance(node, list):
            values = [self.value(item) for item in node]
            return [value for value in values if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if not resource and len(node) == 1:
            ((name, argument),) = node.items()
            if name == "Condition" and isinstance(argument, str):
                return self.value(self.template["Conditions"][argument])
            if name == "Ref" or name.startswith("Fn::"):
                return getattr(self, "_" + name.removeprefix("Fn::").lower())(argument)
        values = {key: self.value(item) for key, item in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def _ref(self, name):
        if name == "AWS::NoValue":
            return NO_VALUE
        known = PSEUDO.get(name, self.parameters.get(name))
        return known if known is not None else self._made(name, name)

    def _getatt(self, path):
        name, attribute = path.split(".", 1) if isinstance(path, str) else path
        return self._made(name, f"{name}.{attribute}")

    def _made(self, name, value):
        """Resources are known by their names: `${Table.Arn}` is the ARN of the table."""
        if name not in self.template["Resources"]:
            raise Dangling(f"there is no {name}")
        if name not in self.names:
            raise Dangling(f"{name} is not made of {self.parameters}")
        if self.template["Resources"][name]["Type"].endswith("Alias") and value == name:
            return f"arn:aws:lambda:eu-central-1:123456789012:function:${{{name}}}:live"
        return f"${{{value}}}"

    def _sub(self, argument):
        text, local = (argument, {}) if isinstance(argument, str) else argument
        local = {name: self.value(value) for name, value in local.items()}

        def replaced(match):
            name = match[1]
            if name in local:
                return str(local[name])
            return self._getatt(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^!}][^}]*)\}", replaced, text)

    def _if(self, argument):
        condition, yes, no = argument
        return self.value(yes if self._holds(condition) else no)

    def _equals(self, argument):
        one, other = self.value(argument)
        return str(one) == str(other)

    def _and(self, argument):
        return all(self.value(item) for item in argument)

    def _or(self, argument):
        return any(self.value(item) for item in argument)

    def _not(self, argument):
        return not self.value(argument[0])

    def _contains(self, argument):
        strings, string = self.value(argument)
        return string in strings

    def _join(self, argument):
        separator, parts = self.value(argument)
        return separator.join(parts)

    def _split(self, argument):
        separator, text = self.value(argument)
        return text.split(separator)

    def _select(self, argument):
        index, items = self.value(argument)
        return items[int(index)]

    def _findinmap(self, argument):
        table, first, second = self.value(argument)
        return self.template["Mappings"][table][first][second]


def depends_on(resource):
    names = resource.get("DependsOn", [])
    return [names] if isinstance(names, str) else names


def allows(declaration, value):
    """Whether a parameter can have a value."""
    if "AllowedValues" in declaration:
        return value in [str(allowed) for allowed in declaration["AllowedValues"]]
    if declaration["Type"] == "Number":
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            return False
        return declaration["MinValue"] <= float(value) <= declaration["MaxValue"]
    if not declaration.get("MinLength", 0) <= len(value) <= declaration.get("MaxLength", 4096):
        return False
    return re.fullmatch(declaration.get("AllowedPattern", r"[\s\S]*"), value) is not None


def parameter_of(variable):
    """`LEASE_SECONDS` is set by `LeaseSeconds`."""
    return "".join(word[:1] + word[1:].lower() for word in variable.split("_"))


def refused(**parameters):
    """Why CloudFormation refuses these parameters; `None` if it does not."""
    try:
        Stack(**parameters)
    except Refused as error:
        return str(error)
    return None


def as_text(value):
    return json.dumps(value, sort_keys=True, default=str)
