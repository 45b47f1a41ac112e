"""The parameters of the template in the words of CDK and Terraform: python generate.py writes them.

What is written here says nothing that the template does not say. The tests compare.
"""

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


def snake(name):
    """`LeaseSeconds` is `lease_seconds`, and `A2aV03` is `a2a_v03`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


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


FILES = {ROOT / "infra/cdk/lib/parameters.ts": typescript}


def main():
    for path, made in FILES.items():
        path.write_text(made())


if __name__ == "__main__":
    main()
