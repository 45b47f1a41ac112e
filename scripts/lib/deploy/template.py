"""The template: its parameters, and what the functions' variables come to with them."""

import json
import re
from math import isfinite
from pathlib import Path

import yaml
from tools import Fault

# Lambda's limit on all names and values of one function's variables.
MOST_VARIABLE_BYTES = 4096
# What CloudFormation takes in a request; a larger template goes by S3.
MOST_INLINE_BYTES = 51_200
# What CloudFormation shows in place of a secret value, also of an empty one.
HIDDEN = "****"
# What an attribute of a resource may come to, such as an ARN or a queue's URL.
ATTRIBUTE = "x" * 160


class Unknown(Exception):
    """What only CloudFormation can tell, such as a function of a user's own template."""


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` as `{"Ref": "x"}`, and so on."""


def _intrinsic(loader, suffix, node):
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _intrinsic)


def plain(value) -> str:
    """A value as CloudFormation writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class Template:
    def __init__(self, path: Path):
        self.path = path
        try:
            self.body = path.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise Fault(f"--template: {path} cannot be read: {error}") from None
        try:
            self.content = yaml.load(self.body, _Loader)  # noqa: S506: a SafeLoader
        except yaml.YAMLError as error:
            raise Fault(f"{path} is no YAML: {error}") from None
        if not isinstance(self.content, dict) or not isinstance(self.content.get("Resources"), dict):
            raise Fault(f"{path} is no template: it has no Resources")
        self.parameters: dict[str, dict] = self.content.get("Parameters", {})
        self.resources: dict[str, dict] = self.content["Resources"]

    @property
    def is_large(self) -> bool:
        return len(self.body.encode()) > MOST_INLINE_BYTES

    def effective(self, given: dict[str, str]) -> dict[str, str]:
        """Each parameter's value: what is given, or else its default."""
        defaults = {
            name: plain(one["Default"]) for name, one in self.parameters.items() if "Default" in one
        }
        return {**defaults, **{name: given[name] for name in given if name in self.parameters}}

    def check(self, given: dict[str, str], known: dict[str, str]) -> None:
        """Refuses what CloudFormation would refuse later, and says which parameter it is.

        `known` is what the stack has. A secret value of it is not known, and was checked when it was
        given: what depends on it is left to CloudFormation.
        """
        for name in given:
            if name not in self.parameters:
                close = [have for have in self.parameters if have.lower() == name.lower()]
                hint = f"; did you mean {close[0]}?" if close else ""
                raise Fault(f"parameter {name}: the template has none of that name{hint}")
        values = self.effective({**known, **given})
        hidden = {name for name, value in values.items() if value == HIDDEN}
        for name, declared in self.parameters.items():
            if name in hidden:
                continue
            if name not in values:
                raise Fault(f"parameter {name} is required: give --parameters {name}=VALUE")
            if wrong := _violation(declared, values[name]):
                raise Fault(f"parameter {name} {wrong}; it is {_shown(declared, values[name])}")
        self._check_rules(values, hidden)

    def _check_rules(self, values: dict[str, str], hidden: set[str]) -> None:
        for name, rule in self.content.get("Rules", {}).items():
            if any(json.dumps({"Ref": secret}) in json.dumps(rule) for secret in hidden):
                continue
            try:
                if "RuleCondition" in rule and not self._truth(rule["RuleCondition"], values):
                    continue
                for one in rule["Assertions"]:
                    if not self._truth(one["Assert"], values):
                        said = one.get("AssertDescription", "an assertion does not hold")
                        raise Fault(f"{said} (rule {name} of the template)")
            except Unknown:
                # CloudFormation checks it, too.
                continue

    def has_versions(self, values: dict[str, str]) -> bool:
        """Whether functions are called by versions, which only a new `Revision` makes."""
        is_known = "Versioned" in self.content.get("Conditions", {})
        return is_known and self.condition("Versioned", values)

    def condition(self, name: str, values: dict[str, str]) -> bool:
        try:
            return self._truth(self.content["Conditions"][name], values)
        except Unknown:
            return True

    def _truth(self, node, values: dict[str, str]) -> bool:
        [(function, argument)] = node.items()
        match function:
            case "Condition":
                return self.condition(argument, values)
            case "Fn::Not":
                return not self._truth(argument[0], values)
            case "Fn::And":
                return all(self._truth(one, values) for one in argument)
            case "Fn::Or":
                return any(self._truth(one, values) for one in argument)
            case "Fn::Equals":
                left, right = (self._compared(one, values) for one in argument)
                return left == right
            case "Fn::Contains" if isinstance(argument[0], list):
                return self._compared(argument[1], values) in map(plain, argument[0])
        raise Unknown(function)

    def _compared(self, node, values: dict[str, str]) -> str | None:
        """A value that something depends on: it must be known as it is."""
        found = self.value(node, values)
        if found is not None and ATTRIBUTE in found:
            raise Unknown(node)
        return found

    def value(self, node, values: dict[str, str]) -> str | None:
        """A value as far as it is known before a deployment; None for what is left out."""
        if not isinstance(node, dict):
            return plain(node)
        [(function, argument)] = node.items()
        match function:
            case "Ref":
                if argument == "AWS::NoValue":
                    return None
                return values.get(argument, ATTRIBUTE)
            case "Fn::If":
                name, yes, no = argument
                return self.value(yes if self.condition(name, values) else no, values)
            case "Fn::Sub":
                text, given = argument if isinstance(argument, list) else (argument, {})
                known = {name: self.value(one, values) for name, one in given.items()}
                known = {**values, **known}
                return re.sub(
                    r"\$\{([^!}]+)\}", lambda found: str(known.get(found[1], ATTRIBUTE)), text
                )
            case "Fn::Join":
                separator, parts = argument
                if isinstance(parts, dict):
                    return self.value(parts, values)
                return separator.join(str(self.value(part, values)) for part in parts)
        return ATTRIBUTE

    def variables(self, values: dict[str, str]) -> dict[str, dict[str, str]]:
        """For each function, its variables as they will be, near enough to measure them."""
        common = self.content.get("Globals", {}).get("Function", {}).get("Environment", {})
        found = {}
        for name, resource in self.resources.items():
            if resource["Type"] not in ("AWS::Serverless::Function", "AWS::Lambda::Function"):
                continue
            if "Condition" in resource and not self.condition(resource["Condition"], values):
                continue
            own = resource["Properties"].get("Environment", {}).get("Variables", {})
            # Globals are SAM's, and hold for its functions only.
            is_sam = resource["Type"] == "AWS::Serverless::Function"
            nodes = {**(common.get("Variables", {}) if is_sam else {}), **own}
            pairs = {key: self.value(node, values) for key, node in nodes.items()}
            found[name] = {key: value for key, value in pairs.items() if value is not None}
        return found

    def check_variables(self, values: dict[str, str]) -> dict[str, int]:
        """The bytes of each function's variables; refuses more than Lambda takes."""
        sums = {}
        for function, variables in self.variables(values).items():
            sizes = {key: len(key) + len(value.encode()) for key, value in variables.items()}
            sums[function] = sum(sizes.values())
            if sums[function] > MOST_VARIABLE_BYTES:
                largest = sorted(sizes, key=sizes.get, reverse=True)[:3]
                named = ", ".join(f"{key} ({sizes[key]} bytes)" for key in largest)
                raise Fault(
                    f"the variables of {function} have about {sums[function]} bytes, and Lambda "
                    f"takes {MOST_VARIABLE_BYTES} in all; the largest are {named}"
                )
        return sums


def _shown(declared: dict, value: str) -> str:
    return "not shown, since it is secret" if declared.get("NoEcho") else repr(value)


def _violation(declared: dict, value: str) -> str | None:
    """What is wrong with a value, in words that go after the parameter's name."""
    said = declared.get("ConstraintDescription")
    allowed = declared.get("AllowedValues")
    if allowed is not None and value not in map(plain, allowed):
        return f"must be one of {', '.join(map(plain, allowed))}"
    kind = declared.get("Type", "String")
    items = value.split(",") if kind in ("CommaDelimitedList", "List<Number>") else [value]
    for item in items:
        if kind in ("Number", "List<Number>"):
            least, most = declared.get("MinValue"), declared.get("MaxValue")
            try:
                number = float(item)
            except ValueError:
                return "must be a number"
            # Bounds that are whole numbers are those of a whole number: a function takes no other.
            if not re.fullmatch(r"[+-]?\d+", item) and (isinstance(least, int) or not isfinite(number)):
                return "must be a whole number"
            if (least is not None and number < float(least)) or (
                most is not None and number > float(most)
            ):
                return f"must be from {least} to {most}"
        pattern = declared.get("AllowedPattern")
        if pattern is not None and not re.fullmatch(pattern, item):
            return said or f"must match {pattern}"
    least, most = declared.get("MinLength"), declared.get("MaxLength")
    if least is not None and len(value) < int(least):
        return f"must have at least {least} characters"
    if most is not None and len(value) > int(most):
        return f"must have at most {most} characters"
    return None


def read_parameters(given: list[str]) -> dict[str, str]:
    """Parameters from `KEY=VALUE` and from JSON files, of either form that AWS's tools know."""
    found: dict[str, str] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if equals and re.fullmatch(r"[A-Za-z0-9]+", name):
            found[name] = value
            continue
        found.update(_from_file(Path(one)))
    return found


def _from_file(path: Path) -> dict[str, str]:
    try:
        content = json.loads(path.read_text())
    except OSError as error:
        raise Fault(f"--parameters: {path} is neither KEY=VALUE nor a file: {error}") from None
    except ValueError as error:
        raise Fault(f"--parameters: {path} is no JSON: {error}") from None
    if isinstance(content, dict):
        pairs = content.get("Parameters", content)
    elif isinstance(content, list) and all(isinstance(one, dict) for one in content):
        pairs = {one.get("ParameterKey"): one.get("ParameterValue") for one in content}
    else:
        pairs = None
    if not isinstance(pairs, dict) or not all(isinstance(key, str) for key in pairs):
        raise Fault(f'--parameters: {path} must be JSON such as {{"FrontDoor": "rest"}}')
    for key, value in pairs.items():
        if not isinstance(value, str | int | float | dict):
            raise Fault(f"--parameters: {key} in {path} must be a text, a number or an object")
    # Some parameters are JSON themselves, such as AgentVariables.
    return {
        key: json.dumps(value) if isinstance(value, dict) else plain(value)
        for key, value in pairs.items()
    }
