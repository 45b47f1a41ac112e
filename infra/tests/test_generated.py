"""The deployers have the template's parameters, and no others."""

import pytest
from generate import FILES, settable, zips
from model import ROOT, parameter_of, source


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_generated_file_is_what_the_template_says(path):
    assert path.read_text() == FILES[path](), "run scripts/check-infra --generate"


def test_every_function_has_a_zip_and_every_other_parameter_can_be_set():
    functions = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()}
    assert set(zips()) == functions
    assert {zips()[name] for name in functions} == {
        parameter_of(name.replace("-", "_").upper()) + "Key" for name in functions
    }
    assert all("Default" in declared for declared in settable().values())
    assert set(source()["Parameters"]) - set(settable()) == {
        "Architecture",
        "CodeBucket",
        *zips().values(),
    }
