"""The parameters of the template in the words of CDK and Terraform: python generate.py writes them.

What is written here says nothing that the template does not say. The tests compare.
"""

import json
import re
import textwrap

from model import ROOT, source

ABOUT = "Made of infra/template.yaml by `scripts/check-infra --generate`. Do not edit."
# What follows from the zips and the manifest of scripts/package.
FOLLOWS = {"Architecture", "CodeBucket"}


def parameters():
    return source()["Parameters"]


def zips():
    """Each function, and the parameter that names its zip."""
    found = {}
    for name, declared in parameters().items():
        if match := re.match(r"The zip of ([a-z-]+) in CodeBucket", declared["Description"]):
            found[match[1]] = name
    return found


def settable():
    """The parameters that a user of a deployer gives: all but those that follow from the zips."""
    left_out = FOLLOWS | set(zips().values())
    return {name: one for name, one in parameters().items() if name not in left_out}


def camel(name):
    return name[0].lower() + name[1:]


def is_flag(declared):
    return set(declared.get("AllowedValues", [])) == {"true", "false"}


def described(declared):
    """The description, and the default that a user cannot see in the type."""
    default = declared.get("Default", "")
    said = declared["Description"].rstrip(".")
    if default == "":
        return f"{said}."
    if declared["Type"] == "Number" and "MinValue" in declared:
        said += f". {declared['MinValue']} to {declared['MaxValue']}"
    return f"{said}. Default: {default}."


def typescript_type(declared):
    if is_flag(declared):
        return "boolean"
    if declared["Type"] == "Number":
        return "number"
    if choices := declared.get("AllowedValues"):
        return " | ".join(f"'{choice}'" for choice in choices)
    return "string"


def comment(text, indent=""):
    lines = textwrap.wrap(text.replace("*/", "* /"), 96 - len(indent))
    if len(lines) == 1:
        return f"{indent}/** {lines[0]} */\n"
    return f"{indent}/**\n" + "".join(f"{indent} * {line}\n" for line in lines) + f"{indent} */\n"


def typescript():
    text = f"// {ABOUT}\n\n"
    text += comment("The template's parameters. One that is not given has the template's default.")
    text += "export interface Parameters {\n"
    for name, declared in settable().items():
        text += comment(described(declared), "  ")
        text += f"  readonly {camel(name)}?: {typescript_type(declared)};\n"
    text += "}\n\n"
    text += comment("The functions, and the parameter that names the zip of each.")
    text += "export const ZIPS: Readonly<Record<string, string>> = {\n"
    for function, name in zips().items():
        text += f"  '{function}': '{name}',\n"
    return text + "};\n"


# The words of Terraform modules that have another meaning there.
TERRAFORM_NAMES = {"Authorizer": "authorizer_type"}


def terraform_name(name):
    """`LeaseSeconds` is `lease_seconds`, and `A2aV03` is `a2a_v03`."""
    return TERRAFORM_NAMES.get(name) or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def hcl(value):
    """A text or number of HCL. Nothing in a text is a template."""
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


def terraform_type(declared):
    if is_flag(declared):
        return "bool"
    return "number" if declared["Type"] == "Number" else "string"


def terraform_conditions(declared, value):
    """What CloudFormation would refuse later. Terraform would show a secret that it refuses."""
    if declared.get("NoEcho"):
        return
    if choices := declared.get("AllowedValues"):
        if terraform_type(declared) != "bool":
            yield f"contains([{', '.join(map(hcl, choices))}], {value})"
    if "MinValue" in declared:
        # A function takes whole numbers only.
        yield f"floor({value}) == {value}"
        yield f"{value} >= {declared['MinValue']} && {value} <= {declared['MaxValue']}"
    pattern = declared.get("AllowedPattern", "")
    # Terraform's expressions cannot look ahead.
    if pattern and "(?" not in pattern:
        yield f"can(regex({hcl('^(?:' + pattern + ')$')}, {value}))"
    if "MaxLength" in declared:
        yield f"length({value}) <= {declared['MaxLength']}"


def terraform_variable(name, declared):
    variable = terraform_name(name)
    lines = [
        f"type = {terraform_type(declared)}",
        f"description = {hcl(described(declared))}",
        "default = null",
        *(["sensitive = true"] if declared.get("NoEcho") else []),
    ]
    text = f'variable "{variable}" {{\n{aligned(lines, "  ")}'
    if condition := " && ".join(terraform_conditions(declared, f"var.{variable}")):
        said = f"{variable} {declared['ConstraintDescription']}."
        lines = [
            f"condition = var.{variable} == null ? true : {condition}",
            f"error_message = {hcl(said)}",
        ]
        text += f"\n  validation {{\n{aligned(lines, '    ')}  }}\n"
    return text + "}\n"


def aligned(lines, indent):
    """As `terraform fmt` aligns the equals signs of lines that follow each other."""
    pairs = [line.split(" = ", 1) for line in lines]
    width = max(len(name) for name, _ in pairs)
    return "".join(f"{indent}{name.ljust(width)} = {value}\n" for name, value in pairs)


def terraform_parameters():
    names = settable()
    text = f"# {ABOUT}\n\n"
    text += "locals {\n  # What is null has the template's default.\n  given = {\n"
    text += aligned([f"{name} = var.{terraform_name(name)}" for name in names], "    ")
    text += "  }\n\n  # The functions, and the parameter that names the zip of each.\n"
    text += "  zip_parameters = {\n"
    text += aligned([f"{hcl(function)} = {hcl(name)}" for function, name in zips().items()], "    ")
    text += "  }\n\n  # The parameters that are secret.\n  secrets = {\n"
    secrets = [name for name in names if names[name].get("NoEcho")]
    text += aligned([f"{name} = {hcl(terraform_name(name))}" for name in secrets], "    ")
    return text + "  }\n}\n"


def terraform_variables(of_functions):
    """Of the stack, or of the functions: those are described by their names there."""
    text = f"# {ABOUT}\n"
    for name, declared in settable().items():
        if bool(re.match("[A-Z0-9_]+: ", declared["Description"])) == of_functions:
            text += "\n" + terraform_variable(name, declared)
    return text


FILES = {
    ROOT / "infra/cdk/lib/parameters.ts": typescript,
    ROOT / "infra/terraform/parameters.tf": terraform_parameters,
    ROOT / "infra/terraform/variables_stack.tf": lambda: terraform_variables(of_functions=False),
    ROOT / "infra/terraform/variables_functions.tf": lambda: terraform_variables(of_functions=True),
}


def main():
    for path, made in FILES.items():
        path.write_text(made())


if __name__ == "__main__":
    main()
