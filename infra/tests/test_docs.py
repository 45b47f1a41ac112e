"""docs/deploy.md names the parameters there are, and no others."""

import re

from model import ROOT, parameter_of, source
from test_variables import SETTABLE

TEXT = (ROOT / "docs/deploy.md").read_text()
PARAMETERS = source()["Parameters"]


def rows():
    """The table of parameters: names and defaults."""
    lines = TEXT[TEXT.index("| parameter | default | |") :].splitlines()[2:]
    for line in lines:
        if not line.startswith("|"):
            return
        names, default, _ = [cell.strip() for cell in line.split("|")[1:-1]]
        yield re.findall(r"`(\w+)`", names), re.findall(r"[\w.-]+", default)


def test_every_parameter_that_is_no_variable_is_in_the_table():
    named = [name for names, _ in rows() for name in names]
    assert len(named) == len(set(named))
    assert set(named) - {parameter_of(v) for v in SETTABLE} == set(PARAMETERS) - {
        parameter_of(v) for v in SETTABLE
    }


def test_the_defaults_are_those_of_the_template():
    for names, given in rows():
        defaults = [str(PARAMETERS[name].get("Default", "required")) for name in names]
        stated = [default for default in defaults if default]
        assert given == (stated if len(set(stated)) > 1 else stated[:1]), names


def test_the_terraform_example_names_variables_that_there_are():
    [block] = re.findall(r"```hcl\n(.*?)```", TEXT, re.S)
    named = set(re.findall(r"^  (\w+) +=", block, re.M)) - {"source"}
    module = "".join(file.read_text() for file in (ROOT / "infra/terraform").glob("*.tf"))
    assert len(named) > 3 and named <= set(re.findall(r'^variable "(\w+)"', module, re.M))


def test_every_authorizer_and_door_is_explained():
    for name in ["FrontDoor", "Authorizer"]:
        for value in PARAMETERS[name]["AllowedValues"]:
            assert f"`{value}`" in TEXT, value
