"""A stack for each vendor, started for the first test that wants it."""

import pytest
from httpx import AsyncClient

from calls import WAIT_LIMIT_S
from vendors import VENDORS, Stack


@pytest.fixture(scope="session")
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def stacks(tmp_path_factory):
    """Makes the one stack of a vendor that its peaceful tests share."""
    made = {}

    def stack(vendor) -> Stack:
        if vendor.name not in made:
            made[vendor.name] = Stack(vendor, tmp_path_factory.mktemp(vendor.name))
        return made[vendor.name]

    yield stack
    for stack in made.values():
        stack.end()


def pytest_generate_tests(metafunc):
    """A test is for each vendor, and a test of questions for each that asks some."""
    if "vendor" in metafunc.fixturenames:
        asked = "asking" in [mark.name for mark in metafunc.definition.iter_markers()]
        vendors = [vendor for vendor in VENDORS if vendor.answer or not asked]
        metafunc.parametrize("vendor", vendors, ids=lambda vendor: vendor.name)


@pytest.fixture
def stack(vendor, stacks) -> Stack:
    return stacks(vendor)


@pytest.fixture
async def http():
    async with AsyncClient(timeout=WAIT_LIMIT_S) as http:
        yield http


def pytest_collection_modifyitems(items):
    """The peaceful tests of a vendor run in one worker, so that they share its stack."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        if callspec and "stack" in item.fixturenames:
            item.add_marker(pytest.mark.xdist_group(callspec.params["vendor"].name))
